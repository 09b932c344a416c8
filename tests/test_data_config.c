/*
 * The keys of a run that takes its data from a file: their defaults, what the printed
 * configuration says, and where the file is looked for.
 */
#define _XOPEN_SOURCE 700
#include <sys/stat.h>
#include <unistd.h>

#include "config/run_table.h"
#include "config_files.h"

#define HW "configs/hw/8x8_w8.yaml"

static void folder(const char *name)
{
	char path[512];

	snprintf(path, sizeof path, "%s/%s", test_folder(), name);
	CU_ASSERT_FATAL(mkdir(path, 0700) == 0);
}

/* Loads run.yaml with one key `file`; settings beside hw: file (NULL: none) and --data-dir (NULL: none). */
static enum qmac_status load(struct qmac_run_config *config, const char *in_file, const char *set,
                             const char *data_dir, struct qmac_error *err)
{
	struct qmac_setting settings[4] = {{"hw", HW, "--hw"}, {"data", "csv", "--set"}};
	char text[600] = "bits: 8\n";
	int count = 2;

	if (in_file)
		snprintf(text, sizeof text, "file: %s\n", in_file);
	if (set)
		settings[count++] = (struct qmac_setting){"file", set, "--set"};
	if (data_dir)
		settings[count++] = (struct qmac_setting){NULL, data_dir, "--data-dir"};
	return qmac_run_config_load(config, config_file("run.yaml", text), settings, count, err);
}

static const char *inside(const char *name)
{
	static char path[600];

	snprintf(path, sizeof path, "%s/%s", test_folder(), name);
	return path;
}

static void expect_found(const char *in_file, const char *set, const char *data_dir, const char *wanted)
{
	struct qmac_run_config config;
	struct qmac_error err = {0};

	if (load(&config, in_file, set, data_dir, &err) != QMAC_OK) {
		puts(err.message);
		CU_FAIL("must load");
		return;
	}
	CU_ASSERT_STRING_EQUAL(config.run.file, wanted);
}

/* Beside the run file; then --data-dir, $QMAC_DATA, ~/.cache/qmac/data, of which the first that is given. */
static void search(void)
{
	char data_dir[600], found[700];

	config_file("beside.csv", "1,2\n");
	folder("given");
	config_file("given/only.csv", "1,2\n");
	config_file("given/beside.csv", "1,2\n");
	folder("environment");
	config_file("environment/other.csv", "1,2\n");
	snprintf(data_dir, sizeof data_dir, "%s/given", test_folder());
	CU_ASSERT_FATAL(setenv("QMAC_DATA", inside("environment"), 1) == 0);

	expect_found("beside.csv", NULL, data_dir, inside("beside.csv"));
	expect_found("only.csv", NULL, data_dir, inside("given/only.csv"));
	expect_found("other.csv", NULL, NULL, inside("environment/other.csv"));
	expect_found(inside("given/only.csv"), NULL, NULL, inside("given/only.csv"));
	/* as a setting: from the working folder, not beside the run file */
	expect_found(NULL, "only.csv", data_dir, inside("given/only.csv"));
	snprintf(found, sizeof found, "%s/beside.csv", data_dir);
	expect_found("only.csv", "beside.csv", data_dir, found);
	expect_found(NULL, "Makefile", NULL, "Makefile");

	CU_ASSERT_FATAL(unsetenv("QMAC_DATA") == 0 && setenv("HOME", inside(""), 1) == 0);
	folder(".cache");
	folder(".cache/qmac");
	folder(".cache/qmac/data");
	config_file(".cache/qmac/data/home.csv", "1,2\n");
	snprintf(found, sizeof found, "%s//.cache/qmac/data/home.csv", test_folder());
	expect_found("home.csv", NULL, NULL, found);
}

