/* For tests of networks' trainings: what two results have in common, what is left of one, its switches. */
#ifndef QMAC_TESTS_NET_RESULTS_H
#define QMAC_TESTS_NET_RESULTS_H

#include "net_runs.h"
#include "num/format.h"
#include "run/evaluate.h"

/* All costs, without training; with the formats of a result, where one is named. */
static inline void estimate_well(const char *name, const char *recorded)
{
	char folder[600];
	struct qmac_job job = {.estimate = true, .recorded = recorded ? folder : NULL};
	struct qmac_error err;
	enum qmac_status status;

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), recorded ? recorded : "");
	status = run_job(job, name, &err);

	if (status)
		printf("%s\n", err.message);
	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
}

/* Are these figures the same in two results, and above 0? */
static inline void check_figures(const char *one, const char *other, int count, const char *const *names)
{
	struct qmac_json *summary = json_of(one, "summary.json"), *second = json_of(other, "summary.json");

	for (int i = 0; i < count; i++) {
		CU_ASSERT(qmac_json_real(summary, names[i]) > 0);
		CU_ASSERT_EQUAL(qmac_json_real(summary, names[i]), qmac_json_real(second, names[i]));
	}
	qmac_json_free(summary);
	qmac_json_free(second);
}

/* What a training cost, and what an estimate says. */
static inline void check_costs(const char *trained, const char *estimated)
{
	static const char *const costs[] = {"cycles", "host_flops", "host_bytes", "macs", "vec_mults",
	                                    "dram_read_bytes"};

	check_figures(trained, estimated, TEST_COUNT(costs), costs);
}

static inline void check_same(const char *one, const char *other)
{
	static const char *const files[] = {"metrics.csv", "layers.csv", "weights/manifest.json", "switches.csv",
	                                    "formats.csv"};

	for (int i = 0; i < (qmac_run_switches_formats(&config.run) ? 5 : 3); i++)
		check_file(one, other, files[i]);
}

/* The weights in the folder, in the formats that they ended in, give the figures of the training. */
static inline void check_evaluation(const char *name)
{
	struct qmac_net_figures figures;
	struct qmac_json *summary = json_of(name, "summary.json");
	char folder[600];
	struct qmac_error err;

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
	CU_ASSERT_EQUAL_FATAL(qmac_run_evaluate(&config, folder, &figures, &err), QMAC_OK);
	CU_ASSERT_EQUAL((double)figures.hits / (double)figures.samples, qmac_json_real(summary, "test_accuracy"));
	CU_ASSERT_EQUAL(figures.loss / (double)figures.samples, qmac_json_real(summary, "test_loss"));
	qmac_json_free(summary);
}

/* ---- switches.csv ------------------------------------------------------------------------- */

enum { SWITCHES = 100 };

struct row {
	long epoch, step;
	char layer[48];
	struct qmac_format before, after;
	unsigned long long host_flops, bytes, cycles;
};

static inline int read_switches(const char *name, struct row *rows)
{
	static const char head[] = "epoch,step,layer,bw_old,fl_old,bw_new,fl_new,host_flops,bytes,cycles\n";
	char file[100];
	const char *text;
	int count = 0, length;

	snprintf(file, sizeof file, "%s/switches.csv", name);
	text = test_text(file);
	CU_ASSERT_FATAL(strncmp(text, head, strlen(head)) == 0);
	text += strlen(head);
	for (; *text; text += length) {
		struct row *row = &rows[count++];

		CU_ASSERT_FATAL(count < SWITCHES);
		CU_ASSERT_EQUAL_FATAL(sscanf(text, "%ld,%ld,%47[a-z0-9],%d,%d,%d,%d,%llu,%llu,%llu\n%n", &row->epoch,
		                             &row->step, row->layer, &row->before.bw, &row->before.fl, &row->after.bw,
		                             &row->after.fl, &row->host_flops, &row->bytes, &row->cycles, &length),
		                      10);
	}
	return count;
}

static inline bool is_same(struct qmac_format a, struct qmac_format b)
{
	return a.bw == b.bw && a.fl == b.fl;
}

#endif
