/*
 * Formats that change while a network is on the device: after each of a series of random changes every tensor
 * and sum is the reference's, the whole stream has no race, and every program is, command by command, the one
 * of a plan that is opened with these formats. And a program that was left as it was is found out.
 */
#include "net_pass.h"
#include "net_random.h"
#include "shipped_hw.h"
#include "test.h"

enum { CASES = TEST_CASES(40), SWITCHES = 5 };

static const char *const part_names[QMAC_NET_PARTS] = {
	[QMAC_NET_PART_SUMS] = "sums", [QMAC_NET_PART_FORWARD] = "forward", [QMAC_NET_PART_ERROR] = "error",
	[QMAC_NET_PART_BACK_SUMS] = "back sums", [QMAC_NET_PART_BACK] = "back",
	[QMAC_NET_PART_UPDATE] = "update",
};

/* ---- a plan made anew ------------------------------------------------------------------------ */

struct fresh {
	struct qmac_net_formats formats;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
	struct qmac_net_plan plan;
};

static void set_widest(const struct qmac_net *net, struct qmac_net_formats *formats, int widest)
{
	for (int t = 0; t <= net->layer_count; t++)
		formats->output[t] = (struct qmac_format){widest, CASE_FL_MAX};
	for (int p = 0; p < net->parameter_count; p++)
		formats->parameter[p] = (struct qmac_format){widest, CASE_FL_MAX};
}

static void copy_formats(const struct device *d, struct qmac_net_formats *to)
{
	memcpy(to->output, d->formats.output, ((size_t)d->net.layer_count + 1) * sizeof *to->output);
	memcpy(to->parameter, d->formats.parameter, (size_t)d->net.parameter_count * sizeof *to->parameter);
}

static void open_fresh(const struct device *d, int widest, bool passing, struct fresh *fresh)
{
	struct qmac_device_options options = {.kernel = "auto"};
	struct qmac_error err = {0};
	struct qmac_net_formats *f = &fresh->formats;

	*fresh = (struct fresh){.formats = d->formats};
	f->output = calloc((size_t)d->net.layer_count + 1, sizeof *f->output);
	f->parameter = calloc((size_t)d->net.parameter_count + 1, sizeof *f->parameter);
	set_widest(&d->net, f, widest);
	check(qmac_net_plan_make(&fresh->plan, &d->net, f, d->batch, &d->hw, &err), &err, "plan");
	fresh->plan.passing = passing;
	options.memory_bytes = ((uint64_t)QMAC_COMMAND_BYTES << d->ring_log2) + qmac_net_plan_bytes(&fresh->plan);
	check(qmac_backend_create("time", &d->hw, &options, &fresh->backend, &err), &err, "backend");
	check(qmac_driver_open(fresh->backend, &d->hw, d->ring_log2, &fresh->driver, &err), &err, "driver");
	copy_formats(d, f);
	check(qmac_net_plan_open(&fresh->plan, fresh->driver, &err), &err, "open");
}

static void close_fresh(struct fresh *fresh)
{
	qmac_net_plan_free(&fresh->plan);
	qmac_driver_close(fresh->driver);
	qmac_backend_destroy(fresh->backend);
	free(fresh->formats.output);
	free(fresh->formats.parameter);
}

/* ---- the same commands ------------------------------------------------------------------------- */

/* What every minibatch sets. */
static void clear_patched(struct qmac_net_part *part)
{
	for (int i = 0; i < part->patch_count; i++) {
		struct qmac_command *command = qmac_program_command(part->program, part->patches[i].command);

		if (part->patches[i].kind == QMAC_NET_PATCH_SEED)
			command->seed = 0;
		if (part->patches[i].kind == QMAC_NET_PATCH_SHIFT || part->patches[i].kind == QMAC_NET_PATCH_ROUND ||
		    part->patches[i].kind == QMAC_NET_PATCH_LIMIT)
			command->shift = command->rnd = command->monitor = 0;
		if (part->patches[i].kind == QMAC_NET_PATCH_ALIGN)
			command->shift = command->l0 = 0;
	}
}

static bool has_same_patches(const struct qmac_net_part *a, const struct qmac_net_part *b)
{
	bool same = a->patch_count == b->patch_count;

	for (int i = 0; same && i < a->patch_count; i++) {
		const struct qmac_net_patch *x = &a->patches[i], *y = &b->patches[i];

		same = x->kind == y->kind && x->command == y->command && x->layer == y->layer && x->site == y->site &&
		       x->link == y->link;
	}
	return same;
}

