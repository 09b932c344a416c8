#include "reference/ref_num.h"

#include <math.h>
#include <string.h>

#include "qmac_isa.h"

ref_int ref_power(int n)
{
	ref_int power = 1;

	while (n-- > 0)
		power *= 2;
	return power;
}

ref_int ref_floor_div(ref_int x, ref_int d)
{
	ref_int q = x / d;

	return q * d > x ? q - 1 : q;
}

int64_t ref_round(int64_t x, int shift, unsigned mode, uint32_t r)
{
	ref_int unit = ref_power(shift);
	ref_int q = ref_floor_div(x, unit);
	ref_int rest = x - q * unit;
	bool up = false;

	if (mode == QMAC_ROUND_NEAREST)
		up = 2 * rest > unit || (2 * rest == unit && q % 2 != 0);
	else if (mode == QMAC_ROUND_STOCHASTIC)
		up = rest * ref_power(24) / unit + r >= ref_power(24);
	return (int64_t)(up ? q + 1 : q);
}

int64_t ref_clamp(ref_int x, int bits, uint64_t *count)
{
	ref_int end = ref_power(bits - 1); /* first number above the range; -end is its first */
	ref_int y = x < -end ? -end : x >= end ? end - 1 : x;

	*count += y != x;
	return (int64_t)y;
}

int64_t ref_wrap(ref_int x, int bits)
{
	ref_int turn = ref_power(bits);
	ref_int y = x - ref_floor_div(x, turn) * turn;

	return (int64_t)(2 * y >= turn ? y - turn : y);
}

int64_t ref_limb(int64_t v, int lsb, int bits, bool is_unsigned)
{
	ref_int turn = ref_power(bits);
	ref_int y = ref_floor_div(v, ref_power(lsb));

	return is_unsigned ? (int64_t)(y - ref_floor_div(y, turn) * turn) : ref_wrap(y, bits);
}

/* ---- random numbers -------------------------------------------------------- */

static const uint16_t round_constants[16] = {
	0x9E37, 0x79B9, 0x7F4A, 0x7C15, 0xF39C, 0xC060, 0x5CED, 0xC834,
	0x1082, 0x276B, 0xF3A2, 0x7251, 0xF86C, 0x6A11, 0xD0C1, 0x8E95,
};

/* Rotation of a 16-bit number to the left, by a product: what leaves at the top comes in below. */
static uint32_t rol(uint32_t a, uint32_t factor)
{
	uint32_t moved = a * factor;

	return moved % 65536 + moved / 65536;
}

static uint32_t bend(uint32_t a)
{
	return (rol(a, 2) & rol(a, 256)) ^ rol(a, 4);
}

static uint32_t one_round(uint32_t x, uint32_t k)
{
	uint32_t a = x / 65536, b = x % 65536;

	return (b ^ bend(a) ^ k % 65536) * 65536 + a;
}

uint32_t ref_mix(uint32_t x, int rounds)
{
	for (int i = 0; i < rounds; i++)
		x = one_round(x, round_constants[i]);
	return x;
}

uint32_t ref_unmix(uint32_t x, int rounds)
{
	for (int i = rounds - 1; i >= 0; i--) {
		uint32_t a = x % 65536;

		x = a * 65536 + (x / 65536 ^ bend(a) ^ round_constants[i]);
	}
	return x;
}

uint32_t ref_dither_key(uint32_t run_seed, uint32_t step, uint32_t site)
{
	uint32_t run = ref_mix(run_seed, 16);
	uint32_t run_step = ref_mix(run ^ step, 16);

	return ref_mix(run_step ^ site, 16);
}

uint32_t ref_dither_channel(uint32_t x, uint32_t channel, int rounds)
{
	for (int i = 0; i < rounds; i++)
		x = one_round(x, channel ^ round_constants[i]);
	return x / 256;
}

uint32_t ref_dither(uint32_t key, uint32_t row, uint32_t channel)
{
	return ref_dither_channel(ref_mix(key ^ row, 12), channel, 10);
}

/* ---- formats ---------------------------------------------------------------- */

/*
 * A binary number on paper: digit[i] has the weight 2^(i - POINT). Every double
 * times 2^fl fits, |fl| <= 1000; negative numbers are in two's complement.
 */
enum { POINT = 2200, DIGITS = 4400 };

struct paper {
	unsigned char digit[DIGITS];
};

/* p + addend, which starts at digit `from`. */
static void paper_add(struct paper *p, uint64_t addend, int from)
{
	unsigned carry = 0;

	for (int i = from; i < DIGITS && (carry || addend); i++, addend /= 2) {
		unsigned sum = p->digit[i] + (unsigned)(addend % 2) + carry;

		p->digit[i] = sum % 2;
		carry = sum / 2;
	}
}

static void paper_negate(struct paper *p)
{
	for (int i = 0; i < DIGITS; i++)
		p->digit[i] = !p->digit[i];
	paper_add(p, 1, 0);
}

/* p = x * 2^fl, exactly. */
static void paper_set(struct paper *p, double x, int fl)
{
	int exponent;
	double fraction = frexp(fabs(x), &exponent);

	memset(p, 0, sizeof *p);
	paper_add(p, (uint64_t)ldexp(fraction, 53), POINT + exponent - 53 + fl);
	if (x < 0)
		paper_negate(p);
}

/* The integer part, that is the floor, limited to +-2^100. */
static ref_int paper_floor(const struct paper *p)
{
	unsigned sign = p->digit[DIGITS - 1];
	ref_int value = 0;

	for (int i = POINT + 100; i < DIGITS; i++)
		if (p->digit[i] != sign)
			return sign ? -ref_power(100) : ref_power(100);
	for (int i = POINT + 99; i >= POINT; i--)
		value = 2 * value + p->digit[i];
	return sign ? value - ref_power(100) : value;
}

static bool paper_is_half(const struct paper *p)
{
	for (int i = 0; i < POINT - 1; i++)
		if (p->digit[i])
			return false;
	return p->digit[POINT - 1];
}

int32_t ref_format_code(int bw, int fl, unsigned mode, uint32_t r, double x, uint64_t *count)
{
	struct paper p;
	ref_int n;

	paper_set(&p, x, fl);
	if (mode == QMAC_ROUND_STOCHASTIC) {
		paper_add(&p, r, POINT - 24);
		n = paper_floor(&p);
	} else if (mode == QMAC_ROUND_NEAREST) {
		bool tie = paper_is_half(&p);

		paper_add(&p, 1, POINT - 1);
		n = paper_floor(&p);
		n -= tie && n % 2 != 0;
	} else {
		n = paper_floor(&p);
	}
	return (int32_t)ref_clamp(n, bw, count);
}
