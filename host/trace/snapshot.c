#include "trace/snapshot.h"

#include <stdlib.h>
#include <string.h>

enum qmac_status qmac_snapshot_init(struct qmac_snapshot *snapshot, uint64_t memory_bytes,
                                    struct qmac_error *err)
{
	enum qmac_status status;

	memset(snapshot, 0, sizeof *snapshot);
	snapshot->memory_bytes = memory_bytes;
	status = qmac_pages_init(&snapshot->touched, memory_bytes, err);
	if (status)
		return status;
	snapshot->place = calloc(snapshot->touched.count + 1, sizeof snapshot->place[0]);
	return snapshot->place ? QMAC_OK :
	                         qmac_fail(err, QMAC_INTERNAL, "out of memory for a snapshot of memory");
}

void qmac_snapshot_free(struct qmac_snapshot *snapshot)
{
	qmac_pages_free(&snapshot->touched);
	free(snapshot->place);
	free(snapshot->saved);
	snapshot->place = NULL;
	snapshot->saved = NULL;
}

void qmac_snapshot_take(struct qmac_snapshot *snapshot)
{
	qmac_pages_clear(&snapshot->touched);
	snapshot->count = 0;
	snapshot->taken = true;
}

static uint64_t bytes_of(const struct qmac_snapshot *snapshot, uint64_t page)
{
	uint64_t left = snapshot->memory_bytes - page * QMAC_PAGE_BYTES;

	return left < QMAC_PAGE_BYTES ? left : QMAC_PAGE_BYTES;
}

/* Room for one page more; NULL where memory is short. */
static uint8_t *make_room(struct qmac_snapshot *snapshot)
{
	if (snapshot->count == snapshot->room) {
		uint32_t room = 2 * snapshot->room + 16;
		uint8_t *grown = realloc(snapshot->saved, (size_t)room * QMAC_PAGE_BYTES);

		if (!grown)
			return NULL;
		snapshot->saved = grown;
		snapshot->room = room;
	}
	return snapshot->saved + (size_t)snapshot->count * QMAC_PAGE_BYTES;
}

bool qmac_snapshot_touch(struct qmac_snapshot *snapshot, struct qmac_backend *backend, uint64_t address,
                         uint64_t bytes)
{
	uint64_t end = address + bytes;

	for (uint64_t page = address / QMAC_PAGE_BYTES; snapshot->taken && page * QMAC_PAGE_BYTES < end; page++) {
		uint8_t *to;

		if (qmac_pages_has(&snapshot->touched, page))
			continue;
		to = make_room(snapshot);
		if (!to)
			return false;
		backend->operations->read_memory(backend, page * QMAC_PAGE_BYTES, to, bytes_of(snapshot, page));
		snapshot->place[page] = snapshot->count++;
		qmac_pages_add(&snapshot->touched, page);
	}
	return true;
}

uint64_t qmac_snapshot_read(const struct qmac_snapshot *snapshot, struct qmac_backend *backend, uint64_t page,
                            uint8_t bytes[QMAC_PAGE_BYTES])
{
	uint64_t count = bytes_of(snapshot, page);

	if (qmac_pages_has(&snapshot->touched, page))
		memcpy(bytes, snapshot->saved + (size_t)snapshot->place[page] * QMAC_PAGE_BYTES, count);
	else
		backend->operations->read_memory(backend, page * QMAC_PAGE_BYTES, bytes, count);
	return count;
}
