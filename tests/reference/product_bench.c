#include "reference/product_bench.h"

#include <stdio.h>

#include "race/race.h"
#include "reference/recording_backend.h"
#include "reference/shuffled_backend.h"
#include "test.h"

static void check(enum qmac_status status, const struct qmac_error *err, const char *what)
{
	if (status == QMAC_OK)
		return;
	printf("%s: %s\n", what, err->message);
	CU_FAIL_FATAL("product bench");
}

void product_bench_open(struct product_bench *bench, const struct qmac_hw *hw, int ring_log2, uint64_t seed)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 24, .kernel = "auto"};
	struct qmac_error err = {0};

	bench->hw = *hw;
	check(qmac_backend_create("cmodel", hw, &options, &bench->backend, &err), &err, "backend");
	bench->backend = shuffled_backend(bench->backend, seed);
	bench->backend = recording_backend(bench->backend); /* outside: sees the order of the driver */
	check(qmac_driver_open(bench->backend, hw, ring_log2, &bench->driver, &err), &err, "driver");
}

void product_bench_close(struct product_bench *bench)
{
	uint32_t count;
	const struct qmac_command *commands = recording_commands(bench->backend, &count);
	struct qmac_race race;
	struct qmac_error err = {0};

	check(qmac_race_check(&bench->hw, commands, count, &race, &err), &err, "race");
	qmac_driver_close(bench->driver);
	qmac_backend_destroy(bench->backend);
}

void product_bench_submit(struct product_bench *bench, struct qmac_program *program)
{
	struct qmac_error err = {0};

	check(qmac_program_compile(program, NULL, 0, &err), &err, "compile");
	check(qmac_program_submit(program, bench->driver, &err), &err, "submit");
	qmac_program_destroy(program);
}

void product_bench_run(struct product_bench *bench, const struct qmac_product_plan *const *plans, int count)
{
	struct qmac_program *program = qmac_program_create(&bench->hw);
	struct qmac_error err = {0};

	CU_ASSERT_PTR_NOT_NULL_FATAL(program);
	for (int i = 0; i < count; i++)
		check(qmac_product_lower(program, plans[i], &err), &err, "lower");
	product_bench_submit(bench, program);
}

void product_bench_finish(struct product_bench *bench, uint64_t counters[QMAC_COUNTERS])
{
	struct qmac_error err = {0};

	check(qmac_driver_finish(bench->driver, &err), &err, "finish");
	qmac_driver_counters(bench->driver, counters);
}

uint32_t product_bench_passes(const struct product_bench *bench)
{
	return recording_count(bench->backend, QMAC_OPCODE_GEMM);
}
