/* Sweeps: the Pareto front, figures against a setting, failing runs, resuming, stopping. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/folder_lock.h"
#include "report/stored.h"
#include "sweep/curve.h"
#include "sweep/row.h"
#include "sweep/sweep.h"
#include "test.h"

/* A row whose result folder says so; cycles < 0: null. */
static void make_row(struct qmac_sweep_row *row, enum qmac_algorithm algorithm, double cycles, double norm)
{
	struct qmac_error err;
	char text[128];

	memset(row, 0, sizeof *row);
	row->config.run.algorithm = algorithm;
	mkdir(test_path("row"), 0777);
	snprintf(text, sizeof text, cycles < 0 ? "{\"cycles\": null, \"grad_norm\": %.17g}"
	         : "{\"grad_norm\": %.17g, \"cycles\": %.17g}", norm, cycles);
	test_write("row/summary.json", text);
	test_write("row/metrics.csv", "epoch\n0\n");
	row->has_result = qmac_stored_read(test_path("row"), &row->stored, &err) == QMAC_OK;
	CU_ASSERT_TRUE_FATAL(row->has_result);
}

static void test_pareto(void)
{
	enum { ROWS = 9 };
	static const bool expected[ROWS] = {
		true,  /* cheapest */
		true,
		false, /* beaten in both */
		true,  /* best norm */
		true,  /* equal to the one before: neither beats the other */
		false, /* same norm as the best, more cycles */
		false, /* host only: its 0 cycles are no merit */
		false, /* diverged */
		false, /* no figure */
	};
	struct qmac_sweep_row *rows = calloc(ROWS, sizeof *rows);

	CU_ASSERT_PTR_NOT_NULL_FATAL(rows);
	make_row(&rows[0], QMAC_HALP, 10, 5);
	make_row(&rows[1], QMAC_HALP, 20, 3);
	make_row(&rows[2], QMAC_HALP, 25, 4);
	make_row(&rows[3], QMAC_LP_SGD, 30, 1);
	make_row(&rows[4], QMAC_LP_SVRG, 30, 1);
	make_row(&rows[5], QMAC_HALP, 31, 1);
	make_row(&rows[6], QMAC_SGD, 0, .5);
	make_row(&rows[7], QMAC_HALP, 1, 1);
	rows[7].answer.result.diverged = true;
	make_row(&rows[8], QMAC_HALP, -1, .1);
	qmac_sweep_mark_pareto(rows, ROWS, "cycles", "grad_norm");
	for (int i = 0; i < ROWS; i++)
		CU_ASSERT_EQUAL(rows[i].pareto, expected[i]);
	/* Without a figure of the device the host-only run competes, and wins. */
	qmac_sweep_mark_pareto(rows, ROWS - 1, "grad_norm", "grad_norm");
	for (int i = 0; i < ROWS - 1; i++)
		CU_ASSERT_EQUAL(rows[i].pareto, i == 6);
	for (int i = 0; i < ROWS; i++)
		qmac_stored_free(&rows[i].stored);
	free(rows);
}

