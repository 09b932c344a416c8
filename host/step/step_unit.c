#include "step/step_unit.h"

#include <assert.h>
#include <stdlib.h>

#include "step/row_commands.h"
#include "step/step_law.h"

/* A unit in the making, and what it needs beside. */
struct maker {
	struct qmac_step_maker base;
	const struct qmac_step_plan *plan;
	const struct qmac_step_memory *memory;
	const struct qmac_step_law *law;
	/* part by part: chunk and first block of what a slot of A holds; -1: nothing; the next slot to fill */
	struct { int64_t chunk; int block; } held[2];
	int next_slot;
};

static struct qmac_step_part whole(const struct qmac_step_plan *plan)
{
	return (struct qmac_step_part){.blocks = plan->blocks, .groups = plan->groups};
}

/* ---- moves -------------------------------------------------------------------------------------- */

/*
 * Between `rows` rows of a matrix of `all` rows, from `first` on, and a panel of the part's columns. In
 * memory the matrix lies group by group, each a matrix of its own.
 */
static void add_move(struct maker *maker, enum qmac_direction direction, size_t unit, unsigned opcode,
                     struct qmac_buffer buffer, unsigned container, const struct qmac_step_part *part,
                     const struct qmac_panel *panel, int64_t all, int64_t first, int64_t rows)
{
	const struct qmac_element element = {.bits = 8 << container, .is_signed = true, .container = container};

	for (int g = 0; g < part->groups; g++) {
		int column = (part->group + g) * maker->plan->cols;
		int64_t lanes = qmac_panel_lanes(panel, g);
		uint64_t begin = (uint64_t)qmac_step_plan_place(maker->plan, all, 0, column) << container;
		struct qmac_move move = {
			.opcode = opcode, .panel = *panel, .first = {0, 0, first}, .step = {1, 1, 1},
			.count = {1, 1, (uint32_t)rows},
			.view = qmac_view_matrix(buffer.address + begin, element, all, lanes,
			                         (uint64_t)lanes << container),
		};

		move.panel.channels = lanes;
		move.panel.row += (uint32_t)g * panel->block_rows;
		qmac_step_add_move(&maker->base.writer, direction, unit, move);
	}
}

/* The same for a matrix of Z's shape in ACC that begins at `row`, and for the operands of Z. */
static void move_matrix(struct maker *maker, enum qmac_direction direction, size_t unit, unsigned opcode,
                        struct qmac_buffer buffer, unsigned container, const struct qmac_step_part *part,
                        uint32_t row)
{
	struct qmac_panel panel = qmac_step_plan_matrix(maker->plan, part, row);

	add_move(maker, direction, unit, opcode, buffer, container, part, &panel, maker->plan->shape.features,
	         (int64_t)part->block * maker->plan->block, panel.block_rows);
}

static void load_z_operand(struct maker *maker, const struct qmac_step_part *part)
{
	struct qmac_panel panel = qmac_step_plan_z_operand(maker->plan, part);

	add_move(maker, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(z), QMAC_OPCODE_LOAD, maker->memory->z,
	         maker->memory->z_container, part, &panel, maker->plan->shape.features,
	         (int64_t)part->block * maker->plan->block, panel.block_rows);
}

/* Z, or where there is no other result the sum, of a part goes to memory. */
static void store_result(struct maker *maker, enum qmac_direction direction,
                         const struct qmac_step_part *part)
{
	if (maker->law->finish)
		move_matrix(maker, direction, QMAC_STEP_UNIT(z), QMAC_OPCODE_STORE, maker->memory->z,
		            maker->memory->z_container, part, maker->plan->z_row);
	else
		move_matrix(maker, direction, QMAC_STEP_UNIT(sum), QMAC_OPCODE_STORE, maker->memory->sum,
		            QMAC_CONTAINER_DOUBLE, part, maker->plan->sum_row);
}

/* m' of a chunk from memory to W, m of a chunk to memory; first: row of the matrix in memory. */
static void load_m_operand(struct maker *maker, const struct qmac_step_part *part, int64_t first, int samples)
{
	struct qmac_panel panel = qmac_step_plan_m_operand(maker->plan, part);

	add_move(maker, QMAC_DIRECTION_WEIGHTS, QMAC_STEP_UNIT(scaled), QMAC_OPCODE_LOAD, maker->memory->scaled,
	         maker->memory->scaled_container, part, &panel, qmac_step_plan_stored_rows(maker->plan), first,
	         samples);
}

