/*
 * A device of the C model beside the stepping reference of time: the same commands
 * and doorbells, and a comparison of every start, every retirement and every timed counter.
 */
#ifndef TIME_PAIR_H
#define TIME_PAIR_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "isa/command.h"
#include "reference/ref_time.h"

struct time_pair {
	struct qmac_device *device;
	struct ref_time ref;
	struct qmac_retire *record; /* by number */
	uint32_t retired;
	uint64_t ring_base, slice; /* slice: cycles of one qmac_device_run() */
	uint32_t written;
	uint64_t rng;              /* sizes of doorbells */
	bool small_doorbells;
	uint32_t (*words)[QMAC_COMMAND_WORDS]; /* given so far */
	uint32_t count, room;      /* room: commands that words and record have place for */
};

/*
 * Data at 0 .. data_bytes-1, behind it the ring; the window is all of it. False, and a failed
 * assertion, where the device is refused.
 */
bool time_pair_open(struct time_pair *pair, const struct qmac_hw *hw, uint64_t data_bytes, int ring_log2);
void time_pair_close(struct time_pair *pair);

/* One command more, legal or, as number ref.fault, without opcode. */
void time_pair_add(struct time_pair *pair, const struct qmac_command *command);

/*
 * Runs what was added on both until they are idle. One doorbell for as much as the ring
 * takes; with small_doorbells random ones, also while a SYNC with irq has stopped time.
 */
void time_pair_run(struct time_pair *pair);

/* Prints the first difference with its seed; returns the number of differences. */
int time_pair_differences(struct time_pair *pair, uint64_t seed);

#endif
