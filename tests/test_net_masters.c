/*
 * Masters on the device: random networks on random hardware, two updates behind a minibatch, against the slow
 * reference, to the bit; their factors; hardware that cannot hold the sums is refused.
 */
#include "net_pass.h"
#include "net_random.h"
#include "reference/ref_update.h"
#include "shipped_hw.h"
#include "test.h"

enum { CASES = TEST_CASES(100) };

static struct {
	int weights, biases, windows, pixels, limited;
} seen;

/* ---- factors --------------------------------------------------------------------------------- */

static void check_factor(double z)
{
	struct qmac_net_factor factor = qmac_net_factor_of(z);
	struct ref_factor wanted = ref_factor_of(z);

	CU_ASSERT_EQUAL((int64_t)factor.mult, wanted.c);
	CU_ASSERT_EQUAL((int)factor.shift, wanted.s > 0 ? wanted.s : 0);
	CU_ASSERT_EQUAL((int)factor.left, wanted.s < -31 ? 31 : wanted.s < 0 ? -wanted.s : 0);
}

static void test_factors(void)
{
	/* by hand: 0.9 is 117964.8 / 2^17, 0.1 is 104857.6 / 2^20; ties go to even, and up to a power of two */
	static const struct {
		double z;
		uint32_t mult, shift, left;
	} cases[] = {
		{0, 0, 0, 0}, {1, 65536, 16, 0}, {0.9, 117965, 17, 0}, {0.1, 104858, 20, 0}, {2, 65536, 15, 0},
		{65536.5, 65536, 0, 0}, {65537.5, 65538, 0, 0}, {131071.5, 65536, 0, 1}, {0x1p-47, 65536, 63, 0},
		{0x1p-48, 0, 0, 0}, {0x1p20, 65536, 0, 4}, {0x1p60, 65536, 0, 31},
	};

	for (int i = 0; i < TEST_COUNT(cases); i++) {
		struct qmac_net_factor factor = qmac_net_factor_of(cases[i].z);

		CU_ASSERT_EQUAL(factor.mult, cases[i].mult);
		CU_ASSERT_EQUAL(factor.shift, cases[i].shift);
		CU_ASSERT_EQUAL(factor.left, cases[i].left);
		check_factor(cases[i].z);
	}
	state = test_seed();
	for (int i = 0; i < 100000; i++)
		check_factor(ldexp((double)pick(1, (int64_t)1 << 53), (int)pick(-120, 40)));
}

/* ---- updates --------------------------------------------------------------------------------- */

/* Sometimes whatever a word can be, sometimes small. */
static int32_t draw_word(void)
{
	int64_t most = (int64_t)1 << pick(0, 31);

	return (int32_t)pick(-most, most - 1);
}

static double draw_factor(double most)
{
	return pick(0, 5) ? most * (double)pick(1, 1 << 20) / (1 << 20) : 0;
}

struct masters {
	int32_t *m, *v; /* as the parameter lies */
};

static void give(struct device *d, int p, struct masters *masters)
{
	int64_t count = d->net.parameters[p].count;
	struct qmac_error err;

	masters->m = malloc((size_t)count * sizeof masters->m[0]);
	masters->v = malloc((size_t)count * sizeof masters->v[0]);
	for (int64_t i = 0; i < count; i++) {
		masters->m[i] = draw_word();
		masters->v[i] = draw_word();
	}
	check(qmac_net_put_master(&d->plan, p, QMAC_NET_MASTER, masters->m, &err), &err, "masters");
	check(qmac_net_put_master(&d->plan, p, QMAC_NET_VELOCITY, masters->v, &err), &err, "velocities");
}

/* Masters and velocities that are not what the reference makes of the old ones, which become these. */
static int differences(struct device *d, int p, const struct ref_update *update, struct masters *masters,
                       uint64_t *saturations)
{
	const struct ref_qparameter *sums = &d->ref.parameter[p];
	int64_t count = d->net.parameters[p].count;
	int32_t *values = malloc((size_t)count * sizeof *values);
	struct qmac_error err;
	int wrong = 0;

	for (int64_t i = 0; i < count; i++)
		ref_update(update, sums->sum[i], sums->sum_fl, &masters->m[i], &masters->v[i], saturations);
	check(qmac_net_get_master(&d->plan, p, QMAC_NET_MASTER, values, &err), &err, "masters");
	for (int64_t i = 0; i < count; i++)
		wrong += values[i] != masters->m[i];
	check(qmac_net_get_master(&d->plan, p, QMAC_NET_VELOCITY, values, &err), &err, "velocities");
	for (int64_t i = 0; i < count; i++)
		wrong += values[i] != masters->v[i];
	free(values);
	return wrong;
}

static uint64_t saturations_of(struct device *d)
{
	uint64_t counters[QMAC_COUNTERS];

	qmac_driver_counters(d->driver, counters);
	return counters[QMAC_COUNTER_REQUANT_SATURATIONS];
}

