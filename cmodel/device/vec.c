/*
 * VEC (docs/command-set.md): two loops, one operation, optional reduction, one
 * finishing tail.
 *
 * Rows go through the kernels lane-wise. A row whose bounds prove that nothing
 * leaves 64 bits takes the fast kernel, any other the scalar oracle; both give
 * the same bits.
 */
#include <string.h>

#include "device/internal.h"
#include "num/dither.h"
#include "num/fixed.h"

struct vec {
	struct qmac_device *device;
	const struct qmac_command *c;
	struct qmac_tail tail;
	int lanes, mult_bits;
	uint64_t saturations;
	bool arithmetic;          /* add, sub, min, max, mul: the kernels' operations */
	int64_t imm[QMAC_LANES_MAX];
};

/* One source row, widened to 64 bits, and a width that every lane fits. */
struct source {
	const int64_t *lane;
	int bits;
	int64_t widened[QMAC_LANES_MAX];
};

static void read_source(struct vec *v, uint32_t space, uint32_t row, bool is_unsigned, struct source *source)
{
	static const int reads[] = {QMAC_COUNTER_A_READS, QMAC_COUNTER_W_READS, QMAC_COUNTER_ACC_READS};
	const int16_t *from;
	int row_lanes, bits, mask;

	v->device->counters[reads[space]]++;
	if (space == QMAC_SPACE_ACC) {
		source->lane = qmac_device_acc(v->device, row);
		source->bits = qmac_device_acc_width(v->device, row);
		return;
	}
	from = qmac_device_operands(v->device, space, row, &row_lanes, &bits);
	mask = is_unsigned ? (1 << bits) - 1 : -1;
	for (int j = 0; j < v->lanes; j++)
		source->widened[j] = from[j] & mask;
	source->lane = source->widened;
	source->bits = bits + is_unsigned;
}

static void read_src1(struct vec *v, uint32_t i1, uint32_t i0, struct source *source)
{
	const struct qmac_command *c = v->c;

	if (c->op == QMAC_OP_LOOKUP)
		return;
	if (c->s1space == QMAC_SPACE_IMM) {
		source->lane = v->imm;
		source->bits = 32;
	} else {
		read_source(v, c->s1space, c->src1 + i1 * c->b1 + i0 * c->b0, c->s1_unsigned, source);
	}
}

/* Do the bounds prove the fast kernels' precondition? */
static bool fits_fast(const struct vec *v, const struct source *a, const struct source *b)
{
	int shifted = a->bits + (int)v->c->l0;

	if (v->c->op == QMAC_OP_MUL)
		return b->bits <= (int)QMAC_MULT_BITS && a->bits + b->bits <= 64;
	return (shifted > b->bits ? shifted : b->bits) + 1 + v->mult_bits <= 64;
}

static int64_t look_up(struct vec *v, int64_t a)
{
	const struct qmac_command *c = v->c;
	int fraction_bits = (int)(c->in_bits - c->lut_n);
	int64_t u = qmac_clamp(a, (int)c->in_bits, &v->saturations) - qmac_min_of((int)c->in_bits);
	uint32_t word = v->device->lut[c->lut_base + (uint32_t)(u >> fraction_bits)];
	int64_t slope = qmac_sign_extend(word >> 16, 16), value = qmac_sign_extend(word, 16);

	return value * ((int64_t)1 << fraction_bits) + slope * (u & (((int64_t)1 << fraction_bits) - 1));
}

static void combine(struct vec *v, const struct source *a, const struct source *b, int64_t *x)
{
	const struct qmac_command *c = v->c;

	if (v->arithmetic) {
		const struct qmac_kernel *kernel = fits_fast(v, a, b) ? v->device->kernel : &qmac_kernel_scalar;

		v->saturations += kernel->combine(c->op, v->lanes, (int)c->l0, c->mult, a->lane, b->lane, x);
		return;
	}
	for (int j = 0; j < v->lanes; j++)
		x[j] = c->op == QMAC_OP_EQ ? a->lane[j] == b->lane[j]
		       : c->op == QMAC_OP_SELECT ? (b->lane[j] > 0 ? a->lane[j] : 0) : look_up(v, a->lane[j]);
}

