/*
 * Records random commands: record_traces FILE. traces/mix_5x7.trace came from here; the generator has
 * changed since, so that a new one has other commands (docs/traces.md).
 */
#include <stdio.h>

#include "reference/trace_mix.h"

/* Small enough for a short file, uneven enough to matter; narrow accumulators saturate. */
static const struct qmac_hw mixed = {
	.rows = 5, .cols = 7, .a_bits = 6, .w_bits = 9, .acc_bits = 16, .acc_overflow = QMAC_OVERFLOW_SATURATE,
	.os_max = 256, .a_depth = 32, .w_depth = 34, .acc_depth = 36, .bus_bytes = 8, .burst_beats = 5,
	.outstanding = 3, .queue_depth = 2, .lut_bits = 5, .lut_ports = 3, .zero_gating = 1, .clock_mhz = 500,
	.dram_latency = 17, .dram_bytes_per_cycle = 1408, .dram_banks = 4, .dram_row_bytes = 1024,
	.dram_miss = 9, .dram_turnaround = 3,
};

int main(int argc, char **argv)
{
	const struct trace_mix mix = {
		.seed = 2, .hw = &mixed, .commands = 200, .window = {60, 100}, .interfere = true,
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
