/*
 * Descriptors: encode, decode, validate, disassemble.
 *
 * struct qmac_command and all codes come from isa.def through the generated
 * qmac_isa.h. What a command means and when it is refused: docs/command-set.md.
 */
#ifndef QMAC_ISA_COMMAND_H
#define QMAC_ISA_COMMAND_H

#include <stddef.h>
#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

/* What the dispatcher knows beside the descriptor and the hardware. */
struct qmac_dispatch_state {
	uint64_t mem_base, mem_size;  /* device memory window in bytes */
	uint32_t dispatched[3];       /* commands handed to LOAD, EXECUTE, STORE so far */
};

/* 16 words of a command. Fields beyond their width are cut: check before. */
void qmac_command_encode(const struct qmac_command *command, uint32_t words[QMAC_COMMAND_WORDS]);

/* The words as they lie in memory, little endian. */
static inline void qmac_command_pack(const uint32_t words[QMAC_COMMAND_WORDS],
                                     uint8_t bytes[QMAC_COMMAND_BYTES])
{
	for (unsigned i = 0; i < QMAC_COMMAND_WORDS; i++, bytes += 4) {
		bytes[0] = (uint8_t)words[i];
		bytes[1] = (uint8_t)(words[i] >> 8);
		bytes[2] = (uint8_t)(words[i] >> 16);
		bytes[3] = (uint8_t)(words[i] >> 24);
	}
}

static inline void qmac_command_unpack(const uint8_t bytes[QMAC_COMMAND_BYTES],
                                       uint32_t words[QMAC_COMMAND_WORDS])
{
	for (unsigned i = 0; i < QMAC_COMMAND_WORDS; i++, bytes += 4)
		words[i] = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		           (uint32_t)bytes[3] << 24;
}

/* All fields of the descriptor's class; never fails, an unknown opcode has COMMON fields only. */
void qmac_command_decode(const uint32_t words[QMAC_COMMAND_WORDS], struct qmac_command *command);

/*
 * The complete check of the dispatcher: QMAC_FAULT_NONE, or the first fault in
 * the order of docs/command-set.md. words and command describe the same descriptor.
 */
unsigned qmac_command_fault(const struct qmac_hw *hw, const struct qmac_dispatch_state *state,
                            const uint32_t words[QMAC_COMMAND_WORDS], const struct qmac_command *command);

/* QMAC_ENGINE_* that executes an opcode 1..5. */
unsigned qmac_command_engine(unsigned opcode);

/* Bytes of a CONTAINER_* code: 1, 2, 4, 8. */
static inline int qmac_container_bytes(unsigned container)
{
	return 1 << container;
}

/* The smallest container, at least a BYTE, for signed numbers of 1..64 bits. */
static inline unsigned qmac_container_for(int bits)
{
	unsigned container = QMAC_CONTAINER_BYTE;

	while (8 << container < bits)
		container++;
	return container;
}

/* "VEC add dst=ACC:4 ..." on one line, used fields only; returns text. */
const char *qmac_command_text(const struct qmac_command *command, char *text, size_t size);

/* Name of a code, "?" where it has none: group "op", "fault", ... as in isa.def, upper case. */
const char *qmac_code_name(const char *group, unsigned value);

#endif
