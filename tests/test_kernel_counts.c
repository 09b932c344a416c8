/* Counts and limits of rows: every kernel, the oracle among them, against plain loops. */
#include <string.h>

#include "kernel/kernel.h"
#include "test.h"

enum { LANES = QMAC_LANES_MAX, LIMITS = LANES + 8 };

static uint64_t state;

static int counts_differ(const struct qmac_kernel *kernel)
{
	uint8_t a[LANES], b[LANES];
	int wrong = 0;

	for (int count = 0; count <= LANES; count++) {
		unsigned seen = 0, expected_seen = 0;
		uint32_t sum = 0;

		for (int i = 0; i < count; i++) {
			a[i] = (uint8_t)(test_random(&state) % 256);
			b[i] = (uint8_t)(test_random(&state) % 256);
			sum += (uint32_t)a[i] * b[i];
			expected_seen |= (unsigned)a[i] | b[i];
		}
		wrong += kernel->dot_counts(count, a, b, &seen) != sum || seen != expected_seen;
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

static void test_counts(void)
{
	each_kernel(counts_differ);
}

static void test_limits(void)
{
	each_kernel(limits_differ);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"sums of products of counts", test_counts},
		{"limits that are raised", test_limits},
	};

	return test_main("test_kernel_counts", cases, TEST_COUNT(cases));
}
