#include "fuzz/commands.h"

#include <string.h>

#include "fuzz/again.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "isa/space.h"

/* A nest of three loops, inner first, within [first, first + sum of (n-1)*s]. */
struct nest {
	int64_t n[3], s[3], first;
};

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

/* Three counts, of which `loops` may be above 1, with a product of at most limit. */
static void random_counts(uint64_t *rng, int loops, int64_t limit, struct nest *nest)
{
	int start = (int)qmac_fuzz_below(rng, loops);

	nest->n[0] = nest->n[1] = nest->n[2] = 1;
	for (int i = 0; i < loops; i++) {
		int64_t most = chance(rng, 4) || limit < 5 ? limit : 5;

		nest->n[(start + i) % loops] = qmac_fuzz_pick(rng, 1, most);
		limit /= nest->n[(start + i) % loops];
	}
}

/*
 * Strides and first place of a nest that stays within [0, size), in units of one
 * row (one container); a loop of several iterations has stride least or more, a loop
 * of one iteration any stride up to most.
 */
static void random_strides(uint64_t *rng, int64_t size, int64_t least, int64_t most, struct nest *nest)
{
	int64_t spare = size - 1;
	int start = (int)qmac_fuzz_below(rng, 3);

	for (int i = 0; i < 3; i++)
		spare -= least * (nest->n[i] - 1);
	for (int k = 0; k < 3; k++) {
		int i = (start + k) % 3;
		int64_t more = nest->n[i] > 1 ? spare / (nest->n[i] - 1) : most - least;

		nest->s[i] = least + qmac_fuzz_pick(rng, 0, more < most - least ? more : most - least);
		spare -= (nest->s[i] - least) * (nest->n[i] - 1);
	}
	nest->first = qmac_fuzz_pick(rng, 0, spare);
}

/* Loop window of n iterations. */
static void random_window(uint64_t *rng, int64_t n, int64_t *low, int64_t *high)
{
	*low = chance(rng, 2) ? 0 : qmac_fuzz_pick(rng, 0, n - 1);
	*high = chance(rng, 2) ? n - 1 : qmac_fuzz_pick(rng, *low, n - 1);
}

