/*
 * Training-like streams: the real driver runs products and inner loops of random shapes
 * on the C model, and what it submits is recorded from the reset on.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "driver/driver.h"
#include "fuzz/cut.h"
#include "fuzz/internal.h"
#include "fuzz/random.h"
#include "lower/product.h"
#include "num/fixed.h"
#include "step/step.h"
#include "step/linear_program.h"

/* Shapes are drawn again until one fits the hardware; a product always does. */
enum { TRIES = 12, WORK_MAX = 1 << 12, PASSES_MAX = 400, LOOPS = 2, STEPS_MAX = 12 };
enum { SAMPLES_MAX = 40, FEATURES_MAX = 60, BATCH_MAX = 12 };

struct run {
	uint64_t rng;
	const struct qmac_hw *hw;
	struct qmac_driver *driver;
	struct qmac_error *err;
};

static int64_t pick(struct run *r, int64_t low, int64_t high)
{
	return qmac_fuzz_pick(&r->rng, low, high);
}

/* A signed number of at most `bits` bits, of random length. */
static int64_t number(struct run *r, int bits)
{
	return qmac_sign_extend(qmac_fuzz_random(&r->rng), (int)pick(r, 1, bits));
}

/* ---- products: forward, weight gradient, input gradient of a layer ------------- */

static struct qmac_element element(struct run *r)
{
	struct qmac_element e = {.bits = (int)pick(r, 2, pick(r, 0, 2) ? 17 : 32)};

	e.is_signed = !qmac_fuzz_chance(&r->rng, 3);
	e.container = e.bits <= 8 ? QMAC_CONTAINER_BYTE
	              : e.bits <= 16 ? QMAC_CONTAINER_HALF : QMAC_CONTAINER_WORD;
	return e;
}

/* A matrix of anything, rows apart. */
static enum qmac_status put(struct run *r, int64_t rows, int64_t cols, struct qmac_element e,
                            struct qmac_view *matrix)
{
	uint64_t unit = (uint64_t)1 << e.container, offset = (uint64_t)pick(r, 0, 3) * unit, bytes;
	uint64_t row_bytes = (uint64_t)(cols + pick(r, 0, 5)) * unit;
	struct qmac_buffer buffer;
	enum qmac_status status;

	bytes = offset + (uint64_t)rows * row_bytes;
	status = qmac_driver_allocate(r->driver, bytes, &buffer, r->err);
	*matrix = qmac_view_matrix(buffer.address + offset, e, rows, cols, row_bytes);
	for (uint64_t at = 0; !status && at < bytes; at++) {
		uint8_t byte = (uint8_t)(qmac_fuzz_chance(&r->rng, 4) ? 0 : qmac_fuzz_random(&r->rng));

		qmac_driver_upload(r->driver, buffer, at, &byte, 1);
	}
	return status;
}

/* Where the accumulators are too narrow, operands are cut until they are not. */
static enum qmac_status multiply(struct run *r, struct qmac_program *program, struct qmac_product product)
{
	uint32_t tag = (uint32_t)pick(r, 0, 65535);
	struct qmac_product_plan plan;
	enum qmac_status status;

	product.note.direction = qmac_tag_direction(tag);
	product.note.layer = qmac_tag_layer(tag);
	product.note.step = qmac_tag_step(tag);
	product.allow_saturation = true;
	while ((status = qmac_product_plan_make(&plan, &product, r->hw, r->err)) != QMAC_OK &&
	       product.a.element.bits + product.b.element.bits > 4) {
		product.a.element.bits = (product.a.element.bits + 2) / 2;
		product.b.element.bits = (product.b.element.bits + 2) / 2;
	}
	if (status || plan.passes > PASSES_MAX)
		return status;
	return qmac_product_lower(program, &plan, r->err);
}

/* What a layer works on; dw and dx are sums, wt stands for the transpose of w. */
struct layer {
	int64_t samples, in, out;
	struct qmac_view x, w, y, dw, wt, dx;
};

static enum qmac_status put_layer(struct run *r, struct layer *l)
{
	const struct qmac_element sum = {.bits = 64, .is_signed = true, .container = QMAC_CONTAINER_DOUBLE};
	const struct qmac_element y = {.bits = 32, .is_signed = true, .container = QMAC_CONTAINER_WORD};
	struct qmac_element x = element(r), w = element(r);
	int64_t most;
	enum qmac_status status;

	l->samples = pick(r, 1, 24);
	l->in = pick(r, 1, 24);
	most = 1 + WORK_MAX / (l->samples * l->in);
	l->out = pick(r, 1, most < 24 ? most : 24);
	status = put(r, l->samples, l->in, x, &l->x);
	status = status ? status : put(r, l->in, l->out, w, &l->w);
	status = status ? status : put(r, l->samples, l->out, y, &l->y);
	status = status ? status : put(r, l->in, l->out, sum, &l->dw);
	status = status ? status : put(r, l->out, l->in, w, &l->wt);
	return status ? status : put(r, l->samples, l->in, sum, &l->dx);
}

