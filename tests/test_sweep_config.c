/*
 * Sweep files: the shipped one, products and names of runs, and every kind of
 * fault with its text and its place.
 */
#define _XOPEN_SOURCE 700
#include <unistd.h>

#include "config/sweep_file.h"
#include "config_files.h"

/* A run file beside the sweep files of this test. */
static void write_base(void)
{
	char text[1024], folder[512];

	CU_ASSERT_FATAL(getcwd(folder, sizeof folder) != NULL);
	snprintf(text, sizeof text, "hw: %s/configs/hw/8x8_w8.yaml\nfeatures: 20\n", folder);
	config_file("base.yaml", text);
}

static const char *value_of(const struct qmac_sweep_run *run, const char *key)
{
	const char *value = "";

	for (int i = 0; i < run->setting_count; i++)
		if (strcmp(run->settings[i].key, key) == 0)
			value = run->settings[i].value;
	return value;
}

/* The sweep of that text must have runs of exactly these names, separated by blanks. */
static void expect_names(const char *text, const char *names)
{
	const char *file = config_file("sweep.yaml", text);
	struct qmac_sweep sweep;
	struct qmac_error err = {0};
	char got[2048] = "";

	if (qmac_sweep_load(&sweep, file, &err) != QMAC_OK) {
		printf("\n    %d:%d: %s\n", err.line, err.column, err.message);
		CU_FAIL("the sweep must load");
		return;
	}
	for (int i = 0; i < sweep.run_count; i++) {
		strcat(got, i ? " " : "");
		strcat(got, sweep.runs[i].name);
	}
	CU_ASSERT_STRING_EQUAL(got, names);
	qmac_sweep_free(&sweep);
}

static void shipped_sweep(void)
{
	static const char *const names[] = {"sgd", "svrg", "sgd_literal", "lp_sgd-8", "lp_sgd-16",
	                                    "lp_svrg-8", "lp_svrg-16", "halp-8", "halp-16"};
	struct qmac_sweep sweep;
	struct qmac_error err = {0};

	CU_ASSERT_FATAL(qmac_sweep_load(&sweep, "configs/sweep/fig1.yaml", &err) == QMAC_OK);
	CU_ASSERT_FATAL(sweep.run_count == TEST_COUNT(names));
	for (int i = 0; i < sweep.run_count; i++) {
		struct qmac_run_config config;

		CU_ASSERT_STRING_EQUAL(sweep.runs[i].name, names[i]);
		CU_ASSERT_FATAL(qmac_run_config_load(&config, sweep.base, sweep.runs[i].settings,
		                                     sweep.runs[i].setting_count, &err) == QMAC_OK);
		CU_ASSERT_EQUAL(config.run.epochs, 100);
		CU_ASSERT(strncmp(names[i], qmac_algorithm_name(config.run.algorithm),
		                  strlen(qmac_algorithm_name(config.run.algorithm))) == 0);
		CU_ASSERT_EQUAL(config.run.bits, strstr(names[i], "-16") ? 16 : 8);
		CU_ASSERT_EQUAL(config.run.alpha == 2.5e-6, i == 2);
	}
	CU_ASSERT_STRING_EQUAL(sweep.plot_x, "epoch");
	CU_ASSERT_STRING_EQUAL(sweep.plot_y, "grad_norm");
	CU_ASSERT_STRING_EQUAL(sweep.plot_best, "");
	CU_ASSERT_STRING_EQUAL(sweep.pareto_x, "cycles");
	CU_ASSERT_STRING_EQUAL(sweep.pareto_y, "grad_norm");
	qmac_sweep_free(&sweep);
	CU_ASSERT_PTR_NULL(sweep.runs);
	qmac_sweep_free(NULL);
}

