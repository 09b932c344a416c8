#include "fuzz/fuzz.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/minimise.h"
#include "fuzz/random.h"
#include "isa/space.h"
#include "report/atomic_file.h"

/* One configuration under way. */
struct session {
	const struct qmac_fuzz_options *options;
	struct qmac_fuzz_result *result;
	uint64_t rng;       /* gives seeds */
	uint64_t stalls;
};

void qmac_fuzz_begin(const struct qmac_fuzz_options *options, int index, struct qmac_fuzz_result *r)
{
	uint64_t state = options->seed, rng;

	memset(r, 0, sizeof *r);
	/* Configuration 0 has the seed of the run, so that each can be run alone. */
	r->seed = options->seed;
	for (int i = 0; i < index; i++)
		r->seed = qmac_fuzz_random(&state) >> 1; /* fits a signed number, as the command line reads it */
	r->wanted = options->commands / options->configs + (index < options->commands % options->configs);
	rng = r->seed;
	state = qmac_fuzz_random(&rng);
	if (options->hw_count)
		r->hw = options->hw[index % options->hw_count];
	else
		qmac_fuzz_hw_small(&state, &r->hw);
}

/* The seeds of streams from the start on. With stalls they are the same. */
static struct session session_start(const struct qmac_fuzz_options *options, struct qmac_fuzz_result *r)
{
	struct session s = {.options = options, .result = r, .rng = r->seed};
	uint64_t state = ~r->seed;

	(void)qmac_fuzz_random(&s.rng); /* the hardware's */
	s.stalls = options->stalls ? qmac_fuzz_random(&state) >> 1 | 1 : 0;
	return s;
}

static bool is_stopped(const struct qmac_fuzz_options *options)
{
	return options->stop && *options->stop;
}

static enum qmac_fuzz_kind draw_kind(struct session *s)
{
	static const enum qmac_fuzz_kind mix[] = {
		QMAC_FUZZ_LEGAL, QMAC_FUZZ_LEGAL, QMAC_FUZZ_LEGAL, QMAC_FUZZ_MALFORMED, QMAC_FUZZ_MALFORMED,
		QMAC_FUZZ_TRAINING,
	};
	enum qmac_fuzz_kind kind = mix[qmac_fuzz_below(&s->rng, (int64_t)(sizeof mix / sizeof mix[0]))];

	return s->options->kind == QMAC_FUZZ_KINDS ? kind : (enum qmac_fuzz_kind)s->options->kind;
}

/* The next stream, of what is left to play at most. */
static enum qmac_status next_stream(struct session *s, int64_t played, struct qmac_fuzz_stream *stream,
                                    struct qmac_error *err)
{
	enum qmac_fuzz_kind kind = draw_kind(s);
	uint64_t seed = qmac_fuzz_random(&s->rng);
	int64_t left = s->result->wanted - played;

	return qmac_fuzz_stream_make(&s->result->hw, kind, seed,
	                             left < QMAC_FUZZ_COMMANDS_MAX ? (uint32_t)left : QMAC_FUZZ_COMMANDS_MAX,
	                             stream, err);
}

static enum qmac_status play_both(struct qmac_fuzz_device *reference, struct qmac_fuzz_device *tested,
                                  const struct qmac_fuzz_stream *stream, struct qmac_error *err)
{
	enum qmac_status status = qmac_fuzz_play(reference, stream, false, err);

	if (!status)
		status = qmac_fuzz_play(tested, stream, false, err);
	return status ? status : qmac_fuzz_compare(reference, tested, stream, err);
}

/* Who stops a run stops a build or a stream half-way as well: that is no failure. */
static void forgive_stop(const struct session *s)
{
	if (!s->result->status || !is_stopped(s->options))
		return;
	s->result->status = QMAC_OK;
	memset(&s->result->err, 0, sizeof s->result->err);
}

/* ---- after a difference --------------------------------------------------------- */

static enum qmac_status add_row(struct qmac_trace *t, struct qmac_backend *backend, unsigned space,
                                uint32_t row)
{
	uint32_t lanes = qmac_space_lanes(&t->hw, space), used = 0;
	uint64_t mask = UINT64_MAX >> (64 - qmac_space_bits(&t->hw, space)), *values;
	struct qmac_trace_row *added;

	while (used < lanes && backend->operations->peek(backend, space, row, used) == 0)
		used++;
	if (used == lanes)
		return QMAC_OK;
	added = qmac_trace_add_row(t);
	values = qmac_trace_add_values(t, lanes);
	if (!added || !values)
		return QMAC_INTERNAL;
	*added = (struct qmac_trace_row){space, row, t->value_count - lanes};
	for (uint32_t j = 0; j < lanes; j++)
		values[j] = backend->operations->peek(backend, space, row, j) & mask;
	return QMAC_OK;
}

/* Gives the stream the scratchpads of the device as its first state. */
static enum qmac_status add_scratchpads(struct qmac_trace *t, struct qmac_backend *backend,
                                        struct qmac_error *err)
{
	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_LUT; space++)
		for (uint32_t row = 0; row < qmac_space_rows(&t->hw, space); row++)
			if (add_row(t, backend, space, row))
				return qmac_fail(err, QMAC_INTERNAL, "out of memory for a trace");
	return QMAC_OK;
}

