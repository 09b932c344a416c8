/*
 * What users bring in tables of their own: separators, columns that are no features, a file for testing
 * beside that for training, and what is said of data that can be taken but may not be meant so.
 */
#include <string.h>

#include "config_files.h"
#include "data/csv.h"
#include "data/libsvm.h"
#include "data/separator.h"
#include "test.h"

enum { ROWS_MAX = 8, WIDTH_MAX = 4 };

/* What a file must give: features, rows of them, targets. */
struct wanted {
	int64_t samples, test_samples, features;
	double x[ROWS_MAX * WIDTH_MAX], y[ROWS_MAX];
};

/* 1 2 | 3, 4 5 | 6 */
static const struct wanted two_rows = {2, 0, 2, {1, 2, 4, 5}, {3, 6}};

static struct qmac_run run_of(const char *file, const char *test_file)
{
	struct qmac_run run = {.data = QMAC_DATA_CSV, .target = "last", .ignore = "none", .x_bits = 8};

	snprintf(run.file, sizeof run.file, "%s", file);
	snprintf(run.test_file, sizeof run.test_file, "%s", test_file);
	return run;
}

static enum qmac_status read_run(struct qmac_dataset *data, const struct qmac_run *run,
                                 struct qmac_error *err)
{
	return run->data == QMAC_DATA_CSV ? qmac_dataset_read_csv(data, run, err) :
	       qmac_dataset_read_libsvm(data, run, err);
}

/* note: part of what is said; "": nothing is said. */
static void expect(const struct qmac_run *run, const struct wanted *wanted, const char *note)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};
	size_t rows = (size_t)(wanted->samples + wanted->test_samples);

	if (read_run(&data, run, &err) != QMAC_OK) {
		printf("\n    %s:%d:%d: %s\n", err.file, err.line, err.column, err.message);
		CU_FAIL_FATAL("must be read");
	}
	CU_ASSERT_EQUAL_FATAL(data.samples, wanted->samples);
	CU_ASSERT_EQUAL_FATAL(data.test_samples, wanted->test_samples);
	CU_ASSERT_EQUAL_FATAL(data.features, wanted->features);
	CU_ASSERT_EQUAL(memcmp(data.x.real, wanted->x, rows * (size_t)data.features * sizeof(double)), 0);
	CU_ASSERT_EQUAL(memcmp(data.y, wanted->y, rows * sizeof(double)), 0);
	if (note[0] ? !strstr(data.note, note) : data.note[0]) {
		printf("\n    expected ...%s..., got %s\n", note, data.note);
		CU_FAIL("note");
	}
	qmac_dataset_free(&data);
}

static void refuse(const struct qmac_run *run, const char *file, int line, int column, const char *message)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(read_run(&data, run, &err), QMAC_BAD_INPUT);
	check_error(&err, file, line, column, message);
	qmac_dataset_free(&data);
}

/* ---- separators ----------------------------------------------------------------------- */

static void detection(void)
{
	static const struct {
		const char *text;
		enum qmac_separator separator, other;
	} cases[] = {
		{"", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_AUTO},
		{"1\n2\n", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_AUTO},
		{"1,2,3\n4,5,6\n", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_AUTO},
		{"1,2", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_AUTO},
		{"1, 2, 3\n4, 5, 6\n", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_AUTO},
		{"a;b;c\n4;5;6\n", QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_AUTO},
		{"a\tb\n4\t5\n", QMAC_SEPARATOR_TAB, QMAC_SEPARATOR_AUTO},
		{"a b\r\n  4   5 \r\n1\t2\r\n", QMAC_SEPARATOR_BLANK, QMAC_SEPARATOR_AUTO},
		/* marks in names and in quotes */
		{"Ave Rooms,x;y,price\n1,2,3\n", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_AUTO},
		{"a, b;c\n1;2\n", QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_AUTO},
		{"\"a,b,c\";\"d,e\"\n1;2\n", QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_AUTO},
		{"Ave Rooms\tAge\n1\t2\n", QMAC_SEPARATOR_TAB, QMAC_SEPARATOR_AUTO},
		/* decimal commas, which another separator goes before */
		{"1,5;2,5\n3,5;4,5\n", QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_COMMA},
		{"1,5\t2,5\n3,5\t4,5\n", QMAC_SEPARATOR_TAB, QMAC_SEPARATOR_COMMA},
		{"1,5 2,5\n3,5 4,5\n", QMAC_SEPARATOR_BLANK, QMAC_SEPARATOR_COMMA},
		/* commas that are no decimal ones go before all */
		{"1,\t2\n3,\t4\n", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_TAB},
		{"1,x;y,2\n3,z;w,4\n", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_SEMICOLON},
		/* none is as frequent in every line */
		{"1;2;3\n4;5\n", QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_AUTO},
		{"1,2;3,4\n4,5\n4;5\n", QMAC_SEPARATOR_COMMA, QMAC_SEPARATOR_AUTO},
		{"\n\r\n \na;b\r4;5\r", QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_AUTO},
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const char *text = cases[i].text;
		enum qmac_separator other, found = qmac_separator_detect(text, strlen(text), &other);

		if (found != cases[i].separator || other != cases[i].other) {
			printf("\n    %s: %s, %s\n", text, qmac_separator_name(found),
			       qmac_separator_name(other));
			CU_FAIL("separator");
		}
	}
}

