/*
 * Random streams of commands: what one fuzzed device is given between two resets.
 *
 * A stream is a trace (trace/trace.h) without expectations: host and device take turns,
 * the host writes memory and rings for some commands. It depends on its seed and the
 * hardware alone.
 */
#ifndef QMAC_FUZZ_STREAM_H
#define QMAC_FUZZ_STREAM_H

#include "trace/trace.h"

enum qmac_fuzz_kind {
	QMAC_FUZZ_LEGAL,     /* random commands with few waits, race-free */
	QMAC_FUZZ_TRAINING,  /* what the driver submits for products and inner loops of random shapes */
	QMAC_FUZZ_MALFORMED, /* a legal stream that the device must refuse at one point */
	QMAC_FUZZ_KINDS
};

#define QMAC_FUZZ_KIND_WORDS "legal|training|malformed"

enum {
	QMAC_FUZZ_MEMORY_BYTES = 1 << 18, /* of every fuzzed device */
	QMAC_FUZZ_COMMANDS_MIN = 16, QMAC_FUZZ_COMMANDS_MAX = 400
};

struct qmac_fuzz_stream {
	struct qmac_trace *trace;  /* owned */
	enum qmac_fuzz_kind kind;
	/* A register written before the last doorbell, for which the ring is refused; RING_TAIL: in its place. */
	uint32_t ring_register, ring_value; /* ring_register 0: none */
	unsigned fault;            /* QMAC_FAULT_* at which the device must stop; NONE: all commands retire */
	size_t retiring;           /* commands in front of the one at fault */
};

/*
 * A stream of at most `most` commands, at least one. LOAD and STORE stay within memory that is there:
 * in hardware a bus error comes late, and what it leaves behind is not defined.
 */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_stream_make(const struct qmac_hw *hw, enum qmac_fuzz_kind kind,
                                                       uint64_t seed, uint32_t most,
                                                       struct qmac_fuzz_stream *stream,
                                                       struct qmac_error *err);
void qmac_fuzz_stream_free(struct qmac_fuzz_stream *stream);

/* Finds `fault` and `retiring` from the commands, the ring and the window. */
void qmac_fuzz_stream_judge(struct qmac_fuzz_stream *stream);

/* Can a trace file hold it: no ring at fault, no descriptor that cannot be read, nothing behind a fault? */
bool qmac_fuzz_stream_is_trace(const struct qmac_fuzz_stream *stream);

/* The first `count` commands as the device decodes them; NULL where memory is short. To be freed. */
struct qmac_command *qmac_fuzz_stream_decode(const struct qmac_fuzz_stream *stream, size_t count);

#endif
