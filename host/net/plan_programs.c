/* The programs of a plan, and which of them are made anew when formats have changed. */
#include <stdlib.h>
#include <string.h>

#include "net/lowering.h"

enum qmac_status qmac_net_add_patch(struct qmac_net_part *part, const struct qmac_net_patch *patch,
                                    struct qmac_error *err)
{
	if (part->patch_count == part->patch_room) {
		int room = part->patch_room ? 2 * part->patch_room : 64;
		struct qmac_net_patch *patches = realloc(part->patches, (size_t)room * sizeof *patches);

		if (!patches)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory for %d patches", room);
		part->patches = patches;
		part->patch_room = room;
	}
	part->patches[part->patch_count++] = *patch;
	return QMAC_OK;
}

static void free_part(struct qmac_net_part *part)
{
	qmac_program_destroy(part->program);
	free(part->patches);
	*part = (struct qmac_net_part){.program = NULL};
}

/* Frees a part; of a passing plan the program's memory is for the next one. */
static void drop_part(struct qmac_net_plan *plan, struct qmac_net_part *part)
{
	if (plan->passing && part->program && !plan->spare) {
		plan->spare = part->program;
		qmac_program_clear(plan->spare);
		part->program = NULL;
	}
	free_part(part);
}

/* The commands of a part. Without any there is no program. */
static enum qmac_status lower(struct qmac_net_plan *plan, int l, enum qmac_net_part_kind kind,
                              struct qmac_net_part *part, struct qmac_error *err)
{
	static enum qmac_status (*const lowerings[])(struct qmac_net_lowering *, int, struct qmac_error *) = {
		[QMAC_NET_PART_FORWARD] = qmac_net_lower_forward, [QMAC_NET_PART_ERROR] = qmac_net_lower_error,
		[QMAC_NET_PART_BACK] = qmac_net_lower_back, [QMAC_NET_PART_UPDATE] = qmac_net_lower_update,
		[QMAC_NET_PART_SUMS] = qmac_net_lower_sums, [QMAC_NET_PART_BACK_SUMS] = qmac_net_lower_back_sums,
	};
	static const enum qmac_direction directions[] = {
		[QMAC_NET_PART_FORWARD] = QMAC_DIRECTION_NONE, [QMAC_NET_PART_ERROR] = QMAC_DIRECTION_DATA,
		[QMAC_NET_PART_BACK] = QMAC_DIRECTION_DATA, [QMAC_NET_PART_UPDATE] = QMAC_DIRECTION_UPDATE,
		[QMAC_NET_PART_SUMS] = QMAC_DIRECTION_FORWARD, [QMAC_NET_PART_BACK_SUMS] = QMAC_DIRECTION_DATA,
	};
	struct qmac_net_lowering to = {.plan = plan, .part = part, .direction = directions[kind]};
	enum qmac_status status;

	if (kind == QMAC_NET_PART_FORWARD)
		to.direction = plan->forward_counts;
	to.program = part->program = plan->spare ? plan->spare : qmac_program_create(&plan->hw);
	plan->spare = NULL;
	if (!part->program)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a program");
	status = lowerings[kind](&to, l, err);
	if (status == QMAC_OK && !qmac_program_count(part->program))
		drop_part(plan, part);
	return status;
}

/* The random numbers of the commands of a compiled part are those of a tensor. */
static enum qmac_status seed(struct qmac_net_part *part, int layer, enum qmac_net_site site,
                             struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int64_t i = 0; status == QMAC_OK && i < qmac_program_count(part->program); i++) {
		const struct qmac_command *command = qmac_program_command(part->program, i);
		struct qmac_net_patch patch = {.kind = QMAC_NET_PATCH_SEED, .command = i, .layer = layer,
		                               .site = qmac_net_site(layer, site)};

		if (command->opcode == QMAC_OPCODE_VEC && command->rnd == QMAC_ROUND_STOCHASTIC)
			status = qmac_net_add_patch(part, &patch, err);
	}
	return status;
}

static enum qmac_status compile(struct qmac_net_plan *plan, int l, enum qmac_net_part_kind kind,
                                struct qmac_net_part *part, struct qmac_error *err)
{
	enum qmac_net_site site = kind == QMAC_NET_PART_FORWARD ? QMAC_NET_SITE_OUTPUT : QMAC_NET_SITE_ERROR;
	enum qmac_status status;

	if (!part->program)
		return QMAC_OK;
	qmac_program_estimate_order(part->program);
	status = qmac_sequence_compile(&plan->sequence, part->program, err);
	plan->compiled++;
	return status == QMAC_OK ? seed(part, l, site, err) : status;
}

/* No program knows a thing any more of one that is gone. */
static void forget(struct qmac_net_plan *plan, const struct qmac_program *gone)
{
	for (int l = 0; l < plan->net->layer_count; l++)
		for (int kind = 0; kind < QMAC_NET_PARTS; kind++)
			if (plan->layers[l].parts[kind].program)
				qmac_program_forget(plan->layers[l].parts[kind].program, gone);
}

/*
 * A part as the formats want it now. A program of which only numbers change stays, with all that is known of
 * it, and so do its patches.
 */
