#include "fuzz/minimise.h"

#include <stdlib.h>
#include <string.h>

#include "fuzz/cut.h"
#include "fuzz/damage.h"
#include "fuzz/waits.h"
#include "isa/command.h"

/* Stall patterns that are tried before a failure counts as one that does not come again. */
enum { STALL_TRIES = 8 };

enum part { COMMANDS, ROWS, BYTES };

struct search {
	struct qmac_fuzz_failure *failure;
	enum qmac_status status;   /* the first that is neither success nor a difference; ends the search */
	struct qmac_error *err;
};

static void out_of_memory(struct search *s)
{
	s->status = qmac_fail(s->err, QMAC_INTERNAL, "out of memory to make a failing stream smaller");
}

static bool is_stopped(const struct search *s)
{
	return s->failure->stop && *s->failure->stop;
}

/* Is what is left the result? */
static bool is_over(const struct search *s)
{
	return s->status || is_stopped(s) || s->failure->attempts >= QMAC_FUZZ_ATTEMPTS;
}

/* ---- does it fail? -------------------------------------------------------------- */

/* Puts what the reference left behind into the trace. */
static void expect(struct qmac_fuzz_stream *stream, const struct qmac_fuzz_device *reference)
{
	struct qmac_trace *t = stream->trace;

	for (size_t i = 0; i < stream->retiring; i++)
		t->commands[i].expected = reference->records[i];
	t->fault = stream->fault;
	t->memory_digest = qmac_trace_digest(t, reference->backend);
}

/* Plays a stream on two fresh devices: true where they differ, and *difference says how. */
static bool fails(struct search *s, struct qmac_fuzz_stream *stream, struct qmac_error *difference)
{
	const struct qmac_hw *hw = &stream->trace->hw;
	struct qmac_fuzz_device reference, tested;
	enum qmac_status status;

	if (is_over(s))
		return false;
	s->failure->attempts++;
	memset(&tested, 0, sizeof tested);
	s->status = qmac_fuzz_device_open(&reference, &qmac_fuzz_reference, hw, 0, s->err);
	if (!s->status)
		s->status = qmac_fuzz_device_open(&tested, s->failure->target, hw, s->failure->stalls, s->err);
	if (!s->status)
		s->status = qmac_fuzz_play(&reference, stream, true, s->err);
	status = s->status;
	if (!status)
		status = qmac_fuzz_play(&tested, stream, true, difference);
	if (!status)
		status = qmac_fuzz_compare(&reference, &tested, stream, difference);
	/* Who stops the search stops a device as well: that is no difference. */
	if (status && is_stopped(s))
		status = s->status = QMAC_OK;
	if (status == QMAC_CHECK_FAILED && !s->status)
		expect(stream, &reference);
	else if (status && !s->status) {
		s->status = status;
		*s->err = *difference;
	}
	qmac_fuzz_device_close(&tested);
	qmac_fuzz_device_close(&reference);
	return status == QMAC_CHECK_FAILED && !s->status;
}

/* ---- candidates ------------------------------------------------------------------ */

/* Is what retires race-free? mend: waits are added until it is. */
static bool race_free(struct search *s, struct qmac_fuzz_stream *candidate, bool mend)
{
	struct qmac_command *commands = qmac_fuzz_stream_decode(candidate, candidate->retiring);
	const struct qmac_hw *hw = &candidate->trace->hw;
	enum qmac_status status;
	struct qmac_race race;

	if (!commands) {
		out_of_memory(s);
		return false;
	}
	if (mend)
		status = qmac_fuzz_waits_mend(hw, commands, (uint32_t)candidate->retiring, NULL);
	else
		status = qmac_race_check(hw, commands, (uint32_t)candidate->retiring, &race, NULL);
	for (size_t i = 0; !status && mend && i < candidate->retiring; i++)
		qmac_command_encode(&commands[i], candidate->trace->commands[i].words);
	free(commands);
	return status == QMAC_OK;
}

/* Takes the candidate, which is freed otherwise, where it fails. */
static bool adopt(struct search *s, struct qmac_fuzz_stream *candidate)
{
	struct qmac_error difference = {0};
	bool better = fails(s, candidate, &difference);

	if (better) {
		qmac_fuzz_stream_free(&s->failure->stream);
		s->failure->stream = *candidate;
		s->failure->difference = difference;
	} else {
		qmac_fuzz_stream_free(candidate);
	}
	return better;
}

static uint32_t last_turn(const struct qmac_trace *t)
{
	return t->batch_count ? (uint32_t)t->batches[t->batch_count - 1].first_command : 0;
}

static bool cut(struct search *s, const struct qmac_fuzz_keep *keep, struct qmac_fuzz_stream *candidate)
{
	const struct qmac_trace *before = s->failure->stream.trace;

	*candidate = s->failure->stream;
	candidate->trace = qmac_fuzz_trace_cut(before, keep);
	if (!candidate->trace) {
		out_of_memory(s);
		return false;
	}
	/* A tail too far ahead stays as far ahead. */
	if (candidate->ring_register == QMAC_REG_RING_TAIL)
		candidate->ring_value -= last_turn(before) - last_turn(candidate->trace);
	return true;
}

/* ---- fewer commands, rows, bytes --------------------------------------------------- */

static size_t count_of(const struct search *s, enum part part)
{
	const struct qmac_trace *t = s->failure->stream.trace;

	return part == COMMANDS ? t->command_count : part == ROWS ? t->row_count : t->bytes_count;
}

