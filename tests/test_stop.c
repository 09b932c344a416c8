/* A process that is asked to stop: what the signals do, and what is given up. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "process/blocks.h"
#include "process/stop.h"
#include "test.h"

static void sleep_ms(long ms)
{
	const struct timespec time = {ms / 1000, ms % 1000 * 1000000};

	nanosleep(&time, NULL);
}

/* In a process of its own, whose signals are as they were at its start; its status, as of wait(). */
static int in_child(int (*play)(void))
{
	pid_t child = fork();
	int status = -1;

	if (child == 0)
		_exit(play());
	while (child > 0 && waitpid(child, &status, 0) < 0)
		continue;
	return status;
}

static void count(void *context, int block)
{
	(void)block;
	++*(int *)context;
}

static int grades(void)
{
	const volatile sig_atomic_t *stop = qmac_stop_catch();
	struct qmac_error err = {0};
	int blocks = 0;

	if (*stop || qmac_stop_is_asked() || qmac_stop_is_due() || qmac_stop_has_given_up())
		return 1;
	raise(SIGTERM);
	if (*stop != SIGTERM || !qmac_stop_is_asked())
		return 2;
	if (!qmac_blocks_run(1, QMAC_BLOCKS, count, &blocks) || blocks != QMAC_BLOCKS)
		return 3; /* what is under way has a second yet */
	raise(SIGINT); /* at once: it belongs to the first */
	sleep_ms(1100);
	if (*stop != SIGTERM || !qmac_stop_is_due())
		return 6;
	if (qmac_blocks_run(1, QMAC_BLOCKS, count, &blocks) || blocks != QMAC_BLOCKS)
		return 4;
	if (qmac_stop_give_up(&err) != QMAC_CHECK_FAILED || !qmac_stop_has_given_up() ||
	    strcmp(err.message, "stopped") != 0)
		return 5;
	return 0;
}

static int second(void)
{
	(void)qmac_stop_catch();
	raise(SIGTERM);
	sleep_ms(300);
	raise(SIGINT);
	return 0;
}

static int second_of_child(void)
{
	qmac_stop_follow();
	return second();
}

static int ignored(void)
{
	struct sigaction now;

	(void)signal(SIGHUP, SIG_IGN);
	(void)qmac_stop_catch();
	raise(SIGHUP);
	return qmac_stop_is_asked() || sigaction(SIGHUP, NULL, &now) || now.sa_handler != SIG_IGN;
}

static void test_grades(void)
{
	CU_ASSERT_EQUAL(in_child(grades), 0);
}

static void test_second(void)
{
	int status = in_child(second);

	CU_ASSERT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGINT);
	CU_ASSERT_EQUAL(in_child(second_of_child), 0);
}

static void test_ignored(void)
{
	CU_ASSERT_EQUAL(in_child(ignored), 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"a stop is asked for, and then due", test_grades},
		{"a second signal", test_second},
		{"signals that are ignored", test_ignored},
	};

	return test_main("test_stop", cases, TEST_COUNT(cases));
}
