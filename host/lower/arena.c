#include "lower/arena.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>

enum { FIRST_ROOM = 16 };

struct region {
	uint64_t bytes, padded, offset; /* padded: to the alignment, at least one unit of it */
	int64_t first, last;
	int id;
};

struct qmac_arena {
	struct region *regions;
	int count, room;
	bool planned;
	uint64_t bytes;
	struct qmac_buffer buffer;
	struct qmac_driver *driver; /* whose buffer it is; NULL: none yet */
};

struct qmac_arena *qmac_arena_create(void)
{
	return calloc(1, sizeof(struct qmac_arena));
}

void qmac_arena_destroy(struct qmac_arena *arena)
{
	if (!arena)
		return;
	free(arena->regions);
	free(arena);
}

enum qmac_status qmac_arena_add(struct qmac_arena *arena, uint64_t bytes, int64_t first, int64_t last,
                                int *id, struct qmac_error *err)
{
	uint64_t units = bytes / QMAC_ARENA_ALIGNMENT + (bytes % QMAC_ARENA_ALIGNMENT != 0 || bytes == 0);

	assert(first <= last);
	if (arena->count == arena->room) {
		int room = arena->room ? 2 * arena->room : FIRST_ROOM;
		struct region *wider = realloc(arena->regions, (size_t)room * sizeof *wider);

		if (!wider)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory for a plan of %d regions", room);
		arena->regions = wider;
		arena->room = room;
	}
	*id = arena->count;
	arena->planned = false;
	arena->regions[arena->count++] = (struct region){
		.bytes = bytes, .padded = units * QMAC_ARENA_ALIGNMENT, .first = first, .last = last, .id = *id,
	};
	return QMAC_OK;
}

/* ---- the plan --------------------------------------------------------------------------- */

/* The order of placing: large ones first, then those that are needed longest, then as they were added. */
static int by_size(const void *a, const void *b)
{
	const struct region *x = *(struct region *const *)a, *y = *(struct region *const *)b;
	int64_t x_steps = x->last - x->first, y_steps = y->last - y->first;

	if (x->padded != y->padded)
		return x->padded > y->padded ? -1 : 1;
	if (x_steps != y_steps)
		return x_steps > y_steps ? -1 : 1;
	return x->id < y->id ? -1 : 1;
}

/* The lowest offset at which the region meets none of those placed, which stand in order of their offsets. */
static uint64_t lowest_fit(const struct region *region, struct region *const *placed, int count)
{
	uint64_t offset = 0;

	for (int i = 0; i < count; i++) {
		const struct region *other = placed[i];
		uint64_t end = other->offset + other->padded;

		if (other->last < region->first || region->last < other->first || end <= offset)
			continue;
		if (other->offset >= offset + region->padded)
			break;
		offset = end;
	}
	return offset;
}

/* Puts a region among those placed. */
static void insert(struct region *region, struct region **placed, int count)
{
	int at = count;

	for (; at > 0 && placed[at - 1]->offset > region->offset; at--)
		placed[at] = placed[at - 1];
	placed[at] = region;
}

enum qmac_status qmac_arena_plan(struct qmac_arena *arena, struct qmac_error *err)
{
	size_t count = (size_t)arena->count;
	struct region **order = malloc((2 * count + 1) * sizeof *order), **placed;

	if (!order)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a plan of %d regions", arena->count);
	placed = order + count;
	for (size_t i = 0; i < count; i++)
		order[i] = &arena->regions[i];
	qsort(order, count, sizeof *order, by_size);
	arena->bytes = 0;
	for (int i = 0; i < arena->count; i++) {
		struct region *region = order[i];

		region->offset = lowest_fit(region, placed, i);
		insert(region, placed, i);
		if (arena->bytes < region->offset + region->padded)
			arena->bytes = region->offset + region->padded;
	}
	free(order);
	arena->planned = true;
	return QMAC_OK;
}

uint64_t qmac_arena_offset(const struct qmac_arena *arena, int id)
{
	assert(arena->planned && id >= 0 && id < arena->count);
	return arena->regions[id].offset;
}

uint64_t qmac_arena_bytes(const struct qmac_arena *arena)
{
	assert(arena->planned);
	return arena->bytes;
}

uint64_t qmac_arena_unshared_bytes(const struct qmac_arena *arena)
{
	uint64_t bytes = 0;

	for (int i = 0; i < arena->count; i++)
		bytes += arena->regions[i].padded;
	return bytes;
}

/* The step that needs most is the first one of some region. */
uint64_t qmac_arena_peak_bytes(const struct qmac_arena *arena)
{
	uint64_t peak = 0;

	for (int i = 0; i < arena->count; i++) {
		int64_t step = arena->regions[i].first;
		uint64_t bytes = 0;

		for (int k = 0; k < arena->count; k++)
			if (arena->regions[k].first <= step && step <= arena->regions[k].last)
				bytes += arena->regions[k].padded;
		if (peak < bytes)
			peak = bytes;
	}
	return peak;
}

/* ---- in device memory -------------------------------------------------------------------- */

enum qmac_status qmac_arena_allocate(struct qmac_arena *arena, struct qmac_driver *driver,
                                     struct qmac_error *err)
{
	enum qmac_status status;

	assert(arena->planned && (!arena->driver || arena->driver == driver));
	if (arena->driver && arena->bytes <= arena->buffer.bytes)
		return QMAC_OK;
	if (arena->driver)
		qmac_driver_release(driver, arena->buffer);
	arena->driver = NULL;
	status = qmac_driver_allocate(driver, arena->bytes, &arena->buffer, err);
	if (status == QMAC_OK)
		arena->driver = driver;
	return status;
}

void qmac_arena_release(struct qmac_arena *arena)
{
	if (arena && arena->driver)
		qmac_driver_release(arena->driver, arena->buffer);
	if (arena)
		arena->driver = NULL;
}

struct qmac_buffer qmac_arena_buffer(const struct qmac_arena *arena, int id)
{
	uint64_t offset = qmac_arena_offset(arena, id);

	assert(arena->driver && arena->bytes <= arena->buffer.bytes);
	return (struct qmac_buffer){arena->buffer.address + offset, arena->regions[id].bytes};
}

void qmac_arena_clear(struct qmac_arena *arena)
{
	arena->count = 0;
	arena->planned = false;
}
