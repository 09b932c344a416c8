#include "fuzz/commands.h"

#include <string.h>

#include "fuzz/again.h"
#include "fuzz/parts.h"
#include "fuzz/random.h"
#include "fuzz/vec.h"
#include "isa/command.h"
#include "isa/space.h"

static uint32_t pick(uint64_t *rng, int64_t low, int64_t high)
{
	return (uint32_t)qmac_fuzz_pick(rng, low, high);
}

/* One in n. */
static uint32_t chance(uint64_t *rng, int64_t n)
{
	return qmac_fuzz_chance(rng, n);
}

static int64_t width_of(const struct qmac_hw *hw, unsigned space)
{
	return qmac_space_lanes(hw, space);
}

static int64_t depth_of(const struct qmac_hw *hw, unsigned space)
{
	return qmac_space_rows(hw, space);
}

/* Loop window of n iterations. */
static void random_window(uint64_t *rng, int64_t n, int64_t *low, int64_t *high)
{
	*low = chance(rng, 2) ? 0 : qmac_fuzz_pick(rng, 0, n - 1);
	*high = chance(rng, 2) ? n - 1 : qmac_fuzz_pick(rng, *low, n - 1);
}

/* Strides, window and base in memory; false where they do not fit the data region. */
static int place_in_memory(struct qmac_fuzz_program *p, const struct qmac_fuzz_nest *rows,
                           struct qmac_command *c)
{
	int64_t bytes = 1 << c->container, lo0, hi0, lo1, hi1;
	int64_t size = (int64_t)p->data_bytes / bytes - c->len + 1;
	struct qmac_fuzz_nest memory = *rows;

	random_window(&p->rng, rows->n[0], &lo0, &hi0);
	random_window(&p->rng, rows->n[1], &lo1, &hi1);
	if (c->coalesce) {
		lo0 = 0;
		hi0 = rows->n[0] - 1;
		size -= hi0 * c->len;
	}
	if (size < 1)
		return 0;
	memory.n[0] = c->coalesce ? 1 : hi0 - lo0 + 1;
	memory.n[1] = hi1 - lo1 + 1;
	qmac_fuzz_strides(&p->rng, size, 0, 0xFFFFFFFF / bytes, &memory);
	c->lo0 = (uint32_t)lo0;
	c->hi0 = (uint32_t)hi0;
	c->lo1 = (uint32_t)lo1;
	c->hi1 = (uint32_t)hi1;
	c->s0 = (uint32_t)(c->coalesce ? c->len * bytes : memory.s[0] * bytes);
	c->s1 = (uint32_t)(memory.s[1] * bytes);
	c->s2 = (uint32_t)(memory.s[2] * bytes);
	c->base = p->data_base + (uint64_t)(memory.first * bytes - lo1 * c->s1 - lo0 * c->s0);
	c->base &= 0xFFFFFFFFFFFF;
	/* The stride of a single iteration is not used, so it may be anything. */
	if (rows->n[2] == 1)
		c->s2 = (uint32_t)qmac_fuzz_word(&p->rng);
	if (rows->n[1] == 1)
		c->s1 = (uint32_t)qmac_fuzz_word(&p->rng);
	if (rows->n[0] == 1 && !c->coalesce)
		c->s0 = (uint32_t)qmac_fuzz_word(&p->rng);
	return 1;
}

static void random_move(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	uint64_t *rng = &p->rng;
	struct qmac_fuzz_nest rows;

	c->space = c->opcode == QMAC_OPCODE_STORE ? QMAC_SPACE_ACC : (uint32_t)qmac_fuzz_below(rng, 4);
	do {
		c->container = c->space == QMAC_SPACE_LUT ? QMAC_CONTAINER_WORD : (uint32_t)qmac_fuzz_below(rng, 4);
		c->len = pick(rng, 1, width_of(&p->hw, c->space));
		c->coalesce = chance(rng, 3);
		qmac_fuzz_counts(rng, 3, 1 + QMAC_FUZZ_WORK / width_of(&p->hw, c->space), &rows);
	} while (!place_in_memory(p, &rows, c));
	qmac_fuzz_strides(rng, depth_of(&p->hw, c->space), 0, 65535, &rows);
	c->n0 = (uint32_t)rows.n[0];
	c->n1 = (uint32_t)rows.n[1];
	c->n2 = (uint32_t)rows.n[2];
	c->row = (uint32_t)rows.first;
	c->ds0 = (uint32_t)rows.s[0];
	c->ds1 = (uint32_t)rows.s[1];
	c->ds2 = (uint32_t)rows.s[2];
	if (c->space != QMAC_SPACE_LUT) {
		c->lane0 = pick(rng, 0, width_of(&p->hw, c->space) - (int64_t)c->len);
		c->is_signed = chance(rng, 2);
	}
	if (c->opcode == QMAC_OPCODE_LOAD && c->space <= QMAC_SPACE_W)
		qmac_fuzz_limb(rng, qmac_space_bits(&p->hw, c->space), 8 << c->container, c);
	if (c->opcode == QMAC_OPCODE_LOAD && c->space != QMAC_SPACE_LUT)
		c->keep = chance(rng, 2);
}

