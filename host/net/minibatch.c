#include "net/minibatch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "net/table.h"
#include "num/dither.h"

/* ---- copies ---------------------------------------------------------------------------- */

int64_t qmac_net_count(const struct qmac_view *view)
{
	return view->positions[0] * view->positions[1] * view->positions[2] * view->channels;
}

/* Bytes from the view's first to number i of it. */
static uint64_t place(const struct qmac_view *view, int64_t i)
{
	int64_t channel = i % view->channels, at = i / view->channels;
	uint64_t bytes = (uint64_t)(channel / view->lanes) * view->block_bytes +
	                 ((uint64_t)(channel % view->lanes) << view->element.container);

	for (int d = 2; d >= 0; d--) {
		bytes += (uint64_t)(at % view->positions[d]) * view->position_bytes[d];
		at /= view->positions[d];
	}
	return bytes;
}

static struct qmac_buffer buffer_of(const struct qmac_view *view)
{
	return (struct qmac_buffer){view->address, qmac_view_bytes(view)};
}

static enum qmac_status no_memory(const struct qmac_view *view, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for a copy of %llu bytes",
	                 (unsigned long long)qmac_view_bytes(view));
}

enum qmac_status qmac_net_put(struct qmac_driver *driver, const struct qmac_view *view, const int64_t *values,
                              struct qmac_error *err)
{
	const struct qmac_buffer buffer = buffer_of(view);
	unsigned char *bytes = calloc(1, buffer.bytes);
	int64_t count = qmac_net_count(view);

	if (!bytes)
		return no_memory(view, err);
	for (int64_t i = 0; i < count; i++) {
		unsigned char *at = bytes + place(view, i);

		for (unsigned b = 0; b < 1U << view->element.container; b++)
			at[b] = (unsigned char)((uint64_t)values[i] >> 8 * b);
	}
	qmac_driver_upload(driver, buffer, 0, bytes, buffer.bytes);
	free(bytes);
	return QMAC_OK;
}

enum qmac_status qmac_net_get(struct qmac_driver *driver, const struct qmac_view *view, int64_t *values,
                              struct qmac_error *err)
{
	const struct qmac_buffer buffer = buffer_of(view);
	unsigned char *bytes = malloc(buffer.bytes);
	int64_t count = qmac_net_count(view);
	unsigned size = 1U << view->element.container, unused = 64 - 8 * size;

	if (!bytes)
		return no_memory(view, err);
	qmac_driver_download(driver, buffer, 0, bytes, buffer.bytes);
	for (int64_t i = 0; i < count; i++) {
		const unsigned char *at = bytes + place(view, i);
		uint64_t value = 0;

		for (unsigned b = 0; b < size; b++)
			value |= (uint64_t)at[b] << 8 * b;
		values[i] = (int64_t)(value << unused) >> unused;
	}
	free(bytes);
	return QMAC_OK;
}

/* Number `channel` of the window at (y, x) of an image: 0 outside of it. */
static int64_t in_window(const struct qmac_net_layer *layer, const int64_t *image, int64_t y, int64_t x,
                         int64_t channel)
{
	int64_t kx = channel % layer->kernel[1], ky = channel / layer->kernel[1] % layer->kernel[0];
	int64_t c = channel / layer->kernel[1] / layer->kernel[0];
	int64_t iy = y * layer->stride + ky - layer->pad, ix = x * layer->stride + kx - layer->pad;

	if (iy < 0 || iy >= layer->in.height || ix < 0 || ix >= layer->in.width)
		return 0;
	return image[(iy * layer->in.width + ix) * layer->in.channels + c];
}

enum qmac_status qmac_net_put_input(struct qmac_net_plan *plan, const int64_t *codes, struct qmac_error *err)
{
	int64_t count = qmac_net_count(&plan->input), size = qmac_shape_count(plan->net->input);
	const struct qmac_net_plan_layer *p;
	int64_t *windows;
	enum qmac_status status;

