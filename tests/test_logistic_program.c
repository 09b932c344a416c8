/*
 * The inner loop of logistic regression on the device against the slow model of
 * reference/ref_logistic.h: bit for bit, for random widths, classes and shapes, on random
 * small hardware where X, Z and m' take limbs, classes take groups of columns and batches
 * take chunks, with the commands in a random order that their waits allow
 * (reference/shuffled_backend.h). So the hardware never changes a bit. The residuals are
 * random numbers of the test, which stands in for the host. And the programs are race-free.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "reference/program_case.h"
#include "reference/ref_logistic.h"
#include "reference/ref_num.h"
#include "test.h"
#include "step/step.h"
#include "step/logistic_arithmetic.h"

enum { SAMPLES = 20, BATCH_MAX = 12, STEPS_MAX = 4, LOOPS = 3, CASES = TEST_CASES(400) };

/* What the random cases reached, so that the test can not go blind. */
static struct {
	int cases, refused, tight, limbs_x, limbs_z, limbs_m, chunks, parts, part_chunks, groups, ragged;
	int left, plain, clamped;
} seen;

struct fixture {
	struct ref_logistic model;
	struct qmac_step_plan plan;
	int64_t x[SAMPLES][REF_ROWS_MAX];
	int16_t codes[SAMPLES * REF_ROWS_MAX];
	uint32_t order[STEPS_MAX * BATCH_MAX];
	/* the step whose residuals are being asked for, in chunks */
	const uint32_t *samples;
	int64_t scaled[BATCH_MAX][REF_CLASSES_MAX];
	int asked;
	bool kept;
	int64_t keep_after, steps, kept_z[REF_ROWS_MAX][REF_CLASSES_MAX];
};

static struct qmac_hw random_hardware(void)
{
	return (struct qmac_hw){
		.rows = (int)case_pick(1, 12), .cols = (int)case_pick(1, 12), .a_bits = (int)case_pick(2, 16),
		.w_bits = (int)case_pick(2, 16), .acc_bits = (int)case_pick(44, 64),
		.acc_overflow = case_pick(0, 1) ? QMAC_OVERFLOW_SATURATE : QMAC_OVERFLOW_WRAP, .os_max = 256,
		.a_depth = (int)case_pick(20, 400) * 2, .w_depth = (int)case_pick(50, 400) * 2,
		.acc_depth = (int)case_pick(50, case_pick(0, 2) ? 400 : 70) * 2, .bus_bytes = 8, .burst_beats = 16,
		.outstanding = 4,
		.queue_depth = (int)case_pick(1, 4), .lut_bits = 6, .lut_ports = 1, .clock_mhz = 500,
		.dram_latency = 10, .dram_bytes_per_cycle = 8 * 256, .dram_banks = 8, .dram_row_bytes = 2048,
		.dram_miss = 5, .dram_turnaround = 2,
	};
}

static struct qmac_linear_shape random_shape(void)
{
	struct qmac_linear_shape s = {
		.samples = SAMPLES, .features = case_pick(1, case_pick(0, 1) ? REF_ROWS_MAX : 8),
		.batch = case_pick(1, BATCH_MAX),
		.outputs = (int)case_pick(2, case_pick(0, 1) ? REF_CLASSES_MAX : 6), .kind = QMAC_STEP_LOGISTIC,
		.bits = (int)case_pick(2, case_pick(0, 3) ? 16 : 32), .x_bits = (int)case_pick(2, 16),
		.frac_bits = (int)case_pick(0, 16), .mp_bits = (int)case_pick(2, case_pick(0, 3) ? 24 : 32),
		.has_offset = case_pick(0, 2) > 0,
	};

	if (case_pick(0, 3) > 0)
		s.decay = ldexp(1 + (double)case_pick(0, 1 << 20) / (1 << 21),
		                (int)-case_pick(1, case_pick(0, 9) ? 20 : 120));
	return s;
}

/* ---- the host's part, on both sides -------------------------------------------------- */

/* The device has asked for all of a step: the model takes the step, too. */
static void take_step(struct fixture *f)
{
	const int64_t *x[BATCH_MAX], *scaled[BATCH_MAX];

	for (int64_t b = 0; b < f->model.batch; b++) {
		x[b] = f->x[f->samples[b]];
		scaled[b] = f->scaled[b];
	}
	ref_logistic_step(&f->model, x, scaled);
	f->samples += f->model.batch;
	f->asked = 0;
	if (++f->steps == f->keep_after)
		memcpy(f->kept_z, f->model.z, sizeof f->kept_z);
}

