/*
 * The arithmetic leaves of the RTL against the slow reference: rounding and magnitudes, random numbers,
 * limbs and one VEC lane. Every unit is fed in every cycle; results are compared a fixed number of cycles
 * later, so that the pipeline depths of docs/rtl.md are tested too.
 */
#include <stdbool.h>
#include <stdio.h>

#include "../../rtl/sim/unit.h"
#include "reference/ref_num.h"
#include "qmac_isa.h"
#include "test.h"

/* Words of unit_leaves.v. */
enum { IN_X = 0, IN_TAIL = 2, IN_R, IN_SEED, IN_ROW, IN_CHANNEL, IN_LIMB, IN_A, IN_B = 10, IN_OP = 12,
       IN_LOOKUP, IN_TABLE_DATA, IN_TABLE_ROW };
enum { OUT_Y = 0, OUT_SATURATED = 2, OUT_R, OUT_LIMB, OUT_X, OUT_EVENTS = 7,
       OUT_MAGNITUDE = 9 };

enum { ROUND_STAGES = 3, DITHER_ROW_STAGES = 3, DITHER_STAGES = 5, LANE_STAGES = 6, WRONG_SHOWN = 5 };

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef ACC_BITS
enum { ACC_BITS = 32, OUT_BITS = 8, LUT_BITS = 6 };
#endif
enum { SOURCE_BITS = ACC_BITS > 32 ? ACC_BITS : 32 };

static struct unit *unit;
static uint64_t state;
static int wrong;

static uint64_t below(uint64_t count)
{
	return test_random(&state) % count;
}

/* A number of `bits` bits signed: of random length, or at the ends or near a power of two. */
static int64_t any_number(int bits)
{
	int length = (int)below((uint64_t)bits) + 1;
	int64_t near;

	switch (below(8)) {
	case 0:
		return ref_wrap((below(2) ? ref_power(bits - 1) : -ref_power(bits - 1)) - (int64_t)below(2), bits);
	case 1:
		near = (int64_t)below(3) - 1;
		return ref_wrap((below(2) ? ref_power(length - 1) : -ref_power(length - 1)) + near, bits);
	default:
		return ref_wrap((ref_int)test_random(&state), length);
	}
}

static void set64(int word, int64_t value)
{
	unit_set(unit, word, (uint32_t)(uint64_t)value);
	unit_set(unit, word + 1, (uint32_t)((uint64_t)value >> 32));
}

static int64_t get64(int word)
{
	return (int64_t)((uint64_t)unit_get(unit, word) | (uint64_t)unit_get(unit, word + 1) << 32);
}

static void expect(const char *what, int64_t input, int64_t got, int64_t expected)
{
	if (got != expected && wrong++ < WRONG_SHOWN)
		printf("%s of %lld (0x%llx): got %lld, expected %lld\n", what, (long long)input,
		       (unsigned long long)input, (long long)got, (long long)expected);
}

/* ---- rounding ------------------------------------------------------------------- */

struct tail {
	int shift, bw;
	unsigned rnd;
	bool relu;
};

struct rounded {
	int64_t x, y;
	uint32_t r, magnitude;
	uint64_t saturated;
};

/* |y| in 32 bits, of which the top one is set for all magnitudes from 2^31 on. */
static uint32_t magnitude_of(int64_t y)
{
	ref_int size = y < 0 ? -(ref_int)y : y;

	return (uint32_t)(size % ref_power(31)) | (size >= ref_power(31) ? 1U << 31 : 0);
}

static struct rounded round_expected(const struct tail *tail, int64_t x, uint32_t r)
{
	struct rounded e = {.x = x, .r = r};
	int64_t y = ref_round(x, tail->shift, tail->rnd, r);

	y = tail->relu && y < 0 ? 0 : y;
	e.magnitude = magnitude_of(y);
	e.y = ref_clamp(y, tail->bw, &e.saturated);
	return e;
}

/* Sends x[0..count) through the unit with one tail. */
static void round_batch(const struct tail *tail, const struct rounded *e, int count)
{
	unit_set(unit, IN_TAIL, (uint32_t)(tail->shift | (int)tail->rnd << 6 | tail->relu << 8 | tail->bw << 9 |
	                                  1 << 15));
	for (int i = 0; i < count + ROUND_STAGES; i++) {
		set64(IN_X, i < count ? e[i].x : 0);
		unit_set(unit, IN_R, i > 0 && i <= count ? e[i - 1].r : 0);
		unit_clock(unit);
		if (i < ROUND_STAGES - 1 || i - ROUND_STAGES + 1 >= count)
			continue;
		expect("round", e[i - ROUND_STAGES + 1].x, get64(OUT_Y), e[i - ROUND_STAGES + 1].y);
		expect("round: flag", e[i - ROUND_STAGES + 1].x, unit_get(unit, OUT_SATURATED),
		       (int64_t)e[i - ROUND_STAGES + 1].saturated);
		expect("round: magnitude", e[i - ROUND_STAGES + 1].x, unit_get(unit, OUT_MAGNITUDE),
		       e[i - ROUND_STAGES + 1].magnitude);
	}
}