static void write_acc(struct vec *v, uint32_t row, const int64_t *y)
{
	memcpy(qmac_device_acc(v->device, row), y, (size_t)v->lanes * sizeof *y);
	qmac_device_acc_bits(v->device, row, (uint32_t)v->lanes, v->tail.bw);
	v->device->counters[QMAC_COUNTER_ACC_WRITES]++;
	if (v->device->options.digests)
		qmac_device_digest_acc(v->device, row, 0, (uint32_t)v->lanes);
}

static void write_operands(struct vec *v, uint32_t row, const int64_t *y)
{
	const struct qmac_command *c = v->c;
	int row_lanes, bits;
	int16_t *to = qmac_device_operands(v->device, c->dspace, row, &row_lanes, &bits);

	memset(to, 0, (size_t)row_lanes * sizeof *to);
	for (int j = 0; j < v->lanes; j++) {
		int64_t limb = qmac_limb(y[j], (int)c->lsb, (int)c->nbits, c->limb_unsigned);

		to[(int)c->lane0 + j] = (int16_t)qmac_sign_extend((uint64_t)limb, bits);
	}
	v->device->counters[c->dspace == QMAC_SPACE_A ? QMAC_COUNTER_A_WRITES : QMAC_COUNTER_W_WRITES]++;
	if (v->device->options.digests)
		qmac_device_digest_operands(v->device, c->dspace, row);
}

/* Rounds, clamps and writes one row of results. */
static void finish(struct vec *v, uint32_t i1, uint32_t i0, int64_t *x)
{
	const struct qmac_command *c = v->c;
	uint32_t row = c->dst + i1 * c->d1 + i0 * c->d0, state = 0, channel = 0;

	if (c->rnd == QMAC_ROUND_STOCHASTIC) {
		state = qmac_dither_row(c->seed, c->dither_row0 + i1 * c->dither_rs1 + i0 * c->dither_rs0);
		channel = c->dither_lane0 + i1 * c->dither_cs1 + i0 * c->dither_cs0;
	}
	v->saturations += v->device->kernel->finish(&v->tail, v->lanes, state, channel, x, x);
	if (c->dspace == QMAC_SPACE_ACC)
		write_acc(v, row, x);
	else
		write_operands(v, row, x);
}

static void map_rows(struct vec *v)
{
	const struct qmac_command *c = v->c;
	struct source a, b = {.lane = NULL};
	int64_t x[QMAC_LANES_MAX];

	for (uint32_t i1 = 0; i1 < c->n1; i1++)
		for (uint32_t i0 = 0; i0 < c->n0; i0++) {
			read_source(v, c->s0space, c->src0 + i1 * c->a1 + i0 * c->a0, c->s0_unsigned, &a);
			read_src1(v, i1, i0, &b);
			combine(v, &a, &b, x);
			finish(v, i1, i0, x);
		}
}

/* sums[j] = reduction so far and x[j]: maximum, minimum, or exact sum. */
static void reduce_lane(const struct qmac_command *c, qmac_int128 *sum, int64_t x, bool first)
{
	if (first)
		*sum = x;
	else if (c->op == QMAC_OP_MAX)
		*sum = x > *sum ? x : *sum;
	else if (c->op == QMAC_OP_MIN)
		*sum = x < *sum ? x : *sum;
	else
		*sum += x;
}

/* Reduces one row (or, with red_rows, all rows of i1) and finishes it. */
static void finish_reduced(struct vec *v, uint32_t i1, uint32_t i0, qmac_int128 *sums)
{
	int64_t x[QMAC_LANES_MAX];

	if (v->c->red_lanes) {
		for (int j = 1; j < v->lanes; j++) {
			if (v->c->op == QMAC_OP_MAX || v->c->op == QMAC_OP_MIN)
				reduce_lane(v->c, &sums[0], (int64_t)sums[j], false);
			else
				sums[0] += sums[j];
		}
		for (int j = 1; j < v->lanes; j++)
			sums[j] = sums[0];
	}
	for (int j = 0; j < v->lanes; j++)
		x[j] = qmac_clamp128(sums[j], 64, &v->saturations);
	finish(v, i1, i0, x);
}