/* Y = X W, dW (+)= X^T Y, dX = Y V: what one product stores the next ones load. */
static enum qmac_status add_layer(struct run *r, struct qmac_program *program, const struct layer *l)
{
	struct qmac_product product = {
		.form = QMAC_FORM_AB, .window = qmac_window_none, .positions = {1, 1, l->samples},
		.a = l->x, .b = l->w, .c = l->y,
	};
	struct qmac_view y = l->y;
	enum qmac_status status = multiply(r, program, product);

	y.element.bits = (int)pick(r, 2, 32);
	product.form = QMAC_FORM_ATB;
	product.b = y;
	product.c = l->dw;
	product.accumulate = qmac_fuzz_chance(&r->rng, 2);
	product.c_bits = product.accumulate ? 32 : 0;
	if (!status)
		status = multiply(r, program, product);
	product = (struct qmac_product){
		.form = QMAC_FORM_AB, .window = qmac_window_none, .positions = {1, 1, l->samples},
		.a = y, .b = l->wt, .c = l->dx,
	};
	return status ? status : multiply(r, program, product);
}

static enum qmac_status layer(struct run *r)
{
	struct qmac_program *program = qmac_program_create(r->hw);
	struct layer l;
	enum qmac_status status;

	if (!program)
		return qmac_fail(r->err, QMAC_INTERNAL, "out of memory for a training-like stream");
	status = put_layer(r, &l);
	status = status ? status : add_layer(r, program, &l);
	status = status ? status : qmac_program_compile(program, NULL, 0, r->err);
	status = status ? status : qmac_program_submit(program, r->driver, r->err);
	status = status ? status : qmac_driver_finish(r->driver, r->err);
	qmac_program_destroy(program);
	return status;
}

/* ---- inner loops of linear regression: one sample a step, or a batch ------------ */

static void draw_shape(struct run *r, bool batched, struct qmac_linear_shape *s)
{
	int algorithm = (int)qmac_fuzz_below(&r->rng, 3);

	memset(s, 0, sizeof *s);
	s->samples = pick(r, 1, SAMPLES_MAX);
	s->features = pick(r, 1, qmac_fuzz_chance(&r->rng, 2) ? FEATURES_MAX : 12);
	s->batch = batched ? pick(r, 1, BATCH_MAX) : 1;
	s->bits = (int)pick(r, 2, 16);
	s->x_bits = (int)pick(r, 2, 16);
	s->frac_bits = (int)pick(r, 0, 16);
	s->mp_bits = (int)pick(r, 2, 24);
	s->has_offset = algorithm != 0;
	s->has_targets = algorithm != 1;
	if (algorithm == 0) {
		s->y_frac_bits = (int)pick(r, 0, 8);
		s->target_bits = (int)pick(r, 2, 40);
	}
	/* a typical step of 2^-8 to 2^8 grid units */
	s->c1 = 1 + (double)qmac_fuzz_below(&r->rng, 1 << 20) / (1 << 20);
	s->c1 = ldexp(s->c1, -2 * s->x_bits + (int)qmac_fuzz_below(&r->rng, 17) - 8);
}

/* A loop of either kind, and what it starts from. */
struct inner {
	struct qmac_linear_shape shape;
	int u_bits;
	struct qmac_inner_loop *loop;
	int16_t codes[SAMPLES_MAX * FEATURES_MAX];
	int64_t offset[FEATURES_MAX], targets[SAMPLES_MAX];
	int32_t z[FEATURES_MAX];
	uint32_t order[STEPS_MAX * BATCH_MAX];
};

static void draw_start(struct run *r, struct inner *in)
{
	const struct qmac_linear_shape *s = &in->shape;
	int h_bits = s->bits + s->frac_bits - 1;
	int k_bits = s->target_bits ? s->target_bits : qmac_linear_m_bits(s->bits, s->x_bits, s->features);

	for (int64_t j = 0; j < s->features; j++) {
		in->z[j] = (int32_t)number(r, s->bits);
		in->offset[j] = number(r, h_bits < in->u_bits ? h_bits : in->u_bits);
	}
	for (int64_t i = 0; i < s->samples; i++)
		in->targets[i] = number(r, k_bits);
	for (int i = 0; i < STEPS_MAX * BATCH_MAX; i++)
		in->order[i] = (uint32_t)qmac_fuzz_below(&r->rng, s->samples);
	qmac_step_sort(in->order, STEPS_MAX * BATCH_MAX / s->batch, s->batch);
}