/* All x of 11 bits around each tie of shifts 0..6, every mode, with and without relu. */
static void rounds_every_small_number(void)
{
	enum { COUNT = 2048, MODES = 3, SHIFTS = 7 };
	static struct rounded e[COUNT];

	wrong = 0;
	for (int shift = 0; shift < SHIFTS; shift++)
		for (unsigned rnd = 0; rnd < MODES; rnd++)
			for (int bw = 1; bw <= 12; bw++) {
				struct tail tail = {shift, bw, rnd, bw % 2 == 0};

				for (int i = 0; i < COUNT; i++)
					e[i] = round_expected(&tail, i - COUNT / 2, (uint32_t)below(1U << 24));
				round_batch(&tail, e, COUNT);
			}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* x near a tie: an odd or even multiple of one half, and one beside it; r at the ends now and then. */
static struct rounded any_rounded(const struct tail *tail)
{
	int64_t x = any_number(64);
	uint32_t r = below(4) ? (uint32_t)below(1U << 24) : below(2) ? 0xFFFFFF : 0;

	if (tail->shift > 0 && below(2)) {
		ref_int half = ref_power(tail->shift - 1);

		x = ref_wrap(ref_floor_div(x, half) * half + (int64_t)below(3) - 1, 64);
	}
	return round_expected(tail, x, r);
}

static void rounds_any_number(void)
{
	enum { BATCH = 16, BATCHES = 20000 };
	struct rounded e[BATCH];

	wrong = 0;
	for (int b = 0; b < BATCHES; b++) {
		struct tail tail = {(int)below(64), (int)below(63) + 1, (unsigned)below(3), below(4) == 0};

		for (int i = 0; i < BATCH; i++)
			e[i] = any_rounded(&tail);
		round_batch(&tail, e, BATCH);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- random numbers -------------------------------------------------------------- */

static void draws_the_same_numbers(void)
{
	enum { COUNT = 100000, DELAY = DITHER_STAGES - 1 };
	uint32_t expected[DITHER_STAGES] = {0}, channel[DITHER_ROW_STAGES + 1] = {0};

	wrong = 0;
	for (int i = 0; i < COUNT; i++) {
		uint32_t seed = (uint32_t)test_random(&state), row = (uint32_t)test_random(&state) >> below(32);

		/* The channel is asked for when the row's state is there. */
		channel[i % (DITHER_ROW_STAGES + 1)] = (uint32_t)below(65536) >> below(16);
		expected[i % DITHER_STAGES] = ref_dither(seed, row, channel[i % (DITHER_ROW_STAGES + 1)]);
		unit_set(unit, IN_SEED, seed);
		unit_set(unit, IN_ROW, row);
		unit_set(unit, IN_CHANNEL, channel[(i + 1) % (DITHER_ROW_STAGES + 1)]);
		unit_clock(unit);
		if (i >= DELAY)
			expect("dither", i, unit_get(unit, OUT_R), expected[(i - DELAY) % DITHER_STAGES]);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- limbs ----------------------------------------------------------------------- */

static void cuts_limbs(void)
{
	enum { COUNT = 200 };

	wrong = 0;
	for (int lsb = 0; lsb < 64; lsb++)
		for (int nbits = 1; nbits <= OUT_BITS; nbits++)
			for (int i = 0; i < COUNT; i++) {
				int64_t value = any_number(64);
				int is_unsigned = i % 2;
				int64_t limb = ref_limb(value, lsb, nbits, is_unsigned);

				set64(IN_X, value);
				unit_set(unit, IN_LIMB, (uint32_t)(lsb | nbits << 6 | is_unsigned << 11));
				unit_settle(unit);
				expect("limb", value, unit_get(unit, OUT_LIMB), limb & ((1 << OUT_BITS) - 1));
			}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* ---- a VEC lane ------------------------------------------------------------------ */

struct lane_command {
	unsigned op;
	int l0, in_bits, lut_n;
	int64_t mult;
};

/* What enters a lane in one cycle. */
struct element {
	bool valid;
	int coef;                    /* 1 to 3: it is c0, c1, c2, in b; 0: an element */
	int64_t a, b, x;
	uint64_t clamped, saturated; /* flags: of what enters, of x */
};

static uint32_t table[1 << LUT_BITS];

static ref_int look_up(const struct lane_command *c, int64_t a, uint64_t *events)
{
	ref_int unit_size = ref_power(c->in_bits - c->lut_n);
	ref_int moved = ref_clamp(a, c->in_bits, events) + ref_power(c->in_bits - 1);
	ref_int index = ref_floor_div(moved, unit_size);
	int64_t value = ref_wrap(table[index], 16), slope = ref_wrap(table[index] >> 16, 16);

	return value * unit_size + slope * (moved - index * unit_size);
}

/* c: the coefficients of an element, or those so far, which it changes where it is one. */
static void affine_expected(ref_int c[3], struct element *e)
{
	e->clamped = e->saturated = 0;
	if (e->coef)
		c[e->coef - 1] = e->coef < 3 ? ref_clamp(e->b, QMAC_MULT_BITS, &e->clamped) : e->b;
	else
		e->x = ref_clamp(e->a * c[0] + e->b * c[1] + c[2], 64, &e->saturated);
}

static void lane_expected(const struct lane_command *c, struct element *e)
{
	ref_int left = e->a * ref_power(c->l0), x;

	e->clamped = e->saturated = 0;
	switch (c->op) {
	case QMAC_OP_ADD:
		x = (left + e->b) * c->mult;
		break;
	case QMAC_OP_SUB:
		x = (left - e->b) * c->mult;
		break;
	case QMAC_OP_MIN:
		x = (left < e->b ? left : e->b) * c->mult;
		break;
	case QMAC_OP_MAX:
		x = (left > e->b ? left : e->b) * c->mult;
		break;
	case QMAC_OP_MUL:
		x = (ref_int)e->a * ref_clamp(e->b, QMAC_MULT_BITS, &e->clamped);
		break;
	case QMAC_OP_EQ:
		x = e->a == e->b;
		break;
	case QMAC_OP_SELECT:
		x = e->b > 0 ? e->a : 0;
		break;
	default:
		x = look_up(c, e->a, &e->clamped);
	}
	e->x = ref_clamp(x, 64, &e->saturated);
}

/* Feeds the lane, now and then nothing: x_o must then keep its value. */
static void lane_batch(const struct lane_command *c, struct element *e, int count)
{
	const struct element *last = NULL;

	unit_set(unit, IN_LOOKUP, (uint32_t)(c->in_bits | c->lut_n << 6));
	for (int i = 0; i < count + LANE_STAGES; i++) {
		bool valid = i < count && e[i].valid;
		int64_t a = i < count ? e[i].a : -1, b = i < count ? e[i].b : -1;
		int done = i - LANE_STAGES + 1;

		set64(IN_A, a);
		set64(IN_B, b);
		unit_set(unit, IN_OP, c->op | (uint32_t)c->l0 << 4 | ((uint32_t)c->mult & 0x3FFFF) << 9 |
		         (uint32_t)valid << 27 | (valid && e[i].coef ? 1U << (27 + e[i].coef) : 0));
		unit_clock(unit);
		if (done >= 0 && done < count && e[done].valid)
			last = &e[done];
		if (!last)
			continue;
		expect("lane: clamped", last->a, unit_get(unit, OUT_EVENTS) & 1, (int64_t)last->clamped);
		if (last->coef)
			continue;
		expect("lane x", last->a, get64(OUT_X), last->x);
		expect("lane: saturated", last->a, unit_get(unit, OUT_EVENTS) >> 1, (int64_t)last->saturated);
	}
}

static struct lane_command any_lane_command(void)
{
	struct lane_command c = {.op = (unsigned)below(8), .mult = below(3) ? any_number(18) : 1, .in_bits = 1};

	if (c.op == QMAC_OP_ADD || c.op == QMAC_OP_SUB || c.op == QMAC_OP_MIN || c.op == QMAC_OP_MAX)
		c.l0 = (int)below(32);
	if (c.op == QMAC_OP_LOOKUP) {
		c.lut_n = (int)below(LUT_BITS + 1);
		c.in_bits = c.lut_n > 1 ? c.lut_n : 1;
		c.in_bits += (int)below((uint64_t)(33 - c.in_bits));
	}
	return c;
}

static void computes_lanes(void)
{
	enum { BATCH = 32, BATCHES = 20000 };
	struct element e[BATCH] = {{0}};

	for (uint32_t i = 0; i < 1 << LUT_BITS; i++) {
		table[i] = i < 4 ? 0x7FFF8000U + (i & 1) * 0x80007FFFU : (uint32_t)test_random(&state);
		unit_set(unit, IN_TABLE_DATA, table[i]);
		unit_set(unit, IN_TABLE_ROW, i | 1U << 31);
		unit_clock(unit);
	}
	unit_set(unit, IN_TABLE_ROW, 0);
	wrong = 0;
	for (int b = 0; b < BATCHES; b++) {
		struct lane_command c = any_lane_command();

		for (int i = 0; i < BATCH; i++) {
			e[i].valid = below(4) != 0;
			e[i].a = any_number(SOURCE_BITS);
			e[i].b = below(8) ? any_number(below(2) ? SOURCE_BITS : 19) : e[i].a;
			lane_expected(&c, &e[i]);
		}
		lane_batch(&c, e, BATCH);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Rows of coefficients without a gap between elements before and behind them, or with gaps. */
static void computes_affine_lanes(void)
{
	enum { BATCH = 40, BATCHES = 10000 };
	struct lane_command c = {.op = QMAC_OP_AFFINE, .in_bits = 1, .mult = 5};
	struct element e[BATCH];
	ref_int coef[3] = {0};

	wrong = 0;
	for (int b = 0; b < BATCHES; b++) {
		int next = 1;

		for (int i = 0; i < BATCH; i++) {
			e[i] = (struct element){.valid = next > 0 || below(4) != 0, .coef = next};
			e[i].a = any_number(SOURCE_BITS);
			e[i].b = any_number(below(2) ? SOURCE_BITS : next ? 19 : 18);
			next = next ? (next + 1) % 4 : below(4) == 0;
			if (e[i].valid)
				affine_expected(coef, &e[i]);
		}
		lane_batch(&c, e, BATCH);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Every corner of the three coefficients with every corner of the two sources. */
static void computes_affine_at_the_ends(void)
{
	const int64_t low = -(int64_t)ref_power(SOURCE_BITS - 2) * 2;
	const int64_t ends[] = {low, -1, 0, -(low + 1)};
	const int64_t factors[] = {-131072, -1, 0, 131071};
	const int64_t low2 = -(int64_t)ref_power(ACC_BITS - 2) * 2;
	const int64_t addends[] = {low2, -1, 0, -(low2 + 1)};
	enum { ENDS = 4, COUNT = 3 + ENDS * ENDS };
	struct lane_command c = {.op = QMAC_OP_AFFINE, .in_bits = 1};

	wrong = 0;
	for (int k = 0; k < ENDS * ENDS * ENDS; k++) {
		struct element e[COUNT] = {
			{.valid = true, .coef = 1, .b = factors[k % ENDS]},
			{.valid = true, .coef = 2, .b = factors[k / ENDS % ENDS]},
			{.valid = true, .coef = 3, .b = addends[k / ENDS / ENDS]},
		};
		ref_int coef[3];

		for (int i = 3; i < COUNT; i++)
			e[i] = (struct element){.valid = true, .a = ends[(i - 3) / ENDS], .b = ends[(i - 3) % ENDS]};
		for (int i = 0; i < COUNT; i++)
			affine_expected(coef, &e[i]);
		lane_batch(&c, e, COUNT);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

/* Lowest times lowest, and every pair of signs at the ends of every operation. */
static void computes_at_the_ends(void)
{
	const int64_t low = -(int64_t)ref_power(SOURCE_BITS - 2) * 2;
	const int64_t ends[] = {low, low + 1, -1, 0, 1, -(low + 1)};
	const int64_t mults[] = {-131072, -131071, -1, 0, 1, 131071};
	enum { ENDS = 6 };
	struct element e[ENDS * ENDS];

	wrong = 0;
	for (unsigned op = 0; op <= QMAC_OP_SELECT; op++)
		for (int m = 0; m < ENDS; m++)
			for (int l0 = 0; l0 < (op <= QMAC_OP_MAX && op != QMAC_OP_MUL ? 32 : 1); l0++) {
				struct lane_command c = {.op = op, .l0 = l0, .in_bits = 1, .mult = mults[m]};

				for (int i = 0; i < ENDS * ENDS; i++) {
					e[i] = (struct element){.valid = true, .a = ends[i / ENDS], .b = ends[i % ENDS]};
					lane_expected(&c, &e[i]);
				}
				lane_batch(&c, e, ENDS * ENDS);
			}
	CU_ASSERT_EQUAL(wrong, 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"rounds every small number", rounds_every_small_number},
		{"rounds any number", rounds_any_number},
		{"draws the same random numbers", draws_the_same_numbers},
		{"cuts limbs", cuts_limbs},
		{"computes lanes", computes_lanes},
		{"computes at the ends of the ranges", computes_at_the_ends},
		{"computes affine lanes", computes_affine_lanes},
		{"computes affine at the ends of the ranges", computes_affine_at_the_ends},
	};
	int status;

	state = test_seed();
	unit = unit_create();
	status = test_main("test_rtl_leaves", cases, TEST_COUNT(cases));
	unit_destroy(unit);
	return status;
}