/* In ring order, waits included. Spoils what minibatches set. */
static bool is_same_part(struct qmac_net_part *a, struct qmac_net_part *b)
{
	const uint16_t given[3] = {0};
	int64_t count;
	struct qmac_command *x, *y;
	bool same = has_same_patches(a, b);

	if (!a->program || !b->program || !same)
		return same && !a->program == !b->program;
	clear_patched(a);
	clear_patched(b);
	count = qmac_program_count(a->program);
	if (count != qmac_program_count(b->program))
		return false;
	x = calloc((size_t)count, sizeof *x);
	y = calloc((size_t)count, sizeof *y);
	qmac_program_list(a->program, given, x);
	qmac_program_list(b->program, given, y);
	for (int64_t i = 0; same && i < count; i++) {
		uint32_t one[QMAC_COMMAND_WORDS], other[QMAC_COMMAND_WORDS];

		qmac_command_encode(&x[i], one);
		qmac_command_encode(&y[i], other);
		same = memcmp(one, other, sizeof one) == 0 && x[i].layer == y[i].layer &&
		       x[i].direction == y[i].direction;
	}
	free(x);
	free(y);
	return same;
}

/* Number of parts that a plan made anew has otherwise. */
static int count_stale(struct device *d, int widest)
{
	struct fresh fresh;
	int stale = 0;

	open_fresh(d, widest, false, &fresh);
	for (int l = 0; l < d->net.layer_count; l++)
		for (int kind = 0; kind < QMAC_NET_PARTS; kind++)
			stale += !is_same_part(&d->plan.layers[l].parts[kind], &fresh.plan.layers[l].parts[kind]);
	close_fresh(&fresh);
	return stale;
}

/* ---- random changes ---------------------------------------------------------------------------- */

static struct {
	int64_t programs, kept, slices, scales;
} seen;

static int64_t count_programs(const struct device *d)
{
	int64_t count = 0;

	for (int l = 0; l < d->net.layer_count; l++)
		for (int kind = 0; kind < QMAC_NET_PARTS; kind++)
			count += d->plan.layers[l].parts[kind].program != NULL;
	return count;
}

/* A minibatch, against the reference. */
static void play(struct device *d)
{
	set_reference(d);
	solve(d);
	d->of.run_seed = d->ref.run_seed;
	d->of.step = d->ref.step;
	load(d);
	forward(d);
	if (d->plan.flow.layers[d->net.layer_count - 1].needed)
		backward(d);
}

static void renew(struct device *d)
{
	struct qmac_error err = {0};
	int64_t compiled = d->plan.compiled, programs;

	check(qmac_net_plan_renew(&d->plan, &err), &err, "renew");
	programs = count_programs(d);
	seen.programs += programs;
	seen.kept += programs - (d->plan.compiled - compiled);
	for (int l = 0; l < d->net.layer_count; l++)
		seen.slices += d->plan.layers[l].slices.count > 1;
}

/* Fraction lengths far apart may need more of an accumulator than the widest formats, all alike. */
static bool fits(const struct device *d)
{
	struct qmac_net_plan plan;
	struct qmac_error err = {0};
	enum qmac_status status = qmac_net_plan_make(&plan, &d->net, &d->formats, d->batch, &d->hw, &err);

	qmac_net_plan_free(&plan);
	if (status && !strstr(err.message, "acc_bits of the hardware is"))
		check(status, &err, "plan");
	return status == QMAC_OK;
}

/* Other fraction lengths of some outputs and parameters, widths as they are. */
static void pick_scales(struct device *d)
{
	const struct qmac_net *net = &d->net;
	struct qmac_net_formats *f = &d->formats;

	for (int l = -1; l < net->layer_count; l++) {
		if (l >= 0 && keeps_format(net->layers[l].kind))
			f->output[l + 1] = f->output[net->layers[l].input + 1];
		else if (pick(0, 3) == 0)
			f->output[l + 1].fl = (int)pick(0, CASE_FL_MAX);
	}
	for (int p = 0; p < net->parameter_count; p++)
		if (pick(0, 3) == 0)
			f->parameter[p].fl = (int)pick(-1, CASE_FL_MAX);
}

