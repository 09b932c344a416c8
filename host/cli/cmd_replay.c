#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backend/wave.h"
#include "base/temporary.h"
#include "cli/cli.h"
#include "cosim/open.h"
#include "process/stop.h"
#include "report/members.h"
#include "trace/trace.h"

/* Where waves will be, and where they are written: their writer removes files as it likes. */
struct waves {
	char path[QMAC_WAVE_PATH_MAX], temporary[QMAC_WAVE_PATH_MAX];
};

/* Waves must not take the place of the trace. */
static enum qmac_status begin_waves(const char *wave, const char *trace, struct waves *waves,
                                    struct qmac_error *err)
{
	struct qmac_inputs inputs = {0};
	enum qmac_status status = qmac_inputs_add(&inputs, "the trace", trace, err);
	int file;

	if (!status)
		status = qmac_wave_path(wave, waves->path, err);
	if (!status)
		status = qmac_output_check(&inputs, "the waves", wave, err);
	qmac_inputs_free(&inputs);
	if (status)
		return status;
	file = qmac_temporary_open(waves->path, 0666, waves->temporary,
	                           sizeof waves->temporary - sizeof QMAC_WAVE_BESIDE);
	if (file < 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write the waves to %s: %s", wave, strerror(errno));
	close(file);
	qmac_cli_waves_begin(waves->path, waves->temporary);
	return QMAC_OK;
}

/* Also where the replay failed: that is what waves are for. */
static enum qmac_status end_waves(const char *wave, const struct waves *waves, struct qmac_error *err)
{
	struct stat before;

	qmac_cli_waves_end();
	if (!qmac_wave_is_whole(waves->temporary)) {
		unlink(waves->temporary);
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write the waves to %s: what was written is not "
		                 "whole, and was removed; is the disk full?", wave);
	}
	if (stat(waves->path, &before) == 0)
		(void)chmod(waves->temporary, before.st_mode & 0777);
	if (rename(waves->temporary, waves->path) == 0)
		return QMAC_OK;
	qmac_fail(err, QMAC_BAD_INPUT, "cannot write the waves to %s: %s", wave, strerror(errno));
	unlink(waves->temporary);
	return QMAC_BAD_INPUT;
}

enum qmac_status qmac_cli_replay(const struct qmac_cli_options *options, struct qmac_error *err)
{
	const char *backend = options->backend ? options->backend : "cmodel";
	/* Every backend is compared with the cycles in the trace; in lockstep the two with each other as well. */
	struct qmac_lockstep_settings settings = {
		.timed = options->timed && strcmp(backend, "lockstep") == 0,
		.device = {
			.stalls = (uint64_t)options->stalls, .wave = options->wave, .on_note = qmac_cli_note,
			.stop = qmac_stop_catch(),
		},
	};
	const struct qmac_backend_source source = qmac_cosim_source(&settings);
	const struct qmac_replay replay = {.backend = backend, .timed = options->timed, .source = &source};
	struct qmac_error wave_error = {.line = 0};
	struct waves waves;
	struct qmac_trace *trace;
	enum qmac_status status, wave_status = QMAC_OK;
	uint64_t cycles;

	if (options->timed && options->stalls)
		return qmac_fail(err, QMAC_BAD_INPUT, "random stalls change cycles: leave out --timed or --stalls");
	status = qmac_cosim_check(backend, &settings, err);
	if (!status)
		status = qmac_trace_read(options->files[0], &trace, err);
	if (status)
		return status;
	if (options->wave) {
		status = begin_waves(options->wave, options->files[0], &waves, err);
		settings.device.wave = waves.temporary;
	}
	if (!status) {
		status = qmac_trace_replay(trace, &replay, NULL, &cycles, err);
		wave_status = options->wave ? end_waves(options->wave, &waves, &wave_error) : QMAC_OK;
	}
	if (status && qmac_stop_has_given_up())
		status = qmac_fail(err, QMAC_CHECK_FAILED, "stopped before the end of %s; what was compared is equal",
		                   options->files[0]);
	if (!status && wave_status) {
		*err = wave_error;
		status = wave_status;
	}
	if (!status)
		qmac_cli_say("%s: %zu commands%s, %" PRIu64 " cycles: equal%s\n", options->files[0],
		             trace->command_count, trace->fault ? ", the last an error" : "", cycles,
		             options->timed ? ", cycles too" : "");
	qmac_trace_destroy(trace);
	return status;
}
