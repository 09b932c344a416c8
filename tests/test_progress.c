/* When the lines that say how far something is are due, and what they say. */

#include <string.h>

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

/* ---- steps of an epoch ------------------------------------------------------------------------ */

enum { EPOCHS = 4, STEPS = 50 };

/*
 * Steps from `first` on (0 .. EPOCHS * STEPS), each so many seconds, a whole line behind each epoch; counts
 * the lines about steps and the others. The text is that of the last one about a step.
 */
static void run_steps(struct qmac_cli_progress *progress, int first, double seconds, int *steps, int *epochs,
                      char text[96])
{
	char other[96];

	*steps = *epochs = 0;
	for (int i = first + 1; i <= EPOCHS * STEPS; i++) {
		struct qmac_train_step step = {.epoch = 1 + (i - 1) / STEPS, .step = 1 + (i - 1) % STEPS,
		                               .steps = STEPS};
		double now = 1010 + seconds * (i - first);

		*steps += qmac_cli_progress_step_text(progress, now, &step, text, 96);
		if (i % STEPS == 0)
			*epochs += qmac_cli_progress_text(progress, now, step.epoch * (progress->total / EPOCHS), other,
			                                  sizeof other);
	}
}

static void test_steps(void)
{
	static const struct {
		enum qmac_cli_progress_form form;
		double seconds;
		int steps, epochs;
		const char *last;
	} runs[] = {
		{QMAC_CLI_LINES, 0.5, 0, 3, ""},                       /* epochs of 25 s speak for themselves */
		/* epochs of 200 s: after 60, 120 and 180 s, then of the epoch; the next ones likewise */
		{QMAC_CLI_LINES, 4, 12, 3, ", 97 %, 20 s left, epoch 20 s, 4.0 s/step"},
		{QMAC_CLI_LINES, 600, 200, 3, ", 100 %, epoch 0 s, 600.0 s/step"},
		{QMAC_CLI_LIVE, 0.5, 200, 4, ", 100 %, epoch 0 s, 2.0 steps/s"},
		{QMAC_CLI_SILENT, 600, 0, 0, ""},
	};

	for (int i = 0; i < TEST_COUNT(runs); i++) {
		struct qmac_cli_progress progress;
		char text[96] = "", start[96];
		int steps, epochs;

		qmac_cli_progress_begin(&progress, runs[i].form, 1000);
		qmac_cli_progress_epochs(&progress, EPOCHS);
		/* it took 10 s to get ready, and to evaluate */
		(void)qmac_cli_progress_text(&progress, 1010, 0, start, sizeof start);
		run_steps(&progress, 0, runs[i].seconds, &steps, &epochs, text);
		CU_ASSERT_EQUAL(steps, runs[i].steps);
		CU_ASSERT_EQUAL(epochs, runs[i].epochs);
		CU_ASSERT_STRING_EQUAL(text, runs[i].last);
	}
}

/* In the middle of the second epoch: the first report, too, has a pace, that of its one step. */
static void test_steps_resumed(void)
{
	const struct qmac_train_step first = {.epoch = 2, .step = 26, .steps = STEPS};
	struct qmac_cli_progress progress;
	int steps, epochs;
	char text[96] = "";

	qmac_cli_progress_begin(&progress, QMAC_CLI_LIVE, 1000);
	qmac_cli_progress_epochs(&progress, EPOCHS);
	CU_ASSERT_TRUE(qmac_cli_progress_step_text(&progress, 1010, &first, text, sizeof text));
	CU_ASSERT_STRING_EQUAL(text, ", 38 %, 21 min left, epoch 4 min, 10.0 s/step");
	run_steps(&progress, STEPS + 26, 10, &steps, &epochs, text);
	CU_ASSERT_EQUAL(steps, EPOCHS * STEPS - STEPS - 26);
	CU_ASSERT_STRING_EQUAL(text, ", 100 %, epoch 0 s, 10.0 s/step");
}

/* Never beyond its place. */
static void test_narrow(void)
{
	const struct qmac_train_step step = {.epoch = 1, .step = 1, .steps = 1000000};
	struct qmac_cli_progress progress;
	char text[32];

	for (size_t size = 1; size <= 30; size++) {
		memset(text, '#', sizeof text);
		qmac_cli_progress_begin(&progress, QMAC_CLI_LIVE, 1000);
		qmac_cli_progress_epochs(&progress, 1000000);
		CU_ASSERT_TRUE(qmac_cli_progress_step_text(&progress, 2000, &step, text, size));
		CU_ASSERT(strlen(text) == size - 1 && text[size] == '#');
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"lines of a log", test_lines},
		{"a run that goes on", test_resumed},
		{"steps of epochs", test_steps},
		{"a run that goes on within an epoch", test_steps_resumed},
		{"a narrow place", test_narrow},
	};

	return test_main("test_progress", cases, TEST_COUNT(cases));
}
