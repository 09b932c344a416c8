/*
 * The kernel seam: the row arithmetic of the engines, in several
 * implementations that give the same bits.
 *
 * "scalar" is the plain oracle: it follows docs/command-set.md line by line in
 * 128-bit arithmetic and has no preconditions. The others are chosen by CPU
 * feature, may be called only where the caller has proved from bounds that
 * no intermediate value leaves 64 bits, and are tested equal to it.
 */
#ifndef QMAC_KERNEL_KERNEL_H
#define QMAC_KERNEL_KERNEL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "kernel/gemm_group.h"
#include "kernel/gemm_os.h"
#include "num/fixed.h"
#include "qmac_isa.h"

enum { QMAC_LANES_MAX = 64 };

/*
 * Rows of a source of VEC, at most QMAC_LANES_MAX lanes each: words of ACC, or operands as they are kept,
 * sign extended. The row of iteration (i1, i0) lies i1*outer + i0*step behind the first, less than 2^31. An
 * operand is `kept & mask`. Every row of operands can be read for QMAC_LANES_MAX of them: those beyond its
 * lanes do not matter.
 */
struct qmac_sources {
	const int64_t *words;    /* NULL: operands */
	const int16_t *operands;
	ptrdiff_t step, outer;
	int mask;                /* -1: signed, else 2^bits - 1 */
};

/* Where results go: to words, to operands (the bits `mask` of y >> lsb, extended from `sign`), or nowhere. */
struct qmac_results {
	int64_t *words;
	int16_t *operands;       /* NULL, too: nowhere */
	ptrdiff_t step, outer;   /* as those of sources */
	int lsb;                 /* 0..63 */
	uint16_t mask, sign;     /* sign 0: not extended, and mask below 2^15 */
};

/*
 * Lane j of iteration (i1, i0) has the random number of row row0 + i1*row_outer + i0*row_step and of channel
 * channel0 + i1*channel_outer + i0*channel_step + j.
 */
struct qmac_draws {
	uint32_t key, row0, row_step, row_outer, channel0, channel_step, channel_outer;
};

/*
 * What a table says of a: u = a clamped to in_bits, less the least number of so many bits; with value and
 * slope of word u >> fraction_bits of the table, x = (value << fraction_bits) + slope * (the rest of u).
 */
struct qmac_lookup {
	const uint32_t *table;  /* 2^(in_bits - fraction_bits) words: slope above, value below, of 16 bits */
	int in_bits, fraction_bits; /* 1..32, 0..in_bits */
};

/* Arithmetic of one VEC command, taken from its descriptor once. */
struct qmac_tail {
	int shift;         /* 0..63 */
	unsigned rnd;      /* QMAC_ROUND_* */
	bool relu;
	int bw;            /* 1..64 */
};

/*
 * The loops of a VEC: in each iteration, lane j < lanes x = op(a, b), y = clamp(relu(round(x))). Iterations
 * are those of i1 = 0, then 1, ..., of `inner` i0 each.
 */
struct qmac_sweep {
	unsigned op;
	int inner;              /* at least 1 */
	int lanes, l0;          /* l0 and mult count for add, sub, min and max only */
	int32_t mult;
	struct qmac_sources a, b;
	struct qmac_lookup lookup; /* of lookup, which has no b */
	const int64_t (*c)[QMAC_LANES_MAX]; /* of affine: x = a*c[0][j] + b*c[1][j] + c[2][j] */
	struct qmac_tail tail;
	struct qmac_draws draws;
	struct qmac_results to; /* may be the rows of a or b */
	/*
	 * What the caller has proved, and scalar does without. Always: every x fits 64 bits, where it is rounded
	 * to nearest or at random x + 2^shift, too, and for min and max a << l0; for mul every b, for affine
	 * c[0] and c[1], fit 18 bits, for lookup every a that is an operand in_bits; with sums, no sum of some of
	 * the rows leaves 64 bits.
	 */
	bool narrow;            /* all of these, every a and b, and 2^shift fit 32 bits; with sums every y 25 */
	bool short_factors;     /* every a and b fits 32 bits */
	bool fits;              /* no y is clamped */
};

/* Lanes that packed operands come in. */
enum { QMAC_PACKED_LANES = 16 };

static inline size_t qmac_packed_lanes(int lanes)
{
	return (size_t)(lanes + QMAC_PACKED_LANES - 1) / QMAC_PACKED_LANES * QMAC_PACKED_LANES;
}

/* Iterations of GEMM that one call of gemm_ws() takes: few enough for the first cache. */
enum { QMAC_WS_SLOTS_MAX = 256 };

/*
 * Rows of A or W at equal distances: row i is first + i * step. Operands are as they are kept, sign
 * extended. Every row can be read for QMAC_LANES_MAX operands: those beyond its lanes do not matter.
 */
struct qmac_operands {
	const int16_t *first;
	ptrdiff_t step;
};

/*
 * The same rows as bytes, of operands of at most 8 bits: each is the low 8 bits of one, with the highest of
 * them flipped. That is operand + 128, unsigned.
 */
struct qmac_bytes {
	const uint8_t *first;
	ptrdiff_t step;
};

/* Rows of ACC, or of plain sums. */
struct qmac_sums {
	int64_t *first;
	ptrdiff_t step;
};

/* Iterations of one weight-stationary GEMM at equal distances. An operand is `kept & mask`. */
struct qmac_gemm {
	int slots;          /* iterations, 1..QMAC_WS_SLOTS_MAX */
	int k, n;           /* array rows and columns in use, 1..QMAC_LANES_MAX */
	int a_mask, w_mask; /* -1: signed, else 2^bits - 1 */
	int shift;          /* 0..63 */
	bool accumulate;
	/*
	 * The caller has proved that every operand fits 16 bits signed and that no sum of products of
	 * this call leaves 32 bits, whatever its order; scalar does without.
	 */
	bool narrow;
};

