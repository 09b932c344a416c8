/*
 * IDX files, plain and gzip: what is read, and what is refused with which message.
 */
#define _XOPEN_SOURCE 700
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "config_files.h"
#include "data/idx.h"
#include "dataset_rows.h"
#include "run/inputs.h"

enum { TRAIN = 5, TEST = 3, HEIGHT = 2, WIDTH = 3, PIXELS = HEIGHT * WIDTH };

static const char *const names[] = {
	"train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte",
};

struct bytes {
	uint8_t byte[128];
	size_t count;
};

static void append(struct bytes *file, uint32_t number)
{
	for (int i = 3; i >= 0; i--)
		file->byte[file->count++] = (uint8_t)(number >> (8 * i));
}

static uint8_t pixel(int part, int image, int i)
{
	return (uint8_t)(part * 50 + image * 10 + i * 41);
}

/* File `which` of a small data set, in the order of `names`. */
static struct bytes content(int which)
{
	int part = which / 2, rows = part ? TEST : TRAIN;
	struct bytes file = {.count = 0};

	append(&file, which % 2 ? 0x801 : 0x803);
	append(&file, (uint32_t)rows);
	if (which % 2 == 0) {
		append(&file, HEIGHT);
		append(&file, WIDTH);
	}
	for (int i = 0; i < rows; i++) {
		if (which % 2)
			file.byte[file.count++] = (uint8_t)((i + part) % 3 + 4);
		for (int j = 0; which % 2 == 0 && j < PIXELS; j++)
			file.byte[file.count++] = pixel(part, i, j);
	}
	return file;
}

static void write_file(const char *folder, int which, const struct bytes *file)
{
	char name[100];

	snprintf(name, sizeof name, "%s/%s", folder, names[which]);
	config_bytes(name, (const char *)file->byte, file->count);
}

static const char *path_of(const char *folder, int which, const char *ending)
{
	static char path[600];

	snprintf(path, sizeof path, "%s/%s%s%s%s", test_folder(), folder, which < 0 ? "" : "/",
	         which < 0 ? "" : names[which], ending);
	return path;
}

/* A folder with the four files as they should be. */
static void fill(const char *folder)
{
	(void)mkdir(path_of(folder, -1, ""), 0700);
	for (int which = 0; which < 4; which++) {
		struct bytes file = content(which);

		(void)unlink(path_of(folder, which, ".gz"));
		write_file(folder, which, &file);
	}
}

static enum qmac_status read_set(struct qmac_dataset *data, const char *folder, int64_t limit,
                                 int64_t test_limit, struct qmac_error *err)
{
	return qmac_dataset_read_idx(data, path_of(folder, -1, ""), &qmac_idx_mnist, limit, test_limit, err);
}

static void check_read(const char *folder, int64_t limit, int64_t test_limit, int64_t samples, int64_t test)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};
	double *x;

	if (read_set(&data, folder, limit, test_limit, &err) != QMAC_OK) {
		printf("%s: %s\n", err.file, err.message);
		CU_FAIL_FATAL("must read");
	}
	CU_ASSERT_FATAL(data.samples == samples && data.test_samples == test && data.features == PIXELS);
	CU_ASSERT(data.channels == 1 && data.height == HEIGHT && data.width == WIDTH);
	x = dataset_rows(&data);
	for (int i = 0; i < samples + test; i++) {
		int part = i >= samples, image = part ? i - (int)samples : i;

		CU_ASSERT_EQUAL(data.y[i], (image + part) % 3 + 4);
		for (int j = 0; j < PIXELS; j++)
			CU_ASSERT_EQUAL(x[i * PIXELS + j], pixel(part, image, j) / 255.0);
	}
	free(x);
	qmac_dataset_free(&data);
}