static enum qmac_status renew(struct qmac_net_plan *plan, int l, enum qmac_net_part_kind kind,
                              struct qmac_error *err)
{
	struct qmac_net_part *old = &plan->layers[l].parts[kind], part = {.program = NULL};
	enum qmac_status status = lower(plan, l, kind, &part, err);
	bool both = status == QMAC_OK && part.program && old->program;

	if (both && qmac_program_follow(old->program, part.program)) {
		free_part(&part);
		return QMAC_OK;
	}
	if (status == QMAC_OK)
		status = compile(plan, l, kind, &part, err);
	if (old->program)
		forget(plan, old->program);
	free_part(old);
	*old = part;
	return status;
}

/* Whether a minibatch may ask for it. */
static bool is_wanted(const struct qmac_net_plan *plan, int l, enum qmac_net_part_kind kind)
{
	return kind == QMAC_NET_PART_FORWARD || plan->flow.layers[l].needed;
}

/* Of a passing plan only the program that was submitted last is looked at. */
static void free_passed(struct qmac_net_plan *plan)
{
	for (int l = 0; l < plan->net->layer_count; l++)
		for (int kind = 0; kind < QMAC_NET_PARTS; kind++)
			if (plan->layers[l].parts[kind].program != plan->sequence.last)
				drop_part(plan, &plan->layers[l].parts[kind]);
}

enum qmac_status qmac_net_ready_part(struct qmac_net_plan *plan, int layer, enum qmac_net_part_kind kind,
                                     struct qmac_net_part **part, struct qmac_error *err)
{
	enum qmac_status status;

	*part = &plan->layers[layer].parts[kind];
	if (!plan->passing || (*part)->program || !is_wanted(plan, layer, kind))
		return QMAC_OK;
	free_passed(plan);
	status = lower(plan, layer, kind, *part, err);
	return status == QMAC_OK ? compile(plan, layer, kind, *part, err) : status;
}

/* ---- what they are made of --------------------------------------------------------------- */

/* All that lowering sees of the formats but the layers' amounts; how many numbers. */
static size_t list_widths(const struct qmac_net_plan *plan, int *widths)
{
	const struct qmac_net_formats *f = plan->formats;
	const int others[] = {
		f->err_bits, f->dy_bits, (int)f->activation_rounding, (int)f->error_rounding, f->clip, f->masters,
		f->ranged, f->unbounded,
	};
	size_t count = sizeof others / sizeof *others;

	memcpy(widths, others, sizeof others);
	for (int t = 0; t <= plan->net->layer_count; t++)
		widths[count++] = f->output[t].bw;
	for (int p = 0; p < plan->net->parameter_count; p++)
		widths[count++] = f->parameter[p].bw;
	return count;
}

enum { WIDTHS_MORE = 9 }; /* of list_widths(), beside those of tensors and parameters */

/* Whether they are what they were; they are noted. */
static enum qmac_status note_widths(struct qmac_net_plan *plan, bool *same, struct qmac_error *err)
{
	size_t room = (size_t)plan->net->layer_count + (size_t)plan->net->parameter_count + WIDTHS_MORE;
	int *widths = calloc(room, sizeof *widths);

	if (!widths)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the formats of %d layers",
		                 plan->net->layer_count);
	room = list_widths(plan, widths);
	*same = plan->widths && !memcmp(widths, plan->widths, room * sizeof *widths);
	free(plan->widths);
	plan->widths = widths;
	return QMAC_OK;
}

static bool has_new_amounts(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_plan_layer *p = &plan->layers[l];

	return memcmp(&p->amounts, &p->made_of, sizeof p->amounts) != 0;
}

/*
 * Whether amounts that a layer's programs are made of are other ones: its own, those of its readers, and, as
 * an error takes what is given back from further behind (gather.c), those behind an only reader.
 */
static bool has_changed(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_flow_layer *f = &plan->flow.layers[l];
	bool changed = has_new_amounts(plan, l);

	for (int i = f->first; i < f->first + f->count; i++)
		changed = changed || has_new_amounts(plan, plan->flow.links[i].reader);
	return changed || (f->count == 1 && has_changed(plan, plan->flow.links[f->first].reader));
}

enum qmac_status qmac_net_make_programs(struct qmac_net_plan *plan, struct qmac_error *err)
{
	bool same = false;
	enum qmac_status status = note_widths(plan, &same, err);

	for (int l = 0; status == QMAC_OK && l < plan->net->layer_count; l++)
		for (int kind = 0; status == QMAC_OK && kind < QMAC_NET_PARTS; kind++)
			if (!plan->passing && (!same || has_changed(plan, l)) &&
			    is_wanted(plan, l, (enum qmac_net_part_kind)kind))
				status = renew(plan, l, (enum qmac_net_part_kind)kind, err);
	for (int l = 0; l < plan->net->layer_count; l++)
		plan->layers[l].made_of = plan->layers[l].amounts;
	/* what stands before the next program is what would stand before it in a new plan */
	plan->sequence.last = NULL;
	return status;
}

void qmac_net_free_programs(struct qmac_net_plan *plan)
{
	for (int l = 0; plan->layers && l < plan->net->layer_count; l++)
		for (int kind = 0; kind < QMAC_NET_PARTS; kind++)
			free_part(&plan->layers[l].parts[kind]);
	qmac_program_destroy(plan->spare);
}
