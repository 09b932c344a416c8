/* Result folders: which are whole and of the same configuration, and what is never left behind. */
#define _POSIX_C_SOURCE 200809L
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "results_case.h"

static void edit_config(const char *run, const char *what, const char *by)
{
	edit_file(run, "config.yaml", what, by);
}

static void test_match(void)
{
	struct qmac_error err;
	struct qmac_hw_file other;

	load(NULL, NULL);
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	CU_ASSERT_FATAL(write_run("match", .125, &err) == QMAC_OK);
	CU_ASSERT_TRUE(qmac_results_match(path_of("match", ""), &config, &hw));
	edit_config("match", "  # default", "  # another place");
	CU_ASSERT_TRUE(qmac_results_match(path_of("match", ""), &config, &hw));
	edit_config("match", "\nseed: 1", "\nseed: 11");
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	edit_config("match", "\nseed: 11", "\nseed: 1");
	CU_ASSERT_TRUE(qmac_results_match(path_of("match", ""), &config, &hw));
	other = hw;
	other.hw.os_max *= 2;
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &other));
	other = hw;
	other.host = (struct qmac_host){1, 1, 1};
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &other));
	load("seed", "7");
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	load(NULL, NULL);
	CU_ASSERT_FATAL(truncate(path_of("match", "summary.json"), 40) == 0);
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
	CU_ASSERT_FATAL(remove(path_of("match", "summary.json")) == 0);
	CU_ASSERT_FALSE(qmac_results_match(path_of("match", ""), &config, &hw));
}

/* Whether the run, written anew, still counts when `file` has lost so many bytes at its end. */
static bool is_whole_without(const char *file, long bytes)
{
	struct qmac_error err;
	struct stat before;

	CU_ASSERT_FATAL(write_run("damaged", .125, &err) == QMAC_OK);
	CU_ASSERT_FATAL(stat(path_of("damaged", file), &before) == 0);
	CU_ASSERT_FATAL(truncate(path_of("damaged", file), before.st_size - bytes) == 0);
	return qmac_results_match(path_of("damaged", ""), &config, &hw);
}

/* From behind the first character of `text`, a line's end, to the end of the file. */
static long length_from(const char *file, const char *text)
{
	const char *at = strstr(text_of("damaged", file), text);

	CU_ASSERT_PTR_NOT_NULL_FATAL(at);
	return (long)strlen(at + 1);
}

/* The same where one byte of `file` is another; at < 0: counted from its end. */
static bool is_whole_with(const char *file, long at, char byte)
{
	struct qmac_error err;
	FILE *out;

	CU_ASSERT_FATAL(write_run("damaged", .125, &err) == QMAC_OK);
	out = fopen(path_of("damaged", file), "r+");
	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT(fseek(out, at, at < 0 ? SEEK_END : SEEK_SET) == 0 && fputc(byte, out) == byte);
	CU_ASSERT_EQUAL(fclose(out), 0);
	return qmac_results_match(path_of("damaged", ""), &config, &hw);
}

/* --resume keeps nothing that is damaged. */
static void test_damaged(void)
{
	static const char *const names[] = {
		"config.yaml", "hw.yaml", "summary.json", "metrics.csv", "layers.csv", "weights.npy", "timeline.json",
	};
	struct stat whole;

	load("timeline", "2");
	for (int i = 0; i < TEST_COUNT(names); i++) {
		CU_ASSERT_TRUE(is_whole_without(names[i], 0));
		CU_ASSERT_FATAL(stat(path_of("damaged", names[i]), &whole) == 0);
		CU_ASSERT_FALSE(is_whole_without(names[i], whole.st_size));
		CU_ASSERT_FALSE(is_whole_without(names[i], whole.st_size / 2));
		if (i >= 3) /* of the others the end of a line is no loss */
			CU_ASSERT_FALSE(is_whole_without(names[i], 1));
		CU_ASSERT_FATAL(remove(path_of("damaged", names[i])) == 0);
		CU_ASSERT_FALSE(qmac_results_match(path_of("damaged", ""), &config, &hw));
	}
	/* Whole lines are missing; a column has another name; an epoch comes twice; other weights. */
	CU_ASSERT_FALSE(is_whole_without("metrics.csv", length_from("metrics.csv", "\n2,")));
	CU_ASSERT_FALSE(is_whole_without("layers.csv", length_from("layers.csv", "\n2,")));
	CU_ASSERT_FALSE(is_whole_with("metrics.csv", 0, 'E'));
	/* One of the rows of an epoch is missing: its cycles are. */
	CU_ASSERT_FALSE(is_whole_without("layers.csv", length_from("layers.csv", "\n2,fc,")));
	CU_ASSERT_FALSE(is_whole_with("layers.csv", 0, 'E'));
	CU_ASSERT_FALSE(is_whole_with("metrics.csv", -length_from("metrics.csv", "\n2,"), '1'));
	CU_ASSERT_FALSE(is_whole_with("weights.npy", 128, 1));
	CU_ASSERT_FALSE(is_whole_with("weights.npy", 1, 'n'));
	/* A plot is an extra. */
	CU_ASSERT_TRUE(is_whole_without("summary.json", 0));
	(void)remove(path_of("damaged", "grad_norm.svg"));
	CU_ASSERT_TRUE(qmac_results_match(path_of("damaged", ""), &config, &hw));
}

