/*
 * The later of two cycles: how nearly every rule of docs/timing.md is written.
 */
#ifndef QMAC_TIME_LATER_H
#define QMAC_TIME_LATER_H

#include <stdint.h>

static inline uint64_t qmac_later(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

#endif
