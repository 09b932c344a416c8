/*
 * Run configurations: defaults and their sources, files and settings merged,
 * printing and reading back, and every kind of fault of every key.
 */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "run_files.h"

static void defaults(void)
{
	struct qmac_run_config config;
	struct qmac_error err;
	const struct qmac_run *run = &config.run;

	CU_ASSERT_FATAL(load(&config, NULL, NULL, NULL, NULL, NULL, &err) == QMAC_OK);
	CU_ASSERT(run->problem == QMAC_PROBLEM_LINEAR_REGRESSION && run->algorithm == QMAC_HALP);
	CU_ASSERT(run->data == QMAC_DATA_MAKE_REGRESSION && run->test_fraction == 0 && !run->file[0]);
	CU_ASSERT(run->standardise && run->clip == 0 && !run->bias);
	CU_ASSERT_STRING_EQUAL(run->target, "last");
	CU_ASSERT(run->samples == 1000 && run->features == 100 && run->informative == 10 && run->noise == 0);
	CU_ASSERT(run->bits == 8 && run->x_bits == 8 && run->frac_bits == 8 && run->mp_bits == 32);
	CU_ASSERT(run->y_frac_bits == 4 && run->mu == 3 && run->lambda == 0 && run->batch == 1);
	CU_ASSERT(run->alpha == 5e-3 && run->delta == 0.7 && run->inner_steps == 2000);
	CU_ASSERT(run->option == QMAC_OPTION_I && run->epochs == 50 && run->seed == 1 && run->threads == 1);
	CU_ASSERT(run->checkpoint_every == 1 && run->checkpoint_steps == 0);
	CU_ASSERT(run->timeline == 0 && run->divergence == QMAC_DIVERGENCE_REPORT);
	CU_ASSERT_STRING_EQUAL(run->backend, "cmodel");
	CU_ASSERT_STRING_EQUAL(run->kernel, "auto");
	CU_ASSERT_STRING_EQUAL(run->hw, HW);
	CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_epochs], "default");
	CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_hw], "--hw");
}

/* Defaults that depend on other keys see the merged values. */
static void dependent_defaults(void)
{
	static const struct {
		const char *algorithm;
		double alpha;
	} alphas[] = {{"sgd", 2.5e-3}, {"lp_sgd", 2.5e-3}, {"svrg", 5e-3}, {"lp_svrg", 5e-3}, {"halp", 5e-3}};
	struct qmac_run_config config;
	struct qmac_error err;
	char text[40];

	for (int i = 0; i < TEST_COUNT(alphas); i++) {
		CU_ASSERT_EQUAL(load(&config, NULL, "algorithm", alphas[i].algorithm, NULL, NULL, &err), QMAC_OK);
		CU_ASSERT_EQUAL(config.run.alpha, alphas[i].alpha);
		CU_ASSERT_STRING_EQUAL(qmac_algorithm_name(config.run.algorithm), alphas[i].algorithm);
		snprintf(text, sizeof text, "default for %s", alphas[i].algorithm);
		CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_alpha], text);
	}
	CU_ASSERT_STRING_EQUAL(qmac_problem_name(config.run.problem), "linear_regression");
	for (int bits = 2; bits <= 32; bits++) {
		snprintf(text, sizeof text, "%d", bits);
		CU_ASSERT_EQUAL(load(&config, NULL, "bits", text, NULL, NULL, &err), QMAC_OK);
		CU_ASSERT_EQUAL(config.run.delta, bits == 8 ? 0.7 : 0.003 * pow(2, 16 - bits));
		snprintf(text, sizeof text, "default for bits %d", bits);
		CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_delta], text);
	}
	CU_ASSERT_EQUAL(load(&config, NULL, "samples", "37", "features", "5", &err), QMAC_OK);
	CU_ASSERT(config.run.inner_steps == 74 && config.run.informative == 5);
	CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_informative], "default for features 5");
	CU_ASSERT_EQUAL(load(&config, NULL, "alpha", "0.25", "algorithm", "sgd", &err), QMAC_OK);
	CU_ASSERT_EQUAL(config.run.alpha, 0.25);
}