static void store_m(struct maker *maker, const struct qmac_step_chunk *chunk, int64_t first)
{
	const struct qmac_step_part part = whole(maker->plan);
	struct qmac_panel panel = qmac_step_plan_m(maker->plan, &part, chunk);
	bool scaled = maker->law->scale != NULL;

	add_move(maker, QMAC_DIRECTION_FORWARD, scaled ? QMAC_STEP_UNIT(scaled) : QMAC_STEP_UNIT(m),
	         QMAC_OPCODE_STORE, scaled ? maker->memory->scaled : maker->memory->m,
	         scaled ? maker->memory->scaled_container : maker->memory->m_container, &part, &panel,
	         qmac_step_plan_stored_rows(maker->plan), first, chunk->samples);
}

/* ---- samples ------------------------------------------------------------------------------------- */

int qmac_step_loads(const struct qmac_step_plan *plan, int samples)
{
	return (samples + plan->load_samples - 1) / plan->load_samples *
	       (plan->x.count + (plan->shape.has_targets ? 1 : 0));
}

/* LOAD of `rows` rows of each of one or two samples, sample_rows apart; a replay says where they are. */
static struct qmac_command load_samples(unsigned space, uint32_t row, unsigned container, uint32_t rows,
                                        uint32_t lanes, uint32_t samples, uint32_t sample_rows)
{
	struct qmac_command load = qmac_rows_move(QMAC_OPCODE_LOAD, 0, container, space, row, samples, rows,
	                                          lanes);

	load.ds1 = sample_rows;
	return load;
}

static void add_samples(struct maker *maker, const struct qmac_command *command, enum qmac_step_patch patch,
                        size_t unit, int64_t place, uint64_t skipped)
{
	struct qmac_buffer buffer = patch == QMAC_STEP_SAMPLES ? maker->memory->x : maker->memory->targets;
	const struct qmac_hull hull = {buffer.address, buffer.bytes};
	struct qmac_step_note *note = qmac_step_add(&maker->base.writer, QMAC_DIRECTION_FORWARD, unit, command,
	                                            &hull);

	if (note) {
		note->patch = patch;
		note->place = place;
		note->skipped = skipped;
	}
}

/*
 * LOADs [begin, end) of a chunk: of two samples, or one where there are no two left, the limbs of the part's
 * features and then k. place: of the chunk's first sample in the unit's order.
 */
static void load_chunk(struct maker *maker, const struct qmac_step_part *part,
                       const struct qmac_step_chunk *chunk, int begin, int end, int64_t place)
{
	const struct qmac_step_plan *plan = maker->plan;
	struct qmac_panel x = qmac_step_plan_x(plan, part, chunk);
	unsigned container = maker->memory->x_container;
	int each = qmac_step_loads(plan, 1);

	for (int i = begin; i < end; i++) {
		int sample = i / each * plan->load_samples, limb = i % each;
		uint32_t samples = sample + plan->load_samples <= chunk->samples ? (uint32_t)plan->load_samples : 1;
		struct qmac_command command;

		if (limb < plan->x.count) {
			struct qmac_limb_cut cut = qmac_limb_cut(&plan->x, limb);

			command = load_samples(QMAC_SPACE_A, qmac_panel_row(&x, limb, 0) + (uint32_t)sample * x.step[2],
			                       container, (uint32_t)part->blocks, (uint32_t)plan->block, samples,
			                       x.step[2]);
			command.lsb = cut.lsb;
			command.nbits = cut.bits;
			command.limb_unsigned = cut.is_unsigned;
			add_samples(maker, &command, QMAC_STEP_SAMPLES, QMAC_STEP_UNIT(x), place + sample,
			            (uint64_t)((int64_t)part->block * plan->block) << container);
		} else {
			command = load_samples(QMAC_SPACE_ACC, qmac_step_plan_target_row(plan, chunk) + (uint32_t)sample,
			                       maker->memory->target_container, 1, 1, samples, 1);
			add_samples(maker, &command, QMAC_STEP_TARGETS, QMAC_STEP_UNIT(k), place + sample, 0);
		}
	}
}

/* ---- products ------------------------------------------------------------------------------------- */

/* m (+)= X Z, of the part's features and columns: the samples stream through, Z stays in the array. */
static void add_forward(struct maker *maker, const struct qmac_step_part *part,
                        const struct qmac_step_chunk *chunk)
{
	struct qmac_panel x = qmac_step_plan_x(maker->plan, part, chunk);
	struct qmac_panel z = qmac_step_plan_z_operand(maker->plan, part);
	struct qmac_panel m = qmac_step_plan_m(maker->plan, part, chunk);
	struct qmac_passes passes = qmac_passes_of(QMAC_FORM_AB, &x, &z, &m, (uint32_t)chunk->samples);

	passes.accumulate = part->block > 0;
	qmac_step_add_passes(&maker->base.writer, QMAC_DIRECTION_FORWARD, QMAC_STEP_UNIT(m), passes);
}

