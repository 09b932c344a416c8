/*
 * The C model of the device: registers, command ring, three engines, counters.
 *
 * Function is exact (docs/command-set.md); commands execute one after the other
 * in ring order, which for race-free programs is the device's result. Time is
 * computed beside it (docs/timing.md) and never changes a result.
 *
 * A device owns its scratchpads and its memory. It is used by one thread at a
 * time; several devices are independent. After create nothing is allocated but for the times that it
 * remembers (time/memo.h), and how commands are split among threads (device/crew.h), in bounds.
 */
#ifndef QMAC_DEVICE_DEVICE_H
#define QMAC_DEVICE_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "hw/hw.h"
#include "qmac_isa.h"

struct qmac_device;

/* What one retired command left behind; equal in every backend (cycles in the timed mode). */
struct qmac_retire {
	uint32_t number;   /* of the command since reset, in ring order, modulo 2^32 */
	uint8_t engine;    /* QMAC_ENGINE_* */
	uint8_t opcode;    /* QMAC_OPCODE_* */
	uint16_t tag;
	uint32_t acc_saturations, requant_saturations, container_saturations;
	/* MACs of a GEMM with an operand that is zero. Only of the C model, where values are computed; else 0. */
	uint64_t zero_macs;
	uint32_t magnitudes; /* docs/command-set.md, range monitors; 0 but for a VEC with a monitor */
	uint64_t digest;   /* docs/command-set.md; 0 where digests are off */
	uint64_t start;    /* cycle at which the engine began it */
	uint64_t cycle;    /* cycle at which it retired */
};

struct qmac_device_options {
	uint64_t memory_bytes;    /* device memory behind the AXI master, 0..2^40; sparse until touched */
	const char *kernel;       /* "auto" or a name of qmac_kernel_names(); NULL is auto */
	bool digests;             /* compute digests (slower) */
	bool plain;               /* carry out GEMMs one by one, too (slower; the same results) */
	/*
	 * Commands are checked, counted and timed, and nothing is computed: there are no scratchpads, and of the
	 * memory only the ring is kept, once its registers are set; all else reads as zeros. Counters that depend
	 * on data and monitors stay 0, as do the digests, saturations and magnitudes of retire records. kernel
	 * and digests are not looked at.
	 */
	bool time_only;
	bool forgets;             /* times are not remembered (time/memo.h), as nothing comes twice */
	/*
	 * Above 1: commands that came before, but for their seeds, scales and roundings, are carried out on two
	 * threads, up to each SYNC, and all are carried out when it comes. Results and times are the same.
	 * qmac_device_run() does not look at its limit of cycles between commands then; nor does it where times
	 * are remembered. Without digests, on_command and on_write only.
	 */
	int threads;
	/* For tests: 1 or 2: no second thread; what that thread would do comes as early as it may. 0: threads. */
	int turns;
	/* Called at every retire in engine order; may be NULL. */
	void (*on_retire)(void *context, const struct qmac_retire *record);
	/* Called before every command, in ring order, with what the ones before it left; may be NULL. */
	void (*on_command)(void *context, struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS]);
	/*
	 * Called before bytes of device memory change, by a STORE or by qmac_device_write_memory(); they lie in
	 * memory. May be NULL.
	 */
	void (*on_write)(void *context, uint64_t address, uint64_t bytes);
	void *context;
};

/* hw must be valid (qmac_hw_check). */
QMAC_MUST_CHECK enum qmac_status qmac_device_create(const struct qmac_hw *hw,
                                                    const struct qmac_device_options *options,
                                                    struct qmac_device **device, struct qmac_error *err);
void qmac_device_destroy(struct qmac_device *device);

/* AXI4-Lite. An unknown offset reads as 0 and ignores writes. Register accesses take no device time. */
uint32_t qmac_device_read(struct qmac_device *device, uint32_t offset);
void qmac_device_write(struct qmac_device *device, uint32_t offset, uint32_t value);

/* Copies from and to device memory, as the host's DMA; the range must lie in 0 .. memory_bytes-1. */
void qmac_device_read_memory(const struct qmac_device *device, uint64_t address, void *data, uint64_t bytes);
void qmac_device_write_memory(struct qmac_device *device, uint64_t address, const void *data, uint64_t bytes);

/*
 * Lets the device work until an enabled interrupt is raised, it is idle, or it
 * has stopped with an error, or until `cycles` more cycles have passed.
 * Returns true if one of the first three holds.
 */
bool qmac_device_run(struct qmac_device *device, uint64_t cycles);

/* True while an enabled interrupt is pending. */
bool qmac_device_irq(const struct qmac_device *device);

/* Commands that two threads have carried out together; for tests and measurements. */
uint64_t qmac_device_shared(const struct qmac_device *device);

/* Name of the kernel in use. */
const char *qmac_device_kernel(const struct qmac_device *device);

/*
 * Scratchpad contents, for tests and traces: the bare bits of one lane
 * (A, W: low a_bits, w_bits; ACC: sign extended; LUT: row = word, lane = 0).
 */
uint64_t qmac_device_peek(const struct qmac_device *device, unsigned space, uint32_t row, uint32_t lane);
void qmac_device_poke(struct qmac_device *device, unsigned space, uint32_t row, uint32_t lane,
				uint64_t value);

#endif
