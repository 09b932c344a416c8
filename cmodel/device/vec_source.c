#include "device/vec_source.h"

#include "isa/vec_rows.h"
#include "num/fixed.h"

/* The limits of `count` rows that lie `step` apart, all together. Rows side by side are read as vectors. */
static int64_t limits_of(const int64_t *limit, uint32_t count, uint32_t step)
{
	int64_t all = 0;

	if (step == 1)
		for (uint32_t i = 0; i < count; i++)
			all |= limit[i];
	else
		for (uint32_t i = 0; i < count; i++)
			all |= limit[i * step];
	return all;
}

/* The bits of all words of these rows. */
static int acc_bits(const struct qmac_device *device, const struct qmac_vec_nest *acc)
{
	int64_t limits = 0;

	for (uint32_t i1 = 0; i1 < acc->n1; i1++)
		limits |= limits_of(device->acc_limit + acc->row + i1 * acc->outer, acc->n0, acc->step);
	return qmac_width_of(limits);
}

/* All words of `count` rows were written, or some of each. */
static void raise_limits(int64_t *limit, uint32_t count, int64_t written, bool all)
{
	if (all)
		for (uint32_t i = 0; i < count; i++)
			limit[i] = written;
	else
		for (uint32_t i = 0; i < count; i++)
			limit[i] = limit[i] > written ? limit[i] : written;
}

void qmac_vec_note_acc(struct qmac_vec *v, const struct qmac_vec_nest *rows, int bits)
{
	bool all = v->lanes == v->device->hw.cols;
	int64_t written = qmac_max_of(bits);

	for (uint32_t i1 = 0; i1 < rows->n1; i1++) {
		int64_t *limit = v->device->acc_limit + rows->row + i1 * rows->outer;

		if (rows->step == 1)
			raise_limits(limit, rows->n0, written, all);
		else
			for (uint32_t i0 = 0; i0 < rows->n0; i0++)
				raise_limits(limit + i0 * rows->step, 1, written, all);
	}
}

static void read_source(const struct qmac_vec *v, uint32_t space, const struct qmac_vec_nest *nest,
                        bool is_unsigned, struct qmac_source *source)
{
	int lanes, bits;

	*source = (struct qmac_source){.bits = 0};
	if (space != QMAC_SPACE_ACC) {
		source->rows.operands = qmac_device_operands(v->device, space, nest->row, &lanes, &bits);
		source->rows.step = (ptrdiff_t)nest->step * lanes;
		source->rows.outer = (ptrdiff_t)nest->outer * lanes;
		source->rows.mask = is_unsigned ? (1 << bits) - 1 : -1;
		source->bits = bits + is_unsigned;
		return;
	}
	source->acc = *nest;
	source->acc.n0 = nest->step ? nest->n0 : 1;
	source->acc.n1 = nest->outer ? nest->n1 : 1;
	source->rows.words = qmac_device_acc(v->device, nest->row);
	source->rows.step = (ptrdiff_t)nest->step * v->device->hw.cols;
	source->rows.outer = (ptrdiff_t)nest->outer * v->device->hw.cols;
	source->bits = acc_bits(v->device, &source->acc);
}

void qmac_vec_read_src0(const struct qmac_vec *v, const struct qmac_turns *t, struct qmac_source *source)
{
	const struct qmac_command *c = v->c;
	const struct qmac_vec_nest nest = {c->src0 + t->i1 * c->a1 + t->i0 * c->a0, t->n1, c->a1, t->n0, c->a0};

	read_source(v, c->s0space, &nest, c->s0_unsigned, source);
}

void qmac_vec_read_src1(const struct qmac_vec *v, const struct qmac_turns *t, struct qmac_source *source)
{
	const struct qmac_command *c = v->c;
	const struct qmac_vec_nest nest = {c->src1 + t->i1 * c->b1 + t->i0 * c->b0, t->n1, c->b1, t->n0, c->b0};

	*source = (struct qmac_source){.rows = {.words = v->imm}, .bits = v->imm_bits};
	if (qmac_vec_has_src1(c))
		read_source(v, c->s1space, &nest, c->s1_unsigned, source);
}

/* A width that a sum fits of terms that are not beyond 2^a, 2^b and 2^c; above 64: perhaps none. */
static int sum_bits(int a, int b, int c)
{
	enum { MOST = 61 };

	if (a > MOST || b > MOST || c > MOST)
		return 65;
	return qmac_width_of(((int64_t)1 << a) + ((int64_t)1 << b) + ((int64_t)1 << c));
}

/*
 * A width that every exact x fits; above 64: perhaps none that there is. A product of a and b bits is not
 * beyond 2^(a + b - 2).
 */
