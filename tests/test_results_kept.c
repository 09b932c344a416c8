/* Result folders: which are whole and of the same configuration, and what is never left behind. */
#define _POSIX_C_SOURCE 200809L
#include <unistd.h>

#include "report/members.h"
#include "results_case.h"

static void edit_config(const char *run, const char *what, const char *by)
{
	edit_file(run, "config.yaml", what, by);
}

static void test_match(void)
{
	struct qmac_error err;
	struct qmac_hw_file mine;

	load(NULL, NULL);
	CU_ASSERT_FALSE(is_kept("match"));
	CU_ASSERT_FATAL(write_run("match", .125, &err) == QMAC_OK);
	CU_ASSERT_TRUE(is_kept("match"));
	edit_config("match", "  # default", "  # another place");
	CU_ASSERT_TRUE(is_kept("match"));
	edit_config("match", "\nseed: 1", "\nseed: 11");
	CU_ASSERT_FALSE(is_kept("match"));
	CU_ASSERT_PTR_NOT_NULL(strstr(match_of("match")->why, "config.yaml is damaged: "));
	edit_config("match", "\nseed: 11", "\nseed: 1");
	CU_ASSERT_TRUE(is_kept("match"));
	mine = hw;
	hw.hw.os_max *= 2;
	CU_ASSERT_FALSE(is_kept("match"));
	hw = mine;
	hw.host = (struct qmac_host){1, 1, 1};
	CU_ASSERT_FALSE(is_kept("match"));
	CU_ASSERT_STRING_EQUAL(match_of("match")->why, "");
	hw = mine;
	load("seed", "7");
	CU_ASSERT_FALSE(is_kept("match"));
	load(NULL, NULL);
	CU_ASSERT_FATAL(truncate(path_of("match", "summary.json"), 40) == 0);
	CU_ASSERT_FALSE(is_kept("match"));
	CU_ASSERT_FATAL(remove(path_of("match", "summary.json")) == 0);
	CU_ASSERT_FALSE(is_kept("match"));
}

static const char *const names[] = {
	"config.yaml", "hw.yaml", "energy.yaml", "area.yaml", "metrics.csv", "layers.csv", "weights.npy",
	"timeline.json", "summary.json",
};

/* The run, written anew. */
static void restore(void)
{
	struct qmac_error err;

	CU_ASSERT_FATAL(write_run("damaged", .125, &err) == QMAC_OK);
	CU_ASSERT_TRUE(is_kept("damaged"));
}

/* It is not kept, and for the file's sake. */
static void check_blame(const char *name, const char *reason)
{
	const struct qmac_match *match = match_of("damaged");
	char start[64];

	snprintf(start, sizeof start, "%s is %s", name, reason);
	if (match->kept || strncmp(match->why, start, strlen(start)) != 0) {
		puts(match->why);
		CU_FAIL(start);
	}
}

static void set_byte(const char *name, long at, char byte)
{
	FILE *out = fopen(path_of("damaged", name), "r+");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	CU_ASSERT(fseek(out, at, SEEK_SET) == 0 && fputc(byte, out) != EOF && fclose(out) == 0);
}

/* Is a byte of the file part of what a comment says? */
static bool is_comment(const char *name, long at)
{
	const char *text = text_of("damaged", name), *line = text + at;

	while (line > text && line[-1] != '\n')
		line--;
	return strcmp(name, "config.yaml") == 0 && strstr(line, "  # ") && strstr(line, "  # ") <= text + at;
}

/* --resume keeps nothing that is damaged: cut off, lost, or with another byte wherever it is. */
static void test_damaged(void)
{
	load("timeline", "2");
	for (int i = 0; i < TEST_COUNT(names); i++) {
		struct stat whole;

		for (int part = 0; part < 3; part++) {
			restore();
			CU_ASSERT_FATAL(stat(path_of("damaged", names[i]), &whole) == 0);
			CU_ASSERT_FATAL(truncate(path_of("damaged", names[i]), part * whole.st_size / 3) == 0);
			check_blame(names[i], "damaged");
		}
		CU_ASSERT_FATAL(remove(path_of("damaged", names[i])) == 0);
		check_blame(names[i], "missing");
		restore();
		for (long at = 0; at < whole.st_size; at += 1 + whole.st_size / 60) {
			char byte = text_of("damaged", names[i])[at];

			if (is_comment(names[i], at))
				continue;
			set_byte(names[i], at, byte == '1' ? '2' : '1');
			check_blame(names[i], "damaged");
			set_byte(names[i], at, byte);
		}
		CU_ASSERT_TRUE(is_kept("damaged"));
	}
	/* A plot is an extra. */
	(void)remove(path_of("damaged", "grad_norm.svg"));
	CU_ASSERT_TRUE(is_kept("damaged"));
}