/* The next formats that fit: all anew, some, or scales alone. */
static void pick_switch(struct device *d, int widest, int number)
{
	bool scales = number > 0 && pick(0, 1);
	size_t outputs = ((size_t)d->net.layer_count + 1) * sizeof *d->formats.output;
	size_t parameters = (size_t)d->net.parameter_count * sizeof *d->formats.parameter;
	struct qmac_format *output = malloc(outputs), *parameter = malloc(parameters + 1);

	memcpy(output, d->formats.output, outputs);
	memcpy(parameter, d->formats.parameter, parameters);
	do {
		memcpy(d->formats.output, output, outputs);
		memcpy(d->formats.parameter, parameter, parameters);
		if (scales)
			pick_scales(d);
		else
			pick_formats(d, widest, number == 0 ? 1 : 5);
	} while (!fits(d));
	seen.scales += scales;
	free(output);
	free(parameter);
}

static void run(const struct qmac_hw *hw, int widest)
{
	struct device d;

	draw_case(&d, hw, pick(0, 1));
	draw_formats(&d, widest);
	set_widest(&d.net, &d.formats, widest);
	open_device_of(&d, 16);
	for (int i = 0; i < SWITCHES && !d.wrong; i++) {
		pick_switch(&d, widest, i);
		renew(&d);
		CU_ASSERT_EQUAL(count_stale(&d, widest), 0);
		if (i > 0)
			ref_qnet_destroy(&d.ref);
		play(&d);
	}
	expect_right(&d);
	close_device(&d);
}

static void test_random_switches(void)
{
	/* with few bits accumulators may be so narrow that sums for parameters come in slices */
	static const int widths[] = {5, 8, 12};

	state = test_seed();
	for (int i = 0; i < CASES && !CU_get_number_of_failures(); i++) {
		struct qmac_hw hw = draw_hw();

		run(&hw, widths[pick(0, 2)]);
	}
	printf("(programs %lld, kept %lld, sliced %lld, scales alone %lld) ", (long long)seen.programs,
	       (long long)seen.kept, (long long)seen.slices, (long long)seen.scales);
	CU_ASSERT(seen.kept > 0 && seen.kept < seen.programs && seen.scales > 0);
}

/* ---- a program that was left as it was --------------------------------------------------------- */

enum { STALE_WIDEST = 9 };

/* All alike but for those of the second convolution, of what it reads and of what becomes of it. */
static void set_two_formats(struct device *d, struct qmac_format format, struct qmac_format second)
{
	struct qmac_error err;

	for (int p = 0; p < d->net.parameter_count; p++) {
		const char *name = d->net.layers[d->net.parameters[p].layer].name;

		d->formats.parameter[p] = strcmp(name, "conv2") ? format : second;
	}
	check(qmac_net_formats_by_layer(&d->formats, &d->net, format, &err), &err, "formats");
}

static void build(struct device *d)
{
	const struct qmac_layer_request layers[] = {
		{.kind = QMAC_LAYER_CONV, .outputs = 5, .kernel = {3, 3}, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_TANH}, {.kind = QMAC_LAYER_AVG_POOL, .kernel = {2, 2}, .stride = 1},
		{.kind = QMAC_LAYER_CONV, .outputs = 6, .kernel = {3, 3}, .stride = 2, .pad = 1, .bias = true},
		{.kind = QMAC_LAYER_TANH}, {.kind = QMAC_LAYER_FLATTEN}, {.kind = QMAC_LAYER_LINEAR, .outputs = 4},
	};
	struct qmac_error err;

	*d = (struct device){.hw = shipped_hw("8x8_w8"), .batch = 3};
	check(qmac_net_create(&d->net, "stale", (struct qmac_shape){2, 7, 8}, &err), &err, "net");
	for (int l = 0; l < TEST_COUNT(layers); l++) {
		struct qmac_layer_request request = layers[l];

		request.input = l - 1;
		check(qmac_net_append(&d->net, &request, &err), &err, "layer");
	}
	draw_formats(d, STALE_WIDEST);
	d->formats.err_bits = d->formats.dy_bits = 8;
	d->formats.activation_rounding = d->formats.error_rounding = QMAC_ROUND_STOCHASTIC;
	d->formats.clip = true;
	set_widest(&d->net, &d->formats, STALE_WIDEST);
	open_device_of(d, 32);
	set_two_formats(d, (struct qmac_format){6, 4}, (struct qmac_format){5, 3});
	renew(d);
}

