/*
 * What commands say of themselves: the unit of what they write (step/units.h) and their tag
 * (backend/tag.h). A step is run on the device; every element that it leaves in the scratchpads, times the
 * unit that its last writer noted, must be the real number that the algorithm computes, in double.
 */
#include <math.h>
#include <string.h>

#include "backend/tag.h"
#include "isa/space.h"
#include "reference/program_case.h"
#include "reference/recording_backend.h"
#include "shipped_hw.h"
#include "step/step.h"
#include "step/logistic_arithmetic.h"

enum { SAMPLES = 6, FEATURES = 21, BATCH = 4, CLASSES = 3, STEP = 1234 };

/* A problem in real numbers that lie on the grids of its integers. */
static const double dx = 0.011, alpha = 0.04, decay = 0x1p-5;
static struct {
	struct qmac_linear_shape shape;
	double delta, unit_k, unit_h;
	double unit_scaled; /* of m' */
	int16_t codes[SAMPLES * FEATURES];
	int32_t z[FEATURES * CLASSES], after[FEATURES * CLASSES];
	int64_t k[SAMPLES], h[FEATURES * CLASSES];
	uint32_t order[BATCH];
	double real_scaled[BATCH][CLASSES]; /* alpha r / batch; of a sum alone, r */
	double u[FEATURES * CLASSES];
} p;
static int outputs;
static struct {
	int left, right, table;
} seen;
static struct case_device device;

/* ---- the problem ----------------------------------------------------------------- */

static double x_of(uint32_t sample, int64_t j)
{
	return dx * p.codes[sample * FEATURES + j];
}

static double product(uint32_t sample, int c)
{
	double sum = 0;

	for (int64_t j = 0; j < FEATURES; j++)
		sum += x_of(sample, j) * p.delta * p.z[j * outputs + c];
	return sum;
}

/* h and k must be drawn before. */
static void compute(void)
{
	int64_t batch = p.shape.batch;

	for (int64_t b = 0; b < batch; b++)
		for (int c = 0; c < outputs; c++) {
			double r = product(p.order[b], c) - p.unit_k * (double)p.k[p.order[b]];

			p.real_scaled[b][c] = p.shape.kind == QMAC_STEP_SUM ? r : alpha * r / (double)batch;
		}
	for (int64_t e = 0; e < FEATURES * outputs; e++) {
		p.u[e] = p.unit_h * (double)p.h[e] + p.shape.decay * p.delta * p.z[e];
		for (int64_t b = 0; b < batch; b++)
			p.u[e] += p.real_scaled[b][e % outputs] * x_of(p.order[b], e / outputs);
	}
}

static void draw(int bits, int batch, int mp_bits)
{
	int m_frac_bits = mp_bits - 1 - bits + 8 + (batch == BATCH); /* docs/algorithms.md: p */

	p.shape = (struct qmac_linear_shape){
		.samples = SAMPLES, .features = FEATURES, .batch = batch, .bits = bits, .x_bits = 8, .frac_bits = 12,
		.mp_bits = mp_bits, .c1 = alpha * dx * dx / batch, .has_offset = true, .has_targets = true,
		.y_frac_bits = 3, .target_bits = 36,
	};
	outputs = 1;
	p.delta = ldexp(6.4, -bits); /* Z reaches to 3.2 */
	p.unit_k = ldexp(dx * p.delta, -p.shape.y_frac_bits);
	p.unit_h = ldexp(p.delta, -p.shape.frac_bits);
	p.unit_scaled = ldexp(p.delta / dx, -m_frac_bits);
	for (int i = 0; i < SAMPLES * FEATURES; i++)
		p.codes[i] = (int16_t)case_pick(-127, 127);
	for (int i = 0; i < SAMPLES; i++)
		p.k[i] = (int64_t)rint((double)case_pick(-300, 300) / 100 / p.unit_k);
	for (int e = 0; e < FEATURES * CLASSES; e++) {
		p.z[e] = (int32_t)case_pick(-(1 << (bits - 3)), 1 << (bits - 3));
		p.h[e] = (int64_t)rint((double)case_pick(-30, 30) / 100 / p.unit_h);
	}
	case_order(p.order, batch, SAMPLES);
	qmac_step_sort(p.order, 1, batch);
}

/* ---- what the device has ------------------------------------------------------------ */

