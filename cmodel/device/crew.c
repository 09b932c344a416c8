#include "device/crew.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "device/pending.h"
#include "device/split.h"

enum {
	COMMANDS = 1 << QMAC_RING_LOG2_MAX,
	FEWEST = 64,       /* commands that are worth a second thread */
	SPINS = 20000,     /* looks before a thread gives up its processor: what it takes to wake it */
	SLOTS = 4096,      /* of the table of parts; a power of two */
	LINE = 64          /* bytes that processors hand each other */
};

#define PLAN_BYTES ((uint64_t)128 << 20) /* of all parts that are remembered, but for the last of them */

/* Commands that came before. */
struct part {
	uint64_t hash;
	uint32_t count;    /* 0: the slot is empty */
	uint32_t (*words)[QMAC_COMMAND_WORDS]; /* but for free bits; NULL: it came once */
	struct qmac_split split;
};

/* How far a thread is in the part under way. */
struct progress {
	_Alignas(LINE) atomic_uint steps; /* done, as far as the other one waits for them; UINT32_MAX: all */
};

struct qmac_crew {
	struct qmac_device *device;
	qmac_crew_done *done;
	struct qmac_device *mate;  /* the device as the second thread sees it: with an A and a W of its own */
	struct qmac_unit mate_unit;
	bool apart;                /* whose rows are not those of the device */
	pthread_t thread;
	bool begun;

	uint32_t (*words)[QMAC_COMMAND_WORDS]; /* gathered */
	struct qmac_outcome *outcomes;
	uint32_t count;
	uint64_t hash;
	uint64_t shared, bytes;
	uint32_t free_bits[QMAC_OPCODE_SYNC + 1][QMAC_COMMAND_WORDS];
	struct part parts[SLOTS];

	struct progress progress[QMAC_CREW];
	_Alignas(LINE) atomic_uint turn; /* of parts: the mate begins when it changes */
	const struct qmac_split *split;
	pthread_mutex_t mutex;           /* of sleep */
	pthread_cond_t more;
	atomic_bool sleeps, ends;
};

/* Between two looks at what the other thread may have changed; `looks` of them so far. */
static void relax(unsigned looks)
{
	if (looks >= SPINS)
		sched_yield();
#if defined __x86_64__
	else
		__builtin_ia32_pause();
#endif
}

/* ---- carrying out ------------------------------------------------------------------------------- */

static void tell(struct progress *own, uint32_t steps)
{
	atomic_store_explicit(&own->steps, steps, memory_order_release);
}

static void wait_for(const struct progress *other, uint32_t steps)
{
	for (unsigned looks = 0; atomic_load_explicit(&other->steps, memory_order_acquire) < steps; looks++)
		relax(looks);
}

/* Nothing that the other thread waits for is held back. */
static void carry_out_step(struct qmac_crew *crew, const struct qmac_split_step *step, struct qmac_unit *unit)
{
	struct qmac_command c;

	qmac_command_decode(crew->words[step->command], &c);
	qmac_unit_execute(unit, &c);
	if (!step->again)
		crew->outcomes[step->command] = unit->outcome;
	if (step->tells)
		qmac_pending_settle(unit);
}

/* The steps of a thread. */
static void carry_out(struct qmac_crew *crew, unsigned thread, struct qmac_unit *unit)
{
	const struct qmac_split *split = crew->split;
	struct progress *own = &crew->progress[thread], *other = &crew->progress[1 - thread];

	unit->a_writes++; /* as rows were copied */
	for (uint32_t i = 0; i < split->counts[thread]; i++) {
		const struct qmac_split_step *step = &split->steps[thread][i];

		wait_for(other, step->waits);
		carry_out_step(crew, step, unit);
		if (step->tells)
			tell(own, i + 1);
	}
	qmac_pending_settle(unit);
	tell(own, UINT32_MAX);
}

/* The same on this thread alone, each step of `eager` as early as it may come, the others when none may. */
static void carry_out_in_turns(struct qmac_crew *crew, unsigned eager)
{
	const struct qmac_split *split = crew->split;
	struct qmac_unit *units[QMAC_CREW] = {&crew->device->unit, &crew->mate_unit};
	uint32_t at[QMAC_CREW] = {0};

	units[1]->a_writes++;
	while (at[0] < split->counts[0] || at[1] < split->counts[1]) {
		bool may = at[eager] < split->counts[eager] &&
		           split->steps[eager][at[eager]].waits <= at[1 - eager];
		unsigned thread = may ? eager : 1 - eager;

		carry_out_step(crew, &split->steps[thread][at[thread]++], units[thread]);
	}
	for (unsigned thread = 0; thread < QMAC_CREW; thread++)
		qmac_pending_settle(units[thread]);
}

static void carry_out_alone(struct qmac_crew *crew)
{
	struct qmac_unit *unit = &crew->device->unit;
	struct qmac_command c;

	for (uint32_t i = 0; i < crew->count; i++) {
		qmac_command_decode(crew->words[i], &c);
		qmac_unit_execute(unit, &c);
		crew->outcomes[i] = unit->outcome;
	}
	qmac_pending_settle(unit);
	crew->apart = true;
}

