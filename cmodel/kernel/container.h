/*
 * A container of memory (docs/command-set.md, LOAD and STORE), byte by byte: little endian on any host.
 */
#ifndef QMAC_KERNEL_CONTAINER_H
#define QMAC_KERNEL_CONTAINER_H

#include <stdint.h>

#include "isa/command.h"

/* Zero extended. */
static inline uint64_t qmac_container_read(const uint8_t *from, unsigned container)
{
	uint64_t value = 0;

	for (int i = qmac_container_bytes(container) - 1; i >= 0; i--)
		value = value << 8 | from[i];
	return value;
}

/* The low bits of value. */
static inline void qmac_container_write(uint8_t *to, unsigned container, uint64_t value)
{
	for (int i = 0; i < qmac_container_bytes(container); i++, value >>= 8)
		to[i] = (uint8_t)value;
}

#endif
