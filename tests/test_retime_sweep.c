/*
 * Sweeps over hardware, of which one run is trained and the others are timed: the same rows as where all are
 * trained; which are trained, and that the first that can be trained leads; resume of a part.
 */
#define _XOPEN_SOURCE 700
#include <sys/stat.h>
#include <unistd.h>

#include "config/hw_file.h"
#include "shipped_hw.h"
#include "sweep/sweep.h"
#include "test.h"

static struct {
	int ended, stop_after; /* stops behind so many runs; 0: never */
	volatile sig_atomic_t stop;
	char notes[2000]; /* by this process, not by those of runs */
} seen;

static void on_done(void *context, const char *name, const char *failure, int done, int total)
{
	(void)context, (void)name, (void)failure, (void)total;
	seen.ended = done;
	if (done == seen.stop_after)
		seen.stop = SIGTERM;
}

static void on_note(void *context, const char *text)
{
	size_t used = strlen(seen.notes);

	(void)context;
	snprintf(seen.notes + used, sizeof seen.notes - used, "%s\n", text);
}

/* A run file, hardware in which the first is too small, and the sweep. */
static void write_files(const char *head, const char *runs)
{
	struct qmac_hw hw = shipped_hw("16x16_w8");
	char text[1000];

	test_write("run.yaml", "samples: 40\nfeatures: 90\ninformative: 3\nepochs: 2\nalgorithm: halp\nbatch: 4\n"
	           "hw: 0.yaml\n");
	for (int i = 0; i < 4; i++) {
		char name[16];
		FILE *out;

		snprintf(name, sizeof name, "%d.yaml", i);
		out = fopen(test_path(name), "w");
		CU_ASSERT_PTR_NOT_NULL_FATAL(out);
		hw.acc_bits = i ? 40 + 4 * i : 16;
		hw.dram_latency = 10 * i;
		hw.cols = 4 << i;
		hw.lut_ports = 4;
		qmac_hw_file_print(&(struct qmac_hw_file){.hw = hw, .dram_energy = QMAC_DRAM_DDR4}, out);
		fclose(out);
	}
	snprintf(text, sizeof text, "base: run.yaml\n%sruns:\n%s", head, runs);
	test_write("sweep.yaml", text);
}

static enum qmac_status run_sweep(const char *name, bool resume, int stop_after)
{
	char warning[512], folder[600];
	const struct qmac_sweep_options options = {
		.folder = folder, .jobs = 2, .resume = resume, .stop = &seen.stop, .on_done = on_done,
		.on_note = on_note,
	};
	struct qmac_sweep sweep;
	struct qmac_error err;
	enum qmac_status status = qmac_sweep_load(&sweep, test_path("sweep.yaml"), &err);

	CU_ASSERT_EQUAL_FATAL(status, QMAC_OK);
	memset(&seen, 0, sizeof seen);
	seen.stop_after = stop_after;
	snprintf(folder, sizeof folder, "%s", test_path(name));
	status = qmac_sweep_run(&sweep, &options, warning, sizeof warning, &err);
	qmac_sweep_free(&sweep);
	return status;
}

enum { LINES = 16, FIELDS = 30, TIMED_FROM = 25 };

/* Field `number` of the row of a run in results.csv, counted from 0. */
static const char *field(const char *folder, const char *run, int number)
{
	static char value[200];
	char name[100];
	const char *at;

	snprintf(name, sizeof name, "%s/results.csv", folder);
	at = test_csv_field(name, run, number);
	snprintf(value, sizeof value, "%.*s", (int)strcspn(at, ",\n"), at);
	return value;
}

static void expect_from(const char *folder, const char *run, const char *from)
{
	if (strcmp(field(folder, run, TIMED_FROM), from) != 0)
		printf("%s: %s in place of %s\n", run, field(folder, run, TIMED_FROM), from);
	CU_ASSERT_STRING_EQUAL(field(folder, run, TIMED_FROM), from);
}

static const char four[] = "  - {hw: [0.yaml, 1.yaml, 2.yaml, 3.yaml]}\n";

