/* Text for people: what a terminal may get, and what is said of a word that is not known. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "report/table.h"
#include "test.h"

static void expect_shown(const char *text, const char *expected)
{
	char shown[128];

	CU_ASSERT_STRING_EQUAL(qmac_text_show(text, shown, sizeof shown), expected);
}

static void test_show(void)
{
	expect_shown("plain text, \"quotes\" and \\", "plain text, \"quotes\" and \\");
	expect_shown("Gr\u00fc\u00dfe \u6f22 \U0001f600", "Gr\u00fc\u00dfe \u6f22 \U0001f600");
	expect_shown("\x1b]0;title\x07\x1b[2J", "\\x1B]0;title\\x07\\x1B[2J");
	expect_shown("a\rb\tc\x7f", "a\\x0Db\\x09c\\x7F");
	/* C1, as UTF-8 and as a bare byte; bytes that are not UTF-8, overlong forms, surrogates. */
	expect_shown("\xc2\x9b" "31m", "\\x9B31m");
	expect_shown("\x9b" "31m \xff", "\\x9B31m \\xFF");
	expect_shown("\xc0\x9b \xed\xa0\x80", "\\xC0\\x9B \\xED\\xA0\\x80");
	expect_shown("cut \xe6\xbc", "cut \\xE6\\xBC");
	/* What turns the direction of writing, and line ends of other kinds. */
	expect_shown("a\xe2\x80\xae" "b\xe2\x81\xa6" "c\xd8\x9c", "a\\u202Eb\\u2066c\\u061C");
	expect_shown("a\xe2\x80\xa8" "b\xef\xbb\xbf", "a\\u2028b\\uFEFF");
	expect_shown("first\nqmac: all is well\n", "first\\x0Aqmac: all is well\\x0A");
}

static void test_show_cut(void)
{
	char shown[8];

	CU_ASSERT_STRING_EQUAL(qmac_text_show("1234567890", shown, sizeof shown), "1234567");
	CU_ASSERT_STRING_EQUAL(qmac_text_show("12345\x1b", shown, sizeof shown), "12345");
	CU_ASSERT_STRING_EQUAL(qmac_text_show("123456\u00fc", shown, sizeof shown), "123456");
}

static void test_table(void)
{
	struct qmac_table *table = qmac_table_create(1);
	char text[64];
	FILE *out = tmpfile();

	CU_ASSERT_FATAL(table && out);
	qmac_table_add(table, "%s", "run\x1b[2J\nname");
	qmac_table_print(table, out);
	rewind(out);
	text[fread(text, 1, sizeof text - 1, out)] = 0;
	CU_ASSERT_STRING_EQUAL(text, "run\\x1B[2J\\x0Aname\n");
	fclose(out);
	qmac_table_destroy(table);
}

/* In comments of config.yaml and in its strings. */
static void test_files(void)
{
	char text[128];
	FILE *out = tmpfile();

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	qmac_text_print_comment("a\xe2\x80\xae" "b\x1b", out);
	qmac_text_print_quoted("a\xe2\x80\xae" "b\x1b", out);
	rewind(out);
	text[fread(text, 1, sizeof text - 1, out)] = 0;
	CU_ASSERT_STRING_EQUAL(text, "a?b?\"a\\u202Eb\\x1B\"");
	fclose(out);
}

static void expect_unknown(const char *text, const char *words, const char *expected)
{
	struct qmac_error err;

	CU_ASSERT_EQUAL(qmac_text_unknown("key", text, words, &err), QMAC_BAD_INPUT);
	CU_ASSERT_STRING_EQUAL(err.message, expected);
}

static void test_unknown(void)
{
	expect_unknown("bit", "bits|rows", "unknown key 'bit'; did you mean 'bits'?");
	expect_unknown("ab", "ba|rows", "unknown key 'ab'; did you mean 'ba'?");
	expect_unknown("A", "a|b", "unknown key 'A'; did you mean 'a'?");
	/* One edit makes any letter of any other. */
	expect_unknown("7", "a|b|c", "unknown key '7'; use one of a, b, c");
	expect_unknown("ab", "a|b|c", "unknown key 'ab'; use one of a, b, c");
	expect_unknown("", "a", "unknown key ''; use a");
	expect_unknown("gemm", "help|train", "unknown key 'gemm'; use one of help, train");
}

/* The shortest decimal is the first of 1 to 17 digits that reads back. */
static const char *shortest(double value, char text[QMAC_REAL_TEXT])
{
	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, QMAC_REAL_TEXT, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return text;
}

/* Random bits; numbers of few digits; powers of two and their neighbours, where gaps change. */
static void test_reals(void)
{
	uint64_t rng = test_seed();

	for (int i = 0; i < 60000; i++) {
		char text[QMAC_REAL_TEXT], expected[QMAC_REAL_TEXT];
		uint64_t bits = test_random(&rng);
		double value;

		memcpy(&value, &bits, sizeof value);
		if (i % 3 == 1)
			value = (double)test_between(&rng, -100000, 100000) / pow(10, (double)test_between(&rng, 1, 30));
		else if (i % 3 == 2)
			value = nextafter(ldexp(1, (int)test_between(&rng, -1070, -1)), i % 2 ? 1 : 0) * (i % 5 ? 1 : -1);
		if (!isfinite(value) || value == floor(value))
			continue;
		CU_ASSERT_STRING_EQUAL(qmac_real_text(value, text), shortest(value, expected));
		CU_ASSERT(strtod(text, NULL) == value);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"shortest decimals", test_reals},
		{"what a terminal may get", test_show},
		{"the same in little room", test_show_cut},
		{"cells of tables are shown", test_table},
		{"strings and comments in files", test_files},
		{"an unknown word, and one that is near", test_unknown},
	};

	return test_main("test_text", cases, TEST_COUNT(cases));
}
