/*
 * Prints the tables of docs/results.md, "What an epoch costs": the inner loop and the full gradient
 * of Figures 1 and 4 apart from one another, both on the device, at several widths and batch sizes.
 * "SVRG-32" is the loop of HALP with z and m' of 32 bits. Figure 4 wants MNIST (make data).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "report/results.h"
#include "test.h"
#include "run/train.h"

enum { KEYS_MAX = 12 };

struct line {
	const char *name, *algorithm, *bits, *mp_bits;
};

/* The last one is what the others are compared with. */
static const struct line lines[] = {
	{"HALP-8", "halp", "8", "8"},
	{"HALP-16", "halp", "16", "16"},
	{"LP-SVRG-8", "lp_svrg", "8", "16"},
	{"LP-SVRG-16", "lp_svrg", "16", "16"},
	{"SVRG-32", "halp", "32", "32"},
};

enum { LINES = sizeof lines / sizeof lines[0], SVRG_32 = LINES - 1 };

/* One epoch. */
struct cost {
	uint64_t inner[QMAC_COUNTERS], outer[QMAC_COUNTERS];
	uint64_t samples; /* that the inner loop visits */
};

static struct cost costs[LINES];

/* Row 0 shows what was spent before, row 1 the epoch. */
static int keep(void *context, const struct qmac_metrics *m, const struct qmac_records *records)
{
	struct cost *cost = context;

	(void)records;
	for (int i = 0; i < QMAC_COUNTERS; i++) {
		cost->outer[i] = m->outer[i];
		cost->inner[i] = m->counters[i] - m->outer[i];
	}
	return 0;
}

/* An epoch of `line` with the batch; limit: samples of a file. */
static enum qmac_status run(const char *file, const struct line *line, const char *batch, const char *limit,
                            struct cost *cost, struct qmac_error *err)
{
	const struct qmac_setting settings[] = {
		{"algorithm", line->algorithm, "--set"}, {"bits", line->bits, "--set"},
		{"mp_bits", line->mp_bits, "--set"}, {"batch", batch, "--set"}, {"limit", limit, "--set"},
		{"outer", "device", "--set"}, {"epochs", "1", "--set"},
	};
	const struct qmac_train_observer observer = {.on_metrics = keep, .context = cost};
	static struct qmac_run_config config;
	struct qmac_train_result result;
	struct qmac_hw hw;
	enum qmac_status status = qmac_run_config_load(&config, file, settings,
	                                               sizeof settings / sizeof settings[0], err);

	if (status == QMAC_OK)
		status = qmac_hw_load(&hw, config.run.hw, err);
	if (status != QMAC_OK)
		return status;
	status = qmac_train(&config.run, &hw, &observer, &result, err);
	if (status == QMAC_OK)
		cost->samples = (uint64_t)result.last.step * (uint64_t)config.run.batch;
	free(result.weights);
	return status;
}

static double utilisation(const uint64_t counters[QMAC_COUNTERS])
{
	enum { ELEMENTS = 16 * 16 };

	return (double)counters[QMAC_COUNTER_MACS] / (double)counters[QMAC_COUNTER_CYCLES] / ELEMENTS;
}

static uint64_t dram_bytes(const uint64_t counters[QMAC_COUNTERS])
{
	return counters[QMAC_COUNTER_DRAM_READ_BYTES] + counters[QMAC_COUNTER_DRAM_WRITE_BYTES];
}

static void print_part(const uint64_t counters[QMAC_COUNTERS])
{
	printf(" | %.3f | %.1f | %.1f | %.1f | %.0f %%", (double)counters[QMAC_COUNTER_CYCLES] * 1e-6,
	       (double)dram_bytes(counters) * 1e-6, (double)counters[QMAC_COUNTER_FETCH_BYTES] * 1e-6,
	       (double)counters[QMAC_COUNTER_MACS] * 1e-6, 100 * utilisation(counters));
}

static double total(const struct cost *cost)
{
	return (double)(cost->inner[QMAC_COUNTER_CYCLES] + cost->outer[QMAC_COUNTER_CYCLES]);
}

static enum qmac_status print_table(const char *title, const char *file, const char *batch,
                                    struct qmac_error *err)
{
	const struct cost *wide = &costs[SVRG_32];
	enum qmac_status status = QMAC_OK;

	for (int i = 0; status == QMAC_OK && i < LINES; i++)
		status = run(file, &lines[i], batch, "0", &costs[i], err);
	if (status != QMAC_OK)
		return status;
	printf("\n%s, batch %s\n\n", title, batch);
	puts("| run | inner loop: 10^6 cycles | DRAM MB | descriptor MB | 10^6 MACs | array in use |"
	     " gradient: 10^6 cycles | DRAM MB | descriptor MB | 10^6 MACs | array in use |"
	     " SVRG-32's inner loop / this one | epoch / epoch |");
	puts("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
	for (int i = 0; i < LINES; i++) {
		printf("| %s", lines[i].name);
		print_part(costs[i].inner);
		print_part(costs[i].outer);
		printf(" | %.2f | %.2f |\n", (double)wide->inner[QMAC_COUNTER_CYCLES] /
		       (double)costs[i].inner[QMAC_COUNTER_CYCLES], total(wide) / total(&costs[i]));
	}
	return QMAC_OK;
}

/* The inner loop of the first 3,000 images, two passes, per sample. */
static enum qmac_status print_batches(struct qmac_error *err)
{
	static const char file[] = "configs/run/mnist_logreg.yaml";
	static const char *const batches[] = {"1", "4", "16", "64", "256", "1024"};
	static const int shown[] = {0, 1, SVRG_32};
	struct cost cost[3];

	puts("\nFigure 4, inner loop by batch size: cycles per sample and share of the array in use\n");
	puts("| batch | HALP-8 | HALP-16 | SVRG-32 | SVRG-32 / HALP-8 |\n|---|---|---|---|---|");
	for (size_t b = 0; b < sizeof batches / sizeof batches[0]; b++) {
		printf("| %s", batches[b]);
		for (int i = 0; i < 3; i++) {
			enum qmac_status status = run(file, &lines[shown[i]], batches[b], "3000", &cost[i], err);

			if (status != QMAC_OK)
				return status;
			printf(" | %.1f, %.1f %%", (double)cost[i].inner[QMAC_COUNTER_CYCLES] / (double)cost[i].samples,
			       100 * utilisation(cost[i].inner));
		}
		printf(" | %.2f |\n", (double)cost[2].inner[QMAC_COUNTER_CYCLES] * (double)cost[0].samples /
		       (double)cost[0].inner[QMAC_COUNTER_CYCLES] / (double)cost[2].samples);
	}
	return QMAC_OK;
}

int main(void)
{
	static const char figure_1[] = "configs/run/fig1.yaml", figure_4[] = "configs/run/mnist_logreg.yaml";
	struct qmac_error err = {0};
	char text[2600];
	enum qmac_status status = print_table("Figure 1", figure_1, "1", &err);

	if (status == QMAC_OK)
		status = print_table("Figure 1", figure_1, "16", &err);
	if (status == QMAC_OK)
		status = print_table("Figure 4", figure_4, "64", &err);
	if (status == QMAC_OK)
		status = print_table("Figure 4", figure_4, "256", &err);
	if (status == QMAC_OK)
		status = print_batches(&err);
	if (status == QMAC_OK)
		return 0;
	fflush(stdout);
	fprintf(stderr, "table_cost: %s\n", qmac_error_text(&err, text, sizeof text));
	return 1;
}
