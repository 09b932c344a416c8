/*
 * The host driver: what one would ship for the chip.
 *
 * It checks the device's identity, hands out buffers in device memory, writes
 * descriptors into the command ring, rings the doorbell, waits for the
 * interrupt, and reads counters. It knows registers, memory and an interrupt,
 * nothing else.
 *
 * Commands are submitted in order; submit() only writes the ring (and drains it
 * when it is full); finish() appends a SYNC, rings the doorbell and waits.
 * A driver is used by one thread at a time and does not own its backend.
 */
#ifndef QMAC_DRIVER_DRIVER_H
#define QMAC_DRIVER_DRIVER_H

#include <stdint.h>

#include "backend/backend.h"
#include "isa/command.h"

struct qmac_driver;

/*
 * The largest ring of a driver. While a command waits an engine may retire as many commands behind it as the
 * ring holds, which the count that it waits for must tell from the future (lower/item.h): with the largest
 * ring of the device, 2^15, nothing would be left for how far a wait reaches back.
 */
enum { QMAC_DRIVER_RING_LOG2_MAX = 14 };

/* A piece of device memory, aligned to 64 bytes. */
struct qmac_buffer {
	uint64_t address;
	uint64_t bytes;
};

/*
 * Resets the device (for the first time), compares its identity registers with hw (a difference is
 * refused, naming the parameter), maps a ring of 2^ring_log2 descriptors, 1 <= ring_log2 <=
 * QMAC_DRIVER_RING_LOG2_MAX.
 */
QMAC_MUST_CHECK enum qmac_status qmac_driver_open(struct qmac_backend *backend, const struct qmac_hw *hw,
                                                  int ring_log2, struct qmac_driver **driver,
                                                  struct qmac_error *err);
void qmac_driver_close(struct qmac_driver *driver);
const struct qmac_hw *qmac_driver_hw(const struct qmac_driver *driver);

/* Allocates zeroed device memory; lives until the driver is closed. */
QMAC_MUST_CHECK enum qmac_status qmac_driver_allocate(struct qmac_driver *driver, uint64_t bytes,
                                                      struct qmac_buffer *buffer, struct qmac_error *err);

/* Gives back the buffer that was allocated last; another one stays allocated. */
void qmac_driver_release(struct qmac_driver *driver, struct qmac_buffer buffer);

/* Copies between host and a buffer; the range must lie inside it. Traffic is counted (host bytes). */
void qmac_driver_upload(struct qmac_driver *driver, struct qmac_buffer buffer, uint64_t offset,
                        const void *data, uint64_t bytes);
void qmac_driver_download(struct qmac_driver *driver, struct qmac_buffer buffer, uint64_t offset,
                          void *data, uint64_t bytes);

/*
 * Puts a command into the ring; its `unit` goes to the backend's reports. Fails where the device stopped
 * with an error, or did not answer, while the full ring was drained. The command itself is checked by the
 * device only.
 */
QMAC_MUST_CHECK enum qmac_status qmac_driver_submit(struct qmac_driver *driver,
                                                    const struct qmac_command *command,
                                                    struct qmac_error *err);

/* Commands of each engine since open or the last reset, modulo 2^16: what waits count. By QMAC_ENGINE_*. */
void qmac_driver_submitted(const struct qmac_driver *driver, uint16_t counts[3]);

/*
 * Rings the doorbell and waits until everything submitted has retired. A device
 * error is reported with its name, the command's number and its disassembly;
 * no answer within QMAC_PATIENCE_CYCLES as a hang.
 */
QMAC_MUST_CHECK enum qmac_status qmac_driver_finish(struct qmac_driver *driver, struct qmac_error *err);

/*
 * on_command is told of every command before the device sees it, with what its descriptor does not have. Of
 * the SYNCs that finish() appends, too: each is for the layer of the command before it, in no direction.
 * NULL: nobody is told.
 */
void qmac_driver_watch(struct qmac_driver *driver,
                       void (*on_command)(void *context, const struct qmac_command *command),
                       void *context);

/*
 * Resets the device once more; call when finished. Buffers and what is in memory stay, what was on chip is
 * to be taken for lost, and counts begin again: waits for what was before mean nothing any more.
 */
void qmac_driver_reset(struct qmac_driver *driver);

/* What was spent since open, over all resets; call when finished. */
struct qmac_driver_totals {
	uint64_t counters[QMAC_COUNTERS];
	uint64_t host_bytes;  /* that the host moved to and from device memory, descriptors included */
};
struct qmac_driver_totals qmac_driver_totals(struct qmac_driver *driver);
/* Right after open or a reset: totals become these and go on from there. */
void qmac_driver_set_totals(struct qmac_driver *driver, const struct qmac_driver_totals *totals);

/* The counters of the totals. */
void qmac_driver_counters(struct qmac_driver *driver, uint64_t counters[QMAC_COUNTERS]);

/*
 * Range monitor `number`, 1 .. QMAC_MONITORS - 1: the OR of the magnitudes of all commands with that monitor
 * that retired since it was cleared, or since the reset; its highest bit is floor(log2 of the largest), and
 * bit 31 stands for all from 2^31 on. Call when finished.
 */
uint32_t qmac_driver_monitor(struct qmac_driver *driver, unsigned number);
void qmac_driver_clear_monitor(struct qmac_driver *driver, unsigned number);

/* Of the totals, the bytes. */
uint64_t qmac_driver_host_bytes(const struct qmac_driver *driver);

/* What the totals were at the last reset: a retire record has its number and cycles since then. */
const struct qmac_driver_totals *qmac_driver_base(const struct qmac_driver *driver);

#endif
