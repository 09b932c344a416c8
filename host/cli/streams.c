/* The three standard streams, whatever whoever started the program has made of them. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "cli/cli.h"

static void do_nothing(int number)
{
	(void)number;
}

void qmac_cli_open_streams(void)
{
	/* Caught, and not ignored: what is started has it as usual. */
	struct sigaction quiet = {.sa_handler = do_nothing}, before;

	/* open() gives the lowest one that is free. */
	for (int stream = STDIN_FILENO; stream <= STDERR_FILENO; stream++)
		if (fcntl(stream, F_GETFD) < 0 && errno == EBADF && open("/dev/null", O_RDWR) != stream)
			_exit(QMAC_INTERNAL);
	/* A limit of file size is a write error like a full disk, and so is a pipe that nobody reads. */
	(void)signal(SIGXFSZ, SIG_IGN);
	sigemptyset(&quiet.sa_mask);
	if (sigaction(SIGPIPE, NULL, &before) == 0 && before.sa_handler == SIG_DFL)
		sigaction(SIGPIPE, &quiet, NULL);
}

static bool has_reader(void)
{
	struct pollfd output = {.fd = STDOUT_FILENO, .events = POLLOUT};

	return poll(&output, 1, 0) <= 0 || !(output.revents & POLLERR);
}

enum qmac_status qmac_cli_close_output(enum qmac_status status)
{
	struct sigaction now;

	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return status;
	if (has_reader()) {
		/* Of an earlier error the reason is lost; this is the likely one. */
		fprintf(stderr, "qmac: cannot write to the standard output: %s\n", strerror(errno ? errno : ENOSPC));
	} else if (!status && sigaction(SIGPIPE, NULL, &now) == 0 && now.sa_handler == do_nothing) {
		(void)signal(SIGPIPE, SIG_DFL);
		(void)raise(SIGPIPE);
	}
	return status ? status : QMAC_BAD_INPUT;
}

void qmac_cli_flush_output(void)
{
	if (fflush(stdout) || ferror(stdout))
		(void)raise(SIGTERM);
}
