/*
 * Random runs for tests of whole results: two devices, in one.yaml and other.yaml of the test folder, and a
 * run of a network, of a linear model or of a classifier. Behind write_images(), and for the last one
 * test_write_clouds(90, 6, 3).
 */
#ifndef QMAC_TESTS_RANDOM_RUNS_H
#define QMAC_TESTS_RANDOM_RUNS_H

#include "fuzz/hardware.h"
#include "retime_case.h"
#include "shipped_hw.h"

static uint64_t state;
static bool other_multipliers; /* of the device that was drawn last, than of the one that trains */

static inline int pick(int low, int high)
{
	return (int)test_between(&state, low, high);
}

/* Two devices that have nothing in common, or the widths of their multipliers alone. */
static inline void draw_hardware(void)
{
	struct qmac_hw one, other;

	/* arrays of a few cells take long */
	do {
		qmac_fuzz_hw(&state, &one);
		qmac_fuzz_hw(&state, &other);
	} while (one.rows * one.cols < 12 || other.rows * other.cols < 12 || one.a_bits * one.w_bits < 16 ||
	         other.a_bits * other.w_bits < 16);
	if (pick(0, 1))
		other = shipped_hw(shipped_hw_name(pick(0, 3)));
	if (pick(0, 2)) {
		one.a_bits = other.a_bits;
		one.w_bits = other.w_bits;
	}
	one.zero_gating |= pick(0, 3) > 0;
	other.zero_gating |= pick(0, 3) > 0;
	other_multipliers = one.a_bits != other.a_bits || one.w_bits != other.w_bits;
	/* most sums fit, and most tables */
	one.acc_bits = pick(0, 5) ? 64 : one.acc_bits;
	other.acc_bits = pick(0, 5) ? 64 : other.acc_bits;
	one.lut_bits = pick(0, 5) ? 10 : one.lut_bits;
	other.lut_bits = pick(0, 5) ? 11 : other.lut_bits;
	write_hw("one.yaml", &one);
	write_hw("other.yaml", &other);
}

static inline void draw_network(void)
{
	static const char *const first[] = {
		"  - conv: {out: 4, kernel: 3}\n", "  - conv: {out: 5, kernel: 3, pad: 1, bias: false}\n",
		"  - conv: {out: 3, kernel: 2, stride: 2}\n", "",
	};
	static const char *const second[] = {
		"  - tanh\n", "  - relu\n", "  - sigmoid\n  - max_pool: {size: 2}\n", "  - batch_norm\n  - relu\n",
		"  - avg_pool: {size: 2}\n",
	};
	static const char *const third[] = {"", "  - conv: {out: 6, kernel: 2}\n  - relu\n", "  - global_pool\n"};
	static const char *const policies[] = {
		"policy: adapt, lookback_low: 3, lookback_high: 8, buffer_bits: 6, bw_max: 12",
		"policy: muppet, levels: \"6, 10\", threshold_alpha: 0, threshold_beta: 0, resolution: 2,"
		" patience: 1, grad_quant: scaled",
		"policy: fixed, bw: 9, fl_rule: range, activation_fl: own", "policy: fixed, bw: 8, fl: 5",
		"policy: fixed, bw: 6, fl: 3, err_bits: 6", "policy: fixed, bw: 12, fl: 7, activation_fl: own,"
		" activation_scale: delay",
	};
	static const char *const scales[] = {"delay", "cur", "fixed"};
	char layers[400], lines[400];

	snprintf(layers, sizeof layers, "%s%s%s  - flatten\n  - linear: {out: 3}\n", first[pick(0, 3)],
	         second[pick(0, TEST_COUNT(second) - 1)], third[pick(0, 2)]);
	snprintf(lines, sizeof lines, "alpha: 0.05\nl2: 1.0e-4\neval_every: %d\ninner_steps: %d\nseed: %d\n"
	         "precision: {%s, err_scale: %s}\n", pick(0, 2), pick(2, 5), pick(1, 1000),
	         policies[pick(0, TEST_COUNT(policies) - 1)], scales[pick(0, 2)]);
	configure(write_net_run(layers, lines), 0, NULL);
	config.run.batch = pick(8, 20);
	config.run.epochs = pick(1, 3);
	config.run.test_limit = 30;
	config.run.speedup = false; /* 32 bits take long on such arrays; test_planted() has it */
}

static inline void draw_model(void)
{
	static const char *const algorithms[] = {"lp_sgd", "lp_svrg", "halp"};
	static const char *const outer[] = {"host", "device"};
	char text[1000], folder[512];

	CU_ASSERT_FATAL(getcwd(folder, sizeof folder) != NULL);
	snprintf(text, sizeof text, "hw: %s/configs/hw/16x16_w8.yaml\nsamples: %d\nfeatures: %d\ninformative: 3\n"
	         "algorithm: %s\nbits: %d\nbatch: %d\nouter: %s\nepochs: %d\nseed: %d\n%s", folder, pick(40, 90),
	         pick(3, 20), algorithms[pick(0, 2)], pick(0, 2) ? 8 : 12, pick(0, 1) ? 1 : pick(2, 20),
	         outer[pick(0, 1)], pick(1, 4), pick(1, 1000),
	         pick(0, 3) ? "" : "checkpoint: {steps: 3}\n");
	configure(config_file("run.yaml", text), 0, NULL);
}

static inline void draw_classifier(void)
{
	static const char *const algorithms[] = {"lp_sgd", "lp_svrg", "halp"};
	char text[1000], folder[512];

	CU_ASSERT_FATAL(getcwd(folder, sizeof folder) != NULL);
	snprintf(text, sizeof text, "hw: %s/configs/hw/16x16_w8.yaml\nproblem: logistic_regression\ndata: csv\n"
	         "file: clouds.csv\nalgorithm: %s\nbatch: %d\nepochs: %d\nseed: %d\nouter: %s\n", folder,
	         algorithms[pick(0, 2)], pick(2, 20), pick(1, 3), pick(1, 1000), pick(0, 1) ? "host" : "device");
	configure(config_file("run.yaml", text), 0, NULL);
}

/* Draws cases, each on its devices, and plays them; of how many play() said that they could be: a quarter. */
static inline int play_many(int cases, void (*draw)(void), bool (*play)(void))
{
	int played = 0;

	for (int i = 0; i < cases; i++) {
		draw_hardware();
		draw();
		played += play();
	}
	CU_ASSERT(played >= cases / 4);
	return played;
}

#endif
