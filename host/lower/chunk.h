/*
 * The steps in which a planned product is worked on; for host/lower/product*.c.
 *
 * A tile of C is made in one half of ACC while the one before leaves the other half. A chunk is what a panel
 * of A and a panel of B, each in a half of its scratchpad, add to a tile. A panel that is still in either
 * half is not loaded again.
 */
#ifndef QMAC_LOWER_CHUNK_H
#define QMAC_LOWER_CHUNK_H

#include "lower/map_piece.h"
#include "lower/product.h"

struct qmac_range {
	int64_t first, count;
};

struct qmac_chunk {
	struct qmac_range positions[3], taps[2], channels, n;
	struct qmac_limbs a, b;      /* of the panels */
	int a_half, b_half, c_half;
	bool loads_a, loads_b;       /* the panel is not there yet */
	bool is_empty;               /* A has nothing but padding here: no panels, no passes */
	bool starts_tile, ends_tile;
	bool assigns;                /* nothing has been put into the tile yet */
	/* where qmac_chunk_next() is */
	int64_t at;
	int64_t a_panel[2], b_panel[2]; /* which panel each half holds, -1: none */
};

/* How often something is cut. */
struct qmac_piece_counts {
	int64_t positions, features, n; /* pieces */
	int64_t tiles;                  /* pieces of C's other side than n */
	int64_t sums;                   /* pieces of what is summed over, at least 1 */
	int a_parts, b_parts;           /* panels that differ in their limbs */
};

/* Lanes of a block of B and C. */
static inline int qmac_product_lanes(const struct qmac_product_plan *plan)
{
	return plan->product.keeps ? plan->product.kept.lanes : plan->hw.cols;
}

/* Whether the sums are made where they are kept. */
static inline bool qmac_product_in_place(const struct qmac_product *product)
{
	return product->keeps && !product->rescales && product->kept.space == QMAC_SPACE_ACC;
}

/* Whether a tile is stored as it is, or rescaled. */
static inline bool qmac_product_stores(const struct qmac_product *product)
{
	return !product->keeps && !product->end;
}

/* The map that a product ends in, to be lowered tile by tile. */
struct qmac_map_work qmac_product_end(const struct qmac_product_plan *plan);

struct qmac_piece_counts qmac_piece_count(const struct qmac_product_plan *plan);

/* Estimated cycles of a plan, but for its counters; it orders choices. */
double qmac_product_cycles(const struct qmac_product_plan *plan);

/* Zeroed: before the first chunk. Makes *chunk the next one; false after the last. */
bool qmac_chunk_next(const struct qmac_product_plan *plan, struct qmac_chunk *chunk);

/* Positions of A that a piece needs, from its first one at `first`; step from one to the next. */
struct qmac_region {
	int64_t first[3], step[3];
	uint32_t count[3];
};
struct qmac_region qmac_chunk_region(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk);

/* The LOAD of a chunk's part of A, to where its panel lies. */
struct qmac_move qmac_chunk_load_a(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk);
struct qmac_move qmac_chunk_load_b(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk);

/* The part of the panel that keeps the results which is the tile's. */
struct qmac_panel qmac_chunk_kept(const struct qmac_product_plan *plan, const struct qmac_move *tile);

/* LOAD or STORE of its tile. */
struct qmac_move qmac_chunk_move_c(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk,
                                   unsigned opcode);

/* Its GEMMs. */
struct qmac_passes qmac_chunk_passes(const struct qmac_product_plan *plan, const struct qmac_chunk *chunk);

#endif
