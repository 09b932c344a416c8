#include "step/linear_arithmetic.h"

#include <float.h>
#include <math.h>
#include <stdio.h>

#include "qmac_isa.h"

enum {
	MANTISSA_BITS = 17,  /* of c1: the unsigned part of the device's 18-bit multiplier */
	CHANNELS_MAX = 65536 /* element numbers that the device's random numbers tell apart */
};

static int log2_floor(int64_t n)
{
	return qmac_log2_ceil(n + 1) - 1;
}

int qmac_linear_m_bits(int bits, int x_bits, int64_t features)
{
	/* |X| stays below 2^(x_bits-1), so that even the most negative Z leaves a bit unused */
	return bits + x_bits - 1 + qmac_log2_ceil(features);
}

int qmac_linear_split(double factor, int *mult)
{
	int exponent;
	double mantissa = rint(ldexp(frexp(factor, &exponent), MANTISSA_BITS));

	if (mantissa == ldexp(1, MANTISSA_BITS)) {
		mantissa /= 2;
		exponent++;
	}
	*mult = (int)mantissa;
	return MANTISSA_BITS - exponent;
}

/*
 * The multiplier and the place of the point in m'. m' of one sample at full scale
 * moves an element by half the range of Z, no further, and in a batch, whose moves
 * add up like its square root, by so much less; where c1 is so large that the last
 * bits of m' would then be zeros, m' is made narrower instead.
 */
static enum qmac_status place_points(struct qmac_linear_arithmetic *step,
                                     const struct qmac_linear_shape *shape, struct qmac_error *err)
{
	int m_frac_bits = shape->mp_bits - 1 - shape->bits + shape->x_bits + log2_floor(shape->batch) / 2;
	/* to numbers of which a double has the logarithm; both ends are refused below */
	double c1 = fmin(fmax(shape->c1, DBL_MIN), DBL_MAX);

	step->mp_bits = shape->mp_bits;
	step->m_shift = qmac_linear_split(c1, &step->mult) + shape->y_frac_bits - m_frac_bits;
	if (step->m_shift < 0) {
		m_frac_bits += step->m_shift;
		step->mp_bits += step->m_shift;
		step->m_shift = 0;
	}
	if (step->mp_bits < 2)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "alpha is too large for %d-bit weights: a step moves a weight by %g quanta per unit"
		                 " of the integer residual; lower alpha", shape->bits, shape->c1);
	if (step->m_shift > 63)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "alpha is too small for the device: a step moves a weight by %g quanta per unit of"
		                 " the integer residual, which its 63-bit shift makes 0; raise alpha", shape->c1);
	step->t_shift = m_frac_bits > shape->frac_bits ? m_frac_bits - shape->frac_bits : 0;
	step->t_left = m_frac_bits < shape->frac_bits ? shape->frac_bits - m_frac_bits : 0;
	if (step->t_left > (int)QMAC_L0_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "mp_bits %d gives the step %d fraction bits, frac_bits is %d, and the device bridges"
		                 " %u: raise mp_bits or lower frac_bits", shape->mp_bits, m_frac_bits,
		                 shape->frac_bits, QMAC_L0_MAX);
	return QMAC_OK;
}

enum qmac_status qmac_linear_arithmetic_make(struct qmac_linear_arithmetic *step,
                                             const struct qmac_linear_shape *shape, struct qmac_error *err)
{
	int log2_batch = qmac_log2_ceil(shape->batch);
	enum qmac_status status;

	/* feature j is channel j; of a step with classes it is row j, and rows there are enough */
	if (shape->features > CHANNELS_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "features %lld: the device's random numbers tell %d elements of a vector apart;"
		                 " lower features", (long long)shape->features, CHANNELS_MAX);
	status = place_points(step, shape, err);
	step->m_bits = qmac_linear_m_bits(shape->bits, shape->x_bits, shape->features);
	step->sum_bits = step->mp_bits + shape->x_bits - 1 + log2_batch;
	step->t_bits = shape->bits + shape->frac_bits - step->t_left + 1 + log2_batch;
	/* wide enough that a clamped U, or H, still drives Z to the end of its range */
	step->u_bits = shape->bits + shape->frac_bits + 2 + log2_batch;
	step->target_bits = shape->has_targets ? shape->target_bits : 0;
	if (shape->has_targets && !shape->target_bits)
		step->target_bits = step->m_bits;
	return status;
}

int qmac_step_widest_sum(int acc_bits)
{
	return acc_bits < QMAC_STEP_SUM_BITS_MAX ? acc_bits : QMAC_STEP_SUM_BITS_MAX;
}

/* Why there are no so many bits: "acc_bits of the hardware is 40". */
static const char *limit_text(int bits, int acc_bits, char text[64])
{
	if (bits > QMAC_STEP_SUM_BITS_MAX)
		snprintf(text, 64, "the most that a run can use is %d", QMAC_STEP_SUM_BITS_MAX);
	else
		snprintf(text, 64, "acc_bits of the hardware is %d", acc_bits);
	return text;
}

/* Accumulators for m and for the sum before it is rounded. */
enum qmac_status qmac_step_check_widths(const struct qmac_linear_arithmetic *step,
                                        const struct qmac_linear_shape *shape, int acc_bits,
                                        struct qmac_error *err)
{
	int widest = qmac_step_widest_sum(acc_bits);
	char limit[64];

	if (step->m_bits > widest)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "x.w with bits %d, x_bits %d and features %lld needs accumulators of %d bits; %s:"
		                 " lower bits, x_bits or features", shape->bits, shape->x_bits,
		                 (long long)shape->features, step->m_bits, limit_text(step->m_bits, acc_bits, limit));
	if (step->u_bits > widest)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "frac_bits %d with bits %d needs accumulators of %d bits; %s: lower frac_bits",
		                 shape->frac_bits, shape->bits, step->u_bits,
		                 limit_text(step->u_bits, acc_bits, limit));
	return QMAC_OK;
}

enum qmac_status qmac_linear_arithmetic_check(const struct qmac_linear_arithmetic *step,
                                              const struct qmac_linear_shape *shape, int acc_bits,
                                              bool target_in_acc, struct qmac_error *err)
{
	int e = shape->y_frac_bits, m_bits = step->m_bits, target_bits = step->target_bits;
	int residual_bits = (m_bits + e > target_bits ? m_bits + e : target_bits) + 1;
	enum qmac_status status = qmac_step_check_widths(step, shape, acc_bits, err);

	if (status)
		return status;
	/* The step's own width may be below the key's, but then it is that of every key from there on. */
	if (step->mp_bits > qmac_step_widest_sum(acc_bits))
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "mp_bits %d is wider than acc_bits of the hardware, %d: lower mp_bits to at most %d",
		                 shape->mp_bits, acc_bits, qmac_step_widest_sum(acc_bits));
	if (target_in_acc && target_bits > acc_bits)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "a target with y_frac_bits %d takes %d bits; acc_bits of the hardware is %d: lower"
		                 " y_frac_bits or raise delta", e, target_bits, acc_bits);
	if (residual_bits + MANTISSA_BITS > 64)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "the residual x.w - y with y_frac_bits %d takes %d bits, and the device can scale"
		                 " %d: lower y_frac_bits, bits or x_bits", e, residual_bits, 64 - MANTISSA_BITS);
	return QMAC_OK;
}
