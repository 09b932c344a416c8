/*
 * What a training of a network costs does not depend on its data, whatever it looks at: an engine that trains
 * beside one that only counts, minibatch by minibatch, on nets with batch norms, residuals and sums beyond
 * the 31 bits that a range monitor shows. All counters are equal that do not depend on data by their meaning.
 */
#define _XOPEN_SOURCE 700
#include "net_bench.h"

/* The same training, estimated. */
struct twin {
	struct qmac_net_training training;
	struct qmac_net_precision *precision;
	struct qmac_net_engine *engine;
};

/* Sums, and sums of gradients, whose magnitude a monitor cannot show without a shift. */
static struct {
	int outputs, errors;
} wide;

static void open_twin(struct twin *twin, const char *hw_name)
{
	const struct qmac_hw hw = shipped_hw(hw_name);
	struct qmac_error err = {0};

	memset(twin, 0, sizeof *twin);
	check(qmac_net_setup(&twin->training, &config.run, &err), &err);
	twin->training.estimated = true;
	check(qmac_net_precision_create(&twin->training, NULL, &twin->precision, &err), &err);
	check(qmac_net_engine_of(&config.run)->create(&twin->training, &hw, NULL, &twin->engine, &err), &err);
	check(twin->engine->operations->load(twin->engine, &err), &err);
}

static void close_twin(struct twin *twin)
{
	twin->engine->operations->destroy(twin->engine);
	qmac_net_precision_destroy(twin->precision);
	qmac_net_training_free(&twin->training);
}

static void twin_minibatch(const struct bench *b, struct twin *twin, uint32_t number)
{
	const int64_t rows[MINIBATCHES + BATCH] = {0};
	const struct qmac_image_batch batch = {.rows = rows, .first = (int64_t)number, .count = BATCH};
	const struct qmac_net_engine_operations *operations = twin->engine->operations;
	struct qmac_error err = {0};

	check(operations->forward(twin->engine, &batch, QMAC_NET_TRAIN, b->logits, &err), &err);
	check(operations->backward(twin->engine, b->residual, &err), &err);
}

static void twin_step(const struct bench *b, struct twin *twin)
{
	struct qmac_error err = {0};

	check(twin->engine->operations->gradient(twin->engine, b->sum, &err), &err);
	check(twin->engine->operations->load(twin->engine, &err), &err);
}

/* Counters of the one that are not those of the other, and may be told; those of data are not looked at. */
static int differences(struct qmac_net_engine *one, struct qmac_net_engine *other, bool told)
{
	struct qmac_metrics a = {0}, b = {0};
	bool of_data[QMAC_COUNTERS] = {false};
	int count;

#define DATA(name, lower) of_data[QMAC_COUNTER_##name] = true;
	QMAC_DATA_COUNTER_TABLE(DATA)
#undef DATA
	one->operations->cost(one, &a);
	other->operations->cost(other, &b);
	count = a.host_bytes != b.host_bytes;
	for (int i = 0; i < QMAC_COUNTERS; i++)
		if (!of_data[i] && a.counters[i] != b.counters[i] && count++ < told)
			printf("counter %d is %llu in place of %llu; ", i, (unsigned long long)a.counters[i],
			       (unsigned long long)b.counters[i]);
	CU_ASSERT(a.counters[QMAC_COUNTER_COMMANDS] > 0);
	return count;
}

static bool is_wide(const ref_int *values, int64_t count)
{
	bool found = false;

	for (int64_t i = 0; values && i < count; i++)
		found = found || values[i] >= ref_power(31) || -values[i] >= ref_power(31);
	return found;
}

/* What the reference has of the minibatch just trained. */
static void note_wide(const struct bench *b, bool first)
{
	const struct ref_qnet *r = &b->ref;

	for (int t = 1; t <= r->net->layer_count; t++) {
		int64_t count = BATCH * r->out[t].h * r->out[t].w * r->out[t].c;

		if (first && !keeps_scale(b, t) && exists(b, t))
			wide.outputs += is_wide(r->sum[t], count);
		if (t < r->net->layer_count && r->error[t].q && (first || r->scale == REF_SCALE_CUR))
			wide.errors += is_wide(r->g[t], count);
	}
}

static void compare_costs(const char *layers, const char *lines, const char *hw, const double *sizes)
{
	struct bench b;
	struct twin twin;
	int different = 0;

	set_up(&b, layers, lines, hw);
	open_twin(&twin, hw);
	for (uint32_t i = 0; i < MINIBATCHES; i++) {
		if (i % 2 == 0)
			give_weights(&b, i);
		train_minibatch(&b, i, sizes[i]);
		note_wide(&b, i == 0);
		twin_minibatch(&b, &twin, i);
		if (differences(b.engine, twin.engine, true) && !different++)
			printf("minibatch %u on %s: %s%s", (unsigned)i, hw, lines, layers);
		if (i % 2) {
			step(&b);
			twin_step(&b, &twin);
		}
	}
	CU_ASSERT_EQUAL(different, 0);
	close_twin(&twin);
	tear_down(&b);
}