/* Lines of SVRG and of HALP at two widths over two kappas; HALP with two values of mu each. */
static void test_curve(void)
{
	static const double norms[] = {5, 2, /* svrg, kappa 10, 2 */
	                               7, 6, 4, 3, 1, 9, (double)NAN, 8};
	static const struct {
		const char *title;
		double x, y, best;
		int row;
	} expected[] = {
		{"svrg", 2, 2, (double)NAN, 1}, {"svrg", 10, 5, (double)NAN, 0}, {"halp-8", 2, 3, 1, 5},
		{"halp-8", 10, 6, 1, 3}, {"halp-16", 2, 8, 1, 9}, {"halp-16", 10, 1, 0.5, 6},
	};
	struct qmac_sweep_row *rows = calloc(TEST_COUNT(norms), sizeof *rows);
	struct qmac_curve_point *points;
	struct qmac_atomic_file file;
	struct qmac_seeds seeds;
	struct qmac_sweep sweep;
	struct qmac_error err;
	FILE *table = tmpfile();
	char text[1024], folder[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(folder, sizeof folder));
	snprintf(text, sizeof text, "data: conditioned\nhw: \"%s/configs/hw/8x8_w8.yaml\"\n", folder);
	test_write("run.yaml", text);
	test_write("sweep.yaml", "base: run.yaml\nset: {epochs: 2}\nruns:\n"
	           "  - {kappa: [10, 2], algorithm: svrg}\n"
	           "  - {algorithm: halp, bits: [8, 16], kappa: [10, 2], mu: [0.5, 1]}\n"
	           "plot: {x: kappa, y: grad_norm, best: mu}\n");
	if (qmac_sweep_load(&sweep, test_path("sweep.yaml"), &err))
		CU_FAIL_FATAL("load");
	CU_ASSERT_FATAL(sweep.run_count == TEST_COUNT(norms) && rows && table);
	CU_ASSERT(qmac_curve_is_wanted(&sweep) && qmac_curve_check(&sweep, &err) == QMAC_OK);
	for (int i = 0; i < TEST_COUNT(norms); i++) {
		make_row(&rows[i], i < 2 ? QMAC_SVRG : QMAC_HALP, 1, isnan(norms[i]) ? 0 : norms[i]);
		rows[i].answer.result.diverged = isnan(norms[i]);
		rows[i].name = sweep.runs[i].name;
		rows[i].config.run.data = QMAC_DATA_CONDITIONED;
		rows[i].config.run.kappa = (i < 2 ? i : i / 2 - 1) % 2 ? 2 : 10;
		rows[i].config.run.mu = i % 2 ? 1 : 0.5;
	}
	CU_ASSERT_EQUAL_FATAL(qmac_seeds_make(&sweep, rows, &seeds, &err), QMAC_OK);
	CU_ASSERT_EQUAL_FATAL(qmac_curve_make(&sweep, rows, &seeds, &points), TEST_COUNT(expected));
	for (int i = 0; i < TEST_COUNT(expected); i++) {
		CU_ASSERT_STRING_EQUAL(points[i].title, expected[i].title);
		CU_ASSERT(points[i].x == expected[i].x && points[i].y == expected[i].y);
		CU_ASSERT(isnan(expected[i].best) ? isnan(points[i].best) : points[i].best == expected[i].best);
		CU_ASSERT_EQUAL(points[i].row, expected[i].row);
	}
	CU_ASSERT_EQUAL(qmac_curve_write_csv(&sweep, points, 6, test_folder(), &file, &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_atomic_place(&file, &err), QMAC_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("curve.csv"),
	                       "line,kappa,mu,grad_norm,name\nsvrg,2,,2,2-svrg\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("curve.csv"), "\nhalp-8,2,1,3,halp-8-2-1\n"));
	qmac_curve_print(&sweep, points, 6, table);
	rewind(table);
	text[fread(text, 1, sizeof text - 1, table)] = 0;
	CU_ASSERT_PTR_NOT_NULL(strstr(text, "8 (1)  1 (0.5)\n"));
	fclose(table);
	free(points);
	qmac_seeds_free(&seeds);
	for (int i = 0; i < TEST_COUNT(norms); i++)
		qmac_stored_free(&rows[i].stored);
	free(rows);
	qmac_sweep_free(&sweep);
}

static void write_sweep(const char *plot, const char *pareto)
{
	char text[1024], folder[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(folder, sizeof folder));
	snprintf(text, sizeof text, "samples: 40\nfeatures: 6\ninformative: 3\nepochs: 2\n"
	         "hw: \"%s/configs/hw/8x8_w8.yaml\"\n", folder);
	test_write("run.yaml", text);
	/* The third diverges, which it must not. */
	snprintf(text, sizeof text, "base: run.yaml\nset: {seed: 5}\nruns:\n  - {algorithm: [svrg, halp]}\n"
	         "  - {algorithm: sgd, alpha: 1000, divergence: fail}\nplot: %s\npareto: %s\n", plot, pareto);
	test_write("sweep.yaml", text);
}

struct seen {
	int calls, failures, last_done, total;
	const char *damage;  /* this run's metrics.csv is removed when the last run has ended; NULL: none */
	char reason[256];    /* of the last failure, with the run's name */
};

static void on_done(void *context, const char *name, const char *failure, int done, int total)
{
	struct seen *seen = context;
	char path[600];

	if (failure[0])
		snprintf(seen->reason, sizeof seen->reason, "%s: %s", name, failure);
	if (seen->damage && done == total && !failure[0]) {
		snprintf(path, sizeof path, "%s/out/%s/metrics.csv", test_folder(), seen->damage);
		CU_ASSERT(remove(path) == 0);
	}
	seen->calls++;
	seen->failures += failure[0] != 0;
	seen->last_done = done;
	seen->total = total;
}

static enum qmac_status run_sweep(bool resume, const volatile sig_atomic_t *stop, struct seen *seen,
                                  FILE *table, struct qmac_error *err)
{
	char warning[512], folder[600];
	const struct qmac_sweep_options options = {
		.folder = folder, .jobs = 2, .resume = resume, .stop = stop, .on_done = on_done, .context = seen,
		.table = table,
	};
	struct qmac_sweep sweep;
	enum qmac_status status = qmac_sweep_load(&sweep, test_path("sweep.yaml"), err);

	if (status)
		return status;
	snprintf(folder, sizeof folder, "%s", test_path("out"));
	status = qmac_sweep_run(&sweep, &options, warning, sizeof warning, err);
	qmac_sweep_free(&sweep);
	return status;
}

static void test_run(void)
{
	struct qmac_error err;
	struct seen seen = {0};
	FILE *table = tmpfile();
	struct stat before, after;
	int lines = 0;
	char line[256];

	write_sweep("{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}");
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, table, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "1 of 3 runs failed"));
	CU_ASSERT(seen.calls == 3 && seen.failures == 1 && seen.last_done == 3 && seen.total == 3);
	rewind(table);
	while (fgets(line, sizeof line, table))
		lines++;
	CU_ASSERT_EQUAL(lines, 4);
	fclose(table);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/results.csv"), "\nsvrg,svrg,,0.005,,,,5,,2,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/results.csv"), "\nhalp,halp,8,0.005,,3,,5,8x8_w8.yaml,2,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/results.csv"), ",1,ok\n"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/results.csv"), ",0,failed\n"));
	CU_ASSERT_FATAL(stat(test_path("out/halp/summary.json"), &before) == 0);
	/* Again with resume: the same files, the same verdict. */
	CU_ASSERT_EQUAL(run_sweep(true, NULL, &seen, NULL, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_EQUAL(seen.failures, 2);
	CU_ASSERT_FATAL(stat(test_path("out/halp/summary.json"), &after) == 0);
	CU_ASSERT_EQUAL(before.st_ino, after.st_ino);
	/* Without resume: new ones. */
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_FATAL(stat(test_path("out/halp/summary.json"), &after) == 0);
	CU_ASSERT(before.st_ino != after.st_ino || before.st_mtim.tv_nsec != after.st_mtim.tv_nsec);
}

/* A run with a damaged result is done again, the others are kept. */
static void test_repair(void)
{
	struct qmac_error err;
	struct seen seen = {0};
	struct stat before, after;
	char rows[4096];

	write_sweep("{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}");
	test_write("sweep.yaml", "base: run.yaml\nruns:\n  - {algorithm: [svrg, halp]}\n");
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_OK);
	snprintf(rows, sizeof rows, "%s", test_text("out/results.csv"));
	CU_ASSERT_FATAL(stat(test_path("out/svrg/summary.json"), &before) == 0);
	test_write("out/halp/metrics.csv", "");
	CU_ASSERT_EQUAL(run_sweep(true, NULL, &seen, NULL, &err), QMAC_OK);
	CU_ASSERT_EQUAL(seen.failures, 0);
	CU_ASSERT_FATAL(stat(test_path("out/svrg/summary.json"), &after) == 0);
	CU_ASSERT(before.st_ino == after.st_ino && before.st_mtim.tv_nsec == after.st_mtim.tv_nsec);
	CU_ASSERT_STRING_EQUAL(test_text("out/results.csv"), rows);
	CU_ASSERT(test_text("out/halp/metrics.csv")[0] != 0);
}

