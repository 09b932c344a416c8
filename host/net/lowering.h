/*
 * Layers to commands, for host/net/plan.c: each kind and direction a function that adds to a program what the
 * plan says is to be computed (docs/network-numerics.md, docs/lowering.md).
 */
#ifndef QMAC_NET_LOWERING_H
#define QMAC_NET_LOWERING_H

#include "lower/map.h"
#include "net/plan.h"

struct qmac_net_lowering {
	struct qmac_net_plan *plan;
	struct qmac_net_part *part;
	struct qmac_program *program;  /* the part's */
	enum qmac_direction direction; /* of what is being lowered */
};

/* Output of a layer from its input: nothing where another layer makes it. */
QMAC_MUST_CHECK enum qmac_status qmac_net_lower_forward(struct qmac_net_lowering *to, int layer,
                                                        struct qmac_error *err);

/* A layer's error, or the sum of its gradient, from what its readers give back. */
QMAC_MUST_CHECK enum qmac_status qmac_net_lower_error(struct qmac_net_lowering *to, int layer,
                                                      struct qmac_error *err);

/* The sums that coefficients of a batch_norm are computed from, forward and back; of other layers nothing. */
QMAC_MUST_CHECK enum qmac_status qmac_net_lower_sums(struct qmac_net_lowering *to, int layer,
                                                     struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_net_lower_back_sums(struct qmac_net_lowering *to, int layer,
                                                          struct qmac_error *err);

/* What a layer gives back to each input, where it is stored; and the sums for its parameters. */
QMAC_MUST_CHECK enum qmac_status qmac_net_lower_back(struct qmac_net_lowering *to, int layer,
                                                     struct qmac_error *err);

/* The masters of a layer's parameters from those sums, where they lie on the device. */
QMAC_MUST_CHECK enum qmac_status qmac_net_lower_update(struct qmac_net_lowering *to, int layer,
                                                       struct qmac_error *err);

/* ---- by kind --------------------------------------------------------------------------- */

enum qmac_status qmac_net_product_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err);
enum qmac_status qmac_net_product_back(struct qmac_net_lowering *to, int layer, int link,
                                       struct qmac_error *err);
enum qmac_status qmac_net_product_sums(struct qmac_net_lowering *to, int layer, struct qmac_error *err);
/* Of the sum of errors: of bias layers, too. */
enum qmac_status qmac_net_bias_sums(struct qmac_net_lowering *to, int layer, struct qmac_error *err);
enum qmac_status qmac_net_pool_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err);
enum qmac_status qmac_net_pool_back(struct qmac_net_lowering *to, int layer, int link,
                                    struct qmac_error *err);
enum qmac_status qmac_net_table_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err);
/* Of a batch_norm that is not merged, or of an add that one is merged into. */
enum qmac_status qmac_net_norm_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err);
enum qmac_status qmac_net_norm_back(struct qmac_net_lowering *to, int layer, int link,
                                    struct qmac_error *err);
/* Of a batch_norm: the sums that its coefficients are computed from. */
enum qmac_status qmac_net_norm_sums(struct qmac_net_lowering *to, int layer, enum qmac_net_pass pass,
                                    struct qmac_error *err);
enum qmac_status qmac_net_point_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err);
enum qmac_status qmac_net_point_back(struct qmac_net_lowering *to, int layer, int link,
                                     struct qmac_error *err);

/* ---- bounds ---------------------------------------------------------------------------- */

/* The magnitude of the lowest code. */
double qmac_net_magnitude(struct qmac_format format);

/* conv, linear: |sum| without its bias, in units of its operands; add: |sum| of both inputs, aligned. */
double qmac_net_product_bound(const struct qmac_net_plan *plan, int layer);
double qmac_net_add_bound(const struct qmac_net_plan *plan, int layer);

/* How many images, lines and pixels a sum for parameters may take, and how many slices that makes. */
void qmac_net_slice(struct qmac_net_plan *plan, int layer);

/* How many positions a sum of a batch_norm may be over. */
void qmac_net_norm_slice(struct qmac_net_plan *plan, int layer);

