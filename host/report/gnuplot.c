#define _POSIX_C_SOURCE 200809L
#include "report/gnuplot.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/orphan.h"

/*
 * In the child: becomes gnuplot, reading the script, writing the picture, complaining into a third file. What
 * it could not do goes into the pipe, which closes where it could.
 */
static void become_gnuplot(int script, int picture, int complaints, int pipe)
{
	int reason;

	if (dup2(script, STDIN_FILENO) >= 0 && dup2(picture, STDOUT_FILENO) >= 0
	    && dup2(complaints, STDERR_FILENO) >= 0)
		/* -d: no start-up file of the user's may change the picture. */
		execlp("gnuplot", "gnuplot", "-d", "-", (char *)NULL);
	reason = errno;
	if (write(pipe, &reason, sizeof reason) != (ssize_t)sizeof reason)
		_exit(126);
	_exit(127);
}

/* Starts it; *reason is what kept it from starting, 0: nothing. Returns its exit status, -1 with *reason. */
static int run(FILE *script, FILE *picture, FILE *complaints, int *reason)
{
	int ends[2], status = -1;
	pid_t parent = getpid(), child;

	*reason = 0;
	if (pipe(ends)) {
		*reason = errno;
		return -1;
	}
	child = fork();
	if (child == 0) {
		qmac_process_end_with(parent);
		fcntl(ends[1], F_SETFD, FD_CLOEXEC);
		close(ends[0]);
		become_gnuplot(fileno(script), fileno(picture), fileno(complaints), ends[1]);
	}
	if (child < 0)
		*reason = errno;
	close(ends[1]);
	if (child > 0 && read(ends[0], reason, sizeof *reason) != (ssize_t)sizeof *reason)
		*reason = 0;
	close(ends[0]);
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR) {
			*reason = errno;
			break;
		}
	return *reason ? -1 : status;
}

/* Is there a program of that name? That it did not start may have another reason, such as its interpreter. */
static bool is_installed(const char *name)
{
	const char *at = getenv("PATH");
	char path[1200];

	while (at && *at) {
		size_t length = strcspn(at, ":");

		snprintf(path, sizeof path, "%.*s%s%s", (int)length, at, length ? "/" : "", name);
		if (access(path, F_OK) == 0)
			return true;
		at += length + (at[length] != 0);
	}
	return false;
}

/* gnuplot does not report a full disk: a whole picture ends with its closing tag. */
static bool is_whole(FILE *picture)
{
	char tail[64] = "";

	if (fseek(picture, -32, SEEK_END))
		return false;
	tail[fread(tail, 1, sizeof tail - 1, picture)] = 0;
	return strstr(tail, "</svg>") != NULL;
}

/* What gnuplot met at the end of its picture, which is given up: errno of going on there; 0: nothing. */
static int write_error(int picture)
{
	enum { BLOCKS = 16 }; /* the rest of the last block may be there where no other is */
	char block[4096] = "";

	if (lseek(picture, 0, SEEK_END) < 0)
		return errno;
	for (int i = 0; i < BLOCKS; i++)
		if (write(picture, block, sizeof block) < 0)
			return errno;
	return 0;
}

/* ": <the first line that says something>", or nothing. */
static void read_complaint(FILE *complaints, char text[200])
{
	char line[160];

	text[0] = 0;
	rewind(complaints);
	while (!text[0] && fgets(line, sizeof line, complaints)) {
		line[strcspn(line, "\r\n")] = 0;
		if (line[strspn(line, " \t^")])
			snprintf(text, 200, ": %s", line + strspn(line, " \t"));
	}
}

static void explain(const struct qmac_atomic_file *picture, FILE *complaints, int status, char *warning,
                    size_t warning_size)
{
	int reason = write_error(fileno(picture->stream));
	char complaint[200];

	read_complaint(complaints, complaint);
	if (reason)
		snprintf(warning, warning_size, "no plot: cannot write %s: %s", picture->path, strerror(reason));
	else if (WIFSIGNALED(status))
		snprintf(warning, warning_size, "no plot: gnuplot was ended by signal %d%s", WTERMSIG(status),
		         complaint);
	else if (WEXITSTATUS(status))
		snprintf(warning, warning_size, "no plot: gnuplot failed with exit status %d%s", WEXITSTATUS(status),
		         complaint);
	else
		snprintf(warning, warning_size, "no plot: gnuplot left %s unfinished%s", picture->path, complaint);
}

bool qmac_gnuplot_run(FILE *script, const struct qmac_atomic_file *picture, char *warning,
                      size_t warning_size)
{
	FILE *complaints = tmpfile();
	int reason, status;
	bool drawn = false;

	if (!complaints) {
		snprintf(warning, warning_size, "no plot: cannot make a temporary file: %s", strerror(errno));
		return false;
	}
	status = run(script, picture->stream, complaints, &reason);
	if (reason && !is_installed("gnuplot"))
		snprintf(warning, warning_size, "no plot: gnuplot is not installed (Debian package gnuplot-nox)");
	else if (reason)
		snprintf(warning, warning_size, "no plot: cannot run gnuplot: %s", strerror(reason));
	else if (WIFEXITED(status) && !WEXITSTATUS(status) && is_whole(picture->stream))
		drawn = true;
	else
		explain(picture, complaints, status, warning, warning_size);
	fclose(complaints);
	return drawn;
}
