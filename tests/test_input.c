/* host/config/input.h: what is opened, and which files are the same. */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "config/input.h"
#include "config_files.h"

/* A path in the test folder. */
static const char *at(const char *name, char path[512])
{
	snprintf(path, 512, "%s/%s", test_folder(), name);
	return path;
}

static void expect_refused(const char *path, const char *message)
{
	struct qmac_error err = {0};
	gzFile gzip = NULL;
	FILE *stream;
	int file;

	CU_ASSERT_EQUAL(qmac_input_open(path, &file, &err), QMAC_BAD_INPUT);
	check_error(&err, path, 0, 0, message);
	CU_ASSERT_EQUAL(qmac_input_stream(path, &stream, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NULL(stream);
	CU_ASSERT_EQUAL(qmac_input_gzip(path, &gzip, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NULL(gzip);
}

static void test_only_regular_files(void)
{
	char path[512];
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	FILE *stream = NULL;

	expect_refused(at("nothing", path), "cannot open: No such file");
	expect_refused(test_folder(), "this is a folder");
	expect_refused("/dev/null", "this is a device");
	CU_ASSERT_EQUAL_FATAL(mkfifo(at("pipe", path), 0600), 0);
	expect_refused(path, "this is a pipe");
	snprintf(address.sun_path, sizeof address.sun_path, "%.90s/socket", test_folder());
	CU_ASSERT_EQUAL_FATAL(bind(listener, (struct sockaddr *)&address, sizeof address), 0);
	expect_refused(address.sun_path, "this is a socket");
	close(listener);
	unlink(address.sun_path);
	CU_ASSERT_EQUAL_FATAL(symlink(config_file("plain", "text"), at("link", path)), 0);
	CU_ASSERT_EQUAL_FATAL(qmac_input_stream(path, &stream, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(fgetc(stream), 't');
	fclose(stream);
}

static void expect_same(const struct qmac_inputs *inputs, const char *name, const char *what)
{
	struct qmac_error err = {0};
	char path[512];

	CU_ASSERT_EQUAL(qmac_inputs_spare(inputs, "the trace", at(name, path), &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, path));
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, what));
}

static void expect_other(const struct qmac_inputs *inputs, const char *name)
{
	char path[512];

	CU_ASSERT_EQUAL(qmac_inputs_spare(inputs, "the trace", at(name, path), NULL), QMAC_OK);
}

static void test_identity(void)
{
	struct qmac_inputs inputs = {0};
	char path[512], target[512];

	CU_ASSERT_EQUAL_FATAL(mkdir(at("folder", path), 0700), 0);
	CU_ASSERT_EQUAL_FATAL(symlink("folder", at("alias", path)), 0);
	config_file("folder/read.yaml", "text");
	CU_ASSERT_EQUAL_FATAL(symlink("folder/read.yaml", at("soft", path)), 0);
	CU_ASSERT_EQUAL_FATAL(link(at("folder/read.yaml", target), at("hard", path)), 0);
	CU_ASSERT_EQUAL(qmac_inputs_add(&inputs, "the run file", target, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_inputs_add(&inputs, "another name of it", path, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(inputs.count, 1);
	CU_ASSERT_EQUAL(qmac_inputs_add(&inputs, "the plot", at("folder/to come", path), NULL), QMAC_OK);
	expect_same(&inputs, "folder/read.yaml", "folder/read.yaml is the run file");
	expect_same(&inputs, "folder/.././alias//read.yaml", "folder/read.yaml is the run file");
	expect_same(&inputs, "soft", "folder/read.yaml is the run file");
	expect_same(&inputs, "hard", "folder/read.yaml is the run file");
	expect_same(&inputs, "alias/to come", "folder/to come is the plot");
	expect_other(&inputs, "folder/other");
	expect_other(&inputs, "to come");
	expect_other(&inputs, "no folder/read.yaml");
	qmac_inputs_free(&inputs);
	CU_ASSERT_EQUAL(inputs.count, 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"only regular files are opened", test_only_regular_files},
		{"a file is the same under any name", test_identity},
	};

	return test_main("test_input", cases, TEST_COUNT(cases));
}
