/* conv and linear: products over windows; and the sums of errors for biases, which are products with 1. */
#include <assert.h>
#include <string.h>

#include "lower/whole.h"
#include "net/lowering.h"

static struct qmac_product_note note(const struct qmac_net_lowering *to, int layer)
{
	return (struct qmac_product_note){.direction = to->direction, .layer = (unsigned)layer};
}

static enum qmac_status lower(struct qmac_net_lowering *to, const struct qmac_product *product, int layer,
                              struct qmac_error *err)
{
	struct qmac_product_plan plan;
	struct qmac_product allowed = *product;
	enum qmac_status status;

	allowed.allow_saturation = to->plan->formats->unbounded;
	status = qmac_product_plan_make(&plan, &allowed, &to->plan->hw, err);

	if (status == QMAC_OK)
		status = qmac_product_lower(to->program, &plan, err);
	return qmac_net_in_layer(to->plan, layer, status, err);
}

/* The same with the sums of a batch_norm that is the only reader: rounding is an operation of a map then. */
static enum qmac_status summed_forward(struct qmac_net_lowering *to, struct qmac_product *product, int layer,
                                       int norm, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	struct qmac_map map = qmac_net_map(to, layer, plan->layers[layer].out);
	int tile = qmac_map_tile(&map);
	struct qmac_map_op op = qmac_net_op(plan, QMAC_OP_ADD, tile, tile, -1);
	enum qmac_status status = QMAC_OK;

	qmac_map_keep(&map, tile, &product->c);
	if (product->has_bias)
		op.other = qmac_map_tap(qmac_map_load_shared(&map, &product->bias, qmac_map_point), 0, 0, 0);
	op.scale.left = product->scale.left;
	if (!product->has_bias && op.scale.left > 0) {
		status = qmac_map_add(&map, &op, err);
		op.scale.left = 0;
	}
	op.scale.bits = product->scale.bits;
	op.scale.rounding = product->scale.rounding;
	op.label = product->label;
	if (status == QMAC_OK)
		status = qmac_net_norm_summed(plan, &map, norm, QMAC_NET_PASS_FORWARD, op, tile, err);
	product->end = &map;
	product->rescales = product->has_bias = false;
	if (status == QMAC_OK)
		status = lower(to, product, layer, err);
	qmac_map_free(&map);
	return status;
}

enum qmac_status qmac_net_product_forward(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	const struct qmac_view *x = qmac_net_output(plan, of->input), *y = qmac_net_output(plan, layer);
	struct qmac_product product = qmac_conv_forward(&p->conv, x, &p->weight, y);
	struct qmac_net_labelled labelled = {to->part, layer};
	const struct qmac_map_labels labels = {qmac_net_tell, &labelled};
	int norm = qmac_net_sums_output(plan, layer);

	product.labels = &labels;
	product.label = QMAC_NET_LABEL_SHIFT;
	product.rescales = true;
	product.scale = (struct qmac_rescale){
		.left = p->amounts.left[0], .mult = 1, .rounding = plan->formats->activation_rounding,
		.relu = p->relu != QMAC_NET_NONE, .bits = qmac_net_format(plan, layer).bw,
	};
	if (of->bias != QMAC_NET_NONE) {
		product.has_bias = true;
		product.bias = p->bias;
	}
	product.note = note(to, layer);
	return norm == QMAC_NET_NONE ? lower(to, &product, layer, err) :
	       summed_forward(to, &product, layer, norm, err);
}

/*
 * A window that is the whole image: its data gradient is a product of matrices, samples by output channels
 * and output channels by all pixels' channels of a block in memory, which are neighbours there.
 */
static enum qmac_status whole_back(struct qmac_net_lowering *to, int layer, int link, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	const struct qmac_view *dx = &plan->contribution[link], *wt = &p->transposed;
	int64_t pixels = p->kernel[0] * p->kernel[1];
	enum qmac_status status = QMAC_OK;

	for (int64_t first = 0; status == QMAC_OK && first < dx->channels; first += dx->lanes) {
		int64_t channels = qmac_smaller(dx->lanes, dx->channels - first);
		struct qmac_product product = {
			.form = QMAC_FORM_AB, .window = qmac_window_none, .positions = {1, 1, plan->batch},
			.a = p->error, .b = *wt, .c = *dx, .note = note(to, layer),
		};

		/* samples are the positions of a matrix, and pixels the blocks of its channels */
		product.a.positions[0] = 1;
		product.a.positions[2] = plan->batch;
		product.a.position_bytes[2] = p->error.position_bytes[0];
		product.c.address += (uint64_t)(first / dx->lanes) * dx->block_bytes;
		product.c.block_bytes = dx->position_bytes[2];
		product.c.position_bytes[2] = dx->position_bytes[0];
		product.b.address += (uint64_t)first << wt->element.container;
		product.b.block_bytes = wt->position_bytes[1];
		product.b.channels = product.c.channels = pixels * channels;
		product.b.lanes = product.c.lanes = channels;
		product.b.positions[0] = product.b.positions[1] = product.c.positions[0] = product.c.positions[1] = 1;
		product.b.positions[2] = p->out.channels;
		product.c.positions[2] = plan->batch;
		status = lower(to, &product, layer, err);
	}
	return status;
}

