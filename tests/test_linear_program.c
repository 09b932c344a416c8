/*
 * The inner loop on the device against the slow model of reference/ref_linear.h:
 * bit for bit, on random small hardware, for random widths and shapes, with the
 * commands in a random order that their waits allow (reference/shuffled_backend.h).
 * And the programs are race-free.
 */
#include <stdio.h>

#include "reference/program_case.h"
#include "reference/ref_linear.h"
#include "test.h"
#include "step/linear_program.h"

enum { STEPS_MAX = 12, LOOPS = 3, CASES = 1500 };

/* What the random cases reached, so that the test can not go blind. */
static struct {
	int cases, refused, resident[3], streamed[3], table, immediate, left, saturated;
} seen;

/* ---- random cases ---------------------------------------------------------------- */

static const struct case_limits limits = {
	.batch = 1, .frac_bits = 24, .mp_bits = 32, .y_frac_bits = 16, .target_bits = 44,
};

/* An element of X: often the largest code. */
static int64_t random_code(int64_t limit)
{
	return case_pick(0, 3) ? case_any_code(limit) : limit;
}

static void random_hardware(struct qmac_hw *hw)
{
	case_hw(hw);
	hw->acc_bits = (int)case_pick(30, 64); /* most runs need that many */
	if (case_pick(0, 1))
		hw->a_bits = (int)case_pick(2, 16);
	if (case_pick(0, 1))
		hw->w_bits = (int)case_pick(2, 16);
}

/* One loop of random length from a random start, on both sides. */
static void check_loop(struct ref_linear *model, struct qmac_inner_loop *program,
                       const struct qmac_linear_plan *plan, bool first)
{
	const struct qmac_linear_shape *s = &model->shape;
	uint32_t order[STEPS_MAX];
	int32_t start[REF_FEATURES_MAX], z[REF_FEATURES_MAX];
	int64_t kept[REF_FEATURES_MAX];
	struct qmac_linear_loop loop = {
		.order = order, .steps = case_pick(0, STEPS_MAX), .run_seed = model->run_seed,
		.first_step = model->step, .z = z,
	};
	struct qmac_error err = {0};
	bool clear = case_pick(0, 1);

	loop.keep_after = case_pick(0, 1) ? loop.steps : case_pick(0, loop.steps);
	if (first || case_pick(0, 1)) {
		case_linear_start(model, start, clear, false);
		qmac_inner_loop_set_z(program, clear ? NULL : start);
	}
	if (s->has_offset && (first || case_pick(0, 1))) {
		case_linear_offset(model, plan->step.u_bits);
		qmac_inner_loop_set_offset(program, model->h);
	}
	if (s->has_targets)
		qmac_inner_loop_set_targets(program, model->k);
	case_order(order, loop.steps, s->samples);
	case_linear_run(model, &loop, kept);
	case_check_status(qmac_inner_loop_run(program, &loop, &err), &err);
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
	static int16_t codes[REF_SAMPLES_MAX * REF_FEATURES_MAX];
	struct qmac_hw hw;
	struct qmac_linear_plan plan;
	struct case_device device;
	struct qmac_inner_loop *program;

	case_device_draw(&device);
	random_hardware(&hw);
	case_linear_shape(&model.shape, &limits);
	if (qmac_linear_plan_make(&plan, &model.shape, &hw, NULL) != QMAC_OK) {
		seen.refused++;
		return;
	}
	note(&plan);
	case_linear_operands(&model, codes, random_code);
	case_device_open(&device, &hw, qmac_linear_program_memory(&plan));
	CU_ASSERT_EQUAL_FATAL(qmac_linear_program_create(device.driver, &plan, &program, NULL), QMAC_OK);
	qmac_inner_loop_set_x(program, 0, plan.shape.samples, codes);
	for (int loop = 0; loop < LOOPS; loop++)
		check_loop(&model, program, &plan, loop == 0);
	case_check_races(&device);
	seen.saturated += model.clamped != 0;
	qmac_inner_loop_destroy(program);
	case_device_close(&device);
}

static void test_random_cases(void)
{
	case_seed();
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