static void separators(void)
{
	static const char *const texts[] = {
		"1;2;3\n4;5;6\n", "a;b;c\n1; 2 ;3\n4;5;6\n", "1\t2\t3\r4\t5\t6",
		"a\t \"b\"\tc d\n 1 \t2\t3\n4\t5\t6\n",
		"1 2 3\n4 5 6\n", "  a b   c \n1\t2  3\n\n4 5 6\n", "\"a b\" \"c;d\"  e\n1 2 3\n4 5 6\n",
		"\"1\";\"2\";3\n4;5;6\n",
	};
	struct qmac_run run;

	for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		run = run_of(config_file("data.csv", texts[i]), "");
		expect(&run, &two_rows, "");
	}
	run = run_of(config_file("data.csv", "1,\t2,\t3\n4,\t5,\t6\n"), "");
	expect(&run, &two_rows, "data.csv: separator: comma was detected, but tab would do, too; set it to say");
	run.separator = QMAC_SEPARATOR_COMMA;
	expect(&run, &two_rows, "");
	run.separator = QMAC_SEPARATOR_TAB;
	refuse(&run, run.file, 1, 1, "column 1: expected a decimal number such as 0.005 or 5e-3, not '1,'");
	run.separator = QMAC_SEPARATOR_SEMICOLON;
	refuse(&run, run.file, 1, 1, "one column only");
}

/* What was guessed is said where it may be why. */
static void separators_refused(void)
{
	static const char guess[] = "; separator: semicolon was detected, set another if it is wrong";
	char message[300];
	struct qmac_run run = run_of(config_file("data.csv", "a;b\n1,5;2\n"), "");

	snprintf(message, sizeof message, "column 1 (a): expected a decimal number such as 0.005 or 5e-3, not"
	         " '1,5': a number has a decimal point, and no comma; ignore: 1 leaves the column out%s", guess);
	refuse(&run, run.file, 2, 1, message);
	run = run_of(config_file("data.csv", "a;b;c\n1;2;3\n1;2\n"), "");
	snprintf(message, sizeof message, "2 fields, but the first line has 3%s", guess);
	refuse(&run, run.file, 3, 4, message);
	run = run_of(config_file("data.csv", "\"1\" 2\n\"3\"4 5\n"), "");
	refuse(&run, run.file, 2, 4, "expected a blank behind the closing quote");
	/* a line of tabs is one of missing values */
	run = run_of(config_file("data.csv", "1\t2\n\t\n"), "");
	refuse(&run, run.file, 2, 1, "column 1: no value");
}

/* ---- columns ------------------------------------------------------------------------- */

static void ignored(void)
{
	static const struct {
		const char *text, *target, *ignore;
	} cases[] = {
		{"id,a,b,y\nx7,1,2,3\n,4,5,6\n", "last", "1"},
		{"id,a,b,y\nx7,1,2,3\n?,4,5,6\n", "y", "id"},
		{"a,when,b,why,y\n1,now,2,so,3\n4,then,5,\"\",6\n", "5", " why , 2"},
		{"y,a,b,more\n3,1,2,red\n6,4,5,blue\n", "y", "last"},
		/* without a header: words of a column that does not count make none */
		{"red,1,2,3\nblue,4,5,6\n", "last", "1"},
	};
	struct qmac_run run;

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		run = run_of(config_file("data.csv", cases[i].text), "");
		snprintf(run.target, sizeof run.target, "%s", cases[i].target);
		snprintf(run.ignore, sizeof run.ignore, "%s", cases[i].ignore);
		expect(&run, &two_rows, "");
	}
	run = run_of(config_file("data.csv", "a,b,y\n1,2,3\n"), "");
	strcpy(run.ignore, "b,colour");
	refuse(&run, run.file, 1, 1, "ignore: unknown column 'colour'; use one of a, b, y; there are 3 columns");
	strcpy(run.ignore, "4");
	refuse(&run, run.file, 1, 1, "ignore: there is no column '4'; there are 3 columns");
	strcpy(run.ignore, "y");
	refuse(&run, run.file, 1, 1, "ignore: leaves out the column of the targets; set target to another");
	strcpy(run.ignore, "1,2");
	refuse(&run, run.file, 1, 1, "ignore: leaves no feature");
}

