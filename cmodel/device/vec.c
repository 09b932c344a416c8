/*
 * VEC (docs/command-set.md): two loops, one operation, optional reduction, one
 * finishing tail.
 *
 * Rows go through the kernels lane-wise, several at a time. Rows whose bounds
 * prove that nothing leaves 64 bits take the fast kernel, any others the scalar
 * oracle; both give the same bits.
 */
#include <string.h>

#include "device/vec_source.h"
#include "isa/vec_rows.h"
#include "num/dither.h"
#include "num/fixed.h"

/* Before the first iteration of i1: latches coefficients where this is their turn. */
static void latch(struct qmac_vec *v, uint32_t i1)
{
	enum { FACTORS = 2 }; /* the others are added */
	const struct qmac_command *c = v->c;

	if (!v->coefficients || (i1 > 0 && !c->coef_step))
		return;
	for (uint32_t k = 0; k < QMAC_COEFFICIENTS; k++) {
		const int64_t *from = qmac_device_acc(v->device, c->coef + QMAC_COEFFICIENTS * i1 + k);
		int64_t *to = v->coefficients->rows[k], magnitudes = 0;

		for (int j = 0; j < v->lanes; j++) {
			to[j] = k < FACTORS ? qmac_clamp(from[j], QMAC_MULT_BITS, &v->saturations) : from[j];
			magnitudes |= to[j] < 0 ? ~to[j] : to[j];
		}
		v->coefficients->bits[k] = qmac_width_of(magnitudes);
	}
}

static uint64_t affine(struct qmac_vec *v, int count, const struct qmac_source *a,
                       const struct qmac_source *b, struct qmac_sums to)
{
	const struct qmac_kernel *kernel = qmac_vec_affine_kernel(v, a, b);

	return kernel->affine(a->bits <= 32 && b->bits <= 32, count, v->lanes, a->rows, b->rows,
	                      (const int64_t (*)[QMAC_LANES_MAX])v->coefficients->rows, to);
}

static int64_t look_up(struct qmac_vec *v, int64_t a)
{
	const struct qmac_command *c = v->c;
	int fraction_bits = (int)(c->in_bits - c->lut_n);
	int64_t u = qmac_clamp(a, (int)c->in_bits, &v->saturations) - qmac_min_of((int)c->in_bits);
	uint32_t word = v->device->lut[c->lut_base + (uint32_t)(u >> fraction_bits)];
	int64_t slope = qmac_sign_extend(word >> 16, 16), value = qmac_sign_extend(word, 16);

	return value * ((int64_t)1 << fraction_bits) + slope * (u & (((int64_t)1 << fraction_bits) - 1));
}

static void look_up_rows(struct qmac_vec *v, int count, struct qmac_sources a, int64_t (*x)[QMAC_LANES_MAX])
{
	for (int i = 0; i < count; i++)
		for (int j = 0; j < v->lanes; j++)
			x[i][j] = look_up(v, a.first[i * a.step + j]);
}

static void combine(struct qmac_vec *v, int count, struct qmac_source *a, struct qmac_source *b,
                    int64_t (*x)[QMAC_LANES_MAX])
{
	const struct qmac_command *c = v->c;
	const struct qmac_sums to = {x[0], QMAC_LANES_MAX};

	switch (c->op) {
	case QMAC_OP_LOOKUP:
		/* a value of 16 bits shifted left, plus a slope of 16 bits times what is below the shift */
		v->x_bits = 17 + (int)(c->in_bits - c->lut_n);
		look_up_rows(v, count, a->rows, x);
		return;
	case QMAC_OP_AFFINE:
		v->saturations += affine(v, count, a, b, to);
		return;
	default:
		v->saturations += qmac_vec_kernel(v, a, b)->combine(c->op, count, v->lanes, (int)c->l0, c->mult,
		                                                    a->rows, b->rows, to);
	}
}

/* A width that every result fits: rounding up may need a bit more than is left of x. */
static int result_bits(const struct qmac_vec *v)
{
	int shift = v->tail.shift, left = v->x_bits;

	if (shift > 0)
		left = left > shift + 1 ? left - shift + 1 : 2;
	return left < v->tail.bw ? left : v->tail.bw;
}

