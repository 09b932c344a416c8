/*
 * What the parts of the device share; for cmodel/device only.
 */
#ifndef QMAC_DEVICE_INTERNAL_H
#define QMAC_DEVICE_INTERNAL_H

#include "device/device.h"
#include "isa/command.h"
#include "kernel/kernel.h"
#include "num/fixed.h"
#include "time/memo.h"

/* Smallest two's complement width of x. */
static inline int qmac_width_of(int64_t x)
{
	uint64_t magnitude = (uint64_t)(x < 0 ? ~x : x);

	return magnitude ? 65 - __builtin_clzll(magnitude) : 1;
}

/* The place of DRAM words in a digest (docs/command-set.md). */
enum { QMAC_DIGEST_DRAM = 4 };

/*
 * What the last weight-stationary GEMM read from A: the passes of a product that differ in their
 * weights only need not count it again. Valid while a_writes of the unit is `writes`.
 */
struct qmac_inputs {
	uint64_t writes;
	uint32_t a, k, count[3], step[3]; /* rows: the loop nest */
	uint32_t nonzero[QMAC_LANES_MAX]; /* per lane */
};

struct qmac_pending; /* pending.h */
struct qmac_crew;    /* crew.h */

/* What a command did that only its data tell. */
struct qmac_outcome {
	uint64_t acc_saturations, requant_saturations, container_saturations, zero_macs;
	uint64_t digest;
	uint32_t magnitudes;
};

/*
 * What carries out commands, one after the other. Scratchpads and memory are the device's; a unit has what
 * it keeps from one command to the next.
 */
struct qmac_unit {
	struct qmac_device *device;
	struct qmac_pending *pending; /* GEMMs that are held back; NULL: none ever are */
	uint64_t a_writes;            /* changes whenever rows of A do */
	struct qmac_inputs inputs;
	struct qmac_outcome outcome;  /* of the command under way */
};

struct qmac_device {
	struct qmac_hw hw;
	struct qmac_device_options options;
	const struct qmac_kernel *kernel;

	/*
	 * Scratchpads. Operands are kept sign extended, whatever their reader makes of them. Behind the last
	 * row of A and W lie further QMAC_LANES_MAX operands, as the kernels ask for.
	 */
	int16_t *a, *w;         /* a_depth x rows, w_depth x cols */
	uint8_t *a_nonzero, *w_nonzero; /* per row: operands that are not 0 */
	/*
	 * The same operands as bytes (struct qmac_bytes), and behind those of A QMAC_LANES_MAX zeros; NULL where
	 * A or W has more than 8 bits, or the kernel is not faster with them.
	 */
	uint8_t *a_bytes, *w_bytes;
	int64_t *acc;           /* acc_depth x cols, within acc_bits */
	int64_t *acc_limit;     /* per ACC row: -limit-1 <= word <= limit for every word, within acc_bits */
	uint32_t *lut;
	uint8_t *memory;        /* all of it; with time_only, the bytes of the ring */
	uint64_t memory_bytes;

	/* Registers */
	struct qmac_dispatch_state state; /* memory window, commands dispatched */
	uint64_t ring_base;
	uint32_t ring_log2, head, tail;
	bool bell;              /* the doorbell was rung, and the clock does not know yet */
	uint32_t status, error_code, error_command, irq_status, irq_enable;
	uint64_t stamp;

	struct qmac_unit unit;
	struct qmac_crew *crew; /* carries out commands on two threads; NULL: there is one */

	uint64_t counters[QMAC_COUNTERS];
	uint32_t monitors[QMAC_MONITORS]; /* the first stays 0 */
	struct qmac_memo *memo; /* the clock */
};

/* Scratchpads, memory and kernel, as the options say; destroy() leaves the memory. */
enum qmac_status qmac_device_values_create(struct qmac_device *device, struct qmac_error *err);
void qmac_device_values_destroy(struct qmac_device *device);

/* A and W, with zeros in them; destroy() takes what create() left when it failed, too. */
enum qmac_status qmac_device_operands_create(struct qmac_device *device, struct qmac_error *err);
void qmac_device_operands_destroy(struct qmac_device *device);

/* Rows of A or W (space), and what is known of them, of a device with the same hardware and kernel. */
void qmac_device_operands_copy(struct qmac_device *to, const struct qmac_device *from, unsigned space,
                               uint32_t row, uint32_t rows);

/* Where the byte at an address of memory is kept. */
static inline uint8_t *qmac_device_place(const struct qmac_device *device, uint64_t address)
{
	return device->memory + (device->options.time_only ? address - device->ring_base : address);
}

