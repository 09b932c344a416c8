/*
 * CIFAR-10 and CIFAR-100 in their binary version, plain and gzip: what is read, what is refused with which
 * message; and the published files, where they are.
 */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "config_files.h"
#include "data/cifar.h"
#include "data/images.h"
#include "run/inputs.h"

enum { SIDE = 32, CHANNELS = 3, PIXELS = CHANNELS * SIDE * SIDE, RECORDS_MAX = 12 };

static const enum qmac_data sets[] = {QMAC_DATA_CIFAR10, QMAC_DATA_CIFAR100};
static const char *const names[2][7] = {
	{"data_batch_1.bin", "data_batch_2.bin", "data_batch_3.bin", "data_batch_4.bin", "data_batch_5.bin",
	 "test_batch.bin"},
	{"train.bin", "test.bin"},
};
static const char *const archives[] = {"cifar-10-binary.tar.gz", "cifar-100-binary.tar.gz"};
static const int counts[2][6] = {{7, 1, 4, 9, 3, 5}, {12, 5}};

/* ---- files --------------------------------------------------------------------------- */

static int file_count(int set)
{
	return set ? 2 : 6;
}

static int label_of(int set, int file, int i)
{
	return set ? (file * 31 + i * 17) % 100 : (file * 3 + i * 7) % 10;
}

/* Of channel c, line y, column x of an image. */
static uint8_t pixel_of(int file, int i, int c, int y, int x)
{
	return (uint8_t)(file * 50 + i * 11 + c * 90 + y * 7 + x * 3 + (x > y ? 128 : 0));
}

/* The bytes of record i; returns their number. */
static int record_of(int set, int file, int i, uint8_t *bytes)
{
	int used = 0;

	if (set)
		bytes[used++] = (uint8_t)((i + file) % 20);
	bytes[used++] = (uint8_t)label_of(set, file, i);
	for (int c = 0; c < CHANNELS; c++)
		for (int y = 0; y < SIDE; y++)
			for (int x = 0; x < SIDE; x++)
				bytes[used++] = pixel_of(file, i, c, y, x);
	return used;
}

static const char *path_of(const char *folder, int set, int file, const char *ending)
{
	static char path[600];

	snprintf(path, sizeof path, "%s/%s%s%s%s", test_folder(), folder, file < 0 ? "" : "/",
	         file < 0 ? "" : names[set][file], ending);
	return path;
}

static uint8_t content[RECORDS_MAX * (2 + PIXELS) + 1];

/* A file with so many records goes to `content`; returns the number of its bytes. */
static int make(int set, int file, int count)
{
	int used = 0;

	for (int i = 0; i < count; i++)
		used += record_of(set, file, i, content + used);
	return used;
}

static void put(const char *folder, int set, int file, const char *ending, int bytes)
{
	char name[100];

	snprintf(name, sizeof name, "%s/%s%s", folder, names[set][file], ending);
	config_bytes(name, (const char *)content, (size_t)bytes);
}

static void zip(const char *folder, int set, int file, int bytes)
{
	gzFile out = gzopen(path_of(folder, set, file, ".gz"), "wb");

	CU_ASSERT_FATAL(out && gzwrite(out, content, (unsigned)bytes) == bytes && gzclose(out) == Z_OK);
	(void)unlink(path_of(folder, set, file, ""));
}

/* A folder with all files of the set. */
static void fill(const char *folder, int set)
{
	(void)mkdir(path_of(folder, set, -1, ""), 0700);
	for (int file = 0; file < file_count(set); file++) {
		(void)unlink(path_of(folder, set, file, ".gz"));
		put(folder, set, file, "", make(set, file, counts[set][file]));
	}
}

static struct qmac_run run_of(const char *folder, int set)
{
	struct qmac_run run = {.data = sets[set]};

	snprintf(run.file, sizeof run.file, "%s", path_of(folder, set, -1, ""));
	return run;
}

static enum qmac_status read_set(struct qmac_dataset *data, const char *folder, int set, int64_t limit,
                                 int64_t test_limit, struct qmac_error *err)
{
	struct qmac_run run = run_of(folder, set);

	return qmac_dataset_read_cifar(data, sets[set], run.file, limit, test_limit, err);
}