static void residual(void *context, const uint32_t *samples, int count, const int64_t *m, int64_t *scaled)
{
	struct fixture *f = context;
	int mp_bits = f->plan.step.mp_bits;

	CU_ASSERT_FATAL(f->asked + count <= f->model.batch);
	for (int b = 0; b < count; b++) {
		int64_t expected[REF_CLASSES_MAX];

		CU_ASSERT_EQUAL_FATAL(samples[b], f->samples[f->asked + b]);
		ref_logistic_product(&f->model, f->x[samples[b]], expected);
		for (int64_t c = 0; c < f->model.classes; c++) {
			int64_t r = case_pick(0, 7) ? case_number(mp_bits) : -(int64_t)ref_power(mp_bits - 1);

			CU_ASSERT_EQUAL_FATAL(m[b * f->model.classes + c], expected[c]);
			scaled[b * f->model.classes + c] = f->scaled[f->asked + b][c] = r;
		}
	}
	f->asked += count;
	if (f->asked == f->model.batch)
		take_step(f);
}

/* ---- loops ------------------------------------------------------------------------------ */

/* New starting values for some of what a loop starts from, on both sides. */
static void set_start(struct fixture *f, struct qmac_inner_loop *program, bool first)
{
	struct ref_logistic *model = &f->model;
	const struct qmac_linear_shape *s = &f->plan.shape;
	int u_bits = qmac_logistic_u_bits(s, qmac_logistic_fraction(s, model->p));
	int32_t start[REF_ROWS_MAX * REF_CLASSES_MAX];
	int64_t h[REF_ROWS_MAX * REF_CLASSES_MAX];
	bool set_z = first || case_pick(0, 1), set_h = s->has_offset, clear = case_pick(0, 1);

	for (int64_t j = 0; j < s->features; j++)
		for (int64_t c = 0; c < s->outputs; c++) {
			int64_t k = j * s->outputs + c;

			if (set_z)
				model->z[j][c] = clear ? 0 : case_number(s->bits);
			if (set_h)
				model->h[j][c] = case_offset(s, u_bits);
			start[k] = (int32_t)model->z[j][c];
			h[k] = model->h[j][c];
		}
	if (set_z)
		qmac_inner_loop_set_z(program, clear ? NULL : start);
	if (set_h)
		qmac_inner_loop_set_offset(program, h);
}

static void check_loop(struct fixture *f, struct qmac_inner_loop *program, bool first)
{
	const struct qmac_linear_shape *s = &f->plan.shape;
	const struct qmac_linear_arithmetic *step = &f->plan.step;
	int32_t z[REF_ROWS_MAX * REF_CLASSES_MAX];
	struct qmac_linear_loop loop = {
		.order = f->order, .steps = case_pick(0, STEPS_MAX), .run_seed = f->model.run_seed,
		.first_step = f->model.step, .z = z, .residual = residual, .context = f,
		.point = (int)case_pick(step->p_min, step->p_max),
	};
	struct qmac_error err = {0};

	loop.keep_after = case_pick(0, 1) ? loop.steps : case_pick(0, loop.steps);
	case_order(f->order, loop.steps * s->batch, SAMPLES);
	qmac_step_sort(f->order, loop.steps, s->batch);
	f->model.p = loop.point;
	f->samples = f->order;
	f->asked = 0;
	f->steps = 0;
	f->keep_after = loop.keep_after;
	seen.left += loop.point < s->frac_bits;
	set_start(f, program, first);
	memcpy(f->kept_z, f->model.z, sizeof f->kept_z);
	case_check_status(qmac_inner_loop_run(program, &loop, &err), &err);
	CU_ASSERT_EQUAL(f->steps, loop.steps);
	for (int64_t j = 0; j < s->features; j++)
		for (int64_t c = 0; c < s->outputs; c++)
			CU_ASSERT_EQUAL_FATAL(z[j * s->outputs + c], f->kept_z[j][c]);
}

/* ---- cases ------------------------------------------------------------------------------- */

static void note(const struct qmac_step_plan *plan)
{
	seen.cases++;
	seen.limbs_x += plan->x.count > 1;
	seen.limbs_z += plan->z.count > 1;
	seen.limbs_m += plan->m.count > 1;
	seen.chunks += plan->chunks > 1;
	seen.parts += !qmac_step_plan_resident(plan);
	seen.part_chunks += !qmac_step_plan_resident(plan) && plan->chunks > 1;
	seen.ragged += plan->chunks > 1 && plan->shape.batch % plan->chunk > 0;
	seen.groups += plan->groups > 1;
	seen.plain += !plan->shape.has_offset && plan->shape.decay == 0;
}

static void set_up(struct fixture *f, const struct qmac_linear_shape *shape)
{
	int64_t limit = (int64_t)ref_power(shape->x_bits - 1) - 1;
	int64_t (*code)(int64_t limit) = case_pick(0, 2) ? case_any_code : case_extreme_code;

	f->model.features = shape->features;
	f->model.classes = shape->outputs;
	f->model.batch = shape->batch;
	f->model.bits = shape->bits;
	f->model.frac_bits = shape->frac_bits;
	f->model.decay = shape->decay;
	f->model.run_seed = (uint32_t)case_random();
	f->model.step = (uint32_t)case_random();
	for (int i = 0; i < SAMPLES; i++)
		for (int64_t j = 0; j < shape->features; j++) {
			f->x[i][j] = code(limit);
			f->codes[i * shape->features + j] = (int16_t)f->x[i][j];
		}
}

