/*
 * Sweeps of VEC: the scalar oracle against the reference arithmetic, with its
 * saturation counts, and every kernel of this CPU against the oracle wherever the
 * preconditions of kernel.h hold, in lanes of 64 bits and of 32.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "num/dither.h"
#include "reference/ref_num.h"
#include "test.h"

enum {
	LANES = QMAC_LANES_MAX, MODES = 3, GUARD = 8, PITCH = LANES + GUARD,
	TABLE = 1024,
	ELEMENTS = 2200, /* of rows: more than two blocks of the kernels */
	SPACE = ELEMENTS / 8 + GUARD
};

static const int64_t corners[] = {
	0, 1, -1, 2, -2, 3, 127, -128, 32767, -32768, 65535, 131071, -131072, 131072, -131073,
	INT32_MAX, INT32_MIN, (int64_t)INT32_MAX + 1, 1LL << 62, -(1LL << 62), INT64_MAX, INT64_MIN,
	INT64_MAX - 1, INT64_MIN + 1,
};

static uint64_t state;

/* A number of at most `bits` bits, of random length so that small and large ones are common. */
static int64_t any_number(int bits)
{
	int length = (int)(test_random(&state) % (uint64_t)bits) + 1;
	int64_t corner = corners[test_random(&state) % (sizeof corners / sizeof corners[0])];

	if (test_random(&state) % 8 == 0 && ref_wrap(corner, bits) == corner)
		return corner;
	return ref_wrap((ref_int)test_random(&state), length);
}

static int below(int count)
{
	return (int)(test_random(&state) % (uint64_t)count);
}

/* Reference of one lane of affine. */
static int64_t expected_affine(int64_t a, int64_t b, const int64_t c[3], uint64_t *count)
{
	return ref_clamp((ref_int)a * c[0] + (ref_int)b * c[1] + c[2], 64, count);
}

static int64_t expected_lookup(const struct qmac_lookup *t, int64_t a, uint64_t *count)
{
	int64_t i = ref_clamp(a, t->in_bits, count) + (int64_t)ref_power(t->in_bits - 1);
	int64_t unit = (int64_t)ref_power(t->fraction_bits);
	uint32_t entry = t->table[i / unit];

	return (int64_t)(ref_wrap(entry % 65536, 16) * unit + ref_wrap(entry / 65536, 16) * (i % unit));
}

/* Reference of one lane, written from docs/command-set.md. */
static int64_t expected_lane(unsigned op, int l0, int64_t mult, int64_t a, int64_t b, uint64_t *count)
{
	ref_int left = a * ref_power(l0), x = 0;

	if (op == QMAC_OP_ADD)
		x = mult * (left + b);
	else if (op == QMAC_OP_SUB)
		x = mult * (left - b);
	else if (op == QMAC_OP_MIN)
		x = mult * (left < b ? left : (ref_int)b);
	else if (op == QMAC_OP_MAX)
		x = mult * (left > b ? left : (ref_int)b);
	else if (op == QMAC_OP_MUL)
		x = (ref_int)ref_clamp(b, 18, count) * a;
	else if (op == QMAC_OP_EQ)
		x = a == b;
	else if (b > 0)
		x = a;
	return ref_clamp(x, 64, count);
}

/* Where a sweep reads, and where it writes: results start as sources, for those that are made in place. */
struct memory {
	int64_t words[2][SPACE][PITCH];
	int16_t operands[2][SPACE][PITCH];
	int64_t c[QMAC_COEFFICIENTS][LANES];
	uint32_t table[TABLE];
};

struct results {
	int64_t words[SPACE][PITCH];
	int16_t operands[SPACE][PITCH];
	qmac_int128 sum[LANES];
	uint64_t count, magnitudes;
};

/* A number of `bits` bits: often at an end of what they hold. */
static int64_t bounded(int bits)
{
	int64_t most = (int64_t)((1ULL << (bits - 1)) - 1);

	switch (below(8)) {
	case 0:
		return most;
	case 1:
		return -1 - most;
	default:
		return any_number(bits);
	}
}