/* Both threads' A and W become those of the sequence. */
static void make_equal(struct qmac_crew *crew)
{
	struct qmac_device *views[QMAC_CREW] = {crew->device, crew->mate};

	for (uint32_t i = 0; i < crew->split->copy_count; i++) {
		const struct qmac_split_copy *copy = &crew->split->copies[i];

		qmac_device_operands_copy(views[1 - copy->from], views[copy->from], copy->space, copy->row,
		                          copy->rows);
	}
}

static void carry_out_side_by_side(struct qmac_crew *crew)
{
	for (unsigned thread = 0; thread < QMAC_CREW; thread++)
		atomic_store_explicit(&crew->progress[thread].steps, 0, memory_order_relaxed);
	atomic_fetch_add(&crew->turn, 1);
	if (atomic_load(&crew->sleeps)) {
		pthread_mutex_lock(&crew->mutex);
		pthread_cond_signal(&crew->more);
		pthread_mutex_unlock(&crew->mutex);
	}
	carry_out(crew, 0, &crew->device->unit);
	wait_for(&crew->progress[1], UINT32_MAX);
}

static void carry_out_together(struct qmac_crew *crew, const struct qmac_split *split)
{
	if (crew->apart) {
		qmac_device_operands_copy(crew->mate, crew->device, QMAC_SPACE_A, 0,
		                          (uint32_t)crew->device->hw.a_depth);
		qmac_device_operands_copy(crew->mate, crew->device, QMAC_SPACE_W, 0,
		                          (uint32_t)crew->device->hw.w_depth);
		crew->apart = false;
	}
	crew->split = split;
	if (crew->device->options.turns)
		carry_out_in_turns(crew, (unsigned)crew->device->options.turns - 1);
	else
		carry_out_side_by_side(crew);
	make_equal(crew);
	crew->device->unit.a_writes++;
	crew->shared += crew->count;
}

/* ---- the mate ----------------------------------------------------------------------------------- */

/* Until there is a part behind number `turn`; false: there will be none. */
static bool wait_for_turn(struct qmac_crew *crew, unsigned turn)
{
	for (unsigned looks = 0; looks < SPINS; looks++) {
		if (atomic_load(&crew->turn) != turn)
			return true;
		relax(looks);
	}
	pthread_mutex_lock(&crew->mutex);
	atomic_store(&crew->sleeps, true);
	while (atomic_load(&crew->turn) == turn && !atomic_load(&crew->ends))
		pthread_cond_wait(&crew->more, &crew->mutex);
	atomic_store(&crew->sleeps, false);
	pthread_mutex_unlock(&crew->mutex);
	return atomic_load(&crew->turn) != turn;
}

static void *work(void *argument)
{
	struct qmac_crew *crew = argument;

	for (unsigned turn = 0; wait_for_turn(crew, turn); turn++)
		carry_out(crew, 1, &crew->mate_unit);
	return NULL;
}

/* ---- what came before --------------------------------------------------------------------------- */

static const uint32_t *free_bits_of(const struct qmac_crew *crew, const uint32_t words[QMAC_COMMAND_WORDS])
{
	return crew->free_bits[words[0] & 0xF];
}

static bool is_same(const struct qmac_crew *crew, const struct part *part)
{
	for (uint32_t i = 0; i < crew->count; i++) {
		const uint32_t *free_bits = free_bits_of(crew, crew->words[i]);
		uint32_t differs = 0;

		for (unsigned k = 0; k < QMAC_COMMAND_WORDS; k++)
			differs |= (crew->words[i][k] & ~free_bits[k]) ^ part->words[i][k];
		if (differs)
			return false;
	}
	return true;
}

static void forget_all(struct qmac_crew *crew)
{
	for (int i = 0; i < SLOTS; i++) {
		free(crew->parts[i].words);
		qmac_split_free(&crew->parts[i].split);
	}
	memset(crew->parts, 0, sizeof crew->parts);
	crew->bytes = 0;
}

/* The slot of what was gathered, or an empty one; where there is no room any more all are emptied. */
static struct part *find_part(struct qmac_crew *crew)
{
	enum { TRIES = 16 };

	for (uint64_t i = 0; i < TRIES && crew->bytes <= PLAN_BYTES; i++) {
		struct part *part = &crew->parts[(crew->hash + i) % SLOTS];

		if (!part->count)
			return part;
		if (part->hash == crew->hash && part->count == crew->count &&
		    (!part->words || is_same(crew, part)))
			return part;
	}
	forget_all(crew);
	return &crew->parts[crew->hash % SLOTS];
}

/* Makes the plan of what has come for the second time. Without memory for it one thread works alone. */
static void remember(struct qmac_crew *crew, struct part *part)
{
	uint64_t bytes = crew->count * (sizeof *part->words + 2 * sizeof(struct qmac_split_step));
	struct qmac_error err;

	part->words = malloc(crew->count * sizeof *part->words);
	if (!part->words || qmac_split_make(&crew->device->hw,
	                                    (const uint32_t (*)[QMAC_COMMAND_WORDS])crew->words, crew->count,
	                                    &part->split, &err)) {
		free(part->words);
		part->words = NULL;
		return;
	}
	crew->bytes += bytes;
	for (uint32_t i = 0; i < crew->count; i++)
		for (unsigned k = 0; k < QMAC_COMMAND_WORDS; k++)
			part->words[i][k] = crew->words[i][k] & ~free_bits_of(crew, crew->words[i])[k];
}

