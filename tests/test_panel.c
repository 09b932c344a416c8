/*
 * Panels, moves, passes and vector work on random hardware, everything on chip at once: a convolution
 * forward and its weight gradient against plain sums, and what VEC makes of the result. Commands run
 * one after the other; their waits are another module's business.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "in_turn.h"
#include "lower/passes.h"
#include "lower/vector.h"
#include "lower/view.h"
#include "reference/ref_conv.h"
#include "reference/ref_num.h"
#include "reference/test_tensor.h"
#include "test.h"

enum { CASES = 150, ELEMENTS_MAX = 1 << 13, DEPTH = 65536 };

static uint64_t state;
static struct { int padded, strided, wide, pairs, bias, stochastic, operands, multi; } seen;

struct rig {
	struct qmac_hw hw;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
};

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

static void open_rig(struct rig *rig)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 22, .kernel = "auto"};
	struct qmac_error err;

	memset(rig, 0, sizeof *rig);
	qmac_fuzz_hw(&state, &rig->hw);
	rig->hw.acc_bits = 64;
	rig->hw.os_max = 65536;
	rig->hw.a_depth = rig->hw.w_depth = rig->hw.acc_depth = DEPTH;
	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", &rig->hw, &options, &rig->backend, &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(rig->backend, &rig->hw, 10, &rig->driver, &err), QMAC_OK);
}

static void close_rig(struct rig *rig)
{
	qmac_driver_close(rig->driver);
	qmac_backend_destroy(rig->backend);
}

/* Behind everything before it. */
static void add(struct rig *rig, struct qmac_command command)
{
	CU_ASSERT_EQUAL_FATAL(submit_in_turn(rig->driver, command, NULL), QMAC_OK);
}

static void add_move(struct rig *rig, struct qmac_move move)
{
	struct qmac_command command;

	CU_ASSERT_FATAL(qmac_move_is_inside(&move));
	while (qmac_move_next(&move, &command))
		add(rig, command);
}

static int64_t add_passes(struct rig *rig, struct qmac_passes passes)
{
	struct qmac_command command;
	int64_t count = 0;

	for (; qmac_passes_next(&passes, &command); count++)
		add(rig, command);
	CU_ASSERT_EQUAL(count, qmac_passes_count(&passes));
	return count;
}

static void add_vector(struct rig *rig, struct qmac_vector vector)
{
	struct qmac_command command;

	while (qmac_vector_next(&vector, &command))
		add(rig, command);
}