static void names(void)
{
	write_base();
	/* Only what varies is in a name; the last list varies fastest. */
	expect_names("base: base.yaml\nruns:\n- {algorithm: [halp], bits: [8, 16], mu: [3, 10]}\n",
	             "8-3 8-10 16-3 16-10");
	expect_names("base: base.yaml\nruns:\n- {algorithm: halp, bits: [4, 5]}\n- {algorithm: sgd}\n",
	             "halp-4 halp-5 sgd");
	/* A key that some runs do not set varies. */
	expect_names("base: base.yaml\nruns:\n- {algorithm: sgd}\n- {algorithm: sgd, alpha: 2.5e-6}\n"
	             "- {seed: 7}\n",
	             "sgd sgd-2.5e-6 7");
	expect_names("base: base.yaml\nruns:\n- {algorithm: sgd}\n", "run");
	expect_names("base: base.yaml\nruns: [{}]\n", "run");
	/* A given name stands alone, or before what varies within its entry. */
	expect_names("base: base.yaml\nruns:\n- {name: x, seed: 1}\n- {name: y, seed: [1, 2], bits: 5}\n",
	             "x y-1 y-2");
	/* Nothing that a folder name should not have. */
	expect_names("base: base.yaml\nruns:\n- {name: ../a b/\xC3\xA9}\n- {name: .x}\n", "_._a_b___ _x");
}

/* Keys of groups in every way of writing them; they are one key, and lists vary. */
static void groups(void)
{
	const char *file;
	struct qmac_sweep sweep;
	struct qmac_error err = {0};

	write_base();
	expect_names("base: base.yaml\nset: {checkpoint: {every: 3}}\n"
	             "runs:\n- {checkpoint: {every: [1, 2], steps: 7}, seed: [4, 5]}\n",
	             "1-4 1-5 2-4 2-5");
	expect_names("base: base.yaml\nruns:\n- {checkpoint.every: [1, 2]}\n- {checkpoint: {every: 3}}\n"
	             "- {checkpoint_every: 4}\n",
	             "1 2 3 4");
	file = config_file("sweep.yaml", "base: base.yaml\nset: {checkpoint_steps: 9}\n"
	                                 "runs:\n- {checkpoint: {every: [1, 2]}}\n");
	CU_ASSERT_FATAL(qmac_sweep_load(&sweep, file, &err) == QMAC_OK);
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[0], "checkpoint.steps"), "9");
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[1], "checkpoint.every"), "2");
	qmac_sweep_free(&sweep);
	file = config_file("sweep.yaml", "base: base.yaml\nruns:\n- {checkpoint: {evry: [1, 2]}}\n");
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 3, 17, "unknown key 'checkpoint.evry'; did you mean 'checkpoint.every'?");
	file = config_file("sweep.yaml",
	                   "base: base.yaml\nruns:\n- {checkpoint: {every: 1}, checkpoint_every: 2}\n");
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 3, 28, "duplicate key 'checkpoint.every', already given in line 3");
	file = config_file("sweep.yaml", "base: base.yaml\nruns:\n- {checkpoint: {every: -1}}\n");
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 3, 24, "checkpoint.every: -1 is out of range 0..1000000");
}

static void settings(void)
{
	const char *file;
	struct qmac_sweep sweep;
	struct qmac_error err = {0};
	char hw[600], option[200];

	write_base();
	snprintf(hw, sizeof hw, "%s/hw/../base.yaml", test_folder());
	file = config_file("sweep.yaml", "base: base.yaml\nset:\n  epochs: 3\n  seed: 5\nruns:\n"
	                                 "- seed: [6, 7]\n  hw: base.yaml\n- bits: 4\n");
	CU_ASSERT_FATAL(qmac_sweep_load(&sweep, file, &err) == QMAC_OK);
	CU_ASSERT_FATAL(sweep.run_count == 3);
	CU_ASSERT_STRING_EQUAL(sweep.plot_x, "");
	CU_ASSERT_STRING_EQUAL(sweep.pareto_y, "");
	CU_ASSERT_EQUAL(sweep.runs[0].setting_count, 4);
	CU_ASSERT_EQUAL(sweep.runs[2].setting_count, 3);
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[1], "seed"), "7");
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[2], "seed"), "5");
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[1], "epochs"), "3");
	/* Paths of a sweep are relative to the sweep. */
	snprintf(hw, sizeof hw, "%s/base.yaml", test_folder());
	CU_ASSERT_STRING_EQUAL(sweep.base, hw);
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[0], "hw"), hw);
	snprintf(option, sizeof option, "%.120s:6", file);
	CU_ASSERT_STRING_EQUAL(sweep.runs[0].settings[2].option, option);
	qmac_sweep_free(&sweep);
}

