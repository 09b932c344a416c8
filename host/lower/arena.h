/*
 * A plan of device memory: regions that are needed for part of a program only share their bytes with others.
 *
 * Regions are added with the first and the last step in which they are needed; what a step is, is the
 * owner's business (a sweep over a layer, a program), as long as steps are numbered in the order in which
 * they run. Then the plan places them: two that are needed in a common step never overlap. Memory that is
 * needed no more is given back in that way; after qmac_arena_clear() another plan can take its place.
 */
#ifndef QMAC_LOWER_ARENA_H
#define QMAC_LOWER_ARENA_H

#include <stdint.h>

#include "driver/driver.h"

struct qmac_arena;

enum { QMAC_ARENA_ALIGNMENT = 64 };

/* NULL: out of memory. */
struct qmac_arena *qmac_arena_create(void);
void qmac_arena_destroy(struct qmac_arena *arena);

/* A region of `bytes` for steps first..last, both included. *id names it from now on: 0, 1, ... */
QMAC_MUST_CHECK enum qmac_status qmac_arena_add(struct qmac_arena *arena, uint64_t bytes, int64_t first,
                                                int64_t last, int *id, struct qmac_error *err);

/*
 * Places every region, the largest first, each as low as it fits. Adding another one undoes the plan. The
 * same regions in the same order give the same plan.
 */
QMAC_MUST_CHECK enum qmac_status qmac_arena_plan(struct qmac_arena *arena, struct qmac_error *err);

/* Of a planned arena: where a region lies, in bytes from the start, and how many bytes there are in all. */
uint64_t qmac_arena_offset(const struct qmac_arena *arena, int id);
uint64_t qmac_arena_bytes(const struct qmac_arena *arena);

/* Bytes if no region shared its place, and bytes of the step that needs most: what no plan can beat. */
uint64_t qmac_arena_unshared_bytes(const struct qmac_arena *arena);
uint64_t qmac_arena_peak_bytes(const struct qmac_arena *arena);

/*
 * Lays a planned arena into a buffer of the driver's, the one it has where that is large enough, otherwise a
 * new one, in place of the old one if nothing was allocated since.
 */
QMAC_MUST_CHECK enum qmac_status qmac_arena_allocate(struct qmac_arena *arena, struct qmac_driver *driver,
                                                     struct qmac_error *err);

/* Gives the buffer, if there is one, back to the driver, as qmac_driver_release(). */
void qmac_arena_release(struct qmac_arena *arena);

/* A region of an allocated arena. */
struct qmac_buffer qmac_arena_buffer(const struct qmac_arena *arena, int id);

/* Forgets all regions; the buffer stays, for the next plan. */
void qmac_arena_clear(struct qmac_arena *arena);

#endif
