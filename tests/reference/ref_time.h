/*
 * The second, deliberately slow reading of docs/timing.md: it steps through every
 * cycle. In a cycle each unit looks only at what happened in earlier ones, as
 * registers would show it; the one exception is the order in which the memory is asked.
 */
#ifndef REF_TIME_H
#define REF_TIME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hw/hw.h"
#include "qmac_isa.h"

/* The cycle of what has not happened; later than any other. */
#define REF_NEVER UINT64_MAX

enum { REF_OUTSTANDING_MAX = 16, REF_BANKS_MAX = 64 };

/* One command since reset and the cycles of its life. */
struct ref_time_command {
	uint32_t words[QMAC_COMMAND_WORDS];
	unsigned engine;   /* QMAC_ENGINE_* */
	uint64_t resumed;  /* cycle in which time last went on before the start */
	uint64_t given[3]; /* commands dispatched to the engines before it */
	uint64_t ready, dispatch, offered, start, left, retire;
	uint64_t pairs;    /* of a LOAD or STORE, outside rows included */
};

struct ref_memory {
	uint64_t open_row[REF_BANKS_MAX]; /* row + 1; 0: none */
	uint64_t data_free;               /* 1/256 cycles */
	bool is_write;                    /* direction of the burst before */
};

struct ref_fetch {
	uint64_t requested; /* descriptors in chunks requested or under way */
	uint64_t at, end;   /* bytes of the chunk that have not been requested */
	uint64_t descriptor; /* whose bytes are at `at` */
	uint64_t issued, done[REF_OUTSTANDING_MAX], last_beat;
};

struct ref_burst {
	uint64_t address, issue, response, done;
	uint64_t beats, end; /* end: beats of the command up to the end of this burst */
};

struct ref_beat {
	uint64_t burst;
	uint64_t in;  /* LOAD: arrival; STORE: last pair packed */
	uint64_t out; /* LOAD: last pair unpacked; STORE: sent */
};

struct ref_pair {
	uint64_t beat;
	bool outside;     /* a row of a LOAD outside the window; no beat */
	bool first, last; /* pair of its beat */
};

/* The engine LOAD or STORE and the command it executes, written out as bursts, beats and pairs. */
struct ref_mover {
	struct ref_time_command *command; /* NULL: none */
	struct ref_burst *burst;
	struct ref_beat *beat;
	struct ref_pair *pair;
	uint64_t bursts, beats, pairs;
	uint64_t burst_room, beat_room, pair_room; /* elements allocated */
	uint64_t next_burst, next_pair, next_sent, next_done;
};

struct ref_time {
	struct qmac_hw hw;
	uint64_t ring_base, ring_entries;
	bool stops_at_irq;  /* the host has enabled IRQ_SYNC */
	bool ties_swapped;  /* a planted error: LOAD before STORE before FETCH */
	uint64_t fault;     /* number of a command that the dispatcher refuses; REF_NEVER: none */
	uint64_t now, resumed;
	struct ref_time_command **command; /* by number since reset */
	uint64_t commands, dispatched, room; /* room: elements allocated of `command` and of every queue */
	uint64_t *queue[3]; /* numbers of the commands dispatched to an engine since reset */
	uint64_t queued[3], started[3];
	uint64_t latest_vec, latest_retire; /* of what has started; 0: nothing */
	bool vec_seen;
	uint64_t s, o, slots; /* the previous GEMM */
	bool previous_os;
	struct ref_memory memory;
	struct ref_fetch fetch;
	struct ref_mover load, store;
};

void ref_time_init(struct ref_time *time, const struct qmac_hw *hw, uint64_t ring_base, int ring_log2);
void ref_time_free(struct ref_time *time);

/* Writes commands behind those in the ring, which must have room for them, and rings the bell. */
void ref_time_submit(struct ref_time *time, uint32_t words[][QMAC_COMMAND_WORDS], uint32_t count);

/*
 * Steps until everything submitted (before a fault) has retired and nothing more is fetched: true;
 * or until a SYNC with irq stops time: false.
 */
bool ref_time_run(struct ref_time *time);

/* Writes the counters that depend on time; the others are left alone. */
void ref_time_counters(const struct ref_time *time, uint64_t counters[QMAC_COUNTERS]);

/* ---- ref_time_memory.c: what shares the memory ---- */

/* A burst requested in cycle `now`: the time of beat 0 in 1/256 cycles; and from one beat to the next. */
uint64_t ref_memory_burst(struct ref_memory *memory, const struct qmac_hw *hw, uint64_t now, uint64_t address,
                          uint64_t beats, bool is_write);
uint64_t ref_beat_step(const struct qmac_hw *hw);

/* The next burst of a run [at, end): its bytes. */
uint64_t ref_burst_bytes(const struct qmac_hw *hw, uint64_t at, uint64_t end);

/* One step of a master's requests; *read_taken is the read-address channel in this cycle. */
void ref_fetch_request(struct ref_time *time, bool *read_taken);
bool ref_fetch_idle(const struct ref_time *time, uint64_t cycle); /* nothing to request in this cycle */
void ref_load_request(struct ref_time *time, bool *read_taken);
void ref_store_request(struct ref_time *time);

/* Unpacking; packing, sending and write responses. They end a command by giving it a retire cycle. */
void ref_load_unpack(struct ref_time *time);
void ref_store_pack(struct ref_time *time);

/* Writes a LOAD or STORE that starts out as bursts, beats and pairs. */
void ref_mover_begin(const struct ref_time *time, struct ref_mover *mover, struct ref_time_command *command);

#endif
