/*
 * Configurations side by side, each in a process of its own: a device that crashes ends
 * its configuration only.
 */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "fuzz/fuzz.h"

/* An answer goes through the pipe in one piece and never blocks the writer. */
_Static_assert(sizeof(struct qmac_fuzz_result) <= PIPE_BUF, "an answer fits one pipe write");

struct process {
	pid_t id;      /* 0: ended, or never started */
	int pipe;
	struct qmac_fuzz_result result;
};

static void start(const struct qmac_fuzz_options *options, int index, struct process *p)
{
	int ends[2], reason;

	qmac_fuzz_begin(options, index, &p->result);
	if (pipe(ends) == 0) {
		p->id = fork();
		if (p->id == 0) {
			qmac_fuzz_configuration(options, index, &p->result);
			_exit(write(ends[1], &p->result, sizeof p->result) == (ssize_t)sizeof p->result ? 0 : 1);
		}
		reason = errno;
		close(ends[1]);
		p->pipe = ends[0];
		if (p->id > 0)
			return;
		close(ends[0]);
	} else {
		reason = errno;
	}
	p->id = 0;
	p->result.status = qmac_fail(&p->result.err, QMAC_INTERNAL, "cannot start a process: %s",
	                             strerror(reason));
}

/* Waits for the end of a process, whose answer lies in the pipe then. */
static void collect(struct process *p)
{
	struct qmac_fuzz_result answer;
	int status = 0;
	bool answered;

	if (!p->id)
		return;
	while (waitpid(p->id, &status, 0) < 0 && errno == EINTR)
		continue;
	answered = read(p->pipe, &answer, sizeof answer) == (ssize_t)sizeof answer;
	close(p->pipe);
	p->id = 0;
	if (answered)
		p->result = answer;
	else if (WIFSIGNALED(status))
		p->result.status = qmac_fail(&p->result.err, QMAC_INTERNAL, "its process was ended by signal %d",
		                             WTERMSIG(status));
	else
		p->result.status = qmac_fail(&p->result.err, QMAC_INTERNAL, "its process ended without an answer");
}

static enum qmac_status verdict(const struct process *processes, int ran, int count, struct qmac_error *err)
{
	enum qmac_status worst = QMAC_OK;
	int failed = 0, whole = 0;

	for (int i = 0; i < ran; i++) {
		const struct qmac_fuzz_result *r = &processes[i].result;

		failed += r->status != QMAC_OK;
		whole += r->commands == r->wanted;
		worst = r->status > worst ? r->status : worst;
	}
	if (worst)
		return qmac_fail(err, worst, "%d of %d configurations failed%s", failed, ran,
		                 ran < count ? "; stopped after these" : "");
	/* The last ones may have been stopped half-way. */
	if (whole < count)
		return qmac_fail(err, QMAC_CHECK_FAILED, "stopped after %d of %d configurations", whole, count);
	return QMAC_OK;
}

/* Results come in order, so the oldest process is waited for; the others work on meanwhile. */
enum qmac_status qmac_fuzz_run(const struct qmac_fuzz_options *options,
                               void (*on_result)(void *context, int index,
                                                 const struct qmac_fuzz_result *result),
                               void *context, struct qmac_error *err)
{
	enum qmac_status status = qmac_fuzz_make_folder(options, err);
	struct process *processes;
	int started = 0, ended = 0;

	if (status)
		return status;
	processes = calloc((size_t)options->configs, sizeof *processes);
	if (!processes)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	while (ended < options->configs) {
		bool stopped = options->stop && *options->stop;

		while (!stopped && started < options->configs && started - ended < options->jobs) {
			start(options, started, &processes[started]);
			started++;
		}
		if (ended == started)
			break;
		collect(&processes[ended]);
		on_result(context, ended, &processes[ended].result);
		ended++;
	}
	status = verdict(processes, ended, options->configs, err);
	free(processes);
	return status;
}