/* `rows` iterations, which may end within a turn of the outer loop; turns lie `apart` rows apart. */
struct loops {
	int rows, inner, apart, used; /* used: rows of memory that are in reach, and one more */
};

static struct loops any_loops(int lanes)
{
	int pitch = lanes <= 8 ? 8 : lanes <= 16 ? 16 : lanes <= 32 ? 32 : 64;
	int rows = below(3) ? 1 + below(3) : 1 + below(below(3) ? 40 : ELEMENTS / pitch), turns;
	struct loops loops = {.rows = rows, .inner = below(3) ? 1 + below(rows) : rows + below(2)};

	turns = (rows - 1) / loops.inner + 1;
	loops.apart = turns * (loops.inner + 3) < SPACE ? loops.inner + below(4) : loops.inner;
	loops.used = (turns - 1) * (loops.apart - loops.inner) + rows + 1;
	return loops;
}

/* `rows` iterations, which may end within a turn of the outer loop; turns are `apart` rows apart. */
static void walk(const struct loops *loops, struct qmac_sweep *s)
{
	struct qmac_sources *source[] = {&s->a, &s->b};

	s->inner = loops->inner;
	s->to.step = PITCH;
	s->to.outer = loops->apart * PITCH;
	for (int k = 0; k < 2; k++) {
		source[k]->step = below(4) ? PITCH : 0;
		source[k]->outer = below(4) ? s->to.outer : source[k]->step ? below(loops->apart + 1) * PITCH : PITCH;
	}
}

/* `count` rows of words of `bits` bits, which = 0: a, 1: b. */
static struct qmac_sources any_words(struct memory *m, int which, int bits, int count)
{
	for (int i = 0; i < count; i++)
		for (int j = 0; j < PITCH; j++)
			m->words[which][i][j] = bounded(bits);
	return (struct qmac_sources){.words = m->words[which][0]};
}

/* The same, or where these hold them sometimes operands. */
static struct qmac_sources any_source(struct memory *m, int which, int bits, int count)
{
	if (bits >= 17 && below(2))
		return (struct qmac_sources){.operands = m->operands[which][0], .mask = below(2) ? -1 : 0xFFFF};
	return any_words(m, which, bits, count);
}

/* The narrower one of a random width and `most`, at least 1. */
static int some_bits(int most)
{
	int bits = 1 + below(64);

	return most < 1 ? 1 : bits < most ? bits : most;
}

/*
 * Sources of an operation whose exact results fit `width` bits. A product of a and b bits is not beyond
 * 2^(a + b - 2); three terms not beyond 2^(width - 3) fit.
 */
static void any_operation(struct memory *m, unsigned op, int width, int count, struct qmac_sweep *s)
{
	int a = some_bits(width), b = some_bits(width), factor = some_bits(18);

	s->op = op;
	s->mult = 1;
	if (op == QMAC_OP_MUL) {
		b = some_bits(18);
		a = some_bits(width - b);
	} else if (op == QMAC_OP_AFFINE) {
		a = b = some_bits(width - 1 - factor);
		for (int j = 0; j < LANES; j++) {
			m->c[0][j] = bounded(factor);
			m->c[1][j] = bounded(factor);
			m->c[2][j] = bounded(width - 2);
		}
	} else if (op <= QMAC_OP_MAX) {
		s->mult = below(2) ? 1 : (int32_t)any_number(factor);
		b = some_bits(width - 1 - factor);
		a = some_bits(width - 1 - factor);
		s->l0 = below(width - factor - a < 32 ? width - factor - a : 32);
	}
	s->short_factors = a <= 32 && b <= 32;
	s->c = (const int64_t (*)[LANES])m->c;
	s->a = any_source(m, 0, a, count);
	s->b = any_source(m, 1, b, count);
}

