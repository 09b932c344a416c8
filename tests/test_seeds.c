/* Statistics over seeds: groups, their names, means and ranges, gaps, files and tables. */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "report/stored.h"
#include "sweep/curve.h"
#include "sweep/row.h"
#include "sweep/seeds.h"
#include "sweep/sweep.h"
#include "test.h"

/* A sweep with the rows of its runs, none of which has a result. */
struct bench {
	struct qmac_sweep sweep;
	struct qmac_sweep_row *rows;
	struct qmac_seeds seeds;
};

/* `rest` stands behind the base of the sweep file: runs, and perhaps set and plot. */
static void set_up(struct bench *bench, const char *rest)
{
	struct qmac_error err;
	char text[2048], folder[256];

	CU_ASSERT_PTR_NOT_NULL_FATAL(getcwd(folder, sizeof folder));
	snprintf(text, sizeof text, "samples: 40\nfeatures: 6\ninformative: 3\nepochs: 6\n"
	         "hw: \"%s/configs/hw/8x8_w8.yaml\"\n", folder);
	test_write("run.yaml", text);
	snprintf(text, sizeof text, "base: run.yaml\n%s", rest);
	test_write("sweep.yaml", text);
	if (qmac_sweep_load(&bench->sweep, test_path("sweep.yaml"), &err))
		CU_FAIL_FATAL("load");
	bench->rows = calloc((size_t)bench->sweep.run_count, sizeof *bench->rows);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bench->rows);
	for (int i = 0; i < bench->sweep.run_count; i++) {
		const struct qmac_sweep_run *run = &bench->sweep.runs[i];

		bench->rows[i].name = run->name;
		if (qmac_run_config_load(&bench->rows[i].config, bench->sweep.base, run->settings,
		                         run->setting_count, &err))
			CU_FAIL_FATAL("configuration");
	}
	CU_ASSERT_EQUAL_FATAL(qmac_seeds_make(&bench->sweep, bench->rows, &bench->seeds, &err), QMAC_OK);
}

/* Gives a run its metrics.csv and the last gradient norm of its summary.json. */
static void give(struct bench *bench, int number, const char *metrics, double norm, bool diverged)
{
	struct qmac_sweep_row *row = &bench->rows[number];
	struct qmac_error err;
	char text[128];

	mkdir(test_path("row"), 0777);
	snprintf(text, sizeof text, "{\"grad_norm\": %.17g}", norm);
	test_write("row/summary.json", text);
	test_write("row/metrics.csv", metrics);
	row->has_result = qmac_stored_read(test_path("row"), &row->stored, &err) == QMAC_OK;
	row->answer.result.diverged = diverged;
	CU_ASSERT_TRUE_FATAL(row->has_result);
}

static void tear_down(struct bench *bench)
{
	for (int i = 0; i < bench->sweep.run_count; i++)
		if (bench->rows[i].has_result)
			qmac_stored_free(&bench->rows[i].stored);
	free(bench->rows);
	qmac_seeds_free(&bench->seeds);
	qmac_sweep_free(&bench->sweep);
}

/* Checks names and members of all groups: "halp-8: 0 1 2; svrg: 3; ". */
static void check_groups(const char *rest, const char *expected)
{
	char text[1024] = "";
	struct bench bench;

	set_up(&bench, rest);
	for (int k = 0; k < bench.seeds.count; k++) {
		const struct qmac_seed_group *group = &bench.seeds.groups[k];
		int count = 0;

		sprintf(text + strlen(text), "%s:", group->name);
		for (int i = group->first; i >= 0; i = bench.seeds.next[i], count++)
			sprintf(text + strlen(text), " %d", i);
		strcat(text, "; ");
		CU_ASSERT_EQUAL(count, group->run_count);
	}
	CU_ASSERT_STRING_EQUAL(text, expected);
	if (strcmp(text, expected) != 0)
		printf("\n  %s\n", text);
	tear_down(&bench);
}

