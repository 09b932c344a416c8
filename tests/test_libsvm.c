/*
 * LIBSVM data sets: what is read, and the place and the reason of everything that is refused.
 */
#include <string.h>
#include <zlib.h>

#include "config_files.h"
#include "data/libsvm.h"
#include "test.h"

static enum qmac_status read_libsvm(struct qmac_dataset *data, const char *file, struct qmac_error *err)
{
	struct qmac_run run = {.data = QMAC_DATA_LIBSVM};

	snprintf(run.file, sizeof run.file, "%s", file);
	return qmac_dataset_read_libsvm(data, &run, err);
}

static struct qmac_dataset read_text(const char *text)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};

	if (read_libsvm(&data, config_file("data.svm", text), &err) != QMAC_OK) {
		printf("\n    %s:%d:%d: %s\n", err.file, err.line, err.column, err.message);
		CU_FAIL_FATAL("must be read");
	}
	return data;
}

/* -1 | 0 0 0.5 0, +1 | 0 0 0 0, 2.5e3 | 1 -2 0 9 */
static void expect_three(const char *text)
{
	static const double x[] = {0, 0, .5, 0, 0, 0, 0, 0, 1, -2, 0, 9}, y[] = {-1, 1, 2500};
	struct qmac_dataset data = read_text(text);

	CU_ASSERT_FATAL(data.samples == 3 && data.features == 4);
	CU_ASSERT(data.channels == 4 && data.height == 1 && data.width == 1);
	CU_ASSERT(data.test_samples == 0 && data.dx == 0 && !data.truth);
	CU_ASSERT_EQUAL(memcmp(data.x.real, x, sizeof x), 0);
	CU_ASSERT_EQUAL(memcmp(data.y, y, sizeof y), 0);
	qmac_dataset_free(&data);
}

static void forms(void)
{
	expect_three("-1 3:.5\n+1\n2.5e3 1:1 2:-2 4:9\n");
	expect_three("-1 3:.5 \r\n1 \r\n2.5e3 1:1 2:-2 4:9");
	expect_three("\xEF\xBB\xBF-1\t3:5e-1\n# nothing but a comment\n\n  1\n2.5e3  1:1 2:-2\t4:9 # 5:1\n");
	expect_three("-1 1:0 3:.5\n1 4:0\n2500 1:1 2:-2 3:0 4:9\n\n");
}

