/*
 * The full gradient on the device, in the widest integers: w and the residuals of 32 bits, X
 * as it is, exact sums.
 *
 *   W = nearest( w / unit )                        unit a power of two: 32 bits hold w
 *   m_i = sum_j X_ij W_j                           device
 *   r_i = dx unit m_i - y_i, or softmax(dx unit m_i) - e_y      host
 *   r'_i = clamp( nearest( 2^p r_i ) )             32 bits; host
 *   g = dx / (N 2^p) sum_i r'_i X_ij               sum: device; then + lambda w
 *
 * p covers twice the largest |r| of the pass before, up to the next power of two, and the first
 * time w = 0: the largest |y|, or 1.
 */
#ifndef QMAC_TRAIN_DEVICE_GRADIENT_H
#define QMAC_TRAIN_DEVICE_GRADIENT_H

#include "hw/hw.h"
#include "step/step.h"
#include "train/state.h"
#include "train/training.h"

struct qmac_device_gradient;

/* Refuses, naming the key to change, what does not fit hw. training must outlive the object. */
QMAC_MUST_CHECK enum qmac_status qmac_device_gradient_create(struct qmac_training *training,
                                                             const struct qmac_hw *hw,
                                                             struct qmac_device_gradient **gradient,
                                                             struct qmac_error *err);
void qmac_device_gradient_destroy(struct qmac_device_gradient *gradient);

/* Bytes of device memory that it takes at most. */
uint64_t qmac_device_gradient_memory(const struct qmac_device_gradient *gradient);

/* Uploads the inputs. */
QMAC_MUST_CHECK enum qmac_status qmac_device_gradient_open(struct qmac_device_gradient *gradient,
                                                           struct qmac_driver *driver,
                                                           struct qmac_error *err);

/*
 * training->gradient and norm at training->w, and the a_i of a logistic regression. Counts the host's
 * part. What was on chip is lost.
 */
QMAC_MUST_CHECK enum qmac_status qmac_device_gradient_run(struct qmac_device_gradient *gradient,
                                                          struct qmac_error *err);

/* Adds what the next one goes on from. */
void qmac_device_gradient_state(struct qmac_device_gradient *gradient, struct qmac_state *state);

#endif
