/*
 * Speed of matrix products of 512 x 512 x 512 on the C model through the driver, cycles
 * counted, for every kernel; of the fastest, rounds beside sgemm on one thread (reference/measure.h). MACs
 * are those of the array: a limb pair counts for itself. Time is that of the process, so that others on the
 * machine disturb less.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "driver/driver.h"
#include "kernel/kernel.h"
#include "lower/product.h"
#include "reference/measure.h"

enum { SIZE = 512 };

/* Processor time for each case, whose best round is printed: long enough to meet a quiet moment. */
#define CASE_SECONDS .4

struct bench_case {
	const char *title, *name;
	enum qmac_form form;
	int operand_bits, array_bits, array_size;
};

static const struct bench_case cases[] = {
	{"8-bit, weight stationary", "gemm/64x64/8", QMAC_FORM_AB, 8, 8, 64},
	{"8-bit, weight stationary", "gemm/32x32/8", QMAC_FORM_AB, 8, 8, 32},
	{"8-bit, weight stationary", "gemm/16x16/8", QMAC_FORM_AB, 8, 8, 16},
	{"8-bit, output stationary", "gemm_os/64x64/8", QMAC_FORM_ATB, 8, 8, 64},
	{"8-bit, output stationary", "gemm_os/16x16/8", QMAC_FORM_ATB, 8, 8, 16},
	{"16-bit on a 16-bit array", "gemm/16x16/16", QMAC_FORM_AB, 16, 16, 16},
	{"16-bit on an 8-bit array", "gemm/16x16/16on8", QMAC_FORM_AB, 16, 8, 16},
};

static struct qmac_hw hardware(int bits, int size)
{
	const struct qmac_hw hw = {
		.rows = size, .cols = size, .a_bits = bits, .w_bits = bits, .acc_bits = 48,
		.acc_overflow = QMAC_OVERFLOW_SATURATE, .os_max = 4096, .a_depth = 8192, .w_depth = 8192,
		.acc_depth = 8192, .bus_bytes = 64, .burst_beats = 16, .outstanding = 4, .queue_depth = 4,
		.lut_bits = 8, .lut_ports = 1, .clock_mhz = 1000, .dram_latency = 40,
		.dram_bytes_per_cycle = 64 * 256, .dram_banks = 8, .dram_row_bytes = 2048, .dram_miss = 20,
		.dram_turnaround = 8,
	};

	return hw;
}

/* A matrix of small random numbers in device memory. */
static enum qmac_status upload(struct qmac_driver *driver, int bits, struct qmac_view *matrix,
                               struct qmac_error *err)
{
	static uint8_t data[SIZE * SIZE * 2];
	const struct qmac_element element = {
		.bits = bits, .is_signed = true, .container = bits == 8 ? QMAC_CONTAINER_BYTE : QMAC_CONTAINER_HALF,
	};
	uint64_t row_bytes = (uint64_t)(SIZE * bits / 8);
	struct qmac_buffer buffer;
	enum qmac_status status = qmac_driver_allocate(driver, SIZE * row_bytes, &buffer, err);
	uint32_t random = 1;

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)((random = random * 1664525U + 1013904223U) >> 24);
	if (status == QMAC_OK)
		qmac_driver_upload(driver, buffer, 0, data, buffer.bytes);
	*matrix = qmac_view_matrix(buffer.address, element, SIZE, SIZE, row_bytes);
	return status;
}

