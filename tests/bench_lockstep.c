/*
 * What memory costs a lockstep: the same commands with a wait every 100 of them, on a device with 1 MB and
 * with 64 MB of data in memory; two C models, so that little else is measured, and the C model with the RTL
 * where there is Verilator. Commands per second of processor time, the best of several runs in turn.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "backend/cmodel.h"
#include "backend/rtl.h"
#include "backend/rtl_library.h"
#include "config/hw_file.h"
#include "cosim/lockstep.h"
#include "driver/driver.h"
#include "in_turn.h"
#include "reference/measure.h"

enum { RING_LOG2 = 8, TURN = 100, ROUNDS = 5, ROW_BYTES = 64, ROWS = 8, MEGABYTE = 1 << 20 };

struct bench {
	struct qmac_hw hw;
	struct qmac_rtl_library *library; /* NULL: two C models */
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_buffer data;
	struct qmac_lockstep_report report;
	uint64_t at; /* in the data */
	uint32_t random;
};

static uint32_t noise(struct bench *b)
{
	b->random = b->random * 1664525U + 1013904223U;
	return b->random >> 8;
}

static enum qmac_status open_model(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                   const struct qmac_backend_settings *settings,
                                   struct qmac_backend **backend, struct qmac_error *err)
{
	(void)settings;
	return qmac_backend_cmodel(hw, options, backend, err);
}

/* Opens a lockstep whose memory is full of noise, and waits once: that wait compares all of it. */
static enum qmac_status open_full(struct bench *b, uint64_t megabytes, struct qmac_error *err)
{
	const struct qmac_device_options options = {.memory_bytes = (megabytes + 1) * MEGABYTE};
	const struct qmac_lockstep_settings settings = {.report = &b->report, .device.library = b->library};
	uint32_t piece[1024];
	enum qmac_status status;

	b->random = 1;
	status = qmac_lockstep_open(&b->hw, &options, &settings, b->library ? qmac_backend_rtl : open_model,
	                            &b->backend, err);
	if (!status)
		status = qmac_driver_open(b->backend, &b->hw, RING_LOG2, &b->driver, err);
	if (!status)
		status = qmac_driver_allocate(b->driver, megabytes * MEGABYTE, &b->data, err);
	for (uint64_t at = 0; !status && at < b->data.bytes; at += sizeof piece) {
		for (size_t i = 0; i < sizeof piece / sizeof piece[0]; i++)
			piece[i] = noise(b) | 1U << 24;
		qmac_driver_upload(b->driver, b->data, at, piece, sizeof piece);
	}
	return status ? status : qmac_driver_finish(b->driver, err);
}

/* LOAD of the next rows of the data, a VEC on them, STORE over the rows behind them, and so on for ever. */
static enum qmac_status submit_one(struct bench *b, unsigned kind, struct qmac_error *err)
{
	uint64_t at = b->data.address + b->at;
	uint32_t lanes = (uint32_t)b->hw.cols;
	struct qmac_command command = {
		.opcode = kind == 0 ? QMAC_OPCODE_LOAD : QMAC_OPCODE_STORE, .base = at, .s0 = ROW_BYTES, .n0 = ROWS,
		.n1 = 1, .n2 = 1, .len = lanes, .container = QMAC_CONTAINER_WORD, .is_signed = 1, .hi0 = ROWS - 1,
		.space = QMAC_SPACE_ACC, .ds0 = 1,
	};

	if (kind == 1)
		command = (struct qmac_command){
			.opcode = QMAC_OPCODE_VEC, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC,
			.s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM, .imm = 3, .mult = 1, .bw = 16,
			.n1 = 1, .n0 = ROWS, .d0 = 1, .a0 = 1, .lanes = lanes,
		};
	if (kind != 1)
		b->at = (b->at + ROWS * ROW_BYTES) % b->data.bytes;
	return submit_in_turn(b->driver, command, err);
}

static enum qmac_status run(struct bench *b, unsigned turns, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (unsigned turn = 0; !status && turn < turns; turn++) {
		for (unsigned i = 0; !status && i < TURN - 1; i++)
			status = submit_one(b, i % 3, err);
		if (!status)
			status = qmac_driver_finish(b->driver, err);
	}
	return status;
}

static void close_bench(struct bench *b)
{
	qmac_driver_close(b->driver);
	qmac_backend_destroy(b->backend);
}

/* Measures both in turn; prints a line. */
static enum qmac_status measure(const struct bench *bench, const char *name, unsigned turns,
                                struct qmac_error *err)
{
	static const uint64_t megabytes[] = {1, 64};
	struct bench b[2] = {*bench, *bench};
	double best[2] = {0, 0};
	uint64_t compared[2] = {0, 0};
	enum qmac_status status = QMAC_OK;

	for (int k = 0; !status && k < 2; k++)
		status = open_full(&b[k], megabytes[k], err);
	for (int i = 0; !status && i < 2 * ROUNDS; i++) {
		int k = i % 2;
		uint64_t before = b[k].report.memory_bytes;
		double began = measure_seconds(), speed;

		status = run(&b[k], turns, err);
		speed = turns * TURN / (measure_seconds() - began);
		best[k] = speed > best[k] ? speed : best[k];
		compared[k] = (b[k].report.memory_bytes - before) / turns;
	}
	if (!status)
		printf("%-16s %10.0f %10.0f %7.1f %% %10" PRIu64 " %10" PRIu64 "\n", name, best[0], best[1],
		       100 * best[1] / best[0], compared[0], compared[1]);
	fflush(stdout);
	close_bench(&b[0]);
	close_bench(&b[1]);
	return status;
}

int main(void)
{
	struct bench bench = {.library = NULL};
	struct qmac_error err = {0};
	char text[3200];
	enum qmac_status status = qmac_hw_load(&bench.hw, "configs/hw/8x8_w8.yaml", &err);

	printf("Lockstep with a wait every %d commands, 8x8: commands/s with 1 MB and 64 MB of data, and bytes "
	       "of memory compared per wait\n%-16s %10s %10s %9s %10s %10s\n", TURN, "devices", "1 MB", "64 MB",
	       "share", "1 MB", "64 MB");
	if (!status)
		status = measure(&bench, "two C models", 300, &err);
	if (!status && !qmac_rtl_available())
		puts("RTL: skipped, verilator is not installed");
	else if (!status)
		status = qmac_rtl_library_open(&bench.hw, false, NULL, NULL, &bench.library, &err);
	if (!status && bench.library)
		status = measure(&bench, "C model and RTL", 20, &err);
	qmac_rtl_library_close(bench.library);
	if (status)
		fprintf(stderr, "bench_lockstep: %s\n", qmac_error_text(&err, text, sizeof text));
	return status != QMAC_OK;
}
