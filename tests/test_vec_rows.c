/*
 * Which rows of src1 a VEC reads, and in which iterations both sources share a port: the closed forms
 * against the loops of docs/counters.md and docs/timing.md.
 */
#include <stdio.h>

#include "isa/space.h"
#include "isa/vec_rows.h"
#include "test.h"

static const struct qmac_hw hw = {.rows = 4, .cols = 4, .a_depth = 64, .w_depth = 33, .acc_depth = 10};

/* Iterations in which src1 is read, and those of them that share a port. */
struct reads {
	uint32_t src1, shared;
};

/* Iteration by iteration. */
static struct reads one_by_one(const struct qmac_hw *device, const struct qmac_command *c)
{
	struct reads rows = {0, 0};
	uint32_t half = qmac_space_rows(device, c->s0space) / 2;

	for (uint32_t i1 = 0; i1 < c->n1; i1++)
		for (uint32_t i0 = 0; i0 < c->n0; i0++) {
			uint32_t row0 = c->src0 + i1 * c->a1 + i0 * c->a0, row1 = c->src1 + i1 * c->b1 + i0 * c->b0;
			bool held = c->b0 == 0 && i0 > 0, same = c->s0space == c->s1space && row0 == row1;

			if (held || same)
				continue;
			rows.src1++;
			rows.shared += c->s0space == c->s1space && (row0 < half) == (row1 < half);
		}
	return rows;
}

static bool in_range(const struct qmac_hw *device, const struct qmac_command *c)
{
	uint64_t last0 = c->src0 + (uint64_t)(c->n1 - 1) * c->a1 + (uint64_t)(c->n0 - 1) * c->a0;
	uint64_t last1 = c->src1 + (uint64_t)(c->n1 - 1) * c->b1 + (uint64_t)(c->n0 - 1) * c->b0;

	return last0 < qmac_space_rows(device, c->s0space) && last1 < qmac_space_rows(device, c->s1space);
}

/* Sees to it that both agree, and counts what was seen. */
struct seen {
	uint64_t commands, shared, not_shared, read_once;
	int wrong;
};

static void compare(const struct qmac_hw *device, const struct qmac_command *c, struct seen *seen)
{
	struct reads expected, got;

	if (!in_range(device, c))
		return;
	expected = one_by_one(device, c);
	got = (struct reads){qmac_vec_src1_reads(c), qmac_vec_shared_reads(device, c)};
	seen->commands++;
	seen->shared += expected.shared;
	seen->not_shared += expected.src1 - expected.shared;
	seen->read_once += (uint64_t)c->n1 * (c->b0 ? c->n0 : 1) - expected.src1;
	if (got.src1 == expected.src1 && got.shared == expected.shared)
		return;
	if (seen->wrong++ < 5)
		printf("\nspaces %u %u, n1 %u n0 %u, src0 %u + %u i1 + %u i0, src1 %u + %u i1 + %u i0: reads %u"
		       " shared %u, expected %u %u ", c->s0space, c->s1space, c->n1, c->n0,
		       c->src0, c->a1, c->a0, c->src1, c->b1, c->b0, got.src1, got.shared, expected.src1,
		       expected.shared);
}

/* All loops and strides up to 3 in ten rows, of which the bank changes behind the fifth. */
static void test_all_small(void)
{
	enum { COUNT = 3, STRIDES = 4, ROWS = 10 };
	struct qmac_command c = {.s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_ACC};
	struct seen seen = {0};

	for (int i = 0; i < COUNT * COUNT * STRIDES * STRIDES * STRIDES * STRIDES; i++) {
		int rest = i;

		c.n0 = 1 + (uint32_t)(rest % COUNT), rest /= COUNT;
		c.n1 = 1 + (uint32_t)(rest % COUNT), rest /= COUNT;
		c.a0 = (uint32_t)(rest % STRIDES), rest /= STRIDES;
		c.a1 = (uint32_t)(rest % STRIDES), rest /= STRIDES;
		c.b0 = (uint32_t)(rest % STRIDES), rest /= STRIDES;
		c.b1 = (uint32_t)rest;
		for (c.src0 = 0; c.src0 < ROWS; c.src0++)
			for (c.src1 = 0; c.src1 < ROWS; c.src1++)
				compare(&hw, &c, &seen);
	}
	CU_ASSERT_EQUAL(seen.wrong, 0);
	CU_ASSERT(seen.commands > 50000 && seen.shared > 10000 && seen.not_shared > 10000);
	CU_ASSERT(seen.read_once > 10000);
}