/* Runs the program again and again; prints the best, and of the fastest kernel all rounds beside sgemm. */
static enum qmac_status measure_program(struct qmac_driver *driver, const struct bench_case *c,
                                        const char *kernel, struct qmac_program *program,
                                        const struct qmac_product_plan *plan, struct qmac_error *err)
{
	struct measure beside = {.name = c->name, .unit = "GMAC/s"};
	bool is_fastest = strcmp(kernel, qmac_kernel_names()[0]) == 0;
	uint64_t counters[QMAC_COUNTERS] = {0};
	enum qmac_status status = QMAC_OK;
	double best = INFINITY, spent = 0, cycles;

	for (int rounds = 0; spent < CASE_SECONDS && status == QMAC_OK; rounds++) {
		double began = measure_seconds(), took;

		status = qmac_program_submit(program, driver, err);
		if (status == QMAC_OK)
			status = qmac_driver_finish(driver, err);
		took = measure_seconds() - began;
		best = fmin(best, took);
		spent += took;
		if (is_fastest && rounds > 0)
			measure_add(&beside, (double)plan->macs / took / 1e9, measure_sgemm(took));
		/* Those of the first round, from the reset on: the same whatever the kernel's speed. */
		if (rounds == 0)
			qmac_driver_counters(driver, counters);
	}
	if (status != QMAC_OK)
		return status;
	cycles = (double)counters[QMAC_COUNTER_CYCLES];
	printf("%-10s %9.2f %9.2f %12.0f %11.1f %9.1f %%\n", kernel, (double)plan->macs / best / 1e9, best * 1e3,
	       cycles, cycles / best / 1e6, 100 * (double)plan->slots / cycles);
	if (is_fastest)
		measure_print(&beside);
	return QMAC_OK;
}

static enum qmac_status run_case(struct qmac_driver *driver, const struct bench_case *c, const char *kernel,
                                 struct qmac_error *err)
{
	const struct qmac_element sum = {
		.bits = c->operand_bits == 8 ? 32 : 64, .is_signed = true,
		.container = c->operand_bits == 8 ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_DOUBLE,
	};
	struct qmac_product product = {.form = c->form, .window = qmac_window_none, .positions = {1, 1, SIZE}};
	struct qmac_program *program = qmac_program_create(qmac_driver_hw(driver));
	struct qmac_product_plan plan;
	struct qmac_buffer buffer = {.address = 0};
	enum qmac_status status = upload(driver, c->operand_bits, &product.a, err);

	if (status == QMAC_OK && !program)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory");
	if (status == QMAC_OK)
		status = upload(driver, c->operand_bits, &product.b, err);
	if (status == QMAC_OK)
		status = qmac_driver_allocate(driver, SIZE * SIZE * 8, &buffer, err);
	product.c = qmac_view_matrix(buffer.address, sum, SIZE, SIZE, SIZE * 8);
	if (status == QMAC_OK)
		status = qmac_product_plan_make(&plan, &product, qmac_driver_hw(driver), err);
	if (status == QMAC_OK)
		status = qmac_product_lower(program, &plan, err);
	if (status == QMAC_OK)
		status = qmac_program_compile(program, NULL, 0, err);
	if (status == QMAC_OK)
		status = measure_program(driver, c, kernel, program, &plan, err);
	qmac_program_destroy(program);
	return status;
}

static enum qmac_status measure(const struct bench_case *c, const char *kernel, struct qmac_error *err)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 24, .kernel = kernel};
	const struct qmac_hw hw = hardware(c->array_bits, c->array_size);
	struct qmac_backend *backend = NULL;
	struct qmac_driver *driver = NULL;
	enum qmac_status status = qmac_backend_create("cmodel", &hw, &options, &backend, err);

	if (status == QMAC_OK)
		status = qmac_driver_open(backend, &hw, 12, &driver, err);
	if (status == QMAC_OK)
		status = run_case(driver, c, kernel, err);
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
	return status;
}

int main(void)
{
	struct qmac_error err = {0};
	char text[1400];

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		printf("%sGEMM %d x %d x %d, %s, %dx%d, through the driver\n", i ? "\n" : "", SIZE, SIZE, SIZE,
		       cases[i].title, cases[i].array_size, cases[i].array_size);
		printf("%-10s %9s %9s %12s %11s %11s\n", "kernel", "GMAC/s", "ms", "cycles", "Mcycles/s",
		       "array busy");
		for (const char *const *name = qmac_kernel_names(); *name; name++)
			if (measure(&cases[i], *name, &err) != QMAC_OK) {
				fprintf(stderr, "bench_gemm: %s\n", qmac_error_text(&err, text, sizeof text));
				return 1;
			}
	}
	return 0;
}
