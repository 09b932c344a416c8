/*
 * VEC (docs/command-set.md): two loops, one operation, optional reduction, one
 * finishing tail.
 *
 * Both loops are one sweep of a kernel, where nothing happens between turns of the outer one. Loops whose
 * bounds prove that nothing leaves 64 bits take the fast kernel, in lanes of 32 bits where they prove that,
 * any others the scalar oracle; all give the same bits.
 */
#include <string.h>

#include "device/vec_source.h"
#include "isa/vec_rows.h"
#include "num/fixed.h"

/* Rows of exact results that are kept at a time, where something comes between them and their finish. */
enum { ROWS = 16 };

/* What leaves x as it is. */
static const struct qmac_tail no_tail = {.rnd = QMAC_ROUND_FLOOR, .bw = 64};

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

/* ---- sources ------------------------------------------------------------------ */

/* The arithmetic of some iterations. */
static struct qmac_sweep sweep_of(const struct qmac_vec *v, const struct qmac_turns *t)
{
	const struct qmac_command *c = v->c;

	return (struct qmac_sweep){
		.op = c->op,
		.inner = (int)t->n0,
		.lanes = v->lanes,
		.l0 = (int)c->l0,
		.mult = c->mult,
		.lookup = {
			.table = v->device->lut + c->lut_base, .in_bits = (int)c->in_bits,
			.fraction_bits = (int)(c->in_bits - c->lut_n),
		},
		.c = v->coefficients ? (const int64_t (*)[QMAC_LANES_MAX])v->coefficients->rows : NULL,
		.tail = {.shift = (int)c->shift, .rnd = c->rnd, .relu = c->relu, .bw = (int)c->bw},
		.draws = {
			.key = c->seed,
			.row0 = c->dither_row0 + t->i1 * c->dither_rs1 + t->i0 * c->dither_rs0,
			.row_step = c->dither_rs0,
			.row_outer = c->dither_rs1,
			.channel0 = c->dither_lane0 + t->i1 * c->dither_cs1 + t->i0 * c->dither_cs0,
			.channel_step = c->dither_cs0,
			.channel_outer = t->n1 > 1 ? c->dither_cs1 : 0,
		},
	};
}

/* Does some iterations; returns a width that every y fits. */
static int sweep_rows(struct qmac_vec *v, const struct qmac_turns *t, struct qmac_sweep *sweep,
                      qmac_int128 *sum, uint64_t *magnitudes)
{
	const struct qmac_kernel *kernel;
	struct qmac_source a, b;
	int y_bits;

	qmac_vec_read_src0(v, t, &a);
	qmac_vec_read_src1(v, t, &b);
	kernel = qmac_vec_prove(v, &a, &b, t->n1 * t->n0, sum != NULL, sweep, &y_bits);
	sweep->a = a.rows;
	sweep->b = b.rows;
	v->saturations += kernel->sweep(sweep, (int)(t->n1 * t->n0), sum, magnitudes);
	return y_bits;
}

/* The exact results of iterations of one i1, ROWS at most. */
static void map(struct qmac_vec *v, const struct qmac_turns *t, int64_t (*x)[QMAC_LANES_MAX])
{
	struct qmac_sweep sweep = sweep_of(v, t);

	sweep.tail = no_tail;
	sweep.to = (struct qmac_results){.words = x[0], .step = QMAC_LANES_MAX};
	sweep_rows(v, t, &sweep, NULL, NULL);
}

/* ---- results ------------------------------------------------------------------ */

/* Rows of ACC from `row` on were written, of words of at most `bits` bits. */
static void note_acc(struct qmac_vec *v, const struct qmac_turns *t, uint32_t row, int bits)
{
	const struct qmac_vec_nest rows = {row, t->n1, v->c->d1, t->n0, v->c->d0};

	qmac_vec_note_acc(v, &rows, bits);
	for (uint32_t i1 = 0; i1 < t->n1 && v->device->options.digests; i1++)
		for (uint32_t i0 = 0; i0 < t->n0; i0++)
			qmac_device_digest_acc(v->unit, row + i1 * v->c->d1 + i0 * v->c->d0, 0, (uint32_t)v->lanes);
}

/* Rows of A or W from `row` on were written, all of one i1: their other lanes become 0. */
static void note_operands(struct qmac_vec *v, uint32_t row, uint32_t count)
{
	const struct qmac_command *c = v->c;
	int row_lanes, bits;
	int16_t *to = qmac_device_operands(v->device, c->dspace, row, &row_lanes, &bits);
	int behind = (int)c->lane0 + v->lanes;

	for (uint32_t i = 0; i < count && v->lanes < row_lanes; i++, to += (ptrdiff_t)c->d0 * row_lanes) {
		memset(to, 0, c->lane0 * sizeof *to);
		memset(to + behind, 0, (size_t)(row_lanes - behind) * sizeof *to);
	}
	qmac_device_operands_written(v->unit, c->dspace, row, count, c->d0);
	for (uint32_t i = 0; i < count && v->device->options.digests; i++)
		qmac_device_digest_operands(v->unit, c->dspace, row + i * c->d0);
}

