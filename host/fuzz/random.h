/*
 * Random numbers of the fuzzer: one 64-bit state, passed along; the same state gives
 * the same stream on every machine. Values lean towards the small and towards the
 * ends of their ranges, where faults live.
 */
#ifndef QMAC_FUZZ_RANDOM_H
#define QMAC_FUZZ_RANDOM_H

#include <stdbool.h>
#include <stdint.h>

/* 64 uniform bits (splitmix64). */
uint64_t qmac_fuzz_random(uint64_t *state);

/* About uniform in [0, n), n > 0. */
int64_t qmac_fuzz_below(uint64_t *state, int64_t n);

/* True once in n. */
bool qmac_fuzz_chance(uint64_t *state, int64_t n);

/* low..high, both included, the ends and small values more often. */
int64_t qmac_fuzz_pick(uint64_t *state, int64_t low, int64_t high);

/* 64 bits: zero, small numbers, the ends of common widths, or anything. */
uint64_t qmac_fuzz_word(uint64_t *state);

#endif
