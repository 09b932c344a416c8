#define _POSIX_C_SOURCE 200809L
#include "process/stop.h"

#include <stddef.h>
#include <time.h>

static const double due_after = 1;         /* seconds */
/* What comes so soon is the same stop: timeout(1) tells a process, and then its group. */
static const double same_within = 0.25;

static volatile sig_atomic_t asked; /* the signal's number */
static struct timespec asked_at;    /* written before `asked` is */
static volatile sig_atomic_t follows, gave_up;

static double since_asked(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)(now.tv_sec - asked_at.tv_sec) + 1e-9 * (double)(now.tv_nsec - asked_at.tv_nsec);
}

static void note(int number)
{
	if (!asked) {
		clock_gettime(CLOCK_MONOTONIC, &asked_at);
		asked = number;
	} else if (!follows && since_asked() > same_within) {
		(void)signal(number, SIG_DFL);
		(void)raise(number);
	}
}

const volatile sig_atomic_t *qmac_stop_catch(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = note}, before;

	sigemptyset(&action.sa_mask);
	for (int i = 0; i < 3; i++)
		sigaddset(&action.sa_mask, numbers[i]);
	for (int i = 0; i < 3; i++)
		if (sigaction(numbers[i], NULL, &before) == 0 && before.sa_handler != SIG_IGN)
			sigaction(numbers[i], &action, NULL);
	return &asked;
}

void qmac_stop_follow(void)
{
	follows = 1;
}

bool qmac_stop_is_asked(void)
{
	return asked != 0;
}

bool qmac_stop_is_due(void)
{
	return asked && since_asked() > due_after;
}

enum qmac_status qmac_stop_give_up(struct qmac_error *err)
{
	gave_up = 1;
	return qmac_fail(err, QMAC_CHECK_FAILED, "stopped");
}

bool qmac_stop_has_given_up(void)
{
	return gave_up;
}