/* Results that vanish before they are read back: the run that it is about is named, and why. */
static void test_unreadable(void)
{
	struct qmac_error err;
	struct seen seen = {.damage = "halp"};

	write_sweep("{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}");
	test_write("sweep.yaml", "base: run.yaml\nruns:\n  - {algorithm: [svrg, halp]}\n");
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "1 of 2 runs failed"));
	CU_ASSERT(seen.calls == 3 && seen.failures == 1);
	CU_ASSERT_EQUAL(strncmp(seen.reason, "halp: ", 6), 0);
	CU_ASSERT_PTR_NOT_NULL(strstr(seen.reason, "halp/metrics.csv: cannot open: "));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/results.csv"), ",0,failed\n"));
}

/* A mistake in any hardware file is found before a run has begun; so is a second sweep in the folder. */
static void test_hardware_first(void)
{
	struct qmac_folder_lock lock;
	struct qmac_error err;
	struct seen seen = {0};
	char good[300], text[1024], folder[256];

	write_sweep("{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}");
	CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(folder, sizeof folder));
	snprintf(good, sizeof good, "%s/configs/hw/8x8_w8.yaml", folder);
	for (int i = 0; i < 3; i++) {
		static const char *const bad[] = {"bad.yaml", "missing.yaml", "."};
		static const char *const reasons[] = {"rows: 99 is out of range 1..64", "missing.yaml", "folder"};

		test_write("bad.yaml", "rows: 99\n");
		snprintf(text, sizeof text, "base: run.yaml\nruns:\n  - {hw: [\"%s\", %s], seed: [1, 2]}\n", good,
		         bad[i]);
		test_write("sweep.yaml", text);
		CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_BAD_INPUT);
		if (!strstr(qmac_error_text(&err, text, sizeof text), reasons[i])) {
			puts(text);
			CU_FAIL("reason");
		}
	}
	snprintf(text, sizeof text, "base: run.yaml\nruns:\n  - {hw: \"%s\", seed: [1, 2]}\n", good);
	test_write("sweep.yaml", text);
	CU_ASSERT_FATAL(qmac_folder_lock_take(&lock, test_path("out"), &err) == QMAC_OK);
	test_write("out/results.csv", "of the first sweep\n");
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_LOCKED);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, " is writing results into"));
	CU_ASSERT_STRING_EQUAL(test_text("out/results.csv"), "of the first sweep\n");
	CU_ASSERT_EQUAL(seen.calls, 0);
	qmac_folder_lock_release(&lock);
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_OK);
}