/*
 * Rows of containers in memory, `pitch` bytes from one to the next, and of lanes on the chip, `step` lanes
 * from one to the next. They are written one after the other: where they overlap, the last one is left.
 */
struct qmac_tile {
	uint32_t rows, len;  /* len: containers of a row, at least 1 */
	uint32_t after;      /* of cut() and widen(): lanes behind them that become 0 */
	uint64_t pitch;
	ptrdiff_t step;
	unsigned container;  /* QMAC_CONTAINER_* */
	bool is_signed;      /* of fit(): what a container holds */
};

/*
 * How containers of at most 16 bits become operands: as the bits `mask` of container >> lsb, extended from
 * the bit `sign` (0: not).
 */
struct qmac_cut {
	int lsb;
	uint16_t mask, sign;
};

struct qmac_kernel {
	const char *name;
	/*
	 * Up to 65,536 iterations. Returns the saturations: of x to 64 bits, of b of mul to 18, of a of lookup,
	 * of y. Where they are not NULL sum[j] += the y of lane j, and *magnitudes |= |relu(round(x))| of every
	 * element, in 64 bits.
	 */
	uint64_t (*sweep)(const struct qmac_sweep *sweep, int iterations, qmac_int128 *sum, uint64_t *magnitudes);
	/*
	 * Weight stationary: acc[i][j] (+)= sum over r < k of a[i][r]*w[r][j] << shift, for i < slots
	 * one after the other (rows of acc may be one row), j < n. Precondition, of scalar too: every
	 * shifted sum, and the word it is added to, fits 64 bits before and after.
	 */
	void (*gemm_ws)(const struct qmac_gemm *g, struct qmac_operands a, struct qmac_operands w,
	                struct qmac_sums acc);
	/*
	 * Packs `rows` rows of `lanes` operands for gemm_group(); returns the units of them. QMAC_PACKED_LANES
	 * lanes after as many, the last of which may hold anything, and unit after unit of them; numbers beyond
	 * the last row are 0. pack(): pairs, or where they are split both parts of each.
	 */
	int (*pack)(bool split, int rows, int lanes, int mask, struct qmac_operands row, int32_t *to);
	int (*pack_quads)(int rows, int lanes, int mask, struct qmac_bytes row, int32_t *to);
	bool quads; /* these are faster than pairs */
	/*
	 * At every point acc (+)= sum over the passes there of a row of A times the weights, << shift; n lanes.
	 * Preconditions, of scalar too: every operand fits 16 bits signed, for quads 8 bits; sums of products of
	 * A with what is packed fit 32 bits in any order, the rows of ACC differ, and the result fits 64 bits,
	 * whatever it is added to.
	 */
	void (*gemm_group)(const struct qmac_gemm_group *group);
	/*
	 * Output stationary: acc[r][j] (+)= sum over the iterations i of a[i][r]*w[i][j] << shift, for r < k,
	 * j < n. Preconditions, of scalar too: rows of acc differ, and every shifted sum of some of the
	 * products, and the word it is added to, fits 64 bits before and after.
	 */
	void (*gemm_os)(const struct qmac_gemm_os *g);
	/*
	 * What is kept of whole rows of A or W, of `lanes` operands each, beside these: how many are not 0, and
	 * where there are bytes the row's, too. Row i is i * step rows from row, bytes and count.
	 */
	void (*note)(int rows, int step, int lanes, const int16_t *row, uint8_t *bytes, uint8_t *count);
	/*
	 * Operands that are not 0 among the first `lanes`: count[i] = those of row i, of QMAC_WS_SLOTS_MAX rows
	 * at most; and by lane over the rows of A of all iterations, whose first is `row`, or where they are
	 * there `bytes`: count[r] = iterations in which that of lane r is one.
	 */
	void (*nonzero_rows)(int rows, int lanes, struct qmac_operands row, uint32_t *count);
	void (*nonzero_lanes)(const struct qmac_nest *nest, int row_lanes, int lanes, const int16_t *row,
	                      const uint8_t *bytes, uint32_t *count);
	/* Sum of a * b over the iterations, at most 2^16 of them; of counts, QMAC_LANES_MAX at most. */
	uint32_t (*dot_counts)(const struct qmac_nest *nest, const uint8_t *a, const uint8_t *b);
	/*
	 * Adds `bound` to each of `count` limits, and says so, if none of them gets above `highest`;
	 * otherwise changes none. All of them are 0..highest before, bound too.
	 */
	bool (*raise)(int count, int64_t *limit, int64_t bound, int64_t highest);
	/*
	 * Containers in memory, little endian: as operands, as words of ACC (sign extended), and from these,
	 * limited to what a container holds; returns how many were. Precondition (not for scalar): this host is
	 * little endian, too.
	 */
	void (*cut)(const struct qmac_cut *cut, const struct qmac_tile *tile, const uint8_t *from, int16_t *to);
	void (*widen)(const struct qmac_tile *tile, const uint8_t *from, int64_t *to);
	uint64_t (*fit)(const struct qmac_tile *tile, const int64_t *from, uint8_t *to);
};

/* NULL-terminated names, fastest that this CPU has first; "scalar" is always last. */
const char *const *qmac_kernel_names(void);

/* "auto" is the first of the names. An unknown or unavailable name is refused, naming those that exist. */
QMAC_MUST_CHECK enum qmac_status qmac_kernel_find(const char *name, const struct qmac_kernel **kernel,
                                                  struct qmac_error *err);

extern const struct qmac_kernel qmac_kernel_scalar;

#endif