/* Plays the streams before number `index` again, and makes that one: with the scratchpads it found. */
static enum qmac_status make_again(const struct session *s, int64_t index, struct qmac_fuzz_stream *stream,
                                   struct qmac_error *err)
{
	struct session again = *s;
	struct qmac_fuzz_device reference;
	struct qmac_fuzz_result result = *s->result;
	enum qmac_status status;
	int64_t played = 0;

	memset(stream, 0, sizeof *stream);
	again.result = &result;
	status = qmac_fuzz_device_open(&reference, &qmac_fuzz_reference, &result.hw, 0, err);
	for (int64_t i = 0; !status && i <= index; i++) {
		status = next_stream(&again, played, stream, err);
		if (status || i == index)
			break;
		played += (int64_t)stream->trace->command_count;
		status = qmac_fuzz_play(&reference, stream, false, err);
		qmac_fuzz_stream_free(stream);
		if (!status && is_stopped(s->options))
			status = qmac_fail(err, QMAC_CHECK_FAILED, "stopped");
	}
	if (!status)
		status = add_scratchpads(stream->trace, reference.backend, err);
	qmac_fuzz_device_close(&reference);
	return status;
}

enum qmac_status qmac_fuzz_make_folder(const struct qmac_fuzz_options *options, struct qmac_error *err)
{
	static const char longest[] = "/fuzz-18446744073709551615.trace";

	if (strlen(options->folder) + sizeof longest > QMAC_FUZZ_PATH_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the folder is too long: %.200s", options->folder);
	return qmac_make_folder(options->folder, err);
}

static enum qmac_status write_trace(const struct qmac_fuzz_options *options, struct qmac_fuzz_result *result,
                                    const struct qmac_trace *trace, struct qmac_error *err)
{
	char file[QMAC_FUZZ_PATH_MAX];
	enum qmac_status status;

	/* Again: the run may have been a long one. */
	status = qmac_fuzz_make_folder(options, err);
	if (status)
		return status;
	snprintf(file, sizeof file, "%s/fuzz-%" PRIu64 ".trace", options->folder, result->seed);
	if (options->inputs)
		status = qmac_inputs_spare(options->inputs, "a trace", file, err);
	if (!status)
		status = qmac_trace_write(trace, file, err);
	if (!status)
		memcpy(result->trace, file, sizeof file);
	return status;
}

/* Makes the failing stream small and writes it; what goes wrong here does not hide the difference. */
static void investigate(const struct session *start, int64_t index)
{
	struct qmac_fuzz_result *r = start->result;
	struct qmac_fuzz_failure failure = {.target = &start->options->target, .stalls = start->stalls,
	                                    .stop = start->options->stop};
	struct qmac_error err = {0};
	enum qmac_status status = make_again(start, index, &failure.stream, &err);

	if (!status)
		status = qmac_fuzz_minimise(&failure, &r->reproduced, &err);
	if (!status && !r->reproduced && is_stopped(start->options))
		status = qmac_fail(&err, QMAC_CHECK_FAILED, "stopped");
	r->tried = !status;
	if (!status && r->reproduced) {
		r->err = failure.difference;
		r->stalls = failure.stalls;
		r->left = (int64_t)failure.stream.trace->command_count;
		if (qmac_fuzz_stream_is_trace(&failure.stream))
			status = write_trace(start->options, r, failure.stream.trace, &err);
	}
	if (status) {
		size_t used = strlen(r->err.message);

		snprintf(r->err.message + used, sizeof r->err.message - used, "; no trace: %.300s", err.message);
	}
	qmac_fuzz_stream_free(&failure.stream);
}

/* ---- one configuration ----------------------------------------------------------- */

static void open_devices(const struct session *s, struct qmac_fuzz_device *reference,
                         struct qmac_fuzz_device *tested)
{
	struct qmac_fuzz_result *r = s->result;

	memset(tested, 0, sizeof *tested);
	r->status = qmac_fuzz_device_open(reference, &qmac_fuzz_reference, &r->hw, 0, &r->err);
	if (!r->status)
		r->status = qmac_fuzz_device_open(tested, &s->options->target, &r->hw, s->stalls, &r->err);
	forgive_stop(s);
	/* Nothing has been compared yet, so there is no difference. */
	if (r->status == QMAC_CHECK_FAILED)
		r->status = QMAC_INTERNAL;
}

void qmac_fuzz_configuration(const struct qmac_fuzz_options *options, int index,
                             struct qmac_fuzz_result *result)
{
	struct qmac_fuzz_device reference, tested;
	struct qmac_fuzz_stream stream;
	struct session s, start;
	int64_t number = 0;
	bool equal;

	qmac_fuzz_begin(options, index, result);
	s = start = session_start(options, result);
	open_devices(&s, &reference, &tested);
	while (!result->status && result->commands < result->wanted && !is_stopped(options)) {
		result->status = next_stream(&s, result->commands, &stream, &result->err);
		if (result->status)
			break;
		result->status = play_both(&reference, &tested, &stream, &result->err);
		equal = !result->status;
		forgive_stop(&s);
		if (equal) {
			result->commands += (int64_t)stream.trace->command_count;
			result->streams[stream.kind]++;
			number++;
		}
		qmac_fuzz_stream_free(&stream);
	}
	qmac_fuzz_device_close(&tested);
	qmac_fuzz_device_close(&reference);
	if (result->status == QMAC_CHECK_FAILED)
		investigate(&start, number);
}
