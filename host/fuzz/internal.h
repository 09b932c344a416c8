/*
 * What the generators of streams share; for host/fuzz only.
 */
#ifndef QMAC_FUZZ_INTERNAL_H
#define QMAC_FUZZ_INTERNAL_H

#include "fuzz/commands.h"
#include "fuzz/stream.h"

/* A random stream in the making. */
struct qmac_fuzz_draft {
	struct qmac_fuzz_program program;
	struct qmac_trace *trace;        /* owned until it is taken out */
	struct qmac_command *commands;   /* `count` of them */
	uint32_t count;
};

/* Length, window, ring and data; end it also after a failure: false where memory is short. */
bool qmac_fuzz_draft_begin(struct qmac_fuzz_draft *draft, const struct qmac_hw *hw, uint64_t seed,
                           uint32_t most);
void qmac_fuzz_draft_end(struct qmac_fuzz_draft *draft);

/* The first `count` commands: legal and race-free. */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_draft_commands(struct qmac_fuzz_draft *draft, uint32_t count,
                                                          struct qmac_error *err);

/* Puts all commands into the trace, in turns of the host; false where memory is short. */
bool qmac_fuzz_draft_turns(struct qmac_fuzz_draft *draft);

/* Streams of one kind. */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_malformed_make(const struct qmac_hw *hw, uint64_t seed,
                                                          uint32_t most, struct qmac_fuzz_stream *stream,
                                                          struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_training_make(const struct qmac_hw *hw, uint64_t seed,
                                                         uint32_t most, struct qmac_trace **trace,
                                                         struct qmac_error *err);

#endif
