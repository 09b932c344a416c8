/*
 * Command traces: a piece of a run that plays again alone (docs/traces.md).
 *
 * A trace holds the hardware configuration, the state in which the first command
 * found the device, the commands, what the host wrote to memory between them, and
 * what every command left behind. Commands are counted from 0, wait counts too.
 */
#ifndef QMAC_TRACE_TRACE_H
#define QMAC_TRACE_TRACE_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "backend/backend.h"
#include "hw/hw.h"
#include "qmac_isa.h"

#define QMAC_TRACE_VERSION 2
/* Device memory of a trace: room for the commands that fill the scratchpads, little enough to be searched. */
#define QMAC_TRACE_MEMORY_MIN 4096ULL
#define QMAC_TRACE_MEMORY_MAX (1ULL << 32)
#define QMAC_TRACE_COMMANDS_MAX 1000000U

enum { QMAC_TRACE_LINE_BYTES = 32 };

/* Bytes that the host wrote. */
struct qmac_trace_bytes {
	uint64_t address;
	uint8_t count;    /* 1..QMAC_TRACE_LINE_BYTES */
	uint8_t data[QMAC_TRACE_LINE_BYTES];
};

/* One scratchpad row; lane j is values[first + j] of the trace: bare bits, zero extended. */
struct qmac_trace_row {
	unsigned space;   /* QMAC_SPACE_*; a row of LUT is a word */
	uint32_t row;
	size_t first;
};

struct qmac_trace_command {
	uint32_t words[QMAC_COMMAND_WORDS];
	/* number from 0; start and cycle from the trace's own first doorbell. Unused for the one at fault. */
	struct qmac_retire expected;
	int line;         /* of the file; 0 where it comes from none */
};

/* One turn of the host: it writes bytes, then rings for commands. It ends where the next begins. */
struct qmac_trace_batch {
	size_t first_bytes, first_command;
};

struct qmac_trace {
	struct qmac_hw hw;
	uint64_t memory_bytes;            /* zero but for what batches write */
	uint64_t mem_base, mem_size;      /* registers MEM_BASE, MEM_SIZE */
	uint64_t ring_base;
	uint32_t ring_log2;
	uint64_t first;                   /* number that the first command had in the recorded run */
	struct qmac_trace_row *rows;      /* those that are not zero, by space and row */
	uint64_t *values;
	struct qmac_trace_bytes *bytes;
	struct qmac_trace_batch *batches; /* of at least one command each */
	struct qmac_trace_command *commands;
	size_t row_count, value_count, bytes_count, batch_count, command_count;
	size_t row_room, value_room, bytes_room, batch_room, command_room;
	unsigned fault;                   /* QMAC_FAULT_* at the last command; NONE where all of them retire */
	uint64_t memory_digest;           /* qmac_trace_digest() after the last command */
	char file[512];                   /* it was read from, or "" */
	int end_line;
};

/* An empty trace; NULL where memory is short. */
struct qmac_trace *qmac_trace_create(void);
void qmac_trace_destroy(struct qmac_trace *trace);

/* Append one zeroed entry (values: `count`); NULL where memory is short. Pointers live until the next. */
struct qmac_trace_row *qmac_trace_add_row(struct qmac_trace *trace);
uint64_t *qmac_trace_add_values(struct qmac_trace *trace, size_t count);
struct qmac_trace_bytes *qmac_trace_add_bytes(struct qmac_trace *trace);
struct qmac_trace_batch *qmac_trace_add_batch(struct qmac_trace *trace);
struct qmac_trace_command *qmac_trace_add_command(struct qmac_trace *trace);

/*
 * Appends the lines of a range of memory, which begins with a line, that differ from what they were, but for
 * the ring. False where memory is short.
 */
bool qmac_trace_add_changes(struct qmac_trace *trace, uint64_t address, const uint8_t *now,
                            const uint8_t *before, uint64_t bytes);
/* The last `count` memory lines become the first ones of the first batch. False where memory is short. */
bool qmac_trace_to_front(struct qmac_trace *trace, size_t count);

/* Do `bytes` bytes at `address` meet the command ring? */
bool qmac_trace_in_ring(const struct qmac_trace *trace, uint64_t address, uint64_t bytes);

/*
 * Gives every masked wait count of a descriptor, 16 bits, anew: what rebase() makes of it. Waits count
 * from where a trace begins.
 */
void qmac_trace_rebase_waits(uint32_t words[QMAC_COMMAND_WORDS],
                             uint32_t (*rebase)(const void *context, unsigned engine, uint32_t count),
                             const void *context);

/* Digest of the bytes of the backend's memory that are not zero and do not belong to the ring. */
uint64_t qmac_trace_digest(const struct qmac_trace *trace, struct qmac_backend *backend);
/* What `count` bytes at `address` add to it; digests of parts are added modulo 2^64. */
uint64_t qmac_trace_digest_part(const struct qmac_trace *trace, uint64_t address, const uint8_t *bytes,
                                uint64_t count);

