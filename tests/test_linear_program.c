/*
 * The inner loop on the device against the slow model of reference/ref_linear.h:
 * bit for bit, on random small hardware, for random widths and shapes, with the
 * commands in a random order that their waits allow (reference/shuffled_backend.h).
 */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "qmac_isa.h"
#include "reference/ref_linear.h"
#include "reference/ref_num.h"
#include "reference/shuffled_backend.h"
#include "test.h"
#include "train/linear_program.h"

enum { FEATURES_MAX = REF_FEATURES_MAX, SAMPLES_MAX = REF_SAMPLES_MAX };
enum { STEPS_MAX = 12, LOOPS = 3, CASES = 1500 };

static uint64_t state;

/* What the random cases reached, so that the test can not go blind. */
static struct {
	int cases, refused, resident[3], streamed[3], table, immediate, left, saturated;
} seen;

static int64_t pick(int64_t low, int64_t high)
{
	return low + (int64_t)(test_random(&state) % (uint64_t)(high - low + 1));
}

/* A signed number of at most `bits` bits, of random length. */
static int64_t number(int bits)
{
	return ref_wrap((ref_int)test_random(&state), (int)pick(1, bits));
}

/* ---- random cases ---------------------------------------------------------------- */

static void random_shape(struct qmac_linear_shape *s)
{
	int algorithm = (int)pick(0, 2);

	memset(s, 0, sizeof *s);
	s->samples = pick(1, SAMPLES_MAX);
	s->batch = 1;
	s->features = pick(1, pick(0, 1) ? FEATURES_MAX : 12);
	s->bits = (int)pick(2, pick(0, 3) ? 16 : 32);
	s->x_bits = (int)pick(2, 16);
	s->frac_bits = (int)pick(0, 24);
	s->mp_bits = (int)pick(2, 32);
	s->has_offset = algorithm != 0;
	s->has_targets = algorithm != 1;
	if (algorithm == 0) {
		s->y_frac_bits = (int)pick(0, 16);
		s->target_bits = (int)pick(2, 44);
	}
	/* a typical step of 2^-8 to 2^8 grid units, sometimes far off */
	s->c1 = ldexp(1 + (double)pick(0, 1 << 20) / (1 << 20), -2 * s->x_bits + (int)pick(-8, 8));
	if (pick(0, 9) == 0)
		s->c1 *= ldexp(1, (int)pick(-24, 24));
}

static void random_operands(struct ref_linear *model, int16_t *codes)
{
	const struct qmac_linear_shape *s = &model->shape;
	int64_t limit = (int64_t)ref_power(s->x_bits - 1) - 1;
	int k_bits = s->target_bits ? s->target_bits : qmac_linear_m_bits(s->bits, s->x_bits, s->features);

	for (int64_t i = 0; i < s->samples; i++) {
		for (int64_t j = 0; j < s->features; j++) {
			model->x[i][j] = pick(0, 3) ? pick(-limit, limit) : limit;
			codes[i * s->features + j] = (int16_t)model->x[i][j];
		}
		model->k[i] = number(k_bits);
	}
}

static void random_hardware(struct qmac_hw *hw)
{
	qmac_fuzz_hw(&state, hw);
	hw->acc_bits = (int)pick(30, 64); /* most runs need that many */
	if (pick(0, 1))
		hw->a_bits = (int)pick(2, 16);
	if (pick(0, 1))
		hw->w_bits = (int)pick(2, 16);
}

