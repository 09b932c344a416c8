/*
 * Devices of the C model beside the slow reference: the same contents, the same
 * commands, and a comparison of everything that does not depend on time.
 */
#ifndef DEVICE_PAIR_H
#define DEVICE_PAIR_H

#include <stdint.h>

#include "device/device.h"
#include "reference/ref_device.h"

enum { PAIR_DEVICES = 2, PAIR_COMMANDS = 128 };

struct pair_log {
	struct qmac_retire record[PAIR_COMMANDS];
	uint32_t count;
};

struct device_pair {
	struct qmac_device *device[PAIR_DEVICES]; /* kernels "scalar" and "auto" */
	struct pair_log log[PAIR_DEVICES];
	struct ref_device ref;
	struct ref_record expected[PAIR_COMMANDS];
	uint32_t words[PAIR_COMMANDS][QMAC_COMMAND_WORDS];
	uint32_t count;                           /* commands given so far */
	uint64_t ring_base;
	uint32_t ring_log2;
	uint64_t slice;                           /* device cycles per call of qmac_device_run() */
};

/*
 * The memory window is [mem_base, mem_base + mem_size), the ring its last
 * 64 << ring_log2 bytes, the memory just as large. Failed assertions and false where something is refused.
 */
bool pair_create(struct device_pair *pair, const struct qmac_hw *hw, uint64_t mem_base, uint64_t mem_size,
                 uint32_t ring_log2);
void pair_destroy(struct device_pair *pair);

/* Random contents of memory and, where `scratchpads`, of all scratchpads: the same for all. */
void pair_scramble(struct device_pair *pair, uint64_t *rng, bool scratchpads);

/* Gives the commands to all, a ring at a time, and lets them come to rest. */
void pair_run(struct device_pair *pair, uint32_t words[][QMAC_COMMAND_WORDS], uint32_t count);

/* Prints the first differences, one per line; returns their number. */
int pair_differences(struct device_pair *pair);

/* The same for one device alone: writes commands behind those at the tail, rings the bell, runs to rest. */
void pair_submit(struct qmac_device *device, uint64_t ring_base, uint32_t ring_log2,
                 uint32_t words[][QMAC_COMMAND_WORDS], uint32_t count, uint64_t slice);

/* Memory window and ring of a device fresh from reset. */
void pair_set_up(struct qmac_device *device, uint64_t mem_base, uint64_t mem_size, uint64_t ring_base,
                 uint32_t ring_log2);

uint64_t pair_counter(struct qmac_device *device, int counter);

#endif
