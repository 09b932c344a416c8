#include "device/vec_source.h"

#include "isa/vec_rows.h"
#include "num/fixed.h"

int qmac_vec_rows_bits(const struct qmac_vec *v, uint32_t space, uint32_t row, uint32_t step, int count,
                       bool is_unsigned)
{
	int64_t limits = 0;

	if (space != QMAC_SPACE_ACC)
		return (space == QMAC_SPACE_A ? v->device->hw.a_bits : v->device->hw.w_bits) + is_unsigned;
	for (int i = 0; i < count; i++)
		limits |= v->device->acc_limit[row + (uint32_t)i * step];
	return qmac_width_of(limits);
}

static void widen(struct qmac_vec *v, uint32_t space, uint32_t row, bool is_unsigned, int64_t *to)
{
	enum { BLOCK = 8 }; /* always as many: compilers make vectors of them; there is room behind a row */
	int row_lanes, bits, mask;
	const int16_t *from = qmac_device_operands(v->device, space, row, &row_lanes, &bits);

	mask = is_unsigned ? (1 << bits) - 1 : -1;
	for (int j = 0; j < v->lanes; j += BLOCK)
		for (int k = j; k < j + BLOCK; k++)
			to[k] = from[k] & mask;
}

/* Rows row + i * step, i < count. */
static void read_source(struct qmac_vec *v, uint32_t space, uint32_t row, uint32_t step, int count,
                        bool is_unsigned, struct qmac_source *source)
{
	source->bits = qmac_vec_rows_bits(v, space, row, step, count, is_unsigned);
	source->acc_rows = 0;
	if (space == QMAC_SPACE_ACC) {
		source->acc_row = row;
		source->acc_step = step;
		source->acc_rows = step ? count : 1;
		source->rows.first = qmac_device_acc(v->device, row);
		source->rows.step = (ptrdiff_t)step * v->device->hw.cols;
		return;
	}
	for (int i = 0; i < (step ? count : 1); i++)
		widen(v, space, row + (uint32_t)i * step, is_unsigned, source->widened[i]);
	source->rows = (struct qmac_sources){source->widened[0], step ? QMAC_LANES_MAX : 0};
}

void qmac_vec_read_src0(struct qmac_vec *v, uint32_t i1, uint32_t i0, int count, struct qmac_source *source)
{
	const struct qmac_command *c = v->c;

	read_source(v, c->s0space, c->src0 + i1 * c->a1 + i0 * c->a0, c->a0, count, c->s0_unsigned, source);
}

void qmac_vec_read_src1(struct qmac_vec *v, uint32_t i1, uint32_t i0, int count, struct qmac_source *source)
{
	const struct qmac_command *c = v->c;

	source->rows = (struct qmac_sources){v->imm, 0};
	source->bits = v->imm_bits;
	source->acc_rows = 0;
	if (qmac_vec_has_src1(c))
		read_source(v, c->s1space, c->src1 + i1 * c->b1 + i0 * c->b0, c->b0, count, c->s1_unsigned, source);
}

/* A width that every exact x fits, of all operations but lookup and affine. */
static int exact_bits(const struct qmac_vec *v, const struct qmac_source *a, const struct qmac_source *b)
{
	int shifted = a->bits + (int)v->c->l0;

	switch (v->c->op) {
	case QMAC_OP_MUL:
		return a->bits + b->bits;
	case QMAC_OP_EQ:
		return 2;
	case QMAC_OP_SELECT:
		return a->bits;
	default:
		return (shifted > b->bits ? shifted : b->bits) + 1 + v->mult_bits;
	}
}

/* Does that prove the fast kernels' precondition? */
static bool fits_fast(const struct qmac_vec *v, const struct qmac_source *b)
{
	return v->x_bits <= 64 && (v->c->op != QMAC_OP_MUL || b->bits <= (int)QMAC_MULT_BITS);
}

/* Looks at the words of a source, whose bounds may be wider than they are. */
static void tighten(struct qmac_vec *v, struct qmac_source *source)
{
	int64_t limits = 0;

	for (int i = 0; i < source->acc_rows; i++) {
		uint32_t row = source->acc_row + (uint32_t)i * source->acc_step;

		qmac_device_acc_measure(v->device, row);
		limits |= v->device->acc_limit[row];
	}
	if (source->acc_rows)
		source->bits = qmac_width_of(limits);
}

const struct qmac_kernel *qmac_vec_kernel(struct qmac_vec *v, struct qmac_source *a, struct qmac_source *b)
{
	v->x_bits = exact_bits(v, a, b);
	if (fits_fast(v, b))
		return v->device->kernel;
	tighten(v, a);
	tighten(v, b);
	v->x_bits = exact_bits(v, a, b);
	return fits_fast(v, b) ? v->device->kernel : &qmac_kernel_scalar;
}

/*
 * Do the bounds prove the precondition of affine? Three terms of 62 bits do: none is beyond 2^61. A product
 * of a and b bits is not beyond 2^(a + b - 2).
 */
static bool affine_fits(const struct qmac_vec *v, const struct qmac_source *a, const struct qmac_source *b)
{
	const int *bits = v->coefficients->bits;

	return a->bits + bits[0] <= 63 && b->bits + bits[1] <= 63 && bits[2] <= 62;
}

const struct qmac_kernel *qmac_vec_affine_kernel(struct qmac_vec *v, const struct qmac_source *a,
                                                 const struct qmac_source *b)
{
	v->x_bits = 64;
	return affine_fits(v, a, b) ? v->device->kernel : &qmac_kernel_scalar;
}
