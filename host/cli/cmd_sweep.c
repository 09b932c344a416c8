#define _POSIX_C_SOURCE 200809L
#include <inttypes.h>
#include <unistd.h>

#include "cli/cli.h"
#include "process/stop.h"
#include "sweep/sweep.h"

static void on_done(void *context, const char *name, const char *failure, int done, int total)
{
	struct qmac_cli_progress *progress = context;

	progress->total = total;
	qmac_cli_progress_clear(progress);
	if (failure[0])
		qmac_cli_warn("qmac: run %s failed: %s\n", name, failure);
	if (done < total)
		qmac_cli_progress_show(progress, done, "%d of %d runs done", done, total);
}

static int default_jobs(void)
{
	long online = sysconf(_SC_NPROCESSORS_ONLN);

	return online < 1 ? 1 : online > 1024 ? 1024 : (int)online;
}

enum qmac_status qmac_cli_sweep(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_cli_progress progress;
	char folder[QMAC_PATH_MAX], stem[256], warning[512];
	const struct qmac_sweep_options sweep_options = {
		.folder = options->out ? options->out : folder,
		.jobs = options->jobs ? options->jobs : default_jobs(),
		.resume = options->resume,
		.stop = qmac_stop_catch(),
		.on_done = on_done,
		.on_note = qmac_cli_note,
		.context = &progress,
		.table = stdout,
	};
	struct qmac_sweep sweep;
	enum qmac_status status = qmac_sweep_load(&sweep, options->files[0], err);

	if (status)
		return status;
	qmac_cli_progress_start(&progress, options);
	qmac_cli_stem(options->files[0], stem, sizeof stem);
	snprintf(folder, sizeof folder, "qmac-out/%s", stem);
	status = qmac_sweep_run(&sweep, &sweep_options, warning, sizeof warning, err);
	qmac_cli_progress_clear(&progress);
	if (warning[0])
		qmac_cli_warn("qmac: %s\n", warning);
	if (!status)
		qmac_cli_say("results in %s\n", sweep_options.folder);
	qmac_sweep_free(&sweep);
	return status;
}
