#include "net/minibatch.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/table.h"
#include "num/dither.h"

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
static void load_weight(struct qmac_net_plan *plan, const struct qmac_net_plan_layer *p, const int32_t *codes,
                        int64_t *values)
{
	int64_t taps = p->kernel[0] * p->kernel[1], in = p->in.channels, out = p->out.channels;

	for (int64_t co = 0; co < out; co++)
		for (int64_t ci = 0; ci < in; ci++)
			for (int64_t tap = 0; tap < taps; tap++)
				values[(tap * in + ci) * out + co] = codes[(co * in + ci) * taps + tap];
	qmac_net_put(plan->driver, &p->weight, values);
	for (int64_t tap = 0; tap < taps; tap++)
		for (int64_t co = 0; co < out; co++)
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
	int64_t *values = room_for(plan, of->count, err);

	if (!values)
		return QMAC_INTERNAL;
	if (of->role == QMAC_ROLE_WEIGHT)
		load_weight(plan, p, codes, values);
	else
		load_bias(plan, p, shift, codes, values, of->count);
	return QMAC_OK;
}

/* ---- programs -------------------------------------------------------------------------- */

/* How a program of a layer's error is patched; of other programs nothing of it. */
struct rounding {
	int sum_fl;       /* of what is rounded */
	int shift;
	bool floors;      /* in place of the rounding of errors */
	unsigned monitor; /* of the magnitudes, 0: none */
	const struct qmac_net_factor *factors; /* of an update, by kind */
};

static void patch_one(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                      const struct qmac_net_patch *patch, struct qmac_command *command,
                      const struct rounding *as)
{
	int sum_fl = as->sum_fl;
	int own;

	switch (patch->kind) {
	case QMAC_NET_PATCH_SEED:
		if (!as->floors)
			command->seed = qmac_dither_key(of->run_seed, of->step, patch->site);
		break;
	case QMAC_NET_PATCH_SHIFT:
		assert(as->shift >= 0 && as->shift <= 63);
		command->shift = (uint32_t)as->shift;
		command->rnd = as->floors ? QMAC_ROUND_FLOOR : plan->formats->error_rounding;
		command->monitor = as->monitor;
		break;
	case QMAC_NET_PATCH_ALIGN:
		own = qmac_net_flow_link_fl(&plan->flow, patch->link, of->fl);
		command->l0 = own < sum_fl ? (uint32_t)(sum_fl - own) : 0;
		command->shift = own > sum_fl ? (uint32_t)(own - sum_fl) : 0;
		break;
	case QMAC_NET_PATCH_FACTOR:
		command->mult = (int32_t)as->factors[patch->link].mult;
		command->shift = as->factors[patch->link].shift;
		command->l0 = as->factors[patch->link].left;
		break;
	}
}

static enum qmac_status submit(struct qmac_net_plan *plan, const struct qmac_net_part *part,
                               const struct qmac_net_minibatch *of, const struct rounding *as,
                               struct qmac_error *err)
{
	if (!part->program)
		return QMAC_OK;
	for (int i = 0; i < part->patch_count; i++)
		patch_one(plan, of, &part->patches[i], qmac_program_command(part->program, part->patches[i].command),
		          as);
	return qmac_sequence_submit(&plan->sequence, part->program, err);
}

void qmac_net_forward_counts_as(struct qmac_net_plan *plan, enum qmac_direction direction)
{
	for (int l = 0; l < plan->net->layer_count; l++) {
		struct qmac_program *program = plan->layers[l].parts[QMAC_NET_PART_FORWARD].program;

		for (int64_t i = 0; program && i < qmac_program_count(program); i++)
			qmac_program_command(program, i)->direction = (uint8_t)direction;
	}
}

enum qmac_status qmac_net_submit_forward(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                         struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int l = 0; status == QMAC_OK && l < plan->net->layer_count; l++)
		status = submit(plan, &plan->layers[l].parts[QMAC_NET_PART_FORWARD], of,
		                &(struct rounding){.monitor = 0}, err);
	return status;
}

enum qmac_status qmac_net_submit_error(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                       int layer, unsigned monitor, struct qmac_error *err)
{
	struct rounding as = {
		.sum_fl = qmac_net_flow_sum_fl(&plan->flow, layer, of->fl),
		.monitor = monitor,
	};

	if (!plan->flow.layers[layer].has_error)
		of->fl[layer] = as.sum_fl;
	as.shift = as.sum_fl - of->fl[layer];
	return submit(plan, &plan->layers[layer].parts[QMAC_NET_PART_ERROR], of, &as, err);
}

