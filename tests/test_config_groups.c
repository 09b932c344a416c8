/* Keys of groups in run files and settings, in every way of writing them, and their faults. */
#define _XOPEN_SOURCE 700
#include <stdbool.h>
#include <stdlib.h>

#include "run_files.h"

/* Every way to write a key of a group, in the file and as a setting. */
static void groups(void)
{
	static const char *const same[] = {
		"checkpoint: {every: 5, steps: 70}", "checkpoint:\n  steps: 70\n  every: 5",
		"checkpoint.every: 5\ncheckpoint_steps: 70", "checkpoint: {every: 5}\ncheckpoint.steps: 70",
	};
	struct qmac_run_config config, again;
	struct qmac_error err;
	char *text, source[160];

	for (int i = 0; i < TEST_COUNT(same); i++) {
		CU_ASSERT_FATAL(qmac_run_config_load(&config, two_lines(same[i]), NULL, 0, &err) == QMAC_OK);
		CU_ASSERT(config.run.checkpoint_every == 5 && config.run.checkpoint_steps == 70);
	}
	CU_ASSERT_EQUAL(load(&config, two_lines(same[1]), "checkpoint.every", "0", "checkpoint_every", "9", &err),
	                QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set has set this key already, to 0");
	CU_ASSERT_EQUAL(load(&config, two_lines(same[1]), "checkpoint_every", "9", NULL, NULL, &err), QMAC_OK);
	CU_ASSERT(config.run.checkpoint_every == 9 && config.run.checkpoint_steps == 70);
	CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_checkpoint_every], "--set");
	snprintf(source, sizeof source, "%.120s:3", config.file);
	CU_ASSERT_STRING_EQUAL(config.source[QMAC_KEY_checkpoint_steps], source);
	text = printed(&config);
	CU_ASSERT(strstr(text, "\ncheckpoint:\n  every: 9  # --set\n  steps: 70  # ") != NULL);
	CU_ASSERT_FATAL(!qmac_run_config_load(&again, config_file("printed.yaml", text), NULL, 0, &err));
	CU_ASSERT(again.run.checkpoint_every == 9 && again.run.checkpoint_steps == 70);
	free(text);
	CU_ASSERT(qmac_run_has_number("checkpoint.every"));
	CU_ASSERT_EQUAL(qmac_run_number(&config.run, "checkpoint.steps"), 70);
}

static void faults_of_groups(void)
{
	static const struct {
		const char *line, *message;
		int column;
	} cases[] = {
		{"checkpoint: 5", "checkpoint: expected a mapping (key: value), not a single value", 13},
		{"checkpoint: {evry: 5}", "unknown key 'checkpoint.evry'; did you mean 'checkpoint.every'?", 14},
		{"every: 5", "unknown key 'every'; did you mean 'checkpoint.every'?", 1},
		{"checkpoint: {seed: 5}", "unknown key 'checkpoint.seed'; did you mean 'seed'?", 14},
		{"checkpoint: {every: no}", "checkpoint.every: expected a whole number 0..1000000, not 'no'", 21},
		{"checkpoint: {every: [1]}", "checkpoint.every: expected a single value, not a list", 21},
		{"checkpoint: {every: 5, checkpoint_every: 6}", "unknown key 'checkpoint.checkpoint_every'", 24},
		{"chekpoint: {every: 5}", "unknown key 'chekpoint'; did you mean 'checkpoint'?", 1},
	};
	const char *twice = two_lines("checkpoint: {every: 5}\ncheckpoint_every: 6");
	struct qmac_run_config config;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_run_config_load(&config, twice, NULL, 0, &err), QMAC_BAD_INPUT);
	check_error(&err, twice, 3, 1, "duplicate key 'checkpoint.every', already given in line 2");
	for (int i = 0; i < TEST_COUNT(cases); i++)
		expect_line_refused(cases[i].line, cases[i].column, cases[i].message);
	expect_setting_refused("checkpoint", "5",
	                       "'checkpoint' is a group of keys; name one of them, such as checkpoint.every");
	expect_setting_refused("checkpoint.steps", "-1", "--set checkpoint.steps=-1: -1 is out of range");
	expect_setting_refused("steps", "1", "unknown key 'steps'; did you mean 'checkpoint.steps'?");
	expect_setting_refused("checkpoint.alpha", "1", "unknown key 'checkpoint.alpha'; did you mean 'alpha'?");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"keys of groups", groups},
		{"faults of groups", faults_of_groups},
	};

	return test_main("test_config_groups", cases, TEST_COUNT(cases));
}