/* The first cannot be trained; the second leads. The rows are those of a sweep that trains everything. */
static void test_rows(void)
{
	char other[200];

	write_files("", four);
	CU_ASSERT_EQUAL(run_sweep("timed", false, 0), QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(seen.ended, 4);
	expect_from("timed", "0.yaml", "");
	expect_from("timed", "1.yaml", "");
	expect_from("timed", "2.yaml", "1.yaml");
	expect_from("timed", "3.yaml", "1.yaml");
	write_files("retime: false\n", four);
	CU_ASSERT_EQUAL(run_sweep("trained", false, 0), QMAC_BAD_INPUT);
	expect_from("trained", "3.yaml", "");
	for (int run = 0; run < 4; run++)
		for (int i = 0; i < TIMED_FROM + 3; i++) {
			char name[16];

			snprintf(name, sizeof name, "%d.yaml", run);
			snprintf(other, sizeof other, "%s", field("trained", name, i));
			if (i != TIMED_FROM)
				CU_ASSERT_STRING_EQUAL(field("timed", name, i), other);
		}
}

/* Of two seeds each has a training; what does not use the device, and timelines, are trained. */
static void test_trained(void)
{
	write_files("", "  - {seed: [1, 2], hw: [1.yaml, 2.yaml]}\n"
	            "  - {name: line, timeline: 5, hw: [1.yaml, 2.yaml]}\n"
	            "  - {name: host, algorithm: svrg, hw: [1.yaml, 2.yaml]}\n");
	CU_ASSERT_EQUAL(run_sweep("mixed", false, 0), QMAC_OK);
	expect_from("mixed", "1-1.yaml", "");
	expect_from("mixed", "1-2.yaml", "1-1.yaml");
	expect_from("mixed", "2-1.yaml", "");
	expect_from("mixed", "2-2.yaml", "2-1.yaml");
	expect_from("mixed", "line-2.yaml", "");
	expect_from("mixed", "host-2.yaml", "");
	CU_ASSERT_STRING_EQUAL(seen.notes, "");
}

static int64_t when(const char *run)
{
	struct stat is;
	char name[100];

	snprintf(name, sizeof name, "parts/%s/summary.json", run);
	CU_ASSERT_FATAL(stat(test_path(name), &is) == 0);
	return (int64_t)is.st_ino;
}

/* Stopped behind the training; then the rest; a run that is lost; and everything trained. */
static void test_resume(void)
{
	static const char three[] = "  - {hw: [1.yaml, 2.yaml, 3.yaml]}\n";
	int64_t first, second, third;

	write_files("", three);
	CU_ASSERT_EQUAL(run_sweep("parts", false, 1), QMAC_CHECK_FAILED);
	CU_ASSERT(access(test_path("parts/2.yaml/summary.json"), F_OK) != 0);
	first = when("1.yaml");
	CU_ASSERT_EQUAL(run_sweep("parts", true, 0), QMAC_OK);
	CU_ASSERT_EQUAL(when("1.yaml"), first);
	expect_from("parts", "3.yaml", "1.yaml");
	second = when("2.yaml");
	CU_ASSERT_FATAL(remove(test_path("parts/3.yaml/metrics.csv")) == 0);
	CU_ASSERT_EQUAL(run_sweep("parts", true, 0), QMAC_OK);
	CU_ASSERT(when("1.yaml") == first && when("2.yaml") == second);
	expect_from("parts", "3.yaml", "1.yaml");
	third = when("3.yaml");
	CU_ASSERT_FATAL(remove(test_path("parts/1.yaml/metrics.csv")) == 0);
	CU_ASSERT_EQUAL(run_sweep("parts", true, 0), QMAC_OK);
	CU_ASSERT(when("2.yaml") == second && when("3.yaml") == third);
	expect_from("parts", "2.yaml", "1.yaml");
	write_files("retime: false\n", three);
	CU_ASSERT_EQUAL(run_sweep("parts", true, 0), QMAC_OK);
	expect_from("parts", "2.yaml", "");
	expect_from("parts", "3.yaml", "");
}

int main(void)
{
	const struct test_case cases[] = {
		{"rows", test_rows}, {"what is trained", test_trained}, {"resume", test_resume},
	};

	return test_main("test_retime_sweep", cases, TEST_COUNT(cases));
}
