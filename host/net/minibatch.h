/*
 * A minibatch through a plan: what the host brings to the device, submits, and reads back.
 *
 * Numbers of a tensor are [n][y][x][c], as it lies (behind flatten: before it); copy.h has the copies.
 */
#ifndef QMAC_NET_MINIBATCH_H
#define QMAC_NET_MINIBATCH_H

#include "net/copy.h"
#include "net/masters.h"

/* Codes of the network's input, of the minibatch: lays out windows, too. */
QMAC_MUST_CHECK enum qmac_status qmac_net_put_input(struct qmac_net_plan *plan, const int64_t *codes,
                                                    struct qmac_error *err);

/* Tables, and what else stays until formats change; what lies there already is not brought again. */
QMAC_MUST_CHECK enum qmac_status qmac_net_load_constants(struct qmac_net_plan *plan, struct qmac_error *err);

/* Codes of a parameter, as it lies (net.h). */
QMAC_MUST_CHECK enum qmac_status qmac_net_load_parameter(struct qmac_net_plan *plan, int parameter,
                                                         const int32_t *codes, struct qmac_error *err);

/* Of one minibatch: keys of its random numbers, and fl[l] as qmac_net_flow_link_fl() wants it. */
struct qmac_net_minibatch {
	uint32_t run_seed, step;
	int *fl;
};

/* As what commands of the forward pass are counted from now on, until formats change: _FORWARD, _EVAL. */
void qmac_net_forward_counts_as(struct qmac_net_plan *plan, enum qmac_direction direction);

/* Submits the forward pass; the input's codes lie there. */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_forward(struct qmac_net_plan *plan,
                                                         const struct qmac_net_minibatch *of,
                                                         struct qmac_error *err);

/*
 * Submits what makes a layer's error, of fraction length of->fl[layer]; where it has none, what adds up
 * its gradient, and of->fl[layer] becomes that of the sum. Not of the last layer. monitor: the range monitor
 * that gathers the magnitudes of the rounded errors, before they are limited to their width; 0: none.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_error(struct qmac_net_plan *plan,
                                                       const struct qmac_net_minibatch *of, int layer,
                                                       unsigned monitor, struct qmac_error *err);

/*
 * The same for the monitor alone: what is rounded to errors, shifted right by `shift`, rounded down. The
 * error has still to be made. Of a layer that has one.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_range(struct qmac_net_plan *plan,
                                                       const struct qmac_net_minibatch *of, int layer,
                                                       int shift, unsigned monitor, struct qmac_error *err);

/* Submits what a layer gives back, and the sums for its parameters. */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_back(struct qmac_net_plan *plan,
                                                      const struct qmac_net_minibatch *of, int layer,
                                                      struct qmac_error *err);

/* Submits the update of all masters on the device, by the sums of the minibatch. */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_update(struct qmac_net_plan *plan,
                                                        const struct qmac_net_minibatch *of,
                                                        const struct qmac_net_step *step,
                                                        struct qmac_error *err);

/*
 * The exact sum for a parameter, over all slices, as the parameter lies; it stands for sums 2^-fl, with what
 * qmac_net_sum_fl() says. When finished.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_read_sum(struct qmac_net_plan *plan, int parameter, int64_t *sums,
                                                   struct qmac_error *err);
int qmac_net_sum_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int parameter);

#endif