/* Long loops over deep scratchpads, an odd depth among them; strides that divide each other and do not. */
static void test_random_loops(void)
{
	static const uint32_t strides[] = {0, 1, 1, 2, 3, 5, 7, 8, 60, 63, 64, 128, 255};
	uint64_t rng = test_seed();
	struct seen seen = {0};

	for (int i = 0; i < 40000; i++) {
		const struct qmac_hw device = {
			.rows = 4, .cols = 4, .a_depth = (int)test_between(&rng, 2, 65536),
			.w_depth = (int)test_between(&rng, 2, 4096), .acc_depth = (int)test_between(&rng, 2, 999),
		};
		struct qmac_command c = {
			.s0space = (uint32_t)test_between(&rng, 0, 2),
			.n0 = (uint32_t)test_between(&rng, 1, test_between(&rng, 1, 60)),
			.n1 = (uint32_t)test_between(&rng, 1, test_between(&rng, 1, 60)),
		};
		uint32_t *stride[] = {&c.a0, &c.a1, &c.b0, &c.b1};
		int64_t depth = qmac_space_rows(&device, c.s0space);

		for (int k = 0; k < 4; k++)
			*stride[k] = strides[test_between(&rng, 0, TEST_COUNT(strides) - 1)];
		c.s1space = test_between(&rng, 0, 9) ? c.s0space : (uint32_t)test_between(&rng, 0, 2);
		c.src0 = (uint32_t)test_between(&rng, 0, depth - 1);
		if (test_between(&rng, 0, 3) == 0)
			c.b0 = c.a0;
		if (test_between(&rng, 0, 3) == 0)
			c.b1 = c.a1;
		c.src1 = test_between(&rng, 0, 2) ? c.src0 + (uint32_t)test_between(&rng, 0, 7) * c.a0
		                                  : (uint32_t)test_between(&rng, 0, depth - 1);
		compare(&device, &c, &seen);
	}
	CU_ASSERT_EQUAL(seen.wrong, 0);
	CU_ASSERT(seen.commands > 5000 && seen.shared > 100000 && seen.not_shared > 50000);
	CU_ASSERT(seen.read_once > 5000);
}

/* The largest loops there are. */
static void test_longest(void)
{
	const struct qmac_hw device = {.rows = 4, .cols = 4, .a_depth = 65536};
	struct seen seen = {0};
	struct qmac_command cases[] = {
		{.n0 = 65535, .n1 = 1, .a0 = 1, .b0 = 1}, {.n0 = 65535, .n1 = 1, .a0 = 1, .b0 = 1, .src1 = 1},
		{.n0 = 1, .n1 = 65535, .a1 = 1}, {.n0 = 256, .n1 = 256, .a0 = 1, .a1 = 256, .b0 = 256, .b1 = 1},
		{.n0 = 65535, .n1 = 1, .a0 = 1}, {.n0 = 65535, .n1 = 1, .b0 = 1, .src0 = 65535},
		{.n0 = 2, .n1 = 32767, .a0 = 1, .a1 = 2, .b0 = 2, .b1 = 1, .src0 = 1},
		{.n0 = 32767, .n1 = 2, .a1 = 1, .a0 = 2, .b1 = 2, .b0 = 1, .src1 = 16384},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++)
		compare(&device, &cases[i], &seen);
	CU_ASSERT_EQUAL(seen.wrong, 0);
	CU_ASSERT_EQUAL(seen.commands, TEST_COUNT(cases));
}

/* Neither a lookup nor an immediate reads src1; latches and sums by hand. */
static void test_others(void)
{
	struct qmac_command c = {.op = QMAC_OP_LOOKUP, .n1 = 3, .n0 = 4, .a0 = 1};

	CU_ASSERT_FALSE(qmac_vec_has_src1(&c));
	CU_ASSERT_EQUAL(qmac_vec_src1_reads(&c), 0);
	c = (struct qmac_command){.op = QMAC_OP_ADD, .s1space = QMAC_SPACE_IMM, .n1 = 3, .n0 = 4, .a0 = 1};
	CU_ASSERT_FALSE(qmac_vec_has_src1(&c));
	CU_ASSERT_EQUAL(qmac_vec_src1_reads(&c) + qmac_vec_shared_reads(&hw, &c), 0);
	CU_ASSERT_EQUAL(qmac_vec_latches(&c) + qmac_vec_sums(&c), 0);
	c.op = QMAC_OP_AFFINE;
	c.s1space = QMAC_SPACE_A;
	CU_ASSERT_TRUE(qmac_vec_has_src1(&c));
	CU_ASSERT_EQUAL(qmac_vec_latches(&c), 1);
	c.coef_step = 1;
	CU_ASSERT_EQUAL(qmac_vec_latches(&c), 3);
	c.sum = 7;
	CU_ASSERT_EQUAL(qmac_vec_sums(&c), 3);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"all small loops", test_all_small},
		{"random loops", test_random_loops},
		{"the largest loops", test_longest},
		{"commands without rows of src1, latches and sums", test_others},
	};

	return test_main("test_vec_rows", cases, TEST_COUNT(cases));
}
