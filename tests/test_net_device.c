/*
 * Random networks on random hardware and on that of the project, a minibatch forward and backward, against
 * the slow reference: every tensor, every error, every sum for a parameter, to the bit. Streams are executed
 * in random legal orders; none has a race.
 */
#include "net_case.h"
#include "net_random.h"
#include "test.h"

enum { CASES = TEST_CASES(200) };

static struct {
	int kinds[QMAC_LAYER_KINDS], sums, slices, joined, several, pieces, pairs, windows, one_by_one;
} seen;

static void note(const struct device *d)
{
	for (int l = 0; l < d->net.layer_count; l++) {
		const struct qmac_net_plan_layer *p = &d->plan.layers[l];
		const struct qmac_net_flow_layer *f = &d->plan.flow.layers[l];

		seen.kinds[d->net.layers[l].kind]++;
		seen.slices += f->needed && qmac_net_has_parameters(&d->net.layers[l]) && p->slices.count > 1;
		seen.joined += p->is_made;
		seen.several += f->needed && f->count > 1;
		/* a window of the input is more than there is room for */
		seen.one_by_one += f->needed && d->net.layers[l].kind >= QMAC_LAYER_AVG_POOL &&
		                   d->net.layers[l].kind <= QMAC_LAYER_GLOBAL_POOL &&
		                   5 * p->kernel[0] * p->kernel[1] > d->hw.acc_depth;
		seen.pieces += p->table.positions[2] > 1 << d->hw.lut_bits;
	}
	seen.windows += d->plan.windows != QMAC_NET_NONE;
	for (int p = 0; p < d->net.parameter_count; p++) {
		seen.sums++;
		seen.pairs += d->formats.parameter[p].bw > d->hw.w_bits;
	}
}

static void run(const struct qmac_hw *hw, int widest)
{
	struct device d;

	draw_case(&d, hw);
	draw_formats(&d, widest);
	set_reference(&d);
	solve(&d);
	open_device(&d);
	load(&d);
	forward(&d);
	if (d.plan.flow.layers[d.net.layer_count - 1].needed)
		backward(&d);
	expect_right(&d);
	note(&d);
	close_device(&d);
}

static void test_random_networks(void)
{
	state = test_seed();
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw = draw_hw();

		run(&hw, pick(0, 2) ? 8 : 12);
		if (CU_get_number_of_failures())
			return;
	}
	for (int kind = 0; kind < QMAC_LAYER_EMBEDDING; kind++)
		CU_ASSERT(seen.kinds[kind] > 0 || kind == QMAC_LAYER_BATCH_NORM);
	printf("(sums %d, sliced %d, relus joined %d, several %d, tables in pieces %d, limbs %d, windows %d, "
	       "large pools %d) ",
	       seen.sums, seen.slices, seen.joined, seen.several, seen.pieces, seen.pairs, seen.windows,
	       seen.one_by_one);
	CU_ASSERT(seen.sums > 0 && seen.slices > 0 && seen.joined > 0 && seen.several > 0 && seen.pieces > 0 &&
	          seen.pairs > 0 && seen.windows > 0 && seen.one_by_one > 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random networks", test_random_networks},
	};

	return test_main("test_net_device", cases, TEST_COUNT(cases));
}