/* ---- what is read ---------------------------------------------------------------------- */

static void check_image(const struct qmac_dataset *data, int64_t row, int set, int file, int i)
{
	const uint8_t *pixel = data->x.pixel + row * PIXELS;
	bool right = true;

	CU_ASSERT_EQUAL(data->y[row], label_of(set, file, i));
	for (int c = 0; c < CHANNELS; c++)
		for (int y = 0; y < SIDE; y++)
			for (int x = 0; x < SIDE; x++)
				right &= pixel[(c * SIDE + y) * SIDE + x] == pixel_of(file, i, c, y, x);
	CU_ASSERT(right);
}

static void check_read(const char *folder, int set, int64_t limit, int64_t test_limit)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};
	int last = file_count(set) - 1;
	int64_t row = 0, test;

	if (read_set(&data, folder, set, limit, test_limit, &err)) {
		printf("%s: %s\n", err.file, err.message);
		CU_FAIL_FATAL("must read");
	}
	CU_ASSERT_FATAL(data.channels == CHANNELS && data.height == SIDE && data.width == SIDE);
	CU_ASSERT(data.features == PIXELS && data.labels == (set ? 100 : 10));
	for (int file = 0; file < last; file++)
		for (int i = 0; i < counts[set][file] && (limit == 0 || row < limit); i++)
			check_image(&data, row++, set, file, i);
	CU_ASSERT_EQUAL(data.samples, row);
	test = test_limit > 0 && test_limit < counts[set][last] ? test_limit : counts[set][last];
	CU_ASSERT_EQUAL(data.test_samples, test);
	for (int i = 0; i < test; i++)
		check_image(&data, row + i, set, last, i);
	qmac_dataset_free(&data);
}

static void test_read(void)
{
	for (int set = 0; set < 2; set++) {
		fill("good", set);
		check_read("good", set, 0, 0);
		for (int limit = 1; limit < 30; limit++)
			check_read("good", set, limit, limit % 7);
		check_read("good", set, 1000000000, 1000000000);
		for (int file = 0; file < file_count(set); file += 2)
			zip("good", set, file, make(set, file, counts[set][file]));
		check_read("good", set, 0, 0);
		check_read("good", set, 11, 2);
	}
}

/* Training files behind the limit need not be there; those before it must, and so must the test part. */
static void test_behind_the_limit(void)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};

	fill("few", 0);
	for (int file = 2; file < 5; file++)
		CU_ASSERT_FATAL(unlink(path_of("few", 0, file, "")) == 0);
	check_read("few", 0, 7, 0);
	check_read("few", 0, 8, 3);
	CU_ASSERT_EQUAL(read_set(&data, "few", 0, 9, 0, &err), QMAC_BAD_INPUT);
	check_error(&err, path_of("few", 0, 2, ""), 0, 0, "there is no such file");
	qmac_dataset_free(&data);
	CU_ASSERT_FATAL(unlink(path_of("few", 0, 5, "")) == 0);
	CU_ASSERT_EQUAL(read_set(&data, "few", 0, 7, 0, &err), QMAC_BAD_INPUT);
	check_error(&err, path_of("few", 0, 5, ""), 0, 0, "there is no such file");
	qmac_dataset_free(&data);
}

/* That files are not whole is said, once for each that was read. */
static void test_notes(void)
{
	struct qmac_dataset data;
	char note[700];

	fill("good", 0);
	CU_ASSERT_FATAL(!read_set(&data, "good", 0, 3, 0, NULL));
	snprintf(note, sizeof note, "%s has 7 images, the published file 10000", path_of("good", 0, 0, ""));
	CU_ASSERT(strstr(data.note, note) != NULL);
	CU_ASSERT(strstr(data.note, "data_batch_2.bin") == NULL && strstr(data.note, "test_batch.bin has 5"));
	qmac_dataset_free(&data);
}

