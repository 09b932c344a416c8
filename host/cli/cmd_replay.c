#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "backend/wave.h"
#include "cli/cli.h"
#include "cosim/open.h"
#include "process/stop.h"
#include "report/members.h"
#include "trace/trace.h"

/* Waves must not take the place of the trace, nor must the file that the writer needs beside them. */
static enum qmac_status settle_wave(const char *wave, const char *trace, char path[QMAC_WAVE_PATH_MAX],
                                    struct qmac_error *err)
{
	char beside[QMAC_WAVE_PATH_MAX];
	struct qmac_inputs inputs = {0};
	enum qmac_status status = qmac_inputs_add(&inputs, "the trace", trace, err);

	if (!status)
		status = qmac_wave_path(wave, path, err);
	if (!status)
		status = qmac_output_check(&inputs, "the waves", wave, err);
	if (!status)
		status = qmac_output_check(&inputs, "what waves need beside them",
		                           strcat(strcpy(beside, path), QMAC_WAVE_BESIDE), err);
	qmac_inputs_free(&inputs);
	return status;
}

enum qmac_status qmac_cli_replay(const struct qmac_cli_options *options, struct qmac_error *err)
{
	const char *backend = options->backend ? options->backend : "cmodel";
	/* Every backend is compared with the cycles in the trace; in lockstep the two with each other as well. */
	const struct qmac_lockstep_settings settings = {
		.timed = options->timed && strcmp(backend, "lockstep") == 0,
		.device = {
			.stalls = (uint64_t)options->stalls, .wave = options->wave, .on_note = qmac_cli_note,
			.stop = qmac_stop_catch(),
		},
	};
	const struct qmac_backend_source source = qmac_cosim_source(&settings);
	const struct qmac_replay replay = {.backend = backend, .timed = options->timed, .source = &source};
	char wave[QMAC_WAVE_PATH_MAX];
	struct qmac_trace *trace;
	enum qmac_status status;
	uint64_t cycles;

	if (options->timed && options->stalls)
		return qmac_fail(err, QMAC_BAD_INPUT, "random stalls change cycles: leave out --timed or --stalls");
	status = qmac_cosim_check(backend, &settings, err);
	if (!status && options->wave)
		status = settle_wave(options->wave, options->files[0], wave, err);
	if (!status)
		status = qmac_trace_read(options->files[0], &trace, err);
	if (status)
		return status;
	if (options->wave)
		qmac_cli_waves_begin(wave);
	status = qmac_trace_replay(trace, &replay, NULL, &cycles, err);
	qmac_cli_waves_end();
	if (status && qmac_stop_has_given_up())
		status = qmac_fail(err, QMAC_CHECK_FAILED, "stopped before the end of %s; what was compared is equal",
		                   options->files[0]);
	if (!status && options->wave && access(wave, F_OK))
		status = qmac_fail(err, QMAC_BAD_INPUT, "cannot write the waves to %s: what was written is not "
		                   "whole, and was removed; is the disk full?", options->wave);
	if (!status)
		qmac_cli_say("%s: %zu commands%s, %" PRIu64 " cycles: equal%s\n", options->files[0],
		             trace->command_count, trace->fault ? ", the last an error" : "", cycles,
		             options->timed ? ", cycles too" : "");
	qmac_trace_destroy(trace);
	return status;
}