/* ---- cases ------------------------------------------------------------------------------------- */

static const char *const nets[] = {
	/* alone and merged, with the identity and with a batch norm of its own beside it */
	("  - conv: {out: 3, kernel: 3, stride: 2, bias: false}\n  - batch_norm\n  - relu\n"
	 "  - residual: {main: [conv: {out: 3, kernel: 3, pad: 1, bias: false}, batch_norm]}\n  - relu\n"
	 "  - residual: {main: [conv: {out: 5, kernel: 3, stride: 2, pad: 1, bias: false}, batch_norm, relu,"
	 " conv: {out: 5, kernel: 1, bias: false}, batch_norm], shortcut: [conv: {out: 5, kernel: 1, stride: 2,"
	 " bias: false}, batch_norm]}\n  - global_pool\n  - flatten\n  - linear: {out: 3, bias: false}\n"),
	/* of the input, behind an add, read by two */
	("  - batch_norm\n  - conv: {out: 4, kernel: 3, bias: false}\n"
	 "  - residual: {main: [relu, conv: {out: 4, kernel: 3, pad: 1, bias: false}]}\n"
	 "  - batch_norm\n  - residual: {main: [relu]}\n  - max_pool: {size: 2}\n  - flatten\n"
	 "  - linear: {out: 3, bias: false}\n"),
	/* with biases, whose widths follow the scales of what they are added to, where ranges choose these */
	("  - batch_norm\n  - conv: {out: 4, kernel: 3}\n"
	 "  - residual: {main: [relu, conv: {out: 4, kernel: 3, pad: 1}]}\n"
	 "  - batch_norm\n  - residual: {main: [relu, bias]}\n  - max_pool: {size: 2}\n  - flatten\n"
	 "  - linear: {out: 3}\n"),
};

/* Of what the loss gives back: from nothing to much. */
static const double sizes[][MINIBATCHES] = {{1, 9, 0.01, 20}, {0, 1e-6, 1e6, 0}};

static void test_costs(void)
{
	enum { NARROW = 2, BIASED = 2 }; /* lines for all hardware; the net for formats that stay */
	static const char *const lines[] = {
		"precision: {policy: fixed, fl: 5, activation_fl: own, activation_scale: delay, dy_bits: 16}\n",
		"precision: {policy: fixed, activation_fl: layer, err_scale: cur, dy_bits: 16}\n",
		("precision: {policy: fixed, bw: 16, fl: 12, activation_fl: own, activation_scale: delay,"
		 " err_bits: 16, err_scale: cur}\n"),
		("init: {gain: 50}\nprecision: {policy: fixed, bw: 16, fl: 15, activation_fl: own,"
		 " activation_scale: delay, err_bits: 16}\n"),
		"precision: {policy: fixed, bw: 16, fl: 9, activation_fl: layer, err_bits: 16, err_scale: fixed}\n",
	};
	static const char *const narrow[] = {"16x16_w8", "8x8_w8", "ragged"};

	state = test_seed();
	for (int n = 0; n < TEST_COUNT(nets); n++)
		for (int i = 0; i < TEST_COUNT(lines); i++)
			for (int s = 0; s < TEST_COUNT(sizes) && (n != BIASED || !strstr(lines[i], "own")); s++)
				compare_costs(nets[n], lines[i], i < NARROW ? narrow[(n + i + s) % 3] : "16x16_w16",
				              sizes[s]);
	printf("(beyond 31 bits: %d outputs, %d errors) ", wide.outputs, wide.errors);
	CU_ASSERT(wide.outputs > 0 && wide.errors > 0);
}

/* One look more than is counted shows. */
static void test_second_look(void)
{
	struct qmac_net_device_engine *engine;
	struct bench b;
	struct twin twin;
	struct qmac_error err = {0};
	int top;

	state = test_seed();
	set_up(&b, nets[0], "precision: {policy: fixed, err_scale: cur}\n", "16x16_w8");
	open_twin(&twin, "16x16_w8");
	give_weights(&b, 0);
	train_minibatch(&b, 0, 1);
	twin_minibatch(&b, &twin, 0);
	CU_ASSERT_EQUAL(differences(b.engine, twin.engine, false), 0);
	engine = (struct qmac_net_device_engine *)b.engine;
	check(qmac_net_device_find_range(engine, qmac_net_submit_range, 0, 24, &top, &err), &err);
	CU_ASSERT(differences(b.engine, twin.engine, false) > 0);
	close_twin(&twin);
	tear_down(&b);
}

int main(void)
{
	const struct test_case cases[] = {
		{"costs are those of an estimate", test_costs}, {"a second look shows", test_second_look},
	};

	write_images();
	return test_main("test_net_looks", cases, TEST_COUNT(cases));
}