	if (plan->windows == QMAC_NET_NONE)
		return qmac_net_put(plan->driver, &plan->input, codes, err);
	windows = malloc((size_t)count * sizeof *windows);
	if (!windows)
		return no_memory(&plan->input, err);
	p = &plan->layers[plan->windows];
	for (int64_t i = 0; i < count; i++) {
		int64_t at = i / p->in.channels, pixel = at % (p->in.height * p->in.width);

		windows[i] = in_window(&plan->net->layers[plan->windows],
		                       codes + at / (p->in.height * p->in.width) * size, pixel / p->in.width,
		                       pixel % p->in.width, i % p->in.channels);
	}
	status = qmac_net_put(plan->driver, &plan->input, windows, err);
	free(windows);
	return status;
}

/* ---- what the device is given ---------------------------------------------------------- */

static enum qmac_status load_table(struct qmac_net_plan *plan, int l, struct qmac_error *err)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	uint32_t words[1 << QMAC_NET_TABLE_BITS];
	int64_t values[1 << QMAC_NET_TABLE_BITS], count = qmac_net_count(&plan->layers[l].table);

	qmac_net_table_words(layer->kind, qmac_net_format(plan, layer->input), words);
	for (int64_t i = 0; i < count; i++)
		values[i] = words[i];
	return qmac_net_put(plan->driver, &plan->layers[l].table, values, err);
}

enum qmac_status qmac_net_load_constants(struct qmac_net_plan *plan, struct qmac_error *err)
{
	int64_t count = qmac_net_count(&plan->ones);
	int64_t *ones = malloc((size_t)count * sizeof *ones);
	enum qmac_status status;

	if (!ones)
		return no_memory(&plan->ones, err);
	for (int64_t i = 0; i < count; i++)
		ones[i] = 1;
	status = qmac_net_put(plan->driver, &plan->ones, ones, err);
	free(ones);
	for (int l = 0; status == QMAC_OK && l < plan->net->layer_count; l++)
		if (plan->net->layers[l].kind == QMAC_LAYER_TANH || plan->net->layers[l].kind == QMAC_LAYER_SIGMOID)
			status = load_table(plan, l, err);
	return status;
}

/*
 * Number of weight [co][ci][ky][kx] in a view of rows for each (ky, kx, channel), of n neighbours each:
 * channel and n are those of W, or changed over.
 */
static int64_t weight_place(const struct qmac_net_plan_layer *p, int64_t i, bool transposed)
{
	int64_t kx = i % p->kernel[1], ky = i / p->kernel[1] % p->kernel[0], taps = p->kernel[0] * p->kernel[1];
	int64_t in = p->in.channels, out = p->out.channels, ci = i / taps % in, co = i / taps / in;
	int64_t tap = ky * p->kernel[1] + kx;

	return transposed ? (tap * out + co) * in + ci : (tap * in + ci) * out + co;
}

static enum qmac_status load_weight(struct qmac_net_plan *plan, const struct qmac_net_plan_layer *p,
                                    const int32_t *codes, int64_t *values, int64_t count,
                                    struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int transposed = 0; status == QMAC_OK && transposed < 2; transposed++) {
		for (int64_t i = 0; i < count; i++)
			values[weight_place(p, i, transposed)] = codes[i];
		status = qmac_net_put(plan->driver, transposed ? &p->transposed : &p->weight, values, err);
	}
	return status;
}

/* Shifted as the sum that it is added to; of a layer behind flatten as its pixels lie. */
static enum qmac_status load_bias(struct qmac_net_plan *plan, const struct qmac_net_plan_layer *p, int shift,
                                  const int32_t *codes, int64_t *values, int64_t count,
                                  struct qmac_error *err)
{
	int64_t pixels = p->bias.positions[1] * p->bias.positions[2];

	for (int64_t i = 0; i < count; i++)
		values[i % pixels * p->bias.channels + i / pixels] = (int64_t)((uint64_t)(int64_t)codes[i] << shift);
	return qmac_net_put(plan->driver, &p->bias, values, err);
}

enum qmac_status qmac_net_load_parameter(struct qmac_net_plan *plan, int parameter, const int32_t *codes,
                                         struct qmac_error *err)
{
	const struct qmac_net_parameter *of = &plan->net->parameters[parameter];
	const struct qmac_net_plan_layer *p = &plan->layers[of->layer];
	int64_t *values = malloc((size_t)of->count * sizeof *values);
	int shift = p->fl - plan->formats->parameter[parameter].fl;
	enum qmac_status status;

