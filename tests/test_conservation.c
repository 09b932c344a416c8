/*
 * What layers, directions, epochs and components have spent sums to the whole, of random networks and linear
 * models on random hardware, trained, and estimated by the folder of the training: counts to the last unit,
 * joules to twelve digits. The estimate has the energies of the training.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "cost/energy.h"
#include "random_runs.h"
#include "report/layer_rows.h"
#include "report/stored.h"

enum { NETS = 10, MODELS = 16 };

/* Columns of layers.csv, and where their totals are; those up to TOTALS are in metrics.csv, too, by epoch. */
static const struct {
	const char *column, *total;
	bool of_data;  /* an estimate does not know it */
} counts[] = {
	{"cycles", "cycles", false}, {"commands", "commands", false}, {"macs", "macs", false},
	{"vec_mults", "vec_mults", false}, {"dram_read_bytes", "dram_read_bytes", false},
	{"dram_write_bytes", "dram_write_bytes", false}, {"fetch_bytes", "fetch_bytes", false},
	{"saturations", "saturations", true},
	{"zero_macs", "counters.zero_macs", false}, {"a_reads", "counters.a_reads", false},
	{"load_busy", "counters.load_busy", false}, {"execute_busy", "counters.execute_busy", false},
	{"store_busy", "counters.store_busy", false},
};
enum { COUNTS = TEST_COUNT(counts), TOTALS = 8, ENERGY = COUNTS, SUMS };

static bool is_near(double joules, double wanted)
{
	return fabs(joules - wanted) <= 1e-12 * wanted;
}

/* The rows of layers.csv so far beside a row of metrics.csv. */
static void check_epoch(const struct qmac_csv *metrics, int64_t epoch, const double sums[SUMS],
                        bool estimated)
{
	const double *row = metrics->values + epoch * metrics->columns;

	for (int i = 0; i < TOTALS; i++)
		if (!(counts[i].of_data && estimated))
			CU_ASSERT_EQUAL(row[qmac_csv_column(metrics, counts[i].column)], sums[i]);
	CU_ASSERT(is_near(row[qmac_csv_column(metrics, "energy_j")], sums[ENERGY]));
}

/* Those of the whole run beside summary.json. */
static void check_totals(const struct qmac_json *summary, const double sums[SUMS], bool estimated)
{
	static const char *const bands[][2] = {
		{"low", "energy_low_j"}, {"nominal", "energy_j"}, {"high", "energy_high_j"},
	};

	for (int i = 0; i < COUNTS; i++)
		if (!(counts[i].of_data && estimated))
			CU_ASSERT_EQUAL(qmac_json_real(summary, counts[i].total), sums[i]);
	CU_ASSERT(is_near(sums[ENERGY], qmac_json_real(summary, "energy_j")));
	for (int b = 0; b < TEST_COUNT(bands); b++) {
		double parts = 0;

		for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++) {
			char path[64];

			snprintf(path, sizeof path, "energy.%s.%s", qmac_energy_component_names[c], bands[b][0]);
			parts += qmac_json_real(summary, path);
		}
		CU_ASSERT(parts > 0 && is_near(parts, qmac_json_real(summary, bands[b][1])));
	}
}

static void check_sums(const char *name)
{
	char folder[600];
	struct qmac_stored stored;
	struct qmac_layer_rows rows;
	double sums[SUMS] = {0};
	bool estimated;

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
	CU_ASSERT_EQUAL_FATAL(qmac_stored_read(folder, &stored, NULL), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_layer_rows_read(folder, &rows, NULL), QMAC_OK);
	estimated = qmac_stored_is_estimate(&stored);
	for (int64_t epoch = 0; epoch < stored.metrics.rows; epoch++) {
		int64_t row;

		while ((row = qmac_layer_rows_take(&rows, epoch)) >= 0) {
			for (int i = 0; i < COUNTS; i++)
				sums[i] += qmac_layer_rows_field(&rows, row, counts[i].column);
			sums[ENERGY] += qmac_layer_rows_field(&rows, row, "energy_j");
		}
		check_epoch(&stored.metrics, epoch, sums, estimated);
	}
	CU_ASSERT_EQUAL(rows.next, rows.csv.rows);
	check_totals(stored.summary, sums, estimated);
	qmac_layer_rows_free(&rows);
	qmac_stored_free(&stored);
}

/* Of an estimate on the hardware of the training: not only the sums. */
static void check_same_energy(void)
{
	static const char *const keys[] = {"counters.zero_macs", "energy_j"};
	struct qmac_json *trained = json_of("trained", "summary.json"), *again = json_of("again", "summary.json");

	for (int i = 0; i < TEST_COUNT(keys); i++)
		CU_ASSERT_EQUAL(qmac_json_real(trained, keys[i]), qmac_json_real(again, keys[i]));
	CU_ASSERT_PTR_NULL(qmac_json_text(again, "energy_note"));
	qmac_json_free(trained);
	qmac_json_free(again);
}

/* Trains, and estimates that training. Returns whether it fits the hardware. */
static bool play(void)
{
	char folder[600];
	struct qmac_job job = {.estimate = true, .counted = folder};
	struct qmac_error err;

	if (run_on("one.yaml", "trained", NULL, &err))
		return false;
	snprintf(folder, sizeof folder, "%s/trained", test_folder());
	if (qmac_run_switches_formats(&config.run))
		job.recorded = folder;
	CU_ASSERT_EQUAL_FATAL(run_job(job, "again", &err), QMAC_OK);
	check_sums("trained");
	check_sums("again");
	check_same_energy();
	return true;
}

static void play_cases(int cases, void (*draw)(void))
{
	printf("[%d of %d] ", play_many(cases, draw, play), cases);
}

static void test_networks(void)
{
	play_cases(NETS, draw_network);
}

static void test_models(void)
{
	play_cases(MODELS, draw_model);
}

static void test_classifiers(void)
{
	test_write_clouds(90, 6, 3);
	play_cases(MODELS / 2, draw_classifier);
}

int main(void)
{
	const struct test_case cases[] = {
		{"networks", test_networks}, {"linear regression", test_models},
		{"logistic regression", test_classifiers},
	};

	write_images();
	state = test_seed();
	return test_main("test_conservation", cases, TEST_COUNT(cases));
}
