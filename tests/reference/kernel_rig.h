/*
 * Single commands on the C model with every kernel this CPU has, with and without digests (which take
 * other ways through the device), beside the slow reference.
 */
#ifndef KERNEL_RIG_H
#define KERNEL_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "device/device.h"
#include "reference/ref_device.h"

enum { KERNEL_RIG_DEVICES = 16, KERNEL_RIG_BYTES = 8192, KERNEL_RIG_DATA = KERNEL_RIG_BYTES - 1024 };

struct kernel_rig {
	struct qmac_device *device[KERNEL_RIG_DEVICES]; /* by kernel, first without digests, then with them */
	bool digests[KERNEL_RIG_DEVICES];
	int devices;
	struct qmac_retire last[KERNEL_RIG_DEVICES];
	struct ref_device ref;
	int failures;                                   /* commands after which something differed */
};

/* The memory window is all of memory, data its first KERNEL_RIG_DATA bytes. */
bool kernel_rig_open(struct kernel_rig *rig, const struct qmac_hw *hw);
void kernel_rig_close(struct kernel_rig *rig);

/* As a host or a test writes: one word, every word of a space, memory; and a reset by CONTROL. */
void kernel_rig_put(struct kernel_rig *rig, unsigned space, int64_t row, int64_t lane, int64_t value);
void kernel_rig_fill(struct kernel_rig *rig, unsigned space, int64_t value);
void kernel_rig_write(struct kernel_rig *rig, uint64_t address, const void *data, uint64_t bytes);
void kernel_rig_reset(struct kernel_rig *rig);

/*
 * Executes a command everywhere and compares its record, the counters, memory, and the space that it
 * writes; a difference is printed and fails the test. Returns the reference's record.
 */
struct ref_record kernel_rig_execute(struct kernel_rig *rig, const struct qmac_command *command);

/*
 * A LOAD: every word of the `rows` ACC rows row, row + step, ... becomes `value`; the device then knows their
 * limits exactly.
 */
void kernel_rig_load_rows(struct kernel_rig *rig, uint32_t row, uint32_t rows, uint32_t step, int64_t value);

#endif