static void test_groups(void)
{
	check_groups("runs:\n  - {algorithm: [halp, lp_svrg], seed: [1, 3, 4]}\n",
	             "halp: 0 1 2; lp_svrg: 3 4 5; ");
	/* The seed varies slowest; a group of one. */
	check_groups("runs:\n  - {seed: [1, 2], algorithm: halp, bits: [8, 16]}\n  - {algorithm: svrg}\n",
	             "halp-8: 0 2; halp-16: 1 3; svrg: 4; ");
	/* Nothing but the seed varies. */
	check_groups("runs:\n  - {algorithm: halp, seed: [1, 2]}\n", "run: 0 1; ");
	/* Names of entries; the order of keys does not matter, nor where a seed comes from. */
	check_groups("runs:\n  - {name: h, algorithm: halp, bits: [8, 16], seed: [2, 3]}\n"
	             "  - {name: other, bits: 8, algorithm: halp}\n", "h-8: 0 1 4; h-16: 2 3; ");
	/* A key in `set` is as good as the same key in the entry, which overrides it. */
	check_groups("set: {bits: 8, seed: 9}\nruns:\n  - {algorithm: halp, bits: [8, 16], seed: [1, 2]}\n"
	             "  - {algorithm: halp}\n", "8: 0 1 4; 16: 2 3; ");
	/* Settings differ, names do not but for the seed. */
	check_groups("runs:\n  - {name: h, algorithm: halp, mu: 1, seed: [1, 2]}\n"
	             "  - {name: h, algorithm: halp, mu: 2, seed: [3, 4]}\n", "h: 0 1; h-3: 2 3; ");
	/* A seed that comes twice counts once: 1 is that of the run file. */
	check_groups("runs:\n  - {algorithm: [halp, svrg]}\n  - {algorithm: halp, seed: [1, 2]}\n",
	             "halp: 0 3; svrg: 1; ");
}

static void test_no_groups(void)
{
	check_groups("set: {seed: 5}\nruns:\n  - {algorithm: [halp, svrg]}\n", "");
	check_groups("runs:\n  - {algorithm: halp, seed: 1}\n  - {algorithm: svrg, seed: 2}\n", "");
	/* One of them has a setting more. */
	check_groups("runs:\n  - {algorithm: halp}\n  - {algorithm: halp, mu: 2, seed: 2}\n", "");
	check_groups("runs:\n  - {algorithm: halp, mu: 2, seed: 2}\n  - {algorithm: halp}\n", "");
	/* Twice the same run is no statistics. */
	check_groups("runs:\n  - {name: a, algorithm: halp}\n  - {name: b, algorithm: halp}\n", "");
}

/* Its folder would lie where the file goes. */
static void test_name_of_file(void)
{
	struct qmac_sweep sweep;
	struct qmac_error err;
	struct bench bench;

	set_up(&bench, "runs:\n  - {name: seeds}\n");
	tear_down(&bench);
	test_write("sweep.yaml", "base: run.yaml\nruns:\n  - {name: seeds.csv}\n");
	CU_ASSERT_EQUAL(qmac_sweep_load(&sweep, test_path("sweep.yaml"), &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "'seeds.csv' is the name of a file of the sweep itself"));
}

static bool is_near(double value, double expected)
{
	return fabs(value - expected) <= 1e-14 * fabs(expected);
}