/* A data file beside the sweep, and one that only the data folder has. */
static void data_files(void)
{
	struct qmac_sweep sweep;
	struct qmac_error err = {0};
	const char *file;
	char here[600];

	write_base();
	config_file("here.csv", "1,2\n");
	CU_ASSERT_FATAL(setenv("QMAC_DATA", "configs", 1) == 0);
	file = config_file("sweep.yaml", "base: base.yaml\nset: {data: csv}\n"
	                                 "runs:\n- file: [here.csv, run/fig1.yaml]\n");
	if (qmac_sweep_load(&sweep, file, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL_FATAL("the sweep must load");
	}
	CU_ASSERT_FATAL(sweep.run_count == 2);
	snprintf(here, sizeof here, "%s/here.csv", test_folder());
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[0], "file"), here);
	CU_ASSERT_STRING_EQUAL(value_of(&sweep.runs[1], "file"), "run/fig1.yaml");
	qmac_sweep_free(&sweep);
}

static void faults(void)
{
	static const struct {
		const char *text, *part;
		int line, column;
	} cases[] = {
		{"runs: [{}]\n", "missing key 'base'", 1, 1},
		{"base: base.yaml\n", "missing key 'runs'", 1, 1},
		{"base: [x]\nruns: [{}]\n", "base: expected a single value, not a list", 1, 7},
		{"base:\nruns: [{}]\n", "base: no value given", 1, 6},
		{"base: base.yaml\nrun: [{}]\n", "unknown key 'run'; did you mean 'runs'?", 2, 1},
		{"base: base.yaml\nruns: [{}]\nbase: x\n", "duplicate key 'base', already given in line 1", 3, 1},
		{"base: base.yaml\nruns: {}\n", "runs: expected a list, not a mapping", 2, 7},
		{"base: base.yaml\nruns: []\n", "runs: the list is empty", 2, 1},
		{"base: base.yaml\nruns: [sgd]\n", "runs: expected a mapping", 2, 8},
		{"base: base.yaml\nset: [1]\nruns: [{}]\n", "set: expected a mapping", 2, 6},
		{"base: base.yaml\nset: {epohcs: 1}\nruns: [{}]\n",
		 "unknown key 'epohcs'; did you mean 'epochs'?", 2, 7},
		{"base: base.yaml\nset: {epochs: [1]}\nruns: [{}]\n", "epochs: expected a single value", 2, 15},
		{"base: base.yaml\nset: {epochs: -1}\nruns: [{}]\n", "epochs: -1 is out of range 0..1000000", 2, 15},
		{"base: base.yaml\nruns:\n- {bit: 8}\n", "unknown key 'bit'; did you mean 'bits'?", 3, 4},
		{"base: base.yaml\nruns:\n- {nam: 8}\n", "unknown key 'nam'; did you mean 'name'?", 3, 4},
		{"base: base.yaml\nruns:\n- {bits: [8, 33]}\n", "bits: 33 is out of range 2..32", 3, 14},
		{"base: base.yaml\nruns:\n- {bits: []}\n", "bits: expected a value or a list of values", 3, 10},
		{"base: base.yaml\nruns:\n- {bits: {a: 8}}\n", "bits: expected a value or a list of values", 3, 10},
		{"base: base.yaml\nruns:\n- {bits: [[8]]}\n", "bits: expected a single value, not a list", 3, 11},
		{"base: base.yaml\nruns:\n- {bits: [8, '']}\n", "bits: no value given", 3, 14},
		{"base: base.yaml\nruns:\n- {name: [a, b]}\n", "name: expected a value", 3, 10},
		{"base: base.yaml\nruns:\n- {algorithm: adam}\n", "algorithm: expected one of sgd, svrg", 3, 15},
		{"base: base.yaml\nruns:\n- {seed: 2}\n- {informative: 30}\n",
		 "informative: informative = 30 is more than features = 20", 4, 17},
		{"base: base.yaml\nruns:\n- {hw: none.yaml}\n", "hw: cannot open '", 3, 8},
		{"base: base.yaml\nruns:\n- {seed: [2, 3]}\n- {seed: 3}\n",
		 "two runs are called '3' (the other in line 3)", 4, 3},
		{"base: base.yaml\nruns:\n- {seed: [2, 2]}\n", "two runs are called 'run'", 3, 3},
		{"base: base.yaml\nruns: [{}]\nplot: epoch\n", "plot: expected a mapping", 3, 7},
		{"base: base.yaml\nruns: [{}]\nplot: {x: epoch}\n", "missing key 'plot.y'", 3, 7},
		{"base: base.yaml\nruns: [{}]\nplot: {x: epoch, y: a b}\n",
		 "plot.y: 'a b' is not the name of a column", 3, 21},
		{"base: base.yaml\nruns: [{}]\nplot: {x: bits, y: cycles, best: [mu]}\n",
		 "plot.best: expected a single value", 3, 34},
		{"base: base.yaml\nruns: [{}]\npareto: {x: a, y: b, best: c}\n", "unknown key 'best'", 3, 22},
		{"base: base.yaml\nruns: [{}]\npareto: {x: a, z: b}\n", "unknown key 'z'; use one of x, y", 3, 16},
	};

	write_base();
	for (int i = 0; i < TEST_COUNT(cases); i++) {
		const char *file = config_file("sweep.yaml", cases[i].text);
		struct qmac_sweep sweep;
		struct qmac_error err = {0};

		CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, file, &err), QMAC_BAD_INPUT);
		check_error(&err, file, cases[i].line, cases[i].column, cases[i].part);
		CU_ASSERT_PTR_NULL(sweep.storage);
	}
}

