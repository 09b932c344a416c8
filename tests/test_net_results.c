/*
 * What the results of a network tell of its weights: which share of their codes is 0, and how many were
 * limited, beside what the masters in the folder say; nothing where there are no codes.
 */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdlib.h>

#include "config/hw_file.h"
#include "image_files.h"
#include "report/files.h"
#include "report/json.h"
#include "run/job.h"

enum { STEPS = 15, EPOCHS = 2 };

static const char layers[] =
	"  - conv: {out: 4, kernel: 3}\n  - tanh\n  - avg_pool: {size: 2}\n  - flatten\n  - linear: {out: 3}\n";

static struct qmac_run_config config;

static const char *path_of(const char *name, const char *file)
{
	static char path[700];

	snprintf(path, sizeof path, "%s/%s/%s", test_folder(), name, file);
	return path;
}

static void run(const char *name, const char *lines, bool estimate)
{
	const struct qmac_setting epochs = {"epochs", "2", "--set"};
	char folder[600];
	const struct qmac_job job = {.config = &config, .folder = folder, .estimate = estimate};
	struct qmac_job_result result;
	struct qmac_error err;
	enum qmac_status status = qmac_run_config_load(&config, write_net_run(layers, lines), &epochs, 1, &err);

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
	if (!status)
		status = qmac_job_run(&job, &result, &err);
	if (status)
		printf("%s\n", err.message);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

/* A column of the rows of layers.csv that begin like this, summed; *rows: how many have it. */
static double column(const char *name, const char *begin, const char *column, int *rows)
{
	char line[400], head[400] = "", *at;
	double sum = 0;
	int number = 0;
	FILE *in = fopen(path_of(name, "layers.csv"), "r");

	*rows = 0;
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fgets(head, sizeof head, in));
	head[strcspn(head, "\n")] = 0;
	for (at = strtok(head, ","); at && strcmp(at, column) != 0; at = strtok(NULL, ","))
		number++;
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	while (fgets(line, sizeof line, in)) {
		if (strncmp(line, begin, strlen(begin)) != 0)
			continue;
		at = line;
		for (int i = 0; i < number; i++)
			at = strchr(at, ',') + 1;
		if (*at == ',' || *at == '\n')
			continue;
		sum += atof(at);
		++*rows;
	}
	fclose(in);
	return sum;
}

/* ---- codes by hand ------------------------------------------------------------------------ */

struct tally {
	int count, zeros, limited;
};

/* Codes of a parameter in <8,4>, to the nearest. */
static struct tally tally_of(const char *name, const char *parameter, int count)
{
	struct tally tally = {.count = count};
	char file[60];
	float w[200];
	FILE *in;

