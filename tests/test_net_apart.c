/*
 * What is done apart on tensors of few channels, in full rows of memory (host/net/apart.c): random networks
 * with stochastic roundings on hardware whose lookups are slow, against the slow reference.
 */
#include "net_pass.h"
#include "net_random.h"
#include "test.h"

enum { CASES = TEST_CASES(80) };

static struct {
	int lookups, derivatives, unmasked, wide;
} seen;

static void note(const struct device *d)
{
	for (int l = 0; l < d->net.layer_count; l++) {
		bool derives = qmac_net_derives_apart(&d->plan, l);

		seen.lookups += qmac_net_looks_up_apart(&d->plan, l);
		seen.derivatives += derives;
		seen.unmasked += derives && !(d->formats.clip && qmac_net_adds(d->net.layers[l].kind));
		seen.wide += derives && d->plan.layers[l].derivative.element.container > QMAC_CONTAINER_BYTE;
	}
}

static void test_random_networks(void)
{
	state = test_seed();
	for (int i = 0; i < CASES && !CU_get_number_of_failures(); i++) {
		struct qmac_hw hw = draw_hw();
		struct device d;

		hw.lut_ports = (int)pick(1, 2);
		draw_case(&d, &hw, false);
		draw_formats(&d, pick(0, 2) ? 8 : 12);
		d.formats.activation_rounding = d.formats.error_rounding = QMAC_ROUND_STOCHASTIC;
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
	printf("(lookups %d, derivatives %d, without a mask %d, of more than a byte %d) ", seen.lookups,
	       seen.derivatives, seen.unmasked, seen.wide);
	CU_ASSERT(seen.lookups > 0 && seen.unmasked > 0 && seen.unmasked < seen.derivatives && seen.wide > 0);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random networks", test_random_networks},
	};

	return test_main("test_net_apart", cases, TEST_COUNT(cases));
}
