/*
 * How much memory a run takes, against the formulas of docs/data.md: the largest resident size of a child
 * process that trains on many samples, less that of one which does the same on few.
 */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shipped_hw.h"
#include "test.h"
#include "run/train.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, CLASSES = 10, FEW = 500, IMAGES = 60000, TEST_IMAGES = 20000 };
enum { ROWS = 30000, FEATURES = 400, FILLED = 4, STEPS = 20, BATCH = 8 };

static const double megabyte = 1 << 20;

/* ---- data sets ------------------------------------------------------------------ */

static void put_number(FILE *file, uint32_t number)
{
	for (int shift = 24; shift >= 0; shift -= 8)
		fputc((int)(number >> shift & 255), file);
}

/* Images that are black but for a pixel of the first; the file system keeps nothing but that. */
static void write_part(const char *folder, const char *part, uint32_t images)
{
	char path[600];
	FILE *file;

	snprintf(path, sizeof path, "%s/%s-images-idx3-ubyte", folder, part);
	file = fopen(path, "wb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	put_number(file, 0x803);
	put_number(file, images);
	put_number(file, SIDE);
	put_number(file, SIDE);
	fputc(200, file);
	fflush(file);
	CU_ASSERT_EQUAL_FATAL(ftruncate(fileno(file), 16 + (off_t)images * PIXELS), 0);
	fclose(file);
	snprintf(path, sizeof path, "%s/%s-labels-idx1-ubyte", folder, part);
	file = fopen(path, "wb");
	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	put_number(file, 0x801);
	put_number(file, images);
	for (uint32_t i = 0; i < images; i++)
		fputc((int)(i % CLASSES), file);
	fclose(file);
}

static void write_images(const char *folder, uint32_t images, uint32_t test_images)
{
	CU_ASSERT_EQUAL_FATAL(mkdir(folder, 0700), 0);
	write_part(folder, "train", images);
	write_part(folder, "t10k", test_images);
}

/* A LIBSVM file with FILLED values in each row. */
static void write_table(const char *path, int rows)
{
	FILE *file = fopen(path, "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	for (int i = 0; i < rows; i++)
		fprintf(file, "%d 1:%d 2:1 7:-2 %d:3\n", i % 5, i % 11, FEATURES);
	fclose(file);
}

/* ---- memory --------------------------------------------------------------------- */

static struct qmac_run make_run(enum qmac_data data, enum qmac_algorithm algorithm, const char *file)
{
	struct qmac_run run = {
		.problem = data == QMAC_DATA_MNIST ? QMAC_PROBLEM_LOGISTIC_REGRESSION :
		                                     QMAC_PROBLEM_LINEAR_REGRESSION,
		.data = data, .algorithm = algorithm, .bits = 8, .x_bits = 8, .frac_bits = 16, .mp_bits = 16,
		.alpha = 0.01, .delta = 1.0 / 64, .mu = 1, .batch = BATCH, .epochs = 1, .inner_steps = STEPS,
		.seed = 1, .backend = "cmodel", .kernel = "auto", .threads = 1,
	};

	snprintf(run.file, sizeof run.file, "%s", file);
	return run;
}

/* The largest resident size in bytes of a process that does the run. */
static double measure(const struct qmac_run *run)
{
	const struct qmac_hw hw = shipped_hw("16x16_w8");
	struct qmac_train_result result;
	struct rusage usage;
	int status = -1;
	pid_t child;

	fflush(NULL);
	child = fork();
	if (child == 0) {
		enum qmac_status trained = qmac_train(run, &hw, NULL, &result, NULL);

		free(result.weights);
		_exit((int)trained);
	}
	CU_ASSERT_FATAL(child > 0 && wait4(child, &status, 0, &usage) == child);
	CU_ASSERT_EQUAL_FATAL(status, 0);
	return (double)usage.ru_maxrss * 1024;
}

/* What the many samples take more than the few is `bytes`, and not much more or less. */
static void check(const char *what, struct qmac_run run, const char *few, double bytes)
{
	double many = measure(&run), least;

	snprintf(run.file, sizeof run.file, "%s", few);
	least = measure(&run);
	printf("(%s: %.1f MB of %.1f) ", what, (many - least) / megabyte, bytes / megabyte);
	CU_ASSERT(many - least < bytes + 2 * megabyte);
	CU_ASSERT(many - least > bytes - 2 * megabyte); /* or else this measures something else */
}

static bool skipped(void)
{
#ifdef TEST_SANITIZED
	test_skip("the address sanitizer has memory of its own");
	return true;
#else
	return false;
#endif
}

static void images(void)
{
	const double samples = IMAGES - FEW, all = IMAGES + TEST_IMAGES - 2 * FEW;
	const double kept = all * (PIXELS + 8), centre = samples * CLASSES * 8, device = 1.1 * samples * PIXELS;
	char many[500], few[500];

	if (skipped())
		return;
	snprintf(many, sizeof many, "%s/many", test_folder());
	snprintf(few, sizeof few, "%s/few", test_folder());
	write_images(many, IMAGES, TEST_IMAGES);
	write_images(few, FEW, FEW);
	check("sgd", make_run(QMAC_DATA_MNIST, QMAC_SGD, many), few, kept);
	check("svrg", make_run(QMAC_DATA_MNIST, QMAC_SVRG, many), few, kept + centre);
	check("lp_sgd", make_run(QMAC_DATA_MNIST, QMAC_LP_SGD, many), few, kept + device);
	check("halp", make_run(QMAC_DATA_MNIST, QMAC_HALP, many), few, kept + centre + device);
}

static void tables(void)
{
	const double samples = ROWS - FEW;
	char many[500], few[500];

	if (skipped())
		return;
	snprintf(many, sizeof many, "%s/many.svm", test_folder());
	snprintf(few, sizeof few, "%s/few.svm", test_folder());
	write_table(many, ROWS);
	write_table(few, FEW);
	/* while it is read; the arrays that grow with the file may be twice as large, but untouched */
	check("svrg", make_run(QMAC_DATA_LIBSVM, QMAC_SVRG, many), few,
	      samples * (8 * FEATURES + 16 + 16 * FILLED));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"images", images},
		{"tables", tables},
	};

	return test_main("test_data_memory", cases, TEST_COUNT(cases));
}
