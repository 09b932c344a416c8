/* The single parts of the result files: hash, reals, JSON, CSV, NumPy, tables, plots. */
#define _POSIX_C_SOURCE 200809L
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"
#include "report/atomic_file.h"
#include "report/csv.h"
#include "report/files.h"
#include "report/json.h"
#include "report/plot.h"
#include "report/table.h"
#include "test.h"

/* The bytes of a stream so far; *length may be NULL. */
static const char *stream_text(FILE *stream, size_t *length)
{
	static char text[4096];
	size_t used;

	rewind(stream);
	used = fread(text, 1, sizeof text - 1, stream);
	text[used] = 0;
	if (length)
		*length = used;
	return text;
}

static void test_sha256(void)
{
	/* FIPS 180-4 example messages; the fourth is a million times 'a'. */
	static const struct {
		const char *message, *digest;
	} vectors[] = {
		{"", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
		{"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
		{"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
		 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
		{"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmn"
		 "hijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
		 "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
	};
	struct qmac_sha256 hash;
	char text[QMAC_SHA256_TEXT], block[1000];

	for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		for (size_t split = 0; split <= strlen(vectors[i].message); split++) {
			qmac_sha256_start(&hash);
			qmac_sha256_add(&hash, vectors[i].message, split);
			qmac_sha256_add(&hash, vectors[i].message + split, strlen(vectors[i].message) - split);
			qmac_sha256_text(&hash, text);
			CU_ASSERT_STRING_EQUAL(text, vectors[i].digest);
		}
	memset(block, 'a', sizeof block);
	qmac_sha256_start(&hash);
	for (int i = 0; i < 1000; i++)
		qmac_sha256_add(&hash, block, sizeof block);
	qmac_sha256_text(&hash, text);
	CU_ASSERT_STRING_EQUAL(text, "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
}

static void test_reals(void)
{
	static const struct {
		double value;
		const char *text;
	} known[] = {
		{0, "0"}, {200, "200"}, {-3, "-3"}, {.1, "0.1"}, {2.5e-6, "2.5e-06"}, {1e300, "1e+300"},
		{1. / 3, "0.3333333333333333"}, {5e-324, "5e-324"},
		{INFINITY, "inf"}, {-INFINITY, "-inf"}, {NAN, "nan"},
	};
	uint64_t state = test_seed();
	char text[QMAC_REAL_TEXT];

	for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
		CU_ASSERT_STRING_EQUAL(qmac_real_text(known[i].value, text), known[i].text);
	for (int i = 0; i < 20000; i++) {
		uint64_t bits = test_random(&state);
		double value, back;

		memcpy(&value, &bits, sizeof value);
		if (!isfinite(value))
			continue;
		back = strtod(qmac_real_text(value, text), NULL);
		CU_ASSERT_FATAL(memcmp(&value, &back, sizeof value) == 0);
	}
}

static void test_json_write(void)
{
	FILE *out = tmpfile();

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	qmac_json_write_string(out, "a\"\\\n\x01 \xC3\xA9 \xFF \xC0\x80 \xED\xA0\x80 \xE2\x82");
	qmac_json_write_real(out, NAN);
	qmac_json_write_real(out, -INFINITY);
	qmac_json_write_real(out, 1.5);
	CU_ASSERT_STRING_EQUAL(stream_text(out, NULL),
	                       "\"a\\\"\\\\\\u000a\\u0001 \xC3\xA9 \\ufffd \\ufffd\\ufffd "
	                       "\\ufffd\\ufffd\\ufffd \\ufffd\\ufffd\""
	                       "nullnull1.5");
	fclose(out);
}

static void test_json_read(void)
{
	struct qmac_json *json;

	test_write("good.json",
	           "{\"a\": 1.5e2, \"b\": {\"c\": [true, null, \"x\\n\\u0041\"]}, \"\": {}, \"d\": -0}\n");
	CU_ASSERT_FATAL(qmac_json_read(test_path("good.json"), &json, NULL) == QMAC_OK);
	CU_ASSERT_EQUAL(qmac_json_real(json, "a"), 150);
	CU_ASSERT_STRING_EQUAL(qmac_json_text(json, "a"), "1.5e2");
	CU_ASSERT_STRING_EQUAL(qmac_json_text(json, "b.c.0"), "true");
	CU_ASSERT_PTR_NULL(qmac_json_text(json, "b.c.1"));
	CU_ASSERT_STRING_EQUAL(qmac_json_text(json, "b.c.2"), "x\nA");
	CU_ASSERT(isnan(qmac_json_real(json, "b.c.2")));
	CU_ASSERT(isnan(qmac_json_real(json, "none")));
	CU_ASSERT_PTR_NULL(qmac_json_text(json, "b"));
	qmac_json_free(json);
	qmac_json_free(NULL);
}

static void test_json_refuse(void)
{
	static const struct {
		const char *text;
		int line, column;
	} bad[] = {
		{"", 1, 1}, {"{", 1, 2}, {"{\"a\"}", 1, 5}, {"{\"a\":}", 1, 6}, {"[1,]", 1, 4}, {"[1 2]", 1, 4},
		{"{}x", 1, 3}, {"[01]", 1, 3}, {"[1.]", 1, 2}, {"[1e]", 1, 2}, {"[-]", 1, 2}, {"[nul]", 1, 2},
		{"[\"a\n\"]", 1, 2}, {"[\"\\x\"]", 1, 3}, {"[\"\\u00g0\"]", 1, 3}, {"{\n \"a\": tru\n}", 2, 7},
		{"{a: 1}", 1, 2},
		{"[\"", 1, 2}, {"[\"\\", 1, 2},
		{"[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]", 1, 17},
	};
	struct qmac_json *json;
	struct qmac_error err;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		test_write("bad.json", bad[i].text);
		CU_ASSERT_EQUAL(qmac_json_read(test_path("bad.json"), &json, &err), QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "not valid JSON"));
		CU_ASSERT_EQUAL(err.line, bad[i].line);
		CU_ASSERT_EQUAL(err.column, bad[i].column);
	}
	CU_ASSERT_EQUAL(qmac_json_read(test_path("missing.json"), &json, &err), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(qmac_json_read(test_folder(), &json, &err), QMAC_BAD_INPUT);
}

static void test_csv(void)
{
	struct qmac_error err;
	struct qmac_csv csv;
	FILE *out = tmpfile();

	test_write("good.csv", "epoch,grad_norm,x\n0,1.5,\n1,inf,2\n");
	CU_ASSERT_FATAL(qmac_csv_read(test_path("good.csv"), &csv, &err) == QMAC_OK);
	CU_ASSERT_EQUAL(csv.columns, 3);
	CU_ASSERT_EQUAL(csv.rows, 2);
	CU_ASSERT_EQUAL(qmac_csv_column(&csv, "x"), 2);
	CU_ASSERT_EQUAL(qmac_csv_column(&csv, "y"), -1);
	CU_ASSERT_EQUAL(csv.values[1], 1.5);
	CU_ASSERT(isnan(csv.values[2]));
	CU_ASSERT(isinf(csv.values[4]));
	qmac_csv_free(&csv);
	test_write("bad.csv", "a,b\n1,2\n3,4z\n");
	CU_ASSERT_EQUAL(qmac_csv_read(test_path("bad.csv"), &csv, &err), QMAC_BAD_INPUT);
	CU_ASSERT(err.line == 3 && err.column == 4);
	test_write("bad.csv", "a,b\n1\n");
	CU_ASSERT_EQUAL(qmac_csv_read(test_path("bad.csv"), &csv, &err), QMAC_BAD_INPUT);
	CU_ASSERT(err.line == 2 && err.column == 2);
	test_write("bad.csv", "a,b\n1,2\n3,");
	CU_ASSERT_EQUAL(qmac_csv_read(test_path("bad.csv"), &csv, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "cut off"));
	test_write("bad.csv", "");
	CU_ASSERT_EQUAL(qmac_csv_read(test_path("bad.csv"), &csv, &err), QMAC_BAD_INPUT);
	qmac_csv_write_text(out, "plain");
	qmac_csv_write_text(out, "a,\"b\"");
	CU_ASSERT_STRING_EQUAL(stream_text(out, NULL), "plain\"a,\"\"b\"\"\"");
	fclose(out);
}

static void test_npy(void)
{
	static const double values[] = {1, -2.5};
	static const unsigned char data[16] = {0, 0, 0, 0, 0, 0, 0xF0, 0x3F, 0, 0, 0, 0, 0, 0, 0x04, 0xC0};
	struct qmac_sha256 hash;
	char text[QMAC_SHA256_TEXT], expected[QMAC_SHA256_TEXT];
	FILE *out = tmpfile();
	const char *bytes;
	size_t length;

	qmac_npy_write(out, values, 2, 0, text);
	bytes = stream_text(out, &length);
	CU_ASSERT_EQUAL_FATAL(length, 128 + 16);
	CU_ASSERT(memcmp(bytes, "\x93NUMPY\x01\x00\x76\x00", 10) == 0); /* 10 + 0x76 = 128 */
	CU_ASSERT(strncmp(bytes + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (2,), }  ", 58) == 0);
	CU_ASSERT_EQUAL(bytes[127], '\n');
	CU_ASSERT(memcmp(bytes + 128, data, sizeof data) == 0);
	qmac_sha256_start(&hash);
	qmac_sha256_add(&hash, data, sizeof data);
	qmac_sha256_text(&hash, expected);
	CU_ASSERT_STRING_EQUAL(text, expected);
	fclose(out);
}

/* A matrix: its shape in the header, its values row by row. */
static void test_npy_matrix(void)
{
	static const double values[] = {1, 2, 3, 4, 5, 6};
	char text[QMAC_SHA256_TEXT], vector[QMAC_SHA256_TEXT];
	FILE *out = tmpfile();
	const char *bytes;
	size_t length;

	qmac_npy_write(out, values, 6, 0, vector);
	fclose(out);
	out = tmpfile();
	qmac_npy_write(out, values, 6, 2, text);
	CU_ASSERT_STRING_EQUAL(text, vector); /* the hash is of the data alone */
	bytes = stream_text(out, &length);
	CU_ASSERT_EQUAL_FATAL(length, 128 + 48);
	CU_ASSERT(strncmp(bytes + 10, "{'descr': '<f8', 'fortran_order': False, 'shape': (3, 2), }  ", 59) == 0);
	fclose(out);
}

static void test_table(void)
{
	struct qmac_table *table = qmac_table_create(3);
	FILE *out = tmpfile();

	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
	qmac_table_add(table, "name");
	qmac_table_add(table, "count");
	qmac_table_add(table, "note");
	qmac_table_add(table, "%s-%d", "halp", 8);
	qmac_table_add_count(table, 1234567);
	qmac_table_add(table, "x");
	qmac_table_add(table, "a");
	qmac_table_add_count(table, 999);
	qmac_table_add(table, "%s", "");
	qmac_table_add(table, "b");
	qmac_table_add_count(table, NAN);
	qmac_table_add(table, "-");
	qmac_table_print(table, out);
	CU_ASSERT_STRING_EQUAL(stream_text(out, NULL),
	                       "name        count  note\nhalp-8  1,234,567     x\n"
	                       "a             999\nb               -     -\n");
	qmac_table_destroy(table);
	qmac_table_destroy(NULL);
	fclose(out);
}

/* Draws series.csv; restores PATH. */
static bool draw(const char *search_path, const char *csv, char warning[256])
{
	const struct qmac_series series = {.title = "it's \"x\"", .file = test_path("series.csv")};
	const struct qmac_plot plot = {
		.title = "t", .x = "epoch", .y = "grad_norm", .log_y = true, .series = &series, .series_count = 1,
	};
	char old[4096];
	bool drawn;

	snprintf(old, sizeof old, "%s", getenv("PATH"));
	test_write("series.csv", csv);
	if (search_path)
		setenv("PATH", search_path, 1);
	drawn = qmac_plot_write(&plot, test_folder(), "plot.svg", warning, 256);
	setenv("PATH", old, 1);
	return drawn;
}

/* gnuplot is there, and its picture has no room: the reason is told. */
static void test_plot_full_disk(void)
{
	char warning[256], csv[8192] = "epoch,grad_norm\n";
	struct rlimit old;
	bool drawn;

	if (system("command -v gnuplot >/dev/null") != 0) {
		test_skip("gnuplot is not installed");
		return;
	}
	for (int i = 0; i < 200; i++)
		snprintf(csv + strlen(csv), sizeof csv - strlen(csv), "%d,%d\n", i, 1 + i % 7);
	(void)remove(test_path("plot.svg"));
	test_limit_file_size(4096, &old); /* more than the table and the script take */
	drawn = draw(NULL, csv, warning);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT_FALSE(drawn);
	CU_ASSERT(strncmp(warning, "no plot: cannot write ", 22) == 0 && strstr(warning, "/plot.svg: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(warning, strerror(EFBIG)));
	CU_ASSERT(access(test_path("plot.svg"), F_OK) != 0 && !test_temporary(test_path("plot.svg")));
	test_limit_file_size(200, &old); /* too little for the script */
	drawn = draw(NULL, "epoch,grad_norm\n0,10\n1,1\n", warning);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT_FALSE(drawn);
	CU_ASSERT(strstr(warning, "cannot write gnuplot's script: ") && strstr(warning, strerror(EFBIG)));
}

static void test_plot(void)
{
	static const char good[] = "epoch,grad_norm\n0,10\n1,1\n2,inf\n3,\n4,0\n5,.01\n";
	char warning[256];

	CU_ASSERT_FALSE(draw(test_folder(), good, warning));
	CU_ASSERT_PTR_NOT_NULL(strstr(warning, "gnuplot is not installed"));
	CU_ASSERT_FALSE(draw(NULL, "epoch,grad_norm\n0,nan\n", warning));
	CU_ASSERT_PTR_NOT_NULL(strstr(warning, "no finite grad_norm"));
	CU_ASSERT_FALSE(draw(NULL, "epoch\n0\n", warning));
	CU_ASSERT_FALSE(draw(NULL, "", warning));
	CU_ASSERT(access(test_path("plot.svg"), F_OK) != 0);
	CU_ASSERT(!test_temporary(test_path("plot.svg")));
	if (system("command -v gnuplot >/dev/null") != 0) {
		test_skip("gnuplot is not installed");
		return;
	}
	CU_ASSERT_TRUE(draw(NULL, good, warning));
	CU_ASSERT_STRING_EQUAL(warning, "");
	CU_ASSERT(access(test_path("plot.svg"), F_OK) == 0);
	CU_ASSERT(!test_temporary(test_path("plot.svg")));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"SHA-256 of known messages, at every split", test_sha256},
		{"reals read back to the same bits", test_reals},
		{"JSON strings and reals", test_json_write},
		{"JSON is read", test_json_read},
		{"broken JSON is refused at its place", test_json_refuse},
		{"CSV is read, or refused at its place", test_csv},
		{"NumPy bytes and their hash", test_npy},
		{"NumPy: a matrix", test_npy_matrix},
		{"text table", test_table},
		{"plot, or a warning", test_plot},
		{"a plot on a full disk", test_plot_full_disk},
	};

	return test_main("test_report", cases, TEST_COUNT(cases));
}
