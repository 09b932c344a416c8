/*
 * EMNIST: the files of a split under their published names, or under MNIST's; which way up their images
 * are; labels that do not begin with 0.
 */
#define _XOPEN_SOURCE 700
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "config_files.h"
#include "data/emnist.h"
#include "data/images.h"
#include "run/inputs.h"

enum { TRAIN = 6, TEST = 4, HEIGHT = 3, WIDTH = 5 };

static const char *const splits[] = {"balanced", "byclass", "bymerge", "letters", "digits", "mnist"};

/* Of line y, column x as they lie in the file. */
static uint8_t pixel_of(int split, int part, int i, int y, int x)
{
	return (uint8_t)(split * 5 + part * 130 + i * 17 + y * WIDTH + x);
}

/* Labels of letters begin with 1. */
static int label_of(int split, int part, int i)
{
	return (i * 5 + part) % 3 + (split == 3);
}

static const char *name_of(int split, int which)
{
	static const char *const kinds[] = {"images-idx3-ubyte", "labels-idx1-ubyte"};
	static char name[100];

	if (split < 0)
		snprintf(name, sizeof name, "%s-%s", which < 2 ? "train" : "t10k", kinds[which % 2]);
	else
		snprintf(name, sizeof name, "emnist-%s-%s-%s", splits[split], which < 2 ? "train" : "test",
		         kinds[which % 2]);
	return name;
}

/* File `which` (training images, their labels, test images, their labels) of a split; -1: MNIST's names. */
static void write_file(const char *folder, int split, int which, bool zipped)
{
	int part = which / 2, count = part ? TEST : TRAIN;
	uint8_t bytes[16 + TRAIN * HEIGHT * WIDTH] = {0, 0, 8, which % 2 ? 1 : 3, 0, 0, 0, (uint8_t)count,
	                                              0, 0, 0, HEIGHT, 0, 0, 0, WIDTH};
	int used = which % 2 ? 8 : 16;
	char name[200];
	gzFile out;

	for (int i = 0; i < count; i++)
		for (int p = 0; p < (which % 2 ? 1 : HEIGHT * WIDTH); p++)
			bytes[used++] = which % 2 ? (uint8_t)label_of(split, part, i) :
			                pixel_of(split, part, i, p / WIDTH, p % WIDTH);
	snprintf(name, sizeof name, "%s/%s%s", folder, name_of(split, which), zipped ? ".gz" : "");
	if (!zipped) {
		config_bytes(name, (const char *)bytes, (size_t)used);
		return;
	}
	out = gzopen(test_path(name), "wb");
	CU_ASSERT_FATAL(out && gzwrite(out, bytes, (unsigned)used) == used && gzclose(out) == Z_OK);
}

static void fill(const char *folder, int split)
{
	(void)mkdir(test_path(folder), 0700);
	for (int which = 0; which < 4; which++)
		write_file(folder, split, which, which == 1);
}

static struct qmac_run run_of(const char *folder, const char *split, enum qmac_transpose transpose)
{
	struct qmac_run run = {.data = QMAC_DATA_EMNIST, .transpose = transpose};

	snprintf(run.file, sizeof run.file, "%s", test_path(folder));
	snprintf(run.split, sizeof run.split, "%s", split);
	return run;
}

static void check_read(const struct qmac_run *run, int split, bool turned)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};
	int64_t samples = run->limit ? run->limit : TRAIN;

	if (qmac_dataset_read_emnist(&data, run, &err)) {
		printf("%s: %s\n", err.file, err.message);
		CU_FAIL_FATAL("must read");
	}
	CU_ASSERT_FATAL(data.samples == samples && data.test_samples == TEST && data.channels == 1);
	CU_ASSERT(data.height == (turned ? WIDTH : HEIGHT) && data.width == (turned ? HEIGHT : WIDTH));
	for (int row = 0; row < samples + TEST; row++) {
		int part = row >= samples, i = part ? row - (int)samples : row;

		CU_ASSERT_EQUAL(data.y[row], label_of(split, part, i));
		for (int y = 0; y < data.height; y++)
			for (int x = 0; x < data.width; x++)
				CU_ASSERT_EQUAL(data.x.pixel[(row * data.height + y) * data.width + x],
				                pixel_of(split, part, i, turned ? x : y, turned ? y : x));
	}
	qmac_dataset_free(&data);
}

/* Published files are turned, others are not, unless the run says so. */
static void test_read(void)
{
	char folder[20] = "split0";

	for (int split = -1; split < 6; split++) {
		const char *name = split < 0 ? "balanced" : splits[split];
		struct qmac_run run;

		folder[5] = (char)('1' + split);
		fill(folder, split);
		run = run_of(folder, name, QMAC_TRANSPOSE_AUTO);
		check_read(&run, split, split >= 0);
		run.limit = 2;
		check_read(&run, split, split >= 0);
		run.transpose = QMAC_TRANSPOSE_TRUE;
		check_read(&run, split, true);
		run.transpose = QMAC_TRANSPOSE_FALSE;
		check_read(&run, split, false);
	}
	/* of a folder that has both, the published ones, where they are of the split */
	folder[5] = '2';
	fill(folder, -1);
	for (int split = 0; split < 2; split++) {
		struct qmac_run run = run_of(folder, splits[split], QMAC_TRANSPOSE_AUTO);

		check_read(&run, split ? 1 : -1, split);
	}
}