static void random_case(void)
{
	static struct fixture f;
	const struct qmac_linear_shape shape = random_shape();
	struct qmac_hw hw = random_hardware();
	struct case_device device;
	struct qmac_inner_loop *program;
	uint64_t counters[QMAC_COUNTERS];

	case_device_draw(&device);
	memset(&f, 0, sizeof f);
	if (qmac_step_plan_make(&f.plan, &shape, &hw, NULL) != QMAC_OK) {
		seen.refused++;
		return;
	}
	if (case_pick(0, 1)) {
		case_tighten(&f.plan, &shape, &hw);
		seen.tight++;
	}
	note(&f.plan);
	set_up(&f, &shape);
	case_device_open(&device, &hw, qmac_step_memory_bytes(&f.plan));
	CU_ASSERT_EQUAL_FATAL(qmac_step_create(device.driver, &f.plan, &program, NULL), QMAC_OK);
	qmac_inner_loop_set_x(program, 0, shape.samples, f.codes);
	for (int loop = 0; loop < LOOPS; loop++)
		check_loop(&f, program, loop == 0);
	case_check_races(&device);
	seen.clamped += f.model.clamped > 0;
	case_check_exact(&device, counters);
	/* more where U is clamped, too */
	CU_ASSERT(counters[QMAC_COUNTER_REQUANT_SATURATIONS] >= f.model.clamped);
	qmac_inner_loop_destroy(program);
	case_device_close(&device);
}

static void test_random_cases(void)
{
	case_seed();
	for (int i = 0; i < CASES; i++)
		random_case();
	printf("(%d cases, %d with the narrowest accumulators, %d refused; limbs X %d Z %d m' %d; chunks %d"
	       " ragged %d, part by part %d, with chunks %d; groups %d; p below F %d, neither H nor L %d, clamped"
	       " %d) ", seen.cases, seen.tight, seen.refused, seen.limbs_x, seen.limbs_z, seen.limbs_m,
	       seen.chunks, seen.ragged, seen.parts, seen.part_chunks, seen.groups, seen.left, seen.plain,
	       seen.clamped);
	CU_ASSERT(seen.cases > CASES / 3 && seen.tight > CASES / 10);
	CU_ASSERT(seen.limbs_x > 20 && seen.limbs_z > 20 && seen.limbs_m > 20 && seen.groups > 20);
	CU_ASSERT(seen.parts > CASES / 20 && seen.part_chunks > CASES / 100);
	CU_ASSERT(seen.chunks > 10 && seen.ragged > 5 && seen.left > 20 && seen.plain > 5 && seen.clamped > 20);
}

/* ---- the choice of p by its definition ----------------------------------------------------- */

static void test_point(void)
{
	struct qmac_linear_shape shape = {
		.samples = 60000, .features = 784, .batch = 64, .outputs = 10, .kind = QMAC_STEP_LOGISTIC, .bits = 8,
		.x_bits = 8, .frac_bits = 16, .mp_bits = 8, .decay = 1e-3, .has_offset = true,
	};
	struct qmac_linear_arithmetic step;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL_FATAL(qmac_logistic_arithmetic_make(&step, &shape, NULL), QMAC_OK);
	CU_ASSERT(step.p_min == 7 && step.p_max == 24 && step.mp_bits == 8);
	CU_ASSERT_EQUAL(step.sum_bits, 8 + 7 + 6);
	CU_ASSERT_EQUAL(step.u_bits, 8 + 24 + 2 + 6);
	CU_ASSERT_EQUAL(qmac_logistic_point(&step, 0.5, 0x1p-10), 17); /* 2 * 0.5 * 2^-10 * 2^17 = 2^7 */
	CU_ASSERT_EQUAL(qmac_logistic_point(&step, 0.4, 0x1p-10), 17);
	CU_ASSERT_EQUAL(qmac_logistic_point(&step, 0.25, 0x1p-10), 18);
	CU_ASSERT_EQUAL(qmac_logistic_point(&step, 1e-9, 0x1p-10), 24);
	CU_ASSERT_EQUAL(qmac_logistic_point(&step, 0, 0x1p-10), 24);
	CU_ASSERT_EQUAL(qmac_logistic_point(&step, 1, 1e9), 7);
	CU_ASSERT_EQUAL(qmac_logistic_point(&step, 1, INFINITY), 7);
	shape.mp_bits = 32;
	shape.bits = 2;
	shape.x_bits = 16;
	CU_ASSERT_EQUAL_FATAL(qmac_logistic_arithmetic_make(&step, &shape, NULL), QMAC_OK);
	CU_ASSERT(step.p_min == 31 && step.p_max == 31 && step.mp_bits == 18); /* 45 fraction bits less 14 */
	shape.decay = 1;
	CU_ASSERT_EQUAL(qmac_logistic_arithmetic_make(&step, &shape, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "alpha * lambda = 1 is 1 or more") != NULL);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"device loop equals the integer model", test_random_cases},
		{"the point of m'", test_point},
	};

	return test_main("test_logistic_program", cases, TEST_COUNT(cases));
}