static void test_spread(void)
{
	static const double values[] = {8, 1, 27}, zero[] = {4, 0}, negative[] = {-2, 8};
	const double one = 0.1, gap[] = {8, (double)NAN, 27}, wild[] = {(double)INFINITY, 2};
	const double tenths[] = {0.1, 0.1, 0.1};
	struct qmac_spread s = qmac_seeds_spread("grad_norm", values, 3);

	CU_ASSERT(s.count == 3 && is_near(s.mean, 6) && s.min == 1 && s.max == 27);
	s = qmac_seeds_spread("test_accuracy", values, 3);
	CU_ASSERT(s.count == 3 && s.mean == 12 && s.min == 1 && s.max == 27);
	/* What is geometric. */
	CU_ASSERT(is_near(qmac_seeds_spread("train_loss", values, 3).mean, 6));
	CU_ASSERT(is_near(qmac_seeds_spread("test_loss", values, 3).mean, 6));
	CU_ASSERT(is_near(qmac_seeds_spread("delta", values, 3).mean, 6));
	CU_ASSERT_EQUAL(qmac_seeds_spread("cycles", values, 3).mean, 12);
	/* Equal figures have themselves as mean, to the last bit. */
	CU_ASSERT_EQUAL(qmac_seeds_spread("grad_norm", &one, 1).mean, one);
	CU_ASSERT_EQUAL(qmac_seeds_spread("grad_norm", tenths, 3).mean, one);
	CU_ASSERT_EQUAL(qmac_seeds_spread("cycles", tenths, 3).mean, one);
	CU_ASSERT_EQUAL(qmac_seeds_spread("grad_norm", zero, 2).mean, 0);
	s = qmac_seeds_spread("train_loss", negative, 2);
	CU_ASSERT(s.count == 2 && isnan(s.mean) && s.min == -2 && s.max == 8);
	CU_ASSERT_EQUAL(qmac_seeds_spread("cycles", negative, 2).mean, 3);
	s = qmac_seeds_spread("grad_norm", gap, 3);
	CU_ASSERT(s.count == 2 && isnan(s.mean) && isnan(s.min) && isnan(s.max));
	s = qmac_seeds_spread("test_accuracy", wild, 2);
	CU_ASSERT(s.count == 1 && isnan(s.mean) && isnan(s.min) && isnan(s.max));
}

/* HALP with three whole runs, LP-SVRG of which one diverges and stops, SGD with one run, one that failed. */
static void set_up_figures(struct bench *bench, const char *plot)
{
	char rest[512];

	snprintf(rest, sizeof rest, "runs:\n  - {algorithm: [halp, lp_svrg], seed: [1, 2, 3]}\n"
	         "  - {algorithm: [sgd, svrg]}\n%s", plot);
	set_up(bench, rest);
	give(bench, 0, "epoch,grad_norm,test_accuracy\n0,100,0.1\n5,2,0.5\n6,1,0.8\n", 1, false);
	give(bench, 1, "epoch,grad_norm,test_accuracy\n0,100,0.1\n5,4,0.6\n6,1,0.9\n", 1, false);
	give(bench, 2, "epoch,grad_norm,test_accuracy\n0,100,0.1\n5,8,0.7\n6,8,0.7\n", 8, false);
	give(bench, 3, "epoch,grad_norm,test_accuracy\n0,10,0.1\n5,3,0.5\n6,2,0.5\n", 2, false);
	give(bench, 4, "epoch,grad_norm,test_accuracy\n0,1000,0.1\n5,inf,\n", 0, true);
	give(bench, 5, "epoch,grad_norm,test_accuracy\n0,100,0.1\n5,5,0.5\n6,4,0.5\n", 4, false);
	give(bench, 6, "epoch,grad_norm,test_accuracy\n0,7,0.1\n1,0.3,0.25\n", 0.3, false);
}

/* A CSV's mean is as near as exp and log are; everything else is exact. */
static void check_line(const char *head, double mean, const char *tail)
{
	const char *line = strstr(test_text("seeds.csv"), head);
	char *end;

	CU_ASSERT_PTR_NOT_NULL_FATAL(line);
	CU_ASSERT(is_near(strtod(line + strlen(head), &end), mean));
	CU_ASSERT_EQUAL(strncmp(end, tail, strlen(tail)), 0);
}

static void write_csv(const struct bench *bench)
{
	struct qmac_atomic_file file;
	struct qmac_error err;

	CU_ASSERT_EQUAL(qmac_seeds_write_csv(&bench->sweep, &bench->seeds, bench->rows, test_folder(), &file,
	                                     &err),
	                QMAC_OK);
	CU_ASSERT_EQUAL(qmac_atomic_place(&file, &err), QMAC_OK);
}