/* sum (+)= X^T m': samples and m' stream through, the sums stay in the array. */
static void add_products(struct maker *maker, const struct qmac_step_part *part,
                         const struct qmac_step_chunk *chunk, bool first)
{
	struct qmac_panel x = qmac_step_plan_x(maker->plan, part, chunk);
	struct qmac_panel m = qmac_step_plan_m_operand(maker->plan, part);
	struct qmac_panel sum = qmac_step_plan_matrix(maker->plan, part, maker->plan->sum_row);
	struct qmac_passes passes = qmac_passes_of(QMAC_FORM_ATB, &x, &m, &sum, (uint32_t)chunk->samples);

	passes.shift = maker->law->fraction(&maker->plan->shape, maker->base.point) - maker->base.point;
	passes.accumulate = !first || qmac_step_plan_starts_sum(maker->plan);
	qmac_step_add_passes(&maker->base.writer, QMAC_DIRECTION_WEIGHTS, QMAC_STEP_UNIT(sum), passes);
}

int qmac_step_forward_loads(const struct qmac_step_plan *plan, int samples, bool first, bool last, int loads)
{
	int64_t rows = plan->groups * plan->shape.features;
	int64_t pass = (int64_t)plan->groups * plan->blocks * plan->x.count * samples;
	int64_t forward = pass * plan->z.count, update = pass * plan->m.count;

	if (first)
		update += rows * ((plan->shape.decay > 0) + plan->shape.has_offset);
	if (last)
		update += qmac_step_law_of(plan->shape.kind)->finish ? rows * (1 + plan->z.count) : 0;
	return (int)(loads * forward / (forward + update));
}

/* ---- units, where Z is resident ---------------------------------------------------------------------- */

static struct qmac_step_chunk chunk_of(int slot, int samples)
{
	return (struct qmac_step_chunk){.slot = slot & 1, .samples = samples};
}

/* The first product of a chunk; m goes to the host. */
static void forward_to_host(struct maker *maker, const struct qmac_step_chunk *chunk)
{
	const struct qmac_step_part part = whole(maker->plan);

	add_forward(maker, &part, chunk);
	store_m(maker, chunk, 0);
}

static void make_begin(struct maker *maker, const struct qmac_step_key *key)
{
	const struct qmac_step_plan *plan = maker->plan;
	const struct qmac_step_part part = whole(plan);
	struct qmac_step_chunk chunk = chunk_of(0, key->samples), next = chunk_of(1, key->next);

	if (key->h_due)
		move_matrix(maker, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(u), QMAC_OPCODE_LOAD, maker->memory->h,
		            maker->memory->h_container, &part, plan->h_row);
	if (key->z_due)
		move_matrix(maker, QMAC_DIRECTION_NONE, QMAC_STEP_UNIT(z), QMAC_OPCODE_LOAD, maker->memory->z,
		            maker->memory->z_container, &part, plan->z_row);
	if (key->z_clear)
		qmac_step_clear(&maker->base);
	if (key->z_due || key->z_clear)
		qmac_step_copy_z(&maker->base, QMAC_DIRECTION_NONE, &part);
	if (key->samples == 0)
		return;
	load_chunk(maker, &part, &chunk, 0, qmac_step_loads(plan, chunk.samples), 0);
	if (maker->law->scale)
		return;
	load_chunk(maker, &part, &next, 0, key->next_loaded, chunk.samples);
	forward_to_host(maker, &chunk);
}

static void end_step(struct maker *maker, const struct qmac_step_part *part)
{
	if (!maker->law->finish)
		return;
	maker->law->finish(&maker->base, part);
	qmac_step_copy_z(&maker->base, QMAC_DIRECTION_UPDATE, part);
}

static void make_chunk(struct maker *maker, const struct qmac_step_key *key)
{
	const struct qmac_step_part part = whole(maker->plan);
	struct qmac_step_chunk chunk = chunk_of(key->slot, key->samples);
	struct qmac_step_chunk next = chunk_of(key->slot + 1, key->next);

	load_chunk(maker, &part, &next, 0, qmac_step_loads(maker->plan, next.samples), 0);
	if (key->keep)
		store_result(maker, QMAC_DIRECTION_NONE, &part);
	add_forward(maker, &part, &chunk);
	maker->law->scale(&maker->base, &part, &chunk);
	add_products(maker, &part, &chunk, key->first);
	if (key->last)
		end_step(maker, &part);
}