static void note_acc(struct qmac_vec *v, uint32_t row, int count)
{
	struct qmac_device *device = v->device;
	int bits = result_bits(v);

	for (int i = 0; i < count; i++, row += v->c->d0) {
		qmac_device_acc_bits(device, row, (uint32_t)v->lanes, bits);
		if (device->options.digests)
			qmac_device_digest_acc(device, row, 0, (uint32_t)v->lanes);
	}
}

/* Limbs of a row; `sign` is their highest bit where it is extended. */
static void write_operands(struct qmac_vec *v, uint32_t row, const int64_t *y)
{
	const struct qmac_command *c = v->c;
	int row_lanes, bits, lsb = (int)c->lsb;
	int16_t *to = qmac_device_operands(v->device, c->dspace, row, &row_lanes, &bits);
	bool extends = !c->limb_unsigned || (int)c->nbits == bits;
	uint64_t mask = (1ULL << c->nbits) - 1, sign = extends ? 1ULL << (c->nbits - 1) : 0;

	if (v->lanes < row_lanes)
		memset(to, 0, (size_t)row_lanes * sizeof *to);
	for (int j = 0; j < v->lanes; j++)
		to[(int)c->lane0 + j] = (int16_t)((((uint64_t)qmac_shift_right(y[j], lsb) & mask) ^ sign) - sign);
	if (v->device->options.digests)
		qmac_device_digest_operands(v->device, c->dspace, row);
}

/* State and first channel of the random numbers of each row. */
static void draw(const struct qmac_vec *v, uint32_t i1, uint32_t i0, int count, uint32_t *state,
                 uint32_t *channel)
{
	const struct qmac_command *c = v->c;
	uint32_t row[QMAC_ROWS_MAX] = {0};

	for (int i = 0; i < count; i++) {
		row[i] = c->dither_row0 + i1 * c->dither_rs1 + (i0 + (uint32_t)i) * c->dither_rs0;
		channel[i] = c->dither_lane0 + i1 * c->dither_cs1 + (i0 + (uint32_t)i) * c->dither_cs0;
	}
	v->device->kernel->dither_rows(c->seed, count, row, state);
}

/* Begins the sums of one i1. */
static void begin_sums(struct qmac_vec *v)
{
	if (!v->sums)
		return;
	memset(v->sums->sum, 0, (size_t)v->lanes * sizeof v->sums->sum[0]);
	memset(v->sums->wide, 0, (size_t)v->lanes * sizeof v->sums->wide[0]);
}

static void add_to_sums(struct qmac_vec *v, int count, struct qmac_sources y)
{
	if (v->sums->fit) {
		v->device->kernel->add_rows(count, v->lanes, y, v->sums->sum);
		return;
	}
	for (int i = 0; i < count; i++)
		for (int j = 0; j < v->lanes; j++)
			v->sums->wide[j] += y.first[i * y.step + j];
}

/* Ends the sums of one i1: writes them. */
static void write_sums(struct qmac_vec *v, uint32_t i1)
{
	struct qmac_device *device = v->device;
	struct qmac_row_sums *sums = v->sums;
	int acc_bits = device->hw.acc_bits;
	uint32_t row = v->c->sum + i1, lanes = (uint32_t)v->lanes;
	int64_t *acc, most = qmac_max_of(acc_bits);

	if (!sums)
		return;
	acc = qmac_device_acc(device, row);
	for (int j = 0; j < v->lanes; j++)
		acc[j] = sums->fit ? qmac_clamp(sums->sum[j], acc_bits, &v->saturations)
		                   : qmac_clamp128(sums->wide[j], acc_bits, &v->saturations);
	qmac_device_acc_within(device, row, lanes, sums->limit < most ? sums->limit : most);
	if (device->options.digests)
		qmac_device_digest_acc(device, row, 0, lanes);
}

/* Rounds, clamps and writes rows of results. */
static void finish(struct qmac_vec *v, uint32_t i1, uint32_t i0, int count, int64_t (*x)[QMAC_LANES_MAX])
{
	const struct qmac_command *c = v->c;
	uint32_t row = c->dst + i1 * c->d1 + i0 * c->d0;
	uint32_t state[QMAC_ROWS_MAX] = {0}, channel[QMAC_ROWS_MAX] = {0};
	bool acc = c->dspace == QMAC_SPACE_ACC;
	const struct qmac_sources from = {x[0], QMAC_LANES_MAX};
	struct qmac_sums to = {x[0], QMAC_LANES_MAX};

	if (acc)
		to = (struct qmac_sums){qmac_device_acc(v->device, row), (ptrdiff_t)c->d0 * v->device->hw.cols};
	if (c->rnd == QMAC_ROUND_STOCHASTIC)
		draw(v, i1, i0, count, state, channel);
	v->saturations += v->device->kernel->finish(&v->tail, count, v->lanes, state, channel, from, to,
	                                            c->monitor ? &v->magnitudes : NULL);
	if (v->sums)
		add_to_sums(v, count, (struct qmac_sources){to.first, to.step});
	if (acc)
		note_acc(v, row, count);
	for (int i = 0; !acc && i < count; i++)
		write_operands(v, row + (uint32_t)i * c->d0, x[i]);
	if (!acc)
		qmac_device_operands_written(v->device, c->dspace, row, (uint32_t)count, c->d0);
}

