/*
 * What an estimate remembers: random networks, runs and hardware cost the same with the memory, without it,
 * and with one in which hardly anything stays; so do trainings with AdaPT whose formats are known; that
 * something is remembered at all. Of what a key has, keys without it: an estimate that is wrong then shows
 * that the comparison sees it. The memory is compiled into this program, so that it can be spoilt.
 */
#define _XOPEN_SOURCE 700
#include <stddef.h>
#include <string.h>

#include "image_files.h"
#include "net_results.h"
#include "train_net/recall.h"

/* Bytes of every key that are not compared, [begin, end); how many costs are added. */
static size_t blind_begin, blind_end;
static int64_t added;

static int compare_keys(const void *one, const void *other, size_t bytes)
{
	const unsigned char *x = one, *y = other;

	for (size_t i = 0; i < bytes; i++)
		if ((i < blind_begin || i >= blind_end) && x[i] != y[i])
			return 1;
	return 0;
}

static void count_added(struct qmac_driver *driver, const struct qmac_driver_totals *totals)
{
	added++;
	qmac_driver_set_totals(driver, totals);
}

#define memcmp compare_keys
#define qmac_driver_set_totals count_added
#include "../host/train_net/recall.c"
#undef memcmp
#undef qmac_driver_set_totals

/* ---- random runs ------------------------------------------------------------------------------- */

enum { TEXT = 1500, RUNS = 24 };

static uint64_t state = 20261130;

static int pick(int64_t low, int64_t high)
{
	return (int)test_between(&state, low, high);
}

static const char *either(const char *one, const char *other)
{
	return pick(0, 1) ? one : other;
}

static void add_text(char *text, const char *more)
{
	CU_ASSERT_FATAL(strlen(text) + strlen(more) < TEXT);
	strcat(text, more);
}

/* Blocks of conv, perhaps a batch norm, an activation, perhaps a pool. */
static void draw_layers(char *layers, bool norms)
{
	int blocks = pick(1, 3), side = IMAGE_SIDE;

	layers[0] = '\0';
	for (int b = 0; b < blocks; b++) {
		char line[200];
		bool has_norm = norms && pick(0, 2) > 0;

		snprintf(line, sizeof line, "  - conv: {out: %d, kernel: 3, pad: 1, bias: %s}\n%s%s", pick(2, 20),
		         has_norm ? "false" : "true", has_norm ? "  - batch_norm\n" : "",
		         either("  - relu\n", "  - tanh\n"));
		add_text(layers, line);
		if (side > 2 && pick(0, 1)) {
			add_text(layers, either("  - avg_pool: {size: 2}\n", "  - max_pool: {size: 2}\n"));
			side /= 2;
		}
	}
	add_text(layers, "  - flatten\n  - linear: {out: 3}\n");
}

/* Everything that is a part of a key, now and then. */
static void draw_lines(char *lines, const char *policy, bool norms)
{
	static const char *const scales[] = {"fixed", "cur", "delay"};
	char line[300];

	snprintf(lines, TEXT, "alpha: 0.05\nnormalise: true\nspeedup: %s\nlimit: %d\naccumulate: %d\n"
	         "eval_every: %d\n", pick(0, 3) ? "false" : "true", pick(90, 200), pick(1, 3), pick(1, 2));
	snprintf(line, sizeof line, "precision: {%s, err_scale: %s, activation_fl: own%s}\n", policy,
	         scales[pick(0, 2)], norms ? either(", activation_scale: epoch", "") :
	         either(", activation_scale: delay", ""));
	add_text(lines, line);
	if (pick(0, 1))
		add_text(lines, either("checkpoint: {every: 1}\n", "checkpoint: {steps: 2}\n"));
}

static void configure_random(const char *policy)
{
	static const char *const hw[] = {"16x16_w8", "8x8_w8", "ragged", "mid_32x32"};
	char layers[TEXT], lines[TEXT], batch[20], name[60];
	bool norms = pick(0, 1);
	const struct qmac_setting settings[] = {{"epochs", "3", "--set"}, {"batch", batch, "--set"},
	                                        {"hw", name, "--set"}};

	draw_layers(layers, norms);
	draw_lines(lines, policy, norms);
	snprintf(batch, sizeof batch, "%d", pick(7, 30));
	snprintf(name, sizeof name, "configs/hw/%s.yaml", hw[pick(0, 3)]);
	configure(write_net_run(layers, lines), TEST_COUNT(settings), settings);
}

/* ---- with and without --------------------------------------------------------------------------- */

/* An estimate with a memory of so many bytes; how many costs were added. */
static int64_t estimate_with(uint64_t bytes, const char *name, const char *recorded)
{
	uint64_t before = limit;

	limit = bytes;
	added = 0;
	estimate_well(name, recorded);
	limit = before;
	return added;
}

/* What is in a file of a result, but for how long it took and what comes behind that; free(). */
static char *costs_in(const char *result, const char *file)
{
	char name[100], *text, *wall;

	snprintf(name, sizeof name, "%s/%s", result, file);
	text = strdup(test_text(name));
	CU_ASSERT_FATAL(text && text[0]);
	wall = strstr(text, "\"wall_seconds\"");
	if (wall)
		*wall = '\0';
	return text;
}

