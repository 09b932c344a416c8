/* Who touched a place last, against a plain array of places. */
#include "race/history.h"

#include <stdlib.h>
#include <string.h>

#include "test.h"

enum { PLACES = 20000, STREAMS = 60, ACCESSES = 300, SEARCHES = 3 };

static uint64_t state;

/* One number for each place. */
static uint32_t plain[QMAC_REGIONS][PLACES];

static unsigned region_of(uint64_t place)
{
	return (unsigned)(place >> QMAC_PLACE_SHIFT);
}

static uint64_t number_of(uint64_t place)
{
	return place & ((UINT64_C(1) << QMAC_PLACE_SHIFT) - 1);
}

/* Three loops in any order, which may overlap; rows one by one, memory in longer runs. */
static struct qmac_access random_access(void)
{
	unsigned region = (unsigned)test_between(&state, 0, QMAC_REGIONS - 1);
	bool memory = region == QMAC_REGION_MEMORY, ports = region == QMAC_REGION_PORTS;
	struct qmac_access access = {.unit = (uint64_t)test_between(&state, 1, memory ? 1500 : ports ? 2 : 40),
	                             .n = {1, 1, 1}};
	uint64_t first = (uint64_t)test_between(&state, 0, ports ? 11 : memory ? 12000 : 200);

	access.first = (uint64_t)region << QMAC_PLACE_SHIFT | first;
	for (int i = 0; i < 3 && !ports; i++)
		if (test_random(&state) % 2) {
			access.n[i] = (uint64_t)test_between(&state, 2, 4);
			access.s[i] = (uint64_t)test_between(&state, 1, memory ? 600 : 60);
		}
	return access;
}

struct visit {
	uint32_t last;
	uint32_t most; /* of those searched */
	uint64_t place;
};

static bool note_plain(void *context, uint64_t begin, uint64_t end)
{
	const struct visit *v = context;

	for (; begin < end; begin++)
		plain[region_of(begin)][number_of(begin)] = v->last;
	return true;
}

static bool find_plain(void *context, uint64_t begin, uint64_t end)
{
	struct visit *v = context;

	for (; begin < end; begin++) {
		uint32_t last = plain[region_of(begin)][number_of(begin)];

		if (last > v->most || (last && last == v->most && begin < v->place)) {
			v->most = last;
			v->place = begin;
		}
	}
	return true;
}

/* What is found from a number on that may be too high. */
static void check_find(const struct qmac_history *history, uint32_t count)
{
	struct qmac_access access = random_access();
	struct visit v = {.most = 0};
	uint32_t least = (uint32_t)test_between(&state, 1, count + 1), last = least;
	uint64_t place = 0;
	bool found = qmac_history_find(history, &access, &last, &place);

	(void)qmac_access_each_run(&access, find_plain, &v);
	CU_ASSERT_EQUAL_FATAL(found, v.most >= least);
	CU_ASSERT_EQUAL(last, found ? v.most : least);
	if (found)
		CU_ASSERT_EQUAL(place, v.place);
}

/* Every run has its number, and no two runs share a place. */
static bool take_back(void *context, uint64_t begin, uint64_t end, uint32_t last)
{
	int64_t *left = context;

	for (; begin < end; begin++) {
		uint32_t *own = &plain[region_of(begin)][number_of(begin)];

		CU_ASSERT_EQUAL_FATAL(*own, last);
		*own = 0;
		--*left;
	}
	return true;
}

static void check_each(const struct qmac_history *history)
{
	int64_t left = 0;

	for (int region = 0; region < QMAC_REGIONS; region++)
		for (int i = 0; i < PLACES; i++)
			left += plain[region][i] != 0;
	CU_ASSERT_TRUE(qmac_history_each(history, take_back, &left));
	CU_ASSERT_EQUAL(left, 0);
}

/* In all, or in a loop alone. */
static void change(struct qmac_access *access)
{
	int i = (int)test_between(&state, 0, 3);

	if (i < 3 && access->n[i] > 1 && access->s[i] > 1 && test_random(&state) % 2)
		access->s[i]--;
	else if (i < 3 && access->n[i] > 2)
		access->n[i]--;
	else
		*access = random_access();
}

/* Now and then the same access comes again, or another one with the same number. */
static void test_streams(void)
{
	for (int stream = 0; stream < STREAMS; stream++) {
		struct qmac_history history = {.size = 0};
		struct qmac_access access = random_access();
		uint32_t last = 1;

		memset(plain, 0, sizeof plain);
		for (int i = 0; i < ACCESSES; i++) {
			struct visit v = {.last = last};

			CU_ASSERT_TRUE_FATAL(qmac_history_note(&history, &access, last));
			(void)qmac_access_each_run(&access, note_plain, &v);
			for (int s = 0; s < SEARCHES && i % 4 == 0; s++)
				check_find(&history, last);
			if (test_random(&state) % 3)
				change(&access);
			last += test_random(&state) % 4 != 0;
		}
		check_each(&history);
		qmac_history_free(&history);
	}
}

int main(void)
{
	static const struct test_case cases[] = {{"streams of accesses", test_streams}};

	state = test_seed();
	return test_main("test_history", cases, TEST_COUNT(cases));
}
