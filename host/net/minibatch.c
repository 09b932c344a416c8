#include "net/minibatch.h"

#include <stdlib.h>
#include <string.h>

#include "net/table.h"

/* ---- room -------------------------------------------------------------------------------- */

/* Room for so many numbers, which is the plan's and serves one call after the other; NULL: none. */
static int64_t *room_for(struct qmac_net_plan *plan, int64_t count, struct qmac_error *err)
{
	if (count > plan->values_room) {
		free(plan->values);
		plan->values_room = 0;
		plan->values = malloc((size_t)count * sizeof *plan->values);
		if (plan->values)
			plan->values_room = count;
		else
			(void)qmac_fail(err, QMAC_INTERNAL, "out of memory for a copy of %lld numbers", (long long)count);
	}
	return plan->values;
}

/* ---- what the device is given ---------------------------------------------------------- */

enum qmac_status qmac_net_put_input(struct qmac_net_plan *plan, const int64_t *codes, struct qmac_error *err)
{
	const struct qmac_net_layer *layer;
	struct qmac_net_windows windows;

	if (plan->windows == QMAC_NET_NONE) {
		qmac_net_put(plan->driver, &plan->input, codes);
		return QMAC_OK;
	}
	layer = &plan->net->layers[plan->windows];
	windows = (struct qmac_net_windows){
		layer->in.height, layer->in.width, layer->in.channels, {layer->kernel[0], layer->kernel[1]},
		layer->stride, layer->pad,
	};
	if (!qmac_net_put_windows(plan->driver, &plan->input, &windows, codes))
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for an image");
	return QMAC_OK;
}

static enum qmac_status load_ones(struct qmac_net_plan *plan, struct qmac_error *err)
{
	int64_t count = qmac_net_count(&plan->ones), *ones = room_for(plan, count, err);

	if (!ones)
		return QMAC_INTERNAL;
	for (int64_t i = 0; i < count; i++)
		ones[i] = 1;
	qmac_net_put(plan->driver, &plan->ones, ones);
	plan->has_ones = true;
	return QMAC_OK;
}

/* A table depends on the format of what it is looked up by. */
static void load_table(struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	struct qmac_format format = qmac_net_format(plan, layer->input);
	struct qmac_net_plan_layer *p = &plan->layers[l];
	uint32_t words[1 << QMAC_NET_TABLE_BITS];
	int64_t values[1 << QMAC_NET_TABLE_BITS], count = qmac_net_count(&p->table);

	if (p->table_format.bw == format.bw && p->table_format.fl == format.fl)
		return;
	qmac_net_table_words(layer->kind, format, words);
	for (int64_t i = 0; i < count; i++)
		values[i] = words[i];
	qmac_net_put(plan->driver, &p->table, values);
	p->table_format = format;
}

enum qmac_status qmac_net_load_constants(struct qmac_net_plan *plan, struct qmac_error *err)
{
	if (!plan->has_ones && load_ones(plan, err))
		return QMAC_INTERNAL;
	for (int l = 0; l < plan->net->layer_count; l++)
		if (plan->net->layers[l].kind == QMAC_LAYER_TANH || plan->net->layers[l].kind == QMAC_LAYER_SIGMOID)
			load_table(plan, l);
	return QMAC_OK;
}

/*
 * Weights lie as [co][ci][ky][kx] in a network, and in a view of rows for each (ky, kx, ci) as
 * [ky][kx][ci][co]; where that is transposed, as [ky][kx][co][ci].
 */

/* Outputs that are worked on together: their numbers in a row of a view are a line of the cache. */
enum { TOGETHER = 8 };

/* The row of a view that is number k of [ci][ky][kx]. */
static int64_t row_of(const struct qmac_net_plan_layer *p, int64_t k)
{
	int64_t taps = p->kernel[0] * p->kernel[1];

	return k % taps * p->in.channels + k / taps;
}

static void turn_weights(const struct qmac_net_plan_layer *p, const int32_t *codes, int64_t *values)
{
	int64_t terms = p->kernel[0] * p->kernel[1] * p->in.channels, out = p->out.channels;

	for (int64_t first = 0; first < out; first += TOGETHER)
		for (int64_t k = 0; k < terms; k++) {
			int64_t *to = values + row_of(p, k) * out;

			for (int64_t co = first; co < first + TOGETHER && co < out; co++)
				to[co] = codes[co * terms + k];
		}
}

static void load_weight(struct qmac_net_plan *plan, const struct qmac_net_plan_layer *p, const int32_t *codes,
                        int64_t *values)
{
	int64_t taps = p->kernel[0] * p->kernel[1], in = p->in.channels, out = p->out.channels;

	turn_weights(p, codes, values);
	qmac_net_put(plan->driver, &p->weight, values);
	for (int64_t co = 0; co < out; co++)
		for (int64_t tap = 0; tap < taps; tap++)
			for (int64_t ci = 0; ci < in; ci++)
				values[(tap * out + co) * in + ci] = codes[(co * in + ci) * taps + tap];
	qmac_net_put(plan->driver, &p->transposed, values);
}