/* L + H stands first: while m' is on its way to W. */
static void make_update(struct maker *maker, const struct qmac_step_key *key)
{
	const struct qmac_step_part part = whole(maker->plan);
	struct qmac_step_chunk chunk = chunk_of(key->slot, key->samples);
	struct qmac_step_chunk next = chunk_of(key->slot + 1, key->next);
	struct qmac_step_chunk after = chunk_of(key->slot, key->after);

	load_m_operand(maker, &part, 0, chunk.samples);
	load_chunk(maker, &part, &next, key->next_loaded, qmac_step_loads(maker->plan, next.samples), 0);
	if (key->keep)
		store_result(maker, QMAC_DIRECTION_NONE, &part);
	if (key->first)
		maker->law->start(&maker->base, &part);
	add_products(maker, &part, &chunk, key->first);
	if (key->last)
		end_step(maker, &part);
	load_chunk(maker, &part, &after, 0, key->after_loads, next.samples);
	if (next.samples > 0)
		forward_to_host(maker, &next);
}

static void make_keep(struct maker *maker)
{
	const struct qmac_step_part part = whole(maker->plan);

	store_result(maker, QMAC_DIRECTION_NONE, &part);
}

/* ---- units, part by part ---------------------------------------------------------------------------- */

/* Parts of a row and of a column of parts. */
static struct qmac_step_part part_at(const struct qmac_step_plan *plan, int block, int group)
{
	int blocks = plan->blocks - block, groups = plan->groups - group;

	return (struct qmac_step_part){
		.block = block, .blocks = blocks < plan->part_blocks ? blocks : plan->part_blocks,
		.group = group, .groups = groups < plan->part_groups ? groups : plan->part_groups,
	};
}

/* The chunk's samples, the part's features of them: loaded unless a slot holds them. Completes *chunk. */
static void need_samples(struct maker *maker, const struct qmac_step_part *part, int64_t q,
                         struct qmac_step_chunk *chunk, bool targets)
{
	int each = qmac_step_loads(maker->plan, 1), limbs = maker->plan->x.count, loads;

	chunk->samples = qmac_step_plan_samples(maker->plan, q);
	chunk->turn = (int)(q % 2);
	for (chunk->slot = 0; chunk->slot < 2; chunk->slot++)
		if (maker->held[chunk->slot].chunk == q && maker->held[chunk->slot].block == part->block)
			return;
	chunk->slot = maker->next_slot;
	maker->next_slot = !maker->next_slot;
	maker->held[chunk->slot].chunk = q;
	maker->held[chunk->slot].block = part->block;
	loads = qmac_step_loads(maker->plan, chunk->samples);
	for (int i = 0; i < loads; i += each)
		load_chunk(maker, part, chunk, i, i + (targets ? each : limbs), q * maker->plan->chunk);
}

/* m of all chunks goes to memory; in linear regression m'. */
static void make_products(struct maker *maker)
{
	const struct qmac_step_plan *plan = maker->plan;
	const struct qmac_step_part all = whole(plan);
	int operand_turn = 0;

	for (int64_t q = 0; q < plan->chunks; q++) {
		struct qmac_step_chunk chunk;

		for (int block = 0; block < plan->blocks; block += plan->part_blocks)
			for (int group = 0; group < plan->groups; group += plan->part_groups) {
				struct qmac_step_part part = part_at(plan, block, group);

				part.operand_turn = operand_turn;
				operand_turn = !operand_turn;
				need_samples(maker, &part, q, &chunk, plan->shape.has_targets && block == 0);
				load_z_operand(maker, &part);
				add_forward(maker, &part, &chunk);
			}
		if (maker->law->scale)
			maker->law->scale(&maker->base, &all, &chunk);
		store_m(maker, &chunk, q * plan->chunk);
	}
}