	snprintf(file, sizeof file, "weights/%s.npy", parameter);
	in = fopen(path_of(name, file), "rb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	CU_ASSERT_EQUAL_FATAL(fseek(in, -4L * count, SEEK_END), 0);
	CU_ASSERT_EQUAL_FATAL(fread(w, sizeof w[0], (size_t)count, in), (size_t)count);
	fclose(in);
	for (int i = 0; i < count; i++) {
		double code = nearbyint(16 * (double)w[i]);

		tally.zeros += code == 0;
		tally.limited += code > 127 || code < -128;
	}
	return tally;
}

/* So small a step leaves the masters as they are: every step rounds the same numbers. */
static void test_codes(void)
{
	static const struct {
		const char *name;
		int weights, biases;
	} with[] = {{"conv1", 36, 4}, {"linear1", 108, 3}};
	struct qmac_json *summary = NULL;
	double limited = 0, sum;
	int rows;

	run("codes", "alpha: 1e-30\ninit: {gain: 4, biases: 20}\n"
	    "precision: {policy: fixed, weight_rounding: nearest}\n", false);
	for (int i = 0; i < TEST_COUNT(with); i++) {
		char weight[40], bias[40], begin[40];
		struct tally w, b;
		double share, count;

		snprintf(weight, sizeof weight, "%s.weight", with[i].name);
		snprintf(bias, sizeof bias, "%s.bias", with[i].name);
		w = tally_of("codes", weight, with[i].weights);
		b = tally_of("codes", bias, with[i].biases);
		CU_ASSERT(w.zeros > 0 && b.limited > 0);
		snprintf(begin, sizeof begin, "2,%s,forward,", with[i].name);
		share = column("codes", begin, "sparsity", &rows);
		CU_ASSERT(rows == 1 && share == (double)w.zeros / w.count);
		count = column("codes", begin, "weight_saturations", &rows);
		CU_ASSERT(rows == 1 && count == (double)STEPS * (w.limited + b.limited));
		limited += count;
		/* every direction of a layer tells of its weights, and only one has the count */
		snprintf(begin, sizeof begin, "2,%s,", with[i].name);
		sum = column("codes", begin, "sparsity", &rows);
		CU_ASSERT(rows >= 3 && fabs(sum - rows * share) < 1e-9);
		CU_ASSERT_EQUAL(column("codes", begin, "weight_saturations", &rows), count);
	}
	(void)column("codes", "2,tanh1,", "sparsity", &rows);
	CU_ASSERT_EQUAL(rows, 0);
	CU_ASSERT_EQUAL_FATAL(qmac_json_read(path_of("codes", "summary.json"), &summary, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_json_real(summary, "weight_saturations"), EPOCHS * limited);
	qmac_json_free(summary);
	CU_ASSERT_EQUAL(strncmp(test_csv_field("codes/metrics.csv", "0", 20), "0,", 2), 0); /* before training */
}

static void test_none(void)
{
	static const char *const names[] = {"float", "estimate"};
	int rows;

	run("float", "alpha: 0.05\n", false);
	run("estimate", "alpha: 0.05\nprecision: {policy: fixed}\n", true);
	for (int i = 0; i < TEST_COUNT(names); i++) {
		struct qmac_json *summary = NULL;
		char name[60];

		(void)column(names[i], "", "sparsity", &rows);
		CU_ASSERT_EQUAL(rows, 0);
		(void)column(names[i], "", "weight_saturations", &rows);
		CU_ASSERT_EQUAL(rows, 0);
		CU_ASSERT_EQUAL_FATAL(qmac_json_read(path_of(names[i], "summary.json"), &summary, NULL), QMAC_OK);
		CU_ASSERT_PTR_NULL(qmac_json_text(summary, "weight_saturations"));
		qmac_json_free(summary);
		snprintf(name, sizeof name, "%s/summary.json", names[i]);
		CU_ASSERT(strstr(test_text(name), "\"weight_saturations\": null") != NULL);
	}
}

/* ---- sums ---------------------------------------------------------------------------------- */

/* All rows of layers.csv, those of the evaluation before training too, sum to what the whole took. */
static void test_sums(void)
{
	static const char *const names[] = {"trained", "estimated"};
	static const char *const keys[] = {"cycles", "commands", "macs", "vec_mults", "dram_read_bytes",
	                                   "dram_write_bytes", "fetch_bytes", "saturations"};
	int rows;

	for (int estimate = 0; estimate < 2; estimate++) {
		const char *name = names[estimate];
		struct qmac_json *summary = NULL;
		double joules;

		run(name, "alpha: 0.05\nprecision: {policy: fixed}\n", estimate);
		CU_ASSERT_EQUAL_FATAL(qmac_json_read(path_of(name, "summary.json"), &summary, NULL), QMAC_OK);
		CU_ASSERT(column(name, "0,conv1,eval,", "cycles", &rows) > 0);
		(void)column(name, "0,", "cycles", &rows);
		CU_ASSERT(rows >= 5); /* of each layer one */
		for (int i = 0; i < TEST_COUNT(keys) - estimate; i++) /* an estimate knows no saturations */
			CU_ASSERT_EQUAL(column(name, "", keys[i], &rows), qmac_json_real(summary, keys[i]));
		joules = qmac_json_real(summary, "energy_j");
		CU_ASSERT(joules > 0 && fabs(column(name, "", "energy_j", &rows) - joules) <= 1e-12 * joules);
		qmac_json_free(summary);
	}
}

int main(void)
{
	const struct test_case cases[] = {
		{"codes of weights", test_codes}, {"no codes", test_none}, {"sums over layers", test_sums},
	};

	write_images();
	return test_main("test_net_results", cases, TEST_COUNT(cases));
}