/* Whether the command writes the scratchpad row. */
static bool writes(const struct qmac_command *c, unsigned space, uint32_t row)
{
	if (c->opcode == QMAC_OPCODE_GEMM)
		return space == QMAC_SPACE_ACC && row >= c->c &&
		       row - c->c < (c->mode == QMAC_MODE_OS ? c->k : c->n0);
	if (c->opcode == QMAC_OPCODE_VEC)
		return space == c->dspace && row >= c->dst && row - c->dst < (c->red_rows ? 1 : c->n0);
	if (c->opcode != QMAC_OPCODE_LOAD || space != c->space)
		return false;
	for (uint32_t i1 = 0; i1 < c->n1; i1++)
		if (row >= c->row + i1 * c->ds1 && row - c->row - i1 * c->ds1 < c->n0)
			return true;
	return false;
}

/* The real value of an element; highest: a signed number or limb, and not a lower limb. */
static double real_at(unsigned space, uint32_t row, uint32_t lane, bool highest)
{
	int bits = qmac_space_bits(&device.hw, space);
	uint64_t word = device.backend->operations->peek(device.backend, space, row, lane) << (64 - bits);
	uint32_t count;
	const struct qmac_command *commands = recording_commands(device.backend, &count);

	while (count > 0 && !writes(&commands[count - 1], space, row))
		count--;
	CU_ASSERT_FATAL(count > 0);
	return commands[count - 1].unit * (highest ? (double)((int64_t)word >> (64 - bits)) :
	                                   (double)(word >> (64 - bits)));
}

/* A number whose limbs stand `distance` rows from one another. */
static double real_limbs(const struct qmac_limbs *limbs, unsigned space, int64_t row, int64_t distance,
                         uint32_t lane)
{
	double sum = 0;

	for (int i = 0; i < limbs->count; i++)
		sum += real_at(space, (uint32_t)(row + i * distance), lane, i == limbs->count - 1);
	return sum;
}

static void check(const char *what, double got, double expected, double tolerance)
{
	if (fabs(got - expected) <= tolerance)
		return;
	printf("\n    %s: %.9g, expected %.9g ", what, got, expected);
	CU_FAIL("a real value");
}

/* Of each EXECUTE command, and each LOAD but of H and Z. */
static void check_tags(void)
{
	uint32_t count;
	const struct qmac_command *c = recording_commands(device.backend, &count);
	int of[4] = {0};

	for (uint32_t i = 0; i < count; i++) {
		if (c[i].opcode == QMAC_OPCODE_SYNC)
			continue;
		of[qmac_tag_direction(c[i].tag)]++;
		CU_ASSERT_EQUAL(qmac_tag_layer(c[i].tag), 0);
		CU_ASSERT(c[i].unit > 0);
		if (qmac_tag_direction(c[i].tag) != QMAC_DIRECTION_NONE)
			CU_ASSERT_EQUAL(qmac_tag_step(c[i].tag), STEP % 256);
		if (c[i].opcode == QMAC_OPCODE_GEMM)
			CU_ASSERT_EQUAL(qmac_tag_direction(c[i].tag), c[i].mode == QMAC_MODE_WS ?
			                QMAC_DIRECTION_FORWARD : QMAC_DIRECTION_WEIGHTS);
	}
	CU_ASSERT(of[QMAC_DIRECTION_NONE] > 0 && of[QMAC_DIRECTION_FORWARD] > 0 && of[QMAC_DIRECTION_DATA] == 0 &&
	          of[QMAC_DIRECTION_WEIGHTS] > 0);
}

/* ---- steps ---------------------------------------------------------------------------- */

static void residual(void *context, const uint32_t *samples, int count, const int64_t *m, int64_t *scaled)
{
	(void)samples;
	for (int b = 0; b < count; b++, ++*(int *)context)
		for (int c = 0; c < outputs; c++, m++, scaled++) {
			check("m", dx * p.delta * (double)*m, product(p.order[*(int *)context], c), 1e-9);
			*scaled = (int64_t)rint(p.real_scaled[*(int *)context][c] / p.unit_scaled);
		}
}

/* What rounding m' moves it by at most; X stays below 1.4. */
static double rounding(void)
{
	return 1e-4 + p.unit_scaled / 2;
}

