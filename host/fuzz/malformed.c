/*
 * Malformed streams: legal up to one point, where the device must stop with a certain
 * fault. Every kind of fault is as likely as the others.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/damage.h"
#include "fuzz/internal.h"
#include "fuzz/random.h"
#include "isa/command.h"

/* Damages until one gives the wanted fault. */
enum { TRIES = 4000 };

static enum qmac_status no_memory(struct qmac_error *err)
{
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for a malformed stream");
}

/* The ring reaches beyond the memory that is there: the descriptors from number `first` on cannot be read. */
static void move_ring_out(struct qmac_fuzz_draft *d)
{
	struct qmac_trace *t = d->trace;
	uint64_t first = (uint64_t)qmac_fuzz_below(&d->program.rng, 1 << t->ring_log2);
	uint64_t ring_bytes = (uint64_t)QMAC_COMMAND_BYTES << t->ring_log2;

	first = first < d->count ? first : d->count - 1;
	t->ring_base = t->memory_bytes - QMAC_COMMAND_BYTES * first;
	t->mem_size = t->ring_base + ring_bytes - t->mem_base + (uint64_t)qmac_fuzz_below(&d->program.rng, 100);
}

/* A register that makes the ring unusable before the last doorbell. */
static void spoil_ring(struct qmac_fuzz_draft *d, struct qmac_fuzz_stream *stream)
{
	const struct qmac_trace *t = d->trace;
	uint64_t *rng = &d->program.rng;
	uint32_t entries = 1U << t->ring_log2, low = (uint32_t)qmac_fuzz_below(rng, 63);
	uint32_t more = (uint32_t)qmac_fuzz_pick(rng, 0, 1000000);
	const struct {
		uint32_t offset, value;
	} ways[] = {
		{QMAC_REG_RING_LOG2, 0},
		{QMAC_REG_RING_LOG2, QMAC_RING_LOG2_MAX + 1 + more},
		{QMAC_REG_RING_BASE_LO, (uint32_t)t->ring_base + 1 + low},
		{QMAC_REG_RING_BASE_LO, (uint32_t)(t->mem_base + t->mem_size + 63) / 64 * 64},
		{QMAC_REG_RING_BASE_LO, (uint32_t)(t->mem_base + t->mem_size) / 64 * 64},
		{QMAC_REG_RING_BASE_HI, 1 + more % 65535},
		{QMAC_REG_MEM_SIZE_LO, (uint32_t)(t->ring_base - t->mem_base) + 64 * entries - 1},
		{QMAC_REG_MEM_SIZE_LO, 0},
		{QMAC_REG_RING_TAIL, (uint32_t)t->batches[t->batch_count - 1].first_command + entries + 1 +
		                             (more << more % 11)},
		{QMAC_REG_RING_TAIL, (uint32_t)t->batches[t->batch_count - 1].first_command - 1},
	};
	size_t way = (size_t)qmac_fuzz_below(rng, (int64_t)(sizeof ways / sizeof ways[0]));

	stream->ring_register = ways[way].offset;
	stream->ring_value = ways[way].value;
}

/* Ends the stream with the turn in which command `victim` stands. */
static void end_with_turn(struct qmac_trace *t, size_t victim)
{
	size_t batch = t->batch_count - 1;

	while (t->batches[batch].first_command > victim)
		batch--;
	if (batch + 1 == t->batch_count)
		return;
	t->command_count = t->batches[batch + 1].first_command;
	t->bytes_count = t->batches[batch + 1].first_bytes;
	t->batch_count = batch + 1;
}

/* Of `count` rows the first, when they meet a nest of rows from `first` on in its first or its last row. */
static uint32_t meeting(uint64_t *rng, uint32_t first, uint32_t most, uint32_t count)
{
	return qmac_fuzz_chance(rng, 2) ? first + most : first - (count - 1);
}

static uint32_t coefficients(const struct qmac_command *c)
{
	return QMAC_COEFFICIENTS * (c->coef_step ? c->n1 : 1);
}

/* Brings rows of sums, or of coefficients, to where they meet what they must not by one row. */
static void meet_by_one(uint64_t *rng, struct qmac_command *c)
{
	uint32_t dst = (c->n1 - 1) * c->d1 + (c->red_rows ? 0 : (c->n0 - 1) * c->d0);

	if (c->op == QMAC_OP_AFFINE && qmac_fuzz_chance(rng, 2))
		c->coef = meeting(rng, c->dst, dst, coefficients(c));
	else if (c->op == QMAC_OP_AFFINE && qmac_fuzz_chance(rng, 3))
		c->sum = meeting(rng, c->coef, coefficients(c) - 1, c->n1);
	else if (qmac_fuzz_chance(rng, 3))
		c->sum = meeting(rng, c->dst, dst, c->n1);
	else if (qmac_fuzz_chance(rng, 2))
		c->sum = meeting(rng, c->src0, (c->n1 - 1) * c->a1 + (c->n0 - 1) * c->a0, c->n1);
	else
		c->sum = meeting(rng, c->src1, (c->n1 - 1) * c->b1 + (c->n0 - 1) * c->b0, c->n1);
}

