/*
 * The chunks of a planned matrix product and their commands, without waits; the
 * order in which they are submitted is the business of gemm.c.
 */
#ifndef QMAC_DRIVER_GEMM_COMMANDS_H
#define QMAC_DRIVER_GEMM_COMMANDS_H

#include "driver/gemm.h"
#include "isa/command.h"

/* One step of the work: what a panel of A and a panel of B add to a tile of C. In elements and limbs. */
struct qmac_gemm_chunk {
	int64_t m0, n0, k0, m, n, k; /* first, and how many */
	int a_limb0, b_limb0;        /* first limb; the plan's a_held and b_held tell how many */
	int a_half, b_half, c_half;  /* of A, W and ACC: where panels and tile lie */
	bool loads_a, loads_b;       /* the panel is not there yet */
	bool starts_tile, ends_tile;
};

struct qmac_gemm_chunk qmac_gemm_first(const struct qmac_gemm_plan *plan);

/* Makes *chunk the next one; false, leaving it as it is, after the last. */
bool qmac_gemm_next(const struct qmac_gemm_plan *plan, struct qmac_gemm_chunk *chunk);

/* The LOADs a chunk needs: panel of A, panel of B, and last, space ACC, the tile to accumulate on. */
int qmac_gemm_load_count(const struct qmac_gemm_plan *plan, const struct qmac_gemm_chunk *chunk);
struct qmac_command qmac_gemm_load(const struct qmac_gemm_plan *plan,
                                   const struct qmac_gemm_matrices *matrices,
                                   const struct qmac_gemm_chunk *chunk, int index);

/* The STOREs of a chunk's tile. */
int qmac_gemm_store_count(const struct qmac_gemm_plan *plan, const struct qmac_gemm_chunk *chunk);
struct qmac_command qmac_gemm_store(const struct qmac_gemm_plan *plan,
                                    const struct qmac_gemm_matrices *matrices,
                                    const struct qmac_gemm_chunk *chunk, int index);

/* The GEMMs of a chunk, in an order in which no partial sum leaves the plan's result_bits. */
int qmac_gemm_pass_count(const struct qmac_gemm_plan *plan, const struct qmac_gemm_chunk *chunk);
struct qmac_command qmac_gemm_pass(const struct qmac_gemm_plan *plan, const struct qmac_gemm_chunk *chunk,
                                   int index);

#endif