/* Beyond one sample a step, sources name the algorithm and the batch. */
static void batch_defaults(void)
{
	static const struct {
		const char *algorithm;
		double alpha, mu;
		int mp_bits;
	} cases[] = {{"sgd", 1e-2, 1, 8}, {"svrg", 2e-2, 1, 8}, {"lp_sgd", 1e-2, 1, 24}, {"lp_svrg", 2e-2, 1, 24},
	             {"halp", 2e-2, 1, 8}};
	struct qmac_run_config config;
	struct qmac_error err;
	char text[60];

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		CU_ASSERT_EQUAL(load(&config, NULL, "algorithm", cases[i].algorithm, "batch", "16", &err), QMAC_OK);
		CU_ASSERT(config.run.alpha == cases[i].alpha && config.run.mu == cases[i].mu);
		CU_ASSERT(config.run.mp_bits == cases[i].mp_bits && config.run.inner_steps == 125);
		snprintf(text, sizeof text, "default for %s, batch 16", cases[i].algorithm);
		CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_alpha], text);
		CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_mu], text);
		CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_mp_bits], text);
	}
	CU_ASSERT_EQUAL(load(&config, NULL, "batch", "3000", "mu", "2", &err), QMAC_OK);
	CU_ASSERT(config.run.inner_steps == 1 && config.run.mu == 2);
	CU_ASSERT_EQUAL(load(&config, NULL, "batch", "2147483", "inner_steps", "1000", &err), QMAC_OK);
	CU_ASSERT_EQUAL(load(&config, NULL, "batch", "2147484", "inner_steps", "1000", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0,
	            "--set inner_steps=1000: batch * inner_steps = 2147484 * 1000 is more than 2^31 samples");
}

static void file_and_settings(void)
{
	struct qmac_run_config config;
	struct qmac_error err;
	char source[160];

	CU_ASSERT_FATAL(qmac_run_config_load(&config, "configs/run/fig1.yaml", NULL, 0, &err) == QMAC_OK);
	CU_ASSERT_STRING_EQUAL(config.run.hw, "configs/run/../hw/16x16_w8.yaml");
	CU_ASSERT_STRING_EQUAL(config.file, "configs/run/fig1.yaml");
	CU_ASSERT(strncmp(config.source[QMAC_KEY_bits], "configs/run/fig1.yaml:", 22) == 0);
	/* A setting beats the file; a second one of the command line is refused, as in a file. */
	CU_ASSERT_EQUAL(load(&config, two_lines("bits: 12"), "bits", "4", "bits", "5", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set bits=5: --set has set this key already, to 4: leave one out");
	CU_ASSERT_EQUAL(load(&config, NULL, "hw", HW, NULL, NULL, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set hw=" HW ": --hw has set this key already");
	CU_ASSERT_EQUAL(load(&config, two_lines("bits: 12"), "bits", "5", NULL, NULL, &err), QMAC_OK);
	CU_ASSERT_EQUAL(config.run.bits, 5);
	CU_ASSERT_EQUAL(config.run.delta, 0.003 * 2048);
	CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_bits], "--set");
	CU_ASSERT_STRING_EQUAL(config.run.hw, HW);
	CU_ASSERT_EQUAL(load(&config, two_lines("bits: 12"), NULL, NULL, NULL, NULL, &err), QMAC_OK);
	snprintf(source, sizeof source, "%.120s:2", config.file);
	CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_bits], source);
	/* Both spellings of an option; what an algorithm does not use is accepted. */
	CU_ASSERT_EQUAL(load(&config, NULL, "option", "2", "algorithm", "sgd", &err), QMAC_OK);
	CU_ASSERT_EQUAL(config.run.option, QMAC_OPTION_II);
	CU_ASSERT_EQUAL(load(&config, two_lines("option: I"), NULL, NULL, NULL, NULL, &err), QMAC_OK);
	CU_ASSERT_EQUAL(config.run.option, QMAC_OPTION_I);
	CU_ASSERT_EQUAL(load(&config, NULL, "seed", "4294967295", "epochs", "0", &err), QMAC_OK);
	CU_ASSERT(config.run.seed == 4294967295U && config.run.epochs == 0);
}

/* All values of `key: value  # source`, without the sources. */
static void strip_comments(char *text)
{
	char *to = text;

	while (*text) {
		size_t n = strcspn(text, "\n");
		char *comment = strstr(text, "  # ");
		size_t keep = comment && comment < text + n ? (size_t)(comment - text) : n;

		memmove(to, text, keep);
		to += keep;
		*to++ = '\n';
		text += n + (text[n] == '\n');
	}
	*to = 0;
}

