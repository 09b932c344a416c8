/* Tensors: every value has a place of its own, rows and strides agree with it. */
#include "lower/tensor.h"

#include <stdlib.h>

#include "isa/command.h"
#include "test.h"

static uint64_t state;

static void test_layout(void)
{
	const struct qmac_format format = {9, 4};
	struct qmac_tensor t = qmac_tensor_make("x", 3, 5, 6, 20, format, 8);

	CU_ASSERT_STRING_EQUAL(t.name, "x");
	CU_ASSERT_EQUAL(t.container, QMAC_CONTAINER_HALF);
	CU_ASSERT_EQUAL(t.unit, 0.0625);
	CU_ASSERT_EQUAL(qmac_tensor_blocks(&t), 3);
	CU_ASSERT_EQUAL(qmac_tensor_channels(&t, 0), 8);
	CU_ASSERT_EQUAL(qmac_tensor_channels(&t, 2), 4);
	CU_ASSERT_EQUAL(qmac_tensor_row_bytes(&t), 16);
	CU_ASSERT_EQUAL(qmac_tensor_line_bytes(&t), 6 * 16);
	CU_ASSERT_EQUAL(qmac_tensor_block_bytes(&t), 5 * 6 * 16);
	CU_ASSERT_EQUAL(qmac_tensor_sample_bytes(&t), 3 * 5 * 6 * 16);
	CU_ASSERT_EQUAL(qmac_tensor_bytes(&t), 3 * 3 * 5 * 6 * 16);
	t.buffer = (struct qmac_buffer){1024, 8192};
	t.offset = 64;
	CU_ASSERT_EQUAL(qmac_tensor_address(&t, 0, 0, 0, 0), 1088);
	CU_ASSERT_EQUAL(qmac_tensor_address(&t, 2, 1, 4, 3), 1088 + (((2 * 3 + 1) * 5 + 4) * 6 + 3) * 16);
}

/* The smallest container for every width. */
static void test_containers(void)
{
	for (int bits = 2; bits <= 32; bits++) {
		const struct qmac_format format = {bits, 0};
		struct qmac_tensor t = qmac_tensor_make("", 1, 1, 1, 1, format, 1);

		CU_ASSERT_EQUAL(qmac_container_bytes(t.container), bits <= 8 ? 1 : bits <= 16 ? 2 : 4);
	}
}

/* Loops over blocks, lines, rows and lanes, by strides, meet the values in the order of their numbers. */
static void test_random_shapes(void)
{
	for (int round = 0; round < 50; round++) {
		const struct qmac_format format = {(int)test_between(&state, 2, 32), 0};
		struct qmac_tensor t = qmac_tensor_make("", test_between(&state, 1, 4), test_between(&state, 1, 5),
		                                        test_between(&state, 1, 5), test_between(&state, 1, 40),
		                                        format, (int)test_between(&state, 1, 17));
		uint64_t bytes = qmac_tensor_bytes(&t);
		char *taken = calloc(1, bytes);
		int64_t wrong = 0;

		CU_ASSERT_PTR_NOT_NULL_FATAL(taken);
		t.buffer = (struct qmac_buffer){4096, bytes};
		for (int64_t n = 0; n < t.n; n++)
			for (int64_t c = 0; c < t.c; c++)
				for (int64_t y = 0; y < t.h; y++)
					for (int64_t x = 0; x < t.w; x++) {
						int64_t block = c / t.lanes;
						uint64_t at = (uint64_t)qmac_tensor_index(&t, n, y, x, c) << t.container;
						uint64_t row = (uint64_t)n * qmac_tensor_sample_bytes(&t) +
						               (uint64_t)block * qmac_tensor_block_bytes(&t) +
						               (uint64_t)y * qmac_tensor_line_bytes(&t) +
						               (uint64_t)x * qmac_tensor_row_bytes(&t);

						CU_ASSERT_FATAL(at < bytes);
						wrong += taken[at]++ != 0 ||
						         qmac_tensor_address(&t, n, block, y, x) != 4096 + row ||
						         at != row + ((uint64_t)(c - block * t.lanes) << t.container);
					}
		CU_ASSERT_EQUAL(wrong, 0);
		free(taken);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"layout", test_layout},
		{"containers", test_containers},
		{"random shapes", test_random_shapes},
	};

	state = test_seed();
	return test_main("test_lower_tensor", cases, TEST_COUNT(cases));
}