static void reduce_rows(struct vec *v)
{
	const struct qmac_command *c = v->c;
	struct source a, b = {.lane = NULL};
	qmac_int128 sums[QMAC_LANES_MAX];
	int64_t x[QMAC_LANES_MAX];

	for (uint32_t i1 = 0; i1 < c->n1; i1++)
		for (uint32_t i0 = 0; i0 < c->n0; i0++) {
			read_source(v, c->s0space, c->src0 + i1 * c->a1 + i0 * c->a0, c->s0_unsigned, &a);
			read_src1(v, i1, i0, &b);
			combine(v, &a, &b, x);
			for (int j = 0; j < v->lanes; j++)
				reduce_lane(c, &sums[j], x[j], i0 == 0 || !c->red_rows);
			if (!c->red_rows)
				finish_reduced(v, i1, i0, sums);
			else if (i0 + 1 == c->n0)
				finish_reduced(v, i1, 0, sums);
		}
}

/* A width that every lane of a source row fits, without reading it. */
static int row_bits(const struct vec *v, uint32_t space, uint32_t row, bool is_unsigned)
{
	if (space == QMAC_SPACE_ACC)
		return qmac_device_acc_width(v->device, row);
	return (space == QMAC_SPACE_A ? v->device->hw.a_bits : v->device->hw.w_bits) + is_unsigned;
}

/* Is it a dot product over rows and lanes whose bounds prove that its sum fits 64 bits? */
static bool is_short_dot(const struct vec *v)
{
	enum { PRODUCTS_BITS = 22 }; /* at most 2^16 rows of 2^6 lanes */
	const struct qmac_command *c = v->c;

	if (c->op != QMAC_OP_MUL || !c->red_rows || !c->red_lanes || c->n1 != 1 || c->s1space == QMAC_SPACE_IMM)
		return false;
	for (uint32_t i0 = 0; i0 < c->n0; i0++) {
		int a_bits = row_bits(v, c->s0space, c->src0 + i0 * c->a0, c->s0_unsigned);
		int b_bits = row_bits(v, c->s1space, c->src1 + i0 * c->b0, c->s1_unsigned);

		if (a_bits > 31 || b_bits > (int)QMAC_MULT_BITS || a_bits + b_bits + PRODUCTS_BITS > 64)
			return false;
	}
	return true;
}

static void dot_product(struct vec *v)
{
	const struct qmac_command *c = v->c;
	struct source a, b;
	int64_t sum = 0, x[QMAC_LANES_MAX];

	for (uint32_t i0 = 0; i0 < c->n0; i0++) {
		read_source(v, c->s0space, c->src0 + i0 * c->a0, c->s0_unsigned, &a);
		read_source(v, c->s1space, c->src1 + i0 * c->b0, c->s1_unsigned, &b);
		sum += v->device->kernel->dot(v->lanes, a.lane, b.lane);
	}
	for (int j = 0; j < v->lanes; j++)
		x[j] = sum;
	finish(v, 0, 0, x);
}

void qmac_device_vec(struct qmac_device *device, const struct qmac_command *c)
{
	struct vec v = {
		.device = device,
		.c = c,
		.tail = {.shift = (int)c->shift, .rnd = c->rnd, .relu = c->relu, .bw = (int)c->bw},
		.lanes = (int)c->lanes,
		.mult_bits = qmac_width_of(c->mult),
		.arithmetic = c->op <= QMAC_OP_MAX,
	};
	uint64_t elements = (uint64_t)c->lanes * c->n1 * c->n0;
	bool multiplies = c->op == QMAC_OP_MUL || c->op == QMAC_OP_LOOKUP || (c->mult != 0 && c->mult != 1);

	if (c->op != QMAC_OP_LOOKUP && c->s1space == QMAC_SPACE_IMM)
		for (uint32_t j = 0; j < c->lanes; j++)
			v.imm[j] = c->imm;
	if (!c->red_rows && !c->red_lanes)
		map_rows(&v);
	else if (is_short_dot(&v))
		dot_product(&v);
	else
		reduce_rows(&v);
	device->counters[QMAC_COUNTER_REQUANT_SATURATIONS] += v.saturations;
	device->counters[QMAC_COUNTER_VEC_MULTS] += multiplies ? elements : 0;
	if (c->op == QMAC_OP_LOOKUP)
		device->counters[QMAC_COUNTER_LUT_READS] += elements;
}
