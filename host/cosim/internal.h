/*
 * What the parts of lockstep share; for host/cosim only.
 */
#ifndef QMAC_COSIM_INTERNAL_H
#define QMAC_COSIM_INTERNAL_H

#include "base/pages.h"
#include "cosim/lockstep.h"
#include "isa/command.h"
#include "trace/trace.h"

enum { QMAC_LOCKSTEP_ENGINES = 4, QMAC_LOCKSTEP_UNITS = 1 << QMAC_RING_LOG2_MAX };

/* The unit of the result of a command. */
struct qmac_unit_note {
	uint32_t number;
	double unit;
};

/* Retire records of one engine that have not been compared yet. */
struct qmac_record_queue {
	struct qmac_retire *records;
	size_t head, count, room;
};

struct qmac_lockstep_side {
	struct qmac_lockstep *lockstep;
	const char *name;
	struct qmac_backend *backend;
	struct qmac_record_queue queue[QMAC_LOCKSTEP_ENGINES];
	bool resting;        /* after the last wait: nothing is under way */
	uint64_t before;     /* cycles before the last reset */
};

struct qmac_lockstep {
	struct qmac_backend base; /* first: it is a backend */
	struct qmac_hw hw;
	struct qmac_lockstep_side model, device;
	qmac_open_device *open_device;
	struct qmac_lockstep_settings settings;
	struct qmac_device_options options; /* the caller's */
	struct qmac_recorder *recorder;
	/* Of memory, since it was compared last: what either side has written, or the host. */
	struct qmac_pages touched;
	/* A command left magnitudes, or the host wrote a monitor: all are compared. Else one, in turn. */
	bool monitors_due;
	uint32_t monitor_turn;
	struct qmac_lockstep_report *report, own_report;
	/* After a bus error of a LOAD or STORE: that command, its engine QMAC_ENGINE_*. */
	bool bus_error;
	uint32_t bus_command;
	unsigned bus_engine;
	struct qmac_unit_note units[QMAC_LOCKSTEP_UNITS]; /* of the commands of a ring */
	/* The first difference or failure; reported by every wait from then on. */
	enum qmac_status status;
	struct qmac_error err;
};

/* A difference and the command it belongs to, if any. */
struct qmac_difference {
	bool found, at_command;
	uint32_t number;
	char what[400];
};

/* Registers, little helpers. */
uint32_t qmac_lockstep_read(struct qmac_lockstep_side *side, uint32_t offset);
uint64_t qmac_lockstep_read_pair(struct qmac_lockstep_side *side, uint32_t low_offset);

/* The command of that number, as it stands in the ring; false where the ring has it no more, or not yet. */
bool qmac_lockstep_command(struct qmac_lockstep *l, uint32_t number, struct qmac_command *command);

/* The device gets the model's bytes of that range, which lies in memory; of all that was touched. */
void qmac_lockstep_copy_memory(struct qmac_lockstep *l, uint64_t address, uint64_t bytes);
void qmac_lockstep_copy_touched(struct qmac_lockstep *l);

/* The bytes of a page of memory: the last may be shorter. */
uint64_t qmac_lockstep_page_bytes(const struct qmac_lockstep *l, uint64_t page);

/* Sets bus_error and what belongs to it, of the model's error. */
void qmac_lockstep_note_error(struct qmac_lockstep *l);
/* After a bus error: the device gets the model's bytes where the two may differ, and nowhere else. */
void qmac_lockstep_excuse_stores(struct qmac_lockstep *l);

/* Compares what has come since the last call. Where both rest, nothing may be missing. */
void qmac_lockstep_compare_records(struct qmac_lockstep *l, struct qmac_difference *difference);
/* Registers, counters, memory; both rest. */
void qmac_lockstep_compare_state(struct qmac_lockstep *l, struct qmac_difference *difference);

/* Makes the difference the failure of l: message, trace. */
void qmac_lockstep_explain(struct qmac_lockstep *l, const struct qmac_difference *difference);

#endif
