/*
 * Real numbers to and from the fixed-point format <BW,FL> (docs/numerics.md):
 * the code n of bw bits stands for n * 2^-fl.
 *
 * The law is that of QPyTorch's fixed_point_quantize, in exact arithmetic:
 * QPyTorch adds the random number in float32, which is off by up to half a
 * float32 ulp of the code (tests compare the two and bound the difference).
 */
#ifndef QMAC_NUM_FORMAT_H
#define QMAC_NUM_FORMAT_H

#include <math.h>
#include <stdint.h>

#include "base/error.h"

struct qmac_format {
	int bw; /* 2..32 */
	int fl; /* -990..990: every value is then a finite double */
};

QMAC_MUST_CHECK enum qmac_status qmac_format_check(struct qmac_format format, struct qmac_error *err);

/*
 * Codes of x[0..count). mode is QMAC_ROUND_*; under stochastic rounding
 * element i takes the random number of (key, row, channel) = (key, i >> 16, i & 0xFFFF).
 * Infinities and large values clamp; *saturations (may be NULL) grows by one for
 * each. A NaN is refused with its index, codes is then unspecified.
 */
QMAC_MUST_CHECK enum qmac_status qmac_format_encode(struct qmac_format format, unsigned mode, uint32_t key,
                                                    const double *x, int64_t count, int32_t *codes,
                                                    uint64_t *saturations, struct qmac_error *err);

/* The same of floats, and faster: codes of float32 masters, as networks keep them. */
QMAC_MUST_CHECK enum qmac_status qmac_format_encode_floats(struct qmac_format format, unsigned mode,
                                                           uint32_t key, const float *x, int64_t count,
                                                           int32_t *codes, uint64_t *saturations,
                                                           struct qmac_error *err);

/* One value; x must not be NaN. r is the 24-bit random number of stochastic rounding. */
int32_t qmac_format_code(struct qmac_format format, unsigned mode, uint32_t r, double x,
                         uint64_t *saturations);

/* A number of units as it may be for a code of any format: what is beyond 2^38 saturates anyway. Not NaN. */
static inline double qmac_format_units(double units)
{
	return units > 0x1p38 ? 0x1p38 : units < -0x1p38 ? -0x1p38 : units;
}

/*
 * The same in units of 2^-24, rounded down: with the 24-bit random number r of stochastic rounding added,
 * (fine + r) >> 24 is the code before it is limited to its width. Exact where units * 2^24 is, as of a float
 * times a power of two.
 */
static inline int64_t qmac_format_fine(double units)
{
	return (int64_t)floor(qmac_format_units(units) * 0x1p24);
}

/* The real value of a code, exact. */
double qmac_format_value(struct qmac_format format, int32_t code);

#endif