static void zip(const char *folder, int which)
{
	struct bytes file = content(which);
	gzFile out = gzopen(path_of(folder, which, ".gz"), "wb");

	CU_ASSERT_FATAL(out && gzwrite(out, file.byte, (unsigned)file.count) == (int)file.count);
	CU_ASSERT_FATAL(gzclose(out) == Z_OK && unlink(path_of(folder, which, "")) == 0);
}

static void test_read(void)
{
	fill("good");
	check_read("good", 0, 0, TRAIN, TEST);
	check_read("good", 2, 0, 2, TEST);
	check_read("good", 100, 100, TRAIN, TEST);
	check_read("good", 2, 1, 2, 1);
	zip("good", 0);
	zip("good", 3);
	check_read("good", 0, 0, TRAIN, TEST);
	check_read("good", 1, 1, 1, 1);
}

/* The same quantised, against the definition for each pixel; the test part has the larger pixels. */
static void check_quantised(int bits, bool bias)
{
	struct qmac_dataset data;
	double limit = (1 << (bits - 1)) - 1, largest = bias ? 1 : 0, *x;
	int16_t *codes;

	CU_ASSERT_EQUAL_FATAL(read_set(&data, "good", 2, 0, NULL), QMAC_OK);
	if (bias)
		qmac_dataset_add_bias(&data);
	qmac_dataset_quantise(&data, bits);
	CU_ASSERT_FATAL(data.cell == QMAC_CELL_PIXEL && data.features == PIXELS + bias);
	for (int i = 0; i < 2 * PIXELS; i++)
		largest = fmax(largest, pixel(0, i / PIXELS, i % PIXELS) / 255.0);
	CU_ASSERT_EQUAL(data.dx, largest / limit);
	x = dataset_rows(&data);
	codes = dataset_codes(&data);
	for (int64_t at = 0; at < (2 + TEST) * data.features; at++) {
		int row = (int)(at / data.features), j = (int)(at % data.features);
		double value = j == PIXELS ? 1 : pixel(row >= 2, row >= 2 ? row - 2 : row, j) / 255.0;

		CU_ASSERT_EQUAL(codes[at], fmin(rint(value / data.dx), limit));
		CU_ASSERT_EQUAL(x[at], data.dx * codes[at]);
	}
	free(x);
	free(codes);
	qmac_dataset_free(&data);
}

static void test_quantised(void)
{
	fill("good");
	for (int bits = 2; bits <= 16; bits++) {
		check_quantised(bits, false);
		check_quantised(bits, true);
	}
}

static void refuse(const char *folder, int which, const char *ending, const char *message)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};
	enum qmac_status status = read_set(&data, folder, 0, 0, &err);

	qmac_dataset_free(&data);
	CU_ASSERT_EQUAL(status, QMAC_BAD_INPUT);
	check_error(&err, path_of(folder, which, ending), 0, 0, message);
}

/* One file with `count` bytes, one of them changed (at < 0: none). */
static void spoil(int which, size_t count, int at, uint8_t value, const char *message)
{
	struct bytes file = content(which);

	fill("bad");
	file.count = count ? count : file.count;
	if (at >= 0)
		file.byte[at] = value;
	write_file("bad", which, &file);
	refuse("bad", which, "", message);
}

/* As many pixels, but lines and columns exchanged. */
static void turn_images(int which)
{
	struct bytes file = content(which);

	fill("bad");
	file.byte[11] = WIDTH;
	file.byte[15] = HEIGHT;
	write_file("bad", which, &file);
}