/* Rows from `row` on were written. */
static void note(struct qmac_vec *v, const struct qmac_turns *t, uint32_t row, int bits)
{
	if (v->c->dspace == QMAC_SPACE_ACC) {
		note_acc(v, t, row, bits);
		return;
	}
	for (uint32_t i1 = 0; i1 < t->n1; i1++)
		note_operands(v, row + i1 * v->c->d1, t->n0);
}

/* Where results of rows from `row` on go. */
static struct qmac_results results_of(struct qmac_vec *v, uint32_t row)
{
	const struct qmac_command *c = v->c;
	int row_lanes = v->device->hw.cols, bits;
	struct qmac_results to = {.lsb = (int)c->lsb, .mask = (uint16_t)((1U << c->nbits) - 1)};

	if (c->dspace == QMAC_SPACE_ACC) {
		to.words = qmac_device_acc(v->device, row);
	} else {
		to.operands = qmac_device_operands(v->device, c->dspace, row, &row_lanes, &bits) + c->lane0;
		if (!c->limb_unsigned || (int)c->nbits == bits)
			to.sign = (uint16_t)(1U << (c->nbits - 1));
	}
	to.step = (ptrdiff_t)c->d0 * row_lanes;
	to.outer = (ptrdiff_t)c->d1 * row_lanes;
	return to;
}

static uint32_t row_of(const struct qmac_command *c, const struct qmac_turns *t)
{
	return c->dst + t->i1 * c->d1 + t->i0 * c->d0;
}

/* Does, finishes and writes some iterations. Returns a width that every y fits. */
static int finish(struct qmac_vec *v, const struct qmac_turns *t, qmac_int128 *sum)
{
	uint32_t row = row_of(v->c, t);
	struct qmac_sweep sweep = sweep_of(v, t);
	int bits;

	sweep.to = results_of(v, row);
	bits = sweep_rows(v, t, &sweep, sum, v->c->monitor ? &v->magnitudes : NULL);
	note(v, t, row, bits);
	return bits;
}

/* Finishes and writes the exact result x of one iteration, of at most x_bits bits. */
static void finish_one(struct qmac_vec *v, uint32_t i1, uint32_t i0, const int64_t *x, int x_bits)
{
	static const int64_t nothing[QMAC_LANES_MAX];
	const struct qmac_turns one = {i1, i0, 1, 1};
	uint32_t row = row_of(v->c, &one);
	struct qmac_sweep sweep = sweep_of(v, &one);
	const struct qmac_kernel *kernel;
	int bits;

	sweep.to = results_of(v, row);
	sweep.op = QMAC_OP_ADD;
	sweep.l0 = 0;
	sweep.mult = 1;
	sweep.a = (struct qmac_sources){.words = x};
	sweep.b = (struct qmac_sources){.words = nothing};
	kernel = qmac_vec_prove_finish(v, x_bits, &sweep, &bits);
	v->saturations += kernel->sweep(&sweep, 1, NULL, v->c->monitor ? &v->magnitudes : NULL);
	note(v, &one, row, bits);
}

/* Writes the sums of n0 results of at most `bits` bits. */
static void write_sums(struct qmac_vec *v, uint32_t i1, const qmac_int128 *sum, int bits)
{
	struct qmac_device *device = v->device;
	int acc_bits = device->hw.acc_bits;
	uint32_t row = v->c->sum + i1, lanes = (uint32_t)v->lanes;
	uint64_t each = 1ULL << (bits - 1); /* no result is beyond -each .. each - 1 */
	int64_t most = qmac_max_of(acc_bits), *acc = qmac_device_acc(device, row), limit = most;

	for (int j = 0; j < v->lanes; j++)
		acc[j] = qmac_clamp128(sum[j], acc_bits, &v->saturations);
	if (each <= (1ULL << 63) / v->c->n0)
		limit = (int64_t)(each * v->c->n0 - 1);
	qmac_device_acc_within(device, row, lanes, limit < most ? limit : most);
	if (device->options.digests)
		qmac_device_digest_acc(v->unit, row, 0, lanes);
}

/* ---- loops -------------------------------------------------------------------- */

/*
 * No row is written that another iteration reads (HAZARD): all can be taken together, but where each i1 has
 * sums or coefficients of its own, or writes rows again, and a digest wants what was written before.
 */