/* Write errors stay in the stream. */
void qmac_trace_print(const struct qmac_trace *trace, FILE *out);

/* Refuses malformed files with file:line:column. *trace is NULL on failure. */
QMAC_MUST_CHECK enum qmac_status qmac_trace_read(const char *file, struct qmac_trace **trace,
                                                 struct qmac_error *err);
/* The same from memory: changes text, which has room for a byte behind `size`. file is for messages. */
QMAC_MUST_CHECK enum qmac_status qmac_trace_parse(const char *file, char *text, size_t size,
                                                  struct qmac_trace **trace, struct qmac_error *err);

/* ---- playing ------------------------------------------------------------------ */

struct qmac_replay {
	const char *backend; /* its name */
	const char *kernel;  /* of the C model; NULL is auto */
	bool timed;          /* start and retire cycles must be equal, too */
	const struct qmac_backend_source *source; /* of the backend; may be NULL */
	uint64_t *memory_digest; /* not NULL: gets the digest of memory at the end, which is not compared */
};

/*
 * Plays a trace, of at least one command, on a fresh device and compares. QMAC_CHECK_FAILED names the
 * first difference: the line of the trace, the command's number, what was expected and what
 * came, the command's text. records (may be NULL) gets what came, per command; *cycles (may be
 * NULL) the latest retire.
 */
QMAC_MUST_CHECK enum qmac_status qmac_trace_replay(const struct qmac_trace *trace,
                                                   const struct qmac_replay *replay,
                                                   struct qmac_retire *records, uint64_t *cycles,
                                                   struct qmac_error *err);

/*
 * Brings a fresh device of the trace's hardware and memory to where the trace ends; compares nothing. An
 * error of the device ends it, too.
 */
QMAC_MUST_CHECK enum qmac_status qmac_trace_run(const struct qmac_trace *trace, struct qmac_backend *backend,
                                                struct qmac_error *err);

/*
 * Brings the scratchpads of a device into the trace's first state, with LOAD commands, and leaves memory
 * all zero. The device must be reset afterwards: its counters and its ring have been used.
 */
QMAC_MUST_CHECK enum qmac_status qmac_trace_fill(const struct qmac_trace *trace, struct qmac_backend *backend,
                                                 struct qmac_error *err);

/* ---- recording ---------------------------------------------------------------- */

/* What to record: `count` commands from command `from` since reset on, or as many as there are. */
struct qmac_trace_window {
	uint64_t from;
	uint32_t count;      /* 1..QMAC_TRACE_COMMANDS_MAX */
};

/*
 * Stands between a run and its device. It sees what the host does between waits and, through
 * on_command of the C model, the state in front of each command; it changes neither results nor
 * time. It must outlive the backend it opened.
 */
struct qmac_recorder;

/* NULL where memory is short. */
struct qmac_recorder *qmac_recorder_create(const struct qmac_trace_window *window);
void qmac_recorder_destroy(struct qmac_recorder *recorder);

/*
 * As qmac_backend_open_from(), with digests; once per recorder. The C model must be part of the backend.
 * on_retire and on_command are passed on. Host and device take turns: the host writes memory only
 * between waits.
 */
QMAC_MUST_CHECK enum qmac_status qmac_recorder_open(struct qmac_recorder *recorder, const char *backend,
                                                    const struct qmac_hw *hw,
                                                    const struct qmac_device_options *options,
                                                    const struct qmac_backend_source *source,
                                                    struct qmac_backend **made, struct qmac_error *err);

/* Forgets what was recorded: the window begins anew, with the next command. Between waits. */
void qmac_recorder_restart(struct qmac_recorder *recorder);

/* Ends the window behind the command of that number since reset, where it is in the window. */
void qmac_recorder_cut(struct qmac_recorder *recorder, uint32_t number);

/*
 * The recorded trace, owned by the recorder; call it once, after the run, also after one that failed. The
 * trace has been played once: its cycles are those of the trace alone. Fails where the run
 * never came to the window, or where the trace does not play (a command touched the ring).
 */
QMAC_MUST_CHECK enum qmac_status qmac_recorder_finish(struct qmac_recorder *recorder,
                                                      const struct qmac_trace **trace,
                                                      struct qmac_error *err);

/* Writes a trace to a file that is whole or absent. Its folder must exist. */
QMAC_MUST_CHECK enum qmac_status qmac_trace_write(const struct qmac_trace *trace, const char *file,
                                                  struct qmac_error *err);
/* Fails where that file could not be written: to be asked before a long run. */
QMAC_MUST_CHECK enum qmac_status qmac_trace_write_probe(const char *file, struct qmac_error *err);

#endif
