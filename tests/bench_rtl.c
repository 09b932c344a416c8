/*
 * Speed of the simulated RTL, alone and in lockstep with the C model, in million device
 * cycles per second of processor time: a matrix product that keeps the array busy, and HALP's
 * inner loop, which keeps VEC busy. Beside it the bare Verilated array of the same shape, built
 * by the same tools ($QMAC_BENCH_ARRAYS/array_NAME/test): what is left of its speed is the share.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/rtl_library.h"
#include "config/hw_file.h"
#include "cosim/open.h"
#include "lower/product.h"
#include "reference/measure.h"
#include "step/linear_program.h"

enum { SIZE = 96, SAMPLES = 40, FEATURES = 100, STEPS = 150, RING_LOG2 = 10, ROUNDS = 3 };

static uint32_t noise(uint32_t *random)
{
	*random = *random * 1664525U + 1013904223U;
	return *random >> 16;
}

/* ---- streams -------------------------------------------------------------------- */

static enum qmac_status put(struct qmac_driver *driver, int bits, struct qmac_view *matrix,
                            struct qmac_error *err)
{
	const struct qmac_element element = {.bits = bits, .is_signed = true, .container = QMAC_CONTAINER_BYTE};
	uint8_t data[SIZE * SIZE];
	uint32_t random = 1;
	struct qmac_buffer buffer;
	enum qmac_status status = qmac_driver_allocate(driver, sizeof data, &buffer, err);

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (uint8_t)noise(&random);
	if (status)
		return status;
	qmac_driver_upload(driver, buffer, 0, data, sizeof data);
	*matrix = qmac_view_matrix(buffer.address, element, SIZE, SIZE, SIZE);
	return QMAC_OK;
}

/* C = A B and C = A^T B of operands of the array's width. */
static enum qmac_status products(struct qmac_driver *driver, struct qmac_error *err)
{
	const struct qmac_hw *hw = qmac_driver_hw(driver);
	const struct qmac_element sum = {.bits = 32, .is_signed = true, .container = QMAC_CONTAINER_WORD};
	struct qmac_product product = {.window = qmac_window_none, .positions = {1, 1, SIZE}};
	struct qmac_buffer c;
	struct qmac_product_plan plan;
	enum qmac_status status = put(driver, hw->a_bits < 8 ? hw->a_bits : 8, &product.a, err);

	if (!status)
		status = put(driver, 8, &product.b, err);
	if (!status)
		status = qmac_driver_allocate(driver, SIZE * SIZE * 4, &c, err);
	for (int form = 0; !status && form < 2; form++) {
		product.form = form ? QMAC_FORM_ATB : QMAC_FORM_AB;
		product.c = qmac_view_matrix(c.address, sum, SIZE, SIZE, SIZE * 4);
		status = qmac_product_plan_make(&plan, &product, hw, err);
		if (!status)
			status = qmac_product_submit(driver, &plan, err);
		if (!status)
			status = qmac_driver_finish(driver, err);
	}
	return status;
}

/* HALP-8 as in Figure 1, fewer samples. */
static enum qmac_status inner_loop(struct qmac_driver *driver, struct qmac_error *err)
{
	static const struct qmac_linear_shape shape = {
		.samples = SAMPLES, .features = FEATURES, .batch = 1, .bits = 8, .x_bits = 8, .frac_bits = 8,
		.mp_bits = 16, .c1 = 1.0 / 65536, .has_offset = true,
	};
	int16_t codes[SAMPLES * FEATURES];
	int64_t offset[FEATURES] = {0};
	int32_t z[FEATURES];
	uint32_t order[STEPS], random = 2;
	const struct qmac_linear_loop loop = {.order = order, .steps = STEPS, .keep_after = STEPS, .z = z};
	struct qmac_inner_loop *program = NULL;
	struct qmac_linear_plan plan;
	enum qmac_status status = qmac_linear_plan_make(&plan, &shape, qmac_driver_hw(driver), err);