	if (!values)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights", (long long)of->count);
	status = of->role == QMAC_ROLE_WEIGHT ? load_weight(plan, p, codes, values, of->count, err) :
	         load_bias(plan, p, shift, codes, values, of->count, err);
	free(values);
	return status;
}

/* ---- programs -------------------------------------------------------------------------- */

/* How a program of a layer's error is patched; of other programs nothing of it. */
struct rounding {
	int sum_fl;       /* of what is rounded */
	int shift;
	bool floors;      /* in place of the rounding of errors */
	unsigned monitor; /* of the magnitudes, 0: none */
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
	}
}

static enum qmac_status submit(struct qmac_net_plan *plan, const struct qmac_net_part *part,
                               const struct qmac_net_minibatch *of, const struct rounding *as,
                               struct qmac_error *err)
{
	if (!part->program)
		return QMAC_OK;
	for (int i = part->first_patch; i < part->end_patch; i++)
		patch_one(plan, of, &plan->patches[i], qmac_program_command(part->program, plan->patches[i].command),
		          as);
	return qmac_sequence_submit(&plan->sequence, part->program, err);
}

enum qmac_status qmac_net_submit_forward(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                         struct qmac_error *err)
{
	return submit(plan, &plan->forward, of, &(struct rounding){.monitor = 0}, err);
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
	return submit(plan, &plan->layers[layer].back[0], of, &as, err);
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
static void move_dither(struct qmac_net_plan *plan, const struct qmac_net_part *part, struct dither *dither,
                        bool back)
{
	for (int i = part->first_patch; i < part->end_patch; i++) {
		struct qmac_command *command = qmac_program_command(part->program, plan->patches[i].command);

		if (plan->patches[i].kind != QMAC_NET_PATCH_SHIFT)
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

	const struct qmac_net_part *part = &plan->layers[layer].back[0];
	struct dither *dither = malloc((size_t)(part->end_patch - part->first_patch + 1) * sizeof *dither);
	enum qmac_status status;

	assert(plan->flow.layers[layer].has_error);
	if (!dither)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a program");
	move_dither(plan, part, dither, false);
	status = submit(plan, part, of, &as, err);
	move_dither(plan, part, dither, true);
	free(dither);
	return status;
}

enum qmac_status qmac_net_submit_back(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                      int layer, struct qmac_error *err)
{
	return submit(plan, &plan->layers[layer].back[1], of, &(struct rounding){.monitor = 0}, err);
}

/* ---- sums ------------------------------------------------------------------------------ */

int qmac_net_sum_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int parameter)
{
	const struct qmac_net_parameter *p = &plan->net->parameters[parameter];
	int input = plan->net->layers[p->layer].input;

	return of->fl[p->layer] + (p->role == QMAC_ROLE_WEIGHT ? qmac_net_format(plan, input).fl : 0);
}

enum qmac_status qmac_net_read_sum(struct qmac_net_plan *plan, int parameter, int64_t *sums,
                                   struct qmac_error *err)
{
	const struct qmac_net_parameter *of = &plan->net->parameters[parameter];
	const struct qmac_net_plan_layer *p = &plan->layers[of->layer];
	bool is_weight = of->role == QMAC_ROLE_WEIGHT;
	struct qmac_view slice = is_weight ? p->weight_sum : p->bias_sum;
	int64_t pixels = slice.positions[2];
	int64_t *values = malloc((size_t)of->count * sizeof *values);
	enum qmac_status status = QMAC_OK;

	if (!values)
		return no_memory(&slice, err);
	memset(sums, 0, (size_t)of->count * sizeof *sums);
	for (int64_t s = 0; status == QMAC_OK && s < p->slices; s++) {
		status = qmac_net_get(plan->driver, &slice, values, err);
		for (int64_t i = 0; status == QMAC_OK && i < of->count; i++)
			sums[i] += values[is_weight ? weight_place(p, i, false) :
			                  i % pixels * p->out.channels + i / pixels];
		slice.address += p->slice_bytes[!is_weight];
	}
	free(values);
	return status;
}
