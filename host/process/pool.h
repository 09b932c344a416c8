/*
 * Numbered tasks side by side, each in a process of its own: one that crashes ends its task
 * only. Whichever ends first makes room for the next. On Linux they end with the process that
 * started them, in whatever way that ends.
 */
#ifndef QMAC_PROCESS_POOL_H
#define QMAC_PROCESS_POOL_H

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

enum { QMAC_POOL_ANSWER_MAX = 4096 }; /* bytes */

struct qmac_pool {
	int count;                    /* tasks, started in order */
	int jobs;                     /* processes at a time, at least 1 */
	size_t answer_size;           /* 1..QMAC_POOL_ANSWER_MAX */
	/* In a process of its own: does task `index` and fills the answer, which is zero before. */
	void (*work)(void *context, int index, void *answer);
	/*
	 * Once per task that was started, as they end: with its answer, or with NULL and why there is none
	 * (QMAC_INTERNAL).
	 */
	void (*on_end)(void *context, int index, const void *answer, const struct qmac_error *err);
	void *context;
	/*
	 * Not 0 but a signal's number: nothing more is started, and what runs gets that signal once. May be
	 * NULL.
	 */
	const volatile sig_atomic_t *stop;
};

/*
 * Runs all; *started of them, fewer than count only where that was stopped. Fails, before anything is
 * started, where memory is short. Call it in a process without threads.
 */
QMAC_MUST_CHECK enum qmac_status qmac_pool_run(const struct qmac_pool *pool, int *started,
                                               struct qmac_error *err);

/*
 * Does this process do one of several tasks that run side by side? They have a processor each at best, and
 * threads that wait for each other would keep one from the others.
 */
bool qmac_pool_is_shared(void);

#endif