/* With that program as it was before the change. False where it is the same afterwards. */
static bool shows_stale(int l, int kind)
{
	struct device d;
	struct qmac_net_part *part, stale, made;
	bool changed;

	/* always the same: what is stale need not show with every number */
	state = 1;
	build(&d);
	part = &d.plan.layers[l].parts[kind];
	stale = *part;
	*part = (struct qmac_net_part){.program = NULL};
	set_two_formats(&d, (struct qmac_format){6, 4}, (struct qmac_format){9, 5});
	renew(&d);
	made = *part;
	changed = !is_same_part(&made, &stale);
	*part = changed ? stale : made;
	CU_ASSERT_EQUAL(count_stale(&d, STALE_WIDEST), changed);
	play(&d);
	CU_ASSERT_EQUAL(d.wrong > 0, changed);
	if ((d.wrong > 0) != changed)
		printf("%s of %s: first wrong is '%s'\n", part_names[kind], d.net.layers[l].name, d.first);
	*part = made;
	qmac_program_destroy(stale.program);
	free(stale.patches);
	d.races = true;
	close_device(&d);
	return changed;
}

static void test_stale_programs(void)
{
	int changed = 0;

	for (int l = 0; l < 7; l++)
		for (int kind = 0; kind < QMAC_NET_PARTS; kind++)
			changed += shows_stale(l, kind);
	printf("(%d) ", changed);
	CU_ASSERT(changed >= 6);
}

/* ---- programs that pass ------------------------------------------------------------------------ */

/* Cycles of a forward pass, twice: the second begins behind the last program of the first. */
static uint64_t cycles_of(const struct device *d, struct fresh *fresh)
{
	size_t layers = (size_t)d->net.layer_count;
	struct qmac_net_minibatch of = {.fl = calloc(layers, sizeof(int)), .sum_fl = calloc(layers, sizeof(int)),
	                                .back_fl = calloc(layers, sizeof(int))};
	uint64_t counters[QMAC_COUNTERS];
	struct qmac_error err = {0};

	for (int l = 0; l < d->net.layer_count; l++)
		of.sum_fl[l] = 40; /* finer than any output */
	check(qmac_net_submit_forward(&fresh->plan, &of, &err), &err, "forward");
	check(qmac_net_submit_forward(&fresh->plan, &of, &err), &err, "forward");
	check(qmac_driver_finish(fresh->driver, &err), &err, "finish");
	qmac_driver_counters(fresh->driver, counters);
	free(of.fl);
	free(of.sum_fl);
	free(of.back_fl);
	return counters[QMAC_COUNTER_CYCLES];
}

/* Programs that are made when they are asked for, each in the memory of another, are those that are kept. */
static void test_passing(void)
{
	state = test_seed();
	for (int i = 0; i < CASES / 4 + 1; i++) {
		struct fresh kept, passing;
		struct qmac_net_part *part;
		struct qmac_error err = {0};
		struct qmac_hw hw = draw_hw();
		struct device d;

		draw_case(&d, &hw, pick(0, 1));
		draw_formats(&d, 8);
		set_widest(&d.net, &d.formats, 8);
		open_device_of(&d, 16);
		pick_switch(&d, 8, 0);
		set_reference(&d);
		open_fresh(&d, 8, false, &kept);
		open_fresh(&d, 8, true, &passing);
		CU_ASSERT_EQUAL(cycles_of(&d, &passing), cycles_of(&d, &kept));
		for (int l = 0; l < d.net.layer_count; l++)
			for (int kind = 0; kind < QMAC_NET_PARTS; kind++) {
				check(qmac_net_ready_part(&passing.plan, l, (enum qmac_net_part_kind)kind, &part, &err), &err,
				      "part");
				CU_ASSERT_TRUE(is_same_part(&kept.plan.layers[l].parts[kind], part));
			}
		close_fresh(&kept);
		close_fresh(&passing);
		close_device(&d);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random switches", test_random_switches},
		{"stale programs", test_stale_programs},
		{"programs that pass", test_passing},
	};

	return test_main("test_net_switch", cases, TEST_COUNT(cases));
}
