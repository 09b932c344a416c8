/*
 * CSV data sets: what is read, and the place and the reason of everything that is refused.
 */
#include <math.h>
#include <string.h>
#include <zlib.h>

#include "config_files.h"
#include "data/csv.h"
#include "test.h"

static struct qmac_run run_of(const char *file, const char *target)
{
	struct qmac_run run = {.data = QMAC_DATA_CSV};

	snprintf(run.file, sizeof run.file, "%s", file);
	snprintf(run.target, sizeof run.target, "%s", target);
	return run;
}

static enum qmac_status read_csv(struct qmac_dataset *data, const char *file, const char *target,
                                 struct qmac_error *err)
{
	struct qmac_run run = run_of(file, target);

	return qmac_dataset_read_csv(data, &run, err);
}

static struct qmac_dataset read_text(const char *text, const char *target)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};

	if (read_csv(&data, config_file("data.csv", text), target, &err) != QMAC_OK) {
		printf("\n    %s:%d:%d: %s\n", err.file, err.line, err.column, err.message);
		CU_FAIL_FATAL("must be read");
	}
	return data;
}

/* The file must be the three samples of two features 1 2 | 3, 4 5 | 6, -7 0.5 | 8e2. */
static void expect_three(const char *text, const char *target)
{
	static const double x[] = {1, 2, 4, 5, -7, .5}, y[] = {3, 6, 800};
	struct qmac_dataset data = read_text(text, target);

	CU_ASSERT_FATAL(data.samples == 3 && data.features == 2);
	CU_ASSERT(data.channels == 2 && data.height == 1 && data.width == 1);
	CU_ASSERT(data.test_samples == 0 && data.dx == 0 && !data.truth);
	CU_ASSERT_EQUAL(memcmp(data.x.real, x, sizeof x), 0);
	CU_ASSERT_EQUAL(memcmp(data.y, y, sizeof y), 0);
	qmac_dataset_free(&data);
}

static void forms(void)
{
	expect_three("1,2,3\n4,5,6\n-7,.5,8e2\n", "last");
	expect_three("1,2,3\r\n4,5,6\r\n-7,.5,8e2", "3");
	expect_three("1,2,3\r4,5,6\r-7,.5,8e2\r", "last");
	expect_three("a,b,y\r1,2,3\r\r\n4,5,6\n-7,.5,8e2", "y");
	expect_three("\xEF\xBB\xBF" "1,2,3\n4,5,6\n-7,.5,8e2\n", "last");
	expect_three("\xEF\xBB\xBF" "a,b,y\n1,2,3\n4,5,6\n-7,.5,8e2\n", "y");
	expect_three("\n a , b ,price\n\n 1 ,\t2,3 \n4,5,6\n \n-7,.5,+8E2\n\n\n", "price");
	expect_three("\"1\",\"2\",3\n\"4\" , \"5\",6\n-7,.5,\"8e2\"\r\n", "last");
	expect_three("\"a, b\",\"say \"\"hi\"\"\",\"\"\n1,2,3\n4,5,6\n-7,.5,8e2\n", "last");
}

static void targets(void)
{
	expect_three("3,1,2\n6,4,5\n8e2,-7,.5\n", "1");
	expect_three("a,y,b\n1,3,2\n4,6,5\n-7,8e2,.5\n", "y");
	expect_three("a,y,b\n1,3,2\n4,6,5\n-7,8e2,.5\n", "2");
	expect_three("a,say \"y\",b\n1,3,2\n4,6,5\n-7,8e2,.5\n", "say \"y\"");
	expect_three("a,\"say \"\"y\"\"\",b\n1,3,2\n4,6,5\n-7,8e2,.5\n", "say \"y\"");
	/* A name goes before a meaning. */
	expect_three("last,a,b\n3,1,2\n6,4,5\n8e2,-7,.5\n", "last");
}

static void refuse(const char *text, const char *target, int line, int column, const char *message)
{
	const char *file = config_file("bad.csv", text);
	struct qmac_dataset data;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(read_csv(&data, file, target, &err), QMAC_BAD_INPUT);
	check_error(&err, file, line, column, message);
	qmac_dataset_free(&data);
}

