#include "num/format.h"

#include <assert.h>
#include <inttypes.h>
#include <math.h>

#include "num/dither.h"
#include "num/fixed.h"

enum { BW_MIN = 2, BW_MAX = 32, FL_LIMIT = 990, MANTISSA_BITS = 53, SHIFT_MAX = 63 };
enum { CHANNELS = 1 << 16 }; /* of one row of the random numbers */
enum { BLOCK = 32 };          /* divides CHANNELS */

enum qmac_status qmac_format_check(struct qmac_format format, struct qmac_error *err)
{
	if (format.bw < BW_MIN || format.bw > BW_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "format <%d,%d>: BW must lie in %d..%d", format.bw, format.fl,
		                 BW_MIN, BW_MAX);
	if (format.fl < -FL_LIMIT || format.fl > FL_LIMIT)
		return qmac_fail(err, QMAC_BAD_INPUT, "format <%d,%d>: FL must lie in %d..%d", format.bw, format.fl,
		                 -FL_LIMIT, FL_LIMIT);
	return QMAC_OK;
}

/*
 * floor(mantissa / 2^shift + ...) as qmac_round does it, for any shift >= 1. Beyond
 * 63 the mantissa's own low bits are dropped first. Under floor and stochastic
 * rounding this changes nothing, since nested floors are one floor; nor under
 * nearest, since |mantissa| < 2^53 is then far below one half.
 */
static int64_t round_mantissa(int64_t mantissa, int shift, unsigned mode, uint32_t r)
{
	if (shift > SHIFT_MAX) {
		int excess = shift - SHIFT_MAX;

		mantissa = qmac_shift_right(mantissa, excess < SHIFT_MAX ? excess : SHIFT_MAX);
		shift = SHIFT_MAX;
	}
	return qmac_round(mantissa, shift, mode, r);
}

int32_t qmac_format_code(struct qmac_format format, unsigned mode, uint32_t r, double x,
                         uint64_t *saturations)
{
	uint64_t unused = 0, *count = saturations ? saturations : &unused;
	int64_t huge = x < 0 ? INT64_MIN : INT64_MAX, mantissa;
	int exponent = 0;

	assert(!isnan(x));
	if (isinf(x))
		return (int32_t)qmac_clamp(huge, format.bw, count);
	mantissa = (int64_t)ldexp(frexp(x, &exponent), MANTISSA_BITS);
	exponent += format.fl - MANTISSA_BITS;
	if (mantissa == 0)
		return 0;
	/* The number is mantissa * 2^exponent with 2^52 <= |mantissa| < 2^53. */
	if (exponent >= 0)
		return (int32_t)qmac_clamp(huge, format.bw, count);
	return (int32_t)qmac_clamp(round_mantissa(mantissa, -exponent, mode, r), format.bw, count);
}

static enum qmac_status refuse_nan(struct qmac_format format, int64_t i, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "element %" PRId64 " is NaN, which has no code in <%d,%d>; "
	                 "check the data, or lower the step size if training diverged",
	                 i, format.bw, format.fl);
}

enum qmac_status qmac_format_encode(struct qmac_format format, unsigned mode, uint32_t key,
                                    const double *x, int64_t count, int32_t *codes,
                                    uint64_t *saturations, struct qmac_error *err)
{
	enum qmac_status status = qmac_format_check(format, err);
	uint32_t row_state = 0;

	assert(mode <= QMAC_ROUND_STOCHASTIC);
	for (int64_t i = 0; status == QMAC_OK && i < count; i++) {
		uint32_t channel = (uint32_t)i % CHANNELS, r = 0;

		if (isnan(x[i]))
			return refuse_nan(format, i, err);
		if (mode == QMAC_ROUND_STOCHASTIC) {
			if (channel == 0)
				row_state = qmac_dither_row(key, (uint32_t)(i / CHANNELS));
			r = qmac_dither_channel(row_state, channel);
		}
		codes[i] = qmac_format_code(format, mode, r, x[i], saturations);
	}
	return status;
}

/*
 * n codes of one row of random numbers, the first in channel `channel`. A float has 24 bits: times a power of
 * two it is exact in double, and so is its floor to 2^-24. Returns how many are not NaN.
 */
static int encode_block(struct qmac_format format, unsigned mode, double scale, uint32_t row_state,
                        uint32_t channel, const float *x, int n, int32_t *codes, uint64_t *saturations)
{
	uint32_t r[BLOCK];

	for (int i = 0; mode == QMAC_ROUND_STOCHASTIC && i < BLOCK; i++)
		r[i] = qmac_dither_channel(row_state, channel + (uint32_t)i);
	for (int i = 0; i < n; i++) {
		double t = (double)x[i] * scale;
		int64_t code;

		if (isnan(t))
			return i;
		if (mode == QMAC_ROUND_STOCHASTIC)
			code = qmac_shift_right(qmac_format_fine(t) + r[i], 24);
		else if (mode == QMAC_ROUND_NEAREST)
			code = (int64_t)rint(qmac_format_units(t));
		else
			code = (int64_t)floor(qmac_format_units(t));
		codes[i] = (int32_t)qmac_clamp(code, format.bw, saturations);
	}
	return n;
}

enum qmac_status qmac_format_encode_floats(struct qmac_format format, unsigned mode, uint32_t key,
                                           const float *x, int64_t count, int32_t *codes,
                                           uint64_t *saturations, struct qmac_error *err)
{
	enum qmac_status status = qmac_format_check(format, err);
	uint64_t unused = 0;
	uint32_t row_state = 0;
	double scale;

	assert(mode <= QMAC_ROUND_STOCHASTIC);
	if (status != QMAC_OK)
		return status;
	/* 2^-300 makes as little of every float as a smaller scale does, and leaves it its sign. */
	scale = ldexp(1, format.fl < -300 ? -300 : format.fl);
	for (int64_t i = 0; i < count; i += BLOCK) {
		int n = count - i < BLOCK ? (int)(count - i) : BLOCK, good;

		if (i % CHANNELS == 0)
			row_state = qmac_dither_row(key, (uint32_t)(i / CHANNELS));
		good = encode_block(format, mode, scale, row_state, (uint32_t)i % CHANNELS, x + i, n, codes + i,
		                    saturations ? saturations : &unused);
		if (good < n)
			return refuse_nan(format, i + good, err);
	}
	return QMAC_OK;
}

double qmac_format_value(struct qmac_format format, int32_t code)
{
	return ldexp(code, -format.fl);
}
