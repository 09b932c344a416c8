/*
 * What a device did with its cycles, in shares: the counters of docs/timing.md as answers to "what limits
 * this run?". The definitions, with every letter, are in docs/counters.md.
 */
#ifndef QMAC_REPORT_SHARES_H
#define QMAC_REPORT_SHARES_H

#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

/* Rows of the table: who. The three engines that have commands stand in the order of QMAC_ENGINE_*. */
enum qmac_share_engine {
	QMAC_SHARE_LOAD, QMAC_SHARE_EXECUTE, QMAC_SHARE_STORE, QMAC_SHARE_FETCH, QMAC_SHARE_ENGINES
};

/* Columns: what its cycles went into. */
enum qmac_share {
	QMAC_SHARE_BUSY,    /* it worked; LOAD, STORE and FETCH: data moved */
	QMAC_SHARE_MEMORY,  /* LOAD, STORE: it had a command and moved nothing, for the memory kept it waiting */
	QMAC_SHARE_WAIT,    /* a command that was there waited for another engine */
	QMAC_SHARE_STARVED, /* the descriptor of its next command had not been fetched */
	QMAC_SHARE_IDLE,    /* it had nothing to do: all the rest */
	QMAC_SHARES
};

struct qmac_shares {
	double mac_utilisation; /* MACs done of those that the array can do in the cycles */
	/* Of each engine they sum to 1; NaN for what it does not have. */
	double of[QMAC_SHARE_ENGINES][QMAC_SHARES];
};

/* In files: "load", "busy". */
extern const char *const qmac_share_engine_names[QMAC_SHARE_ENGINES];
extern const char *const qmac_share_names[QMAC_SHARES];

/* All NaN for a device that has done nothing. */
struct qmac_shares qmac_shares_of(const uint64_t counters[QMAC_COUNTERS], const struct qmac_hw *hw);

#endif