static int exact_bits(const struct qmac_vec *v, unsigned op, const struct qmac_source *a,
                      const struct qmac_source *b)
{
	int shifted = a->bits + (int)v->c->l0;

	switch (op) {
	case QMAC_OP_MUL:
		return a->bits + b->bits;
	case QMAC_OP_EQ:
		return 2;
	case QMAC_OP_SELECT:
		return a->bits;
	case QMAC_OP_LOOKUP: /* a value and a slope of 16 bits, each times what is below the shift at most */
		return 17 + (int)(v->c->in_bits - v->c->lut_n);
	case QMAC_OP_AFFINE:
		return sum_bits(a->bits + v->coefficients->bits[0] - 2, b->bits + v->coefficients->bits[1] - 2,
		                v->coefficients->bits[2] - 1);
	default:
		return (shifted > b->bits ? shifted : b->bits) + 1 + (v->c->mult == 1 ? 0 : v->mult_bits);
	}
}

/* Looks at the words of a source, whose bounds may be wider than they are. */
static void tighten(struct qmac_vec *v, struct qmac_source *source)
{
	const struct qmac_vec_nest *acc = &source->acc;

	for (uint32_t i1 = 0; i1 < acc->n1; i1++)
		for (uint32_t i0 = 0; i0 < acc->n0; i0++)
			qmac_device_acc_measure(v->device, acc->row + i1 * acc->outer + i0 * acc->step);
	if (acc->n1)
		source->bits = acc_bits(v->device, acc);
}

/* A width that every y of a sweep fits, whose x fit x_bits; notes whether any may be clamped. */
static int result_bits(struct qmac_sweep *sweep, int x_bits)
{
	int left = x_bits, shift = sweep->tail.shift;

	/* rounding up may need a bit more than is left of x */
	if (shift > 0)
		left = left > shift + 1 ? left - shift + 1 : 2;
	sweep->fits = left <= sweep->tail.bw;
	return sweep->fits ? left : sweep->tail.bw;
}

/* A width that every x fits, and what is added to it to round it, and their sum. */
static int rounded_bits(const struct qmac_tail *tail, int x_bits)
{
	int most = x_bits > tail->shift + 1 ? x_bits : tail->shift + 1;

	return tail->shift == 0 || tail->rnd == QMAC_ROUND_FLOOR ? x_bits : most + 1;
}

/* Do the bounds prove what every fast kernel asks for? */
static bool fits_fast(const struct qmac_vec *v, const struct qmac_source *a, const struct qmac_source *b,
                      uint32_t rows, bool summed, const struct qmac_sweep *sweep, int x_bits, int y_bits)
{
	return rounded_bits(&sweep->tail, x_bits) <= 64 &&
	       (sweep->op != QMAC_OP_MUL || b->bits <= (int)QMAC_MULT_BITS) &&
	       (sweep->op != QMAC_OP_LOOKUP || a->acc.n1 || a->bits <= (int)v->c->in_bits) &&
	       (!summed || y_bits - 1 + qmac_width_of(rows) - 1 <= 63);
}

enum { NARROW = 32, SUMMED = 25 }; /* bits, of narrow sweeps */

const struct qmac_kernel *qmac_vec_prove(struct qmac_vec *v, struct qmac_source *a, struct qmac_source *b,
                                         uint32_t rows, bool summed, struct qmac_sweep *sweep, int *y_bits)
{
	int x_bits = exact_bits(v, sweep->op, a, b);
	/* A limit of rows of which some lanes are written grows with each sum: the others may be as large. */
	bool grown = a->bits >= NARROW || b->bits >= NARROW;

	*y_bits = result_bits(sweep, x_bits);
	if (grown || !fits_fast(v, a, b, rows, summed, sweep, x_bits, *y_bits)) {
		tighten(v, a);
		tighten(v, b);
		x_bits = exact_bits(v, sweep->op, a, b);
		*y_bits = result_bits(sweep, x_bits < 64 ? x_bits : 64);
	}
	sweep->short_factors = a->bits <= NARROW && b->bits <= NARROW;
	sweep->narrow = sweep->short_factors && rounded_bits(&sweep->tail, x_bits) <= NARROW &&
	                sweep->tail.shift < NARROW && (!summed || *y_bits <= SUMMED);
	return fits_fast(v, a, b, rows, summed, sweep, x_bits, *y_bits) ? v->device->kernel : &qmac_kernel_scalar;
}

const struct qmac_kernel *qmac_vec_prove_finish(struct qmac_vec *v, int x_bits, struct qmac_sweep *sweep,
                                                int *y_bits)
{
	int bits = rounded_bits(&sweep->tail, x_bits);

	*y_bits = result_bits(sweep, x_bits);
	sweep->narrow = bits <= NARROW && sweep->tail.shift < NARROW;
	return bits <= 64 ? v->device->kernel : &qmac_kernel_scalar;
}