/* A lookup whose results fit `width` bits, a value and a slope of 16 each. */
static void any_lookup(struct memory *m, int width, int count, bool clamps_operands, struct qmac_sweep *s)
{
	int fraction = below(width - 17 < 22 ? width - 16 : 23), in_bits = fraction + 1 + below(10);

	for (int i = 0; i < TABLE; i++)
		m->table[i] = (uint32_t)test_random(&state);
	s->op = QMAC_OP_LOOKUP;
	s->lookup = (struct qmac_lookup){m->table, in_bits, fraction};
	s->b = any_words(m, 1, 16, count);
	if (in_bits >= 17 || clamps_operands)
		s->a = any_source(m, 0, width < 32 ? 32 : width, count);
	else
		s->a = any_words(m, 0, some_bits(width < 32 ? 32 : width), count);
}

static void any_finish(struct qmac_sweep *s, int shifts, int widths)
{
	s->tail = (struct qmac_tail){below(shifts), (unsigned)below(MODES), below(2), below(widths) + 1};
	s->draws = (struct qmac_draws){
		.key = (uint32_t)test_random(&state), .row0 = (uint32_t)test_random(&state),
		.row_step = (uint32_t)below(2), .row_outer = (uint32_t)test_random(&state) >> below(32),
		.channel0 = (uint32_t)test_random(&state) & 0xFFFF,
	};
	if (below(2))
		s->draws.channel_step = (uint32_t)below(128);
	if (below(2))
		s->draws.channel_outer = (uint32_t)below(128);
}

/* Nowhere, words or operands, in place or not. */
static void any_results(struct qmac_sweep *s, struct results *r)
{
	uint32_t nbits = (uint32_t)below(16) + 1;
	bool extends = nbits == 16 || below(2);

	s->to = (struct qmac_results){.lsb = below(64), .mask = (uint16_t)((1U << nbits) - 1),
	                              .sign = (uint16_t)(extends ? 1U << (nbits - 1) : 0)};
	if (below(8) == 0)
		return;
	if (below(2))
		s->to.words = r->words[0];
	else
		s->to.operands = r->operands[0];
}

/* Sometimes in place. */
static void any_place(struct qmac_sweep *s, struct results *r)
{
	if (below(4) == 0 && s->a.words && s->to.words && s->a.step == s->to.step && s->a.outer == s->to.outer)
		s->a.words = r->words[0];
	if (below(4) == 0 && s->b.operands && s->to.operands && s->b.step == s->to.step &&
	    s->b.outer == s->to.outer)
		s->b.operands = r->operands[0];
}

static int any_lanes(void)
{
	return below(3) == 0 ? 16 : 1 + below(below(3) ? LANES : 8);
}

/* From the same start each time; `summed` and `measured` ask for sums and magnitudes. */
static void sweep(const struct qmac_kernel *kernel, const struct qmac_sweep *s, const struct memory *m,
                  const struct loops *loops, bool summed, bool measured, struct results *r)
{
	size_t count = (size_t)loops->used;

	memcpy(r->words, m->words[0], count * sizeof r->words[0]);
	memcpy(r->operands, m->operands[1], count * sizeof r->operands[0]);
	memset(r->sum, 0x3C, sizeof r->sum);
	r->magnitudes = 1ULL << 40;
	r->count = kernel->sweep(s, loops->rows, summed ? r->sum : NULL, measured ? &r->magnitudes : NULL);
}

static bool results_equal(const struct results *a, const struct results *b, const struct loops *loops)
{
	size_t count = (size_t)loops->used;

	return a->count == b->count && a->magnitudes == b->magnitudes &&
	       memcmp(a->words, b->words, count * sizeof a->words[0]) == 0 &&
	       memcmp(a->operands, b->operands, count * sizeof a->operands[0]) == 0 &&
	       memcmp(a->sum, b->sum, sizeof a->sum) == 0;
}

static void fill_operands(struct memory *m)
{
	for (int which = 0; which < 2; which++)
		for (int i = 0; i < SPACE; i++)
			for (int j = 0; j < PITCH; j++)
				m->operands[which][i][j] = (int16_t)bounded(16);
}

static int64_t lane_of(const struct qmac_sources *rows, int i1, int i0, int j)
{
	ptrdiff_t at = i1 * rows->outer + i0 * rows->step + j;

	return rows->words ? rows->words[at] : rows->operands[at] & rows->mask;
}

