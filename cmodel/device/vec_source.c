#include "device/vec_source.h"

#include "isa/vec_rows.h"
#include "num/fixed.h"

/* Rows row + i * step, i < count. */
static void read_source(const struct qmac_vec *v, uint32_t space, uint32_t row, uint32_t step, uint32_t count,
                        bool is_unsigned, struct qmac_source *source)
{
	int64_t limits = 0;
	int lanes, bits;

	*source = (struct qmac_source){.acc_row = row, .acc_step = step};
	if (space != QMAC_SPACE_ACC) {
		source->rows.operands = qmac_device_operands(v->device, space, row, &lanes, &bits);
		source->rows.step = (ptrdiff_t)step * lanes;
		source->rows.mask = is_unsigned ? (1 << bits) - 1 : -1;
		source->bits = bits + is_unsigned;
		return;
	}
	source->acc_rows = step ? count : 1;
	source->rows.words = qmac_device_acc(v->device, row);
	source->rows.step = (ptrdiff_t)step * v->device->hw.cols;
	for (uint32_t i = 0; i < source->acc_rows; i++)
		limits |= v->device->acc_limit[row + i * step];
	source->bits = qmac_width_of(limits);
}

void qmac_vec_read_src0(const struct qmac_vec *v, uint32_t i1, uint32_t i0, uint32_t count,
                        struct qmac_source *source)
{
	const struct qmac_command *c = v->c;

	read_source(v, c->s0space, c->src0 + i1 * c->a1 + i0 * c->a0, c->a0, count, c->s0_unsigned, source);
}

void qmac_vec_read_src1(const struct qmac_vec *v, uint32_t i1, uint32_t i0, uint32_t count,
                        struct qmac_source *source)
{
	const struct qmac_command *c = v->c;

	*source = (struct qmac_source){.rows = {.words = v->imm}, .bits = v->imm_bits};
	if (qmac_vec_has_src1(c))
		read_source(v, c->s1space, c->src1 + i1 * c->b1 + i0 * c->b0, c->b0, count, c->s1_unsigned, source);
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
	int64_t limits = 0;

	for (uint32_t i = 0; i < source->acc_rows; i++) {
		uint32_t row = source->acc_row + i * source->acc_step;

		qmac_device_acc_measure(v->device, row);
		limits |= v->device->acc_limit[row];
	}
	if (source->acc_rows)
		source->bits = qmac_width_of(limits);
}

int qmac_vec_result_bits(struct qmac_sweep *sweep, int x_bits)
{
	int left = x_bits, shift = sweep->tail.shift;

	/* rounding up may need a bit more than is left of x */
	if (shift > 0)
		left = left > shift + 1 ? left - shift + 1 : 2;
	sweep->fits = left <= sweep->tail.bw;
	return sweep->fits ? left : sweep->tail.bw;
}

/* Do the bounds prove what every fast kernel asks for? */
static bool fits_fast(const struct qmac_source *b, uint32_t rows, bool summed, const struct qmac_sweep *sweep,
                      int x_bits, int y_bits)
{
	return x_bits <= 64 && (sweep->op != QMAC_OP_MUL || b->bits <= (int)QMAC_MULT_BITS) &&
	       (!summed || y_bits - 1 + qmac_width_of(rows) - 1 <= 63);
}

const struct qmac_kernel *qmac_vec_prove(struct qmac_vec *v, struct qmac_source *a, struct qmac_source *b,
                                         uint32_t rows, bool summed, struct qmac_sweep *sweep, int *y_bits)
{
	enum { NARROW = 32, SUMMED = 27 };
	int x_bits = exact_bits(v, sweep->op, a, b);

	*y_bits = qmac_vec_result_bits(sweep, x_bits);
	if (!fits_fast(b, rows, summed, sweep, x_bits, *y_bits)) {
		tighten(v, a);
		tighten(v, b);
		x_bits = exact_bits(v, sweep->op, a, b);
		*y_bits = qmac_vec_result_bits(sweep, x_bits < 64 ? x_bits : 64);
	}
	sweep->short_factors = a->bits <= NARROW && b->bits <= NARROW;
	sweep->narrow = sweep->short_factors && x_bits <= NARROW && sweep->tail.shift < NARROW &&
	                (!summed || *y_bits <= SUMMED);
	return fits_fast(b, rows, summed, sweep, x_bits, *y_bits) ? v->device->kernel : &qmac_kernel_scalar;
}
