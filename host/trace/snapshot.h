/*
 * Device memory as it was at a moment, kept as the pages that have been touched since, as they were: it costs
 * what is touched, not what the memory holds. Who writes must say so before.
 */
#ifndef QMAC_TRACE_SNAPSHOT_H
#define QMAC_TRACE_SNAPSHOT_H

#include "backend/backend.h"
#include "base/pages.h"

struct qmac_snapshot {
	struct qmac_pages touched; /* since the moment */
	uint8_t *saved;            /* these pages, in the order in which they were touched */
	uint32_t *place;           /* of each among them */
	uint32_t count, room;      /* pages saved; that fit */
	uint64_t memory_bytes;
	bool taken;                /* there is a moment */
};

/* For a memory of less than 2^42 bytes. */
QMAC_MUST_CHECK enum qmac_status qmac_snapshot_init(struct qmac_snapshot *snapshot, uint64_t memory_bytes,
                                                    struct qmac_error *err);
/* Also of one that is all zero, or whose init failed. */
void qmac_snapshot_free(struct qmac_snapshot *snapshot);

/* The moment is now. */
void qmac_snapshot_take(struct qmac_snapshot *snapshot);

/* To be called before a range of the backend's memory changes. False where memory is short. */
bool qmac_snapshot_touch(struct qmac_snapshot *snapshot, struct qmac_backend *backend, uint64_t address,
                         uint64_t bytes);

/* A page as it was; returns how many bytes it has: the last may be shorter. */
uint64_t qmac_snapshot_read(const struct qmac_snapshot *snapshot, struct qmac_backend *backend, uint64_t page,
                            uint8_t bytes[QMAC_PAGE_BYTES]);

#endif