/* The index of pandas, and of R, is a feature unless it is left out; that is said. */
static void index_columns(void)
{
	static const struct wanted index = {2, 0, 2, {0, 2, 1, 5}, {3, 6}}, rest = {2, 0, 1, {2, 5}, {3, 6}};
	struct qmac_run run = run_of(config_file("data.csv", ",a,y\n0,2,3\n1,5,6\n"), "");

	expect(&run, &index, "data.csv: column 1 has no name, as an index that pandas' to_csv writes; it is a");
	strcpy(run.ignore, "1");
	expect(&run, &rest, "");
	run = run_of(config_file("data.csv", "\"Unnamed: 0\",\"a\",\"y\"\n0,2,3\n1,5,6\n"), "");
	expect(&run, &index, "column 1 has the name Unnamed: 0, as an index");
	run = run_of(config_file("data.csv", "y,b,\n3,0,2\n6,1,5\n"), "");
	strcpy(run.target, "1");
	expect(&run, &index, "");
}

/* ---- a test file ---------------------------------------------------------------------- */

/* The paths of two files; the second may be of another name than the first. */
static struct qmac_run run_with(enum qmac_data kind, const char *train, const char *test)
{
	char path[512];
	struct qmac_run run;

	snprintf(path, sizeof path, "%s", config_file("train", train));
	run = run_of(path, config_file("test", test));
	run.data = kind;
	return run;
}

static void csv_test_file(void)
{
	static const struct wanted both = {2, 3, 2, {1, 2, 4, 5, 7, 8, 0, 0, -1, -2}, {3, 6, 9, 1, -3}};
	static const struct wanted limited = {1, 3, 2, {1, 2, 7, 8, 0, 0, -1, -2}, {3, 9, 1, -3}};
	struct qmac_run run = run_with(QMAC_DATA_CSV, "a,b,y\n1,2,3\n4,5,6\n", "a,b,y\n7,8,9\n0,0,1\n-1,-2,-3\n");

	expect(&run, &both, "");
	run.limit = 1;
	expect(&run, &limited, "");
	/* without a header, with another separator; ignored and target columns are those of the training file */
	run = run_with(QMAC_DATA_CSV, "y,id,a,b\n3,x,1,2\n6,y,4,5\n", "9;q;7;8\n1;;0;0\n-3;r;-1;-2\n");
	strcpy(run.target, "y");
	strcpy(run.ignore, "id");
	expect(&run, &both, "");
}

static void csv_test_file_refused(void)
{
	static const char train[] = "a,b,price\n1,2,3\n";
	struct qmac_run run = run_with(QMAC_DATA_CSV, train, "a,c,price\n1,2,3\n");

	refuse(&run, run.test_file, 1, 3, "column 2 is 'c' here, but 'b' in /");
	refuse(&run, run.test_file, 1, 3, "/train: a test file has the same columns in the same order");
	run = run_with(QMAC_DATA_CSV, train, "a,b\n1,2\n");
	refuse(&run, run.test_file, 1, 4, "train has 3; 'price', the column of the targets, is needed for");
	run = run_with(QMAC_DATA_CSV, train, "\n1,2,3,4\n");
	refuse(&run, run.test_file, 2, 7, "4 fields, but /");
	run = run_with(QMAC_DATA_CSV, train, "1,2,3\n4,5\n");
	refuse(&run, run.test_file, 2, 4, "2 fields, but the first line has 3");
	run = run_with(QMAC_DATA_CSV, train, "a,b,price\n");
	refuse(&run, run.test_file, 0, 0, "a header, but no data");
	run = run_with(QMAC_DATA_CSV, train, "");
	refuse(&run, run.test_file, 0, 0, "empty: no data");
	run = run_with(QMAC_DATA_CSV, train, "1,2,x\n");
	refuse(&run, run.test_file, 1, 5, "column 3: expected a decimal number");
	strcpy(run.test_file, "no/such");
	refuse(&run, "no/such", 0, 0, "cannot open: No such file");
}

