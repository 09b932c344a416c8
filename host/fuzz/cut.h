/*
 * A part of a trace that is a trace again: what the minimiser tries.
 */
#ifndef QMAC_FUZZ_CUT_H
#define QMAC_FUZZ_CUT_H

#include <stdbool.h>

#include "trace/trace.h"

/* One flag per row, per entry of bytes, per command; NULL keeps all. */
struct qmac_fuzz_keep {
	const bool *rows, *bytes, *commands;
};

/*
 * A copy of what is kept, without expectations; NULL where memory is short. A turn of the host that has
 * lost its commands leaves its bytes to the next one. Waits keep their meaning: one on a
 * command that is gone becomes one on the last that is left before it. Entries of bytes must be
 * the same or disjoint.
 */
struct qmac_trace *qmac_fuzz_trace_cut(const struct qmac_trace *trace, const struct qmac_fuzz_keep *keep);

#endif