/* A fault in the base file has its place there; a product too large is refused before it is made. */
static void faults_elsewhere(void)
{
	struct qmac_sweep sweep;
	struct qmac_error err = {0};
	char base[600], text[4096];
	const char *file = config_file("sweep.yaml", "base: bad.yaml\nruns: [{}]\n");
	size_t used = 0;

	snprintf(base, sizeof base, "%s/bad.yaml", test_folder());
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 1, 7, "base: '");
	CU_ASSERT(strstr(err.message, "bad.yaml': cannot open: No such file") != NULL);
	config_file("bad.yaml", "seed: 1\nbits: x\n");
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, config_file("sweep.yaml", "base: bad.yaml\nruns: [{}]\n"), &err),
	                QMAC_BAD_INPUT);
	check_error(&err, base, 2, 7, "bits: expected a whole number");
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, "no/such.yaml", NULL), QMAC_BAD_INPUT);

	used += (size_t)snprintf(text, sizeof text, "base: base.yaml\nruns:\n- alpha: [1");
	for (int i = 2; i <= 65; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, ", %d", i);
	used += (size_t)snprintf(text + used, sizeof text - used, "]\n  mu: [1");
	for (int i = 2; i <= 65; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, ", %d", i);
	snprintf(text + used, sizeof text - used, "]\n");
	write_base();
	file = config_file("sweep.yaml", text);
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 4, 7, "more than 4096 runs");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"the shipped sweep", shipped_sweep},
		{"names", names},
		{"keys of groups", groups},
		{"settings", settings},
		{"data files", data_files},
		{"faults", faults},
		{"faults elsewhere", faults_elsewhere},
	};

	return test_main("test_sweep_config", cases, TEST_COUNT(cases));
}