/* No row is written that another iteration reads (HAZARD): rows can be taken together. */
static void map_rows(struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;
	struct qmac_source a, b;
	int64_t x[QMAC_ROWS_MAX][QMAC_LANES_MAX];
	int count;

	for (uint32_t i1 = 0; i1 < c->n1; i1++) {
		latch(v, i1);
		begin_sums(v);
		for (uint32_t i0 = 0; i0 < c->n0; i0 += (uint32_t)count) {
			count = c->n0 - i0 < QMAC_ROWS_MAX ? (int)(c->n0 - i0) : QMAC_ROWS_MAX;
			qmac_vec_read_src0(v, i1, i0, count, &a);
			qmac_vec_read_src1(v, i1, i0, count, &b);
			combine(v, count, &a, &b, x);
			finish(v, i1, i0, count, x);
		}
		write_sums(v, i1);
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
static void finish_reduced(struct qmac_vec *v, uint32_t i1, uint32_t i0, qmac_int128 *sums)
{
	int64_t x[1][QMAC_LANES_MAX];

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
		x[0][j] = qmac_clamp128(sums[j], 64, &v->saturations);
	v->x_bits = 64;
	finish(v, i1, i0, 1, x);
}

/* Sums over the rows of one i1, in two parts. */
struct reduced {
	int64_t narrow[QMAC_LANES_MAX]; /* of rows that are proved to be narrow: up to 2^16 of these fit */
	qmac_int128 wide[QMAC_LANES_MAX];
};

static void add_rows(const struct qmac_vec *v, int count, int64_t (*x)[QMAC_LANES_MAX], struct reduced *r)
{
	enum { NARROW = 48 };

	if (v->x_bits <= NARROW) {
		v->device->kernel->add_rows(count, v->lanes, (struct qmac_sources){x[0], QMAC_LANES_MAX}, r->narrow);
		return;
	}
	for (int i = 0; i < count; i++)
		for (int j = 0; j < v->lanes; j++)
			r->wide[j] += x[i][j];
}

/* The exact sum over the rows of each i1. */
static void sum_rows(struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;
	struct qmac_source a, b;
	struct reduced reduced;
	int64_t x[QMAC_ROWS_MAX][QMAC_LANES_MAX];
	int count;

	for (uint32_t i1 = 0; i1 < c->n1; i1++) {
		latch(v, i1);
		memset(&reduced, 0, sizeof reduced);
		for (uint32_t i0 = 0; i0 < c->n0; i0 += (uint32_t)count) {
			count = c->n0 - i0 < QMAC_ROWS_MAX ? (int)(c->n0 - i0) : QMAC_ROWS_MAX;
			qmac_vec_read_src0(v, i1, i0, count, &a);
			qmac_vec_read_src1(v, i1, i0, count, &b);
			combine(v, count, &a, &b, x);
			add_rows(v, count, x, &reduced);
		}
		for (int j = 0; j < v->lanes; j++)
			reduced.wide[j] += reduced.narrow[j];
		finish_reduced(v, i1, 0, reduced.wide);
	}
}

static void reduce_rows(struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;
	struct qmac_source a, b;
	qmac_int128 sums[QMAC_LANES_MAX];
	int64_t x[1][QMAC_LANES_MAX];

	for (uint32_t i1 = 0; i1 < c->n1; i1++) {
		latch(v, i1);
		for (uint32_t i0 = 0; i0 < c->n0; i0++) {
			qmac_vec_read_src0(v, i1, i0, 1, &a);
			qmac_vec_read_src1(v, i1, i0, 1, &b);
			combine(v, 1, &a, &b, x);
			for (int j = 0; j < v->lanes; j++)
				reduce_lane(c, &sums[j], x[0][j], i0 == 0 || !c->red_rows);
			if (!c->red_rows)
				finish_reduced(v, i1, i0, sums);
			else if (i0 + 1 == c->n0)
				finish_reduced(v, i1, 0, sums);
		}
	}
}

/*
 * Is it a dot product over rows and lanes whose bounds prove that its sum fits 64 bits? It has fewer than
 * 2^22 products (65,535 rows of 64 lanes), none of them beyond 2^(a_bits + b_bits - 2).
 */
static bool is_short_dot(const struct qmac_vec *v)
{
	enum { TERMS_BITS = 22, FACTOR_BITS = 32 };
	const struct qmac_command *c = v->c;

	if (c->op != QMAC_OP_MUL || !c->red_rows || !c->red_lanes || c->n1 != 1 || c->s1space == QMAC_SPACE_IMM)
		return false;
	for (uint32_t i0 = 0; i0 < c->n0; i0++) {
		int a_bits = qmac_vec_rows_bits(v, c->s0space, c->src0 + i0 * c->a0, 0, 1, c->s0_unsigned);
		int b_bits = qmac_vec_rows_bits(v, c->s1space, c->src1 + i0 * c->b0, 0, 1, c->s1_unsigned);

		if (a_bits > FACTOR_BITS || b_bits > (int)QMAC_MULT_BITS || a_bits + b_bits - 2 + TERMS_BITS > 63)
			return false;
	}
	return true;
}

static void dot_product(struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;
	struct qmac_source a, b;
	int64_t sum = 0, x[1][QMAC_LANES_MAX];

	for (uint32_t i0 = 0; i0 < c->n0; i0++) {
		qmac_vec_read_src0(v, 0, i0, 1, &a);
		qmac_vec_read_src1(v, 0, i0, 1, &b);
		sum += v->device->kernel->dot(v->lanes, a.rows.first, b.rows.first);
	}
	for (int j = 0; j < v->lanes; j++)
		x[0][j] = sum;
	v->x_bits = 64;
	finish(v, 0, 0, 1, x);
}

/* Magnitudes in 32 bits: the highest one stands for all above it, too. */
static uint32_t cut_magnitudes(uint64_t magnitudes)
{
	return (uint32_t)magnitudes | (magnitudes >> 32 ? 1U << 31 : 0);
}

/* Is the sum of n0 results of bw bits within 64? If so, -limit-1 <= sum <= limit. */
static void bound_sums(const struct qmac_command *c, struct qmac_row_sums *sums)
{
	uint64_t each = 1ULL << (c->bw - 1); /* no result is beyond -each .. each - 1 */

	sums->fit = each <= (1ULL << 63) / c->n0;
	sums->limit = sums->fit ? (int64_t)(each * c->n0 - 1) : INT64_MAX;
}

void qmac_device_vec(struct qmac_device *device, const struct qmac_command *c)
{
	int64_t imm[QMAC_LANES_MAX];
	struct qmac_coefficients coefficients;
	struct qmac_row_sums sums;
	struct qmac_vec v = {
		.device = device,
		.c = c,
		.tail = {.shift = (int)c->shift, .rnd = c->rnd, .relu = c->relu, .bw = (int)c->bw},
		.lanes = (int)c->lanes,
		.mult_bits = qmac_width_of(c->mult),
		.imm_bits = qmac_width_of(c->imm),
		.imm = imm,
		.coefficients = c->op == QMAC_OP_AFFINE ? &coefficients : NULL,
		.sums = c->sum ? &sums : NULL,
	};

	if (!qmac_vec_has_src1(c))
		for (uint32_t j = 0; j < c->lanes; j++)
			imm[j] = c->imm;
	if (c->sum)
		bound_sums(c, &sums);
	if (!c->red_rows && !c->red_lanes)
		map_rows(&v);
	else if (is_short_dot(&v))
		dot_product(&v);
	else if (!c->red_lanes && c->op != QMAC_OP_MAX && c->op != QMAC_OP_MIN)
		sum_rows(&v);
	else
		reduce_rows(&v);
	device->counters[QMAC_COUNTER_REQUANT_SATURATIONS] += v.saturations;
	if (c->monitor) {
		device->magnitudes = cut_magnitudes(v.magnitudes);
		device->monitors[c->monitor] |= device->magnitudes;
	}
}