/* Tries to go on without the entries [first, first + count). */
static bool without(struct search *s, enum part part, size_t first, size_t count)
{
	size_t all = count_of(s, part);
	struct qmac_fuzz_stream candidate;
	struct qmac_fuzz_keep keep = {0};
	bool *flags = malloc(all), ready;

	if (!flags) {
		out_of_memory(s);
		return false;
	}
	for (size_t i = 0; i < all; i++)
		flags[i] = i < first || i >= first + count;
	keep.rows = part == ROWS ? flags : NULL;
	keep.bytes = part == BYTES ? flags : NULL;
	keep.commands = part == COMMANDS ? flags : NULL;
	ready = cut(s, &keep, &candidate);
	free(flags);
	if (!ready)
		return false;
	if (!candidate.trace->command_count) {
		qmac_fuzz_stream_free(&candidate);
		return false;
	}
	qmac_fuzz_stream_judge(&candidate);
	if (part == COMMANDS && !race_free(s, &candidate, true)) {
		qmac_fuzz_stream_free(&candidate);
		return false;
	}
	return adopt(s, &candidate);
}

/*
 * First everything at once, then pieces of half the size after each pass; of one as long as that helps.
 * From the end on: what others need comes early.
 */
static void reduce(struct search *s, enum part part)
{
	bool smaller = true;

	for (size_t size = count_of(s, part); size > 0 && !is_over(s); size /= size > 1 ? 2 : smaller ? 1 : 2) {
		smaller = false;
		for (size_t left = count_of(s, part), piece; left > 0 && !is_over(s); left -= piece) {
			piece = left < size ? left : size;
			smaller |= without(s, part, left - piece, piece);
		}
	}
}

/* ---- simpler commands -------------------------------------------------------------- */

/* Tries one value of a field; the stream must stay what it is: as legal, as race-free. */
static bool try_field(struct search *s, size_t number, int field, uint32_t value)
{
	struct qmac_fuzz_stream candidate;

	if (!cut(s, &(struct qmac_fuzz_keep){0}, &candidate))
		return false;
	if (qmac_fuzz_field_lower(candidate.trace->commands[number].words, field, value)) {
		qmac_fuzz_stream_judge(&candidate);
		if (candidate.fault == s->failure->stream.fault &&
		    candidate.retiring == s->failure->stream.retiring && race_free(s, &candidate, false))
			return adopt(s, &candidate);
	}
	qmac_fuzz_stream_free(&candidate);
	return false;
}

/* Tries to go on without a command's wait on an engine. */
static void try_without_wait(struct search *s, size_t number, unsigned engine)
{
	struct qmac_fuzz_stream candidate;
	struct qmac_command command;

	if (number >= s->failure->stream.retiring || !cut(s, &(struct qmac_fuzz_keep){0}, &candidate))
		return;
	qmac_command_decode(candidate.trace->commands[number].words, &command);
	if (command.opcode != QMAC_OPCODE_SYNC && (command.wait_mask >> engine & 1)) {
		command.wait_mask &= ~(1U << engine);
		*(engine == 0 ? &command.wait_load : engine == 1 ? &command.wait_exec : &command.wait_store) = 0;
		qmac_command_encode(&command, candidate.trace->commands[number].words);
		qmac_fuzz_stream_judge(&candidate);
		if (race_free(s, &candidate, false)) {
			adopt(s, &candidate);
			return;
		}
	}
	qmac_fuzz_stream_free(&candidate);
}

static void simplify(struct search *s)
{
	/* A second time: some fields can only go when others have gone. */
	for (int pass = 0; pass < 2; pass++)
		for (size_t i = 0; i < s->failure->stream.trace->command_count && !is_over(s); i++) {
			for (unsigned e = 0; e < 3; e++)
				try_without_wait(s, i, e);
			/* The opcode stays: field 0. */
			for (int field = 1; field < qmac_fuzz_field_count() && !is_over(s); field++)
				if (!try_field(s, i, field, 0))
					try_field(s, i, field, 1);
		}
}

/* ---- the whole --------------------------------------------------------------------- */

/* Without stalls first, so that its trace fails in `qmac replay`, then with some. */
static bool reproduce(struct search *s)
{
	uint64_t seed = s->failure->stalls;
	int tries = seed ? 1 + STALL_TRIES : 1;

	for (int i = 0; i < tries; i++) {
		s->failure->stalls = i == 0 ? 0 : seed + (uint64_t)i - 1;
		if (fails(s, &s->failure->stream, &s->failure->difference))
			return true;
	}
	s->failure->stalls = seed;
	return false;
}

/* A ring that is in order, and nothing behind a fault: a stream that a trace file can hold. */
static void straighten(struct search *s)
{
	struct qmac_fuzz_stream candidate;
	size_t last;

	if (s->failure->stream.ring_register && cut(s, &(struct qmac_fuzz_keep){0}, &candidate)) {
		candidate.ring_register = 0;
		qmac_fuzz_stream_judge(&candidate);
		adopt(s, &candidate);
	}
	last = s->failure->stream.retiring + 1;
	if (s->failure->stream.fault && last < s->failure->stream.trace->command_count)
		without(s, COMMANDS, last, s->failure->stream.trace->command_count - last);
}

enum qmac_status qmac_fuzz_minimise(struct qmac_fuzz_failure *failure, bool *reproduced,
                                    struct qmac_error *err)
{
	struct search s = {.failure = failure, .err = err};

	failure->attempts = 0;
	*reproduced = reproduce(&s);
	if (!*reproduced)
		return s.status;
	straighten(&s);
	/* All rows at once go first: most failures do not need them. */
	reduce(&s, ROWS);
	reduce(&s, COMMANDS);
	reduce(&s, BYTES);
	simplify(&s);
	reduce(&s, COMMANDS);
	return s.status;
}