/* Even from a folder whose name YAML would take for something else, and with awkward numbers. */
static void print_reads_back(void)
{
	static const char *const values[][2] = {
		{"alpha", "0.1"}, {"alpha", "2.5e-6"}, {"alpha", "0.30000000000000004"}, {"mu", "1e300"},
		{"delta", "4.9e-324"}, {"seed", "4294967295"}, {"algorithm", "lp_sgd"}, {"option", "II"},
		{"standardise", "false"}, {"target", "a \"b\": #1"}, {"test_fraction", "0.9"},
	};
	struct qmac_run_config config, again;
	struct qmac_error err;
	char folder[512], hw[600];

	snprintf(folder, sizeof folder, "%s/a: 'b' \"c\" #\\ \n\t\xC3\xA9\xC2\x85 \xE2\x80\xA8 \xF0\x9F\x98\x80",
	         test_folder());
	CU_ASSERT_FATAL(mkdir(folder, 0700) == 0);
	snprintf(hw, sizeof hw, "%s/x.yaml", folder);
	fclose(fopen(hw, "w"));
	for (int i = 0; i < TEST_COUNT(values); i++) {
		struct qmac_setting settings[] = {{"hw", hw, "--hw"}, {values[i][0], values[i][1], "--set"}};
		char *first, *second;

		CU_ASSERT_FATAL(qmac_run_config_load(&config, NULL, settings, 2, &err) == QMAC_OK);
		first = printed(&config);
		if (qmac_run_config_load(&again, config_file("printed.yaml", first), NULL, 0, &err) != QMAC_OK)
			CU_FAIL_FATAL("what was printed must load");
		CU_ASSERT_STRING_EQUAL(again.run.hw, hw);
		CU_ASSERT(memcmp(&config.run, &again.run, sizeof config.run) == 0);
		second = printed(&again);
		strip_comments(first);
		strip_comments(second);
		CU_ASSERT_STRING_EQUAL(first, second);
		free(first);
		free(second);
	}
}

static void print_shows_sources(void)
{
	struct qmac_run_config config;
	struct qmac_error err;
	char *text;

	CU_ASSERT_FATAL(load(&config, "configs/run/fig1.yaml", "algorithm", "sgd", "alpha", "2.5e-6", &err) ==
	                QMAC_OK);
	text = printed(&config);
	CU_ASSERT(strstr(text, "\nalgorithm: sgd  # --set\n") != NULL);
	CU_ASSERT(strstr(text, "\nalpha: 2.5e-06  # --set\n") != NULL);
	CU_ASSERT(strstr(text, "\nmu: 3  # default, unused by sgd\n") != NULL);
	CU_ASSERT(strstr(text, "\ndelta: 0.7  # default for bits 8, unused by sgd\n") != NULL);
	CU_ASSERT(strstr(text, "\ninner_steps: 2000  # default: 2 * samples / batch\n") != NULL);
	CU_ASSERT(strstr(text, "\nhw: \"/") != NULL);
	free(text);
}

/* A name means one key, and the keys of a group stand together. */
static void names_are_distinct(void)
{
	char name[QMAC_KEY_NAME_SIZE];

	for (int i = 0; i < QMAC_RUN_KEYS; i++) {
		const char *group = qmac_run_keys[i].group;
		bool starts = i == 0 || strcmp(qmac_run_keys[i - 1].group, group) != 0;

		CU_ASSERT_EQUAL(qmac_key_table_find(&qmac_run_table, qmac_key_name(&qmac_run_keys[i], name)), i);
		if (group[0])
			name[strlen(group)] = '_';
		CU_ASSERT_EQUAL(qmac_key_table_find(&qmac_run_table, name), i);
		CU_ASSERT_EQUAL(qmac_key_table_find(&qmac_run_table, group), -1);
		for (int j = 0; j < i && starts; j++)
			CU_ASSERT(strcmp(qmac_run_keys[j].group, group) != 0);
	}
}

static void keys_refused(void)
{
	for (int i = 0; i < QMAC_RUN_KEYS; i++) {
		char key[QMAC_KEY_NAME_SIZE];
		const char *name = qmac_key_name(&qmac_run_keys[i], key), *file;
		char line[80], message[160];
		struct qmac_run_config config;
		struct qmac_error err = {0};

		snprintf(line, sizeof line, "%sz: 1", name);
		snprintf(message, sizeof message, "unknown key '%sz'; did you mean '%s'?", name, name);
		expect_line_refused(line, 1, message);
		line[strlen(name) + 1] = 0;
		expect_setting_refused(line, "1", message);
		if (i == QMAC_KEY_hw)
			snprintf(line, sizeof line, "hw: 1");
		else
			snprintf(line, sizeof line, "%s: 1\n%s: 1", name, name);
		file = two_lines(line);
		snprintf(message, sizeof message, "duplicate key '%s', already given in line ", name);
		CU_ASSERT_EQUAL(qmac_run_config_load(&config, file, NULL, 0, &err), QMAC_BAD_INPUT);
		check_error(&err, file, i == QMAC_KEY_hw ? 2 : 3, 1, message);
	}
}

