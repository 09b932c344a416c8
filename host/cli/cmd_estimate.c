#define _POSIX_C_SOURCE 200809L
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/run_table.h"
#include "config/text.h"
#include "process/stop.h"
#include "report/members.h"
#include "report/results.h"
#include "run/job.h"

/* The folder of a run in place of a run file: its config.yaml, and a base for the results. */
struct folder {
	char base[QMAC_PATH_MAX], config[QMAC_MEMBER_PATH];
	const char *files[1];
};

static bool is_folder(const char *path)
{
	struct stat what;

	return stat(path, &what) == 0 && S_ISDIR(what.st_mode);
}

/* Formats that were recorded are those of one run: of its keys only such may differ as do not change them. */
static enum qmac_status refuse_settings(const struct qmac_cli_options *options, const char *folder,
                                        struct qmac_error *err)
{
	static const char keys[] = "hw|energy|area|file|test_limit|timeline|threads|kernel|speedup|eval_every|"
		"checkpoint.every|checkpoint.steps|checkpoint_every|checkpoint_steps";

	for (int i = 0; i < options->setting_count; i++) {
		const char *key = options->settings[i].key;

		if (key && qmac_words_find(keys, key) < 0)
			return qmac_fail(err, QMAC_BAD_INPUT, "%s %s: with it the run in %.400s would have had other"
			                 " formats: leave it out", options->settings[i].option, key, folder);
	}
	return QMAC_OK;
}

/* Are all settings of keys that change nothing of what is computed? */
static bool computes_the_same(const struct qmac_cli_options *options)
{
	static const char keys[] = "hw|energy|area|timeline|threads|kernel|speedup|"
		"checkpoint.every|checkpoint.steps|checkpoint_every|checkpoint_steps";

	for (int i = 0; i < options->setting_count; i++)
		if (options->settings[i].key && qmac_words_find(keys, options->settings[i].key) < 0)
			return false;
	return true;
}

/* The job gets the folder where its run has recorded formats, and where it has counted what is computed. */
static enum qmac_status take_folder(const struct qmac_cli_options *given, struct folder *folder,
                                    struct qmac_cli_options *options, struct qmac_job *job,
                                    struct qmac_error *err)
{
	size_t length = strlen(given->files[0]);
	struct qmac_run_config config;
	enum qmac_status status;

	if (length + 300 >= sizeof folder->base) /* room for the hardware's name */
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the folder is too long: %.200s...",
		                 given->files[0]);
	strcpy(folder->base, given->files[0]);
	while (length > 1 && folder->base[length - 1] == '/')
		folder->base[--length] = 0;
	snprintf(folder->config, sizeof folder->config, "%s/%s", folder->base,
	         qmac_member_names[QMAC_RESULT_CONFIG]);
	folder->files[0] = folder->config;
	options->files = folder->files;
	options->base = folder->base;
	status = qmac_run_config_load(&config, folder->config, NULL, 0, err);
	if (status)
		return status;
	job->counted = computes_the_same(given) ? folder->base : NULL;
	job->recorded = qmac_run_switches_formats(&config.run) ? folder->base : NULL;
	return job->recorded ? refuse_settings(given, folder->base, err) : QMAC_OK;
}

/* The run in 32 bits takes several times as long as all the rest: only where it is asked for. */
static void leave_out_32_bits(struct qmac_run_config *config)
{
	char *source = config->source[QMAC_KEY_speedup];

	if (strncmp(source, "default", strlen("default")) != 0)
		return;
	config->run.speedup = false;
	snprintf(source, sizeof config->source[0], "default of estimates");
}

enum qmac_status qmac_cli_estimate(const struct qmac_cli_options *given, struct qmac_error *err)
{
	struct qmac_cli_options own = *given, *options = &own;
	struct qmac_cli_progress progress;
	struct folder from;
	struct qmac_job_result result;
	struct qmac_run_config config;
	char folder[QMAC_PATH_MAX];
	struct qmac_job job = {
		.config = &config, .folder = folder, .estimate = true,
		.on_metrics = qmac_cli_progress_metrics, .on_step = qmac_cli_progress_step,
		.on_note = qmac_cli_note, .context = &progress,
	};
	enum qmac_status status;

	if (given->topology)
		return qmac_cli_topology(given, err);
	if (given->file_count == 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "usage: qmac estimate RUN.yaml|DIR or --topology FILE.csv, ...;"
		                 " qmac help estimate says more");
	if (given->dataflow || given->training)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s is about the layers of a --topology: leave it out",
		                 given->dataflow ? "--dataflow" : "--training");
	status = qmac_cli_refuse_backend(options, "estimate asks no backend, only the model of time", err);
	if (!status)
		status = is_folder(given->files[0]) ? take_folder(given, &from, &own, &job, err) : QMAC_OK;
	if (!status)
		status = qmac_cli_prepare(options, "-estimate", &config, folder, err);
	if (status)
		return status;
	leave_out_32_bits(&config);
	job.stop = qmac_stop_catch();
	qmac_cli_progress_start(&progress, options);
	qmac_cli_progress_epochs(&progress, config.run.epochs);
	status = qmac_job_run(&job, &result, err);
	qmac_cli_progress_clear(&progress);
	if (status)
		return status;
	if (!qmac_run_uses_device(&config.run))
		printf("%-19s not used: %s runs on the host\n", "device", qmac_run_method(&config.run));
	return qmac_cli_print_summary(job.folder, err);
}
