/*
 * Row kernels: the scalar oracle against the reference arithmetic, with its
 * saturation counts, and every kernel of this CPU against the oracle wherever the
 * preconditions of kernel.h hold.
 */
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "num/dither.h"
#include "reference/ref_num.h"
#include "test.h"

enum { LANES = QMAC_LANES_MAX, MODES = 3, GUARD = 8, ROWS = QMAC_ROWS_MAX, PITCH = LANES + GUARD };

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

static int64_t any_mult(void)
{
	return below(3) == 0 ? 1 : any_number(18);
}

/* Reference of one lane of affine. */
static int64_t expected_affine(int64_t a, int64_t b, const int64_t c[3], uint64_t *count)
{
	return ref_clamp((ref_int)a * c[0] + (ref_int)b * c[1] + c[2], 64, count);
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

static void oracle_combines_as_documented(void)
{
	int64_t a[LANES], b[LANES], x[LANES] = {0};
	uint64_t saturated = 0;
	int wrong = 0;

	state = test_seed();
	for (int i = 0; i < 20000; i++) {
		unsigned op = (unsigned)below(QMAC_OP_SELECT + 1);
		int lanes = below(LANES) + 1, l0 = below(32);
		int64_t mult = any_mult();
		uint64_t expected_count = 0, count;

		for (int j = 0; j < lanes; j++) {
			a[j] = any_number(64);
			b[j] = below(8) ? any_number(64) : a[j];
		}
		count = qmac_kernel_scalar.combine(op, 1, lanes, l0, (int32_t)mult, (struct qmac_sources){a, 0},
		                                   (struct qmac_sources){b, 0}, (struct qmac_sums){x, 0});
		for (int j = 0; j < lanes; j++)
			wrong += x[j] != expected_lane(op, l0, mult, a[j], b[j], &expected_count);
		wrong += count != expected_count;
		saturated += count;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(saturated > 1000); /* else the counts have not been tested */
}

static void oracle_maps_as_documented(void)
{
	int64_t a[LANES], b[LANES], c[3][LANES], x[LANES] = {0};
	uint64_t saturated = 0;
	int wrong = 0, cancelled = 0;

	state = test_seed() + 3;
	for (int i = 0; i < 20000; i++) {
		int lanes = below(LANES) + 1;
		uint64_t expected_count = 0, count;

		for (int j = 0; j < lanes; j++) {
			a[j] = any_number(64);
			b[j] = below(4) ? any_number(64) : ~a[j];
			c[0][j] = any_number(18);
			c[1][j] = below(4) ? any_number(18) : c[0][j];
			c[2][j] = any_number(64);
		}
		count = qmac_kernel_scalar.affine(false, 1, lanes, (struct qmac_sources){a, 0},
		                                  (struct qmac_sources){b, 0}, (const int64_t (*)[LANES])c,
		                                  (struct qmac_sums){x, 0});
		for (int j = 0; j < lanes; j++) {
			const int64_t factors[3] = {c[0][j], c[1][j], c[2][j]};
			ref_int term = (ref_int)a[j] * c[0][j];
			uint64_t out = expected_count;

			wrong += x[j] != expected_affine(a[j], b[j], factors, &expected_count);
			cancelled += out == expected_count && (term > INT64_MAX || term < INT64_MIN);
		}
		wrong += count != expected_count;
		saturated += count;
	}
	CU_ASSERT_EQUAL(wrong, 0);
	CU_ASSERT(saturated > 1000 && cancelled > 1000); /* of terms that leave 64 bits, too */
}

static void oracle_finishes_as_documented(void)
{
	int64_t x[LANES], y[LANES] = {0};
	int wrong = 0;

	state = test_seed() + 1;
	for (int i = 0; i < 20000; i++) {
		struct qmac_tail tail = {below(64), (unsigned)below(MODES), below(2), below(63) + 1};
		uint32_t key = (uint32_t)test_random(&state), row = (uint32_t)test_random(&state);
		uint32_t channel0 = (uint32_t)test_random(&state) & 0xFFFF, row_state;
		uint64_t expected_count = 0, count, before = test_random(&state) & test_random(&state);
		uint64_t expected_magnitudes = before, magnitudes = before;
		int lanes = below(below(2) ? 3 : LANES) + 1, bits = below(64) + 1;

		for (int j = 0; j < lanes; j++)
			x[j] = any_number(bits);
		row_state = qmac_dither_row(key, row);
		count = qmac_kernel_scalar.finish(&tail, 1, lanes, &row_state, &channel0, (struct qmac_sources){x, 0},
		                                  (struct qmac_sums){y, 0}, &magnitudes);
		for (int j = 0; j < lanes; j++) {
			uint32_t channel = (channel0 + (uint32_t)j) % 65536;
			int64_t v = ref_round(x[j], tail.shift, tail.rnd, ref_dither(key, row, channel));

			v = tail.relu && v < 0 ? 0 : v;
			expected_magnitudes |= (uint64_t)(v < 0 ? -(ref_int)v : (ref_int)v);
			wrong += y[j] != ref_clamp(v, tail.bw, &expected_count);
		}
		wrong += count != expected_count || magnitudes != expected_magnitudes;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static int report(const char *what, const char *kernel, unsigned op, int lanes, int shift)
{
	printf("%s: kernel %s differs: op or mode %u, %d lanes, shift %d\n", what, kernel, op, lanes, shift);
	return 1;
}

/* Mostly few, for the test to be quick. */
static int some_rows(void)
{
	return below(8) ? below(3) + 1 : below(ROWS) + 1;
}

/*
 * Compares one combine of some rows, the sources at a random distance, 0 included. Precondition: x, and
 * a << l0, fit 64 bits; b fits 18 bits for mul. Numbers are short enough, or 0, which fulfils it.
 */
static int combine_differs(const struct qmac_kernel *kernel, unsigned op, int lanes)
{
	int64_t a[ROWS][PITCH], b[ROWS][PITCH], expected[ROWS][PITCH], x[ROWS][PITCH];
	int l0 = below(32), bits = 8 + below(57), rows = some_rows();
	ptrdiff_t a_step = below(4) ? PITCH : 0, b_step = below(4) ? PITCH : 0;
	int64_t mult = any_mult();
	uint64_t count = 0;

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < lanes; j++) {
			a[i][j] = any_number(bits);
			b[i][j] = below(8) ? any_number(op == QMAC_OP_MUL ? 18 : bits) : a[i][j];
		}
	/* from the start again where a number was changed: others may share it */
	for (int k = 0; k < rows * lanes; k++) {
		int64_t *left = &a[a_step ? k / lanes : 0][k % lanes], *right = &b[b_step ? k / lanes : 0][k % lanes];
		uint64_t out = 0;

		expected_lane(op, l0, mult, *left, *right, &out);
		ref_clamp(*left * ref_power(l0), 64, &out);
		if (out) {
			*left = *right = 0;
			k = a_step && b_step ? k : -1;
		}
	}
	memset(expected, 0x5A, sizeof expected);
	memset(x, 0x5A, sizeof x);
	count += qmac_kernel_scalar.combine(op, rows, lanes, l0, (int32_t)mult,
	                                    (struct qmac_sources){a[0], a_step},
	                                    (struct qmac_sources){b[0], b_step},
	                                    (struct qmac_sums){expected[0], PITCH});
	count += kernel->combine(op, rows, lanes, l0, (int32_t)mult, (struct qmac_sources){a[0], a_step},
	                         (struct qmac_sources){b[0], b_step}, (struct qmac_sums){x[0], PITCH});
	if (count || memcmp(x, expected, sizeof x) != 0)
		return report("combine", kernel->name, op, lanes, l0);
	return 0;
}

/* Compares one affine map of some rows. Precondition: three terms, none beyond 2^61. */
static int affine_differs(const struct qmac_kernel *kernel, bool narrow, int lanes)
{
	int64_t a[ROWS][PITCH], b[ROWS][PITCH], c[3][LANES], expected[ROWS][PITCH], x[ROWS][PITCH];
	ptrdiff_t a_step = below(4) ? PITCH : 0, b_step = below(4) ? PITCH : 0;
	int rows = some_rows(), bits = narrow ? 32 : 33 + below(13);
	uint64_t count = 0;

	for (int j = 0; j < lanes; j++) {
		c[0][j] = any_number(18);
		c[1][j] = any_number(18);
		c[2][j] = any_number(62);
	}
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < lanes; j++) {
			a[i][j] = any_number(bits);
			b[i][j] = any_number(bits);
		}
	memset(expected, 0x5A, sizeof expected);
	memset(x, 0x5A, sizeof x);
	count += qmac_kernel_scalar.affine(narrow, rows, lanes, (struct qmac_sources){a[0], a_step},
	                                   (struct qmac_sources){b[0], b_step}, (const int64_t (*)[LANES])c,
	                                   (struct qmac_sums){expected[0], PITCH});
	count += kernel->affine(narrow, rows, lanes, (struct qmac_sources){a[0], a_step},
	                        (struct qmac_sources){b[0], b_step}, (const int64_t (*)[LANES])c,
	                        (struct qmac_sums){x[0], PITCH});
	if (count || memcmp(x, expected, sizeof x) != 0)
		return report("affine", kernel->name, narrow, lanes, bits);
	return 0;
}

static int add_rows_differs(const struct qmac_kernel *kernel, int lanes)
{
	int64_t y[ROWS][PITCH], expected[PITCH], sum[PITCH];
	ptrdiff_t step = below(4) ? PITCH : 0;
	int rows = some_rows();

	memset(expected, 0x5A, sizeof expected);
	memset(sum, 0x5A, sizeof sum);
	for (int j = 0; j < lanes; j++)
		expected[j] = sum[j] = any_number(60);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < lanes; j++)
			y[i][j] = any_number(59);
	for (int i = 0; i < rows; i++)
		for (int j = 0; j < lanes; j++)
			expected[j] += y[step ? i : 0][j];
	kernel->add_rows(rows, lanes, (struct qmac_sources){y[0], step}, sum);
	if (memcmp(sum, expected, sizeof sum) != 0)
		return report("add_rows", kernel->name, 0, lanes, rows);
	return 0;
}

/* One finish of some rows, in place or not, with and without magnitudes. */
static int finish_differs(const struct qmac_kernel *kernel, const struct qmac_tail *tail, int lanes)
{
	int64_t x[ROWS][PITCH], expected[ROWS][PITCH], y[ROWS][PITCH];
	uint32_t row_state[ROWS], channel[ROWS];
	uint64_t expected_count, count, expected_magnitudes = 1ULL << below(64), magnitudes = expected_magnitudes;
	int bits = below(64) + 1, rows = some_rows();
	bool in_place = below(2), measured = below(2);

	memset(expected, 0x5A, sizeof expected);
	memset(y, 0x5A, sizeof y);
	for (int i = 0; i < rows; i++) {
		row_state[i] = (uint32_t)test_random(&state);
		channel[i] = (uint32_t)test_random(&state) & 0xFFFF;
		if (below(4) == 0)
			channel[i] = 0xFFF0 + channel[i] % 16;
		for (int j = 0; j < lanes; j++)
			x[i][j] = expected[i][j] = y[i][j] = any_number(bits);
	}
	expected_count = qmac_kernel_scalar.finish(tail, rows, lanes, row_state, channel,
	                                           (struct qmac_sources){x[0], PITCH},
	                                           (struct qmac_sums){expected[0], PITCH},
	                                           measured ? &expected_magnitudes : NULL);
	count = kernel->finish(tail, rows, lanes, row_state, channel,
	                       (struct qmac_sources){in_place ? y[0] : x[0], PITCH},
	                       (struct qmac_sums){y[0], PITCH}, measured ? &magnitudes : NULL);
	if (count != expected_count || magnitudes != expected_magnitudes || memcmp(y, expected, sizeof y) != 0)
		return report("finish", kernel->name, tail->rnd, lanes, tail->shift);
	return 0;
}

static int dot_differs(const struct qmac_kernel *kernel, int lanes, int bits)
{
	int64_t a[LANES], b[LANES];
	int64_t extreme = -(int64_t)ref_power(bits - 1);

	for (int j = 0; j < lanes; j++) {
		a[j] = below(3) ? any_number(bits) : extreme;
		b[j] = below(3) ? any_number(bits) : extreme;
	}
	if (kernel->dot(lanes, a, b) != qmac_kernel_scalar.dot(lanes, a, b))
		return report("dot", kernel->name, 0, lanes, bits);
	return 0;
}

/* Runs `check` for every kernel but the oracle, after finding it by its name. */
static void each_kernel(int (*check)(const struct qmac_kernel *))
{
	state = test_seed() + 2;
	for (const char *const *name = qmac_kernel_names(); *name; name++) {
		const struct qmac_kernel *kernel = NULL;

		CU_ASSERT_EQUAL_FATAL(qmac_kernel_find(*name, &kernel, NULL), QMAC_OK);
		CU_ASSERT_STRING_EQUAL(kernel->name, *name);
		if (kernel != &qmac_kernel_scalar)
			CU_ASSERT_EQUAL(check(kernel), 0);
	}
}

static int check_combine(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (unsigned op = QMAC_OP_ADD; op <= QMAC_OP_SELECT; op++)
		for (int lanes = 1; lanes <= LANES; lanes++)
			for (int i = 0; i < 4 && !wrong; i++)
				wrong += combine_differs(kernel, op, lanes);
	return wrong;
}

static int check_affine(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (int lanes = 1; lanes <= LANES; lanes++)
		for (int i = 0; i < 16 && !wrong; i++)
			wrong += affine_differs(kernel, i % 2, lanes);
	return wrong;
}

static int check_add_rows(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (int lanes = 1; lanes <= LANES; lanes++)
		for (int i = 0; i < 8 && !wrong; i++)
			wrong += add_rows_differs(kernel, lanes);
	return wrong + add_rows_differs(&qmac_kernel_scalar, LANES);
}

static int check_finish(const struct qmac_kernel *kernel)
{
	struct qmac_tail tail;
	int wrong = 0;

	for (tail.rnd = 0; tail.rnd < MODES; tail.rnd++)
		for (tail.shift = 0; tail.shift < 64; tail.shift++)
			for (int lanes = 1; lanes <= LANES && !wrong; lanes++) {
				tail.relu = below(2);
				tail.bw = below(63) + 1;
				wrong += finish_differs(kernel, &tail, lanes);
			}
	for (tail.bw = 1; tail.bw < 64; tail.bw++)
		for (int i = 0; i < 64 && !wrong; i++) {
			tail.rnd = (unsigned)below(MODES);
			tail.shift = below(64);
			tail.relu = below(2);
			wrong += finish_differs(kernel, &tail, below(LANES) + 1);
		}
	return wrong;
}

static int check_dot(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (int lanes = 1; lanes <= LANES; lanes++) {
		for (int bits = 2; bits <= 28; bits++)
			wrong += dot_differs(kernel, lanes, bits);
		wrong += lanes == 1 && dot_differs(kernel, lanes, 32);
	}
	return wrong;
}

static void kernels_combine_alike(void)
{
	each_kernel(check_combine);
}

static void kernels_map_alike(void)
{
	each_kernel(check_affine);
}

static int check_dither_rows(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (int i = 0; i < 2000; i++) {
		uint32_t key = (uint32_t)test_random(&state), row[QMAC_ROWS_MAX], found[QMAC_ROWS_MAX] = {0};
		int rows = below(QMAC_ROWS_MAX) + 1;

		for (int r = 0; r < rows; r++)
			row[r] = (uint32_t)test_random(&state);
		kernel->dither_rows(key, rows, row, found);
		for (int r = 0; r < QMAC_ROWS_MAX; r++)
			wrong += found[r] != (r < rows ? qmac_dither_row(key, row[r]) : 0);
	}
	return wrong;
}

static void kernels_draw_alike(void)
{
	each_kernel(check_dither_rows);
}

static void kernels_add_alike(void)
{
	each_kernel(check_add_rows);
}

static void kernels_finish_alike(void)
{
	each_kernel(check_finish);
}

static void kernels_dot_alike(void)
{
	each_kernel(check_dot);
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
		{"the oracle combines as documented", oracle_combines_as_documented},
		{"the oracle maps as documented", oracle_maps_as_documented},
		{"the oracle finishes as documented", oracle_finishes_as_documented},
		{"all kernels combine alike", kernels_combine_alike},
		{"all kernels map alike", kernels_map_alike},
		{"all kernels finish alike", kernels_finish_alike},
		{"all kernels draw random rows alike", kernels_draw_alike},
		{"all kernels sum rows alike", kernels_add_alike},
		{"all kernels sum products alike", kernels_dot_alike},
		{"kernels are found by name, others refused", names_are_found_or_refused},
	};

	return test_main("test_kernel", cases, TEST_COUNT(cases));
}
