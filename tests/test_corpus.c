/*
 * The corpus is what its commands record: those of `qmac train` in docs/traces.md are run again, and
 * their files must come out as they are in traces/, byte for byte.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/cli.h"
#include "run/job.h"
#include "test.h"

enum { WORDS = 64, TEXT_BYTES = 1 << 20 };

/* The whole file, ended by NUL; free(). */
static char *text_of(const char *file)
{
	FILE *in = fopen(file, "rb");
	char *text = calloc(1, TEXT_BYTES);

	CU_ASSERT_FATAL(in && text);
	CU_ASSERT_FATAL(fread(text, 1, TEXT_BYTES, in) < TEXT_BYTES);
	fclose(in);
	return text;
}

static const char *fresh_file(void)
{
	static char path[300];

	snprintf(path, sizeof path, "%s/fresh.trace", test_folder());
	return path;
}

/* Compares what was recorded anew; names the first line that differs. */
static void compare(const char *file)
{
	char *old = text_of(file), *fresh = text_of(fresh_file());
	int line = 1;

	for (size_t i = 0; old[i] == fresh[i] && old[i]; i++)
		line += old[i] == '\n';
	if (strcmp(old, fresh) != 0) {
		printf("\n    %s:%d is not what its command in docs/traces.md records ", file, line);
		CU_FAIL("the corpus is out of date");
	}
	free(old);
	free(fresh);
}

/* Runs a command line of `qmac train` as the program does, but for where its files go; returns --trace. */
static const char *train(int count, char **words)
{
	static const struct qmac_cli_command command = {
		.name = "train", .options = QMAC_CLI_SETTINGS | QMAC_CLI_TRACE, .files_min = 1, .files_max = 1,
	};
	struct qmac_cli_options options;
	struct qmac_job_result result;
	struct qmac_run_config config;
	struct qmac_job job = {.config = &config, .trace_file = fresh_file()};
	struct qmac_error err;
	char folder[300];

	snprintf(folder, sizeof folder, "%s/run", test_folder());
	job.folder = folder;
	if (qmac_cli_parse(&command, count, words, &options, &err) || qmac_cli_load(&options, &config, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("a command of docs/traces.md");
	}
	CU_ASSERT_FATAL(options.trace != NULL);
	job.window.from = options.trace_from < 0 ? 0 : (uint64_t)options.trace_from;
	job.window.count = options.trace_count < 0 ? 1000 : (uint32_t)options.trace_count;
	if (qmac_job_run(&job, &result, &err)) {
		puts(err.message);
		CU_FAIL_FATAL("run");
	}
	qmac_cli_options_free(&options);
	return options.trace;
}

/* Cuts one command, which `\` at the end of a line continues, into words; returns where the next begins. */
static char *cut(char *text, char **words, int *count)
{
	for (*count = 0; *text && *text != '\n';) {
		size_t length;

		if (*text == ' ' || strncmp(text, "\\\n", 2) == 0) {
			text += *text == ' ' ? 1 : 2;
			continue;
		}
		CU_ASSERT_FATAL(*count < WORDS);
		words[(*count)++] = text;
		length = strcspn(text, " \n");
		text += length;
		if (*text == ' ')
			*text++ = 0;
	}
	if (*text)
		*text++ = 0;
	return text;
}

static void test_recorded_by_train(void)
{
	static const char program[] = "build/qmac train ";
	char *doc = text_of("docs/traces.md"), *at = strstr(doc, "\n## The corpus");
	char *words[WORDS];
	int found = 0, count;

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	for (at = strstr(at, program); at; at = strstr(at, program), found++) {
		at = cut(at + sizeof program - 1, words, &count);
		compare(train(count, words));
	}
	CU_ASSERT_EQUAL(found, 3);
	free(doc);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"traces of trainings", test_recorded_by_train},
	};

	return test_main("test_corpus", cases, TEST_COUNT(cases));
}
