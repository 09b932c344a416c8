#define _POSIX_C_SOURCE 200809L
#include "cli/cli.h"

/* A signal handler can reach nothing but a static: the one exception to having no global state. */
static volatile sig_atomic_t stop_signal;

static void note(int number)
{
	stop_signal = number;
}

const volatile sig_atomic_t *qmac_cli_catch_stop(void)
{
	static const int numbers[] = {SIGINT, SIGTERM, SIGHUP};
	struct sigaction action = {.sa_handler = note, .sa_flags = (int)SA_RESETHAND};

	sigemptyset(&action.sa_mask);
	for (int i = 0; i < 3; i++)
		sigaction(numbers[i], &action, NULL);
	return &stop_signal;
}
