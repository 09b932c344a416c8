/*
 * timeline.json of whole runs, as a viewer takes it: every command is an event, those of one thread nest or
 * lie apart (others are dropped without a word), every thread has a name. A resumed run has the same file.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/json.h"
#include "run/job.h"
#include "test.h"

enum { THREADS = 8000, EVENTS = 40000, EPOCHS = 3 };

struct event {
	unsigned process, thread;
	uint64_t start, end;
};

static struct event events[EVENTS];
static int event_count;
static struct {
	bool named, sorted;
	char name[32];
} threads[THREADS];

/* ---- runs ------------------------------------------------------------------------ */

/* Ends the run after the epoch that the context points to. */
static int stop_after(void *context, const struct qmac_metrics *metrics)
{
	return metrics->epoch == *(const int64_t *)context;
}

/* A training in the test's folder `name`; stop: the epoch after which it is ended, 0: none. */
static void run(const char *name, const char *batch, int64_t stop, bool resume)
{
	const struct qmac_setting settings[] = {
		{"samples", "200", "--set"}, {"epochs", "3", "--set"}, {"batch", batch, "--set"},
		{"timeline", "40000", "--set"}, {"hw", "configs/hw/16x16_w8.yaml", "--hw"},
		{"outer", "device", "--set"},
	};
	struct qmac_run_config config;
	struct qmac_job_result result;
	struct qmac_error err;
	struct qmac_job job = {
		.config = &config, .folder = test_path(name), .resume = resume, .on_metrics = stop_after,
		.context = &stop,
	};
	enum qmac_status status = qmac_run_config_load(&config, NULL, settings, TEST_COUNT(settings), &err);

	if (!stop)
		stop = -1;
	if (!status)
		status = qmac_job_run(&job, &result, &err);
	if (status && stop < 0)
		puts(err.message);
	CU_ASSERT_EQUAL_FATAL(status, stop < 0 ? QMAC_OK : QMAC_CHECK_FAILED);
}

static double summary_number(const char *folder, const char *key)
{
	struct qmac_json *summary;
	char path[600];
	double value;

	snprintf(path, sizeof path, "%s/summary.json", test_path(folder));
	CU_ASSERT_EQUAL_FATAL(qmac_json_read(path, &summary, NULL), QMAC_OK);
	value = qmac_json_real(summary, key);
	qmac_json_free(summary);
	return value;
}

/* A whole file; free() it. */
static char *whole_text(const char *folder, size_t *bytes)
{
	char path[600], *text = malloc(16 << 20);
	FILE *in;

	snprintf(path, sizeof path, "%s/timeline.json", test_path(folder));
	in = fopen(path, "rb");
	CU_ASSERT_FATAL(text && in);
	*bytes = fread(text, 1, (16 << 20) - 1, in);
	text[*bytes] = 0;
	fclose(in);
	return text;
}

/* ---- what is in the file ----------------------------------------------------------- */

static void read_metadata(const char *line)
{
	unsigned process, thread, index;
	char name[32];

	if (sscanf(line, "{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": %u, \"tid\": %u, "
	           "\"args\": {\"name\": \"%31[^\"]", &process, &thread, name) == 3) {
		CU_ASSERT_FATAL(thread < THREADS && !threads[thread].named);
		threads[thread].named = true;
		strcpy(threads[thread].name, name);
	} else if (sscanf(line, "{\"name\": \"thread_sort_index\", \"ph\": \"M\", \"pid\": %u, \"tid\": %u, "
	                  "\"args\": {\"sort_index\": %u", &process, &thread, &index) == 3) {
		CU_ASSERT_FATAL(thread < THREADS && !threads[thread].sorted);
		threads[thread].sorted = true;
	}
}