static void one_sample(const char *hw_name, int bits, int mp_bits)
{
	struct qmac_hw hw = shipped_hw(hw_name);
	struct qmac_linear_plan plan;
	struct qmac_inner_loop *program;
	struct qmac_linear_loop loop = {.order = p.order, .steps = 1, .keep_after = 1, .first_step = STEP,
	                                .x_unit = dx, .z_unit = 0, .z = p.after};
	struct qmac_error err;

	draw(bits, 1, mp_bits);
	compute();
	loop.z_unit = p.delta;
	case_check_status(qmac_linear_plan_make(&plan, &p.shape, &hw, &err), &err);
	case_device_open(&device, &hw, qmac_linear_program_memory(&plan));
	case_check_status(qmac_linear_program_create(device.driver, &plan, &program, &err), &err);
	qmac_inner_loop_set_x(program, 0, p.shape.samples, p.codes);
	qmac_inner_loop_set_z(program, p.z);
	qmac_inner_loop_set_offset(program, p.h);
	qmac_inner_loop_set_targets(program, p.k);
	case_check_status(qmac_inner_loop_run(program, &loop, &err), &err);
	check("m'", real_at(QMAC_SPACE_ACC, plan.m_row, 0, true), p.real_scaled[0][0], rounding());
	seen.left += plan.step.t_left > 0;
	seen.right += plan.step.t_shift > 0;
	seen.table += plan.target_table;
	if (plan.target_table)
		check("k", real_at(QMAC_SPACE_ACC, plan.target_row, 0, true),
		      p.unit_k * (double)p.k[p.order[0]], 1e-9);
	for (int j = 0; j < FEATURES; j++) {
		uint32_t row = (uint32_t)(j / plan.lanes), lane = (uint32_t)(j % plan.lanes);

		check("x", real_at(plan.x_space, plan.x_row + (plan.x_resident ? p.order[0] : 0) *
		                   (uint32_t)plan.rows + row, lane, true), x_of(p.order[0], j), 1e-9);
		check("u", real_at(QMAC_SPACE_ACC, plan.t_row + row, lane, true), p.u[j], 1.4 * rounding() + 1e-3);
		check("z", real_at(QMAC_SPACE_ACC, plan.z_row + row, lane, true), p.delta * p.z[j] - p.u[j],
		      p.delta + 1.4 * rounding() + 1e-3);
		check("h", real_at(QMAC_SPACE_ACC, plan.h_row + row, lane, true), p.unit_h * (double)p.h[j], 1e-9);
	}
	check_tags();
	qmac_inner_loop_destroy(program);
	case_device_close(&device);
}

static void check_batch(const struct qmac_step_plan *plan)
{
	for (int64_t e = 0; e < FEATURES * outputs; e++) {
		int64_t j = e / outputs, z_new = p.shape.kind == QMAC_STEP_SUM ? 0 : 1;
		uint32_t row = (uint32_t)j, lane = (uint32_t)(e % outputs);
		double z = p.delta * p.z[e] - (double)z_new * p.u[e], of_u = 1.4 * BATCH * rounding() + 1e-3;
		double tolerance = p.delta + of_u;

		check("x", real_limbs(&plan->x, QMAC_SPACE_A, j / plan->block,
		                      (int64_t)plan->chunk * plan->blocks, (uint32_t)(j % plan->block)),
		      x_of(p.order[0], j), 1e-9);
		check("sum", real_at(QMAC_SPACE_ACC, plan->sum_row + row, lane, true), p.u[e], of_u);
		check("z", real_at(QMAC_SPACE_ACC, plan->z_row + row, lane, true), z, tolerance);
		check("z in W", real_limbs(&plan->z, QMAC_SPACE_W, plan->z_operand + row, FEATURES, lane), z,
		      tolerance);
	}
	for (int b = 0; b < p.shape.batch; b++)
		for (int c = 0; c < outputs; c++)
			check("m' in W", real_limbs(&plan->m, QMAC_SPACE_W, plan->m_operand + (uint32_t)b, plan->chunk,
			                            (uint32_t)c), p.real_scaled[b][c], rounding());
	for (int b = 0; p.shape.has_targets && b < p.shape.batch; b++)
		check("k", real_at(QMAC_SPACE_ACC, plan->target_row + (uint32_t)b, 0, true),
		      p.unit_k * (double)p.k[p.order[b]], 1e-9);
}