/* Labels are classes as they are, whether or not all occur; and fewer than there are need a check. */
static void test_classes(void)
{
	struct qmac_run run = run_of("good", 1);
	struct qmac_images images;
	struct qmac_error err = {0};

	fill("good", 1);
	run.limit = 2;
	for (int classes = 0; classes <= 150; classes += 150) {
		run.classes = classes;
		CU_ASSERT_FATAL(!qmac_images_load(&images, &run, &err));
		CU_ASSERT_EQUAL(images.data.classes, classes ? classes : 100);
		CU_ASSERT(images.data.y[0] == label_of(1, 0, 0) && images.data.y[1] == label_of(1, 0, 1));
		for (int c = 0; c < CHANNELS; c++) {
			static const double mean[] = {.4914, .4822, .4465}, sd[] = {.2023, .1994, .2010};

			CU_ASSERT(fabs((double)images.value[c][51] - (0.2 - mean[c]) / sd[c]) < 1e-6);
		}
		qmac_images_free(&images);
	}
	run.classes = 3;
	test_refusal(qmac_images_load(&images, &run, &err), &err, "the data have more than 3 different targets");
	qmac_images_free(&images);
}

/* ---- what is refused -------------------------------------------------------------------- */

static void refuse(const char *folder, int set, int file, const char *ending, const char *message)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};
	enum qmac_status status = read_set(&data, folder, set, 0, 0, &err);

	qmac_dataset_free(&data);
	CU_ASSERT_EQUAL(status, QMAC_BAD_INPUT);
	check_error(&err, path_of(folder, set, file, ending), 0, 0, message);
}

static void test_sizes(void)
{
	char message[100];

	for (int set = 0; set < 2; set++)
		for (int file = 0; file < file_count(set); file++) {
			int count = counts[set][file], size = make(set, file, count) / count;

			fill("bad", set);
			for (int missing = 1; missing < size; missing += 511) {
				make(set, file, count);
				put("bad", set, file, "", count * size - missing);
				snprintf(message, sizeof message, "ends too early, within image %d of %d bytes; fetch",
				         count, size);
				refuse("bad", set, file, "", message);
			}
			content[count * size] = 1;
			put("bad", set, file, "", count * size + 1);
			snprintf(message, sizeof message, "the file ends too early, within image %d", count + 1);
			refuse("bad", set, file, "", message);
			put("bad", set, file, "", 0);
			refuse("bad", set, file, "", "the file is empty; fetch it again");
		}
}

static void test_labels(void)
{
	char message[100];

	for (int set = 0; set < 2; set++)
		for (int file = 0; file < file_count(set); file++) {
			int count = counts[set][file], size = make(set, file, count) / count;

			fill("bad", set);
			make(set, file, count);
			content[(count - 1) * size + set] = set ? 100 : 10;
			put("bad", set, file, "", count * size);
			snprintf(message, sizeof message, "image %d has the label %d, beyond %d: no file of the binary"
			         " version (%s)", count, set ? 100 : 10, set ? 99 : 9, archives[set]);
			refuse("bad", set, file, "", message);
		}
	fill("bad", 1);
	make(1, 1, 5);
	content[0] = 20;
	put("bad", 1, 1, "", 5 * (2 + PIXELS));
	refuse("bad", 1, 1, "", "image 1 has the coarse label 20, beyond 19");
}

/* One record more than the published file has, and as many: images of zeros, without any bytes on disk. */
static void test_too_many(void)
{
	struct qmac_dataset data;

	fill("bad", 0);
	CU_ASSERT_FATAL(truncate(path_of("bad", 0, 5, ""), 0) == 0);
	CU_ASSERT_FATAL(truncate(path_of("bad", 0, 5, ""), 10000 * (1 + PIXELS) + 1) == 0);
	refuse("bad", 0, 5, "", "more images than the published file has");
	CU_ASSERT_FATAL(truncate(path_of("bad", 0, 5, ""), 10000 * (1 + PIXELS)) == 0);
	CU_ASSERT_FATAL(!read_set(&data, "bad", 0, 3, 0, NULL));
	CU_ASSERT(data.test_samples == 10000 && strstr(data.note, "test_batch") == NULL);
	qmac_dataset_free(&data);
}

