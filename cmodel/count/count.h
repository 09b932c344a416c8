/*
 * What a command adds to the counters that follow from its descriptor alone (docs/counters.md):
 * commands, MACs, multiplications, rows read and written, DRAM bytes and bursts.
 *
 * Counters that depend on data (QMAC_DATA_COUNTER_TABLE: products with a zero operand, saturations)
 * come from the arithmetic of cmodel/device, those of time from cmodel/time.
 */
#ifndef QMAC_COUNT_COUNT_H
#define QMAC_COUNT_COUNT_H

#include <stdint.h>

#include "hw/hw.h"
#include "isa/command.h"

/*
 * What costs energy and is no counter of the device (docs/counters.md): their places follow those of the
 * counters, so that one array of QMAC_COUNTS holds both.
 */
enum qmac_action {
	QMAC_ACTION_PRELOADS = QMAC_COUNTERS, /* GEMM ws: weights that go into the array, k * n */
	QMAC_ACTION_ACC_SUMS,        /* GEMM: sums of products that go to ACC words */
	QMAC_ACTION_VEC_ELEMENTS,    /* VEC: elements that pass a lane, lanes * n1 * n0 */
	QMAC_ACTION_VEC_ADDS,        /* VEC: additions and comparisons, those of reductions and sums included */
	QMAC_ACTION_REQUANTISATIONS, /* VEC: values that are shifted, rounded and clamped */
	QMAC_ACTION_DRAWS,           /* VEC: of these, those that are rounded with a random number */
	QMAC_COUNTS
};

/* to += counts * times. */
static inline void qmac_counts_add(uint64_t to[QMAC_COUNTS], const uint64_t counts[QMAC_COUNTS],
                                   uint64_t times)
{
	for (int i = 0; i < (int)QMAC_COUNTS; i++)
		to[i] += counts[i] * times;
}

/* Adds what a legal command does of these actions. */
void qmac_count_actions(const struct qmac_command *command, uint64_t counts[QMAC_COUNTS]);

/* Adds what a legal command counts on hw (qmac_command_fault: none); leaves all other counters alone. */
void qmac_count(const struct qmac_hw *hw, const struct qmac_command *command,
                uint64_t counters[QMAC_COUNTERS]);

#endif