/* The problem must be drawn; point: p of logistic regression. */
static void run_batch(const char *hw_name, int point)
{
	struct qmac_hw hw = shipped_hw(hw_name);
	struct qmac_step_plan plan;
	struct qmac_inner_loop *program;
	int64_t sum[FEATURES * CLASSES];
	int asked = 0;
	struct qmac_linear_loop loop = {.order = p.order, .steps = 1, .keep_after = 1, .first_step = STEP,
	                                .x_unit = dx, .z_unit = p.delta, .z = p.after, .sum = sum,
	                                .residual = residual, .context = &asked, .point = point};
	struct qmac_error err;

	compute();
	case_check_status(qmac_step_plan_make(&plan, &p.shape, &hw, &err), &err);
	CU_ASSERT_FATAL(plan.chunks == 1 && plan.groups == 1);
	case_device_open(&device, &hw, qmac_step_memory_bytes(&plan));
	case_check_status(qmac_step_create(device.driver, &plan, &program, &err), &err);
	qmac_inner_loop_set_x(program, 0, p.shape.samples, p.codes);
	qmac_inner_loop_set_z(program, p.z);
	if (p.shape.has_offset)
		qmac_inner_loop_set_offset(program, p.h);
	if (p.shape.has_targets)
		qmac_inner_loop_set_targets(program, p.k);
	case_check_status(qmac_inner_loop_run(program, &loop, &err), &err);
	check_batch(&plan);
	check_tags();
	qmac_inner_loop_destroy(program);
	case_device_close(&device);
}

/* ---- tests ------------------------------------------------------------------------------ */

static void begin(void)
{
	case_seed();
	case_device_draw(&device);
}

static void test_one_sample(void)
{
	begin();
	for (int mp_bits = 10; mp_bits <= 24; mp_bits += 7) {
		one_sample("8x8_w8", 8, mp_bits);
		one_sample("16x16_w8", 16, 24);
		one_sample("ragged", 10, mp_bits);
	}
	CU_ASSERT(seen.left > 0 && seen.right > 0 && seen.table > 0);
}

static void test_batches(void)
{
	begin();
	for (int bits = 8; bits <= 16; bits += 4) {
		draw(bits, BATCH, bits + 2);
		run_batch("8x8_w8", 0);
		draw(bits, BATCH, 24);
		run_batch("ragged", 0);
	}
}

/* With p below and above F, so that the sum is shifted, or H is finer than F. */
static void test_logistic(void)
{
	begin();
	for (int sum_only = 0; sum_only < 2; sum_only++)
		for (int point = 6; point <= 14; point += 4) {
			draw(12, BATCH, 24);
			outputs = CLASSES;
			p.shape.outputs = CLASSES;
			p.shape.kind = sum_only ? QMAC_STEP_SUM : QMAC_STEP_LOGISTIC;
			p.shape.has_targets = p.shape.has_offset = false;
			if (!sum_only) {
				p.shape.has_offset = true;
				p.shape.decay = decay;
			}
			memset(p.k, 0, sizeof p.k);
			p.unit_h = ldexp(p.delta, sum_only ? -point : -qmac_logistic_fraction(&p.shape, point));
			p.unit_scaled = ldexp(sum_only ? 1 : p.delta / dx, -point);
			for (int e = 0; e < FEATURES * CLASSES; e++)
				p.h[e] = sum_only ? 0 : (int64_t)rint((double)case_pick(-30, 30) / 100 / p.unit_h);
			run_batch("8x8_w8", point);
		}
}

static void test_tags(void)
{
	for (unsigned direction = 0; direction < 4; direction++)
		for (unsigned layer = 0; layer < 64; layer++)
			for (uint32_t step = 0; step < 1024; step += 37) {
				uint32_t tag = qmac_tag((enum qmac_direction)direction, layer, step);

				CU_ASSERT(tag <= 0xFFFF && qmac_tag_direction(tag) == direction &&
				          qmac_tag_layer(tag) == layer && qmac_tag_step(tag) == step % 256);
			}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"units of a step of one sample", test_one_sample},
		{"units of a step of several", test_batches},
		{"units of logistic regression, and of a sum alone", test_logistic},
		{"tags", test_tags},
	};

	return test_main("test_units", cases, TEST_COUNT(cases));
}
