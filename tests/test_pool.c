/* Tasks in processes of their own: which of them share the machine. What else they do: tests/cli_process.sh. */
#include "process/pool.h"

#include "test.h"

static int answers, sharing;

static void work(void *context, int index, void *answer)
{
	(void)context;
	(void)index;
	*(char *)answer = (char)(1 + qmac_pool_is_shared());
}

static void on_end(void *context, int index, const void *answer, const struct qmac_error *err)
{
	(void)context;
	(void)index;
	(void)err;
	answers += answer != NULL;
	sharing += answer && *(const char *)answer == 2;
}

static void expect(int count, int jobs, int shared)
{
	const struct qmac_pool pool = {
		.count = count, .jobs = jobs, .answer_size = 1, .work = work, .on_end = on_end,
	};
	struct qmac_error err;
	int started;

	answers = sharing = 0;
	CU_ASSERT_EQUAL(qmac_pool_run(&pool, &started, &err), QMAC_OK);
	CU_ASSERT_EQUAL(started, count);
	CU_ASSERT_EQUAL(answers, count);
	CU_ASSERT_EQUAL(sharing, shared);
	CU_ASSERT(!qmac_pool_is_shared());
}

static void test_sharing(void)
{
	expect(3, 2, 3);
	expect(3, 1, 0);
	expect(1, 4, 0);
}

int main(void)
{
	static const struct test_case cases[] = {{"which tasks share the machine", test_sharing}};

	return test_main("test_pool", cases, TEST_COUNT(cases));
}
