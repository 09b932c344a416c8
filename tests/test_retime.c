/*
 * Runs that are timed with the values of another one, trained on other hardware, are to the last digit what
 * their own training would have been: random networks and linear models on random hardware. Where that is
 * not so it is found.
 */
#define _XOPEN_SOURCE 700
#include <math.h>

#include "config/energy_file.h"
#include "report/layer_rows.h"
#include "random_runs.h"
#include "run/retime.h"

enum { NETS = 12, MODELS = 24 };

/* By how much of it the energy of a timed run was off at most. */
static double farthest;

static struct qmac_layer_rows rows_of(const char *name)
{
	struct qmac_layer_rows rows;
	char folder[600];

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
	CU_ASSERT_EQUAL_FATAL(qmac_layer_rows_read(folder, &rows, NULL), QMAC_OK);
	return rows;
}

static const char *word_of(const struct qmac_layer_rows *rows, int64_t row, const char *column)
{
	return rows->csv.words[(int)qmac_layer_rows_field(rows, row, column)];
}

/* A field of the row in another table of the same epoch, layer and direction as this one; 0: it has none. */
static double twin_of(const struct qmac_layer_rows *other, const struct qmac_layer_rows *rows, int64_t row,
                      const char *column)
{
	for (int64_t i = 0; i < other->csv.rows; i++)
		if (qmac_layer_rows_field(other, i, "epoch") == qmac_layer_rows_field(rows, row, "epoch") &&
		    strcmp(word_of(other, i, "layer"), word_of(rows, row, "layer")) == 0 &&
		    strcmp(word_of(other, i, "direction"), word_of(rows, row, "direction")) == 0)
			return qmac_layer_rows_field(other, i, column);
	return 0;
}

/*
 * Row by row: with the MACs of the training a layer has its products with a zero operand, else as many but
 * for the difference. Leaves zeros_known as it has to be.
 */
static void check_zeros(void)
{
	struct qmac_layer_rows one = rows_of("one"), trained = rows_of("trained"), timed = rows_of("timed");

	zeros_known = other_multipliers ? ZEROS_UNKNOWN : ZEROS_EXACT;
	CU_ASSERT_EQUAL(timed.csv.rows, trained.csv.rows);
	for (int64_t i = 0; !other_multipliers && i < trained.csv.rows; i++) {
		double zeros = qmac_layer_rows_field(&trained, i, "zero_macs");
		double more = fabs(twin_of(&one, &trained, i, "macs") - qmac_layer_rows_field(&trained, i, "macs"));

		if (more > 0)
			zeros_known = ZEROS_BY_SHARE;
		CU_ASSERT(fabs(twin_of(&timed, &trained, i, "zero_macs") - zeros) <= more);
	}
	qmac_layer_rows_free(&one);
	qmac_layer_rows_free(&trained);
	qmac_layer_rows_free(&timed);
}

static double number_of(const char *name, const char *key)
{
	struct qmac_json *summary = json_of(name, "summary.json");
	double number = qmac_json_real(summary, key);

	qmac_json_free(summary);
	return number;
}

/* Energy is off by the products with a zero operand that are not known alone; and that is said. */
static void check_energy(void)
{
	struct qmac_json *timed = json_of("timed", "summary.json");
	bool gates = strcmp(qmac_json_text(timed, "hw.zero_gating"), "true") == 0;
	double joules = number_of("trained", "energy_j"), zeros = qmac_json_real(timed, "counters.zero_macs");
	double more = qmac_json_real(timed, "energy_j") - joules, product;
	struct qmac_energy_table table;

	CU_ASSERT_EQUAL_FATAL(qmac_energy_load(&table, "", NULL), QMAC_OK);
	product = 1e-12 * table.of[QMAC_ENERGY_MULTIPLIER].band.nominal * qmac_json_real(timed, "hw.a_bits") *
	          qmac_json_real(timed, "hw.w_bits");
	CU_ASSERT_EQUAL(isnan(zeros), zeros_known == ZEROS_UNKNOWN);
	if (zeros_known == ZEROS_UNKNOWN)
		zeros = 0;
	zeros = gates ? number_of("trained", "counters.zero_macs") - zeros : 0;
	CU_ASSERT(joules > 0 && fabs(more - zeros * product) <= 1e-12 * joules);
	CU_ASSERT_EQUAL(qmac_json_text(timed, "energy_note") != NULL,
	                gates && zeros_known != ZEROS_EXACT && qmac_json_real(timed, "macs") > 0);
	farthest = fmax(farthest, fabs(more) / joules);
	qmac_json_free(timed);
}

/* Trains on one device, and on the other both ways. Returns whether there was something to compare. */
static bool play(void)
{
	char folder[600], why[QMAC_RETIME_WHY];
	struct qmac_job job = {.config = &config, .folder = folder};
	struct qmac_error err;
	enum qmac_status status;

	if (run_on("one.yaml", "one", NULL, &err))
		return false; /* it does not fit */
	snprintf(folder, sizeof folder, "%s/one", test_folder());
	CU_ASSERT_EQUAL_FATAL(qmac_retime_check(&job, why, &err), QMAC_OK);
	if (why[0])
		return false;
	status = run_on("other.yaml", "trained", NULL, &err);
	if (status) {
		CU_ASSERT_EQUAL(run_on("other.yaml", "timed", "one", &err), status);
		return false;
	}
	CU_ASSERT_EQUAL_FATAL(run_on("other.yaml", "timed", "one", &err), QMAC_OK);
	check_zeros();
	if (compare_results("trained", "timed")) {
		printf("trained and timed differ in %s\n", first_difference);
		CU_FAIL_FATAL("a run that is timed differs from its training");
	}
	check_energy();
	return true;
}

