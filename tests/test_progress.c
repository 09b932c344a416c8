/* When the lines that say how far something is are due, and what they say. */

#include "cli/cli.h"
#include "test.h"

/* Lines of a run of so many equal steps, which takes so long; the last one is in text. */
static int lines_of(enum qmac_cli_progress_form form, int64_t steps, double seconds, char text[64])
{
	struct qmac_cli_progress progress;
	int lines = 0;

	qmac_cli_progress_begin(&progress, form, 1000);
	progress.total = steps;
	text[0] = 0;
	/* It took a while to get ready. */
	for (int64_t done = 0; done <= steps; done++)
		lines += qmac_cli_progress_text(&progress, 1003 + seconds * (double)done / (double)steps, done, text,
		                                64);
	return lines;
}

static void test_lines(void)
{
	static const struct {
		int64_t steps;
		double seconds;
		int lines;
		const char *last;
	} runs[] = {
		{10, 1.5, 0, ""},                                /* a short one */
		{1000, 40, 8, ", 97 %, 1 s left"},               /* after a tenth, then every 5 s */
		{1000, 100, 9, ", 90 %, 10 s left"},             /* every tenth */
		{100000, 6000, 100, ", 99 %, 3 s left"},         /* every minute */
		{4, 4000, 3, ", 75 %, 17 min left"},             /* every step */
		{2, 40000, 1, ", 50 %, 5.6 h left"},
		{1, 100, 0, ""},
	};
	char text[64];

	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
		CU_ASSERT_EQUAL(lines_of(QMAC_CLI_LINES, runs[i].steps, runs[i].seconds, text), runs[i].lines);
		CU_ASSERT_STRING_EQUAL(text, runs[i].last);
		CU_ASSERT_EQUAL(lines_of(QMAC_CLI_SILENT, runs[i].steps, runs[i].seconds, text), 0);
	}
	CU_ASSERT_EQUAL(lines_of(QMAC_CLI_LIVE, 1000000, 10, text), 100);
}

/* The time before a checkpoint was somebody else's. */
static void test_resumed(void)
{
	struct qmac_cli_progress progress;
	char text[64];

	qmac_cli_progress_begin(&progress, QMAC_CLI_LINES, 1000);
	progress.total = 1000;
	CU_ASSERT_FALSE(qmac_cli_progress_text(&progress, 1001, 801, text, sizeof text));
	CU_ASSERT_FALSE(qmac_cli_progress_text(&progress, 1050, 850, text, sizeof text));
	CU_ASSERT_TRUE(qmac_cli_progress_text(&progress, 1060, 860, text, sizeof text));
	CU_ASSERT_STRING_EQUAL(text, ", 86 %, 2 min left");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"lines of a log", test_lines},
		{"a run that goes on", test_resumed},
	};

	return test_main("test_progress", cases, TEST_COUNT(cases));
}