/* Where a command's random numbers come from. */
struct dither {
	uint32_t row0, lane0, rs0, rs1, cs0, cs1;
};

/* What is not rounded stochastically says nothing of random numbers. */
static struct dither take_dither(struct qmac_command *command)
{
	struct dither dither = {command->dither_row0, command->dither_lane0, command->dither_rs0,
	                        command->dither_rs1, command->dither_cs0, command->dither_cs1};

	command->seed = command->dither_row0 = command->dither_lane0 = 0;
	command->dither_rs0 = command->dither_rs1 = command->dither_cs0 = command->dither_cs1 = 0;
	return dither;
}

static void give_dither(const struct dither *dither, struct qmac_command *command)
{
	command->dither_row0 = dither->row0;
	command->dither_lane0 = dither->lane0;
	command->dither_rs0 = dither->rs0;
	command->dither_rs1 = dither->rs1;
	command->dither_cs0 = dither->cs0;
	command->dither_cs1 = dither->cs1;
}

/* Of all commands that round in that part: takes the dither away, or gives it back. */
static void move_dither(const struct qmac_net_part *part, struct dither *dither, bool back)
{
	for (int i = 0; i < part->patch_count; i++) {
		struct qmac_command *command = qmac_program_command(part->program, part->patches[i].command);

		if (part->patches[i].kind != QMAC_NET_PATCH_SHIFT)
			continue;
		if (back)
			give_dither(dither++, command);
		else
			*dither++ = take_dither(command);
	}
}

enum qmac_status qmac_net_submit_range(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                       int layer, int shift, unsigned monitor, struct qmac_error *err)
{
	const struct rounding as = {
		.sum_fl = qmac_net_flow_sum_fl(&plan->flow, layer, of->fl), .shift = shift, .floors = true,
		.monitor = monitor,
	};

	const struct qmac_net_part *part = &plan->layers[layer].parts[QMAC_NET_PART_ERROR];
	struct dither *dither = malloc(((size_t)part->patch_count + 1) * sizeof *dither);
	enum qmac_status status;

	assert(plan->flow.layers[layer].has_error);
	if (!dither)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a program");
	move_dither(part, dither, false);
	status = submit(plan, part, of, &as, err);
	move_dither(part, dither, true);
	free(dither);
	return status;
}

enum qmac_status qmac_net_submit_back(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                      int layer, struct qmac_error *err)
{
	return submit(plan, &plan->layers[layer].parts[QMAC_NET_PART_BACK], of,
	              &(struct rounding){.monitor = 0}, err);
}

/* Of a layer without such a parameter: any. */
static struct qmac_net_factor gradient_factor(const struct qmac_net_plan *plan,
                                              const struct qmac_net_minibatch *of, int parameter,
                                              double share)
{
	int fl = parameter == QMAC_NET_NONE ? 0 : qmac_net_sum_fl(plan, of, parameter);

	return qmac_net_factor_of(ldexp(share, QMAC_NET_MASTER_FL - fl));
}

enum qmac_status qmac_net_submit_update(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                        const struct qmac_net_step *step, struct qmac_error *err)
{
	struct qmac_net_factor factors[QMAC_NET_FACTORS] = {
		[QMAC_NET_FACTOR_MOMENTUM] = qmac_net_factor_of(step->momentum),
		[QMAC_NET_FACTOR_DECAY] = qmac_net_factor_of(step->decay),
		[QMAC_NET_FACTOR_RATE] = qmac_net_factor_of(step->rate),
	};
	enum qmac_status status = QMAC_OK;

	for (int l = 0; status == QMAC_OK && l < plan->net->layer_count; l++) {
		const struct qmac_net_layer *layer = &plan->net->layers[l];

		factors[QMAC_NET_FACTOR_WEIGHT] = gradient_factor(plan, of, layer->weight, step->share);
		factors[QMAC_NET_FACTOR_BIAS] = gradient_factor(plan, of, layer->bias, step->share);
		status = submit(plan, &plan->layers[l].parts[QMAC_NET_PART_UPDATE], of,
		                &(struct rounding){.factors = factors}, err);
	}
	return status;
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
	int64_t taps = p->kernel[0] * p->kernel[1], in = p->in.channels, out = p->out.channels;

	for (int64_t co = 0; co < out; co++)
		for (int64_t ci = 0; ci < in; ci++)
			for (int64_t tap = 0; tap < taps; tap++)
				*sums++ += values[(tap * in + ci) * out + co];
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