/* The sums over all chunks of one part, and its new Z. */
static void make_part(struct maker *maker, const struct qmac_step_part *part, int *operand_turn)
{
	const struct qmac_step_plan *plan = maker->plan;
	struct qmac_step_part at = *part;

	if (maker->law->finish)
		move_matrix(maker, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(z), QMAC_OPCODE_LOAD, maker->memory->z,
		            maker->memory->z_container, part, plan->z_row);
	if (plan->shape.has_offset)
		move_matrix(maker, QMAC_DIRECTION_UPDATE, QMAC_STEP_UNIT(u), QMAC_OPCODE_LOAD, maker->memory->h,
		            maker->memory->h_container, part, plan->h_row);
	maker->law->start(&maker->base, part);
	for (int64_t q = 0; q < plan->chunks; q++) {
		struct qmac_step_chunk chunk;

		at.operand_turn = *operand_turn;
		*operand_turn = !*operand_turn;
		need_samples(maker, part, q, &chunk, false);
		load_m_operand(maker, &at, q * plan->chunk, chunk.samples);
		add_products(maker, &at, &chunk, q == 0);
	}
	if (maker->law->finish)
		maker->law->finish(&maker->base, part);
	store_result(maker, QMAC_DIRECTION_WEIGHTS, part);
}

static void make_parts(struct maker *maker)
{
	const struct qmac_step_plan *plan = maker->plan;
	int turn = 0, operand_turn = 0;

	for (int block = 0; block < plan->blocks; block += plan->part_blocks)
		for (int group = 0; group < plan->groups; group += plan->part_groups) {
			struct qmac_step_part part = part_at(plan, block, group);

			part.turn = turn;
			turn = !turn;
			make_part(maker, &part, &operand_turn);
		}
}

/* ---- life ---------------------------------------------------------------------------------------------- */

static void make(struct maker *maker, const struct qmac_step_key *key)
{
	switch (key->kind) {
	case QMAC_STEP_BEGIN:
		make_begin(maker, key);
		break;
	case QMAC_STEP_CHUNK:
		make_chunk(maker, key);
		break;
	case QMAC_STEP_UPDATE:
		make_update(maker, key);
		break;
	case QMAC_STEP_KEEP:
		make_keep(maker);
		break;
	case QMAC_STEP_PRODUCTS:
		make_products(maker);
		break;
	case QMAC_STEP_PARTS:
		make_parts(maker);
	}
}

enum qmac_status qmac_step_unit_make(struct qmac_step_unit *unit, const struct qmac_step_plan *plan,
                                     const struct qmac_hw *hw, const struct qmac_step_memory *memory,
                                     const struct qmac_step_key *key, int point, struct qmac_error *err)
{
	struct maker maker = {
		.base = {.writer = {.err = err}, .plan = plan, .point = point}, .plan = plan, .memory = memory,
		.law = qmac_step_law_of(plan->shape.kind), .held = {{.chunk = -1}, {.chunk = -1}},
	};

	*unit = (struct qmac_step_unit){.key = *key};
	maker.base.writer.program = unit->program = qmac_program_create(hw);
	if (unit->program)
		make(&maker, key);
	else
		maker.base.writer.status = qmac_fail(err, QMAC_INTERNAL, "out of memory for the commands of a step");
	unit->notes = maker.base.writer.notes;
	unit->count = maker.base.writer.count;
	if (maker.base.writer.status != QMAC_OK)
		qmac_step_unit_destroy(unit);
	return maker.base.writer.status;
}

void qmac_step_unit_destroy(struct qmac_step_unit *unit)
{
	qmac_program_destroy(unit->program);
	free(unit->notes);
	*unit = (struct qmac_step_unit){.count = 0};
}

/* ---- replays ------------------------------------------------------------------------------------- */

static void patch_samples(struct qmac_command *command, const struct qmac_step_note *note, uint64_t address,
                          uint64_t bytes, const uint32_t *order)
{
	const uint32_t *samples = order + note->place;

	command->base = address + samples[0] * bytes + note->skipped;
	if (command->n1 == 2) {
		assert(samples[1] >= samples[0] && (samples[1] - samples[0]) * bytes <= UINT32_MAX);
		command->s1 = (uint32_t)((samples[1] - samples[0]) * bytes);
	}
}

void qmac_step_unit_patch(struct qmac_step_unit *unit, const struct qmac_step_memory *memory,
                          const struct qmac_step_replay *replay)
{
	for (int64_t i = 0; i < unit->count; i++) {
		struct qmac_command *command = qmac_program_command(unit->program, i);
		const struct qmac_step_note *note = &unit->notes[i];

		qmac_step_renew(command, note, replay->step, replay->units);
		if (note->patch == QMAC_STEP_SAMPLES)
			patch_samples(command, note, memory->x.address, replay->sample_bytes, replay->order);
		else if (note->patch == QMAC_STEP_TARGETS)
			patch_samples(command, note, memory->targets.address, replay->target_bytes, replay->order);
		else if (note->patch == QMAC_STEP_ROUND)
			command->seed = replay->seed;
	}
}
