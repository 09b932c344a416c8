#define _POSIX_C_SOURCE 200809L
#include "process/pool.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "process/orphan.h"
#include "process/stop.h"

/* An answer goes through its pipe in one piece and never blocks the writer. */
_Static_assert(QMAC_POOL_ANSWER_MAX <= PIPE_BUF, "an answer fits one pipe write");

enum { POLL_MS = 100 };

struct child {
	pid_t process;
	int index;
};

struct running {
	const struct qmac_pool *pool;
	struct child *children;   /* `active` of them */
	struct pollfd *pipes;     /* their answers */
	int active, started;
	bool stopping;
};

static bool shared; /* in a child whose task is not the only one */

bool qmac_pool_is_shared(void)
{
	return shared;
}

/* In the child: does the task, answers, ends without touching what it shares with the parent. */
static void work(const struct qmac_pool *pool, int index, pid_t parent, int out)
{
	_Alignas(max_align_t) char answer[QMAC_POOL_ANSWER_MAX] = {0};

	/* Programs that the task starts keep no pipe open. */
	fcntl(out, F_SETFD, FD_CLOEXEC);
	/* Who starts again after the parent was killed is not to find this process at work. */
	qmac_process_end_with(parent);
	qmac_stop_follow();
	shared = pool->jobs > 1 && pool->count > 1;
	pool->work(pool->context, index, answer);
	_exit(write(out, answer, pool->answer_size) == (ssize_t)pool->answer_size ? 0 : QMAC_INTERNAL);
}

static void refuse(const struct qmac_pool *pool, int index, int reason)
{
	struct qmac_error err;

	(void)qmac_fail(&err, QMAC_INTERNAL, "cannot start a process: %s", strerror(reason));
	pool->on_end(pool->context, index, NULL, &err);
}

static void start(struct running *running)
{
	int index = running->started++, ends[2], reason;
	pid_t parent, child;

	if (pipe(ends)) {
		refuse(running->pool, index, errno);
		return;
	}
	parent = getpid();
	child = fork();
	if (child == 0)
		work(running->pool, index, parent, ends[1]);
	reason = errno;
	close(ends[1]);
	if (child < 0) {
		close(ends[0]);
		refuse(running->pool, index, reason);
		return;
	}
	running->children[running->active] = (struct child){child, index};
	running->pipes[running->active] = (struct pollfd){.fd = ends[0], .events = POLLIN};
	running->active++;
}

/* Takes the answer of a child that has given one, or has ended without; the last one takes its place. */
static void collect(struct running *running, int at)
{
	const struct qmac_pool *pool = running->pool;
	const struct child child = running->children[at];
	_Alignas(max_align_t) char answer[QMAC_POOL_ANSWER_MAX];
	bool answered = read(running->pipes[at].fd, answer, pool->answer_size) == (ssize_t)pool->answer_size;
	struct qmac_error err = {0};
	int status = 0;

	close(running->pipes[at].fd);
	while (waitpid(child.process, &status, 0) < 0 && errno == EINTR)
		continue;
	running->active--;
	running->children[at] = running->children[running->active];
	running->pipes[at] = running->pipes[running->active];
	if (!answered && WIFSIGNALED(status))
		(void)qmac_fail(&err, QMAC_INTERNAL, "its process was ended by signal %d", WTERMSIG(status));
	else if (!answered)
		(void)qmac_fail(&err, QMAC_INTERNAL, "its process ended without an answer");
	pool->on_end(pool->context, child.index, answered ? answer : NULL, &err);
}

/*
 * What the parent was told it passes on: that signal is none that is ignored. Who sends it to the whole
 * process group has told the children already, which is no matter to them.
 */
static void stop_all(struct running *running)
{
	running->stopping = true;
	for (int i = 0; i < running->active; i++)
		kill(running->children[i].process, *running->pool->stop);
}

/* Waits for a moment only: a signal between the look at `stop` and the wait would be lost. */
static void run(struct running *running)
{
	const struct qmac_pool *pool = running->pool;

	for (;;) {
		if (pool->stop && *pool->stop && !running->stopping)
			stop_all(running);
		while (!running->stopping && running->started < pool->count && running->active < pool->jobs)
			start(running);
		if (!running->active)
			return;
		if (poll(running->pipes, (nfds_t)running->active, POLL_MS) <= 0)
			continue;
		for (int i = running->active - 1; i >= 0; i--)
			if (running->pipes[i].revents)
				collect(running, i);
	}
}

enum qmac_status qmac_pool_run(const struct qmac_pool *pool, int *started, struct qmac_error *err)
{
	size_t room = (size_t)(pool->jobs < pool->count ? pool->jobs : pool->count);
	struct running running = {.pool = pool};
	enum qmac_status status = QMAC_OK;

	assert(pool->count >= 1 && pool->jobs >= 1);
	assert(pool->answer_size >= 1 && pool->answer_size <= QMAC_POOL_ANSWER_MAX);
	running.children = calloc(room, sizeof *running.children);
	running.pipes = calloc(room, sizeof *running.pipes);
	if (running.children && running.pipes)
		run(&running);
	else
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory");
	free(running.pipes);
	free(running.children);
	*started = running.started;
	return status;
}