	for (int i = 0; i < SAMPLES * FEATURES; i++)
		codes[i] = (int16_t)(noise(&random) % 255 - 127);
	for (int i = 0; i < STEPS; i++)
		order[i] = noise(&random) % SAMPLES;
	if (!status)
		status = qmac_linear_program_create(driver, &plan, &program, err);
	if (status)
		return status;
	qmac_inner_loop_set_x(program, 0, SAMPLES, codes);
	qmac_inner_loop_set_z(program, NULL);
	qmac_inner_loop_set_offset(program, offset);
	status = qmac_inner_loop_run(program, &loop, err);
	qmac_inner_loop_destroy(program);
	return status;
}

/* ---- measuring ------------------------------------------------------------------ */

typedef enum qmac_status stream_run(struct qmac_driver *driver, struct qmac_error *err);

/* Million device cycles per second. */
static enum qmac_status measure(const struct qmac_hw *hw, const struct qmac_rtl_library *library,
                                const char *name, stream_run *run, double *speed, struct qmac_error *err)
{
	const struct qmac_device_options options = {.memory_bytes = 1 << 20};
	const struct qmac_lockstep_settings settings = {.device.library = library};
	struct qmac_backend *backend = NULL;
	struct qmac_driver *driver = NULL;
	uint64_t counters[QMAC_COUNTERS];
	enum qmac_status status = qmac_cosim_open(name, hw, &options, &settings, &backend, err);
	double began;

	if (!status)
		status = qmac_driver_open(backend, hw, RING_LOG2, &driver, err);
	began = measure_seconds();
	if (!status)
		status = run(driver, err);
	if (!status) {
		*speed = 1 / (measure_seconds() - began);
		qmac_driver_counters(driver, counters);
		*speed *= (double)counters[QMAC_COUNTER_CYCLES] / 1e6;
	}
	qmac_driver_close(driver);
	qmac_backend_destroy(backend);
	return status;
}

/* Speed of the bare array; 0 where it was not built. */
static double bare_array(const char *name)
{
	const char *folder = getenv("QMAC_BENCH_ARRAYS");
	char command[1024];
	double speed = 0;
	FILE *pipe;

	if (!folder)
		return 0;
	snprintf(command, sizeof command, "'%s/array_%s/test'", folder, name);
	pipe = popen(command, "r");
	if (pipe && fscanf(pipe, "%lf", &speed) != 1)
		speed = 0;
	if (pipe)
		pclose(pipe);
	return speed;
}

static enum qmac_status measure_device(const char *name, struct qmac_error *err)
{
	static const struct {
		const char *title, *backend;
		stream_run *run;
	} figures[] = {
		{"rtl", "rtl", products}, {"lockstep", "lockstep", products},
		{"rtl_halp", "rtl", inner_loop}, {"lockstep_halp", "lockstep", inner_loop},
	};
	struct qmac_rtl_library *library = NULL;
	double array = bare_array(name), speed = 0;
	struct qmac_hw hw;
	char file[64], title[64];
	enum qmac_status status;

	snprintf(file, sizeof file, "configs/hw/%s.yaml", name);
	status = qmac_hw_load(&hw, file, err);
	if (!status)
		status = qmac_rtl_library_open(&hw, false, NULL, NULL, &library, err);
	for (int i = 0; !status && i < 4; i++) {
		struct measure m = {.name = title, .unit = "Mcycle/s"};

		snprintf(title, sizeof title, "%s/%.*s", figures[i].title, (int)strcspn(name, "_"), name);
		for (int round = 0; !status && round < ROUNDS; round++) {
			status = measure(&hw, library, figures[i].backend, figures[i].run, &speed, err);
			if (!status)
				measure_add(&m, speed, array);
		}
		if (!status)
			measure_print(&m);
	}
	qmac_rtl_library_close(library);
	return status;
}

int main(void)
{
	static const char *const names[] = {"8x8_w8", "16x16_w8", "ragged"};
	struct qmac_error err = {0};
	char text[3200];

	if (!qmac_rtl_available()) {
		puts("RTL: skipped, verilator is not installed");
		return 0;
	}
	puts("\nSimulation of the RTL, products and HALP's inner loop, beside the bare Verilated array");
	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
		if (measure_device(names[i], &err)) {
			fprintf(stderr, "bench_rtl: %s\n", qmac_error_text(&err, text, sizeof text));
			return 1;
		}
	return 0;
}