/* Brings destination rows of a VEC among its source rows, and the like: that seldom comes by chance. */
static void make_hazard(struct qmac_fuzz_draft *d, struct qmac_command *c)
{
	uint64_t *rng = &d->program.rng;

	qmac_fuzz_command_of(&d->program, QMAC_OPCODE_VEC, c);
	if (qmac_fuzz_chance(rng, 4))
		c->d1 = 0;
	else if (qmac_fuzz_chance(rng, 4))
		c->d0 = 0;
	else if (!c->sum && c->op != QMAC_OP_AFFINE)
		c->dst = c->src0 + (uint32_t)qmac_fuzz_below(rng, 3);
	else
		meet_by_one(rng, c);
}

/* A VEC whose rows of coefficients or of sums, if it has any, end one row behind the last of ACC. */
static void end_beyond(struct qmac_fuzz_draft *d, struct qmac_command *c)
{
	uint32_t depth = (uint32_t)d->program.hw.acc_depth;

	qmac_fuzz_command_of(&d->program, QMAC_OPCODE_VEC, c);
	if (c->op == QMAC_OP_AFFINE && !c->sum)
		c->coef = depth + 1 - coefficients(c);
	else if (c->sum)
		c->sum = depth + 1 - c->n1;
}

/* Makes a command wait for one that its ring has not given an engine yet. */
static void wait_too_far(struct qmac_fuzz_draft *d, const uint32_t dispatched[3], struct qmac_command *c)
{
	uint32_t *counts[3] = {&c->wait_load, &c->wait_exec, &c->wait_store};
	int64_t engine = qmac_fuzz_below(&d->program.rng, 3);

	if (c->opcode == QMAC_OPCODE_SYNC)
		return;
	c->wait_mask |= 1U << engine;
	*counts[engine] = (dispatched[engine] + (uint32_t)qmac_fuzz_pick(&d->program.rng, 1, 0x8000)) & 0xFFFF;
}

/* Damages commands until one is refused for `wanted`, or, at the end of patience, just refused. */
static void damage(struct qmac_fuzz_draft *d, uint32_t victim, unsigned wanted)
{
	struct qmac_trace *t = d->trace;
	struct qmac_dispatch_state state = {.mem_base = t->mem_base, .mem_size = t->mem_size};
	uint32_t *words = t->commands[victim].words;
	bool aimed = wanted == QMAC_FAULT_HAZARD || wanted == QMAC_FAULT_ORDER, beyond;
	struct qmac_command command;

	for (uint32_t i = 0; i < victim; i++)
		if (d->commands[i].opcode != QMAC_OPCODE_SYNC)
			state.dispatched[qmac_command_engine(d->commands[i].opcode)]++;
	for (int i = 0; i < TRIES; i++) {
		qmac_fuzz_command_of(&d->program, (unsigned)(1 + qmac_fuzz_below(&d->program.rng, 5)), &command);
		if (wanted == QMAC_FAULT_HAZARD)
			make_hazard(d, &command);
		if (wanted == QMAC_FAULT_ORDER)
			wait_too_far(d, state.dispatched, &command);
		beyond = wanted == QMAC_FAULT_RANGE && qmac_fuzz_chance(&d->program.rng, 2);
		if (beyond)
			end_beyond(d, &command);
		qmac_command_encode(&command, words);
		if ((!aimed && !beyond) || qmac_fuzz_chance(&d->program.rng, 4))
			qmac_fuzz_damage(&d->program.rng, words);
		qmac_command_decode(words, &command);
		if (qmac_command_fault(&t->hw, &state, words, &command) == wanted)
			return;
	}
	words[0] = 0;
}

enum qmac_status qmac_fuzz_malformed_make(const struct qmac_hw *hw, uint64_t seed, uint32_t most,
                                          struct qmac_fuzz_stream *stream, struct qmac_error *err)
{
	static const unsigned faults[] = {
		QMAC_FAULT_OPCODE, QMAC_FAULT_RESERVED, QMAC_FAULT_WIDTH, QMAC_FAULT_RANGE, QMAC_FAULT_ALIGN,
		QMAC_FAULT_ORDER, QMAC_FAULT_HAZARD, QMAC_FAULT_ADDRESS, QMAC_FAULT_BUS, QMAC_FAULT_RING,
	};
	struct qmac_fuzz_draft d;
	enum qmac_status status = QMAC_OK;
	unsigned wanted;
	uint32_t victim;

	if (!qmac_fuzz_draft_begin(&d, hw, seed, most)) {
		qmac_fuzz_draft_end(&d);
		return no_memory(err);
	}
	wanted = faults[qmac_fuzz_below(&d.program.rng, (int64_t)(sizeof faults / sizeof faults[0]))];
	victim = (uint32_t)qmac_fuzz_pick(&d.program.rng, 0, d.count - 1);
	if (wanted == QMAC_FAULT_BUS)
		move_ring_out(&d);
	if (wanted == QMAC_FAULT_BUS || wanted == QMAC_FAULT_RING)
		victim = d.count;
	status = qmac_fuzz_draft_commands(&d, victim, err);
	/* Behind the fault anything may stand: it does not execute. */
	for (uint32_t i = victim; i < d.count; i++)
		qmac_fuzz_command(&d.program, &d.commands[i]);
	if (!status && !qmac_fuzz_draft_turns(&d))
		status = no_memory(err);
	if (!status && wanted == QMAC_FAULT_RING)
		spoil_ring(&d, stream);
	if (!status && victim < d.count) {
		end_with_turn(d.trace, victim);
		damage(&d, victim, wanted);
	}
	if (!status) {
		stream->trace = d.trace;
		d.trace = NULL;
	}
	qmac_fuzz_draft_end(&d);
	return status;
}
