/* For the tests of result folders: their files, and a run as the training would report it. */
#ifndef QMAC_TESTS_RESULTS_CASE_H
#define QMAC_TESTS_RESULTS_CASE_H

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/hw_file.h"
#include "report/results.h"
#include "report/stored.h"
#include "test.h"

static inline const char *path_of(const char *folder, const char *name)
{
	static char path[600];

	snprintf(path, sizeof path, "%s/%s%s%s", test_folder(), folder, *name ? "/" : "", name);
	return path;
}

static inline bool exists(const char *folder, const char *name)
{
	return access(path_of(folder, name), F_OK) == 0;
}

static inline bool growing(const char *folder, const char *name)
{
	return test_temporary(path_of(folder, name)) != NULL;
}

/* A whole file, at most 64 KB; "" where there is none. */
static inline const char *text_of(const char *folder, const char *name)
{
	static char text[1 << 16];
	FILE *in = fopen(path_of(folder, name), "r");

	text[in ? fread(text, 1, sizeof text - 1, in) : 0] = 0;
	if (in)
		fclose(in);
	return text;
}

/* Rewrites a file of a run, the first `what` replaced. */
static inline void edit_file(const char *run, const char *name, const char *what, const char *by)
{
	const char *text = text_of(run, name), *at = strstr(text, what);
	char *copy = malloc(strlen(text) + strlen(by) + 1);
	FILE *out = fopen(path_of(run, name), "w");

	CU_ASSERT_FATAL(at && copy && out);
	sprintf(copy, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
	fputs(copy, out);
	fclose(out);
	free(copy);
}

/* ---- a run as the training would report it ---- */
static struct qmac_run_config config;
static struct qmac_hw_file hw;

/* Defaults, one setting (NULL: none), the smallest shipped hardware. */
static inline void load(const char *key, const char *value)
{
	const struct qmac_setting settings[] = {{"hw", "configs/hw/8x8_w8.yaml", "--hw"}, {key, value, "--set"}};
	struct qmac_error err;

	if (qmac_run_config_load(&config, NULL, settings, key ? 2 : 1, &err)
	    || qmac_hw_file_load(&hw, config.run.hw, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("no configuration");
	}
}

/* Whether the folder holds the result of the configuration; why not ("": it is of another one, or none). */
static inline const struct qmac_match *match_of(const char *folder)
{
	static struct qmac_match match;
	struct qmac_error err;

	CU_ASSERT_EQUAL(qmac_results_match(path_of(folder, ""), &config, &hw, &match, &err), QMAC_OK);
	return &match;
}

static inline bool is_kept(const char *folder)
{
	return match_of(folder)->kept;
}

static inline struct qmac_metrics row(int64_t epoch, double norm)
{
	struct qmac_metrics m = {
		.epoch = epoch, .step = 10 * epoch, .data_passes = 1.5 * (double)epoch, .train_loss = norm * norm,
		.grad_norm = norm, .test_loss = NAN, .test_accuracy = NAN,
		.train_accuracy = NAN, .delta = epoch ? .25 : NAN,
		.weight_saturations = 3 * epoch, .host_flops = 7, .host_bytes = 8,
	};

	m.headline = QMAC_FIGURE_GRAD_NORM;
	for (int i = 0; i < QMAC_COUNTERS; i++) {
		m.counters[i] = (uint64_t)(epoch * (i + 4));
		m.outer[i] = epoch == 2; /* one of each, in a gradient on the device */
	}
	return m;
}

/*
 * What is to be told of an epoch: counter i grows by i + 4. In the first epoch it is all the inner loop's,
 * forwards; in the second there is one of each in the gradient of another layer, and one in an update.
 */
static inline struct qmac_records records_of(int64_t epoch)
{
	static const int32_t codes[] = {0, 127, -1, 0};
	struct qmac_records records;

	CU_ASSERT_EQUAL_FATAL(qmac_records_create(&records, 2, NULL), QMAC_OK);
	for (int l = 0; l < 2; l++)
		records.layer[l] = (struct qmac_layer_record){
			.w_bits = l ? 32 : qmac_run_uses_device(&config.run) ? config.run.bits : 0,
			 .x_bits = config.run.x_bits, .delta = l ? (double)NAN : .25,
		};
	strcpy(records.layer[0].name, "conv1");
	strcpy(records.layer[1].name, "fc");
	qmac_records_begin(&records, epoch);
	for (int i = 0; i < QMAC_COUNTERS; i++) {
		uint64_t one = epoch == 2, all = epoch > 0 ? (uint64_t)i + 4 : 0;

		qmac_records_spent(&records, 0, QMAC_DIRECTION_FORWARD)[i] = all - 2 * one;
		qmac_records_spent(&records, 0, QMAC_DIRECTION_UPDATE)[i] = one;
		qmac_records_spent(&records, 1, QMAC_DIRECTION_WEIGHTS)[i] = one;
	}
	qmac_records_count_codes(&records, 0, true, codes, 4, 1);
	qmac_records_count_codes(&records, 0, false, codes, 3, 2);
	return records;
}

static double trained_weights[] = {1, -2.5};

/* Two epochs; the second norm as given. Returns the status of the finish. */
static inline enum qmac_status write_run(const char *folder, double norm, struct qmac_error *err)
{
	const struct qmac_retire record = {
		.number = 3, .engine = QMAC_ENGINE_EXECUTE, .opcode = QMAC_OPCODE_VEC, .tag = 9,
		.start = 100, .cycle = 142,
	};
	struct qmac_train_result trained = {
		.weights = trained_weights, .weight_count = 2, .last = row(2, norm), .diverged = !isfinite(norm),
		.coefficient_max = 80, .kernel = "scalar",
	};
	struct qmac_results *results;
	enum qmac_status status = qmac_results_create(path_of(folder, ""), &config, &hw, &results, err);

	if (status)
		return status;
	for (int epoch = 0; !status && epoch <= 2; epoch++) {
		struct qmac_metrics m = epoch == 2 ? trained.last : row(epoch, 4);

		struct qmac_records records = records_of(epoch);

		qmac_results_retire(results, &record);
		status = qmac_results_metrics(results, &m, &records, err);
		qmac_records_free(&records);
	}
	if (!status)
		status = qmac_results_finish(results, &trained, .5, err);
	qmac_results_destroy(results);
	return status;
}

#endif