/* ---- two writers ---- */
static struct qmac_results *begin(const char *folder, enum qmac_status expected, const char *message)
{
	struct qmac_results *results = NULL;
	struct qmac_error err = {0};

	CU_ASSERT_EQUAL(qmac_results_create(path_of(folder, ""), &config, &hw, &results, &err), expected);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, message));
	CU_ASSERT_FATAL(!results == (expected != QMAC_OK));
	return results;
}

static enum qmac_status end(struct qmac_results *results, struct qmac_error *err)
{
	const struct qmac_train_result trained = {
		.weights = trained_weights, .weight_count = 2, .last = row(0, 4), .kernel = "scalar",
	};
	struct qmac_records records = records_of(0);
	enum qmac_status status = qmac_results_metrics(results, &trained.last, &records, err);

	qmac_records_free(&records);
	if (!status)
		status = qmac_results_finish(results, &trained, .5, err);
	qmac_results_destroy(results);
	return status;
}

static void test_two_writers(void)
{
	struct qmac_results *first, *second;
	struct qmac_error err;

	load(NULL, NULL);
	first = begin("shared", QMAC_OK, "");
	(void)begin("shared", QMAC_LOCKED, " is writing results into ");
	CU_ASSERT_TRUE(exists("shared", "metrics.csv.tmp"));
	CU_ASSERT_EQUAL(end(first, &err), QMAC_OK);
	CU_ASSERT_TRUE(qmac_results_match(path_of("shared", ""), &config, &hw));
	CU_ASSERT_EQUAL(end(begin("shared", QMAC_OK, ""), &err), QMAC_OK);

	/* Given up, the first one's folder goes; it is the next one's then. */
	qmac_results_destroy(begin("gone", QMAC_OK, ""));
	CU_ASSERT_FALSE(exists("gone", ""));
	CU_ASSERT_EQUAL(end(begin("gone", QMAC_OK, ""), &err), QMAC_OK);

	/* Taken away while the first one writes, and made anew: it is the second one's alone. */
	first = begin("moved", QMAC_OK, "");
	CU_ASSERT_EQUAL(rename(path_of("moved", ""), test_path("away")), 0);
	second = begin("moved", QMAC_OK, "");
	CU_ASSERT_EQUAL(end(first, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "moved was removed or replaced"));
	CU_ASSERT_TRUE(exists("moved", "metrics.csv.tmp"));
	CU_ASSERT_FALSE(exists("moved", "config.yaml"));
	CU_ASSERT_EQUAL(end(second, &err), QMAC_OK);
	CU_ASSERT_TRUE(qmac_results_match(path_of("moved", ""), &config, &hw));
}

static void test_full_disk(void)
{
	enum qmac_status growing, finishing;
	struct rlimit old, limit;
	struct qmac_error err;

	load(NULL, NULL);
	signal(SIGXFSZ, SIG_IGN);
	CU_ASSERT_FATAL(getrlimit(RLIMIT_FSIZE, &old) == 0);
	limit = old;
	limit.rlim_cur = 200; /* less than metrics.csv takes */
	CU_ASSERT_FATAL(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	growing = write_run("full", .125, &err);
	limit.rlim_cur = 800; /* more than metrics.csv and layers.csv, less than config.yaml */
	setrlimit(RLIMIT_FSIZE, &limit);
	finishing = write_run("fuller", .125, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT_EQUAL(growing, QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(finishing, QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "config.yaml"));
	CU_ASSERT_FALSE(exists("full", "metrics.csv"));
	CU_ASSERT_FALSE(exists("full", "metrics.csv.tmp"));
	CU_ASSERT_FALSE(exists("fuller", "config.yaml"));
	CU_ASSERT_FALSE(exists("fuller", "config.yaml.tmp"));
	CU_ASSERT_FALSE(exists("fuller", "metrics.csv.tmp"));
	CU_ASSERT_FALSE(exists("fuller", "summary.json"));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"results of the same configuration", test_match},
		{"damaged results are none", test_damaged},
		{"two writers", test_two_writers},
		{"a full disk", test_full_disk},
	};

	return test_main("test_results_kept", cases, TEST_COUNT(cases));
}
