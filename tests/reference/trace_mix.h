/*
 * Runs random programs under a trace recorder, host and device taking turns: the
 * host gives a few commands, waits, writes a little memory, and goes on.
 */
#ifndef TRACE_MIX_H
#define TRACE_MIX_H

#include "trace/trace.h"

struct trace_mix {
	uint64_t seed;
	const struct qmac_hw *hw;     /* NULL: random */
	uint32_t commands;
	bool damage;                  /* some descriptors are damaged: the run may stop with an error */
	bool interfere;               /* the host also writes memory at a SYNC in the middle of what it gave */
	struct qmac_trace_window window;
	struct qmac_retire *records;  /* NULL, or what retired, by number: room for all commands */
};

/* The recorder after the run; the caller finishes and destroys it. Aborts where memory is short. */
struct qmac_recorder *trace_mix_run(const struct trace_mix *mix);

#endif
