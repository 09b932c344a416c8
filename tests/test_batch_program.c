/*
 * The mini-batch inner loop on the device against the slow model of
 * reference/ref_linear.h: bit for bit, for random batches, widths and shapes, on
 * random small hardware where X, Z and m' take limbs and batches take chunks, with
 * the commands in a random order that their waits allow
 * (reference/shuffled_backend.h). So the hardware never changes a bit. And the
 * programs are race-free, the ports of the banks included.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "qmac_isa.h"
#include "race/race.h"
#include "reference/recording_backend.h"
#include "reference/ref_linear.h"
#include "reference/ref_num.h"
#include "reference/shuffled_backend.h"
#include "test.h"
#include "train/batch_program.h"

enum { BATCH_MAX = 40, STEPS_MAX = 5, LOOPS = 3, CASES = 800 };
enum { FEATURES_MAX = REF_FEATURES_MAX, SAMPLES_MAX = REF_SAMPLES_MAX };

static uint64_t state;

/* What the random cases reached, so that the test can not go blind. */
static struct {
	int cases, refused, tight, limbs_x, limbs_z, limbs_m, all_limbs, chunks, ragged, targets, left, clamped;
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

/* ---- random cases ------------------------------------------------------------------ */

static void random_shape(struct qmac_linear_shape *s)
{
	int algorithm = (int)pick(0, 2);

	memset(s, 0, sizeof *s);
	s->samples = pick(1, SAMPLES_MAX);
	s->features = pick(1, pick(0, 1) ? FEATURES_MAX : 12);
	s->batch = pick(1, pick(0, 2) ? BATCH_MAX : 4);
	s->bits = (int)pick(2, pick(0, 3) ? 16 : 32);
	s->x_bits = (int)pick(2, 16);
	s->frac_bits = (int)pick(0, 16);
	s->mp_bits = (int)pick(2, 24);
	s->has_offset = algorithm != 0;
	s->has_targets = algorithm != 1;
	if (algorithm == 0) {
		s->y_frac_bits = (int)pick(0, 8);
		s->target_bits = (int)pick(2, 40);
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
	bool extreme = pick(0, 2) == 0;

	for (int64_t i = 0; i < s->samples; i++) {
		for (int64_t j = 0; j < s->features; j++) {
			model->x[i][j] = extreme ? (pick(0, 7) ? limit : -limit) : pick(-limit, limit);
			codes[i * s->features + j] = (int16_t)model->x[i][j];
		}
		model->k[i] = number(k_bits);
	}
}

/* Accumulators of exactly the width that the plan asks for, and no plan with one bit less. */
static void tighten(struct qmac_batch_plan *plan, const struct qmac_linear_shape *shape, struct qmac_hw *hw)
{
	struct qmac_batch_plan narrow;

	for (hw->acc_bits--; qmac_batch_plan_make(&narrow, shape, hw, NULL) == QMAC_OK; hw->acc_bits--)
		CU_ASSERT_FATAL(hw->acc_bits > 0);
	hw->acc_bits++;
	CU_ASSERT_EQUAL_FATAL(qmac_batch_plan_make(plan, shape, hw, NULL), QMAC_OK);
	seen.tight++;
}

static void random_hardware(struct qmac_hw *hw)
{
	qmac_fuzz_hw(&state, hw);
	hw->acc_bits = (int)pick(40, 64);
	hw->a_bits = (int)pick(2, 16);
	hw->w_bits = (int)pick(2, 16);
}

/* New starting values for some of what a loop starts from, on both sides. */
static void set_start(struct ref_linear *model, struct qmac_batch_program *program,
                      const struct qmac_batch_plan *plan, bool first)
{
	const struct qmac_linear_shape *s = &model->shape;
	bool clear = pick(0, 1), extreme = pick(0, 3) == 0;
	int32_t start[FEATURES_MAX];

	if (first || pick(0, 1)) {
		for (int64_t j = 0; j < s->features; j++) {
			model->z[j] = clear ? 0 : extreme ? -(int64_t)ref_power(s->bits - 1) : number(s->bits);
			start[j] = (int32_t)model->z[j];
		}
		qmac_batch_program_set_z(program, clear ? NULL : start);
	}
	if (s->has_offset && (first || pick(0, 1))) {
		for (int64_t j = 0; j < s->features; j++)
			model->h[j] = number(pick(0, 3) ? s->bits + s->frac_bits - 1 : plan->step.u_bits);
		qmac_batch_program_set_offset(program, model->h);
	}
	if (s->has_targets)
		qmac_batch_program_set_targets(program, model->k);
}

/* One loop of random length from a random start, on both sides. */
static void check_loop(struct ref_linear *model, struct qmac_batch_program *program,
                       const struct qmac_batch_plan *plan, bool first)
{
	const struct qmac_linear_shape *s = &model->shape;
	uint32_t order[STEPS_MAX * BATCH_MAX];
	int32_t z[FEATURES_MAX];
	int64_t kept[FEATURES_MAX];
	struct qmac_linear_loop loop = {.order = order, .steps = pick(0, STEPS_MAX), .run_seed = model->run_seed,
	                                .first_step = model->step, .tag = 7, .z = z};
	struct qmac_error err = {0};

	loop.keep_after = pick(0, 1) ? loop.steps : pick(0, loop.steps);
	for (int64_t i = 0; i < loop.steps * s->batch; i++)
		order[i] = (uint32_t)pick(0, s->samples - 1);
	qmac_batch_sort(order, loop.steps, s->batch);
	set_start(model, program, plan, first);
	for (int64_t t = 0; t <= loop.steps; t++) {
		if (t == loop.keep_after)
			memcpy(kept, model->z, sizeof kept);
		if (t < loop.steps)
			ref_linear_step(model, order + t * s->batch);
	}
	if (qmac_batch_program_run(program, &loop, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("device");
	}
	for (int64_t j = 0; j < s->features; j++)
		CU_ASSERT_EQUAL_FATAL(z[j], kept[j]);
}

static void check_races(const struct qmac_hw *hw, const struct qmac_backend *recorder)
{
	struct qmac_race race;
	struct qmac_error err = {0};
	uint32_t count;
	const struct qmac_command *commands = recording_commands(recorder, &count);

	if (qmac_race_check(hw, commands, count, &race, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("race");
	}
}

static void note(const struct qmac_batch_plan *plan)
{
	seen.cases++;
	seen.limbs_x += plan->x.count > 1;
	seen.limbs_z += plan->z.count > 1;
	seen.limbs_m += plan->m.count > 1;
	seen.all_limbs += plan->x.count > 1 && plan->z.count > 1 && plan->m.count > 1;
	seen.chunks += plan->chunks > 1;
	seen.ragged += plan->chunks > 1 && plan->shape.batch % plan->chunk > 0;
	seen.targets += plan->shape.has_targets;
	seen.left += plan->step.t_left > 0;
}

static void random_case(void)
{
	static struct ref_linear model;
	static int16_t codes[SAMPLES_MAX * FEATURES_MAX];
	struct qmac_hw hw;
	struct qmac_batch_plan plan;
	struct qmac_device_options options = {.kernel = pick(0, 1) ? "scalar" : "auto"};
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_batch_program *program;
	uint64_t counters[QMAC_COUNTERS];
	int ring_log2 = (int)pick(2, 9);

	random_hardware(&hw);
	random_shape(&model.shape);
	if (qmac_batch_plan_make(&plan, &model.shape, &hw, NULL) != QMAC_OK) {
		seen.refused++;
		return;
	}
	if (pick(0, 1))
		tighten(&plan, &model.shape, &hw);
	note(&plan);
	random_operands(&model, codes);
	model.run_seed = (uint32_t)test_random(&state);
	model.step = (uint32_t)test_random(&state);
	model.clamped = 0;
	options.memory_bytes = ((uint64_t)QMAC_COMMAND_BYTES << ring_log2) + qmac_batch_program_memory(&plan);
	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", &hw, &options, &backend, NULL), QMAC_OK);
	backend = recording_backend(shuffled_backend(backend, test_random(&state)));
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(backend, &hw, ring_log2, &driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_batch_program_create(driver, &plan, codes, &program, NULL), QMAC_OK);
	for (int loop = 0; loop < LOOPS; loop++)
		check_loop(&model, program, &plan, loop == 0);
	check_races(&hw, backend);
	seen.clamped += model.clamped > 0;
	qmac_driver_counters(driver, counters);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
	qmac_batch_program_destroy(program);
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
}

static void test_random_cases(void)
{
	state = test_seed();
	for (int i = 0; i < CASES; i++)
		random_case();
	printf("(%d cases, %d with the narrowest accumulators, %d refused; limbs X %d Z %d m' %d all %d; chunks "
	       "%d ragged %d; targets %d, left shifts %d, clamped residuals %d) ", seen.cases, seen.tight,
	       seen.refused, seen.limbs_x, seen.limbs_z, seen.limbs_m, seen.all_limbs, seen.chunks, seen.ragged,
	       seen.targets, seen.left, seen.clamped);
	CU_ASSERT(seen.cases > CASES / 3 && seen.tight > CASES / 10);
	CU_ASSERT(seen.all_limbs > 20 && seen.chunks > 20 && seen.ragged > 10);
	CU_ASSERT(seen.targets > 20 && seen.left > 20 && seen.clamped > 20);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"device loop equals the integer model", test_random_cases},
	};

	return test_main("test_batch_program", cases, TEST_COUNT(cases));
}