static uint32_t expected_random(const struct qmac_draws *draws, int i1, int i0, int j)
{
	uint32_t row = draws->row0 + (uint32_t)i1 * draws->row_outer + (uint32_t)i0 * draws->row_step;
	uint32_t channel = draws->channel0 + (uint32_t)i1 * draws->channel_outer +
	                   (uint32_t)i0 * draws->channel_step + (uint32_t)j;

	return ref_dither(draws->key, row, channel % 65536);
}

/* What a sweep that is not in place ought to give. */
static void expect(const struct qmac_sweep *s, const struct memory *m, int rows, struct results *r)
{
	int bits = __builtin_popcount(s->to.mask);

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < s->lanes; j++) {
			const int64_t c[QMAC_COEFFICIENTS] = {m->c[0][j], m->c[1][j], m->c[2][j]};
			int i1 = i / s->inner, i0 = i % s->inner;
			ptrdiff_t to = i1 * s->to.outer + i0 * s->to.step + j;
			int64_t a = lane_of(&s->a, i1, i0, j), b = lane_of(&s->b, i1, i0, j), x, y;

			if (s->op == QMAC_OP_LOOKUP)
				x = expected_lookup(&s->lookup, a, &r->count);
			else
				x = s->op == QMAC_OP_AFFINE ? expected_affine(a, b, c, &r->count)
				                            : expected_lane(s->op, s->l0, s->mult, a, b, &r->count);
			y = ref_round(x, s->tail.shift, s->tail.rnd, expected_random(&s->draws, i1, i0, j));
			y = s->tail.relu && y < 0 ? 0 : y;
			r->magnitudes |= (uint64_t)(y < 0 ? -(ref_int)y : (ref_int)y);
			y = ref_clamp(y, s->tail.bw, &r->count);
			r->sum[j] += y;
			if (s->to.words)
				*(r->words[0] + to) = y;
			else if (s->to.operands)
				*(r->operands[0] + to) = (int16_t)ref_limb(y, s->to.lsb, bits, !s->to.sign);
		}
}

static struct memory memory;
static struct results found, expected;

static uint64_t sweep_nothing(const struct qmac_sweep *s, int rows, qmac_int128 *sum, uint64_t *magnitudes)
{
	(void)s;
	(void)rows;
	(void)sum;
	(void)magnitudes;
	return 0;
}

/* Of any width, beside coefficients whose products may or may not cancel. */
static void any_sources(struct memory *m, int count, struct qmac_sweep *s)
{
	s->a = any_source(m, 0, below(2) ? 64 : 16, count);
	s->b = any_source(m, 1, below(2) ? 64 : 16, count);
	for (int j = 0; j < LANES; j++) {
		m->c[0][j] = bounded(18);
		m->c[1][j] = below(4) ? bounded(18) : -m->c[0][j] - 1;
		m->c[2][j] = bounded(64);
	}
	s->c = (const int64_t (*)[LANES])m->c;
}