static void update(struct device *d, struct masters *masters)
{
	const struct qmac_net_step step = {draw_factor(1), draw_factor(0.01), draw_factor(3),
	                                   1.0 / (double)pick(1, 300)};
	const struct ref_update wanted = {step.momentum, step.decay, step.rate, step.share};
	uint64_t before = saturations_of(d), saturations = 0;
	struct qmac_error err;

	check(qmac_net_submit_update(&d->plan, &d->of, &step, &err), &err, "update");
	check(qmac_driver_finish(d->driver, &err), &err, "finish");
	for (int p = 0; p < d->net.parameter_count; p++)
		if (differences(d, p, &wanted, &masters[p], &saturations))
			found(d, d->net.parameters[p].layer, "master");
	CU_ASSERT_EQUAL(saturations_of(d) - before, saturations);
	seen.limited += saturations > 0;
}

static void note(const struct device *d)
{
	for (int p = 0; p < d->net.parameter_count; p++) {
		bool is_bias = d->net.parameters[p].role == QMAC_ROLE_BIAS;

		seen.weights += !is_bias;
		seen.biases += is_bias;
		seen.pixels += is_bias && d->plan.layers[d->net.parameters[p].layer].has_pixels;
	}
	seen.windows += d->plan.windows != QMAC_NET_NONE;
}

static void run(const struct qmac_hw *hw, int widest)
{
	struct masters masters[2 * LAYERS_MAX];
	struct device d;

	draw_case(&d, hw, false);
	draw_formats(&d, widest);
	d.formats.masters = true;
	set_reference(&d);
	solve(&d);
	open_device(&d);
	load(&d);
	for (int p = 0; p < d.net.parameter_count; p++)
		give(&d, p, &masters[p]);
	forward(&d);
	if (d.plan.flow.layers[d.net.layer_count - 1].needed) {
		backward(&d);
		update(&d, masters);
		update(&d, masters);
	}
	expect_right(&d);
	note(&d);
	for (int p = 0; p < d.net.parameter_count; p++) {
		free(masters[p].m);
		free(masters[p].v);
	}
	close_device(&d);
}

static void test_updates(void)
{
	state = test_seed();
	for (int i = 0; i < CASES; i++) {
		struct qmac_hw hw = draw_hw();

		run(&hw, pick(0, 2) ? 8 : 12);
		if (CU_get_number_of_failures())
			return;
	}
	printf("(weights %d, biases %d, windows %d, pixels %d, limited %d) ", seen.weights, seen.biases,
	       seen.windows, seen.pixels, seen.limited);
	CU_ASSERT(seen.weights > 0 && seen.biases > 0 && seen.windows > 0 && seen.limited > 0);
}

/* ---- what fits --------------------------------------------------------------------------------- */

/* 40 images of 6 x 6 places, 8 bits each: 1,440 products below 2^14 take 26 bits, masters take 32. */
static void test_refused(void)
{
	const struct qmac_layer_request request = {
		.kind = QMAC_LAYER_CONV, .input = QMAC_NET_INPUT, .outputs = 2, .kernel = {1, 1}, .stride = 1,
	};
	struct device d = {.hw = shipped_hw("16x16_w8"), .batch = 40};
	struct qmac_error err = {0};

	state = test_seed();
	check(qmac_net_create(&d.net, "n", (struct qmac_shape){1, 6, 6}, &err), &err, "net");
	check(qmac_net_append(&d.net, &request, &err), &err, "conv");
	draw_formats(&d, 8);
	for (int t = 0; t < 2; t++)
		d.formats.output[t] = (struct qmac_format){8, 4};
	d.formats.parameter[0] = (struct qmac_format){8, 4};
	d.formats.err_bits = d.formats.dy_bits = 8;
	for (int masters = 0; masters < 2; masters++) {
		d.formats.masters = masters;
		d.hw.acc_bits = 31;
		CU_ASSERT_EQUAL(qmac_net_plan_make(&d.plan, &d.net, &d.formats, d.batch, &d.hw, &err),
		                masters ? QMAC_BAD_INPUT : QMAC_OK);
		qmac_net_plan_free(&d.plan);
	}
	CU_ASSERT(strstr(err.message, "layer 'conv1': its update needs accumulators of 32 bits") != NULL);
	d.hw.acc_bits = 32;
	d.batch = 40 * 128; /* 33 bits */
	CU_ASSERT_EQUAL(qmac_net_plan_make(&d.plan, &d.net, &d.formats, d.batch, &d.hw, &err), QMAC_BAD_INPUT);
	CU_ASSERT_PTR_NOT_NULL(strstr(err.message, "update by the sum for a weight needs accumulators of 33"));
	qmac_net_plan_free(&d.plan);
	d.hw.acc_bits = 33;
	check(qmac_net_plan_make(&d.plan, &d.net, &d.formats, d.batch, &d.hw, &err), &err, "plan");
	qmac_net_plan_free(&d.plan);
	qmac_net_free(&d.net);
	free(d.formats.output);
	free(d.formats.parameter);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"factors", test_factors}, {"updates", test_updates}, {"refused", test_refused},
	};

	return test_main("test_net_masters", cases, TEST_COUNT(cases));
}
