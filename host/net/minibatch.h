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

/* Codes of a parameter, as it lies (net.h); of one that has none, gamma or beta, nothing is done. */
QMAC_MUST_CHECK enum qmac_status qmac_net_load_parameter(struct qmac_net_plan *plan, int parameter,
                                                         const int32_t *codes, struct qmac_error *err);

/*
 * Of one minibatch: keys of its random numbers, and fraction lengths by layer. fl and back_fl are as
 * qmac_net_flow_link_fl() wants them; sum_fl[l] is p of a batch_norm, of its sum. What is of batch norms may
 * be NULL where there are none.
 */
struct qmac_net_minibatch {
	uint32_t run_seed, step;
	int *fl;
	int *sum_fl, *back_fl;
};

/* As what commands of the forward pass are counted from now on: _FORWARD, at first, or _EVAL. */
void qmac_net_forward_counts_as(struct qmac_net_plan *plan, enum qmac_direction direction);

/* Submits the forward pass; the input's codes lie there, and so do all coefficients of batch norms. */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_forward(struct qmac_net_plan *plan,
                                                         const struct qmac_net_minibatch *of,
                                                         struct qmac_error *err);

/*
 * Submits what makes the output of one layer, for whoever has to look at something between two of them; from
 * the first to the last layer that is the forward pass. A relu that is made together with what it reads, and
 * a batch_norm that is merged into an add, have nothing to submit. monitor: the range monitor that gathers
 * the magnitudes of the results of the layer's requantise, before they are limited to their width, and behind
 * the relu that is made together with it (plan->layers[layer].relu); 0: none. Layers that do not round have
 * none.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_layer(struct qmac_net_plan *plan,
                                                       const struct qmac_net_minibatch *of, int layer,
                                                       unsigned monitor, struct qmac_error *err);

/*
 * The same for the monitor alone: the sums that are requantised, of qmac_net_layer_sum_fl() fraction bits,
 * shifted right by `shift`, from 0 to 63, and rounded down. The output has still to be made.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_layer_range(struct qmac_net_plan *plan,
                                                             const struct qmac_net_minibatch *of, int layer,
                                                             int shift, unsigned monitor,
                                                             struct qmac_error *err);

/*
 * k of docs/network-numerics.md, "Ranges": the shift for which the monitor shows every sum that a layer may
 * requantise, by the formats as they are, whatever the data; of its output, and of its error.
 */
int qmac_net_layer_range_shift(const struct qmac_net_plan *plan, int layer);
int qmac_net_error_range_shift(const struct qmac_net_plan *plan, int layer);

/*
 * P of a layer that rounds, for the formats as they are: fraction length of what its requantise shifts to the
 * right, at least that of the output.
 */
int qmac_net_layer_sum_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int layer);

/* g of a layer, the fraction length of its gradient sum, when those of the layers behind it are known. */
int qmac_net_gradient_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int layer);

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

/* ---- batch norm ------------------------------------------------------------------------ */

/*
 * A batch_norm in training, forward: submit its sums when its input has been submitted, finish, read them,
 * compute its coefficients (norm.h), put them, and submit the layer, or that which it is merged into. In an
 * evaluation there are no sums. Back: submit the layer's error, then its sums, finish, read, put, and submit
 * what it gives back.
 */
/* Submits the sums over x and x^2, or over E and E x. */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_norm_sums(struct qmac_net_plan *plan,
                                                           const struct qmac_net_minibatch *of, int layer,
                                                           enum qmac_net_pass pass, struct qmac_error *err);

/* Those sums, exact, a number for each channel: of x or E, and of x^2 or E x. When finished. */
QMAC_MUST_CHECK enum qmac_status qmac_net_read_norm_sums(struct qmac_net_plan *plan, int layer,
                                                         enum qmac_net_pass pass, int64_t *sum,
                                                         int64_t *product, struct qmac_error *err);

/*
 * Three rows of coefficients (norm.h) for each of the layer's channels, to where the layer's programs load
 * them from; nothing that uses the old ones may be running. Their fraction lengths are sum_fl and back_fl of
 * the minibatch.
 */
void qmac_net_put_norm(struct qmac_net_plan *plan, int layer, enum qmac_net_pass pass,
                       const int64_t *coefficients);

/* ---- parameters ------------------------------------------------------------------------ */

/* Submits the update of all masters on the device, by the sums of the minibatch. */
QMAC_MUST_CHECK enum qmac_status qmac_net_submit_update(struct qmac_net_plan *plan,
                                                        const struct qmac_net_minibatch *of,
                                                        const struct qmac_net_step *step,
                                                        struct qmac_error *err);

/*
 * The exact sum for a parameter that has codes, over all slices, as the parameter lies; it stands for sums
 * 2^-fl, with what qmac_net_sum_fl() says. When finished.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_read_sum(struct qmac_net_plan *plan, int parameter, int64_t *sums,
                                                   struct qmac_error *err);
int qmac_net_sum_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int parameter);

#endif
