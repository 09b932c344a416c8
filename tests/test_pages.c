/*
 * Sets of pages against a plain array of flags, on memories of one byte up to ones that take every level.
 */
#include "base/pages.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { PAGES_MAX = 300000 };

static uint8_t flags[PAGES_MAX];

/* Is the set that of the flags? Walks it in its order. */
static bool is_equal(const struct qmac_pages *pages)
{
	uint64_t from = 0, at;

	do {
		for (at = from; at < pages->count && !flags[at];)
			at++;
		if (qmac_pages_next(pages, from) != at)
			return false;
		from = at + 1;
	} while (at < pages->count);
	return true;
}

static bool membership_is_equal(const struct qmac_pages *pages)
{
	for (uint64_t page = 0; page < pages->count; page++)
		if (qmac_pages_has(pages, page) != flags[page])
			return false;
	return true;
}

static void play(uint64_t *rng, uint64_t memory_bytes)
{
	struct qmac_pages pages;

	CU_ASSERT_EQUAL_FATAL(qmac_pages_init(&pages, memory_bytes, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(pages.count, (memory_bytes + QMAC_PAGE_BYTES - 1) / QMAC_PAGE_BYTES);
	for (int round = 0; round < 6; round++) {
		memset(flags, 0, sizeof flags);
		CU_ASSERT(is_equal(&pages));
		for (int i = 0; i < 40; i++) {
			uint64_t address = test_random(rng) % memory_bytes, left = memory_bytes - address;
			uint64_t most = i % 8 ? 70 : 100 * QMAC_PAGE_BYTES;
			uint64_t bytes = test_random(rng) % ((left < most ? left : most) + 1);

			qmac_pages_add_range(&pages, address, bytes);
			for (uint64_t at = address; at < address + bytes; at++)
				flags[at / QMAC_PAGE_BYTES] = 1;
		}
		/* The ends, too. */
		if (round % 2) {
			qmac_pages_add(&pages, 0);
			qmac_pages_add_range(&pages, memory_bytes - 1, 1);
			flags[0] = flags[pages.count - 1] = 1;
		}
		CU_ASSERT(is_equal(&pages));
		CU_ASSERT(membership_is_equal(&pages));
		qmac_pages_clear(&pages);
	}
	memset(flags, 0, sizeof flags);
	CU_ASSERT(membership_is_equal(&pages));
	qmac_pages_free(&pages);
}

static void test_sets(void)
{
	static const uint64_t counts[] = {1, 2, 63, 64, 65, 4095, 4096, 4097, 262143, 262144, 262145, PAGES_MAX};
	uint64_t rng = test_seed();

	for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
		play(&rng, counts[i] * QMAC_PAGE_BYTES);
		play(&rng, (counts[i] - 1) * QMAC_PAGE_BYTES + 1);
	}
	play(&rng, 1);
}

/* Memory that is not there has no pages; the largest has its last one, and costs little. */
static void test_ends(void)
{
	struct qmac_pages pages;

	CU_ASSERT_EQUAL_FATAL(qmac_pages_init(&pages, 0, NULL), QMAC_OK);
	qmac_pages_add_range(&pages, 0, 0);
	CU_ASSERT_EQUAL(qmac_pages_next(&pages, 0), 0);
	qmac_pages_clear(&pages);
	qmac_pages_free(&pages);

	CU_ASSERT_EQUAL_FATAL(qmac_pages_init(&pages, 1ULL << 40, NULL), QMAC_OK);
	qmac_pages_add_range(&pages, (1ULL << 40) - 1, 1);
	CU_ASSERT_EQUAL(qmac_pages_next(&pages, 0), (1ULL << 40) / QMAC_PAGE_BYTES - 1);
	qmac_pages_clear(&pages);
	CU_ASSERT_EQUAL(qmac_pages_next(&pages, 0), pages.count);
	qmac_pages_free(&pages);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"sets are those of a list of flags", test_sets},
		{"no memory, and the most", test_ends},
	};

	return test_main("test_pages", cases, TEST_COUNT(cases));
}
