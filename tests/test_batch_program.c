/*
 * The mini-batch inner loop on the device against the slow model of
 * reference/ref_linear.h: bit for bit, for random batches, widths and shapes, on
 * random small hardware where X, Z and m' take limbs and batches take chunks, with
 * the commands in a random order that their waits allow
 * (reference/shuffled_backend.h). So the hardware never changes a bit. And the
 * programs are race-free, the ports of the banks included.
 */
#include <stdio.h>

#include "reference/program_case.h"
#include "reference/ref_linear.h"
#include "shipped_hw.h"
#include "test.h"
#include "step/step.h"

enum { BATCH_MAX = 40, STEPS_MAX = 5, LOOPS = 3, CASES = TEST_CASES(800) };

/* What the random cases reached, so that the test can not go blind. */
static struct {
	int cases, refused, tight, limbs_x, limbs_z, limbs_m, all_limbs, chunks, ragged, parts, part_chunks;
	int targets, left, clamped;
} seen;

/* ---- random cases ------------------------------------------------------------------ */

static const struct case_limits limits = {
	.batch = BATCH_MAX, .frac_bits = 16, .mp_bits = 24, .y_frac_bits = 8, .target_bits = 40,
};

static void random_hardware(struct qmac_hw *hw)
{
	case_hw(hw);
	hw->acc_bits = (int)case_pick(40, 64);
	hw->a_bits = (int)case_pick(2, 16);
	hw->w_bits = (int)case_pick(2, 16);
}

/* New starting values for some of what a loop starts from, on both sides. */
static void set_start(struct ref_linear *model, struct qmac_inner_loop *program,
                      const struct qmac_step_plan *plan, bool first)
{
	bool clear = case_pick(0, 1), extreme = case_pick(0, 3) == 0;
	int32_t start[REF_FEATURES_MAX];

	if (first || case_pick(0, 1)) {
		case_linear_start(model, start, clear, extreme);
		qmac_inner_loop_set_z(program, clear ? NULL : start);
	}
	if (model->shape.has_offset && (first || case_pick(0, 1))) {
		case_linear_offset(model, plan->step.u_bits);
		qmac_inner_loop_set_offset(program, model->h);
	}
	if (model->shape.has_targets)
		qmac_inner_loop_set_targets(program, model->k);
}

/* One loop of random length from a random start, on both sides. */
static void check_loop(struct ref_linear *model, struct qmac_inner_loop *program,
                       const struct qmac_step_plan *plan, bool first)
{
	const struct qmac_linear_shape *s = &model->shape;
	uint32_t order[STEPS_MAX * BATCH_MAX];
	int32_t z[REF_FEATURES_MAX];
	int64_t kept[REF_FEATURES_MAX];
	struct qmac_linear_loop loop = {
		.order = order, .steps = case_pick(0, STEPS_MAX), .run_seed = model->run_seed,
		.first_step = model->step, .z = z,
	};
	struct qmac_error err = {0};

	loop.keep_after = case_pick(0, 1) ? loop.steps : case_pick(0, loop.steps);
	case_order(order, loop.steps * s->batch, s->samples);
	qmac_step_sort(order, loop.steps, s->batch);
	set_start(model, program, plan, first);
	case_linear_run(model, &loop, kept);
	case_check_status(qmac_inner_loop_run(program, &loop, &err), &err);
	for (int64_t j = 0; j < s->features; j++)
		CU_ASSERT_EQUAL_FATAL(z[j], kept[j]);
}

static void note(const struct qmac_step_plan *plan)
{
	seen.cases++;
	seen.limbs_x += plan->x.count > 1;
	seen.limbs_z += plan->z.count > 1;
	seen.limbs_m += plan->m.count > 1;
	seen.all_limbs += plan->x.count > 1 && plan->z.count > 1 && plan->m.count > 1;
	seen.chunks += plan->chunks > 1;
	seen.parts += !qmac_step_plan_resident(plan);
	seen.part_chunks += !qmac_step_plan_resident(plan) && plan->chunks > 1;
	seen.ragged += plan->chunks > 1 && plan->shape.batch % plan->chunk > 0;
	seen.targets += plan->shape.has_targets;
	seen.left += plan->step.t_left > 0;
}

static void random_case(void)
{
	static struct ref_linear model;
	static int16_t codes[REF_SAMPLES_MAX * REF_FEATURES_MAX];
	struct qmac_hw hw;
	struct qmac_step_plan plan;
	struct case_device device;
	struct qmac_inner_loop *program;
	uint64_t counters[QMAC_COUNTERS];

	case_device_draw(&device);
	random_hardware(&hw);
	case_linear_shape(&model.shape, &limits);
	if (qmac_step_plan_make(&plan, &model.shape, &hw, NULL) != QMAC_OK) {
		seen.refused++;
		return;
	}
	if (case_pick(0, 1)) {
		case_tighten(&plan, &model.shape, &hw);
		seen.tight++;
	}
	note(&plan);
	case_linear_operands(&model, codes, case_pick(0, 2) ? case_any_code : case_extreme_code);
	case_device_open(&device, &hw, qmac_step_memory_bytes(&plan));
	CU_ASSERT_EQUAL_FATAL(qmac_step_create(device.driver, &plan, &program, NULL), QMAC_OK);
	qmac_inner_loop_set_x(program, 0, plan.shape.samples, codes);
	for (int loop = 0; loop < LOOPS; loop++)
		check_loop(&model, program, &plan, loop == 0);
	case_check_races(&device);
	seen.clamped += model.clamped > 0;
	case_check_exact(&device, counters);
	qmac_inner_loop_destroy(program);
	case_device_close(&device);
}