/* The next command in ring order has been carried out: its counts, its record, its time. */
void qmac_device_complete(struct qmac_device *device, const struct qmac_command *c,
                          const struct qmac_outcome *outcome);

/* Address of an iteration of a LOAD or STORE. */
static inline uint64_t qmac_device_address(const struct qmac_command *c, uint32_t i2, uint32_t i1,
                                           uint32_t i0)
{
	return (c->base + (uint64_t)i2 * c->s2 + (uint64_t)i1 * c->s1 + (uint64_t)i0 * c->s0) & 0xFFFFFFFFFFFFULL;
}

/* Carries a valid command out, but for GEMMs that it holds back; its outcome is in the unit. */
void qmac_unit_execute(struct qmac_unit *unit, const struct qmac_command *c);

/*
 * Each executes one valid command and adds to the unit's outcome. The memory of a LOAD or STORE is there.
 */
void qmac_device_load(struct qmac_unit *unit, const struct qmac_command *c);
void qmac_device_store(struct qmac_unit *unit, const struct qmac_command *c);
void qmac_device_gemm(struct qmac_unit *unit, const struct qmac_command *c);
void qmac_device_vec(struct qmac_unit *unit, const struct qmac_command *c);

static inline void qmac_device_digest(struct qmac_unit *unit, uint64_t space, uint64_t row, uint64_t lane,
                                      uint64_t value)
{
	uint64_t h = value * 0x9E3779B97F4A7C15ULL + (space << 58 ^ row << 8 ^ lane);

	h = (h ^ h >> 32) * 0xD6E8FEB86659FD93ULL;
	h = (h ^ h >> 29) * 0xC2B2AE3D27D4EB4FULL;
	unit->outcome.digest += h ^ h >> 32;
}

/*
 * To be told of rows of A or W (space) that have been written: `row` and every step-th after it. What is
 * known of rows is noted here, so that commands which only read them may be carried out at the same time.
 */
void qmac_device_operands_written(struct qmac_unit *unit, unsigned space, uint32_t row, uint32_t rows,
                                  uint32_t step);

/* A whole A or W row, or lanes 0..lanes-1 of an ACC row. */
void qmac_device_digest_operands(struct qmac_unit *unit, unsigned space, uint32_t row);
void qmac_device_digest_acc(struct qmac_unit *unit, uint32_t row, uint32_t first, uint32_t lanes);

/* Row `row` of A or W (space), its lanes and operand width. */
static inline int16_t *qmac_device_operands(struct qmac_device *device, unsigned space, uint32_t row,
                                            int *lanes, int *bits)
{
	if (space == QMAC_SPACE_A) {
		*lanes = device->hw.rows;
		*bits = device->hw.a_bits;
		return device->a + (size_t)row * (size_t)device->hw.rows;
	}
	*lanes = device->hw.cols;
	*bits = device->hw.w_bits;
	return device->w + (size_t)row * (size_t)device->hw.cols;
}

static inline int64_t *qmac_device_acc(struct qmac_device *device, uint32_t row)
{
	return device->acc + (size_t)row * (size_t)device->hw.cols;
}

/* Notes that `lanes` words, all of -written-1 .. written, were written to an ACC row. */
static inline void qmac_device_acc_within(struct qmac_device *device, uint32_t row, uint32_t lanes,
                                          int64_t written)
{
	int64_t *limit = &device->acc_limit[row];

	if (lanes == (uint32_t)device->hw.cols || *limit < written)
		*limit = written;
}

/* Notes that `lanes` words of at most `bits` bits were written to an ACC row. */
static inline void qmac_device_acc_bits(struct qmac_device *device, uint32_t row, uint32_t lanes, int bits)
{
	qmac_device_acc_within(device, row, lanes, qmac_max_of(bits));
}

/* Tightens the limit of an ACC row to the width of what it really holds. */
static inline void qmac_device_acc_measure(struct qmac_device *device, uint32_t row)
{
	const int64_t *acc = qmac_device_acc(device, row);
	int64_t limit = 0;

	for (int j = 0; j < device->hw.cols; j++)
		limit |= acc[j] < 0 ? ~acc[j] : acc[j];
	device->acc_limit[row] = limit;
}

/* A signed width that every word of an ACC row fits. */
static inline int qmac_device_acc_width(const struct qmac_device *device, uint32_t row)
{
	return qmac_width_of(device->acc_limit[row]);
}

#endif