static void rows_refused(void)
{
	refuse("", "last", 0, 0, "empty: no data");
	refuse("\n \r\n\n", "last", 0, 0, "empty: no data");
	refuse("a,b\n", "last", 0, 0, "a header, but no data");
	refuse("1,2,3\n4,5\n", "last", 2, 4, "2 fields, but the first line has 3");
	refuse("a,b,c\n1,2,3\n4,5,6,77\n", "last", 3, 7, "4 fields, but the first line has 3");
	refuse("a,b,c\n1,2,3,\n", "last", 2, 7, "4 fields, but the first line has 3");
	refuse("a,b,c\n1,,3\n", "last", 2, 3, "column 2 (b): no value; fill it in or remove the line");
	refuse("1,2,3\n1,2,\r\n", "last", 2, 5, "column 3: no value");
	refuse("1,2\n3,4\n\n 5 , NA\n", "last", 4, 6, "column 2: 'NA' is a missing value; fill it in");
	refuse("1,2\n3,-\n", "last", 2, 3, "column 2: '-' is a missing value");
	refuse("1,2\n3,-nan\n", "last", 2, 3, "column 2: '-nan' is a missing value");
	refuse("1,2\n3,0x1p3\n", "last", 2, 3, "not '0x1p3'");
	refuse("1,2\ninf,3\n", "last", 2, 1, "'inf' is not finite; put a number there or remove the line");
	refuse("1,2\n1e999,3\n", "last", 2, 1, "1e999 is too large");
	refuse("1,2\n1 2,3\n", "last", 2, 1, "not '1 2'");
	refuse("1,2\n3,\"4\n", "last", 2, 3, "the quote is not closed in this line");
	refuse("1,2\n\"3\"x,4\n", "last", 2, 4, "expected a comma behind the closing quote");
	refuse("1,2\n3,4\"5\"\n", "last", 2, 3, "not '4\"5\"'");
	refuse("1\n2\n", "last", 1, 1, "one column only");
	refuse("1|2|3\n", "last", 1, 1, "commas, semicolons, tabs or blanks separate the fields");
}

static void first_line_refused(void)
{
	refuse("a,2,3\n4,5,6\n", "last", 1, 1,
	       "not 'a'; other fields of this first line are numbers, so that it is neither data nor a header");
	refuse("1,2,\n4,5,6\n", "last", 1, 5, "column 3: no value; fill it in or remove the line; other fields");
	refuse("1,NaN,3\n", "last", 1, 3, "column 2: 'NaN' is a missing value; fill it in");
	refuse("-1 3:1 7:2\n", "last", 1, 4, "neither data nor a header, which has names only; index:value is");
	refuse("AveRooms,Age,Price\n1,2,3\n", "price", 1, 1,
	       "target: unknown column 'price'; did you mean 'Price'?; there are 3 columns: give a name, 1..3");
	refuse("1,2,3\n", "price", 1, 1, "the file has no header, so there is no column 'price'");
	refuse("1,2,3\n", "0", 1, 1, "there is no column '0'; there are 3 columns: give 1..3 or last");
	refuse("1,2,3\n", "4", 1, 1, "target: there is no column '4'; there are 3 columns: give 1..3 or last");
	refuse("a,b,c\n1,2,3\n", "4", 1, 1, "no column '4'; there are 3 columns: give a name, 1..3 or last");
	refuse("a,b,c\n1,2,3\n", "-1", 1, 1, "target: there is no column '-1'; there are 3 columns");
	refuse("a,b,c\n1,2,3\n", "z", 1, 1, "target: unknown column 'z'; use one of a, b, c; there are");
	refuse("a,b,a\n1,2,3\n", "a", 1, 1, "target: several columns are called 'a'; there are 3 columns");
}

static void files_refused(void)
{
	static const char bytes[] = "1,2\n3,\0004\n";
	struct qmac_dataset data;
	struct qmac_error err = {0};
	const char *file = config_bytes("nul.csv", bytes, sizeof bytes - 1);

	CU_ASSERT_EQUAL(read_csv(&data, file, "last", &err), QMAC_BAD_INPUT);
	check_error(&err, file, 2, 3, "a NUL byte: not a text file");
	qmac_dataset_free(&data);
	CU_ASSERT_EQUAL(read_csv(&data, "no/such.csv", "last", &err), QMAC_BAD_INPUT);
	check_error(&err, "no/such.csv", 0, 0, "cannot open: No such file");
	CU_ASSERT_EQUAL(read_csv(&data, test_folder(), "last", &err), QMAC_BAD_INPUT);
	check_error(&err, test_folder(), 0, 0, "this is a folder: give the name of a file");
	CU_ASSERT_EQUAL(read_csv(&data, "no/such.csv", "last", NULL), QMAC_BAD_INPUT);
}