/* Shifted as the sum that it is added to; of a layer behind flatten as its pixels lie. */
static void load_bias(struct qmac_net_plan *plan, const struct qmac_net_plan_layer *p, int shift,
                      const int32_t *codes, int64_t *values, int64_t count)
{
	int64_t pixels = p->bias.positions[1] * p->bias.positions[2];

	for (int64_t i = 0; i < count; i++)
		values[i % pixels * p->bias.channels + i / pixels] = (int64_t)((uint64_t)(int64_t)codes[i] << shift);
	qmac_net_put(plan->driver, &p->bias, values);
}

enum qmac_status qmac_net_load_parameter(struct qmac_net_plan *plan, int parameter, const int32_t *codes,
                                         struct qmac_error *err)
{
	const struct qmac_net_parameter *of = &plan->net->parameters[parameter];
	const struct qmac_net_plan_layer *p = &plan->layers[of->layer];
	int shift = p->fl - plan->formats->parameter[parameter].fl;
	int64_t *values;

	if (!qmac_net_has_codes(of))
		return QMAC_OK;
	values = room_for(plan, of->count, err);
	if (!values)
		return QMAC_INTERNAL;
	if (of->role == QMAC_ROLE_WEIGHT)
		load_weight(plan, p, codes, values);
	else
		load_bias(plan, p, shift, codes, values, of->count);
	return QMAC_OK;
}

/* ---- batch norm ------------------------------------------------------------------------ */

void qmac_net_put_norm(struct qmac_net_plan *plan, int layer, enum qmac_net_pass pass,
                       const int64_t *coefficients)
{
	qmac_net_put(plan->driver, &plan->layers[layer].norm[pass].coefficients, coefficients);
}

/* Adds the slices of one sum. */
static enum qmac_status read_slices(struct qmac_net_plan *plan, const struct qmac_net_norm_place *place,
                                    struct qmac_view slice, int64_t *sums, struct qmac_error *err)
{
	int64_t channels = slice.channels, *values = room_for(plan, channels, err);

	if (!values)
		return QMAC_INTERNAL;
	memset(sums, 0, (size_t)channels * sizeof *sums);
	for (int64_t s = 0; s < place->slices.count; s++) {
		qmac_net_get(plan->driver, &slice, values);
		for (int64_t c = 0; c < channels; c++)
			sums[c] += values[c];
		slice.address += place->slice_bytes;
	}
	return QMAC_OK;
}

enum qmac_status qmac_net_read_norm_sums(struct qmac_net_plan *plan, int layer, enum qmac_net_pass pass,
                                         int64_t *sum, int64_t *product, struct qmac_error *err)
{
	const struct qmac_net_norm_place *place = &plan->layers[layer].norm[pass];
	enum qmac_status status = read_slices(plan, place, place->sum, sum, err);

	return status == QMAC_OK ? read_slices(plan, place, place->product, product, err) : status;
}

/* ---- sums ------------------------------------------------------------------------------ */

int qmac_net_sum_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int parameter)
{
	const struct qmac_net_parameter *p = &plan->net->parameters[parameter];
	int input = plan->net->layers[p->layer].input;

	return of->fl[p->layer] + (p->role == QMAC_ROLE_WEIGHT ? qmac_net_format(plan, input).fl : 0);
}

/* Adds a slice of sums, which lie as weights do. */
static void add_weights(const struct qmac_net_plan_layer *p, const int64_t *values, int64_t *sums)
{
	int64_t terms = p->kernel[0] * p->kernel[1] * p->in.channels, out = p->out.channels;

	for (int64_t first = 0; first < out; first += TOGETHER)
		for (int64_t k = 0; k < terms; k++) {
			const int64_t *from = values + row_of(p, k) * out;

			for (int64_t co = first; co < first + TOGETHER && co < out; co++)
				sums[co * terms + k] += from[co];
		}
}

static void add_biases(const struct qmac_net_plan_layer *p, int64_t pixels, const int64_t *values,
                       int64_t *sums)
{
	for (int64_t c = 0; c < p->out.channels; c++)
		for (int64_t pixel = 0; pixel < pixels; pixel++)
			*sums++ += values[pixel * p->out.channels + c];
}

enum qmac_status qmac_net_read_sum(struct qmac_net_plan *plan, int parameter, int64_t *sums,
                                   struct qmac_error *err)
{
	const struct qmac_net_parameter *of = &plan->net->parameters[parameter];
	const struct qmac_net_plan_layer *p = &plan->layers[of->layer];
	bool is_weight = of->role == QMAC_ROLE_WEIGHT;
	struct qmac_view slice = is_weight ? p->weight_sum : p->bias_sum;
	int64_t *values = room_for(plan, of->count, err);

	if (!values)
		return QMAC_INTERNAL;
	memset(sums, 0, (size_t)of->count * sizeof *sums);
	for (int64_t s = 0; s < p->slices.count; s++) {
		qmac_net_get(plan->driver, &slice, values);
		if (is_weight)
			add_weights(p, values, sums);
		else
			add_biases(p, slice.positions[2], values, sums);
		slice.address += p->slice_bytes[!is_weight];
	}
	return QMAC_OK;
}
