#include "report/shares.h"

#include <math.h>

const char *const qmac_share_engine_names[QMAC_SHARE_ENGINES] = {
	[QMAC_SHARE_LOAD] = "load", [QMAC_SHARE_EXECUTE] = "execute", [QMAC_SHARE_STORE] = "store",
	[QMAC_SHARE_FETCH] = "fetch",
};

const char *const qmac_share_names[QMAC_SHARES] = {
	[QMAC_SHARE_BUSY] = "busy", [QMAC_SHARE_MEMORY] = "memory", [QMAC_SHARE_WAIT] = "wait",
	[QMAC_SHARE_STARVED] = "starved", [QMAC_SHARE_IDLE] = "idle",
};

/* So many cycles of those that are left, at most all of them. */
static double take(double *left, double cycles)
{
	double taken = fmin(cycles, *left);

	*left -= taken;
	return taken;
}

/*
 * Causes are taken off the cycles one after the other, so that they sum to all of them. Only WAIT may find
 * too little: EXECUTE_WAIT also counts cycles in which a GEMM waits while the one before it is in the array.
 */
static void split(const uint64_t counters[QMAC_COUNTERS], int engine, double memory,
                  double cycles[QMAC_SHARES])
{
	double left = (double)counters[QMAC_COUNTER_CYCLES];
	double busy = take(&left, (double)counters[QMAC_COUNTER_LOAD_BUSY + engine]);

	cycles[QMAC_SHARE_MEMORY] = memory;
	cycles[QMAC_SHARE_BUSY] = isnan(memory) ? busy : busy - memory;
	cycles[QMAC_SHARE_STARVED] = take(&left, (double)counters[QMAC_COUNTER_LOAD_STARVED + engine]);
	cycles[QMAC_SHARE_WAIT] = take(&left, (double)counters[QMAC_COUNTER_LOAD_WAIT + engine]);
	cycles[QMAC_SHARE_IDLE] = left;
}

struct qmac_shares qmac_shares_of(const uint64_t counters[QMAC_COUNTERS], const struct qmac_hw *hw)
{
	double total = (double)counters[QMAC_COUNTER_CYCLES], none = (double)NAN, left = total;
	double bytes_per_cycle = fmin(hw->bus_bytes, hw->dram_bytes_per_cycle / 256.0);
	const double memory[] = {
		[QMAC_SHARE_LOAD] = (double)counters[QMAC_COUNTER_LOAD_MEMORY], [QMAC_SHARE_EXECUTE] = none,
		[QMAC_SHARE_STORE] = (double)counters[QMAC_COUNTER_STORE_MEMORY],
	};
	struct qmac_shares shares;

	for (int engine = QMAC_SHARE_LOAD; engine <= QMAC_SHARE_STORE; engine++)
		split(counters, engine, memory[engine], shares.of[engine]);
	for (int i = 0; i < QMAC_SHARES; i++)
		shares.of[QMAC_SHARE_FETCH][i] = none;
	shares.of[QMAC_SHARE_FETCH][QMAC_SHARE_BUSY] =
		take(&left, (double)counters[QMAC_COUNTER_FETCH_BYTES] / bytes_per_cycle);
	shares.of[QMAC_SHARE_FETCH][QMAC_SHARE_IDLE] = left;
	for (int engine = 0; engine < QMAC_SHARE_ENGINES; engine++)
		for (int i = 0; i < QMAC_SHARES; i++)
			shares.of[engine][i] = total > 0 ? shares.of[engine][i] / total : none;
	shares.mac_utilisation = total > 0 ? (double)counters[QMAC_COUNTER_MACS] / total / hw->rows / hw->cols
	                         : none;
	return shares;
}