static void read_events(char *text)
{
	event_count = 0;
	memset(threads, 0, sizeof threads);
	for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
		struct event e;
		uint64_t duration;
		char name[16];

		if (sscanf(line, "{\"name\": \"%15[A-Z]\", \"ph\": \"X\", \"pid\": %u, \"tid\": %u, \"ts\": %" SCNu64
		           ", \"dur\": %" SCNu64, name, &e.process, &e.thread, &e.start, &duration) != 5) {
			CU_ASSERT_PTR_NULL(strstr(line, "\"X\""));
			read_metadata(line);
			continue;
		}
		e.end = e.start + duration;
		CU_ASSERT_FATAL(event_count < EVENTS && e.thread < THREADS);
		events[event_count++] = e;
	}
}

/* By thread, then by start, and of those that start together the longest first. */
static int compare(const void *a, const void *b)
{
	const struct event *left = a, *right = b;

	if (left->thread != right->thread)
		return left->thread < right->thread ? -1 : 1;
	if (left->start != right->start)
		return left->start < right->start ? -1 : 1;
	return (left->end < right->end) - (left->end > right->end);
}

/* Of events of one thread none may begin within another and end behind it. */
static int count_torn(void)
{
	static uint64_t open[EVENTS]; /* ends of the events that hold the next one */
	int depth = 0, torn = 0;

	qsort(events, (size_t)event_count, sizeof events[0], compare);
	for (int i = 0; i < event_count; i++) {
		if (!i || events[i].thread != events[i - 1].thread)
			depth = 0;
		while (depth && open[depth - 1] <= events[i].start)
			depth--;
		torn += depth && events[i].end > open[depth - 1];
		open[depth++] = events[i].end;
	}
	return torn;
}

static bool has_thread(const char *name)
{
	for (int i = 0; i < THREADS; i++)
		if (threads[i].named && strcmp(threads[i].name, name) == 0)
			return true;
	return false;
}

/* ---- tests ---------------------------------------------------------------------------- */

static void check_viewable(const char *folder)
{
	size_t bytes;
	char *text = whole_text(folder, &bytes);
	double cycles = summary_number(folder, "cycles");

	read_events(text);
	free(text);
	CU_ASSERT_EQUAL(event_count, (int)summary_number(folder, "commands"));
	CU_ASSERT_EQUAL(count_torn(), 0);
	for (int i = 0; i < event_count; i++) {
		CU_ASSERT(threads[events[i].thread].named && threads[events[i].thread].sorted);
		CU_ASSERT(events[i].process >= 1 && events[i].thread >= 1);
		CU_ASSERT(!threads[events[i].process].named);
		CU_ASSERT((double)events[i].end <= cycles);
	}
	CU_ASSERT(has_thread("load") && has_thread("execute") && has_thread("store") && has_thread("control"));
}

static void test_lanes(void)
{
	run("batch", "16", 0, false);
	check_viewable("batch");
	/* Products overlap, loads and stores do not. */
	CU_ASSERT(has_thread("execute 2") && has_thread("execute 3"));
	CU_ASSERT_FALSE(has_thread("load 2") || has_thread("store 2") || has_thread("control 2"));
}

static void test_one_sample(void)
{
	run("one", "1", 0, false);
	check_viewable("one");
}

/* Lanes that a file has named before are not named again, and the first of them is free. */
static void test_resumed(void)
{
	size_t whole_bytes, parts_bytes;
	char *whole, *parts;

	run("whole", "16", 0, false);
	run("parts", "16", 1, false);
	run("parts", "16", 2, true);
	run("parts", "16", 0, true);
	whole = whole_text("whole", &whole_bytes);
	parts = whole_text("parts", &parts_bytes);
	CU_ASSERT_EQUAL(whole_bytes, parts_bytes);
	CU_ASSERT(whole_bytes == parts_bytes && memcmp(whole, parts, whole_bytes) == 0);
	free(whole);
	free(parts);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"a viewer shows every command of a run in batches", test_lanes},
		{"a viewer shows every command of a run of single samples", test_one_sample},
		{"a resumed run has the same timeline", test_resumed},
	};

	return test_main("test_timeline", cases, TEST_COUNT(cases));
}