static void test_gzip(void)
{
	struct stat whole;
	char path[600];
	FILE *file;
	int bytes;

	for (off_t missing = 1; missing < 30; missing += 3) {
		fill("cut", 0);
		zip("cut", 0, 1, make(0, 1, counts[0][1]));
		snprintf(path, sizeof path, "%s", path_of("cut", 0, 1, ".gz"));
		CU_ASSERT_FATAL(stat(path, &whole) == 0 && truncate(path, whole.st_size - missing) == 0);
		refuse("cut", 0, 1, ".gz", "the file ends too early; fetch it again");
	}
	bytes = make(0, 1, counts[0][1]);
	zip("cut", 0, 1, bytes);
	file = fopen(path, "r+b");
	CU_ASSERT_FATAL(file && fseek(file, -6, SEEK_END) == 0 && fputc(0x5A, file) == 0x5A &&
	                fputc(0xA5, file) == 0xA5 && fclose(file) == 0);
	refuse("cut", 0, 1, ".gz", "incorrect data check");
}

/* The version for Python, in its folder or under the names of the binary one. */
static void test_python(void)
{
	static const char *const pickles[] = {"test_batch", "test"};
	char name[100], message[100];

	for (int set = 0; set < 2; set++) {
		fill("pickles", set);
		CU_ASSERT_FATAL(unlink(path_of("pickles", set, 0, "")) == 0);
		snprintf(message, sizeof message, "it is in the archive %s; `make data` says", archives[set]);
		refuse("pickles", set, 0, "", message);
		snprintf(name, sizeof name, "pickles/%s", pickles[set]);
		config_bytes(name, "\x80\2}q\1(U\tbatch_label", 17);
		snprintf(message, sizeof message, "the folder has the version for Python; fetch the binary one, %s",
		         archives[set]);
		refuse("pickles", set, 0, "", message);
		snprintf(name, sizeof name, "pickles/%s", names[set][0]);
		config_bytes(name, "\x80\2}q\1(U\tbatch_label", 17);
		refuse("pickles", set, 0, "", "; it is a pickle of Python");
	}
}

/* ---- a run ------------------------------------------------------------------------------- */

static enum qmac_status configure(struct qmac_run_config *config, const char *set, struct qmac_error *err)
{
	const struct qmac_setting settings[] = {
		{"hw", "configs/hw/8x8_w8.yaml", "--hw"}, {"problem", "logistic_regression", "--set"},
		{"data", set, "--set"}, {NULL, test_folder(), "--data-dir"},
	};

	return qmac_run_config_load(config, NULL, settings, TEST_COUNT(settings), err);
}

/* The folder that the archive unpacks to is found in the data folder; none of its files is written over. */
static void test_folders(void)
{
	static const char *const words[] = {"cifar10", "cifar100"};
	static const char *const folders[] = {"cifar-10-batches-bin", "cifar-100-binary"};
	static const char *const python[] = {"cifar-10-batches-py", "cifar-100-python"};
	struct qmac_run_config config;
	struct qmac_error err = {0};
	char part[200];

	for (int set = 0; set < 2; set++) {
		snprintf(part, sizeof part, "': unpack %s in the data folder (`make data` says", archives[set]);
		test_refusal(configure(&config, words[set], &err), &err, part);
		CU_ASSERT_FATAL(mkdir(path_of(python[set], 0, -1, ""), 0700) == 0);
		snprintf(part, sizeof part, "%s beside it is the version for Python: unpack %s", python[set],
		         archives[set]);
		test_refusal(configure(&config, words[set], &err), &err, part);
		fill(folders[set], set);
		zip(folders[set], set, 0, make(set, 0, 2));
		CU_ASSERT_EQUAL_FATAL(configure(&config, words[set], &err), QMAC_OK);
		CU_ASSERT_STRING_EQUAL(config.run.file, path_of(folders[set], set, -1, ""));
		for (int file = 0; file < file_count(set); file++)
			test_refusal(qmac_run_check_outputs(&config, "out", path_of(folders[set], set, file,
			                                    file ? "" : ".gz"), &err), &err, "is a data file");
	}
}

