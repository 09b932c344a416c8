/*
 * Speed of the C model through the driver: the five VEC commands of a HALP
 * inner step (d = 100, 8 bits), resident inputs, for every kernel, and for the device without values.
 */
#include <stdio.h>

#include "driver/driver.h"
#include "kernel/kernel.h"
#include "reference/measure.h"

enum { ROWS = 7, LANES = 16, STEPS = 20000, Z = 0, H = 8, T = 16, M = 24, FRACTION = 8 };

static const struct qmac_hw hw = {
	.rows = 16, .cols = 16, .a_bits = 8, .w_bits = 8, .acc_bits = 64, .acc_overflow = QMAC_OVERFLOW_SATURATE,
	.os_max = 4096, .a_depth = 1024, .w_depth = 64, .acc_depth = 64, .bus_bytes = 16, .burst_beats = 16,
	.outstanding = 4, .queue_depth = 4, .lut_bits = 8, .lut_ports = 1, .clock_mhz = 500,
	.dram_latency = 40, .dram_bytes_per_cycle = 16 * 256, .dram_banks = 8, .dram_row_bytes = 2048,
	.dram_miss = 20, .dram_turnaround = 8,
};

static const struct qmac_command step_commands[5] = {
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
	 .s1space = QMAC_SPACE_A, .dst = M, .src0 = Z, .a0 = 1, .b0 = 1, .n0 = ROWS, .n1 = 1, .red_rows = 1,
	 .red_lanes = 1, .bw = 24, .lanes = LANES},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
	 .s1space = QMAC_SPACE_IMM, .dst = M, .src0 = M, .n0 = 1, .n1 = 1, .mult = 100000, .shift = 3,
	 .rnd = QMAC_ROUND_NEAREST, .bw = 32, .lanes = LANES},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_MUL, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
	 .s1space = QMAC_SPACE_A, .dst = T, .d0 = 1, .src0 = M, .b0 = 1, .n0 = ROWS, .n1 = 1, .shift = 23,
	 .rnd = QMAC_ROUND_NEAREST, .bw = 18, .lanes = LANES},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
	 .s1space = QMAC_SPACE_ACC, .dst = T, .d0 = 1, .src0 = T, .a0 = 1, .src1 = H, .b0 = 1, .n0 = ROWS,
		.n1 = 1,
	 .mult = 1, .bw = 20, .lanes = LANES},
	{.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_SUB, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
	 .s1space = QMAC_SPACE_ACC, .dst = Z, .d0 = 1, .src0 = Z, .a0 = 1, .src1 = T, .b0 = 1, .n0 = ROWS,
		.n1 = 1,
	 .mult = 1, .l0 = FRACTION, .shift = FRACTION, .rnd = QMAC_ROUND_STOCHASTIC, .bw = 8, .lanes = LANES,
	 .dither_cs0 = LANES},
};

static enum qmac_status run_steps(struct qmac_driver *driver, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (uint32_t i = 0; i < STEPS && status == QMAC_OK; i++)
		for (int k = 0; k < 5 && status == QMAC_OK; k++) {
			struct qmac_command command = step_commands[k];

			if (command.s1space == QMAC_SPACE_A)
				command.src1 = i * 37 % 100 * ROWS;
			if (command.rnd == QMAC_ROUND_STOCHASTIC)
				command.seed = i * 2654435761U;
			status = qmac_driver_submit(driver, &command, err);
		}
	return status == QMAC_OK ? qmac_driver_finish(driver, err) : status;
}

/* kernel: of the backend "cmodel"; NULL: the backend "time". */
static enum qmac_status measure(const char *kernel, struct qmac_error *err)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 22, .kernel = kernel};
	struct qmac_backend *backend = NULL;
	struct qmac_driver *driver = NULL;
	uint64_t counters[QMAC_COUNTERS];
	enum qmac_status status = qmac_backend_create(kernel ? "cmodel" : "time", &hw, &options, &backend, err);
	double began, took;

	if (status == QMAC_OK)
		status = qmac_driver_open(backend, &hw, 14, &driver, err);
	if (status != QMAC_OK)
		goto out;
	began = measure_seconds();
	status = run_steps(driver, err);
	took = measure_seconds() - began;
	if (status != QMAC_OK)
		goto out;
	qmac_driver_counters(driver, counters);
	printf("%-10s %8.0f %12.2f %14.1f %14.1f\n", kernel ? kernel : "time only", STEPS / took / 1e3,
	       5 * STEPS / took / 1e6, (double)counters[QMAC_COUNTER_CYCLES] / STEPS,
	       (double)counters[QMAC_COUNTER_CYCLES] / took / 1e6);
out:
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
	return status;
}

int main(void)
{
	struct qmac_error err = {0};
	enum qmac_status status = QMAC_OK;
	char text[1400];

	printf("HALP inner step on the C model, d = 100, 8 bits, 16x16\n%-10s %8s %12s %14s %14s\n", "kernel",
	       "ksteps/s", "Mcommands/s", "cycles/step", "Mcycles/s");
	for (const char *const *name = qmac_kernel_names(); status == QMAC_OK && *name; name++)
		status = measure(*name, &err);
	if (status == QMAC_OK)
		status = measure(NULL, &err);
	if (status != QMAC_OK)
		fprintf(stderr, "bench_device: %s\n", qmac_error_text(&err, text, sizeof text));
	return status != QMAC_OK;
}