static void libsvm_test_file(void)
{
	static const struct wanted both = {2, 2, 3, {0, 0, 1, 2, 0, 0, 5, 0, 0, 0, 0, 0}, {1, -1, -1, 1}};
	static const struct wanted limited = {1, 2, 3, {0, 0, 1, 5, 0, 0, 0, 0, 0}, {1, -1, 1}};
	struct qmac_run run = run_with(QMAC_DATA_LIBSVM, "1 3:1\n-1 1:2\n", "-1 1:5\n+1 # none\n");

	/* fewer features than the training file has, or none */
	expect(&run, &both, "");
	run.limit = 1;
	expect(&run, &limited, "");
	run = run_with(QMAC_DATA_LIBSVM, "1 3:1\n-1 1:2\n", "1 2:1\n1 3:1 4:7\n");
	refuse(&run, run.test_file, 2, 7, "index 4, but /");
	refuse(&run, run.test_file, 2, 7, "train has 3 features; name it in a line of that file, as 4:0, or");
	run = run_with(QMAC_DATA_LIBSVM, "1 3:1\n-1 1:2\n", "# nothing\n");
	refuse(&run, run.test_file, 0, 0, "empty: no data");
}

/* ---- classes and what is said of data that are read ------------------------------------------ */

static void expect_load(const struct qmac_run *run, const char *note)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};

	if (qmac_dataset_load(&data, run, &err) != QMAC_OK)
		puts(err.message);
	CU_ASSERT(note[0] ? strstr(data.note, note) != NULL : !data.note[0]);
	qmac_dataset_free(&data);
}

static void refuse_load(const struct qmac_run *run, const char *file, int line, const char *message)
{
	struct qmac_dataset data;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_dataset_load(&data, run, &err), QMAC_BAD_INPUT);
	check_error(&err, file, line, 0, message);
	qmac_dataset_free(&data);
}

/* Both files name the classes alike; where one does not, its line is named. */
static void classes(void)
{
	struct qmac_run run = run_with(QMAC_DATA_CSV, "1,-1\n2,1\n3,-1\n", "5,1\n\n6,1\n7,-1\n");

	run.problem = QMAC_PROBLEM_LOGISTIC_REGRESSION;
	expect_load(&run, "");
	run.limit = 1;
	refuse_load(&run, run.test_file, 1, "no sample of the training part has the label 1: both files must");
	run = run_with(QMAC_DATA_LIBSVM, "-1 1:1\n1 1:2\n", "# two\n1 1:1\n0 1:1\n");
	run.problem = QMAC_PROBLEM_LOGISTIC_REGRESSION;
	refuse_load(&run, run.test_file, 3, "no sample of the training part has the label 0");
	run = run_of(config_file("labels.csv", "a,y\n1,0\n2,1\n3,2\n\n4,3\n"), "");
	run.problem = QMAC_PROBLEM_LOGISTIC_REGRESSION;
	run.classes = 3;
	refuse_load(&run, run.file, 6, "the data have more than 3 different targets: raise classes");
	run = run_of(config_file("labels.csv", "a,y\n1,7\n2,7\n"), "");
	run.problem = QMAC_PROBLEM_LOGISTIC_REGRESSION;
	refuse_load(&run, run.file, 0, "all targets are 7: there are no classes to tell apart");
	run = run_of(config_file("labels.csv", "a,species\n1,setosa\n"), "");
	run.problem = QMAC_PROBLEM_LOGISTIC_REGRESSION;
	refuse(&run, run.file, 2, 3, "column 2 (species): expected a decimal number such as 0.005 or 5e-3, not"
	       " 'setosa'; a class is a number, too");
}

/* A number too small for a double is 0. */
static void tiny_numbers(void)
{
	static const struct wanted wanted = {2, 0, 1, {0, -5e-324}, {1, 2}};
	struct qmac_run run = run_of(config_file("tiny.csv", "1e-999,1\n-5e-324,2\n"), "");

	expect(&run, &wanted, "");
}

