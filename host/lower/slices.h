/*
 * Slices: positions (images, lines, pixels) cut into pieces over each of which a sum fits the accumulators.
 * Each slice has a place of its own for its sum, and the host adds the slices.
 */
#ifndef QMAC_LOWER_SLICES_H
#define QMAC_LOWER_SLICES_H

#include <stdint.h>

struct qmac_slices {
	int64_t whole[3], each[3]; /* positions of all, and of one: the last ones may have fewer */
	int64_t count;
};

/*
 * Slices of at most `most` positions, 0 for any number, and of one position where that is less: whole images,
 * whole lines of one, or pixels of one line.
 */
struct qmac_slices qmac_slices_of(const int64_t whole[3], int64_t most);

/* The most terms of magnitude at most 2^term_bits of which every sum fits `bits` signed bits; at least 1. */
int64_t qmac_slices_terms(int bits, int term_bits);

/* Slice number i: its first position, and how many there are. */
void qmac_slices_at(const struct qmac_slices *slices, int64_t i, int64_t first[3], int64_t count[3]);

#endif