/* Puts the value into the file and into --set; both must be refused, each naming its place. */
static void expect_value_refused(const struct qmac_key *key, const char *value, const char *expected)
{
	char name[QMAC_KEY_NAME_SIZE], line[200], message[300];

	qmac_key_name(key, name);
	snprintf(line, sizeof line, "%s: %s", name, value);
	snprintf(message, sizeof message, "%s: %s", name, expected);
	expect_line_refused(line, (int)strlen(name) + 3, message);
	snprintf(message, sizeof message, "--set %s=%s: %s", name, value, expected);
	expect_setting_refused(name, value, message);
}

static void values_refused(void)
{
	for (int i = 0; i < QMAC_RUN_KEYS; i++) {
		const struct qmac_key *key = &qmac_run_keys[i];
		bool whole = key->kind >= QMAC_KIND_INT && key->kind <= QMAC_KIND_EVEN;
		bool real = key->kind == QMAC_KIND_REAL || key->kind == QMAC_KIND_POSITIVE;
		char name[QMAC_KEY_NAME_SIZE], value[40], expected[120];

		if (whole) {
			snprintf(expected, sizeof expected, "expected a whole number %lld..%lld, not 'abc'",
			         (long long)key->low, (long long)key->high);
			expect_value_refused(key, "abc", expected);
			expect_value_refused(key, "8.0", "expected a whole number");
			expect_value_refused(key, "1e3", "expected a whole number");
			snprintf(value, sizeof value, "%lld", (long long)key->low - 1);
			snprintf(expected, sizeof expected, "%s is out of range %lld..%lld", value,
			         (long long)key->low, (long long)key->high);
			expect_value_refused(key, value, expected);
			snprintf(value, sizeof value, "%lld", (long long)key->high + 1);
			snprintf(expected, sizeof expected, "%s is out of range", value);
			expect_value_refused(key, value, expected);
		}
		if (real) {
			expect_value_refused(key, "abc", "expected a decimal number such as 0.005 or 5e-3, not 'abc'");
			expect_value_refused(key, "nan", "expected a decimal number");
			expect_value_refused(key, "1e999", "1e999 is too large");
			expect_value_refused(key, "-1", "-1 is out of range");
		}
		if (key->kind == QMAC_KIND_POSITIVE)
			expect_value_refused(key, "0", "0 is out of range; expected a number above 0");
		if (key->kind == QMAC_KIND_CHOICE || key->kind == QMAC_KIND_WORD)
			expect_value_refused(key, "abc", strchr(key->words, '|') ? "expected one of " : "expected ");
		if (key->kind == QMAC_KIND_BOOL)
			expect_value_refused(key, "yes", "expected true or false, not 'yes'");
		if (key->kind == QMAC_KIND_NAME) {
			expect_value_refused(key, "A.b", "expected a name of lower-case letters");
			expect_value_refused(key, "a234567890123456", "longer than 15 bytes");
		}
		expect_setting_refused(qmac_key_name(key, name), "", "no value given");
		expect_setting_refused(name, NULL, "no value given");
	}
}

static void shapes_refused(void)
{
	for (int i = 0; i < QMAC_RUN_KEYS; i++) {
		const struct qmac_key *key = &qmac_run_keys[i];
		char line[80], name[QMAC_KEY_NAME_SIZE];
		int column = (int)strlen(qmac_key_name(key, name)) + 3;

		if (i == QMAC_KEY_hw)
			continue;
		snprintf(line, sizeof line, "%s: [1]", name);
		expect_line_refused(line, column, "expected a single value, not a list");
		snprintf(line, sizeof line, "%s:", name);
		expect_line_refused(line, column - 1, "no value given");
		snprintf(line, sizeof line, "%s: '1'", name);
		if (key->kind >= QMAC_KIND_INT)
			expect_line_refused(line, column, "is in quotes, which makes it text");
	}
}

