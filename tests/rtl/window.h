/* What the check hands on of a LOAD or STORE, docs/rtl.md: where its window begins. */
#ifndef WINDOW_H
#define WINDOW_H

#include "reference/ref_fields.h"

/*
 * Of a LOAD or STORE, legal or not: base becomes the address of the first row inside the window, modulo
 * 2^48, and a STORE's row the scratchpad row of that one, modulo 2^16. Other descriptors stay as they are.
 */
static inline void window_begins(uint32_t *words)
{
	int64_t opcode = REF_GET(words, COMMON, opcode);
	uint64_t lo1 = (uint64_t)REF_GET(words, MOVE, lo1), lo0 = (uint64_t)REF_GET(words, MOVE, lo0);
	uint64_t address = (uint64_t)ref_base(words) + lo1 * (uint64_t)REF_GET(words, MOVE, s1) +
	                   lo0 * (uint64_t)REF_GET(words, MOVE, s0);
	uint64_t row = (uint64_t)REF_GET(words, MOVE, row) + lo1 * (uint64_t)REF_GET(words, MOVE, ds1) +
	               lo0 * (uint64_t)REF_GET(words, MOVE, ds0);

	if (opcode == QMAC_OPCODE_LOAD || opcode == QMAC_OPCODE_STORE) {
		ref_insert(words, REF_MOVE_base_0, address);
		ref_insert(words, REF_MOVE_base_32, address >> 32);
	}
	if (opcode == QMAC_OPCODE_STORE)
		ref_insert(words, REF_MOVE_row_0, row);
}

#endif
