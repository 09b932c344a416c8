/*
 * Where a matrix or a batch of images lies in a scratchpad; a plain value.
 *
 * Its channels are cut into blocks of `lanes` neighbours, the lanes of a row. A limb of a block takes
 * a row at each position (i2, i1, i0): image, line, pixel. The positions of a matrix are its rows, i0.
 */
#ifndef QMAC_LOWER_PANEL_H
#define QMAC_LOWER_PANEL_H

#include <stdint.h>

#include "isa/command.h"
#include "lower/limbs.h"

struct qmac_panel {
	unsigned space;          /* QMAC_SPACE_A, W or ACC */
	uint32_t row;            /* of the first limb and block at position (0,0,0) */
	struct qmac_limbs limbs; /* those that are there; ACC: count 1, the rest is not looked at */
	int64_t channels;
	int lanes;               /* of every block but the last, which may be narrower */
	uint32_t limb_rows;      /* from limb to limb */
	uint32_t block_rows;     /* from block to block */
	uint32_t step[3];        /* from position to position: i2, i1, i0 */
};

/* Blocks of the panel's channels. */
static inline int64_t qmac_panel_blocks(const struct qmac_panel *panel)
{
	return (panel->channels + panel->lanes - 1) / panel->lanes;
}

/* Lanes of a block. */
static inline uint32_t qmac_panel_lanes(const struct qmac_panel *panel, int64_t block)
{
	int64_t left = panel->channels - block * panel->lanes;

	return (uint32_t)(left < panel->lanes ? left : panel->lanes);
}

/* Row of a limb of a block at position (0,0,0). */
static inline uint32_t qmac_panel_row(const struct qmac_panel *panel, int limb, int64_t block)
{
	return panel->row + (uint32_t)limb * panel->limb_rows + (uint32_t)block * panel->block_rows;
}

/*
 * A panel without gaps: limb after limb, block after block, image after image, line after line. In ACC
 * `limbs` is of no account: pass any of count 1.
 */
struct qmac_panel qmac_panel_dense(unsigned space, uint32_t row, struct qmac_limbs limbs, int64_t channels,
                                   int lanes, const uint32_t positions[3]);

/* Rows from the first to behind the last of such a panel. */
int64_t qmac_panel_rows(const struct qmac_panel *dense);

/* One loop of a command over positions or blocks; for the makers of commands. */
struct qmac_nest_loop {
	uint32_t n;
	uint64_t s[4];    /* what an iteration adds, up to four things */
	uint32_t lo, hi;  /* iterations inside; all: 0 and n - 1 */
};

/*
 * Makes one loop of neighbours that continue each other and leaves out loops of one iteration. loops[0]
 * is the outermost; returns how many are left.
 */
int qmac_nest_merge(struct qmac_nest_loop *loops, int count);

#endif
