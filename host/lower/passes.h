/*
 * The GEMMs of a product of panels: all limb pairs, blocks and taps, in an order in which no partial
 * sum leaves the bound of the whole (docs/tiling.md).
 *
 *   form  A               B              C
 *   AB    positions x K   K x n          positions x n   weight stationary: A is streamed
 *   ATB   positions x M   positions x n  M x n           output stationary: A and B are streamed
 *
 * K (M) are the channels of A at every tap of a window. A tap is a shift of A's positions. The rows of B
 * (AB) or C (ATB) are in the order tap by tap, channel by channel; the rows of a block of A's channels
 * follow each other, at step[2] of 1.
 */
#ifndef QMAC_LOWER_PASSES_H
#define QMAC_LOWER_PASSES_H

#include "lower/panel.h"

enum qmac_form {
	QMAC_FORM_AB, /* C = A B: blocks of B are held, rows of A are streamed */
	QMAC_FORM_ATB /* C = A^T B: rows of A and of B are streamed side by side (weight gradient) */
};

/* The taps of a window, n[0] x n[1]; a product of matrices has one. Rows from tap to tap, either sign. */
struct qmac_taps {
	int n[2];
	int32_t a[2];     /* in A */
	int32_t other[2]; /* in B (AB) or C (ATB) */
};

/*
 * What taps see of lines, or of pixels: position u through tap t number from + u * step + t * tap of A's.
 * Those outside of 0 to size - 1 are 0, and are left out. size 0: all count.
 */
struct qmac_sight {
	int64_t from, step, tap, size;
};

/* Positions from `first` on of n that see something through a tap; their count, which may be 0. */
uint32_t qmac_sight_range(const struct qmac_sight *sight, uint32_t n, int64_t tap, uint32_t *first);

struct qmac_passes {
	enum qmac_form form;
	struct qmac_panel a, b, c;
	uint32_t n[3];      /* positions: i2, i1, i0; ATB: at most os_max of them */
	uint32_t stride[3]; /* positions of A from one to the next; of C (AB) or B (ATB) it is 1 */
	struct qmac_taps taps;
	struct qmac_sight sight[2]; /* lines, pixels */
	int shift;          /* the sums are shifted left by so much more */
	bool accumulate;    /* they are added to what C holds; otherwise the first of each row of C assigns */
	/* where qmac_passes_next() is; 0 at first */
	int64_t at;
	struct qmac_seen {
		int64_t number;           /* of the tap, from 1; 0: none */
		int64_t tap[2];
		uint32_t first[3], n[3];  /* the positions that it sees: where they begin, how many; */
		bool any;                 /* at all */
	} seen;
};

/* A product of matrices over `positions` positions, at first assigned. */
struct qmac_passes qmac_passes_of(enum qmac_form form, const struct qmac_panel *a, const struct qmac_panel *b,
                                  const struct qmac_panel *c, uint32_t positions);

/* How many GEMMs, where all that is seen counts; otherwise at most so many. */
int64_t qmac_passes_count(const struct qmac_passes *passes);

/* The next one, without waits; false, leaving *command as it is, after the last. */
bool qmac_passes_next(struct qmac_passes *passes, struct qmac_command *command);

#endif