static void test_refusals(void)
{
	spoil(0, 0, 3, 1, "not an IDX file of bytes in 3 dimensions: it starts with 00000801, not 00000803");
	spoil(1, 0, 3, 3, "not an IDX file of bytes in 1 dimensions: it starts with 00000803, not 00000801");
	spoil(2, 0, 2, 13, "it starts with 00000d03");
	spoil(0, 0, 7, 0, "a dimension is 0");
	spoil(0, 0, 4, 127, "more than 2^30 values");
	spoil(0, 0, 13, 1, "an image has more than 65536 pixels");
	spoil(1, 0, 7, TRAIN + 1, "6 labels for 5 images");
	spoil(3, 0, 7, TEST - 1, "2 labels for 3 images");
	spoil(2, 0, 15, WIDTH - 1, "its images have another size than those of the training part");
	turn_images(2);
	refuse("bad", 2, "", "its images have another size than those of the training part");
	for (int which = 0; which < 4; which++) {
		spoil(which, content(which).count - 1, -1, 0, "the file ends too early; fetch it again");
		spoil(which, content(which).count + 1, -1, 0, "more bytes than its dimensions say");
		spoil(which, 3, -1, 0, "the file ends too early; fetch it again");
	}
	fill("bad");
	CU_ASSERT_FATAL(unlink(path_of("bad", 2, "")) == 0);
	refuse("bad", 2, "", "no such file, nor one with a dot before idx or with .gz behind its name; `make");
}

/* The file under its name with a dot. */
static void rename_dotted(const char *folder, int which, const char *ending)
{
	char from[600], to[600];

	snprintf(from, sizeof from, "%s", path_of(folder, which, ending));
	snprintf(to, sizeof to, "%s", from);
	*(strstr(to, "-idx")) = '.';
	CU_ASSERT_EQUAL_FATAL(rename(from, to), 0);
}

/* Copies of MNIST come with dots; what unpacks one of them makes folders of the names with dashes. */
static void test_spellings(void)
{
	char path[600];

	fill("dotted");
	for (int which = 0; which < 4; which++) {
		const char *ending = which % 2 ? ".gz" : "";

		if (which % 2)
			zip("dotted", which);
		rename_dotted("dotted", which, ending);
		check_read("dotted", 0, 0, TRAIN, TEST);
		snprintf(path, sizeof path, "%s", path_of("dotted", which, ""));
		CU_ASSERT_EQUAL_FATAL(mkdir(path, 0700), 0);
		check_read("dotted", 0, 0, TRAIN, TEST);
		CU_ASSERT_EQUAL_FATAL(rmdir(path), 0);
	}
	/* of two, the one with the dash */
	fill("dotted");
	config_file("dotted/t10k-labels.idx1-ubyte", "nothing of the kind");
	check_read("dotted", 0, 0, TRAIN, TEST);
}

/* Archives of other kinds under these names. */
static void test_foreign(void)
{
	spoil(0, 0, 0, 0xFD, "it starts with fd000803");
	fill("bad");
	config_bytes("bad/t10k-images-idx3-ubyte", "\xFD" "7zXZ\0\0\4", 8);
	refuse("bad", 2, "", "not 00000803; it is compressed by xz");
	fill("bad");
	config_bytes("bad/t10k-labels-idx1-ubyte", "PK\3\4....", 8);
	refuse("bad", 3, "", "not 00000801; it is a zip archive: unpack it with `unzip FILE`");
}

/* A gzip file that was cut off: in its values, or in the checksum and the length behind them. */
static void test_cut(void)
{
	for (int which = 0; which < 4; which++)
		for (off_t missing = 1; missing <= 12; missing++) {
			struct stat whole;
			char path[600];

			fill("cut");
			zip("cut", which);
			snprintf(path, sizeof path, "%s", path_of("cut", which, ".gz"));
			CU_ASSERT_FATAL(stat(path, &whole) == 0 && truncate(path, whole.st_size - missing) == 0);
			refuse("cut", which, ".gz", "the file ends too early; fetch it again");
		}
}

/* Several gzip files behind each other are one. */
static void test_members(void)
{
	struct bytes file = content(0);
	const size_t ends[] = {20, file.count};
	size_t from = 0;

	fill("members");
	CU_ASSERT_FATAL(unlink(path_of("members", 0, "")) == 0);
	for (int i = 0; i < 2; from = ends[i++]) {
		gzFile out = gzopen(path_of("members", 0, ".gz"), "ab");
		int count = (int)(ends[i] - from);

		CU_ASSERT_FATAL(out && gzwrite(out, file.byte + from, (unsigned)count) == count);
		CU_ASSERT_FATAL(gzclose(out) == Z_OK);
	}
	check_read("members", 0, 0, TRAIN, TEST);
}

