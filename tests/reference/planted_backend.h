/*
 * The C model as a device under comparison that does something wrong at one command: what lockstep must find.
 */
#ifndef PLANTED_BACKEND_H
#define PLANTED_BACKEND_H

#include "cosim/lockstep.h"

/* Where the commands must lie. */
enum { PLANTED_RING_LOG2 = 6, PLANTED_RING = 8192 };

enum planted_fault {
	NOTHING,
	DIGEST,        /* other records: */
	SATURATIONS,
	MAGNITUDES,
	TAG,
	LATE,          /* retires 5 cycles late */
	START,         /* starts a cycle early */
	LOST,          /* a record does not come, */
	TWICE,         /* or comes twice */
	RESULT,        /* another immediate: the command must be a VEC */
	REFUSED,       /* the command is none: it must be a VEC */
	MEMORY,        /* byte 77 of memory changes */
	STRAY,         /* the last byte of memory changes */
	COUNTER,       /* from the start on: */
	TIMED_COUNTER,
	MONITOR,       /* number 5 */
	REGISTER,      /* ACC_DEPTH reads two too many */
	INTERRUPT,     /* the line is inverted */
	FAILURE        /* wait() fails */
};

/* What goes wrong, at which command; the rest is the backend's. */
struct plant {
	enum planted_fault fault;
	uint32_t number;
	void (*on_retire)(void *context, const struct qmac_retire *record);
	void (*on_write)(void *context, uint64_t address, uint64_t bytes);
	void *context;
};

/* For qmac_lockstep_open(); settings->context is the struct plant. */
enum qmac_status planted_open(const struct qmac_hw *hw, const struct qmac_device_options *options,
                              const struct qmac_backend_settings *settings, struct qmac_backend **backend,
                              struct qmac_error *err);

#endif
