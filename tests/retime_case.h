/* For the tests of re-timed runs: hardware files, and whether two result folders are the same. */
#ifndef QMAC_TESTS_RETIME_CASE_H
#define QMAC_TESTS_RETIME_CASE_H

#include "config/hw_file.h"
#include "image_files.h"
#include "net_runs.h"
#include "report/members.h"
#include "report/results.h"
#include "report/tensors.h"

enum { LAYER_ENERGY_FIELD = 7, ZERO_FIELD = 10, ZERO_MACS_FIELD = 22, MAC_ENERGY_FIELD = 23, ENERGY_FIELD = 8,
       ENERGY_LOW_FIELD = 21, ENERGY_HIGH_FIELD = 22 };

static inline void write_hw(const char *name, const struct qmac_hw *hw)
{
	const struct qmac_hw_file file = {.hw = *hw, .dram_energy = QMAC_DRAM_DDR4};
	FILE *out = fopen(test_path(name), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(out);
	qmac_hw_file_print(&file, out);
	fclose(out);
}

/*
 * What is known of products with a zero operand of a run that is timed: all where its layers have the MACs of
 * the training; with multipliers of other widths nothing.
 */
static enum { ZEROS_EXACT, ZEROS_BY_SHARE, ZEROS_UNKNOWN } zeros_known;

static inline bool begins_with(const char *line, const char *const *keys, int count)
{
	for (int i = 0; i < count; i++)
		if (strncmp(line, keys[i], strlen(keys[i])) == 0)
			return true;
	return false;
}

/*
 * Lines of a summary.json that are no part of what a run is, name files that are compared anyway, or have
 * joules as if no product had a zero operand, those of the speed-up.
 */
static inline bool is_own_line(const char *line)
{
	static const char *const own[] = {"\t\"timed_from\"", "\t\"wall_seconds\"", "\t\"summary_sha256\"",
	                                  "\t\t\"config.yaml\"", "\t\t\"layers.csv\"", "\t\t\"metrics.csv\"",
	                                  "\t\t\"joules\""};
	static const char *const unknown[] = {"\t\t\"zero_macs\"", "\t\"energy_j\"", "\t\"energy_low_j\"",
	                                      "\t\"energy_high_j\"", "\t\"energy_note\"", "\t\t\"mac\""};

	return begins_with(line, own, TEST_COUNT(own)) ||
	       (zeros_known != ZEROS_EXACT && begins_with(line, unknown, TEST_COUNT(unknown)));
}

/* The next line that counts, behind which `at` moves; NULL: none is left. */
static inline char *next_own(char **at)
{
	char *line;

	do {
		line = *at;
		if (!*line)
			return NULL;
		*at += strcspn(line, "\n");
		if (**at)
			*(*at)++ = 0;
	} while (is_own_line(line));
	return line;
}

static inline char *copy_text(const char *folder, const char *file)
{
	char name[200], *copy;

	snprintf(name, sizeof name, "%s/%s", folder, file);
	copy = malloc(strlen(test_text(name)) + 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	return strcpy(copy, test_text(name));
}

/* Takes field `number` out of a line of a table. */
static inline void drop_field(char *line, int number)
{
	char *end;

	while (line && number-- > 0) {
		line = strchr(line, ',');
		line += line != NULL;
	}
	if (!line)
		return;
	end = line + strcspn(line, ",");
	memmove(line, end, strlen(end) + 1);
}

/* What need not be the same: products with a zero operand, and energy. */
static inline void drop_unknown(const char *file, char *line)
{
	if (zeros_known == ZEROS_EXACT)
		return;
	if (strcmp(file, "layers.csv") == 0) {
		drop_field(line, MAC_ENERGY_FIELD);
		drop_field(line, ZERO_MACS_FIELD);
		drop_field(line, ZERO_FIELD);
		drop_field(line, LAYER_ENERGY_FIELD);
	} else if (strcmp(file, "metrics.csv") == 0) {
		drop_field(line, ENERGY_HIGH_FIELD);
		drop_field(line, ENERGY_LOW_FIELD);
		drop_field(line, ENERGY_FIELD);
	}
}

/* Of the last comparison. */
static char first_difference[800];

/* The lines of a file that differ in two folders, those of `is_own_line` left out. */
static inline int differences(const char *one, const char *other, const char *file)
{
	char *a = copy_text(one, file), *b = copy_text(other, file), *at_a = a, *at_b = b;
	char *left, *right;
	int count = a[0] == 0;

	do {
		left = next_own(&at_a);
		right = next_own(&at_b);
		drop_unknown(file, left);
		drop_unknown(file, right);
		if ((!left != !right || (left && right && strcmp(left, right) != 0)) && !count++)
			snprintf(first_difference, sizeof first_difference, "%s: %.300s and %.300s", file,
			         left ? left : "nothing", right ? right : "nothing");
	} while (left && right);
	free(a);
	free(b);
	return count;
}

/*
 * In how many lines two results of one configuration differ: weights by the SHA-256 sums that the manifest,
 * or summary.json, has of them, which are those of the files.
 */
static inline int compare_results(const char *one, const char *other)
{
	static const char *const files[] = {"hw.yaml", "metrics.csv", "layers.csv", "summary.json"};
	static const char *const of_networks[] = {"net.yaml", "weights/manifest.json"};
	static const char *const of_formats[] = {"switches.csv", "formats.csv"};
	char why[128], folder[600];
	int count = 0;

	for (int i = 0; i < TEST_COUNT(files); i++)
		count += differences(one, other, files[i]);
	for (int i = 0; config.run.network[0] && i < TEST_COUNT(of_networks); i++)
		count += differences(one, other, of_networks[i]);
	for (int i = 0; qmac_run_switches_formats(&config.run) && i < TEST_COUNT(of_formats); i++)
		count += differences(one, other, of_formats[i]);
	snprintf(folder, sizeof folder, "%s/%s", test_folder(), other);
	CU_ASSERT_EQUAL_FATAL(qmac_results_check(folder, why, sizeof why, NULL), QMAC_OK);
	CU_ASSERT_STRING_EQUAL(why, "");
	return count;
}

/* The run of `config` on that hardware, into a folder, with the values of another one (NULL: trained). */
static inline enum qmac_status run_on(const char *hw, const char *name, const char *from,
                                      struct qmac_error *err)
{
	char folder[600];

	snprintf(config.run.hw, sizeof config.run.hw, "%s", test_path(hw));
	snprintf(folder, sizeof folder, "%s/%s", test_folder(), from ? from : "");
	return run_job((struct qmac_job){.timed_from = from ? folder : NULL}, name, err);
}

#endif
