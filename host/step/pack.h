/* Integers as they lie in device memory: two's complement, little endian. */
#ifndef QMAC_STEP_PACK_H
#define QMAC_STEP_PACK_H

#include <stdint.h>

#include "isa/command.h"
#include "num/fixed.h"

/* The low bytes of value into one container. */
static inline void qmac_pack(uint8_t *to, int64_t value, unsigned container)
{
	for (int i = 0; i < qmac_container_bytes(container); i++)
		to[i] = (uint8_t)((uint64_t)value >> (8 * i));
}

static inline int64_t qmac_unpack(const uint8_t *from, unsigned container)
{
	int bytes = qmac_container_bytes(container);
	uint64_t bits = 0;

	for (int i = 0; i < bytes; i++)
		bits |= (uint64_t)from[i] << (8 * i);
	return qmac_sign_extend(bits, 8 * bytes);
}

/* Z in device memory: 16 bits, or 32 where it is wider. */
static inline unsigned qmac_container_of_z(int bits)
{
	return bits <= 16 ? QMAC_CONTAINER_HALF : QMAC_CONTAINER_WORD;
}

#endif
