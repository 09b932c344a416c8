/*
 * The inner loops of HALP, LP-SVRG and LP-SGD, as the driver hands them to the device,
 * are race-free wherever X lies; and they wait for nothing in vain, as far as shown:
 * without a wait that guards a slot of streamed data they are not.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "race/race.h"
#include "reference/recording_backend.h"
#include "test.h"
#include "step/linear_program.h"

enum { SAMPLES = 24, FEATURES = 21, STEPS = 40, RING_LOG2 = 12 };

/* Where X lies is decided by the widths and depths. */
static const struct place {
	const char *name;
	int a_bits, w_bits, a_depth, w_depth, acc_depth;
	unsigned x_space;
	bool resident;
} places[] = {
	{"X stays in A", 8, 8, 256, 32, 64, QMAC_SPACE_A, true},
	{"X stays in W", 4, 8, 32, 256, 64, QMAC_SPACE_W, true},
	{"X stays in ACC", 4, 4, 32, 32, 512, QMAC_SPACE_ACC, true},
	{"X streams through A", 8, 4, 32, 32, 64, QMAC_SPACE_A, false},
	{"X streams through W", 4, 8, 32, 32, 64, QMAC_SPACE_W, false},
	{"X streams through ACC", 4, 4, 32, 32, 64, QMAC_SPACE_ACC, false},
};

/* H and targets; targets of 44 bits come from a table in memory. */
static const struct algorithm {
	const char *name;
	bool has_offset, has_targets;
	int target_bits;
} algorithms[] = {
	{"HALP", true, false, 0},
	{"LP-SVRG", true, true, 0},
	{"LP-SGD", false, true, 20},
	{"LP-SGD, targets in memory", false, true, 44},
};

static struct qmac_hw make_hw(const struct place *place)
{
	return (struct qmac_hw){
		.rows = 8, .cols = 6, .a_bits = place->a_bits, .w_bits = place->w_bits, .acc_bits = 52,
		.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 256, .a_depth = place->a_depth,
		.w_depth = place->w_depth, .acc_depth = place->acc_depth, .bus_bytes = 8, .burst_beats = 16,
		.outstanding = 4, .queue_depth = 4, .lut_bits = 6, .lut_ports = 1, .clock_mhz = 500,
		.dram_latency = 40, .dram_bytes_per_cycle = 8 * 256, .dram_banks = 8, .dram_row_bytes = 2048,
		.dram_miss = 20, .dram_turnaround = 4,
	};
}

static void run_loops(struct qmac_inner_loop *program, const struct algorithm *algorithm, uint64_t *rng)
{
	int64_t h[FEATURES] = {3, -5, 7}, k[SAMPLES] = {1, -2, 3};
	int32_t start[FEATURES] = {0}, z[FEATURES];
	uint32_t order[STEPS];
	struct qmac_error err = {"", "", 0, 0};

	for (int loop = 0; loop < 3; loop++) {
		struct qmac_linear_loop run = {.order = order, .steps = STEPS, .keep_after = STEPS - loop * 13,
		                               .run_seed = 5, .z = z};

		for (int t = 0; t < STEPS; t++)
			order[t] = (uint32_t)(test_random(rng) % SAMPLES);
		qmac_inner_loop_set_z(program, loop == 1 ? start : NULL);
		if (algorithm->has_offset)
			qmac_inner_loop_set_offset(program, h);
		if (algorithm->has_targets)
			qmac_inner_loop_set_targets(program, k);
		if (qmac_inner_loop_run(program, &run, &err) != QMAC_OK) {
			puts(err.message);
			CU_FAIL_FATAL("device");
		}
	}
}