static enum qmac_status run_loop(struct run *r, struct inner *in)
{
	struct qmac_linear_loop loop = {.order = in->order, .z = in->z};

	loop.steps = pick(r, 1, STEPS_MAX);
	loop.run_seed = (uint32_t)qmac_fuzz_random(&r->rng);
	loop.first_step = (uint32_t)qmac_fuzz_word(&r->rng);
	loop.keep_after = qmac_fuzz_below(&r->rng, loop.steps + 1);
	draw_start(r, in);
	qmac_inner_loop_set_z(in->loop, in->z);
	if (in->shape.has_offset)
		qmac_inner_loop_set_offset(in->loop, in->offset);
	if (in->shape.has_targets)
		qmac_inner_loop_set_targets(in->loop, in->targets);
	return qmac_inner_loop_run(in->loop, &loop, r->err);
}

static enum qmac_status loops(struct run *r, struct inner *in)
{
	enum qmac_status status = QMAC_OK;

	for (int loop = 0; !status && loop < LOOPS; loop++)
		status = run_loop(r, in);
	qmac_inner_loop_destroy(in->loop);
	return status;
}

/* Makes the loop of a random shape; none where no shape was found that fits. */
static enum qmac_status draw_program(struct run *r, bool batched, struct inner *in)
{
	struct qmac_linear_plan linear;
	struct qmac_step_plan batch;

	for (int i = 0; i < TRIES; i++) {
		draw_shape(r, batched, &in->shape);
		if (batched ? qmac_step_plan_make(&batch, &in->shape, r->hw, NULL) != QMAC_OK :
		    qmac_linear_plan_make(&linear, &in->shape, r->hw, NULL) != QMAC_OK)
			continue;
		in->u_bits = batched ? batch.step.u_bits : linear.step.u_bits;
		for (int64_t at = 0; at < in->shape.samples * in->shape.features; at++)
			/* The most negative code is not one of them. */
			in->codes[at] = (int16_t)(number(r, in->shape.x_bits - 1));
		return batched ? qmac_step_create(r->driver, &batch, &in->loop, r->err) :
		       qmac_linear_program_create(r->driver, &linear, &in->loop, r->err);
	}
	return QMAC_OK;
}

static enum qmac_status inner_loops(struct run *r, bool batched)
{
	struct inner *in = calloc(1, sizeof *in);
	enum qmac_status status;

	if (!in)
		return qmac_fail(r->err, QMAC_INTERNAL, "out of memory for a training-like stream");
	status = draw_program(r, batched, in);
	if (!status && in->loop)
		qmac_inner_loop_set_x(in->loop, 0, in->shape.samples, in->codes);
	if (!status)
		status = in->loop ? loops(r, in) : layer(r);
	free(in);
	return status;
}

/* ---- recording ------------------------------------------------------------------ */

static enum qmac_status drive(struct run *r, struct qmac_backend *backend)
{
	int64_t what = qmac_fuzz_below(&r->rng, 3);
	int ring_log2 = (int)(2 + qmac_fuzz_below(&r->rng, 7));
	enum qmac_status status = qmac_driver_open(backend, r->hw, ring_log2, &r->driver, r->err);

	if (status)
		return status;
	status = what == 0 ? layer(r) : inner_loops(r, what == 1);
	qmac_driver_close(r->driver);
	return status;
}

enum qmac_status qmac_fuzz_training_make(const struct qmac_hw *hw, uint64_t seed, uint32_t most,
                                         struct qmac_trace **trace, struct qmac_error *err)
{
	struct run r = {.rng = seed, .hw = hw, .err = err};
	const struct qmac_trace_window window = {
		0, most < QMAC_FUZZ_COMMANDS_MAX ? most : QMAC_FUZZ_COMMANDS_MAX,
	};
	const struct qmac_device_options options = {.memory_bytes = QMAC_FUZZ_MEMORY_BYTES};
	struct qmac_recorder *recorder = qmac_recorder_create(&window);
	struct qmac_backend *backend = NULL;
	const struct qmac_trace *recorded;
	enum qmac_status status = QMAC_OK;

	*trace = NULL;
	if (!recorder)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for a training-like stream");
	if (!status)
		status = qmac_recorder_open(recorder, "cmodel", hw, &options, NULL, &backend, err);
	if (!status)
		status = drive(&r, backend);
	qmac_backend_destroy(backend);
	if (!status)
		status = qmac_recorder_finish(recorder, &recorded, err);
	if (!status) {
		*trace = qmac_fuzz_trace_cut(recorded, &(struct qmac_fuzz_keep){0});
		if (!*trace)
			status = qmac_fail(err, QMAC_INTERNAL, "out of memory for a training-like stream");
	}
	qmac_recorder_destroy(recorder);
	return status;
}