/* Files of other formats are named, with what makes a readable one of them. */
static void foreign_files(void)
{
	static const struct {
		const char *bytes, *message;
		size_t count;
	} cases[] = {
		{"\xFD" "7zXZ\0\0\4", "compressed by xz: unpack it with `xz -d FILE`", 8},
		{"BZh91AY&SY", "compressed by bzip2: unpack it with `bzip2 -d FILE`", 10},
		{"\x28\xB5\x2F\xFD\x24", "compressed by zstd: unpack it with `zstd -d FILE`", 5},
		{"PK\3\4\24\0", "a zip archive: unpack it with `unzip FILE`; where it is a spreadsheet", 6},
		{"PAR1\25\4", "Parquet: write it as CSV, for example by pandas", 6},
		{"\x89HDF\r\n\x1a\n", "HDF5: write its table as CSV", 8},
		{"\x93NUMPY\1\0", "a NumPy array: write it as CSV", 8},
		{"\xFF\xFE" "1\0,\0", "text in UTF-16: write it as UTF-8", 6},
		{"\x80\2}q\1", "a pickle of Python: write a table as CSV", 5},
		{"<!DOCTYPE html>\n<html>\n", "a web page, not data: fetch the file itself", 23},
		{"\0\0\x08\x03\0\0", "an IDX file of images: set data to mnist", 6},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *file = config_bytes("foreign.csv", cases[i].bytes, cases[i].count);
		struct qmac_dataset data;
		struct qmac_error err = {0};

		CU_ASSERT_EQUAL(read_csv(&data, file, "last", &err), QMAC_BAD_INPUT);
		check_error(&err, file, 0, 0, cases[i].message);
		qmac_dataset_free(&data);
	}
}

/* Every kind of line end, also where it falls between two reads of the file, counts as one. */
static void line_ends(void)
{
	enum { ROWS = 40000, BYTES = ROWS * 16 };
	static const char *const ends[] = {"\n", "\r\n", "\r"};
	static char text[BYTES];

	for (int k = 0; k < 3; k++) {
		struct qmac_dataset data;
		struct qmac_error err = {0};
		size_t used = 0;
		const char *file;

		for (int i = 0; i < ROWS; i++)
			used += (size_t)sprintf(text + used, "%d,%d%s", i % 1000, i % 7, ends[k]);
		file = config_bytes("ends.csv", text, used);
		CU_ASSERT_EQUAL_FATAL(read_csv(&data, file, "last", NULL), QMAC_OK);
		CU_ASSERT(data.samples == ROWS && data.x.real[ROWS - 1] == 999 && data.y[ROWS - 1] == 39999 % 7);
		qmac_dataset_free(&data);
		strcpy(text + used, "x,1");
		file = config_bytes("ends.csv", text, used + 3);
		CU_ASSERT_EQUAL(read_csv(&data, file, "last", &err), QMAC_BAD_INPUT);
		check_error(&err, file, ROWS + 1, 1, "not 'x'");
		qmac_dataset_free(&data);
	}
}

static void too_many_columns(void)
{
	enum { COLUMNS = 65538 };
	static char text[2 * COLUMNS + 1];
	struct qmac_dataset data;
	struct qmac_error err = {0};
	const char *file;

	for (int i = 0; i < COLUMNS; i++)
		memcpy(text + 2 * i, "1,", 2);
	text[2 * COLUMNS - 1] = '\n';
	file = config_bytes("wide.csv", text, 2 * COLUMNS);
	CU_ASSERT_EQUAL(read_csv(&data, file, "last", &err), QMAC_BAD_INPUT);
	check_error(&err, file, 1, 2 * 65537 + 1, "more than 65536 features");
	qmac_dataset_free(&data);
	/* one column less is read */
	text[2 * COLUMNS - 3] = '\n';
	file = config_bytes("wide.csv", text, 2 * COLUMNS - 2);
	CU_ASSERT_EQUAL(read_csv(&data, file, "last", &err), QMAC_OK);
	CU_ASSERT(data.samples == 1 && data.features == 65536);
	qmac_dataset_free(&data);
}

