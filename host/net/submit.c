/* The programs of a minibatch: patched for it, and submitted. */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "net/lowering.h"
#include "net/minibatch.h"
#include "num/dither.h"
#include "num/whole.h"

/* How a program that rounds a tensor is patched; of other programs nothing of it. */
struct rounding {
	int sum_fl;       /* of what is rounded */
	int shift;
	unsigned mode;    /* QMAC_ROUND_* */
	bool floors;      /* in its place */
	unsigned monitor; /* of the magnitudes, 0: none */
	const struct qmac_net_factor *factors; /* of an update, by kind */
};

static void round_as(const struct rounding *as, struct qmac_command *command)
{
	assert(as->shift >= 0 && as->shift <= QMAC_NET_SHIFT_MAX);
	command->shift = (uint32_t)as->shift;
	command->rnd = as->floors ? QMAC_ROUND_FLOOR : as->mode;
}

/* Fraction length of the sum to which a link contributes; `own`: that of the error that is being made. */
static int unit_of(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int link, int own)
{
	const struct qmac_net_link *l = &plan->flow.links[link];
	const struct qmac_net_layer *reader = &plan->net->layers[l->reader];
	int input = l->is_other ? reader->other : reader->input;

	return plan->flow.layers[input].has_error ? own : of->fl[input];
}

static void patch_one(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                      const struct qmac_net_patch *patch, struct qmac_command *command,
                      const struct rounding *as)
{
	int sum_fl = as->sum_fl;
	int own;

	switch (patch->kind) {
	case QMAC_NET_PATCH_SEED:
		if (!as->floors)
			command->seed = qmac_dither_key(of->run_seed, of->step, patch->site);
		break;
	case QMAC_NET_PATCH_SHIFT:
		round_as(as, command);
		command->monitor = as->monitor;
		break;
	case QMAC_NET_PATCH_ROUND:
		round_as(as, command);
		break;
	case QMAC_NET_PATCH_LIMIT:
		command->monitor = as->monitor;
		break;
	case QMAC_NET_PATCH_ALIGN:
		sum_fl = unit_of(plan, of, patch->link, sum_fl);
		own = qmac_net_flow_link_fl(&plan->flow, patch->link, of->fl, of->back_fl);
		command->l0 = own < sum_fl ? (uint32_t)(sum_fl - own) : 0;
		/* further on nothing is left of 32 bits, nor of the 35 that a batch norm gives back */
		command->shift = own > sum_fl ? (uint32_t)qmac_smaller_int(own - sum_fl, QMAC_NET_SHIFT_MAX) : 0;
		break;
	case QMAC_NET_PATCH_FACTOR:
		command->mult = (int32_t)as->factors[patch->link].mult;
		command->shift = as->factors[patch->link].shift;
		command->l0 = as->factors[patch->link].left;
		break;
	}
}

static enum qmac_status submit(struct qmac_net_plan *plan, int layer, enum qmac_net_part_kind kind,
                               const struct qmac_net_minibatch *of, const struct rounding *as,
                               struct qmac_error *err)
{
	struct qmac_net_part *part;
	enum qmac_status status = qmac_net_ready_part(plan, layer, kind, &part, err);

	if (status != QMAC_OK || !part->program)
		return status;
	for (int i = 0; i < part->patch_count; i++)
		patch_one(plan, of, &part->patches[i], qmac_program_command(part->program, part->patches[i].command),
		          as);
	return qmac_sequence_submit(&plan->sequence, part->program, err);
}

void qmac_net_forward_counts_as(struct qmac_net_plan *plan, enum qmac_direction direction)
{
	if (plan->forward_counts == direction)
		return;
	plan->forward_counts = direction;
	for (int l = 0; l < plan->net->layer_count; l++) {
		struct qmac_program *program = plan->layers[l].parts[QMAC_NET_PART_FORWARD].program;

		for (int64_t i = 0; program && i < qmac_program_count(program); i++)
			qmac_program_command(program, i)->direction = (uint8_t)direction;
	}
}

int qmac_net_gradient_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int layer)
{
	return qmac_net_flow_sum_fl(&plan->flow, layer, of->fl, of->back_fl);
}

int qmac_net_layer_sum_fl(const struct qmac_net_plan *plan, const struct qmac_net_minibatch *of, int layer)
{
	int merged = plan->flow.layers[layer].merged;

	if (plan->net->layers[layer].kind == QMAC_LAYER_BATCH_NORM)
		return of->sum_fl[layer];
	if (merged != QMAC_NET_NONE)
		return of->sum_fl[merged];
	return qmac_larger_int(plan->layers[layer].fl, qmac_net_format(plan, layer).fl);
}

enum qmac_status qmac_net_submit_layer(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                       int layer, unsigned monitor, struct qmac_error *err)
{
	struct rounding as = {.mode = plan->formats->activation_rounding, .monitor = monitor};

	as.sum_fl = qmac_net_layer_sum_fl(plan, of, layer);
	as.shift = as.sum_fl - qmac_net_format(plan, layer).fl;
	return submit(plan, layer, QMAC_NET_PART_FORWARD, of, &as, err);
}

enum qmac_status qmac_net_submit_forward(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                         struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int l = 0; status == QMAC_OK && l < plan->net->layer_count; l++)
		status = qmac_net_submit_layer(plan, of, l, 0, err);
	return status;
}

enum qmac_status qmac_net_submit_error(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                       int layer, unsigned monitor, struct qmac_error *err)
{
	struct rounding as = {
		.sum_fl = qmac_net_gradient_fl(plan, of, layer),
		.mode = plan->formats->error_rounding, .monitor = monitor,
	};