enum qmac_status qmac_net_product_back(struct qmac_net_lowering *to, int layer, int link,
                                       struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	bool is_split = plan->use[link] == QMAC_NET_USE_SPLIT;
	struct qmac_view dx = plan->contribution[link];
	enum qmac_status status = QMAC_OK;

	if (is_split)
		dx = *qmac_net_output(plan, plan->net->layers[layer].input); /* of the same shape */
	if (qmac_net_is_whole(p))
		return whole_back(to, layer, link, err);
	for (int64_t class = 0; status == QMAC_OK && class < p->conv.stride * p->conv.stride; class++) {
		struct qmac_product product;

		if (!qmac_conv_data_gradient(&p->conv, &p->error, &p->transposed, &dx, class, &product))
			continue;
		if (is_split && !qmac_net_sees(p, class))
			continue;
		if (is_split)
			product.c = qmac_net_class_view(plan, link, class);
		product.note = note(to, layer);
		status = lower(to, &product, layer, err);
	}
	return status;
}

enum qmac_status qmac_net_product_ends(struct qmac_net_lowering *to, struct qmac_map *map, int layer,
                                       int reader, enum qmac_status status, struct qmac_error *err)
{
	const struct qmac_net_plan_layer *p = &to->plan->layers[reader];
	const struct qmac_view *x = qmac_net_output(to->plan, to->plan->net->layers[reader].input);
	struct qmac_net_labelled labelled = {to->part, layer};
	const struct qmac_map_labels labels = {qmac_net_tell, &labelled};
	struct qmac_product product;

	/* x has the shape of its gradient */
	(void)qmac_conv_data_gradient(&p->conv, &p->error, &p->transposed, x, 0, &product);
	product.note = note(to, reader);
	product.end = map;
	product.labels = &labels;
	if (status == QMAC_OK)
		status = lower(to, &product, reader, err);
	qmac_map_free(map);
	return status;
}

/* ---- sums for parameters ----------------------------------------------------------------- */

/* A slice's part of a tensor. */
static void cut(struct qmac_view *view, const int64_t first[3], const int64_t count[3])
{
	for (int d = 0; d < 3; d++) {
		view->address += (uint64_t)first[d] * view->position_bytes[d];
		view->positions[d] = count[d];
	}
}

/* Sums over samples and pixels, of products of codes and errors where there are weights. */
void qmac_net_slice(struct qmac_net_plan *plan, int layer)
{
	struct qmac_net_plan_layer *p = &plan->layers[layer];
	const struct qmac_net_layer *of = &plan->net->layers[layer];
	int x = of->weight == QMAC_NET_NONE ? 2 : qmac_net_format(plan, of->input).bw;
	int64_t most = qmac_slices_terms(plan->hw.acc_bits, x - 1 + plan->flow.layers[layer].bits - 1);
	const int64_t whole[3] = {plan->batch, p->has_pixels ? 1 : p->out.height,
	                          p->has_pixels ? 1 : p->out.width};

	p->terms = plan->formats->unbounded ? 0 : most;
	p->slices = qmac_slices_of(whole, p->terms);
}

enum qmac_status qmac_net_product_sums(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	const struct qmac_view *x = qmac_net_output(plan, plan->net->layers[layer].input);
	enum qmac_status status = QMAC_OK;

	for (int64_t i = 0; status == QMAC_OK && i < p->slices.count; i++) {
		struct qmac_product product = qmac_conv_weight_gradient(&p->conv, x, &p->error, &p->weight_sum);
		int64_t first[3], count[3], image[3] = {0, 0, 0}, size[3];

		qmac_slices_at(&p->slices, i, first, count);
		cut(&product.b, first, count);
		memcpy(product.positions, count, sizeof count);
		memcpy(size, x->positions, sizeof size);
		image[0] = first[0];
		size[0] = count[0];
		cut(&product.a, image, size);
		for (int d = 0; d < 2; d++)
			product.window.first[d] += first[d + 1] * p->conv.stride;
		product.c.address += (uint64_t)i * p->slice_bytes[0];
		product.note = note(to, layer);
		status = lower(to, &product, layer, err);
	}
	return status;
}

/* The sums of one slice, at pixel `pixel` where each has its own. */
static enum qmac_status bias_sum(struct qmac_net_lowering *to, int layer, int64_t slice, int64_t pixel,
                                 struct qmac_error *err)
{
	const struct qmac_net_plan *plan = to->plan;
	const struct qmac_net_plan_layer *p = &plan->layers[layer];
	int64_t first[3], count[3], width = p->error.positions[2];
	struct qmac_product product = {
		.form = QMAC_FORM_ATB, .window = qmac_window_none, .b = p->error, .c = p->bias_sum,
		.note = note(to, layer),
	};

	qmac_slices_at(&p->slices, slice, first, count);
	if (p->has_pixels) {
		first[1] = pixel / width;
		first[2] = pixel % width;
	}
	cut(&product.b, first, count);
	memcpy(product.positions, count, sizeof count);
	/* as many numbers 1 */
	product.a = qmac_view_images(plan->ones.address, plan->ones.element, count[0], 1, count[1], count[2], 1);
	product.c.positions[2] = 1;
	product.c.address += (uint64_t)slice * p->slice_bytes[1];
	product.c.address += (uint64_t)pixel * p->bias_sum.position_bytes[2];
	return lower(to, &product, layer, err);
}

enum qmac_status qmac_net_bias_sums(struct qmac_net_lowering *to, int layer, struct qmac_error *err)
{
	const struct qmac_net_plan_layer *p = &to->plan->layers[layer];
	enum qmac_status status = QMAC_OK;

	if (!p->has_pixels && qmac_net_sums_error(to->plan, layer, &p->slices))
		return QMAC_OK;
	for (int64_t slice = 0; status == QMAC_OK && slice < p->slices.count; slice++)
		for (int64_t i = 0; status == QMAC_OK && i < p->bias_sum.positions[2]; i++)
			status = bias_sum(to, layer, slice, i, err);
	return status;
}