static void finish(struct rig *rig)
{
	struct qmac_error err;

	if (qmac_driver_finish(rig->driver, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("finish");
	}
}

/* ---- one problem ------------------------------------------------------------------- */

struct problem {
	struct ref_conv conv;
	struct qmac_element x_element, w_element, y_element;
	int64_t x[ELEMENTS_MAX], w[ELEMENTS_MAX], y[ELEMENTS_MAX], dw[ELEMENTS_MAX], made[ELEMENTS_MAX];
};

static struct problem problem;

static struct qmac_element element(void)
{
	struct qmac_element e = {.bits = (int)qmac_fuzz_pick(&state, 2, pick(0, 2) ? 9 : 24)};

	e.is_signed = pick(0, 2) != 0;
	e.container = (unsigned)(e.bits > 8) + (unsigned)(e.bits > 16) + (unsigned)(pick(0, 3) == 0);
	return e;
}

static void fill(int64_t *values, int64_t count, const struct qmac_element *e)
{
	int64_t low = e->is_signed ? -((int64_t)1 << (e->bits - 1)) : 0;

	CU_ASSERT_FATAL(count <= ELEMENTS_MAX);
	for (int64_t i = 0; i < count; i++)
		values[i] = pick(0, 5) ? pick(low, low + ((int64_t)1 << e->bits) - 1) : low;
}

static void draw_problem(struct problem *p)
{
	struct ref_conv *c = &p->conv;

	*c = (struct ref_conv){
		.n = pick(1, 3), .h = pick(1, 6), .w = pick(1, 6), .ci = qmac_fuzz_pick(&state, 1, 13),
		.co = qmac_fuzz_pick(&state, 1, 13), .kh = pick(1, 3), .kw = pick(1, 3), .stride = pick(1, 3),
		.pad = pick(0, 2),
	};
	while (c->h + 2 * c->pad < c->kh || c->w + 2 * c->pad < c->kw)
		c->pad++;
	p->x_element = element();
	p->w_element = element();
	p->y_element = (struct qmac_element){.bits = 64, .is_signed = true, .container = QMAC_CONTAINER_DOUBLE};
	fill(p->x, c->n * c->h * c->w * c->ci, &p->x_element);
	fill(p->w, c->kh * c->kw * c->ci * c->co, &p->w_element);
	ref_conv_forward(c, p->x, p->w, p->y);
	seen.padded += c->pad > 0;
	seen.strided += c->stride > 1;
}

static struct qmac_view images(struct qmac_element e, int64_t channels, int64_t h, int64_t w)
{
	uint64_t offset = (uint64_t)pick(0, 3) << e.container;

	return qmac_view_images(offset, e, problem.conv.n, channels, h, w, qmac_fuzz_pick(&state, 1, 12));
}

static struct qmac_view matrix(struct qmac_element e, int64_t rows, int64_t cols)
{
	uint64_t unit = (uint64_t)1 << e.container, row = (uint64_t)(cols + pick(0, 4)) * unit;

	return qmac_view_matrix((uint64_t)pick(0, 3) * unit, e, rows, cols, row);
}

/* Loads the images with their padding to A. */
static struct qmac_panel load_images(struct rig *rig)
{
	const struct ref_conv *c = &problem.conv;
	const uint32_t positions[3] = {
		(uint32_t)c->n, (uint32_t)(c->h + 2 * c->pad), (uint32_t)(c->w + 2 * c->pad),
	};
	struct qmac_view view = images(problem.x_element, c->ci, c->h, c->w);
	struct test_tensor x = test_tensor_put(rig->driver, view, problem.x);
	struct qmac_limbs limbs = qmac_limbs_of(x.view.element.bits, rig->hw.a_bits, x.view.element.is_signed);
	struct qmac_panel panel = qmac_panel_dense(QMAC_SPACE_A, (uint32_t)pick(0, 9), limbs, c->ci,
	                                           rig->hw.rows, positions);
	struct qmac_move move = qmac_move_whole(QMAC_OPCODE_LOAD, &x.view, &panel);

	CU_ASSERT_FATAL(panel.row + qmac_panel_rows(&panel) <= DEPTH);
	for (int d = 1; d < 3; d++) {
		move.first[d] = -c->pad;
		move.count[d] = positions[d];
	}
	add_move(rig, move);
	seen.wide += x.view.lanes > rig->hw.rows;
	seen.pairs += limbs.count > 1;
	return panel;
}

static struct qmac_panel accumulators(struct rig *rig, uint32_t row, int64_t channels,
                                      const uint32_t positions[3])
{
	struct qmac_limbs whole = qmac_limbs_of(rig->hw.acc_bits, rig->hw.acc_bits, true);

	return qmac_panel_dense(QMAC_SPACE_ACC, row, whole, channels, rig->hw.cols, positions);
}

/* Stores a panel to a view and compares. */
static void check(struct rig *rig, const struct qmac_panel *panel, struct qmac_view view,
                  const int64_t *expected)
{
	static int64_t zeros[ELEMENTS_MAX];
	struct test_tensor tensor = test_tensor_put(rig->driver, view, zeros);

	CU_ASSERT_FATAL(test_tensor_count(&view) <= ELEMENTS_MAX);
	add_move(rig, qmac_move_whole(QMAC_OPCODE_STORE, &tensor.view, panel));
	finish(rig);
	CU_ASSERT_EQUAL(test_tensor_wrong(rig->driver, &tensor, expected), 0);
}

static void set_window(struct qmac_passes *passes)
{
	const struct ref_conv *c = &problem.conv;

	passes->stride[1] = passes->stride[2] = (uint32_t)c->stride;
	passes->taps = (struct qmac_taps){
		.n = {(int)c->kh, (int)c->kw}, .a = {(int32_t)passes->a.step[1], (int32_t)passes->a.step[2]},
		.other = {(int32_t)(c->kw * c->ci), (int32_t)c->ci},
	};
}

/* Y = X * W, on top of what ACC holds or not, shifted or not; leaves Y in `made`. */
static struct qmac_panel forward(struct rig *rig, const struct qmac_panel *a)
{
	const struct ref_conv *c = &problem.conv;
	const uint32_t out[3] = {(uint32_t)c->n, (uint32_t)ref_conv_out_h(c), (uint32_t)ref_conv_out_w(c)};
	int64_t k = c->kh * c->kw * c->ci, count = out[0] * out[1] * out[2] * c->co;
	struct test_tensor w = test_tensor_put(rig->driver, matrix(problem.w_element, k, c->co), problem.w);
	struct qmac_limbs limbs = qmac_limbs_of(w.view.element.bits, rig->hw.w_bits, w.view.element.is_signed);
	struct qmac_panel b = qmac_panel_dense(QMAC_SPACE_W, (uint32_t)pick(0, 9), limbs, c->co, rig->hw.cols,
	                                       (uint32_t[3]){1, 1, (uint32_t)k});
	struct qmac_panel y = accumulators(rig, (uint32_t)pick(0, 9), c->co, out);
	struct qmac_passes passes = qmac_passes_of(QMAC_FORM_AB, a, &b, &y, 1);

	CU_ASSERT_FATAL(b.row + qmac_panel_rows(&b) <= DEPTH);
	add_move(rig, qmac_move_whole(QMAC_OPCODE_LOAD, &w.view, &b));
	memcpy(passes.n, out, sizeof out);
	passes.shift = (int)pick(0, 3);
	passes.accumulate = pick(0, 1);
	set_window(&passes);
	for (int64_t i = 0; i < count; i++)
		problem.made[i] = (passes.accumulate ? i - 50 : 0) + problem.y[i] * (1 << passes.shift);
	if (passes.accumulate) {
		static int64_t before[ELEMENTS_MAX];
		struct qmac_element e = problem.y_element;
		struct test_tensor old;

		for (int64_t i = 0; i < count; i++)
			before[i] = i - 50;
		old = test_tensor_put(rig->driver, images(e, c->co, out[1], out[2]), before);
		add_move(rig, qmac_move_whole(QMAC_OPCODE_LOAD, &old.view, &y));
	}
	add_passes(rig, passes);
	check(rig, &y, images(problem.y_element, c->co, out[1], out[2]), problem.made);
	return y;
}

/* dW from X and numbers in place of dY. */
static void weight_gradient(struct rig *rig, const struct qmac_panel *a)
{
	const struct ref_conv *c = &problem.conv;
	const uint32_t out[3] = {(uint32_t)c->n, (uint32_t)ref_conv_out_h(c), (uint32_t)ref_conv_out_w(c)};
	struct qmac_element e = element();
	struct qmac_view view = images(e, c->co, out[1], out[2]);
	struct qmac_limbs limbs = qmac_limbs_of(e.bits, rig->hw.w_bits, e.is_signed);
	struct qmac_panel b = qmac_panel_dense(QMAC_SPACE_W, 3, limbs, c->co, rig->hw.cols, out), dw;
	int64_t m = c->kh * c->kw * c->ci;
	static int64_t dy[ELEMENTS_MAX];
	struct qmac_passes passes;
	struct test_tensor stored;

	fill(dy, test_tensor_count(&view), &e);
	ref_conv_weight_gradient(c, problem.x, dy, problem.dw);
	stored = test_tensor_put(rig->driver, view, dy);
	add_move(rig, qmac_move_whole(QMAC_OPCODE_LOAD, &stored.view, &b));
	dw = accumulators(rig, 7, c->co, (uint32_t[3]){1, 1, (uint32_t)m});
	passes = qmac_passes_of(QMAC_FORM_ATB, a, &b, &dw, 1);
	memcpy(passes.n, out, sizeof out);
	set_window(&passes);
	add_passes(rig, passes);
	check(rig, &dw, matrix(problem.y_element, m, c->co), problem.dw);
}

static void test_convolution(void)
{
	for (int i = 0; i < CASES; i++) {
		struct rig rig;
		struct qmac_panel a;

		draw_problem(&problem);
		open_rig(&rig);
		a = load_images(&rig);
		(void)forward(&rig, &a);
		weight_gradient(&rig, &a);
		close_rig(&rig);
	}
	printf("(padded %d, strided %d, memory blocks wider than rows %d, limb pairs %d) ", seen.padded,
	       seen.strided, seen.wide, seen.pairs);
	CU_ASSERT(seen.padded && seen.strided && seen.wide && seen.pairs);
}

/* ---- the end of a product -------------------------------------------------------- */

static struct qmac_rescale draw_scale(const uint32_t out[3])
{
	struct qmac_rescale scale = {
		.left = (int)pick(0, 4), .mult = (int32_t)pick(-9, 9), .shift = (int)pick(0, 20),
		.rounding = (unsigned)pick(0, 2), .relu = pick(0, 1), .bits = (int)pick(2, 20),
		.seed = (uint32_t)test_random(&state), .row0 = (uint32_t)pick(0, 1000),
		.rows = {out[1] * out[2], out[2], 1}, .channel0 = (uint32_t)pick(0, 70000),
	};

	return scale;
}

/* The formula of vector.h, on `made`. */
static void apply(const struct qmac_rescale *s, const int64_t *bias, int64_t *values, int64_t count,
                  int64_t channels)
{
	uint64_t clamps = 0;

	for (int64_t i = 0; i < count; i++) {
		int64_t channel = i % channels, row = i / channels;
		uint32_t r = ref_dither(s->seed, s->row0 + (uint32_t)row, s->channel0 + (uint32_t)channel);
		int64_t x = ((values[i] * (1 << s->left)) + (bias ? bias[channel] : 0)) * s->mult;

		x = ref_round(x, s->shift, s->rounding, r);
		values[i] = ref_clamp(s->relu && x < 0 ? 0 : x, s->bits, &clamps);
	}
}

/* Copies what a panel of A or W holds, limb by limb, back into ACC and compares. */
static void check_operand(struct rig *rig, const struct qmac_panel *operand, const uint32_t out[3])
{
	struct qmac_panel back = accumulators(rig, 20000, operand->channels, out);
	int64_t count = (int64_t)out[0] * out[1] * out[2] * operand->channels;
	static int64_t limb[ELEMENTS_MAX];

	for (int l = 0; l < operand->limbs.count; l++) {
		struct qmac_limb_cut cut = qmac_limb_cut(&operand->limbs, l);

		for (int64_t block = 0; block < qmac_panel_blocks(operand); block++)
			add(rig, (struct qmac_command){
				.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC,
				.s0space = operand->space, .s1space = QMAC_SPACE_IMM, .mult = 1, .n1 = 1,
				.n0 = out[0] * out[1] * out[2], .d0 = 1, .a0 = 1, .bw = 32, .s0_unsigned = cut.is_unsigned,
				.src0 = qmac_panel_row(operand, l, block), .dst = qmac_panel_row(&back, 0, block),
				.lanes = qmac_panel_lanes(operand, block),
			});
		for (int64_t i = 0; i < count; i++)
			limb[i] = ref_limb(problem.made[i], (int)cut.lsb, (int)cut.bits, cut.is_unsigned);
		check(rig, &back, images(problem.y_element, operand->channels, out[1], out[2]), limb);
	}
}

static struct test_tensor put_bias(struct rig *rig, int64_t channels, int64_t *bias)
{
	const struct qmac_element e = {.bits = 32, .is_signed = true, .container = QMAC_CONTAINER_WORD};

	for (int64_t i = 0; i < channels; i++)
		bias[i] = pick(-5000, 5000);
	return test_tensor_put(rig->driver, matrix(e, 1, channels), bias);
}

static void one_end(struct rig *rig)
{
	const struct ref_conv *c = &problem.conv;
	const uint32_t out[3] = {(uint32_t)c->n, (uint32_t)ref_conv_out_h(c), (uint32_t)ref_conv_out_w(c)};
	struct qmac_panel a = load_images(rig), y = forward(rig, &a), to, operand;
	int64_t bias[16], count = out[0] * out[1] * out[2] * c->co;
	struct qmac_vector end = {.from = y, .scale = draw_scale(out), .has_bias = pick(0, 1), .bias_row = 60000};
	bool in_place = pick(0, 1);
	struct qmac_limbs limbs;

	memcpy(end.n, out, sizeof out);
	if (end.has_bias) {
		struct test_tensor stored = put_bias(rig, c->co, bias);
		struct qmac_panel rows = accumulators(rig, end.bias_row, c->co, (uint32_t[3]){1, 1, 1});

		add_move(rig, qmac_move_whole(QMAC_OPCODE_LOAD, &stored.view, &rows));
	}
	/* sums of the products are short of 2^53, so nothing here leaves 64 bits */
	apply(&end.scale, end.has_bias ? bias : NULL, problem.made, count, c->co);
	limbs = qmac_limbs_of(end.scale.bits, rig->hw.w_bits, true);
	operand = qmac_panel_dense(QMAC_SPACE_W, 11, limbs, c->co, rig->hw.cols, out);
	to = in_place ? y : accumulators(rig, 40000, c->co, out);
	if (limbs.count == 1 && pick(0, 1)) {
		end.to = operand;
		add_vector(rig, end);
		seen.operands++;
	} else {
		end.to = to;
		add_vector(rig, end);
		check(rig, &to, images(problem.y_element, c->co, out[1], out[2]), problem.made);
		for (int i = 0; i < limbs.count; i++)
			add_vector(rig, qmac_vector_copy_limb(&to, &operand, i, out));
		seen.multi += limbs.count > 1;
	}
	check_operand(rig, &operand, out);
	seen.bias += end.has_bias;
	seen.stochastic += end.scale.rounding == QMAC_ROUND_STOCHASTIC;
}

static void test_ends(void)
{
	for (int i = 0; i < CASES; i++) {
		struct rig rig;

		draw_problem(&problem);
		open_rig(&rig);
		one_end(&rig);
		close_rig(&rig);
	}
	printf("(bias %d, stochastic %d, straight into W %d, several limbs %d) ", seen.bias, seen.stochastic,
	       seen.operands, seen.multi);
	CU_ASSERT(seen.bias && seen.stochastic && seen.operands && seen.multi);
}

/* ---- particular moves --------------------------------------------------------------- */

/* Two rows of a matrix in one command, each in all blocks; a matrix stored transposed. */
static void test_gathered_and_transposed(void)
{
	enum { ROWS = 9, COLS = 11 };
	const struct qmac_element e = {.bits = 32, .is_signed = true, .container = QMAC_CONTAINER_WORD};
	int64_t values[ROWS * COLS], expected[ROWS * COLS];
	struct qmac_command command;
	struct qmac_panel panel;
	struct qmac_move move;
	struct test_tensor stored;
	struct rig rig;

	open_rig(&rig);
	for (int i = 0; i < ROWS * COLS; i++)
		values[i] = i * i - 77;
	stored = test_tensor_put(rig.driver, matrix(e, ROWS, COLS), values);
	panel = accumulators(&rig, 5, COLS, (uint32_t[3]){1, 1, 2});
	move = qmac_move_whole(QMAC_OPCODE_LOAD, &stored.view, &panel);
	move.first[2] = 2;
	move.step[2] = 5;
	move.count[2] = 2;
	add_move(&rig, move);
	CU_ASSERT(qmac_move_next(&move, &command)); /* all whole blocks at once */
	CU_ASSERT_EQUAL(command.n0 * command.n1, COLS >= rig.hw.cols ? 2U * (COLS / (unsigned)rig.hw.cols) : 2U);
	memcpy(expected, values + 2 * COLS, COLS * sizeof *values);
	memcpy(expected + COLS, values + 7 * COLS, COLS * sizeof *values);
	check(&rig, &panel, matrix(problem.y_element, 2, COLS), expected);

	stored.view = qmac_view_transposed(stored.view.address, e, COLS, ROWS, stored.view.position_bytes[2]);
	for (int i = 0; i < COLS * ROWS; i++)
		expected[i] = values[i % ROWS * COLS + i / ROWS];
	panel = accumulators(&rig, 500, ROWS, (uint32_t[3]){1, 1, COLS});
	add_move(&rig, qmac_move_whole(QMAC_OPCODE_LOAD, &stored.view, &panel));
	check(&rig, &panel, matrix(problem.y_element, COLS, ROWS), expected);
	close_rig(&rig);
}

/* A region in the padding alone moves nothing; its edge does. */
static void test_regions(void)
{
	const struct qmac_element e = {.bits = 8, .is_signed = true, .container = QMAC_CONTAINER_BYTE};
	struct qmac_view view = qmac_view_images(0, e, 1, 4, 5, 6, 4);
	struct qmac_panel panel = qmac_panel_dense(QMAC_SPACE_A, 0, qmac_limbs_of(8, 8, true), 4, 4,
	                                           (uint32_t[3]){1, 3, 2});
	struct qmac_move move = qmac_move_whole(QMAC_OPCODE_LOAD, &view, &panel);
	struct qmac_command c;

	move.count[1] = 3;
	move.count[2] = 2;
	move.step[1] = 2;
	move.first[1] = -5;
	CU_ASSERT_FALSE(qmac_move_is_inside(&move)); /* lines -5, -3, -1 */
	move.first[1] = -3;                          /* -3, -1, 1 */
	move.first[2] = 5;                           /* 5, 6 */
	CU_ASSERT_FATAL(qmac_move_is_inside(&move));
	CU_ASSERT(qmac_move_next(&move, &c));
	CU_ASSERT_EQUAL(c.lo1, 2);
	CU_ASSERT_EQUAL(c.hi1, 2);
	CU_ASSERT_EQUAL(c.lo0, 0);
	CU_ASSERT_EQUAL(c.hi0, 0);
	CU_ASSERT_EQUAL(c.base, ((uint64_t)0 - 3 * 24 + 5 * 4) & 0xFFFFFFFFFFFF);
	CU_ASSERT_FALSE(c.coalesce);
	CU_ASSERT_FALSE(qmac_move_next(&move, &c));
	move.first[2] = 6;
	CU_ASSERT_FALSE(qmac_move_is_inside(&move));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"convolution forward and weight gradient, all on chip", test_convolution},
		{"bias, requantise, relu, into ACC or W", test_ends},
		{"gathered rows, a transposed matrix", test_gathered_and_transposed},
		{"regions in the padding", test_regions},
	};

	state = test_seed();
	return test_main("test_panel", cases, TEST_COUNT(cases));
}
