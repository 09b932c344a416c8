/* Vector work on panels: what a command's fields can hold. */
#include "lower/vector.h"

#include "qmac_isa.h"
#include "test.h"

/* Images so large that the step from one to the next is beyond a command's field: each has its own. */
static void test_large_images(void)
{
	const uint32_t positions[3] = {3, 2, 5}, rows[3] = {90000, 300, 1};
	struct qmac_vector vector = {
		.n = {3, 2, 5},
		.scale = {.mult = 1, .bits = 8, .rounding = QMAC_ROUND_STOCHASTIC, .rows = {90000, 300, 1},
		          .row0 = 7},
	};
	struct qmac_command c;
	int elements = 0;

	vector.from = vector.to = qmac_panel_dense(QMAC_SPACE_ACC, 0, (struct qmac_limbs){.count = 1}, 4, 4,
	                                           positions);
	while (qmac_vector_next(&vector, &c))
		for (uint32_t i1 = 0; i1 < c.n1; i1++)
			for (uint32_t i0 = 0; i0 < c.n0; i0++, elements++) {
				uint32_t at = c.dst + i1 * c.d1 + i0 * c.d0;
				uint32_t row = 7 + at / 10 * rows[0] + at / 5 % 2 * rows[1] + at % 5;

				CU_ASSERT(c.dither_rs1 <= UINT16_MAX);
				CU_ASSERT_EQUAL(c.dither_row0 + i1 * c.dither_rs1 + i0 * c.dither_rs0, row);
			}
	CU_ASSERT_EQUAL(elements, 30);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random numbers of large images", test_large_images},
	};

	return test_main("test_lower_vector", cases, TEST_COUNT(cases));
}