/* Strides, window and base in memory; false where they do not fit the data region. */
static int place_in_memory(struct qmac_fuzz_program *p, const struct nest *rows, struct qmac_command *c)
{
	int64_t bytes = 1 << c->container, lo0, hi0, lo1, hi1;
	int64_t size = (int64_t)p->data_bytes / bytes - c->len + 1;
	struct nest memory = *rows;

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
	random_strides(&p->rng, size, 0, 0xFFFFFFFF / bytes, &memory);
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

/* A limb of a value of value_bits bits; from a VEC result (64 bits) it may reach beyond the top. */
static void random_limb(uint64_t *rng, int word_bits, int value_bits, struct qmac_command *c)
{
	c->nbits = pick(rng, 1, word_bits < value_bits ? word_bits : value_bits);
	c->lsb = pick(rng, 0, c->opcode == QMAC_OPCODE_VEC ? 63 : value_bits - (int64_t)c->nbits);
	c->limb_unsigned = chance(rng, 2);
}

static void random_move(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	uint64_t *rng = &p->rng;
	struct nest rows;

	c->space = c->opcode == QMAC_OPCODE_STORE ? QMAC_SPACE_ACC : (uint32_t)qmac_fuzz_below(rng, 4);
	do {
		c->container = c->space == QMAC_SPACE_LUT ? QMAC_CONTAINER_WORD : (uint32_t)qmac_fuzz_below(rng, 4);
		c->len = pick(rng, 1, width_of(&p->hw, c->space));
		c->coalesce = chance(rng, 3);
		random_counts(rng, 3, 1 + QMAC_FUZZ_WORK / width_of(&p->hw, c->space), &rows);
	} while (!place_in_memory(p, &rows, c));
	random_strides(rng, depth_of(&p->hw, c->space), 0, 65535, &rows);
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
		random_limb(rng, qmac_space_bits(&p->hw, c->space), 8 << c->container, c);
	if (c->opcode == QMAC_OPCODE_LOAD && c->space != QMAC_SPACE_LUT)
		c->keep = chance(rng, 2);
}

static void random_gemm(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	uint64_t *rng = &p->rng;
	struct nest a, other;
	int64_t limit;

	c->mode = (uint32_t)qmac_fuzz_below(rng, 2);
	c->k = pick(rng, 1, p->hw.rows);
	c->n = pick(rng, 1, p->hw.cols);
	c->accumulate = chance(rng, 2);
	c->acc_shift = chance(rng, 2) ? 0 : pick(rng, 0, p->hw.acc_bits - 1);
	c->a_unsigned = chance(rng, 2);
	c->w_unsigned = chance(rng, 2);
	limit = 1 + QMAC_FUZZ_WORK / (c->k * c->n);
	random_counts(rng, 3, limit < p->hw.os_max ? limit : p->hw.os_max, &a);
	other = a;
	random_strides(rng, p->hw.a_depth, 0, 65535, &a);
	random_strides(rng, c->mode == QMAC_MODE_OS ? p->hw.w_depth : p->hw.acc_depth, 0, 65535, &other);
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

/* Could a nest of two loops visit a row twice? */
static int revisits(const struct nest *nest)
{
	return nest->n[0] > 1 && nest->n[1] > 1 && nest->s[1] <= (nest->n[0] - 1) * nest->s[0];
}

/* Rows of destination and sources: in place, or in two separate parts of a shared space. */
static void place_vec(struct qmac_fuzz_program *p, int has_src1, struct nest *d, struct qmac_command *c)
{
	uint64_t *rng = &p->rng;
	int64_t depth = depth_of(&p->hw, c->dspace), d_low = 0, s_low = 0, d_size = depth, s_size = depth;
	int in_place = (!c->red_rows || c->n0 == 1) && chance(rng, 3);
	const unsigned spaces[2] = {c->s0space, c->s1space};
	struct nest s[2] = {*d, *d};

	d->n[0] = c->red_rows ? 1 : d->n[0];
	random_strides(rng, depth, 1, 65535, d);
	in_place = in_place && !revisits(d);
	if (!in_place && (c->s0space == c->dspace || (has_src1 && c->s1space == c->dspace))) {
		d_size = qmac_fuzz_pick(rng, d->n[0] + d->n[1] - 1, depth - 1);
		s_size = depth - d_size;
		if (chance(rng, 2))
			s_low = d_size;
		else
			d_low = s_size;
		random_strides(rng, d_size, 1, 65535, d);
		d->first += d_low;
	}
	for (int i = 0; i < 1 + has_src1; i++) {
		int shared = spaces[i] == c->dspace;

		random_strides(rng, shared ? s_size : depth_of(&p->hw, spaces[i]), 0, 65535, &s[i]);
		s[i].first += shared ? s_low : 0;
		if (shared && in_place) {
			s[i].first = d->first;
			for (int loop = 0; loop < 2; loop++)
				s[i].s[loop] = s[i].n[loop] > 1 ? d->s[loop] : s[i].s[loop];
		}
	}
	c->dst = (uint32_t)d->first;
	c->d0 = c->red_rows ? 0 : (uint32_t)d->s[0];
	c->d1 = (uint32_t)d->s[1];
	c->src0 = (uint32_t)s[0].first;
	c->a0 = (uint32_t)s[0].s[0];
	c->a1 = (uint32_t)s[0].s[1];
	if (has_src1) {
		c->src1 = (uint32_t)s[1].first;
		c->b0 = (uint32_t)s[1].s[0];
		c->b1 = (uint32_t)s[1].s[1];
	}
}

static void random_arithmetic(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	static const int32_t factors[] = {0, 1, -1, 2, -131072, 131071};
	uint64_t *rng = &p->rng;

	if (c->op == QMAC_OP_ADD || c->op == QMAC_OP_SUB || c->op == QMAC_OP_MIN || c->op == QMAC_OP_MAX) {
		c->mult = chance(rng, 2) ? factors[qmac_fuzz_below(rng, 6)]
		                         : (int32_t)(qmac_fuzz_below(rng, 262144) - 131072);
		c->l0 = chance(rng, 2) ? 0 : pick(rng, 0, 31);
	}
	if (c->op == QMAC_OP_LOOKUP) {
		c->lut_n = pick(rng, 0, p->hw.lut_bits);
		c->in_bits = pick(rng, c->lut_n ? c->lut_n : 1, 32);
		c->lut_base = pick(rng, 0, ((int64_t)1 << p->hw.lut_bits) - ((int64_t)1 << c->lut_n));
	} else if (c->s1space == QMAC_SPACE_IMM) {
		c->imm = (int32_t)(uint32_t)qmac_fuzz_word(rng);
	}
	c->bw = pick(rng, 1, p->hw.acc_bits < 63 ? p->hw.acc_bits : 63);
	c->relu = chance(rng, 4);
	if (c->op != QMAC_OP_EQ) {
		c->rnd = (uint32_t)qmac_fuzz_below(rng, 3);
		c->shift = chance(rng, 3) ? 0 : pick(rng, 0, chance(rng, 2) ? 8 : 63); /* ties need small ones */
	}
	if (c->rnd == QMAC_ROUND_STOCHASTIC) {
		c->seed = (uint32_t)qmac_fuzz_word(rng);
		c->dither_row0 = (uint32_t)qmac_fuzz_word(rng);
		c->dither_lane0 = (uint32_t)qmac_fuzz_word(rng) & 0xFFFF;
		c->dither_rs1 = pick(rng, 0, 65535);
		c->dither_cs1 = pick(rng, 0, 127);
		c->dither_cs0 = c->red_rows ? 0 : pick(rng, 0, 127);
		c->dither_rs0 = c->red_rows ? 0 : chance(rng, 2);
	}
}

static void random_vec(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	uint64_t *rng = &p->rng;
	int64_t width, shortest;
	struct nest loops;
	int has_src1;

	c->op = (uint32_t)qmac_fuzz_below(rng, 8);
	c->dspace = (uint32_t)qmac_fuzz_below(rng, 3);
	c->s0space = (uint32_t)qmac_fuzz_below(rng, 3);
	c->s1space = c->op == QMAC_OP_LOOKUP ? 0 : (uint32_t)qmac_fuzz_below(rng, 4);
	has_src1 = c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM;
	width = shortest = width_of(&p->hw, c->dspace);
	if (width_of(&p->hw, c->s0space) < shortest)
		shortest = width_of(&p->hw, c->s0space);
	if (has_src1 && width_of(&p->hw, c->s1space) < shortest)
		shortest = width_of(&p->hw, c->s1space);
	c->lanes = pick(rng, 1, shortest);
	c->red_rows = chance(rng, 3);
	c->red_lanes = chance(rng, 4);
	do {
		random_counts(rng, 2, 1 + QMAC_FUZZ_WORK / 2 / c->lanes, &loops);
	} while (loops.n[0] + loops.n[1] > depth_of(&p->hw, c->dspace));
	c->n0 = (uint32_t)loops.n[0];
	c->n1 = (uint32_t)loops.n[1];
	place_vec(p, has_src1, &loops, c);
	random_arithmetic(p, c);
	if (c->s0space != QMAC_SPACE_ACC)
		c->s0_unsigned = chance(rng, 2);
	if (has_src1 && c->s1space != QMAC_SPACE_ACC)
		c->s1_unsigned = chance(rng, 2);
	if (c->dspace != QMAC_SPACE_ACC) {
		c->lane0 = pick(rng, 0, width - c->lanes);
		random_limb(rng, qmac_space_bits(&p->hw, c->dspace), 64, c);
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
		random_vec(program, command);
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
