/* For tests of networks' trainings: a run below the test folder, how it may end early, and what it leaves. */
#ifndef QMAC_TESTS_NET_RUNS_H
#define QMAC_TESTS_NET_RUNS_H

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "run/job.h"
#include "test.h"

/* Of the next training. */
static struct qmac_run_config config;

/* Loads it from a file and settings; a failure ends the test. */
static inline void configure(const char *file, int count, const struct qmac_setting *settings)
{
	struct qmac_error err;

	if (qmac_run_config_load(&config, file, settings, count, &err)) {
		printf("%s:%d: %s\n", err.file, err.line, err.message);
		CU_FAIL_FATAL("configuration");
	}
}

/* How a run ends early. */
struct ending {
	int64_t epoch;              /* told of that one, it: */
	bool now;                   /* ends the run, or only asks it to go on to its next checkpoint */
	volatile sig_atomic_t stop;
};

static inline int end_run(void *context, const struct qmac_metrics *metrics)
{
	struct ending *ending = context;

	if (metrics->epoch != ending->epoch)
		return 0;
	ending->stop = 15;
	return ending->now;
}

/* Into the folder `name` of the test folder; the job says the rest. */
static inline enum qmac_status run_job(struct qmac_job job, const char *name, struct qmac_error *err)
{
	char folder[600];
	struct qmac_job_result result;

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
	job.config = &config;
	job.folder = folder;
	return qmac_job_run(&job, &result, err);
}

/* `ending` may be NULL. */
static inline enum qmac_status train(const char *name, bool resume, struct ending *ending,
                                     struct qmac_error *err)
{
	struct qmac_job job = {.resume = resume};

	if (ending) {
		job.on_metrics = end_run;
		job.context = ending;
		job.stop = &ending->stop;
	}
	return run_job(job, name, err);
}

static inline void train_well(const char *name, bool resume)
{
	struct qmac_error err;
	enum qmac_status status = train(name, resume, NULL, &err);

	if (status)
		printf("%s\n", err.message);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

static inline struct qmac_json *json_of(const char *name, const char *file)
{
	char path[600];
	struct qmac_json *json = NULL;

	snprintf(path, sizeof path, "%s/%s/%s", test_folder(), name, file);
	CU_ASSERT_EQUAL_FATAL(qmac_json_read(path, &json, NULL), QMAC_OK);
	return json;
}

/* Is a file the same in two results? */
static inline void check_file(const char *one, const char *other, const char *file)
{
	char name[100], *text;

	snprintf(name, sizeof name, "%s/%s", one, file);
	text = malloc(strlen(test_text(name)) + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	strcpy(text, test_text(name));
	snprintf(name, sizeof name, "%s/%s", other, file);
	CU_ASSERT(text[0] && strcmp(text, test_text(name)) == 0);
	if (strcmp(text, test_text(name)) != 0)
		printf("%s and %s differ in %s\n", one, other, file);
	free(text);
}

#endif