static void rules_between_keys(void)
{
	static const struct {
		const char *line, *key, *value; /* in the file; as a setting */
		int column;
		const char *file_message, *set_message;
	} cases[] = {
		{"lambda: 0.5", "lambda", "0.5", 9, "lambda: 0.5 is not available yet for linear_regression; use 0",
		 "--set lambda=0.5: 0.5 is not available yet"},
		{"informative: 101", "informative", "101", 14,
		 "informative: informative = 101 is more than features = 100",
		 "--set informative=101: informative = 101 is more than features = 100"},
		{"samples: 100000000", "samples", "100000000", 10,
		 "samples: samples * features = 10000000000 is more than 2^31",
		 "--set samples=100000000: samples * features ="},
		{"test_fraction: 0.95", "test_fraction", "0.95", 16, "test_fraction: 0.95 is out of range 0..0.9",
		 "--set test_fraction=0.95: 0.95 is out of range 0..0.9"},
		{"data: csv", "data", "csv", 7, "data: data from a file, but no file given; name one",
		 "--set data=csv: data from a file, but no file given"},
		{"inner_steps: 2147483647", "inner_steps", "2147483647", 14,
		 "inner_steps: epochs * inner_steps = 107374182350 is more than 2^32 - 1",
		 "--set inner_steps=2147483647: epochs *"},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		expect_line_refused(cases[i].line, cases[i].column, cases[i].file_message);
		expect_setting_refused(cases[i].key, cases[i].value, cases[i].set_message);
	}
}

/* Of two keys the one that was set last is to blame. */
static void the_later_key_is_blamed(void)
{
	const char *file = two_lines("informative: 20");
	struct qmac_run_config config;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(load(&config, file, "features", "15", NULL, NULL, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set features=15: informative = 20 is more than features = 15");
	CU_ASSERT_EQUAL(load(&config, NULL, "epochs", "1000000", "samples", "3000", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set samples=3000: epochs * inner_steps = 6000000000 is more than");
	/* The largest number of steps that is allowed, and one more. */
	CU_ASSERT_EQUAL(load(&config, NULL, "epochs", "65537", "inner_steps", "65535", &err), QMAC_OK);
	CU_ASSERT_EQUAL(load(&config, NULL, "epochs", "65536", "inner_steps", "65536", &err), QMAC_BAD_INPUT);
}

static void faults_of_hw_and_file(void)
{
	struct qmac_setting no_file = {"hw", "no/such.yaml", "--hw"}, no_key = {"", "1", "--set"};
	struct qmac_setting not_utf8 = {"hw", "\xFF.yaml", "--hw"};
	struct qmac_run_config config;
	struct qmac_error err = {0};
	const char *file;
	char message[600];

	CU_ASSERT_EQUAL(qmac_run_config_load(&config, NULL, NULL, 0, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "hw: missing; name a hardware file, e.g. hw: configs/hw/16x16_w8.yaml");
	file = config_file("nohw.yaml", "# comment\nbits: 8\n");
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, file, NULL, 0, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 2, 1, "hw: missing");
	file = config_file("badhw.yaml", "hw: sub/x.yaml\n");
	snprintf(message, sizeof message, "hw: cannot open '%s/sub/x.yaml': No such file", test_folder());
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, file, NULL, 0, &err), QMAC_BAD_INPUT);
	check_error(&err, file, 1, 5, message);
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, NULL, &no_file, 1, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--hw no/such.yaml: cannot open 'no/such.yaml': No such file");
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, NULL, &not_utf8, 1, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "the path is not UTF-8");
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, NULL, &no_key, 1, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set =1: no key given; write key=value");
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, "no/such.yaml", &hw_setting, 1, &err), QMAC_BAD_INPUT);
	check_error(&err, "no/such.yaml", 0, 0, "cannot open: No such file");
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, "no/such.yaml", &hw_setting, 1, NULL), QMAC_BAD_INPUT);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"defaults", defaults},
		{"dependent defaults", dependent_defaults},
		{"file and settings", file_and_settings},
		{"a printed configuration reads back", print_reads_back},
		{"print shows sources", print_shows_sources},
		{"names are distinct", names_are_distinct},
		{"every key: unknown, duplicate", keys_refused},
		{"every key: values", values_refused},
		{"every key: shapes", shapes_refused},
		{"defaults of mini-batches", batch_defaults},
		{"rules between keys", rules_between_keys},
		{"the later key is blamed", the_later_key_is_blamed},
		{"faults of hw and of the file", faults_of_hw_and_file},
	};

	return test_main("test_run_config", cases, TEST_COUNT(cases));
}
