#include <inttypes.h>
#include <string.h>

#include "cli/cli.h"
#include "trace/trace.h"

enum qmac_status qmac_cli_replay(const struct qmac_cli_options *options, struct qmac_error *err)
{
	const char *backend = options->backend ? options->backend : "cmodel";
	/* Every backend is compared with the cycles in the trace; in lockstep the two with each other as well. */
	const struct qmac_backend_settings settings = {
		.timed = options->timed && strcmp(backend, "lockstep") == 0, .stalls = (uint64_t)options->stalls,
		.wave = options->wave, .on_note = qmac_cli_note,
	};
	const struct qmac_replay replay = {
		.backend = backend, .timed = options->timed, .settings = &settings,
	};
	struct qmac_trace *trace;
	enum qmac_status status;
	uint64_t cycles;

	if (options->timed && options->stalls)
		return qmac_fail(err, QMAC_BAD_INPUT, "random stalls change cycles: leave out --timed or --stalls");
	status = qmac_backend_check(backend, &settings, err);
	if (!status)
		status = qmac_trace_read(options->files[0], &trace, err);
	if (status)
		return status;
	status = qmac_trace_replay(trace, &replay, NULL, &cycles, err);
	if (!status)
		printf("%s: %zu commands%s, %" PRIu64 " cycles: equal%s\n", options->files[0], trace->command_count,
		       trace->fault ? ", the last an error" : "", cycles, options->timed ? ", cycles too" : "");
	qmac_trace_destroy(trace);
	return status;
}
