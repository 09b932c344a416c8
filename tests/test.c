#define _POSIX_C_SOURCE 200809L
#include "test.h"

#include <CUnit/Automated.h>
#include <CUnit/Basic.h>
#include <glob.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/splitmix.h"

static int skipped;
static char folder[256];

void test_skip(const char *why)
{
	skipped++;
	printf("skipped (%s) ", why);
}

uint64_t test_seed(void)
{
	static uint64_t seed;
	static int known;

	if (!known) {
		const char *text = getenv("QMAC_TEST_SEED");

		seed = text ? strtoull(text, NULL, 0) : 20180309;
		known = 1;
		printf("(QMAC_TEST_SEED=%" PRIu64 ") ", seed);
	}
	return seed;
}

uint64_t test_random(uint64_t *state)
{
	return qmac_splitmix_next(state);
}

int64_t test_between(uint64_t *state, int64_t low, int64_t high)
{
	return low + (int64_t)(test_random(state) % (uint64_t)(high - low + 1));
}

uint64_t test_hash(uint64_t hash, double value)
{
	uint64_t bits;

	memcpy(&bits, &value, sizeof bits);
	for (int i = 0; i < 8; i++)
		hash = (hash ^ (bits >> (8 * i) & 0xFF)) * 1099511628211ULL;
	return hash;
}

void test_refusal(enum qmac_status status, const struct qmac_error *err, const char *part)
{
	CU_ASSERT_EQUAL(status, QMAC_BAD_INPUT);
	if (strstr(err->message, part))
		return;
	printf("\n  expected: %s\n  got:      %s\n", part, err->message);
	CU_FAIL("message");
}

static void remove_folder(void)
{
	char command[300];

	snprintf(command, sizeof command, "rm -rf '%s'", folder);
	if (system(command) != 0)
		fprintf(stderr, "could not remove %s\n", folder);
}

const char *test_folder(void)
{
	if (!folder[0]) {
		const char *parent = getenv("TMPDIR");

		snprintf(folder, sizeof folder, "%s/qmac-test-XXXXXX", parent ? parent : "/tmp");
		if (!mkdtemp(folder)) {
			perror(folder);
			exit(3);
		}
		atexit(remove_folder);
	}
	return folder;
}

const char *test_path(const char *name)
{
	static char path[600];

	snprintf(path, sizeof path, "%s/%s", test_folder(), name);
	return path;
}

const char *test_temporary(const char *path)
{
	static char found[700];
	char pattern[700];
	glob_t names;

	snprintf(pattern, sizeof pattern, "%s.qmac-*.tmp", path);
	found[0] = 0;
	if (glob(pattern, 0, NULL, &names) == 0) {
		CU_ASSERT_EQUAL(names.gl_pathc, 1);
		snprintf(found, sizeof found, "%s", names.gl_pathv[0]);
	}
	globfree(&names);
	return found[0] ? found : NULL;
}

void test_limit_file_size(rlim_t bytes, struct rlimit *old)
{
	struct rlimit limit;

	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_FATAL(getrlimit(RLIMIT_FSIZE, old) == 0);
	limit = *old;
	limit.rlim_cur = bytes;
	CU_ASSERT_FATAL(setrlimit(RLIMIT_FSIZE, &limit) == 0);
}

void test_write(const char *name, const char *text)
{
	FILE *out = fopen(test_path(name), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	fputs(text, out);
	fclose(out);
}

const char *test_write_clouds(int rows, int features, int classes)
{
	const char *path = test_path("clouds.csv");
	FILE *out = fopen(path, "w");
	uint64_t state = 7;

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	for (int i = 0; i < rows; i++) {
		int class = (int)test_between(&state, 0, classes - 1);

		for (int j = 0; j < features; j++)
			fprintf(out, "%d,", (int)test_between(&state, 0, 99) + (j % classes == class ? 40 : 0));
		fprintf(out, "%d\n", class * 10);
	}
	fclose(out);
	return path;
}

const char *test_text(const char *name)
{
	static char text[1 << 16];
	FILE *in = fopen(test_path(name), "r");

	text[in ? fread(text, 1, sizeof text - 1, in) : 0] = 0;
	if (in)
		fclose(in);
	return text;
}

const char *test_csv_field(const char *name, const char *key, int number)
{
	char begin[100];
	const char *at;

	snprintf(begin, sizeof begin, "\n%s,", key);
	at = strstr(test_text(name), begin);
	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	for (at++; number > 0; number--)
		at = strchr(at, ',') + 1;
	return at;
}

int test_main(const char *program, const struct test_case *cases, int count)
{
	unsigned failed;
	CU_pSuite suite;

	if (CU_initialize_registry() != CUE_SUCCESS || !(suite = CU_add_suite(program, NULL, NULL)))
		return 3;
	for (int i = 0; i < count; i++)
		if (!CU_add_test(suite, cases[i].name, cases[i].run))
			return 3;
	setvbuf(stdout, NULL, _IOLBF, 0);
	CU_basic_set_mode(CU_BRM_VERBOSE);
	CU_basic_run_tests();
	failed = CU_get_number_of_tests_failed();
	printf("%s: %u passed, %u failed, %d skipped\n", program,
	       CU_get_number_of_tests_run() - failed - (unsigned)skipped, failed, skipped);
	CU_cleanup_registry();
	return failed ? 1 : 0;
}