static void test_refusals(void)
{
	struct qmac_run run;
	struct qmac_dataset data;
	struct qmac_error err = {0};

	fill("letters", 3);
	run = run_of("letters", "balanced", QMAC_TRANSPOSE_AUTO);
	CU_ASSERT_EQUAL(qmac_dataset_read_emnist(&data, &run, &err), QMAC_BAD_INPUT);
	check_error(&err, test_path("letters"), 0, 0,
	            "no files of the split balanced, but of letters: set split");
	CU_ASSERT_FATAL(mkdir(test_path("empty"), 0700) == 0);
	run = run_of("empty", "digits", QMAC_TRANSPOSE_AUTO);
	CU_ASSERT_EQUAL(qmac_dataset_read_emnist(&data, &run, &err), QMAC_BAD_INPUT);
	check_error(&err, test_path("empty/emnist-digits-train-images-idx3-ubyte"), 0, 0,
	            "there is no such file");
	run = run_of("letters", "letters", QMAC_TRANSPOSE_AUTO);
	CU_ASSERT_FATAL(unlink(test_path("letters/emnist-letters-test-labels-idx1-ubyte")) == 0);
	CU_ASSERT_EQUAL(qmac_dataset_read_emnist(&data, &run, &err), QMAC_BAD_INPUT);
	check_error(&err, test_path("letters/emnist-letters-test-labels-idx1-ubyte"), 0, 0,
	            "there is no such file");
	qmac_dataset_free(&data);
}

/* Labels 1, 2, 3 become the classes 0, 1, 2; pixels are normalised as MNIST's. */
static void test_letters(void)
{
	struct qmac_images images;
	struct qmac_run run;

	fill("classes", 3);
	run = run_of("classes", "letters", QMAC_TRANSPOSE_AUTO);
	CU_ASSERT_EQUAL_FATAL(qmac_images_load(&images, &run, NULL), QMAC_OK);
	CU_ASSERT(images.data.classes == 3 && images.data.height == WIDTH);
	for (int i = 0; i < TRAIN; i++)
		CU_ASSERT_EQUAL(images.data.y[i], label_of(3, 0, i) - 1);
	CU_ASSERT_EQUAL(images.value[0][51], (float)((0.2 - 0.1307) / 0.3081));
	qmac_images_free(&images);
}

/* The folder `emnist`, the keys, and that no file is written over. */
static void test_run(void)
{
	const struct qmac_setting settings[] = {
		{"hw", "configs/hw/8x8_w8.yaml", "--hw"}, {"problem", "logistic_regression", "--set"},
		{"data", "emnist", "--set"}, {NULL, test_folder(), "--data-dir"}, {"split", "digits", "--set"},
		{"transpose", "false", "--set"},
	};
	struct qmac_run_config config;
	struct qmac_error err = {0};
	char path[200];

	test_refusal(qmac_run_config_load(&config, NULL, settings, 4, &err), &err,
	             "': put the files of a split there (`make data` says");
	fill("emnist", 0);
	fill("emnist", 4);
	for (int given = 4; given <= 6; given += 2) {
		CU_ASSERT_EQUAL_FATAL(qmac_run_config_load(&config, NULL, settings, given, &err), QMAC_OK);
		CU_ASSERT_STRING_EQUAL(config.run.file, test_path("emnist"));
		CU_ASSERT_EQUAL(config.run.transpose, given == 4 ? QMAC_TRANSPOSE_AUTO : QMAC_TRANSPOSE_FALSE);
		check_read(&config.run, given == 4 ? 0 : 4, given == 4);
		for (int which = 0; which < 4; which++) {
			snprintf(path, sizeof path, "emnist/%s%s", name_of(given == 4 ? 0 : 4, which),
			         which == 1 ? ".gz" : "");
			test_refusal(qmac_run_check_outputs(&config, "out", test_path(path), &err), &err,
			             "is a data file");
		}
	}
	snprintf(path, sizeof path, "emnist/%s", name_of(0, 0));
	CU_ASSERT_EQUAL(qmac_run_check_outputs(&config, "out", test_path(path), &err), QMAC_OK);
}

/* Real images, 28 x 28, where they are. */
static void test_square(void)
{
	const char *folder = getenv("QMAC_DATA");
	struct qmac_run run = {.data = QMAC_DATA_EMNIST, .split = "bymerge", .limit = 1000, .test_limit = 10};
	struct qmac_dataset as_is, turned;

	snprintf(run.file, sizeof run.file, "%s/emnist-bymerge-test", folder ? folder : "");
	if (access(run.file, R_OK)) {
		test_skip("there is no emnist-bymerge-test in the data folder");
		return;
	}
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_read_emnist(&as_is, &run, NULL), QMAC_OK);
	run.transpose = QMAC_TRANSPOSE_TRUE;
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_read_emnist(&turned, &run, NULL), QMAC_OK);
	CU_ASSERT(as_is.samples == 1000 && as_is.height == 28 && turned.width == 28);
	for (int64_t i = 0; i < 1010 * 784; i++)
		if (as_is.x.pixel[i] != turned.x.pixel[i / 784 * 784 + i % 28 * 28 + i % 784 / 28])
			CU_FAIL_FATAL("transposed");
	qmac_dataset_free(&as_is);
	qmac_dataset_free(&turned);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"what is read", test_read}, {"what is refused", test_refusals}, {"letters", test_letters},
		{"a run", test_run}, {"square images", test_square},
	};

	return test_main("test_emnist", cases, TEST_COUNT(cases));
}