static void refuse(const char *text, int line, int column, const char *message)
{
	const char *file = config_file("bad.svm", text);
	struct qmac_dataset data;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(read_libsvm(&data, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, line, column, message);
	qmac_dataset_free(&data);
}

static void refusals(void)
{
	refuse("", 0, 0, "empty: no data");
	refuse("# a comment\n\n", 0, 0, "empty: no data");
	refuse("1\n-1\n", 0, 0, "no line has an index:value");
	refuse("1 1:1\n3:1 4:1\n", 2, 1, "a line starts with its target");
	refuse("1 1:1\n 1,2 1:1\n", 2, 2, "target: expected a decimal number such as");
	refuse("nan 1:1\n", 1, 1, "target: 'nan' is a missing value; fill it in or remove the line");
	refuse("1 1:1 2:1 2:1\n", 1, 11, "index 2 behind index 2: indices must rise");
	refuse("1 1:1\n-1 7:1 3:1\n", 2, 8, "index 3 behind index 7: indices must rise");
	refuse("1 0:1\n", 1, 3, "index 0: indices start at 1; scikit-learn's dump_svmlight_file");
	refuse("1 -1:1\n", 1, 3, "index: -1 is out of range 1..65536");
	refuse("1 65537:1\n", 1, 3, "index: 65537 is out of range 1..65536");
	refuse("1 qid:3 1:1\n", 1, 3, "qid: stands in data for ranking, which is not available; remove qid");
	refuse("\"1\" 1:1\n", 1, 1, "not '\"1\"'; there are no quotes in LIBSVM: remove them");
	refuse("1 \"1:1\"\n", 1, 3, "there are no quotes in LIBSVM: remove them");
	refuse("1 1:\"1\"\n", 1, 5, "there are no quotes in LIBSVM: remove them");
	refuse("1 1:?\n", 1, 5, "value: '?' is a missing value");
	refuse("1 1:-Inf\n", 1, 5, "value: '-Inf' is not finite");
	refuse("1,2:3\n", 1, 1, "a line starts with its target");
	refuse("1;2;3\n", 1, 1, "for a file with separators between columns set data: csv");
	refuse("1 2 3\n", 1, 3, "expected index:value; for a file of columns set data: csv");
	refuse("1 1.5:3\n", 1, 3, "not '1.5'");
	refuse("1 1:1 7\n", 1, 7, "expected index:value");
	refuse("1 1:1 7:\n", 1, 9, "value: no value; fill it in");
	refuse("1 1:1 7:x\n", 1, 9, "not 'x'");
	refuse("1 1:1 7: 3\n", 1, 9, "value: no value");
	refuse("1 1:2:3\n", 1, 5, "not '2:3'");
	refuse("1 1:1e999\n", 1, 5, "1e999 is too large");
	refuse("1,2,3\n", 1, 1, "not '1,2,3'");
}

static void too_large(void)
{
	enum { ROWS = 4097 }; /* 4096 rows of 65536 features are 2^28 values */
	static char text[ROWS * 2 + 16] = "1 65536:1\n";
	struct qmac_dataset data;
	struct qmac_error err = {0};
	size_t used = strlen(text);
	const char *file;

	for (int i = 1; i < ROWS; i++, used += 2)
		memcpy(text + used, "0\n", 2);
	file = config_bytes("large.svm", text, used);
	CU_ASSERT_EQUAL(read_libsvm(&data, file, &err), QMAC_BAD_INPUT);
	check_error(&err, file, ROWS, 1, "4097 samples of 65536 features are more than 2^28 values");
	CU_ASSERT_EQUAL(read_libsvm(&data, "no/such", &err), QMAC_BAD_INPUT);
	check_error(&err, "no/such", 0, 0, "cannot open: No such file");
	CU_ASSERT_EQUAL(read_libsvm(&data, test_folder(), &err), QMAC_BAD_INPUT);
	check_error(&err, test_folder(), 0, 0, "this is a folder: give the name of a file");
	CU_ASSERT_EQUAL(read_libsvm(&data, test_folder(), NULL), QMAC_BAD_INPUT);
}

/* A random sparse matrix comes back, from a plain and from a gzip file. */
static void random_matrix(void)
{
	enum { ROWS = 500, FEATURES = 60 };
	static double wanted[ROWS][FEATURES + 1]; /* the target last */
	uint64_t state = test_seed();
	char paths[2][512];
	FILE *out;
	gzFile archive;

	snprintf(paths[0], sizeof paths[0], "%s/random", test_folder());
	snprintf(paths[1], sizeof paths[1], "%s/random.gz", test_folder());
	out = fopen(paths[0], "w");
	archive = gzopen(paths[1], "wb");
	CU_ASSERT_FATAL(out && archive);
	for (int i = 0; i < ROWS; i++) {
		char line[FEATURES * 40], *end = line;

		wanted[i][FEATURES] = (double)(test_random(&state) % 1000) - 500;
		end += sprintf(end, "%g", wanted[i][FEATURES]);
		for (int j = 0; j < FEATURES; j++) {
			if (test_random(&state) % 5 && !(i == 0 && j == FEATURES - 1))
				continue;
			wanted[i][j] = (double)(int64_t)test_random(&state) * 0x1p-50;
			end += sprintf(end, " %d:%.17g", j + 1, wanted[i][j]);
		}
		fprintf(out, "%s\n", line);
		gzprintf(archive, "%s\n", line);
	}
	fclose(out);
	gzclose(archive);
	for (int k = 0; k < 2; k++) {
		struct qmac_dataset data;

		CU_ASSERT_EQUAL_FATAL(read_libsvm(&data, paths[k], NULL), QMAC_OK);
		CU_ASSERT_FATAL(data.samples == ROWS && data.features == FEATURES);
		for (int i = 0; i < ROWS; i++) {
			CU_ASSERT_EQUAL(data.y[i], wanted[i][FEATURES]);
			CU_ASSERT_EQUAL(memcmp(data.x.real + i * FEATURES, wanted[i], FEATURES * sizeof(double)), 0);
		}
		qmac_dataset_free(&data);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"forms", forms},
		{"refusals", refusals},
		{"too large", too_large},
		{"a random matrix, plain and gzip", random_matrix},
	};

	return test_main("test_libsvm", cases, TEST_COUNT(cases));
}