static bool goes_together(const struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;
	bool again = c->n1 > 1 && c->d1 <= (c->n0 - 1) * c->d0;

	return !c->sum && !(v->coefficients && c->coef_step) && !(again && v->device->options.digests);
}

static void map_rows(struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;
	uint32_t together = goes_together(v) ? c->n1 : 1;

	for (uint32_t i1 = 0; i1 < c->n1; i1 += together) {
		const struct qmac_turns turns = {i1, 0, together, c->n0};
		qmac_int128 sum[QMAC_LANES_MAX];
		int bits;

		latch(v, i1);
		if (c->sum)
			memset(sum, 0, sizeof sum);
		bits = finish(v, &turns, c->sum ? sum : NULL);
		if (c->sum)
			write_sums(v, i1, sum, bits);
	}
}

/* sums[j] = reduction so far and x[j]: maximum, minimum, or exact sum. */
static void reduce_lane(const struct qmac_command *c, qmac_int128 *sum, qmac_int128 x, bool first)
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
	int64_t x[QMAC_LANES_MAX], magnitudes = 0;

	if (v->c->red_lanes) {
		for (int j = 1; j < v->lanes; j++)
			reduce_lane(v->c, &sums[0], sums[j], false);
		for (int j = 1; j < v->lanes; j++)
			sums[j] = sums[0];
	}
	for (int j = 0; j < v->lanes; j++) {
		x[j] = qmac_clamp128(sums[j], 64, &v->saturations);
		magnitudes |= x[j] < 0 ? ~x[j] : x[j];
	}
	finish_one(v, i1, i0, x, qmac_width_of(magnitudes));
}

/* The exact sum over the rows of each i1. */
static void sum_rows(struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;

	for (uint32_t i1 = 0; i1 < c->n1; i1++) {
		qmac_int128 sum[QMAC_LANES_MAX] = {0};
		const struct qmac_turns turns = {i1, 0, 1, c->n0};
		struct qmac_sweep sweep = sweep_of(v, &turns);

		latch(v, i1);
		sweep.tail = no_tail;
		sweep_rows(v, &turns, &sweep, sum, NULL);
		finish_reduced(v, i1, 0, sum);
	}
}

/* Any reduction, row by row. */
static void reduce_rows(struct qmac_vec *v)
{
	const struct qmac_command *c = v->c;
	qmac_int128 sums[QMAC_LANES_MAX];
	int64_t x[ROWS][QMAC_LANES_MAX];

	for (uint32_t i1 = 0; i1 < c->n1; i1++) {
		latch(v, i1);
		for (uint32_t i0 = 0; i0 < c->n0; i0++) {
			const struct qmac_turns turns = {i1, i0, 1, c->n0 - i0 < ROWS ? c->n0 - i0 : ROWS};

			if (i0 % ROWS == 0)
				map(v, &turns, x);
			for (int j = 0; j < v->lanes; j++)
				reduce_lane(c, &sums[j], x[i0 % ROWS][j], i0 == 0 || !c->red_rows);
			if (!c->red_rows)
				finish_reduced(v, i1, i0, sums);
			else if (i0 + 1 == c->n0)
				finish_reduced(v, i1, 0, sums);
		}
	}
}

/* Magnitudes in 32 bits: the highest one stands for all above it, too. */
static uint32_t cut_magnitudes(uint64_t magnitudes)
{
	return (uint32_t)magnitudes | (magnitudes >> 32 ? 1U << 31 : 0);
}

void qmac_device_vec(struct qmac_unit *unit, const struct qmac_command *c)
{
	bool sums = c->op != QMAC_OP_MAX && c->op != QMAC_OP_MIN;
	int64_t imm[QMAC_LANES_MAX];
	struct qmac_coefficients coefficients;
	struct qmac_vec v = {
		.unit = unit,
		.device = unit->device,
		.c = c,
		.lanes = (int)c->lanes,
		.mult_bits = qmac_width_of(c->mult),
		.imm_bits = qmac_width_of(c->op == QMAC_OP_LOOKUP ? 0 : c->imm),
		.imm = imm,
		.coefficients = c->op == QMAC_OP_AFFINE ? &coefficients : NULL,
	};

	if (!qmac_vec_has_src1(c))
		for (uint32_t j = 0; j < c->lanes; j++)
			imm[j] = c->imm;
	if (c->red_rows && sums)
		sum_rows(&v);
	else if (c->red_rows || c->red_lanes)
		reduce_rows(&v);
	else
		map_rows(&v);
	unit->outcome.requant_saturations += v.saturations;
	if (c->monitor)
		unit->outcome.magnitudes = cut_magnitudes(v.magnitudes);
}