static void test_stopped(void)
{
	const volatile sig_atomic_t stop = SIGTERM;
	struct qmac_error err;
	struct seen seen = {0};

	write_sweep("{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}");
	CU_ASSERT_EQUAL(run_sweep(false, &stop, &seen, NULL, &err), QMAC_CHECK_FAILED);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "stopped"));
	CU_ASSERT(access(test_path("out/results.csv"), F_OK) != 0);
}

static void test_columns(void)
{
	static const struct {
		const char *plot, *pareto, *part;
		int line, column; /* of the wrong name */
	} cases[] = {
		{"{x: epoch, y: grad_nrom}", "{x: cycles, y: grad_norm}", "'grad_norm'", 6, 21},
		{"{x: eopch, y: grad_norm}", "{x: cycles, y: grad_norm}", "'epoch'", 6, 11},
		{"{x: epoch, y: grad_norm}", "{x: cycels, y: grad_norm}", "'cycles'", 7, 13},
		{"{x: epoch, y: grad_norm}", "{x: cycles, y: algorithm}", "", 7, 24},
		{"{x: seed, y: grad_norm, best: algorithm}", "{x: cycles, y: grad_norm}",
		 "'algorithm' is no key with a number", 6, 37},
		{"{x: seed, y: alpha}", "{x: cycles, y: grad_norm}", "figure of results.csv for the y of plot",
		 6, 20},
		{"{x: epoch, y: grad_norm, best: mu}", "{x: cycles, y: grad_norm}",
		 "'epoch', is no key of run files", 6, 11},
		{"{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}\ngoal: grad_nrom=1", "'grad_norm'", 8, 7},
		{"{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}\ngoal: 1", "a goal is FIGURE=VALUE", 8, 7},
	};
	struct qmac_error err;
	struct seen seen = {0};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		write_sweep(cases[i].plot, cases[i].pareto);
		CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_BAD_INPUT);
		CU_ASSERT_PTR_NOT_NULL(strstr(err.message, cases[i].part));
		CU_ASSERT(strstr(err.file, "sweep.yaml") && err.line == cases[i].line);
		CU_ASSERT_EQUAL(err.column, cases[i].column);
	}
	CU_ASSERT_EQUAL(seen.calls, 0);
}

/* The whole way, to the files. */
static void test_curve_files(void)
{
	struct qmac_error err;
	struct seen seen = {0};

	write_sweep("{x: seed, y: train_loss}", "{x: cycles, y: grad_norm}");
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_CHECK_FAILED); /* the third diverges */
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/curve.csv"), "line,seed,train_loss,name\nsvrg,5,"));
	CU_ASSERT_PTR_NULL(strstr(test_text("out/curve.csv"), "sgd"));
	if (system("command -v gnuplot >/dev/null") == 0)
		CU_ASSERT(access(test_path("out/sweep.svg"), F_OK) == 0);
	write_sweep("{x: epoch, y: grad_norm}", "{x: cycles, y: grad_norm}");
	CU_ASSERT_EQUAL(run_sweep(false, NULL, &seen, NULL, &err), QMAC_CHECK_FAILED);
	CU_ASSERT(access(test_path("out/curve.csv"), F_OK) != 0); /* an old one does not stay */
}

int main(void)
{
	static const struct test_case cases[] = {
		{"Pareto front", test_pareto},
		{"figures against a setting", test_curve},
		{"their files", test_curve_files},
		{"a run that fails, and resume", test_run},
		{"a damaged result is done again", test_repair},
		{"a result that cannot be read back", test_unreadable},
		{"hardware files and the folder are checked first", test_hardware_first},
		{"a sweep that is stopped", test_stopped},
		{"columns of plot and front are checked first", test_columns},
	};

	return test_main("test_sweep", cases, TEST_COUNT(cases));
}
