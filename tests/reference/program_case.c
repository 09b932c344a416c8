#include "reference/program_case.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "race/race.h"
#include "reference/recording_backend.h"
#include "reference/ref_num.h"
#include "reference/shuffled_backend.h"
#include "test.h"

static uint64_t state;

/* ---- random numbers ---------------------------------------------------------------- */

void case_seed(void)
{
	state = test_seed();
}

uint64_t case_random(void)
{
	return test_random(&state);
}

int64_t case_pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

int64_t case_number(int bits)
{
	int length = (int)case_pick(1, bits); /* drawn first, whatever the compiler */

	return ref_wrap((ref_int)case_random(), length);
}

int64_t case_any_code(int64_t limit)
{
	return case_pick(-limit, limit);
}

int64_t case_extreme_code(int64_t limit)
{
	return case_pick(0, 7) ? limit : -limit;
}

int64_t case_offset(const struct qmac_linear_shape *shape, int u_bits)
{
	return case_number(case_pick(0, 3) ? shape->bits + shape->frac_bits - 1 : u_bits);
}

void case_order(uint32_t *order, int64_t count, int64_t samples)
{
	for (int64_t i = 0; i < count; i++)
		order[i] = (uint32_t)case_pick(0, samples - 1);
}

/* ---- linear regression ------------------------------------------------------------- */

void case_linear_shape(struct qmac_linear_shape *s, const struct case_limits *limits)
{
	int algorithm = (int)case_pick(0, 2), scale;

	memset(s, 0, sizeof *s);
	s->samples = case_pick(1, REF_SAMPLES_MAX);
	s->features = case_pick(1, case_pick(0, 1) ? REF_FEATURES_MAX : 12);
	s->batch = limits->batch == 1 ? 1 : case_pick(1, case_pick(0, 2) ? limits->batch : 4);
	s->bits = (int)case_pick(2, case_pick(0, 3) ? 16 : 32);
	s->x_bits = (int)case_pick(2, 16);
	s->frac_bits = (int)case_pick(0, limits->frac_bits);
	s->mp_bits = (int)case_pick(2, limits->mp_bits);
	s->has_offset = algorithm != 0;
	s->has_targets = algorithm != 1;
	if (algorithm == 0) {
		s->y_frac_bits = (int)case_pick(0, limits->y_frac_bits);
		s->target_bits = (int)case_pick(2, limits->target_bits);
	}
	/* a typical step of 2^-8 to 2^8 grid units, sometimes far off */
	scale = (int)case_pick(-8, 8) - 2 * s->x_bits;
	s->c1 = ldexp(1 + (double)case_pick(0, 1 << 20) / (1 << 20), scale);
	if (case_pick(0, 9) == 0)
		s->c1 *= ldexp(1, (int)case_pick(-24, 24));
}

void case_linear_operands(struct ref_linear *model, int16_t *codes, int64_t (*code)(int64_t limit))
{
	const struct qmac_linear_shape *s = &model->shape;
	int64_t limit = (int64_t)ref_power(s->x_bits - 1) - 1;
	int k_bits = s->target_bits ? s->target_bits : qmac_linear_m_bits(s->bits, s->x_bits, s->features);

	for (int64_t i = 0; i < s->samples; i++) {
		for (int64_t j = 0; j < s->features; j++) {
			model->x[i][j] = code(limit);
			codes[i * s->features + j] = (int16_t)model->x[i][j];
		}
		model->k[i] = case_number(k_bits);
	}
	model->run_seed = (uint32_t)case_random();
	model->step = (uint32_t)case_random();
	model->clamped = 0;
}

void case_linear_start(struct ref_linear *model, int32_t *start, bool clear, bool extreme)
{
	const struct qmac_linear_shape *s = &model->shape;

	for (int64_t j = 0; j < s->features; j++) {
		model->z[j] = clear ? 0 : extreme ? -(int64_t)ref_power(s->bits - 1) : case_number(s->bits);
		start[j] = (int32_t)model->z[j];
	}
}

void case_linear_offset(struct ref_linear *model, int u_bits)
{
	for (int64_t j = 0; j < model->shape.features; j++)
		model->h[j] = case_offset(&model->shape, u_bits);
}

void case_linear_run(struct ref_linear *model, const struct qmac_linear_loop *loop,
                     int64_t kept[REF_FEATURES_MAX])
{
	for (int64_t t = 0; t <= loop->steps; t++) {
		if (t == loop->keep_after)
			memcpy(kept, model->z, sizeof model->z);
		if (t < loop->steps)
			ref_linear_step(model, loop->order + t * model->shape.batch);
	}
}

/* ---- the device -------------------------------------------------------------------- */

void case_hw(struct qmac_hw *hw)
{
	qmac_fuzz_hw(&state, hw);
}

void case_tighten(struct qmac_step_plan *plan, const struct qmac_linear_shape *shape, struct qmac_hw *hw)
{
	struct qmac_step_plan narrow;

	for (hw->acc_bits--; qmac_step_plan_make(&narrow, shape, hw, NULL) == QMAC_OK; hw->acc_bits--)
		CU_ASSERT_FATAL(hw->acc_bits > 0);
	hw->acc_bits++;
	CU_ASSERT_EQUAL_FATAL(qmac_step_plan_make(plan, shape, hw, NULL), QMAC_OK);
}

void case_device_draw(struct case_device *device)
{
	device->kernel = case_pick(0, 1) ? "scalar" : "auto";
	device->ring_log2 = (int)case_pick(2, 9);
}

void case_device_open(struct case_device *device, const struct qmac_hw *hw, uint64_t program_bytes)
{
	const struct qmac_device_options options = {
		.kernel = device->kernel,
		.memory_bytes = ((uint64_t)QMAC_COMMAND_BYTES << device->ring_log2) + program_bytes,
	};
	struct qmac_backend *model;

	device->hw = *hw;
	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", hw, &options, &model, NULL), QMAC_OK);
	device->backend = recording_backend(shuffled_backend(model, case_random()));
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(device->backend, hw, device->ring_log2, &device->driver, NULL),
	                      QMAC_OK);
}

void case_device_close(struct case_device *device)
{
	qmac_driver_close(device->driver);
	qmac_backend_destroy(device->backend);
}

void case_check_status(enum qmac_status status, const struct qmac_error *err)
{
	if (status != QMAC_OK) {
		puts(err->message);
		CU_FAIL_FATAL("device");
	}
}

void case_check_races(const struct case_device *device)
{
	struct qmac_race race;
	struct qmac_error err = {0};
	uint32_t count;
	const struct qmac_command *commands = recording_commands(device->backend, &count);

	if (qmac_race_check(&device->hw, commands, count, &race, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("race");
	}
}

void case_check_exact(const struct case_device *device, uint64_t counters[QMAC_COUNTERS])
{
	qmac_driver_counters(device->driver, counters);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_ACC_SATURATIONS], 0);
	CU_ASSERT_EQUAL(counters[QMAC_COUNTER_CONTAINER_SATURATIONS], 0);
}