static void test_csv(void)
{
	static const char head[] = "name,epoch,seeds,grad_norm_mean,grad_norm_min,grad_norm_max\n"
	                           "halp,0,3,100,100,100\n";
	struct bench bench;
	int lines = 0;

	set_up_figures(&bench, "");
	write_csv(&bench);
	CU_ASSERT_EQUAL(strncmp(test_text("seeds.csv"), head, strlen(head)), 0);
	check_line("\nhalp,5,3,", 4, ",2,8\n");
	check_line("\nhalp,6,3,", 2, ",1,8\n");
	check_line("\nlp_svrg,0,3,", 100, ",10,1000\n");
	/* The run that diverged at epoch 5 leaves no mean there, nor behind its end. */
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("seeds.csv"),
	                       "\nlp_svrg,5,2,,,\nlp_svrg,6,2,,,\nsgd,0,1,7,7,7\n"));
	/* A group of one; one without a result has no rows. */
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("seeds.csv"), "\nsgd,1,1,0.3,0.3,0.3\n"));
	CU_ASSERT_PTR_NULL(strstr(test_text("seeds.csv"), "\nsvrg"));
	for (const char *c = test_text("seeds.csv"); *c; c++)
		lines += *c == '\n';
	CU_ASSERT_EQUAL(lines, 1 + 7 + 7 + 2);
	tear_down(&bench);
	/* The column of the plot. */
	set_up_figures(&bench, "plot: {x: epoch, y: test_accuracy}\n");
	write_csv(&bench);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("seeds.csv"), ",seeds,test_accuracy_mean,test_accuracy_min,"));
	check_line("\nhalp,5,3,", 0.6, ",0.5,0.7\n");
	check_line("\nhalp,6,3,", 0.8, ",0.7,0.9\n");
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("seeds.csv"), "\nlp_svrg,5,2,,,\n"));
	tear_down(&bench);
	/* A figure that metrics.csv does not have. */
	set_up_figures(&bench, "plot: {x: bits, y: epochs}\n");
	write_csv(&bench);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("seeds.csv"), "grad_norm_mean"));
	tear_down(&bench);
}

static void test_table(void)
{
	static const char expected[] =
		"\n"
		"grad_norm over seeds at epoch           5        last  seeds\n"
		"halp                           4 [2 .. 8]  2 [1 .. 8]      3\n"
		"lp_svrg                            2 of 3      2 of 3      3\n"
		"sgd                                     -         0.3      1\n"
		"svrg                                    -           -      1\n";
	FILE *table = tmpfile();
	struct bench bench;
	char text[1024];

	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
	set_up_figures(&bench, "");
	qmac_seeds_print(&bench.sweep, &bench.seeds, bench.rows, table);
	rewind(table);
	text[fread(text, 1, sizeof text - 1, table)] = 0;
	CU_ASSERT_STRING_EQUAL(text, expected);
	if (strcmp(text, expected) != 0)
		printf("\n%s", text);
	fclose(table);
	tear_down(&bench);
}

/* Final figures against kappa: the best mu is that of the best mean, not of the best run. */
static void test_curve(void)
{
	static const double norms[] = {
		1, 100, 4, 9, /* kappa 2: mu 0.5 with mean 10, mu 1 with mean 6 */
		2, 8, 1, 1,   /* kappa 10: mu 0.5 with mean 4; with mu 1 a run diverges */
	};
	static const char runs[] = "set: {data: conditioned}\nruns:\n"
		"  - {algorithm: halp, kappa: [2, 10], mu: [0.5, 1], seed: [1, 2]}\n";
	struct qmac_curve_point *points;
	struct qmac_atomic_file file;
	struct qmac_error err;
	struct bench bench;
	char rest[512];

	snprintf(rest, sizeof rest, "%splot: {x: kappa, y: grad_norm, best: mu}\n", runs);
	set_up(&bench, rest);
	for (int i = 0; i < TEST_COUNT(norms); i++)
		give(&bench, i, "epoch,grad_norm\n0,1\n", norms[i], i == 7);
	CU_ASSERT_EQUAL_FATAL(qmac_curve_make(&bench.sweep, bench.rows, &bench.seeds, &points), 2);
	CU_ASSERT(points[0].x == 2 && is_near(points[0].y, 6) && points[0].best == 1);
	CU_ASSERT(points[1].x == 10 && is_near(points[1].y, 4) && points[1].best == 0.5);
	CU_ASSERT_STRING_EQUAL(points[0].title, "grad_norm"); /* one line: its title does not tell the seed */
	CU_ASSERT_STRING_EQUAL(points[0].name, "2-1");
	CU_ASSERT_EQUAL(points[0].row, 2);
	CU_ASSERT_EQUAL(qmac_curve_write_csv(&bench.sweep, points, 2, test_folder(), &file, &err), QMAC_OK);
	CU_ASSERT_EQUAL(qmac_atomic_place(&file, &err), QMAC_OK);
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("curve.csv"), ",2-1\ngrad_norm,10,0.5,"));
	free(points);
	/* With the seed as an axis, or to be chosen, there is a point for each. */
	strcpy(bench.sweep.plot_best, "seed");
	CU_ASSERT_EQUAL(qmac_curve_make(&bench.sweep, bench.rows, &bench.seeds, &points), 4);
	CU_ASSERT(points[0].y == 1 && points[0].best == 1 && points[0].row == 0);
	free(points);
	strcpy(bench.sweep.plot_x, "seed");
	bench.sweep.plot_best[0] = 0;
	CU_ASSERT_EQUAL(qmac_curve_make(&bench.sweep, bench.rows, &bench.seeds, &points), 7);
	free(points);
	tear_down(&bench);
}

