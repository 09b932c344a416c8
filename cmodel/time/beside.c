#include "time/beside.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

enum {
	PLACES = 4096, /* commands between the two */
	WORTH = 256    /* so many are worth waking the other thread for, which may sleep longer than that takes */
};

struct qmac_beside {
	struct qmac_clock *clock;
	struct qmac_clock_work *work;     /* number n at n % PLACES */
	char *records;
	size_t record_bytes;
	uint64_t written;              /* by the device alone: those up to `pushed` are there to be taken */
	pthread_t thread;
	pthread_mutex_t mutex;         /* of what follows */
	pthread_cond_t more, fewer;    /* there is work; there is room, or all is done */
	uint64_t pushed, taken;
	bool ends;
};

static void *advance(void *argument)
{
	struct qmac_beside *b = argument;
	uint64_t taken = 0, pushed;

	for (;;) {
		pthread_mutex_lock(&b->mutex);
		b->taken = taken;
		pthread_cond_signal(&b->fewer);
		while (b->pushed == taken && !b->ends)
			pthread_cond_wait(&b->more, &b->mutex);
		pushed = b->pushed;
		pthread_mutex_unlock(&b->mutex);
		if (pushed == taken)
			return NULL;
		for (; taken < pushed; taken++)
			(void)qmac_clock_push(b->clock, &b->work[taken % PLACES],
			                      b->records + taken % PLACES * b->record_bytes);
	}
}

static void release(struct qmac_beside *beside)
{
	free(beside->work);
	free(beside->records);
	free(beside);
}

struct qmac_beside *qmac_beside_create(struct qmac_clock *clock, size_t record_bytes)
{
	struct qmac_beside *b = calloc(1, sizeof *b);

	if (!b)
		return NULL;
	b->clock = clock;
	b->record_bytes = record_bytes;
	b->work = malloc(PLACES * sizeof b->work[0]);
	b->records = malloc(PLACES * record_bytes + 1);
	if (!b->work || !b->records) {
		release(b);
		return NULL;
	}
	pthread_mutex_init(&b->mutex, NULL);
	pthread_cond_init(&b->more, NULL);
	pthread_cond_init(&b->fewer, NULL);
	if (pthread_create(&b->thread, NULL, advance, b) == 0)
		return b;
	pthread_mutex_destroy(&b->mutex);
	pthread_cond_destroy(&b->more);
	pthread_cond_destroy(&b->fewer);
	release(b);
	return NULL;
}

void qmac_beside_destroy(struct qmac_beside *beside)
{
	if (!beside)
		return;
	pthread_mutex_lock(&beside->mutex);
	beside->pushed = beside->written;
	beside->ends = true;
	pthread_cond_signal(&beside->more);
	pthread_mutex_unlock(&beside->mutex);
	pthread_join(beside->thread, NULL);
	pthread_mutex_destroy(&beside->mutex);
	pthread_cond_destroy(&beside->more);
	pthread_cond_destroy(&beside->fewer);
	release(beside);
}

/* Shows what was written; then until at most `left` of it have not been taken. */
static void show(struct qmac_beside *b, uint64_t left)
{
	pthread_mutex_lock(&b->mutex);
	b->pushed = b->written;
	pthread_cond_signal(&b->more);
	while (b->pushed - b->taken > left)
		pthread_cond_wait(&b->fewer, &b->mutex);
	pthread_mutex_unlock(&b->mutex);
}

void qmac_beside_push(struct qmac_beside *beside, const struct qmac_clock_work *work, const void *record)
{
	uint64_t place = beside->written % PLACES;

	beside->work[place] = *work;
	if (beside->record_bytes)
		memcpy(beside->records + place * beside->record_bytes, record, beside->record_bytes);
	if (++beside->written % WORTH == 0)
		show(beside, PLACES - WORTH);
}

void qmac_beside_wait(struct qmac_beside *beside)
{
	show(beside, 0);
}