static void test_random_cases(void)
{
	case_seed();
	for (int i = 0; i < CASES; i++)
		random_case();
	printf("(%d cases, %d with the narrowest accumulators, %d refused; limbs X %d Z %d m' %d all %d; chunks "
	       "%d ragged %d, part by part %d, with chunks %d; targets %d, left shifts %d, clamped %d) ",
	       seen.cases, seen.tight, seen.refused, seen.limbs_x, seen.limbs_z, seen.limbs_m, seen.all_limbs,
	       seen.chunks, seen.ragged, seen.parts, seen.part_chunks, seen.targets, seen.left, seen.clamped);
	CU_ASSERT(seen.cases > CASES / 3 && seen.tight > CASES / 10);
	CU_ASSERT(seen.parts > 20 && seen.part_chunks > 20);
	CU_ASSERT(seen.all_limbs > 20 && seen.chunks > 20 && seen.ragged > 10);
	CU_ASSERT(seen.targets > 20 && seen.left > 20 && seen.clamped > 20);
}

/* ---- very large data ---------------------------------------------------------------- */

enum { FAR_FEATURES = 4096, FAR_SAMPLES = 1100000 }; /* of a byte each: 4.5 GB */

static struct {
	uint64_t first;  /* address of sample 0 */
	int loads[2];    /* of sample 0, of the last one */
	int others;
} far;

/* LOADs of X, whatever their place within a sample. */
static void note_load(void *context, struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS])
{
	struct qmac_command command;

	(void)context;
	(void)device;
	qmac_command_decode(words, &command);
	if (command.opcode != QMAC_OPCODE_LOAD || command.space != QMAC_SPACE_A)
		return;
	for (uint64_t i = 0; i < command.n1; i++) {
		uint64_t at = command.base + i * command.s1, sample;

		if (far.first == 0)
			far.first = at;
		sample = (at - far.first) / FAR_FEATURES;
		if (sample == 0 || sample == FAR_SAMPLES - 1)
			far.loads[sample > 0]++;
		else
			far.others++;
	}
}

/* Two samples of a step that are further apart than a stride can reach: each is loaded from its place. */
static void test_far_samples(void)
{
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	const struct qmac_linear_shape shape = {
		.samples = FAR_SAMPLES, .features = FAR_FEATURES, .batch = 2, .bits = 8, .x_bits = 8, .frac_bits = 8,
		.mp_bits = 8, .c1 = 0x1p-20,
	};
	static int32_t z[FAR_FEATURES];
	const uint32_t order[2] = {0, FAR_SAMPLES - 1};
	const struct qmac_linear_loop loop = {.order = order, .steps = 1, .keep_after = 1, .z = z};
	struct qmac_device_options options = {.on_command = note_load};
	struct qmac_inner_loop *program;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_step_plan plan;
	struct qmac_error err = {0};

	case_check_status(qmac_step_plan_make(&plan, &shape, &hw, &err), &err);
	CU_ASSERT_EQUAL(plan.load_samples, 1);
	options.memory_bytes = qmac_step_memory_bytes(&plan) + (1 << 20);
	case_check_status(qmac_backend_create("time", &hw, &options, &backend, &err), &err);
	case_check_status(qmac_driver_open(backend, &hw, 10, &driver, &err), &err);
	case_check_status(qmac_step_create(driver, &plan, &program, &err), &err);
	qmac_inner_loop_set_z(program, NULL);
	case_check_status(qmac_inner_loop_run(program, &loop, &err), &err);
	CU_ASSERT(far.loads[0] > 0 && far.loads[0] == far.loads[1]);
	CU_ASSERT_EQUAL(far.others, 0);
	qmac_inner_loop_destroy(program);
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
}

/* The number of a feature is that of its random bits, of which there are not more. */
static void test_many_features(void)
{
	struct qmac_linear_shape shape = {
		.samples = 10, .features = 65537, .batch = 2, .bits = 8, .x_bits = 8, .frac_bits = 8, .mp_bits = 8,
		.c1 = 0x1p-20,
	};
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_step_plan plan;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_step_plan_make(&plan, &shape, &hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, "features 65537: the device's random numbers tell 65536 elements of "
	                       "a vector apart; lower features");
	shape.features = 65536;
	CU_ASSERT_EQUAL(qmac_step_plan_make(&plan, &shape, &hw, &err), QMAC_OK);
	CU_ASSERT_EQUAL(plan.load_samples, 2);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"device loop equals the integer model", test_random_cases},
		{"samples that lie far apart", test_far_samples},
		{"more features than random numbers", test_many_features},
	};

	return test_main("test_batch_program", cases, TEST_COUNT(cases));
}