/* Without the waits of the LOADs in the loops one that reuses a slot must be found, and it had the wait. */
static void check_needed(const struct qmac_hw *hw, const struct qmac_command *program, uint32_t count)
{
	struct qmac_command *commands = malloc(count * sizeof *commands);
	const struct qmac_command *found;
	struct qmac_race race;

	if (!commands)
		abort();
	memcpy(commands, program, count * sizeof *commands);
	for (uint32_t i = 0; i < count; i++)
		if (commands[i].opcode == QMAC_OPCODE_LOAD) {
			commands[i].wait_mask = commands[i].wait_load = 0;
			commands[i].wait_exec = commands[i].wait_store = 0;
		}
	CU_ASSERT_EQUAL_FATAL(qmac_race_check(hw, commands, count, &race, NULL), QMAC_CHECK_FAILED);
	found = &program[race.command[1]];
	CU_ASSERT_EQUAL(found->opcode, QMAC_OPCODE_LOAD);
	CU_ASSERT_EQUAL(race.engine[0], QMAC_ENGINE_EXECUTE);
	CU_ASSERT(found->wait_mask >> QMAC_ENGINE_EXECUTE & 1);
	CU_ASSERT_TRUE(found->wait_exec >= race.wait_count);
	free(commands);
}

static void check_loops(const struct place *place, const struct algorithm *algorithm)
{
	const struct qmac_hw hw = make_hw(place);
	const struct qmac_linear_shape shape = {
		.samples = SAMPLES, .features = FEATURES, .batch = 1, .bits = 8, .x_bits = 8, .frac_bits = 10,
		.mp_bits = 16, .y_frac_bits = algorithm->target_bits ? 4 : 0, .c1 = 0x1p-16,
		.has_offset = algorithm->has_offset, .has_targets = algorithm->has_targets,
		.target_bits = algorithm->target_bits,
	};
	struct qmac_device_options options = {.kernel = "auto"};
	int16_t codes[SAMPLES * FEATURES];
	struct qmac_linear_plan plan;
	struct qmac_inner_loop *program;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_race race;
	struct qmac_error err = {"", "", 0, 0};
	const struct qmac_command *commands;
	uint64_t rng = test_seed();
	uint32_t count;

	for (int i = 0; i < SAMPLES * FEATURES; i++)
		codes[i] = (int16_t)(test_random(&rng) % 255) - 127;
	if (qmac_linear_plan_make(&plan, &shape, &hw, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("plan");
	}
	CU_ASSERT_EQUAL(plan.x_space, place->x_space);
	CU_ASSERT_EQUAL(plan.x_resident, place->resident);
	CU_ASSERT_EQUAL(plan.target_table, algorithm->target_bits == 44);
	options.memory_bytes = ((uint64_t)QMAC_COMMAND_BYTES << RING_LOG2) + qmac_linear_program_memory(&plan);
	CU_ASSERT_EQUAL_FATAL(qmac_backend_create("cmodel", &hw, &options, &backend, NULL), QMAC_OK);
	backend = recording_backend(backend);
	CU_ASSERT_EQUAL_FATAL(qmac_driver_open(backend, &hw, RING_LOG2, &driver, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_linear_program_create(driver, &plan, &program, NULL), QMAC_OK);
	qmac_inner_loop_set_x(program, 0, plan.shape.samples, codes);
	run_loops(program, algorithm, &rng);
	commands = recording_commands(backend, &count);
	CU_ASSERT(count > 3 * STEPS * 4);
	if (qmac_race_check(&hw, commands, count, &race, &err) != QMAC_OK) {
		printf("\n%s, %s: %s ", algorithm->name, place->name, err.message);
		CU_FAIL("the inner loop has a race");
	}
	if (!plan.x_resident || plan.target_table)
		check_needed(&hw, commands, count);
	qmac_inner_loop_destroy(program);
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
}

static void test_loops(void)
{
	for (size_t place = 0; place < sizeof places / sizeof places[0]; place++)
		for (size_t i = 0; i < sizeof algorithms / sizeof algorithms[0]; i++)
			check_loops(&places[place], &algorithms[i]);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"inner loops are race-free", test_loops},
	};

	return test_main("test_training_race", cases, TEST_COUNT(cases));
}