/* One loop of random length from a random start, on both sides. */
static void check_loop(struct ref_linear *model, struct qmac_linear_program *program,
                       const struct qmac_linear_plan *plan, bool first)
{
	const struct qmac_linear_shape *s = &model->shape;
	uint32_t order[STEPS_MAX];
	int32_t start[FEATURES_MAX], z[FEATURES_MAX];
	int64_t kept[FEATURES_MAX];
	struct qmac_linear_loop loop = {.order = order, .steps = pick(0, STEPS_MAX), .run_seed = model->run_seed,
	                                .first_step = model->step, .tag = 7, .z = z};
	struct qmac_error err = {0};
	bool clear = pick(0, 1);

	loop.keep_after = pick(0, 1) ? loop.steps : pick(0, loop.steps);
	if (first || pick(0, 1)) {
		for (int64_t j = 0; j < s->features; j++) {
			model->z[j] = clear ? 0 : number(s->bits);
			start[j] = (int32_t)model->z[j];
		}
		qmac_linear_program_set_z(program, clear ? NULL : start);
	}
	if (s->has_offset && (first || pick(0, 1))) {
		for (int64_t j = 0; j < s->features; j++)
			model->h[j] = number(pick(0, 3) ? s->bits + s->frac_bits - 1 : plan->step.u_bits);
		qmac_linear_program_set_offset(program, model->h);
	}
	if (s->has_targets)
		qmac_linear_program_set_targets(program, model->k);
	for (int64_t t = 0; t <= loop.steps; t++) {
		if (t == loop.keep_after)
			memcpy(kept, model->z, sizeof kept);
		if (t == loop.steps)
			break;
		order[t] = (uint32_t)pick(0, s->samples - 1);
		ref_linear_step(model, &order[t]);
	}
	if (qmac_linear_program_run(program, &loop, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("device");
	}
	for (int64_t j = 0; j < s->features; j++)
		CU_ASSERT_EQUAL_FATAL(z[j], kept[j]);
}

static void note(const struct qmac_linear_plan *plan)
{
	seen.cases++;
	(plan->x_resident ? seen.resident : seen.streamed)[plan->x_space]++;
	seen.table += plan->target_table;
	seen.immediate += plan->shape.has_targets && !plan->target_table;
	seen.left += plan->step.t_left > 0;
}

static void random_case(void)
{
	static struct ref_linear model;
	static int16_t codes[SAMPLES_MAX * FEATURES_MAX];
	struct qmac_hw hw;
	struct qmac_linear_plan plan;
	struct qmac_device_options options = {.kernel = pick(0, 1) ? "scalar" : "auto"};
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_linear_program *program;
	int ring_log2 = (int)pick(2, 9);

	random_hardware(&hw);
	random_shape(&model.shape);
	if (qmac_linear_plan_make(&plan, &model.shape, &hw, NULL) != QMAC_OK) {
		seen.refused++;
		return;
	}
	note(&plan);
	random_operands(&model, codes);
	model.run_seed = (uint32_t)test_random(&state);
	model.step = (uint32_t)test_random(&state);
	model.clamped = 0;
	options.memory_bytes = ((uint64_t)QMAC_COMMAND_BYTES << ring_log2) + qmac_linear_program_memory(&plan);
	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", &hw, &options, &backend, NULL), QMAC_OK);
	backend = shuffled_backend(backend, test_random(&state));
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(backend, &hw, ring_log2, &driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_linear_program_create(driver, &plan, codes, &program, NULL), QMAC_OK);
	for (int loop = 0; loop < LOOPS; loop++)
		check_loop(&model, program, &plan, loop == 0);
	seen.saturated += model.clamped != 0;
	qmac_linear_program_destroy(program);
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
}

static void test_random_cases(void)
{
	state = test_seed();
	for (int i = 0; i < CASES; i++)
		random_case();
	printf("(%d cases, %d refused; resident A %d W %d ACC %d, streamed A %d W %d ACC %d; targets table %d "
	       "immediate %d; left shifts %d, with clamped residuals %d) ", seen.cases, seen.refused,
	       seen.resident[0], seen.resident[1], seen.resident[2], seen.streamed[0], seen.streamed[1],
	       seen.streamed[2], seen.table, seen.immediate, seen.left, seen.saturated);
	for (int space = 0; space < 3; space++)
		CU_ASSERT(seen.resident[space] > 0 && seen.streamed[space] > 0);
	CU_ASSERT(seen.table > 0 && seen.immediate > 0 && seen.left > 0 && seen.saturated > 0);
	CU_ASSERT(seen.cases > CASES / 3);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"device loop equals the integer model", test_random_cases},
	};

	return test_main("test_linear_program", cases, TEST_COUNT(cases));
}