static void play_cases(int cases, void (*draw)(void))
{
	int compared = play_many(cases, draw, play);

	printf("[%d of %d, energy off by %.2g %% at most] ", compared, cases, 100 * farthest);
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

/* ---- faults ------------------------------------------------------------------------------------ */

static void write_pair(void)
{
	struct qmac_hw hw = shipped_hw("16x16_w8");

	write_hw("one.yaml", &hw);
	hw.acc_depth *= 2;
	write_hw("other.yaml", &hw);
}

/*
 * A device whose values are not those of the other, as if a parameter of it went into the random numbers, or
 * into the width of a sum: what stands for it here is another seed, another width.
 */
static void test_planted(void)
{
	static const struct qmac_setting others[] = {
		{"seed", "2", "--set"}, {"precision.err_bits", "9", "--set"}, {"precision.fl", "5", "--set"},
	};
	const char *file = write_net_run("  - conv: {out: 4, kernel: 3}\n  - relu\n  - flatten\n"
	                                 "  - linear: {out: 3}\n", "precision: {policy: fixed, bw: 8, fl: 4}\n");
	struct qmac_error err;

	write_pair();
	zeros_known = ZEROS_EXACT;
	for (int i = 0; i <= TEST_COUNT(others); i++) {
		configure(file, 0, NULL);
		CU_ASSERT_EQUAL_FATAL(run_on("one.yaml", "one", NULL, &err), QMAC_OK);
		CU_ASSERT_EQUAL_FATAL(run_on("other.yaml", "timed", "one", &err), QMAC_OK);
		configure(file, i < TEST_COUNT(others), &others[i]);
		CU_ASSERT_EQUAL_FATAL(run_on("other.yaml", "trained", NULL, &err), QMAC_OK);
		CU_ASSERT_EQUAL(compare_results("trained", "timed") > 0, i < TEST_COUNT(others));
	}
}

/* Rewrites a file of a result, the first `what` replaced. */
static void edit(const char *folder, const char *file, const char *what, const char *by)
{
	char name[200], *text = copy_text(folder, file), *at = strstr(text, what);
	FILE *out;

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	snprintf(name, sizeof name, "%s/%s", folder, file);
	out = fopen(test_path(name), "w");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fprintf(out, "%.*s%s%s", (int)(at - text), text, by, at + strlen(what));
	fclose(out);
	free(text);
}

static const char *check_of(const char *name)
{
	static char why[QMAC_RETIME_WHY];
	char folder[600];
	struct qmac_job job = {.config = &config, .folder = folder};
	struct qmac_error err;

	snprintf(folder, sizeof folder, "%s/%s", test_folder(), name);
	CU_ASSERT_EQUAL_FATAL(qmac_retime_check(&job, why, &err), QMAC_OK);
	return why;
}

/* What a training did that its estimate does not do, and what nobody may rely on. */
static void test_refused(void)
{
	struct qmac_error err;

	state = 5;
	write_pair();
	draw_model();
	config.run.epochs = 3;
	CU_ASSERT_EQUAL_FATAL(run_on("one.yaml", "one", NULL, &err), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(check_of("one"), "");
	config.run.epochs = 4;
	CU_ASSERT_PTR_NOT_NULL(strstr(check_of("one"), "it ended early, after epoch 3"));
	config.run.epochs = 2;
	CU_ASSERT_PTR_NOT_NULL(strstr(check_of("one"), "its estimate has fewer epochs"));
	config.run.epochs = 3;
	config.run.inner_steps = 2;
	CU_ASSERT_PTR_NOT_NULL(strstr(check_of("one"), "an estimate does not foresee: other step up to epoch 1"));
	config.run.inner_steps = 0;
	edit("one", "summary.json", "\"acc_saturations\": 0", "\"acc_saturations\": 1");
	CU_ASSERT_PTR_NOT_NULL(strstr(check_of("one"), "sums in ACC were limited"));
	CU_ASSERT_EQUAL(run_on("other.yaml", "timed", "one", &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "summary.json is damaged"));
	CU_ASSERT_EQUAL_FATAL(run_on("one.yaml", "one", NULL, &err), QMAC_OK);
	config.run.epochs = 4;
	CU_ASSERT_EQUAL(run_on("other.yaml", "refused", "one", &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "the training has no epoch 4"));
	CU_ASSERT(access(test_path("refused"), F_OK) != 0);
}

static void test_refusals(void)
{
	state = 5;
	draw_model();
	CU_ASSERT_PTR_NULL(qmac_retime_refusal(&config.run));
	config.run.timeline = 1;
	CU_ASSERT_PTR_NOT_NULL(qmac_retime_refusal(&config.run));
	config.run.timeline = 0;
	strcpy(config.run.backend, "rtl");
	CU_ASSERT_PTR_NOT_NULL(qmac_retime_refusal(&config.run));
	strcpy(config.run.backend, "cmodel");
	config.run.algorithm = QMAC_SVRG;
	CU_ASSERT_PTR_NOT_NULL(qmac_retime_refusal(&config.run));
}

int main(void)
{
	const struct test_case cases[] = {
		{"networks", test_networks}, {"linear regression", test_models},
		{"logistic regression", test_classifiers}, {"a planted fault", test_planted},
		{"what is not relied on", test_refused}, {"runs that are trained", test_refusals},
	};

	write_images();
	state = test_seed();
	return test_main("test_retime", cases, TEST_COUNT(cases));
}