/* One row, a constant column and a constant target can be taken; of the target it is said. */
static void constants(void)
{
	struct qmac_run run = run_of(config_file("one.csv", "a,y\n1,2\n"), "");
	struct qmac_dataset data;
	double room[2];

	run.standardise = true;
	expect_load(&run, "one.csv: all targets of the training part are 2: there is nothing to learn");
	run = run_of(config_file("constant.csv", "a,b,y\n5,1,1\n5,2,2\n5,3,3\n"), "");
	run.standardise = true;
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&data, &run, NULL), QMAC_OK);
	CU_ASSERT(!data.note[0] && data.samples == 3);
	for (int i = 0; i < 3; i++)
		CU_ASSERT_EQUAL(qmac_dataset_row(&data, i, room)[0], 0);
	qmac_dataset_free(&data);
	run = run_of(config_file("huge.csv", "1e300,1\n-1e300,2\n"), "");
	run.standardise = true;
	refuse_load(&run, run.file, 0, "feature 1 has numbers too large to standardise: scale it in the file");
}

/* The test part is standardised, clipped and quantised by what was learnt from the training file. */
static void prepared(void)
{
	struct qmac_run run = run_with(QMAC_DATA_CSV, "1,10\n3,30\n", "5,50\n2,20\n");
	struct qmac_dataset data;
	double room[1];

	run.standardise = true;
	run.clip = 2;
	CU_ASSERT_EQUAL_FATAL(qmac_dataset_load(&data, &run, NULL), QMAC_OK);
	CU_ASSERT_FATAL(data.samples == 2 && data.test_samples == 2);
	CU_ASSERT(data.y[0] == -1 && data.y[1] == 1 && data.y[2] == 3 && data.y[3] == 0);
	CU_ASSERT_EQUAL(data.dx, 1. / 127);
	/* 3 was clipped to 2, beyond the range of the codes */
	CU_ASSERT_EQUAL(qmac_dataset_row(&data, 2, room)[0], data.dx * 127);
	CU_ASSERT_EQUAL(qmac_dataset_row(&data, 3, room)[0], 0);
	qmac_dataset_free(&data);
}

/* ---- anything at all ------------------------------------------------------------------- */

/* Files with random marks are read, or refused with their name. */
static void random_files(void)
{
	static const char marks[] = "0123456789,,,;;\t  \n\n\n\r\"\".-e:#ab\x1b\xC3";
	static const char *const plain[] = {
		"1 2:3 4:5\n-1 1:7\n", "a,b,y\n1,2,3\n4,5,6\n", "+1\t3:.5\n\n7 # 8\n", "\"1\"; \"a;\"\r\n2;5\r\n",
		"2 1:-1e3\n3\n", ",x\ty,\n1 ,2,\"3\"\n",
	};
	uint64_t state = test_seed();
	int read = 0;

	for (int i = 0; i < 1500; i++) {
		char text[2][64];
		struct qmac_dataset data;
		struct qmac_error err = {0};
		struct qmac_run run;

		for (int k = 0; k < 2; k++) {
			strcpy(text[k], plain[i % 6]);
			for (uint64_t j = test_random(&state) % 5; j > 0; j--) {
				char mark = marks[test_random(&state) % (sizeof marks - 1)];

				text[k][test_random(&state) % strlen(text[k])] = mark;
			}
		}
		run = run_with(i % 2 ? QMAC_DATA_CSV : QMAC_DATA_LIBSVM, text[0], text[1]);
		run.separator = i % 4 ? QMAC_SEPARATOR_AUTO : (enum qmac_separator)(test_random(&state) % 5);
		strcpy(run.ignore, i % 5 ? "none" : "1");
		if (i % 11 < 6)
			run.test_file[0] = 0;
		if (read_run(&data, &run, &err) == QMAC_OK) {
			CU_ASSERT(data.samples > 0 && data.features > 0 && data.line[0] > 0);
			read++;
		} else {
			CU_ASSERT(err.file[0] && err.message[0]);
		}
		qmac_dataset_free(&data);
	}
	CU_ASSERT(read > 150);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"detection of separators", detection},
		{"separators", separators},
		{"separators that are wrong", separators_refused},
		{"columns to ignore", ignored},
		{"index columns", index_columns},
		{"a CSV file for testing", csv_test_file},
		{"CSV files that do not go together", csv_test_file_refused},
		{"a LIBSVM file for testing", libsvm_test_file},
		{"classes of two files", classes},
		{"tiny numbers", tiny_numbers},
		{"constants and huge numbers", constants},
		{"how a test file is prepared", prepared},
		{"random files", random_files},
	};

	return test_main("test_data_table", cases, TEST_COUNT(cases));
}