/* ---- the published files ----------------------------------------------------------------- */

/* False: the folder is not there, which is said. */
static bool find_published(struct qmac_run *run)
{
	const char *folder = getenv("QMAC_DATA"), *home = getenv("HOME");
	char path[QMAC_PATH_MAX];

	snprintf(path, sizeof path, "%s%s/cifar-10-batches-bin", folder ? folder : home ? home : "",
	         folder ? "" : "/.cache/qmac/data");
	*run = (struct qmac_run){.data = QMAC_DATA_CIFAR10};
	snprintf(run->file, sizeof run->file, "%s", path);
	if (access(path, R_OK) == 0)
		return true;
	test_skip("there is no cifar-10-batches-bin in the data folder");
	return false;
}

/* What the normalisation goes by: means, and the mean of the deviations within single images, in 0..1. */
static void test_published(void)
{
	enum { PLANE = SIDE * SIDE };
	struct qmac_images images;
	struct qmac_error err = {0};
	struct qmac_run run;
	int occurs[10] = {0};

	if (!find_published(&run))
		return;
	CU_ASSERT_EQUAL_FATAL(qmac_images_load(&images, &run, &err), QMAC_OK);
	CU_ASSERT(images.data.samples == 50000 && images.data.test_samples == 10000 && !images.data.note[0]);
	for (int64_t i = 0; i < 60000; i++)
		occurs[(int)images.data.y[i]]++;
	for (int c = 0; c < 10; c++)
		CU_ASSERT_EQUAL(occurs[c], 6000);
	for (int c = 0; c < CHANNELS; c++) {
		double mean = 0, square = 0, deviations = 0;

		for (int64_t i = 0; i < 50000; i++) {
			const uint8_t *pixel = images.data.x.pixel + i * PIXELS + c * PLANE;
			int64_t sum = 0, squares = 0;

			for (int p = 0; p < PLANE; p++) {
				sum += pixel[p];
				squares += pixel[p] * pixel[p];
			}
			mean += (double)sum / PLANE / 255;
			square += (double)squares / PLANE / 255 / 255;
			deviations += sqrt((double)squares / PLANE - (double)(sum * sum) / PLANE / PLANE) / 255;
		}
		mean /= 50000;
		/* (0 - m) / s and (1 - m) / s of the table give m and s */
		CU_ASSERT(fabs((double)-images.value[c][0] /
		               (double)(images.value[c][255] - images.value[c][0]) - mean) < 1e-3);
		CU_ASSERT(fabs(1 / (double)(images.value[c][255] - images.value[c][0]) - deviations / 50000) < 1e-3);
		CU_ASSERT(sqrt(square / 50000 - mean * mean) > 0.24);
	}
	qmac_images_free(&images);
}

/* limit: 10000 is the first file. */
static void test_first_file(void)
{
	static const int first[10] = {1005, 974, 1032, 1016, 999, 937, 1030, 1001, 1025, 981};
	struct qmac_dataset data;
	struct qmac_run run;
	int occurs[10] = {0};

	if (!find_published(&run))
		return;
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_read_cifar(&data, run.data, run.file, 10000, 1, NULL), QMAC_OK);
	CU_ASSERT(data.samples == 10000 && data.test_samples == 1 && data.y[0] == 6);
	for (int64_t i = 0; i < 10000; i++)
		occurs[(int)data.y[i]]++;
	CU_ASSERT(memcmp(occurs, first, sizeof first) == 0);
	qmac_dataset_free(&data);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"what is read", test_read}, {"files behind the limit", test_behind_the_limit},
		{"notes", test_notes}, {"classes", test_classes}, {"sizes", test_sizes}, {"labels", test_labels},
		{"too many images", test_too_many}, {"damaged gzip files", test_gzip},
		{"the version for Python", test_python}, {"folders", test_folders},
		{"the published files", test_published}, {"the first file", test_first_file},
	};

	return test_main("test_cifar", cases, TEST_COUNT(cases));
}