/* ---- classes -------------------------------------------------------------------------- */

static enum qmac_status classify(struct qmac_dataset *data, int classes, struct qmac_error *err)
{
	const struct qmac_run run = {.classes = classes};

	return qmac_dataset_classify(data, &run, err);
}

static void test_classes(void)
{
	static const double labels[] = {3, -1, 0.5, 3, -1, -1};
	struct qmac_dataset data;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL_FATAL(qmac_dataset_allocate(&data, 6, 1, false, NULL), QMAC_OK);
	memcpy(data.y, labels, sizeof labels);
	CU_ASSERT_EQUAL(classify(&data, 2, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "more than 2 different targets: raise classes") != NULL);
	CU_ASSERT_EQUAL_FATAL(classify(&data, 0, &err), QMAC_OK);
	CU_ASSERT_EQUAL(data.classes, 3);
	CU_ASSERT(data.y[0] == 2 && data.y[1] == 0 && data.y[2] == 1 && data.y[3] == 2 && data.y[5] == 0);
	data.classes = 0;
	CU_ASSERT_EQUAL_FATAL(classify(&data, 7, &err), QMAC_OK);
	CU_ASSERT(data.classes == 7 && data.y[0] == 2);
	data.classes = 0;
	qmac_dataset_limit(&data, 9);
	CU_ASSERT_EQUAL(data.samples, 6);
	qmac_dataset_limit(&data, 1);
	CU_ASSERT_EQUAL(data.samples, 1);
	CU_ASSERT_EQUAL(classify(&data, 0, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "all targets are 2: there are no classes") != NULL);
	qmac_dataset_free(&data);

	CU_ASSERT_EQUAL_FATAL(qmac_dataset_allocate(&data, 2000, 1, false, NULL), QMAC_OK);
	for (int i = 0; i < 2000; i++)
		data.y[i] = i * 0.37;
	CU_ASSERT_EQUAL(classify(&data, 0, &err), QMAC_BAD_INPUT);
	CU_ASSERT(strstr(err.message, "more than 1024 different targets: these are no classes") != NULL);
	qmac_dataset_free(&data);
}

/* The four files are what a run reads, whatever their spelling: none is written over. */
static void test_not_written_over(void)
{
	struct qmac_run_config config = {.run = {.data = QMAC_DATA_MNIST}};
	struct qmac_error err;
	char trace[700];

	fill("inputs");
	snprintf(config.run.file, sizeof config.run.file, "%s", path_of("inputs", -1, ""));
	zip("inputs", 2);
	for (int which = 0; which < 4; which++) {
		snprintf(trace, sizeof trace, "%s", path_of("inputs", which, which == 2 ? ".gz" : ""));
		CU_ASSERT_EQUAL(qmac_run_check_outputs(&config, "out", trace, &err), QMAC_BAD_INPUT);
		CU_ASSERT(strstr(err.message, trace) && strstr(err.message, "is a data file: write elsewhere"));
	}
	snprintf(trace, sizeof trace, "%s", path_of("inputs", -1, "/t.trace"));
	CU_ASSERT_EQUAL(qmac_run_check_outputs(&config, "out", trace, &err), QMAC_OK);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"what is read", test_read},
		{"not written over", test_not_written_over},
		{"quantised", test_quantised},
		{"other spellings", test_spellings},
		{"what is refused", test_refusals},
		{"archives", test_foreign},
		{"a gzip file that ends too early", test_cut},
		{"a gzip file of several", test_members},
		{"classes", test_classes},
	};

	return test_main("test_idx", cases, TEST_COUNT(cases));
}
