/*
 * Records random commands: record_traces FILE. traces/vec_9x4.trace comes from here (docs/traces.md).
 */
#include <stdio.h>

#include "reference/trace_mix.h"

/* Small enough for a short file; more lanes in A than in ACC; magnitudes beyond 31 bits. */
static const struct qmac_hw mixed = {
	.rows = 9, .cols = 4, .a_bits = 8, .w_bits = 7, .acc_bits = 36, .acc_overflow = QMAC_OVERFLOW_WRAP,
	.os_max = 256, .a_depth = 32, .w_depth = 34, .acc_depth = 64, .bus_bytes = 16, .burst_beats = 3,
	.outstanding = 2, .queue_depth = 3, .lut_bits = 4, .lut_ports = 3, .zero_gating = 1, .clock_mhz = 500,
	.dram_latency = 9, .dram_bytes_per_cycle = 2304, .dram_banks = 2, .dram_row_bytes = 512,
	.dram_miss = 5, .dram_turnaround = 2,
};

int main(int argc, char **argv)
{
	const struct trace_mix mix = {
		.seed = 140, .hw = &mixed, .commands = 240, .window = {80, 140}, .interfere = true,
	};
	struct qmac_recorder *recorder = NULL;
	const struct qmac_trace *trace;
	struct qmac_error err;
	enum qmac_status status;

	if (argc != 2) {
		fprintf(stderr, "usage: record_traces FILE\n");
		return 2;
	}
	recorder = trace_mix_run(&mix);
	status = qmac_recorder_finish(recorder, &trace, &err);
	if (!status)
		status = qmac_trace_write(trace, argv[1], &err);
	if (status)
		fprintf(stderr, "%s\n", err.message);
	qmac_recorder_destroy(recorder);
	return (int)status;
}
