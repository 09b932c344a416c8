/* Counts, bytes and limits of rows: every kernel, the oracle among them, against plain loops. */
#include <string.h>

#include "kernel/kernel.h"
#include "test.h"

enum { LANES = QMAC_LANES_MAX, LIMITS = LANES + 8, ROWS = 40, LONG = 2600 };

static uint64_t state;

/* Counts and bytes of some of the rows of a space, the others of which nobody touches. */
static int note_differs(const struct qmac_kernel *kernel, int lanes, bool with_bytes)
{
	int16_t operands[ROWS * LANES + LANES];
	uint8_t bytes[ROWS * LANES], expected_bytes[ROWS * LANES], count[ROWS], expected_count[ROWS];
	int step = 1 + (int)(test_random(&state) % 4), first = (int)(test_random(&state) % 3);
	int rows = 1 + (int)(test_random(&state) % (uint64_t)((ROWS - 1 - first) / step));
	uint64_t range = test_random(&state) % 2 ? 256 : 3;

	memset(bytes, 0x5A, sizeof bytes);
	memset(count, 0xA5, sizeof count);
	memcpy(expected_bytes, bytes, sizeof bytes);
	memcpy(expected_count, count, sizeof count);
	for (int i = 0; i < ROWS * LANES + LANES; i++)
		operands[i] = (int16_t)((int)(test_random(&state) % range) - (int)(range / 2));
	for (int i = first; i < first + rows * step; i += step) {
		expected_count[i] = 0;
		for (int j = i * lanes; j < (i + 1) * lanes; j++) {
			expected_count[i] = (uint8_t)(expected_count[i] + (operands[j] != 0));
			expected_bytes[j] = with_bytes ? (uint8_t)(operands[j] + 128) : expected_bytes[j];
		}
	}
	kernel->note(rows, step, lanes, operands + first * lanes, with_bytes ? bytes + first * lanes : NULL,
	             count + first);
	return memcmp(bytes, expected_bytes, sizeof bytes) != 0 ||
	       memcmp(count, expected_count, sizeof count) != 0;
}

static int notes_differ(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (int lanes = 1; lanes <= LANES; lanes++)
		for (int i = 0; i < 8; i++)
			wrong += note_differs(kernel, lanes, i % 4 > 0);
	return wrong;
}

/* Counts by lane over a loop nest, of operands as they are kept and as bytes; long ones, too. */
static int lanes_differ(const struct qmac_kernel *kernel, int row_lanes, bool as_bytes)
{
	static int16_t operands[LONG * LANES + LANES];
	static uint8_t bytes[LONG * LANES + LANES];
	uint32_t count[LANES + 1], expected[LANES + 1] = {0}, step = 1 + (uint32_t)(test_random(&state) % 3);
	int lanes = 1 + (int)(test_random(&state) % (uint64_t)row_lanes);
	uint64_t range = test_random(&state) % 4 ? 1 + test_random(&state) % 5 : 200;
	struct qmac_nest nest = {
		.count = {1 + (uint32_t)(test_random(&state) % 40), 1 + (uint32_t)(test_random(&state) % 9),
		          1 + (uint32_t)(test_random(&state) % 3)},
		.a = {step, 100, 800},
	};

	if (test_random(&state) % 4 == 0)
		nest = (struct qmac_nest){.count = {LONG, 1, 1}, .a = {1, 0, 0}};
	memset(count, 0x77, sizeof count);
	expected[lanes] = count[lanes];
	for (int i = 0; i < LONG * row_lanes + LANES; i++) {
		operands[i] = (int16_t)(test_random(&state) % range);
		bytes[i] = (uint8_t)(operands[i] + 128);
	}
	for (uint32_t i2 = 0; i2 < nest.count[2]; i2++)
		for (uint32_t i1 = 0; i1 < nest.count[1]; i1++)
			for (uint32_t i0 = 0; i0 < nest.count[0]; i0++)
				for (int r = 0; r < lanes; r++) {
					uint32_t row = i2 * nest.a[2] + i1 * nest.a[1] + i0 * nest.a[0];

					expected[r] += operands[row * (uint32_t)row_lanes + (uint32_t)r] != 0;
				}
	kernel->nonzero_lanes(&nest, row_lanes, lanes, operands, as_bytes ? bytes : NULL, count);
	return memcmp(count, expected, ((size_t)lanes + 1) * sizeof *count) != 0;
}

static int counts_by_lane_differ(const struct qmac_kernel *kernel)
{
	static const int usual[] = {8, 16, 32, 64};
	int wrong = 0;

	for (int i = 0; i < 60; i++) {
		int row_lanes = i % 2 ? usual[i / 2 % 4] : 1 + (int)(test_random(&state) % LANES);

		wrong += lanes_differ(kernel, row_lanes, i % 3 > 0);
	}
	return wrong;
}

/* One of `count` limits is as high as it may be, or above by one. */
static int raise_differs(const struct qmac_kernel *kernel, int count, int64_t highest, bool above)
{
	int64_t limit[LIMITS], expected[LIMITS], bound = highest / 3;
	int differences = 0;

	for (int i = 0; i < LIMITS; i++)
		expected[i] = limit[i] = highest / 2 + (int64_t)(test_random(&state) % 5);
	expected[count - 1] = limit[count - 1] = highest - bound + above;
	for (int i = 0; i < count && !above; i++)
		expected[i] += bound;
	differences += kernel->raise(count, limit, bound, highest) == above;
	return differences + (memcmp(limit, expected, sizeof limit) != 0);
}

static int limits_differ(const struct qmac_kernel *kernel)
{
	int wrong = 0;

	for (int count = 1; count <= LANES; count++)
		for (int above = 0; above < 2; above++)
			wrong += raise_differs(kernel, count, (1 << 20) - 1, above) +
			         raise_differs(kernel, count, INT64_MAX, above);
	return wrong;
}

/* Runs `check` for every kernel. */
static void each_kernel(int (*check)(const struct qmac_kernel *))
{
	state = test_seed();
	for (const char *const *name = qmac_kernel_names(); *name; name++) {
		const struct qmac_kernel *kernel = NULL;

		CU_ASSERT_EQUAL_FATAL(qmac_kernel_find(*name, &kernel, NULL), QMAC_OK);
		CU_ASSERT_EQUAL(check(kernel), 0);
	}
}

static void test_notes(void)
{
	each_kernel(notes_differ);
}

static void test_lanes(void)
{
	each_kernel(counts_by_lane_differ);
}

static void test_limits(void)
{
	each_kernel(limits_differ);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"counts and bytes of rows that were written", test_notes},
		{"operands by lane that are not 0", test_lanes},
		{"limits that are raised", test_limits},
	};

	return test_main("test_kernel_counts", cases, TEST_COUNT(cases));
}