static void oracle_sweeps_as_documented(void)
{
	const struct qmac_kernel nothing = {.sweep = sweep_nothing};
	uint64_t saturated = 0;
	int wrong = 0;

	state = test_seed();
	fill_operands(&memory);
	for (int i = 0; i < 4000; i++) {
		struct qmac_sweep s = {.mult = (int32_t)(below(3) ? any_number(18) : 1), .l0 = below(32),
		                       .op = (unsigned)below(QMAC_OP_AFFINE + 1), .lanes = any_lanes()};
		struct loops loops = any_loops(s.lanes);

		if (s.op == QMAC_OP_LOOKUP)
			any_lookup(&memory, 64, loops.used, true, &s);
		else
			any_sources(&memory, loops.used, &s);
		any_finish(&s, 64, 64);
		any_results(&s, &found);
		walk(&loops, &s);
		sweep(&qmac_kernel_scalar, &s, &memory, &loops, true, true, &found);
		sweep(&nothing, &s, &memory, &loops, true, true, &expected);
		expect(&s, &memory, loops.rows, &expected);
		wrong += !results_equal(&found, &expected, &loops);
		saturated += found.count;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(saturated > 1000); /* else the counts have not been tested */
}

/* Compares one sweep of some rows with the oracle's. */
static int sweep_differs(const struct qmac_kernel *kernel, unsigned op, bool narrow)
{
	struct qmac_sweep s = {.narrow = narrow, .lanes = any_lanes()};
	struct loops loops = any_loops(s.lanes);
	bool summed = below(2), measured = below(2);

	if (op == QMAC_OP_LOOKUP)
		any_lookup(&memory, narrow ? 31 : 63, loops.used, false, &s);
	else
		any_operation(&memory, op, narrow ? 31 : 63, loops.used, &s);
	any_finish(&s, narrow ? 31 : 63, summed ? narrow ? 25 : 57 : 64);
	any_results(&s, &expected);
	walk(&loops, &s);
	any_place(&s, &expected);
	sweep(&qmac_kernel_scalar, &s, &memory, &loops, summed, measured, &expected);
	s.fits = expected.count == 0 && below(2);
	if (s.a.words == expected.words[0])
		s.a.words = found.words[0];
	if (s.b.operands == expected.operands[0])
		s.b.operands = found.operands[0];
	if (s.to.words)
		s.to.words = found.words[0];
	if (s.to.operands)
		s.to.operands = found.operands[0];
	sweep(kernel, &s, &memory, &loops, summed, measured, &found);
	if (results_equal(&found, &expected, &loops))
		return 0;
	printf("kernel %s differs: op %u, mode %u, %d lanes, %d rows, shift %d, %s\n", kernel->name, op,
	       s.tail.rnd, s.lanes, loops.rows, s.tail.shift, narrow ? "narrow" : "wide");
	return 1;
}

static int check_sweeps(const struct qmac_kernel *kernel, bool narrow)
{
	int wrong = 0;

	fill_operands(&memory);
	for (unsigned op = QMAC_OP_ADD; op <= QMAC_OP_AFFINE; op++)
		for (int i = 0; i < 500 && !wrong; i++)
			wrong += sweep_differs(kernel, op, narrow);
	return wrong;
}

/* Runs every kernel but the oracle, after finding it by its name. */
static void each_kernel(bool narrow)
{
	state = test_seed() + narrow;
	for (const char *const *name = qmac_kernel_names(); *name; name++) {
		const struct qmac_kernel *kernel = NULL;

		CU_ASSERT_EQUAL_FATAL(qmac_kernel_find(*name, &kernel, NULL), QMAC_OK);
		CU_ASSERT_STRING_EQUAL(kernel->name, *name);
		if (kernel != &qmac_kernel_scalar)
			CU_ASSERT_EQUAL(check_sweeps(kernel, narrow), 0);
	}
}

static void kernels_sweep_alike(void)
{
	each_kernel(false);
}

static void kernels_sweep_alike_in_narrow_lanes(void)
{
	each_kernel(true);
}

static void names_are_found_or_refused(void)
{
	const struct qmac_kernel *kernel = NULL;
	const char *const *names = qmac_kernel_names();
	struct qmac_error err;
	int count = 0;

	while (names[count])
		count++;
	CU_ASSERT_STRING_EQUAL(names[count - 1], "scalar");
	CU_ASSERT_STRING_EQUAL(names[count - 2], "portable");
	CU_ASSERT_EQUAL(qmac_kernel_find("auto", &kernel, &err), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(kernel->name, names[0]);
	CU_ASSERT_EQUAL(qmac_kernel_find("avx3", &kernel, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "no kernel 'avx3'"));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "auto, "));
	for (int i = 0; i < count; i++)
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, names[i]));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the oracle sweeps as documented", oracle_sweeps_as_documented},
		{"all kernels sweep alike", kernels_sweep_alike},
		{"all kernels sweep alike in lanes of 32 bits", kernels_sweep_alike_in_narrow_lanes},
		{"kernels are found by name, others refused", names_are_found_or_refused},
	};

	return test_main("test_kernel", cases, TEST_COUNT(cases));
}