/* ---- maps ---------------------------------------------------------------------------- */

/* A map over images of the plan's batch. */
struct qmac_map qmac_net_map(const struct qmac_net_lowering *to, int layer, struct qmac_shape shape);

/* Lowers and frees it; a failure's message gets the layer's name. status: what there was before. */
enum qmac_status qmac_net_map_end(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                    enum qmac_status status, struct qmac_error *err);

/*
 * The same where a data gradient's tiles end in the map, which is that of a layer's error: the product of
 * `reader`.
 */
enum qmac_status qmac_net_product_ends(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                       int reader, enum qmac_status status, struct qmac_error *err);

/* Width of what is kept in ACC between two operations. */
int qmac_net_wide(const struct qmac_net_plan *plan);

/* Appends an operation on whole panels whose result is exact; other below 0: with `number`. */
QMAC_MUST_CHECK enum qmac_status qmac_net_exact(const struct qmac_net_plan *plan, struct qmac_map *map,
                                                unsigned op, int to, int from, int other, int32_t number,
                                                struct qmac_error *err);

/* An operation on whole panels, to be filled in: mult 1, as wide as ACC. */
struct qmac_map_op qmac_net_op(const struct qmac_net_plan *plan, unsigned op, int to, int from, int other);

/*
 * Appends `op`, whose results are a layer's sums, rounded to the format of its output, with the relu that is
 * made together with it; where sums are shifted left, in two operations, with `temporary` in between.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_requantise(const struct qmac_net_plan *plan, int layer,
                                                     struct qmac_map *map, struct qmac_map_op op,
                                                     int temporary, struct qmac_error *err);

/* Makes an operation on sums the layer's requantise, whose shift and monitor are patched. */
void qmac_net_round(const struct qmac_net_plan *plan, int layer, struct qmac_map_op *op);

/* Appends what makes panel `to` the derivative d, from tanh's or sigmoid's output in y, which it changes. */
QMAC_MUST_CHECK enum qmac_status qmac_net_derivative(const struct qmac_net_plan *plan, struct qmac_map *map,
                                                     int reader, int to, int y, struct qmac_error *err);

/*
 * Appends `op`, whose results in panel op->to are summed for a batch_norm, too, and the sum of their products
 * with panel `factor`.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_norm_summed(const struct qmac_net_plan *plan, struct qmac_map *map,
                                                      int norm, enum qmac_net_pass pass,
                                                      struct qmac_map_op op, int factor,
                                                      struct qmac_error *err);

/*
 * Makes an operation sum its results into such a place, of slices of so many terms: those that the host adds,
 * so the map has to be cut into as many.
 */
void qmac_net_sum(struct qmac_map *map, struct qmac_map_op *op, const struct qmac_view *sum,
                  uint64_t slice_bytes, int64_t terms, const struct qmac_slices *slices);

/* Notes the patch of a labelled command: context, a struct qmac_net_labelled, says of what. */
struct qmac_net_labelled {
	struct qmac_net_part *part;
	int layer;
};
enum qmac_status qmac_net_tell(void *context, int label, int64_t command, struct qmac_error *err);

enum { QMAC_NET_SHIFT_MAX = 63 }; /* right shift of a VEC */

/* An operation on whole panels with the coefficients of a batch_norm, to be filled in: as wide as ACC. */
struct qmac_map_op qmac_net_norm_op(const struct qmac_net_plan *plan, struct qmac_map *map, int norm,
                                    enum qmac_net_pass pass, int to, int from, int other);

/*
 * Labels of operations that are patched: what requantises, what rounds in two operations, of which the second
 * limits to the width, and what aligns.
 */
enum {
	QMAC_NET_LABEL_SHIFT = 1, QMAC_NET_LABEL_ROUND, QMAC_NET_LABEL_LIMIT,
	QMAC_NET_LABEL_ALIGN /* and the number of a link */
};

/* Puts the layer's name before a message. */
enum qmac_status qmac_net_in_layer(const struct qmac_net_plan *plan, int layer, enum qmac_status status,
                                   struct qmac_error *err);

#endif