static void random_gemm(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	uint64_t *rng = &p->rng;
	struct qmac_fuzz_nest a, other;
	int64_t limit;

	c->mode = (uint32_t)qmac_fuzz_below(rng, 2);
	c->k = pick(rng, 1, p->hw.rows);
	c->n = pick(rng, 1, p->hw.cols);
	c->accumulate = chance(rng, 2);
	c->acc_shift = chance(rng, 2) ? 0 : pick(rng, 0, p->hw.acc_bits - 1);
	c->a_unsigned = chance(rng, 2);
	c->w_unsigned = chance(rng, 2);
	limit = 1 + QMAC_FUZZ_WORK / (c->k * c->n);
	qmac_fuzz_counts(rng, 3, limit < p->hw.os_max ? limit : p->hw.os_max, &a);
	other = a;
	qmac_fuzz_strides(rng, p->hw.a_depth, 0, 65535, &a);
	qmac_fuzz_strides(rng, c->mode == QMAC_MODE_OS ? p->hw.w_depth : p->hw.acc_depth, 0, 65535, &other);
	c->n0 = (uint32_t)a.n[0];
	c->n1 = (uint32_t)a.n[1];
	c->n2 = (uint32_t)a.n[2];
	c->a = (uint32_t)a.first;
	c->as0 = (uint32_t)a.s[0];
	c->as1 = (uint32_t)a.s[1];
	c->as2 = (uint32_t)a.s[2];
	if (c->mode == QMAC_MODE_OS) {
		c->c = pick(rng, 0, p->hw.acc_depth - (int64_t)c->k);
		c->w = (uint32_t)other.first;
		c->ws0 = (uint32_t)other.s[0];
		c->ws1 = (uint32_t)other.s[1];
		c->ws2 = (uint32_t)other.s[2];
	} else {
		c->w = pick(rng, 0, p->hw.w_depth - (int64_t)c->k);
		c->c = (uint32_t)other.first;
		c->cs0 = (uint32_t)other.s[0];
		c->cs1 = (uint32_t)other.s[1];
		c->cs2 = (uint32_t)other.s[2];
	}
}

void qmac_fuzz_command_of(struct qmac_fuzz_program *program, unsigned opcode, struct qmac_command *command)
{
	memset(command, 0, sizeof *command);
	command->opcode = opcode;
	command->tag = (uint32_t)qmac_fuzz_word(&program->rng) & 0xFFFF;
	if (opcode == QMAC_OPCODE_LOAD || opcode == QMAC_OPCODE_STORE)
		random_move(program, command);
	else if (opcode == QMAC_OPCODE_GEMM)
		random_gemm(program, command);
	else if (opcode == QMAC_OPCODE_VEC)
		qmac_fuzz_vec(program, command);
	else
		command->stamp = chance(&program->rng, 2);
	if (opcode == QMAC_OPCODE_SYNC)
		command->irq = chance(&program->rng, 2);
}

void qmac_fuzz_wait_all(struct qmac_fuzz_program *program, struct qmac_command *command)
{
	unsigned engine;
	uint32_t counts[3];

	if (command->opcode == QMAC_OPCODE_SYNC)
		return;
	engine = qmac_command_engine(command->opcode);
	memcpy(counts, program->dispatched, sizeof counts);
	command->wait_mask = 7;
	if (chance(&program->rng, 2))
		command->wait_mask &= ~(1U << engine);
	else
		counts[engine] -= pick(&program->rng, 0, 32767); /* before the first command: long retired */
	command->wait_load = command->wait_mask & 1 ? counts[0] & 0xFFFF : 0;
	command->wait_exec = command->wait_mask & 2 ? counts[1] & 0xFFFF : 0;
	command->wait_store = command->wait_mask & 4 ? counts[2] & 0xFFFF : 0;
	program->dispatched[engine]++;
}

void qmac_fuzz_command(struct qmac_fuzz_program *program, struct qmac_command *command)
{
	static const unsigned char mix[] = {1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 5};
	uint64_t *rng = &program->rng;
	int64_t again = program->again ? qmac_fuzz_below(rng, QMAC_FUZZ_AGAIN_ALL) : QMAC_FUZZ_AGAIN_ALL;

	if (again >= program->again || !qmac_fuzz_again(program, command)) {
		qmac_fuzz_command_of(program, mix[qmac_fuzz_below(rng, (int64_t)sizeof mix)], command);
		if (program->again && qmac_fuzz_chance(rng, 2))
			qmac_fuzz_aim(program, command);
	}
	qmac_fuzz_remember(program, command);
	qmac_fuzz_wait_all(program, command);
}