	if (!plan->flow.layers[layer].has_error)
		of->fl[layer] = as.sum_fl;
	as.shift = as.sum_fl - of->fl[layer];
	return submit(plan, layer, QMAC_NET_PART_ERROR, of, &as, err);
}

/* Where a command's random numbers come from. */
struct dither {
	uint32_t row0, lane0, rs0, rs1, cs0, cs1;
};

/* What is not rounded stochastically says nothing of random numbers. */
static struct dither take_dither(struct qmac_command *command)
{
	struct dither dither = {command->dither_row0, command->dither_lane0, command->dither_rs0,
	                        command->dither_rs1, command->dither_cs0, command->dither_cs1};

	command->seed = command->dither_row0 = command->dither_lane0 = 0;
	command->dither_rs0 = command->dither_rs1 = command->dither_cs0 = command->dither_cs1 = 0;
	return dither;
}

static void give_dither(const struct dither *dither, struct qmac_command *command)
{
	command->dither_row0 = dither->row0;
	command->dither_lane0 = dither->lane0;
	command->dither_rs0 = dither->rs0;
	command->dither_rs1 = dither->rs1;
	command->dither_cs0 = dither->cs0;
	command->dither_cs1 = dither->cs1;
}

/* Of all commands that round in that part: takes the dither away, or gives it back. */
static void move_dither(const struct qmac_net_part *part, struct dither *dither, bool back)
{
	for (int i = 0; i < part->patch_count; i++) {
		struct qmac_command *command = qmac_program_command(part->program, part->patches[i].command);

		if (part->patches[i].kind != QMAC_NET_PATCH_SHIFT && part->patches[i].kind != QMAC_NET_PATCH_ROUND)
			continue;
		if (back)
			give_dither(dither++, command);
		else
			*dither++ = take_dither(command);
	}
}

/* What a part rounds is shifted and rounded down, without random numbers. */
static enum qmac_status submit_range(struct qmac_net_plan *plan, int layer, enum qmac_net_part_kind kind,
                                     const struct qmac_net_minibatch *of, struct rounding as,
                                     struct qmac_error *err)
{
	struct qmac_net_part *part;
	enum qmac_status status = qmac_net_ready_part(plan, layer, kind, &part, err);
	struct dither *dither;

	if (status != QMAC_OK)
		return status;
	dither = malloc(((size_t)part->patch_count + 1) * sizeof *dither);
	if (!dither)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a program");
	as.floors = true;
	move_dither(part, dither, false);
	status = submit(plan, layer, kind, of, &as, err);
	move_dither(part, dither, true);
	free(dither);
	return status;
}

enum qmac_status qmac_net_submit_range(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                       int layer, int shift, unsigned monitor, struct qmac_error *err)
{
	const struct rounding as = {
		.sum_fl = qmac_net_gradient_fl(plan, of, layer), .shift = shift,
		.monitor = monitor,
	};

	assert(plan->flow.layers[layer].has_error);
	return submit_range(plan, layer, QMAC_NET_PART_ERROR, of, as, err);
}

enum qmac_status qmac_net_submit_layer_range(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                             int layer, int shift, unsigned monitor, struct qmac_error *err)
{
	const struct rounding as = {.shift = shift, .monitor = monitor};

	return submit_range(plan, layer, QMAC_NET_PART_FORWARD, of, as, err);
}

enum qmac_status qmac_net_submit_norm_sums(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                           int layer, enum qmac_net_pass pass, struct qmac_error *err)
{
	enum qmac_net_part_kind kind = pass == QMAC_NET_PASS_FORWARD ? QMAC_NET_PART_SUMS :
	                               QMAC_NET_PART_BACK_SUMS;

	return submit(plan, layer, kind, of, &(struct rounding){.monitor = 0}, err);
}

enum qmac_status qmac_net_submit_back(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                      int layer, struct qmac_error *err)
{
	return submit(plan, layer, QMAC_NET_PART_BACK, of, &(struct rounding){.monitor = 0}, err);
}

/* Of a layer without such a parameter: any. */
static struct qmac_net_factor gradient_factor(const struct qmac_net_plan *plan,
                                              const struct qmac_net_minibatch *of, int parameter,
                                              double share)
{
	int fl = parameter == QMAC_NET_NONE ? 0 : qmac_net_sum_fl(plan, of, parameter);

	return qmac_net_factor_of(ldexp(share, QMAC_NET_MASTER_FL - fl));
}

enum qmac_status qmac_net_submit_update(struct qmac_net_plan *plan, const struct qmac_net_minibatch *of,
                                        const struct qmac_net_step *step, struct qmac_error *err)
{
	struct qmac_net_factor factors[QMAC_NET_FACTORS] = {
		[QMAC_NET_FACTOR_MOMENTUM] = qmac_net_factor_of(step->momentum),
		[QMAC_NET_FACTOR_DECAY] = qmac_net_factor_of(step->decay),
		[QMAC_NET_FACTOR_RATE] = qmac_net_factor_of(step->rate),
	};
	enum qmac_status status = QMAC_OK;

	for (int l = 0; status == QMAC_OK && l < plan->net->layer_count; l++) {
		const struct qmac_net_layer *layer = &plan->net->layers[l];

		factors[QMAC_NET_FACTOR_WEIGHT] = gradient_factor(plan, of, layer->weight, step->share);
		factors[QMAC_NET_FACTOR_BIAS] = gradient_factor(plan, of, layer->bias, step->share);
		status = submit(plan, l, QMAC_NET_PART_UPDATE, of, &(struct rounding){.factors = factors}, err);
	}
	return status;
}