static bool file_same(const char *one, const char *other, const char *file)
{
	char *text = costs_in(one, file), *second = costs_in(other, file);
	bool same = !strcmp(text, second);

	free(text);
	free(second);
	return same;
}

static bool costs_same(const char *one, const char *other)
{
	return file_same(one, other, "metrics.csv") && file_same(one, other, "layers.csv") &&
	       file_same(one, other, "summary.json") &&
	       (!qmac_run_switches_formats(&config.run) ||
	        (file_same(one, other, "switches.csv") && file_same(one, other, "formats.csv")));
}

/* The run that is configured costs the same with any memory. */
static void check_memories(const char *recorded, uint64_t seed)
{
	int64_t all;

	CU_ASSERT_EQUAL(estimate_with(0, "plain", recorded), 0);
	all = estimate_with(UINT64_C(64) << 20, "recalled", recorded);
	CU_ASSERT(all > 0 && costs_same("plain", "recalled"));
	CU_ASSERT(estimate_with((uint64_t)pick(4000, 60000), "small", recorded) <= all);
	CU_ASSERT(costs_same("plain", "small"));
	if (!all || !costs_same("plain", "recalled") || !costs_same("plain", "small"))
		printf("the run of seed %llu\n", (unsigned long long)seed);
}

static void test_random_runs(void)
{
	for (int i = 0; i < TEST_CASES(RUNS); i++) {
		uint64_t seed = state;

		configure_random("policy: fixed, bw: 8, fl: 5");
		check_memories(NULL, seed);
	}
}

/* ---- formats that change ------------------------------------------------------------------------- */

static const char moving[] = "policy: adapt, lookback_low: 2, lookback_high: 3, buffer_bits: 4, bw_max: 12";

static void test_adapt(void)
{
	static const char *const names[] = {"cycles", "commands", "macs", "dram_read_bytes", "dram_write_bytes"};

	for (int i = 0; i < TEST_CASES(5); i++) {
		uint64_t seed = state;

		configure_random(moving);
		train_well("trained", false);
		check_memories("trained", seed);
		check_figures("trained", "recalled", TEST_COUNT(names), names);
	}
}

/* ---- spoilt memories ------------------------------------------------------------------------------ */

/* Without these bytes of the keys the costs of the run that is configured are wrong. */
static void expect_wrong(size_t begin, size_t bytes, const char *recorded)
{
	blind_begin = begin;
	blind_end = begin + bytes;
	estimate_with(UINT64_C(64) << 20, "blind", recorded);
	blind_begin = blind_end = 0;
	CU_ASSERT(!costs_same("plain", "blind"));
	if (costs_same("plain", "blind"))
		printf("no difference without bytes %zu .. %zu of the key\n", begin, begin + bytes);
}

static void test_blind(void)
{
	static const char layers[] = "  - conv: {out: 4, kernel: 3, pad: 1}\n  - tanh\n  - flatten\n"
	                             "  - linear: {out: 3}\n";
	static const struct qmac_setting settings[] = {{"epochs", "3", "--set"}, {"limit", "120", "--set"}};
	size_t formats = sizeof(struct qmac_net_recall_key);

	configure(write_net_run(layers, "alpha: 0.05\nspeedup: false\naccumulate: 2\n"
	                        "precision: {policy: fixed, bw: 8, fl: 5, activation_fl: own, err_scale: delay,"
	                        " activation_scale: epoch}\n"), TEST_COUNT(settings), settings);
	CU_ASSERT_EQUAL(estimate_with(0, "plain", NULL), 0);
	expect_wrong(offsetof(struct qmac_net_recall_key, begun), sizeof(int32_t), NULL);
	expect_wrong(offsetof(struct qmac_net_recall_key, measured), sizeof(int32_t), NULL);
	configure(write_net_run(layers, "alpha: 0.05\nspeedup: false\naccumulate: 2\n"
	                        "precision: {policy: fixed, bw: 8, fl: 5, activation_fl: own,"
	                        " activation_scale: delay}\n"), TEST_COUNT(settings), settings);
	CU_ASSERT_EQUAL(estimate_with(0, "plain", NULL), 0);
	expect_wrong(offsetof(struct qmac_net_recall_key, purpose), 2 * sizeof(int32_t), NULL);
	configure(write_net_run(layers, "alpha: 0.05\nspeedup: false\naccumulate: 2\nupdate: device\n"
	                        "precision: {policy: fixed, bw: 8, fl: 5}\n"), TEST_COUNT(settings), settings);
	CU_ASSERT_EQUAL(estimate_with(0, "plain", NULL), 0);
	expect_wrong(offsetof(struct qmac_net_recall_key, updates), sizeof(int32_t), NULL);
	configure(write_net_run(layers, "alpha: 0.05\nspeedup: false\nnormalise: true\n"
	                        "precision: {policy: adapt, lookback_low: 2, lookback_high: 3}\n"),
	          TEST_COUNT(settings), settings);
	train_well("trained", false);
	CU_ASSERT_EQUAL(estimate_with(0, "plain", "trained"), 0);
	expect_wrong(formats, SIZE_MAX - formats, "trained");
}

int main(void)
{
	const struct test_case cases[] = {
		{"random runs", test_random_runs}, {"formats that change", test_adapt},
		{"a part of the key that is left out", test_blind},
	};

	write_images();
	return test_main("test_net_recall", cases, TEST_COUNT(cases));
}