/* Without SHA-256 sums nothing is known of the files; with them, those of a report are looked at, too. */
static void test_sums(void)
{
	struct qmac_error err;
	const char *sums;
	char end[1024], why[128];

	load("timeline", "2");
	restore();
	CU_ASSERT_EQUAL(qmac_results_check(path_of("damaged", ""), why, sizeof why, &err), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(why, "");
	for (int i = 0; i < TEST_COUNT(names); i++) {
		restore();
		set_byte(names[i], 5, 'X');
		CU_ASSERT_EQUAL(qmac_results_check(path_of("damaged", ""), why, sizeof why, &err), QMAC_OK);
		CU_ASSERT(strncmp(why, names[i], strlen(names[i])) == 0 && strstr(why, " is damaged: "));
	}
	restore();
	sums = strstr(text_of("damaged", "summary.json"), ",\n\t\"files\"");
	CU_ASSERT_FATAL(sums && strlen(sums) < sizeof end);
	strcpy(end, sums);
	edit_file("damaged", "summary.json", end, "\n}\n");
	check_blame("summary.json", "of an older revision of qmac");
	CU_ASSERT_EQUAL(qmac_results_check(path_of("damaged", ""), why, sizeof why, &err), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(why, "");
}

/* What cannot be read is not taken for damaged, and a run that may take hours is not begun. */
static void test_unreadable(void)
{
	struct qmac_match match;
	struct qmac_error err;
	char text[3200];

	load(NULL, NULL);
	for (int i = 0; i < TEST_COUNT(names); i++) {
		if (strcmp(names[i], "timeline.json") == 0)
			continue;
		restore();
		CU_ASSERT_FATAL(remove(path_of("damaged", names[i])) == 0);
		CU_ASSERT_FATAL(symlink(names[i], path_of("damaged", names[i])) == 0); /* to itself */
		CU_ASSERT_EQUAL(qmac_results_match(path_of("damaged", ""), &config, &hw, &match, &err),
		                QMAC_BAD_INPUT);
		CU_ASSERT(!match.kept && strstr(qmac_error_text(&err, text, sizeof text), names[i]));
		CU_ASSERT_PTR_NOT_NULL(strstr(text, ": cannot open: "));
		CU_ASSERT_FATAL(remove(path_of("damaged", names[i])) == 0);
	}
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
	CU_ASSERT_TRUE(growing("shared", "metrics.csv"));
	CU_ASSERT_EQUAL(end(first, &err), QMAC_OK);
	CU_ASSERT_TRUE(is_kept("shared"));
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
	CU_ASSERT_TRUE(growing("moved", "metrics.csv"));
	CU_ASSERT_FALSE(exists("moved", "config.yaml"));
	CU_ASSERT_EQUAL(end(second, &err), QMAC_OK);
	CU_ASSERT_TRUE(is_kept("moved"));
}

static void test_full_disk(void)
{
	enum qmac_status in_growing, finishing;
	struct rlimit old;
	struct qmac_error err;

	load(NULL, NULL);
	test_limit_file_size(200, &old); /* less than metrics.csv takes */
	in_growing = write_run("full", .125, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	test_limit_file_size(1500, &old); /* more than metrics.csv and layers.csv, less than config.yaml */
	finishing = write_run("fuller", .125, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT_EQUAL(in_growing, QMAC_BAD_INPUT);
	CU_ASSERT_EQUAL(finishing, QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "config.yaml"));
	CU_ASSERT_FALSE(exists("full", "metrics.csv"));
	CU_ASSERT_FALSE(growing("full", "metrics.csv"));
	CU_ASSERT_FALSE(exists("fuller", "config.yaml"));
	CU_ASSERT_FALSE(growing("fuller", "config.yaml"));
	CU_ASSERT_FALSE(growing("fuller", "metrics.csv"));
	CU_ASSERT_FALSE(exists("fuller", "summary.json"));
}

/* The comparison of a result needs no room on any disk. */
static void test_no_room(void)
{
	struct rlimit old;
	char digest[QMAC_SHA256_TEXT];
	enum qmac_status status;
	struct qmac_error err;
	bool kept;

	load(NULL, NULL);
	restore();
	test_limit_file_size(0, &old);
	kept = is_kept("damaged");
	status = qmac_results_digest(&config, &hw, digest, &err);
	setrlimit(RLIMIT_FSIZE, &old);
	CU_ASSERT(kept && status == QMAC_OK);
}

/* What bears the name of a file of the result and is none is found before the run, and stays. */
static void test_names_taken(void)
{
	char path[QMAC_MEMBER_PATH];
	int i = 0;

	load(NULL, NULL);
	CU_ASSERT_FATAL(mkdir(path_of("names", ""), 0777) == 0);
	CU_ASSERT_FATAL(mkdir(path_of("names", "weights"), 0777) == 0);
	for (; qmac_member_path(path_of("names", ""), i, path); i++) {
		CU_ASSERT_FATAL(mkdir(path, 0777) == 0);
		(void)begin("names", QMAC_BAD_INPUT, path);
		CU_ASSERT_EQUAL(rmdir(path), 0);
		CU_ASSERT_FATAL(mkfifo(path, 0666) == 0);
		(void)begin("names", QMAC_BAD_INPUT, "it is not a regular file");
		CU_ASSERT_EQUAL(unlink(path), 0);
	}
	CU_ASSERT(i > QMAC_RESULT_FILES);
	CU_ASSERT_EQUAL(rmdir(path_of("names", "weights")), 0);
	CU_ASSERT_EQUAL(rmdir(path_of("names", "")), 0); /* nothing else is in it */
}

int main(void)
{
	static const struct test_case cases[] = {
		{"results of the same configuration", test_match},
		{"damaged results are none", test_damaged},
		{"SHA-256 sums of the files", test_sums},
		{"results that cannot be read", test_unreadable},
		{"two writers", test_two_writers},
		{"a full disk", test_full_disk},
		{"no disk to compare on", test_no_room},
		{"names that are taken", test_names_taken},
	};

	const char *path = getenv("PATH");
	char *before = strdup(path ? path : "/bin:/usr/bin");
	int status;

	/* Without gnuplot: nothing here is about plots, which would take longer than all the rest. */
	setenv("PATH", test_folder(), 1);
	status = test_main("test_results_kept", cases, TEST_COUNT(cases));
	setenv("PATH", before, 1);
	free(before);
	return status;
}
