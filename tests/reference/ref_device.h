/*
 * The second, deliberately slow reading of docs/command-set.md: an interpreter of
 * descriptors that executes one command after the other, without engines, queues
 * or time. It shares only isa.def and the hardware parameters with the device model
 * and works in 128-bit integers throughout.
 */
#ifndef REF_DEVICE_H
#define REF_DEVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"
#include "reference/ref_num.h"

/* What one command left behind; fields as in struct qmac_retire. */
struct ref_record {
	uint32_t number;
	unsigned engine, opcode, tag;
	uint64_t acc_saturations, requant_saturations, container_saturations;
	uint32_t magnitudes;
	uint64_t digest;
};

struct ref_device {
	struct qmac_hw hw;
	uint8_t *memory;                  /* addresses 0 .. memory_bytes-1; owned */
	uint64_t memory_bytes;
	uint64_t mem_base, mem_size;      /* the window that commands may touch; lies in the memory */
	uint64_t *space[4];               /* A, W, ACC, LUT: rows * width bare words; owned */
	uint64_t counters[QMAC_COUNTERS]; /* those that do not depend on time; the others stay 0 */
	uint32_t monitors[QMAC_MONITORS];
	uint32_t dispatched[3];           /* commands of LOAD, EXECUTE, STORE so far */
	uint32_t number;                  /* of the next command, or of the one at fault */
	unsigned fault;                   /* QMAC_FAULT_*; nothing executes from the first one on */
};

/* Scratchpads, memory and counters zero, the window whole. False when there is no storage. */
bool ref_device_init(struct ref_device *device, const struct qmac_hw *hw, uint64_t memory_bytes);
void ref_device_free(struct ref_device *device);

/* Lanes of a row, rows of a space, bits of a word; space is QMAC_SPACE_A .. QMAC_SPACE_LUT. */
int ref_width(const struct qmac_hw *hw, int64_t space);
int64_t ref_depth(const struct qmac_hw *hw, int64_t space);
int ref_word_bits(const struct qmac_hw *hw, int64_t space);

/* Bare bits as qmac_device_peek gives them: A, W, LUT zero extended, ACC sign extended. */
uint64_t ref_peek(const struct ref_device *device, int64_t space, int64_t row, int64_t lane);
void ref_poke(struct ref_device *device, int64_t space, int64_t row, int64_t lane, uint64_t value);

/* The first fault of a descriptor in the documented order, or QMAC_FAULT_NONE. */
unsigned ref_fault(const struct qmac_hw *hw, uint64_t mem_base, uint64_t mem_size,
                   const uint32_t dispatched[3], const uint32_t words[QMAC_COMMAND_WORDS]);

/* QMAC_ENGINE_* of a legal opcode. */
unsigned ref_engine(int64_t opcode);

/*
 * Checks and executes one descriptor. False, and device->fault is set, where the
 * device has stopped; a command that is at fault changes nothing.
 */
bool ref_execute(struct ref_device *device, const uint32_t words[QMAC_COMMAND_WORDS],
                 struct ref_record *record);

/* Execution of one legal command by class; adds to the counters and to the record. */
void ref_execute_load(struct ref_device *device, const uint32_t *words, struct ref_record *record);
void ref_execute_store(struct ref_device *device, const uint32_t *words, struct ref_record *record);
void ref_execute_gemm(struct ref_device *device, const uint32_t *words, struct ref_record *record);
void ref_execute_vec(struct ref_device *device, const uint32_t *words, struct ref_record *record);

/*
 * Of a legal VEC: are there rows of src1 (no lookup, no immediate); is that of iteration (i1,i0) read, or has
 * it been; does it leave sums?
 */
bool ref_vec_has_rows_of_src1(const uint32_t *words);
bool ref_vec_reads_src1(const uint32_t *words, int64_t i1, int64_t i0);
bool ref_vec_has_sum(const uint32_t *words);

/* Writes one scratchpad word, counted in the digest. */
void ref_write(struct ref_device *device, struct ref_record *record, int64_t space, int64_t row, int64_t lane,
               ref_int value);

/* The word as a number: ACC signed, A and W as is_unsigned says. */
int64_t ref_operand(const struct ref_device *device, int64_t space, int64_t row, int64_t lane,
                    bool is_unsigned);

/* One written word's share of a digest; space 4 is memory, row then the byte address. */
uint64_t ref_digest(uint64_t space, uint64_t row, uint64_t lane, uint64_t value);

/* The counters of rows read and written of a space. */
uint64_t *ref_reads(struct ref_device *device, int64_t space);
uint64_t *ref_writes(struct ref_device *device, int64_t space);

#endif
