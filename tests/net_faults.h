/* For tests that plant faults in the programs of a network: each must show first where it is. */
#ifndef QMAC_TESTS_NET_FAULTS_H
#define QMAC_TESTS_NET_FAULTS_H

#include "net_pass.h"
#include "shipped_hw.h"

/* What all formats are but those that a network says. */
static const struct qmac_format outputs = {6, 3}, parameters = {5, 4};

/* A network on a small device; layers that name no input read the one before. */
static void build(struct device *d, const struct qmac_layer_request *layers, int count)
{
	struct qmac_error err;

	*d = (struct device){.hw = shipped_hw("8x8_w8"), .batch = 3};
	check(qmac_net_create(&d->net, "faults", (struct qmac_shape){2, 7, 8}, &err), &err, "net");
	for (int l = 0; l < count; l++) {
		struct qmac_layer_request request = layers[l];

		/* of an add that names none, too; no layer but the second can have read the first one else */
		request.input = request.input ? request.input : l - 1;
		check(qmac_net_append(&d->net, &request, &err), &err, "layer");
	}
	draw_formats(d, 8);
	for (int t = 0; t <= d->net.layer_count; t++)
		d->formats.output[t] = outputs;
	for (int p = 0; p < d->net.parameter_count; p++)
		if (qmac_net_has_codes(&d->net.parameters[p]))
			d->formats.parameter[p] = parameters;
	d->formats.err_bits = d->formats.dy_bits = 8;
	d->formats.activation_rounding = d->formats.error_rounding = QMAC_ROUND_STOCHASTIC;
	d->formats.clip = true;
}

struct fault {
	const char *what, *shows; /* where it must be found first */
	int layer;                /* whose commands, in which program */
	enum {
		SUMS = QMAC_NET_PART_SUMS, FORWARD = QMAC_NET_PART_FORWARD, ERROR = QMAC_NET_PART_ERROR,
		BACK_SUMS = QMAC_NET_PART_BACK_SUMS, BACK = QMAC_NET_PART_BACK
	} where;
	bool (*plant)(struct qmac_command *command); /* true: changed */
	int most;                 /* commands that are changed; 0: all it can */
	void (*damage)(struct device *device); /* in place of all that */
};

/* ---- faults of several kinds of layer -------------------------------------------------------- */

static bool next_numbers(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || c->rnd != QMAC_ROUND_STOCHASTIC)
		return false;
	c->dither_row0++;
	return true;
}

static bool no_relu(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || !c->relu)
		return false;
	c->relu = 0;
	return true;
}

/* What is added up while it is rounded: not at all. */
static bool no_sum(struct qmac_command *c)
{
	if (c->opcode != QMAC_OPCODE_VEC || !c->sum)
		return false;
	c->sum = 0;
	return true;
}

/* The second operand is the first one, too. */
static void take_twice(struct qmac_command *c)
{
	c->s1space = c->s0space;
	c->src1 = c->src0;
	c->b0 = c->a0;
	c->b1 = c->a1;
}

/* ---- planting -------------------------------------------------------------------------------- */

static struct qmac_program *program_of(struct device *d, const struct fault *fault)
{
	return d->plan.layers[fault->layer].parts[fault->where].program;
}

static void plant(struct device *d, const struct fault *fault)
{
	struct qmac_program *program = program_of(d, fault);
	int changed = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(program);
	for (int64_t i = 0; i < qmac_program_count(program); i++) {
		struct qmac_command *command = qmac_program_command(program, i);

		if (command->layer == (uint16_t)fault->layer && (!fault->most || changed < fault->most))
			changed += fault->plant(command);
	}
	CU_ASSERT(changed > 0);
}

/* NULL: none. */
static void play(void (*make)(struct device *d), const struct fault *fault)
{
	struct device d;

	make(&d);
	set_reference(&d);
	solve(&d);
	open_device(&d);
	load(&d);
	if (fault && fault->damage)
		fault->damage(&d);
	else if (fault)
		plant(&d, fault);
	forward(&d);
	backward(&d);
	if (fault && strcmp(d.first, fault->shows))
		printf("%s: shows first in '%s', not in '%s'\n", fault->what, d.first, fault->shows);
	CU_ASSERT_STRING_EQUAL(d.first, fault ? fault->shows : "");
	/* waits are those of the program as it was */
	d.races = fault != NULL;
	close_device(&d);
}

static void play_all(void (*make)(struct device *d), const struct fault *faults, int count)
{
	/* always the same: a fault need not show with every number */
	state = 1;
	play(make, NULL);
	for (int i = 0; i < count; i++)
		play(make, &faults[i]);
}

#endif
