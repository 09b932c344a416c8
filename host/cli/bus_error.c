/*
 * A bus error that is none of ours. Files that are mapped into memory cannot tell of a write error: where
 * there is no page for what is written, or no file any more for what is read, the process gets a SIGBUS.
 */
#define _XOPEN_SOURCE 700
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "backend/wave.h"
#include "cli/cli.h"
#include "config/text.h"

/* A signal handler can reach nothing but a static. Empty where no waves are written. */
static char wave[QMAC_WAVE_PATH_MAX], beside[QMAC_WAVE_PATH_MAX], shown[4 * QMAC_WAVE_PATH_MAX];

static void say(const char *text)
{
	if (write(STDERR_FILENO, text, strlen(text)) < 0)
		return; /* there is nobody left to tell */
}

/*
 * Only calls that POSIX allows in a handler. The file beside the waves is there as long as they are
 * written: without it the error comes from somewhere else.
 */
static void explain(int number, siginfo_t *info, void *context)
{
	(void)context;
	/* Misaligned, or sent by somebody: it kills as usual. SA_RESETHAND took this handler away. */
	if (info->si_code != BUS_ADRERR) {
		raise(number);
		return;
	}
	if (wave[0] && unlink(beside) == 0) {
		unlink(wave);
		say("qmac: bus error while waves were written: most likely a disk is full, that of ");
		say(shown);
		say(" or that of /tmp; free space or name another file with --wave. It was removed\n");
	} else {
		if (wave[0])
			unlink(wave);
		say("qmac: bus error: a library in the cache of simulations may be damaged (remove it: "
		    "$QMAC_CACHE/rtl, else ~/.cache/qmac/rtl), or a disk is full\n");
	}
	_exit(QMAC_BAD_INPUT);
}

void qmac_cli_catch_bus_error(void)
{
	struct sigaction action = {.sa_sigaction = explain, .sa_flags = SA_SIGINFO | (int)SA_RESETHAND}, before;

	sigemptyset(&action.sa_mask);
	if (sigaction(SIGBUS, NULL, &before) == 0 && !(before.sa_flags & SA_SIGINFO) &&
	    before.sa_handler == SIG_DFL)
		sigaction(SIGBUS, &action, NULL);
}

void qmac_cli_waves_begin(const char *path, const char *temporary)
{
	strcpy(beside, temporary);
	strcat(beside, QMAC_WAVE_BESIDE);
	qmac_text_show(path, shown, sizeof shown);
	strcpy(wave, temporary);
}

void qmac_cli_waves_end(void)
{
	wave[0] = 0;
}
