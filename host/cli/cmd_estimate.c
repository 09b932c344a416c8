#include "cli/cli.h"

#include "process/stop.h"
#include "report/results.h"
#include "run/job.h"

enum qmac_status qmac_cli_estimate(const struct qmac_cli_options *options, struct qmac_error *err)
{
	struct qmac_cli_progress progress;
	struct qmac_job_result result;
	struct qmac_run_config config;
	char folder[QMAC_PATH_MAX];
	struct qmac_job job = {
		.config = &config, .folder = folder, .estimate = true,
		.on_metrics = qmac_cli_progress_metrics,
		.on_note = qmac_cli_note, .context = &progress,
	};
	enum qmac_status status;

	status = qmac_cli_refuse_backend(options, "estimate asks no backend, only the model of time", err);
	if (!status)
		status = qmac_cli_prepare(options, "-estimate", &config, folder, err);
	if (status)
		return status;
	job.stop = qmac_stop_catch();
	qmac_cli_progress_start(&progress, options);
	progress.total = config.run.epochs;
	status = qmac_job_run(&job, &result, err);
	qmac_cli_progress_clear(&progress);
	if (status)
		return status;
	if (!qmac_run_uses_device(&config.run))
		printf("%-19s not used: %s runs on the host\n", "device", qmac_run_method(&config.run));
	return qmac_cli_print_summary(job.folder, err);
}