/* Trains; returns what stands in the table. */
static const char *run_sweep(const char *rest)
{
	static char text[4096];
	char warning[512], folder[600];
	FILE *table = tmpfile();
	const struct qmac_sweep_options options = {.folder = folder, .jobs = 2, .table = table};
	struct qmac_error err;
	struct bench bench;

	CU_ASSERT_PTR_NOT_NULL_FATAL(table);
	set_up(&bench, rest);
	snprintf(folder, sizeof folder, "%s", test_path("out"));
	CU_ASSERT_EQUAL(qmac_sweep_run(&bench.sweep, &options, warning, sizeof warning, &err), QMAC_OK);
	rewind(table);
	text[fread(text, 1, sizeof text - 1, table)] = 0;
	fclose(table);
	tear_down(&bench);
	return text;
}

static bool has_curve(const char *title)
{
	char text[160];

	snprintf(text, sizeof text, ">%s<", title);
	return strstr(test_text("out/sweep.svg"), text) != NULL;
}

/* The whole way, to the files. */
static void test_files(void)
{
	const char *table = run_sweep("runs:\n  - {algorithm: [svrg, halp], seed: [1, 2]}\n"
	                              "plot: {x: data_passes, y: grad_norm}\n");

	CU_ASSERT_PTR_NOT_NULL(strstr(table, "\n\ngrad_norm over seeds at epoch  "));
	CU_ASSERT_PTR_NOT_NULL(strstr(table, "\nsvrg  "));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/seeds.csv"), "\nhalp,6,2,"));
	CU_ASSERT_PTR_NOT_NULL(strstr(test_text("out/results.csv"), "\nhalp-2,"));
	if (system("command -v gnuplot >/dev/null") == 0)
		CU_ASSERT(has_curve("svrg") && has_curve("halp") && !has_curve("halp-1"));
	/* No group: no file, not even an old one, no table, a curve for each run. */
	table = run_sweep("set: {seed: 2}\nruns:\n  - {algorithm: [svrg, halp]}\n"
	                  "plot: {x: epoch, y: grad_norm}\n");
	CU_ASSERT_PTR_NULL(strstr(table, "seeds"));
	CU_ASSERT(access(test_path("out/seeds.csv"), F_OK) != 0);
	if (system("command -v gnuplot >/dev/null") == 0)
		CU_ASSERT(has_curve("svrg") && has_curve("halp"));
}

int main(void)
{
	static const struct test_case cases[] = {
		{"groups and their names", test_groups},
		{"no groups", test_no_groups},
		{"a run called like the file", test_name_of_file},
		{"means and ranges", test_spread},
		{"the file: a diverged run, a group of one", test_csv},
		{"the table", test_table},
		{"figures against a setting", test_curve},
		{"the whole way", test_files},
	};

	return test_main("test_seeds", cases, TEST_COUNT(cases));
}