static void missing(void)
{
	struct qmac_run_config config;
	struct qmac_error err = {0};
	char message[1500];

	CU_ASSERT_FATAL(setenv("QMAC_DATA", "some/folder", 1) == 0);
	CU_ASSERT_EQUAL(load(&config, "no.csv", NULL, NULL, &err), QMAC_BAD_INPUT);
	snprintf(message, sizeof message, "file: there is neither '%s' nor 'some/folder/no.csv'; put the file",
	         inside("no.csv"));
	check_error(&err, inside("run.yaml"), 1, 7, message);
	CU_ASSERT_EQUAL(load(&config, NULL, "no.csv", "elsewhere", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set file=no.csv: there is neither 'no.csv' nor 'elsewhere/no.csv'");
	CU_ASSERT_EQUAL(load(&config, "/no/such.csv", NULL, "elsewhere", &err), QMAC_BAD_INPUT);
	check_error(&err, inside("run.yaml"), 1, 7, "file: cannot open '/no/such.csv': No such file");
	CU_ASSERT_FATAL(unsetenv("QMAC_DATA") == 0 && unsetenv("HOME") == 0);
	CU_ASSERT_EQUAL(load(&config, "no.csv", NULL, NULL, &err), QMAC_BAD_INPUT);
	check_error(&err, inside("run.yaml"), 1, 7, "and no data folder to look in; name one with --data-dir");
}

/* What a file's run has by default; generated sizes do not concern it and are not checked. */
static void defaults(void)
{
	const struct qmac_setting settings[] = {
		{"hw", HW, "--hw"}, {"data", "libsvm", "--set"}, {"file", "Makefile", "--set"},
		{"samples", "1000000000", "--set"}, {"informative", "1000000000", "--set"},
	};
	const struct qmac_setting generated[] = {{"hw", HW, "--hw"}, {"test_fraction", "0.5", "--set"}};
	struct qmac_run_config config, again;
	struct qmac_error err;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	CU_ASSERT_FATAL(qmac_run_config_load(&config, NULL, settings, TEST_COUNT(settings), &err) == QMAC_OK);
	CU_ASSERT(config.run.data == QMAC_DATA_LIBSVM && config.run.test_fraction == 0.2);
	CU_ASSERT(config.run.standardise && config.run.inner_steps == 0);
	qmac_run_config_print(&config, NULL, out);
	fclose(out);
	CU_ASSERT(strstr(text, "\ntest_fraction: 0.2  # default for files\n") != NULL);
	CU_ASSERT(strstr(text, "\ninner_steps: 0  # default: two passes over the training part\n") != NULL);
	CU_ASSERT(strstr(text, "\ntarget: \"last\"  # default, unused by libsvm\n") != NULL);
	CU_ASSERT(strstr(text, "\nsamples: 1000000000  # --set, unused by libsvm\n") != NULL);
	CU_ASSERT(strstr(text, "\nfile: \"/") != NULL && strstr(text, "/Makefile\"  # --set\n") != NULL);
	if (qmac_run_config_load(&again, config_file("printed.yaml", text), NULL, 0, &err) != QMAC_OK)
		CU_FAIL_FATAL("what was printed must load");
	CU_ASSERT(again.run.file[0] == '/' && again.run.inner_steps == 0 && !again.run.bias);
	free(text);

	CU_ASSERT_FATAL(qmac_run_config_load(&config, NULL, generated, 2, &err) == QMAC_OK);
	CU_ASSERT_EQUAL(config.run.inner_steps, 0);
}

/* ---- a test file ------------------------------------------------------------------------ */

/* Loads a run of data/run.yaml with that text, and one setting more (NULL: none). */
static enum qmac_status load_text(struct qmac_run_config *config, const char *text, const char *key,
                                  const char *value, struct qmac_error *err)
{
	const struct qmac_setting settings[] = {
		{"hw", HW, "--hw"}, {NULL, inside("data"), "--data-dir"}, {key, value, "--set"},
	};

	return qmac_run_config_load(config, config_file("data/run.yaml", text), settings, key ? 3 : 2, err);
}

/* It is looked for as the file is, and takes the place of test_fraction. */
static void test_files(void)
{
	static const char both[] = "data: csv\nfile: train.csv\ntest_file: test.csv\n";
	struct qmac_run_config config, again;
	struct qmac_error err = {0};
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	folder("data");
	config_file("data/train.csv", "1,2\n");
	CU_ASSERT_EQUAL(load_text(&config, both, NULL, NULL, &err), QMAC_BAD_INPUT);
	check_error(&err, inside("data/run.yaml"), 3, 12, "test_file: there is neither '");
	config_file("data/test.csv", "1,2\n");
	CU_ASSERT_EQUAL_FATAL(load_text(&config, both, NULL, NULL, &err), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(config.run.test_file, inside("data/test.csv"));
	CU_ASSERT_EQUAL(config.run.test_fraction, 0);
	qmac_run_config_print(&config, NULL, out);
	fclose(out);
	CU_ASSERT(strstr(text, "/data/test.csv\"  # ") != NULL);
	CU_ASSERT(strstr(text, "\ntest_fraction: 0  # default with test_file\n") != NULL);
	CU_ASSERT(strstr(text, "\nignore: \"none\"  # default\nseparator: auto  # default\n") != NULL);
	CU_ASSERT_EQUAL_FATAL(qmac_run_config_load(&again, config_file("printed.yaml", text), NULL, 0, &err),
	                      QMAC_OK);
	CU_ASSERT(strstr(again.run.test_file, "/data/test.csv") != NULL && again.run.test_fraction == 0);
	free(text);

	CU_ASSERT_EQUAL(load_text(&config, both, "test_fraction", "0.2", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "--set test_fraction=0.2: test_fraction = 0.2 wants a share of the file");
	CU_ASSERT_EQUAL(load_text(&config, "data: csv\nfile: train.csv\ntest_fraction: 0.3\n", "test_file",
	                          inside("data/test.csv"), &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "but test_file is the whole test part; give one of the two");
	/* other kinds of data do not look at it */
	CU_ASSERT_EQUAL(load_text(&config, "test_file: nowhere.csv\ntest_fraction: 0.3\n", NULL, NULL, &err),
	                QMAC_OK);
}

/* The separators by their names and as they are. */
static void separators(void)
{
	static const char *const names[] = {"auto", "comma", "semicolon", "tab", "blank"};
	static const char *const marks[] = {"auto", ",", ";", "\t", " "};
	struct qmac_run_config config;
	struct qmac_error err = {0};

	for (int i = 0; i < TEST_COUNT(names); i++) {
		CU_ASSERT_EQUAL_FATAL(load_text(&config, "bits: 8\n", "separator", names[i], &err), QMAC_OK);
		CU_ASSERT_EQUAL((int)config.run.separator, i);
		CU_ASSERT_EQUAL_FATAL(load_text(&config, "bits: 8\n", "separator", marks[i], &err), QMAC_OK);
		CU_ASSERT_EQUAL((int)config.run.separator, i);
	}
	CU_ASSERT_EQUAL(load_text(&config, "bits: 8\n", "separator", "|", &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "expected one of auto, comma, semicolon, tab, blank, not '|'");
}

/* ---- images and classes ------------------------------------------------------------- */

static enum qmac_status load_images(struct qmac_run_config *config, const char *data, const char *file,
                                    struct qmac_error *err)
{
	const struct qmac_setting settings[] = {
		{"hw", HW, "--hw"}, {"problem", "logistic_regression", "--set"}, {"data", data, "--set"},
		{NULL, inside("sets"), "--data-dir"}, {"file", file, "--set"},
	};

	return qmac_run_config_load(config, NULL, settings, file ? 5 : 4, err);
}

/* A well-known data set lies under its own name in the data folder; `file` may name another folder. */
static void images(void)
{
	struct qmac_run_config config;
	struct qmac_error err = {0};
	char *text = NULL, message[1400];
	size_t size;
	FILE *out;

	folder("sets");
	CU_ASSERT_EQUAL(load_images(&config, "mnist", NULL, &err), QMAC_BAD_INPUT);
	snprintf(message, sizeof message, "--set data=mnist: there is no '%s': run `make data`",
	         inside("sets/mnist"));
	check_error(&err, NULL, 0, 0, message);
	folder("sets/mnist");
	folder("sets/fashion-mnist");
	folder("sets/other");
	CU_ASSERT_FATAL(load_images(&config, "mnist", NULL, &err) == QMAC_OK);
	CU_ASSERT_STRING_EQUAL(config.run.file, inside("sets/mnist"));
	CU_ASSERT_FATAL(load_images(&config, "mnist", "other", &err) == QMAC_OK);
	CU_ASSERT_STRING_EQUAL(config.run.file, inside("sets/other"));
	CU_ASSERT_FATAL(load_images(&config, "fashion_mnist", NULL, &err) == QMAC_OK);
	CU_ASSERT_STRING_EQUAL(config.run.file, inside("sets/fashion-mnist"));

	out = open_memstream(&text, &size);
	qmac_run_config_print(&config, NULL, out);
	fclose(out);
	CU_ASSERT(strstr(text, "/sets/fashion-mnist\"  # default for fashion_mnist\n") != NULL);
	CU_ASSERT(strstr(text, "\nstandardise: true  # default, unused by fashion_mnist\n") != NULL);
	CU_ASSERT(strstr(text, "\nlambda: 0.01  # default for logistic_regression\n") != NULL);
	CU_ASSERT(strstr(text, "\nfrac_bits: 16  # default for logistic_regression\n") != NULL);
	if (qmac_run_config_load(&config, config_file("printed.yaml", text), NULL, 0, &err) != QMAC_OK)
		CU_FAIL_FATAL("what was printed must load");
	CU_ASSERT(config.run.data == QMAC_DATA_FASHION_MNIST && config.run.lambda == 0.01);
	free(text);
}

/* Problems and data that do not go together. */
static void mismatches(void)
{
	const struct qmac_setting generated[] = {
		{"hw", HW, "--hw"}, {"problem", "logistic_regression", "--set"},
	};
	const struct qmac_setting labels[] = {{"hw", HW, "--hw"}, {"data", "mnist", "--set"}};
	const struct qmac_setting regular[] = {{"hw", HW, "--hw"}, {"lambda", "0.1", "--set"}};
	struct qmac_run_config config;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_run_config_load(&config, NULL, generated, 2, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "logistic_regression wants data with classes: set data to mnist");
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, NULL, labels, 2, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "images have classes: set problem to logistic_regression");
	CU_ASSERT_EQUAL(qmac_run_config_load(&config, NULL, regular, 2, &err), QMAC_BAD_INPUT);
	check_error(&err, NULL, 0, 0, "0.1 is not available yet for linear_regression");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"where a file is looked for", search},
		{"a missing file", missing},
		{"defaults", defaults},
		{"a test file", test_files},
		{"separators", separators},
		{"folders of images", images},
		{"problems and data", mismatches},
	};

	return test_main("test_data_config", cases, TEST_COUNT(cases));
}