/* The split of what was gathered, NULL: it is not known, or not worth it. */
static const struct qmac_split *find_split(struct qmac_crew *crew)
{
	struct part *part;

	if (crew->count < FEWEST)
		return NULL;
	part = find_part(crew);
	if (!part->count) {
		part->count = crew->count;
		part->hash = crew->hash;
		return NULL;
	}
	if (!part->words)
		remember(crew, part);
	return part->words && !part->split.alone ? &part->split : NULL;
}

/* ---- the device's thread ------------------------------------------------------------------------ */

void qmac_crew_gather(struct qmac_crew *crew, const uint32_t words[QMAC_COMMAND_WORDS])
{
	const uint32_t *free_bits = free_bits_of(crew, words);
	uint64_t hash;

	if (crew->count == COMMANDS)
		qmac_crew_finish(crew);
	hash = crew->hash;
	memcpy(crew->words[crew->count++], words, sizeof crew->words[0]);
	for (unsigned k = 0; k < QMAC_COMMAND_WORDS; k++)
		hash = (hash ^ (words[k] & ~free_bits[k])) * 0x9E3779B97F4A7C15ULL;
	crew->hash = hash ^ hash >> 29;
}

void qmac_crew_finish(struct qmac_crew *crew)
{
	const struct qmac_split *split = find_split(crew);
	struct qmac_command c;

	if (split)
		carry_out_together(crew, split);
	else
		carry_out_alone(crew);
	for (uint32_t i = 0; i < crew->count; i++) {
		qmac_command_decode(crew->words[i], &c);
		crew->done(crew->device, &c, &crew->outcomes[i]);
	}
	crew->count = 0;
	crew->hash = 0;
}

void qmac_crew_changed(struct qmac_crew *crew)
{
	crew->apart = true;
}

uint32_t qmac_crew_gathered(const struct qmac_crew *crew)
{
	return crew->count;
}

uint64_t qmac_crew_shared(const struct qmac_crew *crew)
{
	return crew->shared;
}

/* ---- life --------------------------------------------------------------------------------------- */

/* The device as the mate sees it: the same memory, ACC and LUT, an A and a W of its own. */
static enum qmac_status make_mate(struct qmac_crew *crew, struct qmac_error *err)
{
	struct qmac_unit *unit = &crew->mate_unit;

	crew->mate = malloc(sizeof *crew->mate);
	if (!crew->mate)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a device's threads");
	*crew->mate = *crew->device;
	unit->device = crew->mate;
	crew->apart = true;
	if (qmac_device_operands_create(crew->mate, err))
		return QMAC_INTERNAL;
	return crew->device->unit.pending ? qmac_pending_create(unit, err) : QMAC_OK;
}

enum qmac_status qmac_crew_create(struct qmac_device *device, qmac_crew_done *done, struct qmac_crew **crew,
                                  struct qmac_error *err)
{
	struct qmac_crew *made = aligned_alloc(LINE, sizeof *made);
	enum qmac_status status = QMAC_INTERNAL;

	*crew = NULL;
	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a device's threads");
	memset(made, 0, sizeof *made);
	made->device = device;
	made->done = done;
	for (unsigned opcode = QMAC_OPCODE_LOAD; opcode < QMAC_OPCODE_SYNC; opcode++)
		qmac_split_free_bits(opcode, made->free_bits[opcode]);
	pthread_mutex_init(&made->mutex, NULL);
	pthread_cond_init(&made->more, NULL);
	made->words = malloc(COMMANDS * sizeof *made->words);
	made->outcomes = malloc(COMMANDS * sizeof *made->outcomes);
	if (made->words && made->outcomes)
		status = make_mate(made, err);
	else
		(void)qmac_fail(err, QMAC_INTERNAL, "out of memory for a device's threads");
	made->begun = status == QMAC_OK && pthread_create(&made->thread, NULL, work, made) == 0;
	if (made->begun)
		*crew = made;
	else
		qmac_crew_destroy(made);
	return status;
}

void qmac_crew_destroy(struct qmac_crew *crew)
{
	if (!crew)
		return;
	if (crew->begun) {
		pthread_mutex_lock(&crew->mutex);
		atomic_store(&crew->ends, true);
		pthread_cond_signal(&crew->more);
		pthread_mutex_unlock(&crew->mutex);
		pthread_join(crew->thread, NULL);
	}
	forget_all(crew);
	qmac_pending_destroy(&crew->mate_unit);
	if (crew->mate)
		qmac_device_operands_destroy(crew->mate);
	free(crew->mate);
	free(crew->words);
	free(crew->outcomes);
	pthread_cond_destroy(&crew->more);
	pthread_mutex_destroy(&crew->mutex);
	free(crew);
}
