/*
 * The estimate of a run file whose formats follow from values: random networks with biases everywhere, on
 * several kinds of hardware, cost what their training does, to the last digit. Tables, whose size follows
 * from ranges, have no part.
 */
#define _XOPEN_SOURCE 700
#include "image_files.h"
#include "net_costs.h"
#include "net_results.h"

enum { RUNS = 16, TEXT = 1200 };

static uint64_t state;

static int pick(int low, int high)
{
	return (int)test_between(&state, low, high);
}

static void draw_layers(char text[TEXT])
{
	static const char *const blocks[] = {
		"  - conv: {out: %d, kernel: 3, pad: 1}\n  - batch_norm\n  - relu\n",
		"  - conv: {out: %d, kernel: 2}\n  - relu\n  - bias\n",
		"  - bias\n  - conv: {out: %d, kernel: 3, stride: 2, pad: 1}\n",
		("  - conv: {out: 4, kernel: 1}\n"
		 "  - residual: {main: [conv: {out: 4, kernel: 3, pad: 1}, batch_norm]}\n"),
		"  - residual: {main: [bias, relu]}\n  - avg_pool: {size: 2, stride: 1}\n",
	};
	int used = 0;

	for (int n = pick(1, 3); n > 0; n--)
		used += snprintf(text + used, TEXT - (size_t)used, blocks[pick(0, TEST_COUNT(blocks) - 1)],
		                 pick(2, 20));
	snprintf(text + used, TEXT - (size_t)used, "  - flatten\n%s  - linear: {out: 3}\n",
	         pick(0, 1) ? "  - bias\n" : "");
}

/* Biases from next to nothing to far larger than weights, so that their formats lie far apart. */
static void draw_run(void)
{
	static const char *const hw[] = {"16x16_w8", "16x16_w16", "8x8_w8", "ragged", "mid_32x32", "edge_16x16"};
	static const char *const biases[] = {"0.0001", "0.5", "30"};
	static const char *const rules[] = {"given, fl: 5", "range", "current"};
	static const char *const scales[] = {"delay", "cur", "fixed"};
	static const int widths[] = {6, 8, 12, 16};
	char layers[TEXT], lines[600], name[60];
	const struct qmac_setting settings[] = {{"epochs", "2", "--set"}, {"hw", name, "--set"}};

	draw_layers(layers);
	snprintf(lines, sizeof lines, "alpha: 0.05\nspeedup: false\ninner_steps: %d\ntest_limit: 30\nseed: %d\n"
	         "init: {biases: %s}\nprecision: {policy: fixed, bw: %d, fl_rule: %s, activation_fl: own,"
	         " activation_scale: delay, err_scale: %s}\n", pick(2, 5), pick(1, 1000), biases[pick(0, 2)],
	         widths[pick(0, 3)], rules[pick(0, 2)], scales[pick(0, 2)]);
	snprintf(name, sizeof name, "configs/hw/%s.yaml", hw[pick(0, 5)]);
	configure(write_net_run(layers, lines), TEST_COUNT(settings), settings);
}

static void test_random_runs(void)
{
	int done = 0;

	for (int i = 0; i < TEST_CASES(RUNS); i++) {
		uint64_t seed = state;
		struct qmac_error err;

		draw_run();
		if (run_job((struct qmac_job){.config = NULL}, "trained", &err))
			continue; /* its sums do not fit the hardware */
		estimate_well("estimated", NULL);
		check_all_costs("trained", "estimated", "");
		if (CU_get_number_of_failures() > 0) {
			printf("the run of seed %llu\n", (unsigned long long)seed);
			return;
		}
		done++;
	}
	CU_ASSERT(done > RUNS / 4);
}

int main(void)
{
	const struct test_case cases[] = {{"random runs", test_random_runs}};

	write_images();
	state = test_seed();
	return test_main("test_net_estimate", cases, TEST_COUNT(cases));
}
