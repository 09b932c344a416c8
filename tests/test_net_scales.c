/*
 * The engine of networks on the device with batch norms, and with scales of activations by the minibatch
 * before, minibatch by minibatch beside the slow reference: logits, scales of activations and errors,
 * statistics and gradients are equal to the bit, on several kinds of hardware.
 */
#define _XOPEN_SOURCE 700
#include "net_bench.h"

static const char *const nets[] = {
	/* alone and merged, with the identity and with a batch norm of its own beside it */
	("  - conv: {out: 3, kernel: 3, stride: 2, bias: false}\n  - batch_norm\n  - relu\n"
	 "  - residual: {main: [conv: {out: 3, kernel: 3, pad: 1}, batch_norm]}\n  - relu\n"
	 "  - residual: {main: [conv: {out: 5, kernel: 3, stride: 2, pad: 1, bias: false}, batch_norm, relu,"
	 " conv: {out: 5, kernel: 1, bias: false}, batch_norm], shortcut: [conv: {out: 5, kernel: 1, stride: 2},"
	 " batch_norm]}\n  - global_pool\n  - flatten\n  - linear: {out: 3}\n"),
	/* of the input, behind an add, and read by two */
	("  - batch_norm\n  - conv: {out: 4, kernel: 3}\n"
	 "  - residual: {main: [relu, conv: {out: 4, kernel: 3, pad: 1}]}\n"
	 "  - batch_norm\n  - residual: {main: [tanh, bias]}\n  - max_pool: {size: 2}\n  - flatten\n"
	 "  - linear: {out: 3}\n"),
	/* none at all */
	("  - conv: {out: 4, kernel: 3}\n  - relu\n  - avg_pool: {size: 3}\n  - residual: {main: [sigmoid]}\n"
	 "  - flatten\n  - linear: {out: 3}\n"),
};

/* Of what the loss gives back; weights that grow move the ranges. */
static const double sizes[] = {1, 9, 0.01, 20};

static void test_reference(void)
{
	static const char *const lines[] = {
		"precision: {policy: fixed, fl: 5, activation_fl: own, activation_scale: delay}\n",
		("precision: {policy: fixed, bw: 10, fl: 7, activation_fl: own, activation_scale: delay,"
		 " activation_headroom: 1, activation_rounding: nearest, weight_rounding: nearest}\n"),
		"precision: {policy: fixed, activation_fl: layer, err_scale: cur, dy_bits: 9}\n",
		("precision: {policy: fixed, bw: 6, fl: -2, activation_fl: own, activation_scale: delay,"
		 " activation_rounding: floor, ste: through}\n"),
	};
	static const char *const hw[] = {"16x16_w8", "8x8_w8", "16x16_w16", "ragged"};

	state = test_seed();
	for (int n = 0; n < TEST_COUNT(nets); n++)
		for (int i = 0; i < TEST_COUNT(lines); i++)
			train_beside(nets[n], lines[i], hw[(n + i) % TEST_COUNT(hw)], sizes);
}

/* Sums of more than 31 bits, whose range shows when they are shifted. */
static void test_wide(void)
{
	state = test_seed();
	for (int n = 0; n < TEST_COUNT(nets); n++)
		train_beside(nets[n], "precision: {policy: fixed, bw: 16, fl: 12, activation_fl: own,"
		             " activation_scale: delay, err_bits: 16, err_scale: cur}\n", "16x16_w16", sizes);
}

/* More tensors than there are range monitors. */
static void test_monitors(void)
{
	state = test_seed();
	train_beside("  - global_pool\n  - flatten\n  - linear: {out: 3}\n"
	             "  - repeat: {times: 140, layers: [bias]}\n",
	             "precision: {policy: fixed, fl: 5, activation_fl: own, activation_scale: delay}\n",
	             "8x8_w8", sizes);
}

int main(void)
{
	const struct test_case cases[] = {
		{"beside the reference", test_reference}, {"wide", test_wide},
		{"more than monitors", test_monitors},
	};

	write_images();
	return test_main("test_net_scales", cases, TEST_COUNT(cases));
}