/* Random numbers, lines of every length around the reader's buffer; plain and gzip give the same bits. */
static void many_rows(void)
{
	enum { ROWS = 3000, COLUMNS = 7 };
	static double wanted[ROWS][COLUMNS];
	uint64_t state = test_seed();
	char path[512], zipped[520];
	FILE *out;
	gzFile archive;

	snprintf(path, sizeof path, "%s/many.csv", test_folder());
	snprintf(zipped, sizeof zipped, "%s.gz", path);
	out = fopen(path, "w");
	archive = gzopen(zipped, "wb");
	CU_ASSERT_FATAL(out && archive);
	for (int i = 0; i < ROWS; i++) {
		for (int j = 0; j < COLUMNS; j++) {
			int digits = (int)(test_random(&state) % 17) + 1;
			char number[400];

			wanted[i][j] = ldexp((double)(int64_t)test_random(&state), (int)(test_random(&state) % 90) - 120);
			/* zeros in front make lines of any length */
			snprintf(number, sizeof number, "%s%s%0*d%.*e", j ? "," : "", j % 2 ? " " : "",
			         i % 40 == 0 ? 200 : 1, 0, digits, fabs(wanted[i][j]));
			wanted[i][j] = strtod(strchr(number, '0'), NULL);
			fputs(number, out);
			gzputs(archive, number);
		}
		fputc('\n', out);
		gzputs(archive, "\n");
	}
	fclose(out);
	gzclose(archive);
	for (int k = 0; k < 2; k++) {
		struct qmac_dataset data;

		CU_ASSERT_EQUAL_FATAL(read_csv(&data, k ? zipped : path, "4", NULL), QMAC_OK);
		CU_ASSERT_FATAL(data.samples == ROWS && data.features == COLUMNS - 1);
		for (int i = 0; i < ROWS; i++) {
			CU_ASSERT_EQUAL(data.y[i], wanted[i][3]);
			for (int j = 0; j < COLUMNS; j++)
				if (j != 3 && data.x.real[i * (COLUMNS - 1) + j - (j > 3)] != wanted[i][j])
					CU_FAIL_FATAL("value");
		}
		qmac_dataset_free(&data);
	}
}

/* A gzip file that lost its end must not pass for a shorter one. */
static void truncated_archive(void)
{
	char path[512];
	static char bytes[4096];
	struct qmac_dataset data;
	struct qmac_error err = {0};
	const char *file;
	size_t size;
	gzFile archive;
	FILE *in;

	snprintf(path, sizeof path, "%s/whole.gz", test_folder());
	archive = gzopen(path, "wb");
	for (int i = 0; i < 300; i++)
		gzprintf(archive, "%d,%d\n", i * i, i);
	gzclose(archive);
	in = fopen(path, "rb");
	size = fread(bytes, 1, sizeof bytes, in);
	fclose(in);
	CU_ASSERT_FATAL(size > 100 && size < sizeof bytes);
	for (size_t cut = 1; cut < 90; cut += 11) {
		file = config_bytes("cut.gz", bytes, size - cut);
		CU_ASSERT_EQUAL(read_csv(&data, file, "last", &err), QMAC_BAD_INPUT);
		check_error(&err, file, 0, 0, "the compressed file ends too early");
		qmac_dataset_free(&data);
	}
	bytes[size / 2] = (char)~bytes[size / 2];
	file = config_bytes("damaged.gz", bytes, size);
	CU_ASSERT_EQUAL(read_csv(&data, file, "last", &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.file, file);
	qmac_dataset_free(&data);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"forms", forms},
		{"targets", targets},
		{"rows refused", rows_refused},
		{"first line refused", first_line_refused},
		{"files refused", files_refused},
		{"files of other formats", foreign_files},
		{"line ends", line_ends},
		{"too many columns", too_many_columns},
		{"many rows, plain and gzip", many_rows},
		{"truncated and damaged archives", truncated_archive},
	};

	return test_main("test_csv", cases, TEST_COUNT(cases));
}
