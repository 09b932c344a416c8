#include "process/blocks.h"

#include <assert.h>
#include <pthread.h>

#include "process/stop.h"

struct worker {
	void (*work)(void *context, int block);
	void *context;
	int first, threads, blocks; /* takes blocks first, first + threads, ... of so many */
	pthread_t thread;
	int started;
	bool whole;
};

static void *run(void *argument)
{
	struct worker *worker = argument;

	for (int block = worker->first; block < worker->blocks; block += worker->threads) {
		if (qmac_stop_is_due())
			return NULL;
		worker->work(worker->context, block);
	}
	worker->whole = true;
	return NULL;
}

bool qmac_blocks_run(int threads, int blocks, void (*work)(void *context, int block), void *context)
{
	struct worker workers[QMAC_BLOCKS];
	bool whole;

	assert(threads >= 1 && blocks >= 1 && blocks <= QMAC_BLOCKS);
	if (threads > blocks)
		threads = blocks;
	for (int t = 0; t < threads; t++)
		workers[t] = (struct worker){.work = work, .context = context, .first = t, .threads = threads,
		                             .blocks = blocks};
	for (int t = 1; t < threads; t++)
		workers[t].started = pthread_create(&workers[t].thread, NULL, run, &workers[t]) == 0;
	run(&workers[0]);
	whole = workers[0].whole;
	for (int t = 1; t < threads; t++) {
		if (workers[t].started)
			pthread_join(workers[t].thread, NULL);
		else
			run(&workers[t]); /* no thread to be had: the result is the same */
		whole &= workers[t].whole;
	}
	return whole;
}
