#include "fuzz/vec.h"

#include "fuzz/parts.h"
#include "fuzz/random.h"
#include "isa/command.h"
#include "isa/space.h"

/* Rows of ACC below which there is no room for coefficients and sums beside everything else. */
enum { ROOMY = 8 };

/* Rows low .. low+size-1 of a space. */
struct room {
	int64_t low, size;
};

/* A command in the making. */
struct draft {
	struct qmac_fuzz_program *program;
	struct qmac_command *command;
	bool has_src1, has_sum;
	struct qmac_fuzz_nest loops; /* n only */
};

static uint32_t pick(uint64_t *rng, int64_t low, int64_t high)
{
	return (uint32_t)qmac_fuzz_pick(rng, low, high);
}

static uint32_t chance(uint64_t *rng, int64_t n)
{
	return qmac_fuzz_chance(rng, n);
}

static struct room whole(const struct qmac_fuzz_program *p, unsigned space)
{
	return (struct room){0, qmac_space_rows(&p->hw, space)};
}

/* ---- rows ------------------------------------------------------------------------- */

/* Rows of coefficients. */
static int64_t coefficients(const struct draft *d)
{
	if (d->command->op != QMAC_OP_AFFINE)
		return 0;
	return QMAC_COEFFICIENTS * (d->command->coef_step ? d->loops.n[1] : 1);
}

static int64_t sums(const struct draft *d)
{
	return d->has_sum ? d->loops.n[1] : 0;
}

/* Rows that the destination needs at least; those that others need apart from it, one for a source. */
static int64_t least_dst(const struct draft *d)
{
	return (d->command->red_rows ? 1 : d->loops.n[0]) + d->loops.n[1] - 1;
}

static int64_t least_others(const struct draft *d)
{
	int64_t rows = d->command->dspace == QMAC_SPACE_ACC ? coefficients(d) : 0;

	return rows ? rows : 1;
}

/* Do the counts leave room for everything? */
static bool fits(const struct draft *d)
{
	int64_t depth = whole(d->program, d->command->dspace).size, acc = d->program->hw.acc_depth;

	if (d->loops.n[0] + d->loops.n[1] > depth)
		return false;
	if (d->command->dspace == QMAC_SPACE_ACC)
		return least_dst(d) + least_others(d) + sums(d) <= acc;
	return (coefficients(d) ? coefficients(d) : 1) + sums(d) <= acc;
}

/* Could a nest of two loops visit a row twice? */
static bool revisits(const struct qmac_fuzz_nest *nest)
{
	return nest->n[0] > 1 && nest->n[1] > 1 && nest->s[1] <= (nest->n[0] - 1) * nest->s[0];
}

/* Takes `rows` rows, row 0 not among them, off one end of the room; at least `left` are left. */
static uint32_t carve(uint64_t *rng, struct room *room, int64_t rows, int64_t left)
{
	int64_t gap = chance(rng, 2) ? 0 : qmac_fuzz_pick(rng, 0, room->size - rows - left), first;

	room->size -= rows + gap;
	if (room->low + gap == 0 || chance(rng, 2))
		return (uint32_t)(room->low + room->size);
	first = room->low + gap;
	room->low += rows + gap;
	return (uint32_t)first;
}

/* Cuts a room in two. */
static void split(const struct draft *d, struct room *dst, struct room *others)
{
	uint64_t *rng = &d->program->rng;
	struct room all = *dst;

	dst->size = qmac_fuzz_pick(rng, least_dst(d), all.size - least_others(d));
	others->size = all.size - dst->size;
	if (chance(rng, 2)) {
		others->low = all.low + dst->size;
	} else {
		others->low = all.low;
		dst->low = all.low + others->size;
	}
}

/* A nest that meets another in some iterations, within the same rows. */
static void meet(uint64_t *rng, const struct qmac_fuzz_nest *with, struct qmac_fuzz_nest *nest)
{
	int loop = (int)qmac_fuzz_below(rng, 2);
	int64_t n = with->n[loop], skip = qmac_fuzz_below(rng, n);

	*nest = *with;
	if (n == 1 || chance(rng, 2))
		return;
	nest->first += skip * with->s[loop];
	nest->s[loop] = qmac_fuzz_pick(rng, 0, (n - 1 - skip) * with->s[loop] / (n - 1));
}

static void place_src1(const struct draft *d, bool in_place, const struct qmac_fuzz_nest *s0,
                       struct qmac_fuzz_nest *s1)
{
	uint64_t *rng = &d->program->rng;

	if (!in_place && d->command->s0space == d->command->s1space && chance(rng, 3))
		meet(rng, s0, s1);
	else if (!in_place && chance(rng, 3))
		s1->s[0] = 0;
	d->command->src1 = (uint32_t)s1->first;
	d->command->b0 = (uint32_t)s1->s[0];
	d->command->b1 = (uint32_t)s1->s[1];
}

/* Sources: in place, among `others` where they share the destination's space, outside the sums. */
static void place_sources(const struct draft *d, bool in_place, const struct room *others,
                          const struct room *acc, const struct qmac_fuzz_nest *dst)
{
	uint64_t *rng = &d->program->rng;
	struct qmac_command *c = d->command;
	const unsigned spaces[2] = {c->s0space, c->s1space};
	struct qmac_fuzz_nest s[2] = {d->loops, d->loops};

	for (int i = 0; i < 1 + d->has_src1; i++) {
		bool shared = spaces[i] == c->dspace;
		struct room room = shared                         ? *others
		                   : spaces[i] == QMAC_SPACE_ACC ? *acc
		                                                 : whole(d->program, spaces[i]);

		qmac_fuzz_strides(rng, room.size, 0, 65535, &s[i]);
		s[i].first += room.low;
		if (shared && in_place) {
			s[i].first = dst->first;
			for (int loop = 0; loop < 2; loop++)
				s[i].s[loop] = s[i].n[loop] > 1 ? dst->s[loop] : s[i].s[loop];
		}
	}
	c->src0 = (uint32_t)s[0].first;
	c->a0 = (uint32_t)s[0].s[0];
	c->a1 = (uint32_t)s[0].s[1];
	if (d->has_src1)
		place_src1(d, in_place && spaces[1] == c->dspace, &s[0], &s[1]);
}

/* Rows of everything: sources in place, or apart from the destination where they share its space. */
static void place(const struct draft *d)
{
	uint64_t *rng = &d->program->rng;
	struct qmac_command *c = d->command;
	bool in_acc = c->dspace == QMAC_SPACE_ACC, apart = in_acc && coefficients(d);
	bool shares = c->s0space == c->dspace || (d->has_src1 && c->s1space == c->dspace);
	bool in_place = (!c->red_rows || c->n0 == 1) && chance(rng, 3);
	struct room acc = whole(d->program, QMAC_SPACE_ACC), others, room;
	struct qmac_fuzz_nest dst = d->loops;

	if (d->has_sum)
		c->sum = carve(rng, &acc, sums(d), in_acc ? least_dst(d) + least_others(d) :
		               coefficients(d) ? coefficients(d) : 1);
	room = others = in_acc ? acc : whole(d->program, c->dspace);
	if (apart)
		split(d, &room, &others);
	dst.n[0] = c->red_rows ? 1 : dst.n[0];
	qmac_fuzz_strides(rng, room.size, 1, 65535, &dst);
	in_place = in_place && !revisits(&dst);
	if (!in_place && shares && !apart) {
		split(d, &room, &others);
		qmac_fuzz_strides(rng, room.size, 1, 65535, &dst);
	}
	dst.first += room.low;
	c->dst = (uint32_t)dst.first;
	c->d0 = c->red_rows ? 0 : (uint32_t)dst.s[0];
	c->d1 = (uint32_t)dst.s[1];
	place_sources(d, in_place, &others, &acc, &dst);
	if (coefficients(d)) {
		room = in_acc ? others : acc;
		c->coef = (uint32_t)(room.low + qmac_fuzz_pick(rng, 0, room.size - coefficients(d)));
	}
}

/* ---- arithmetic -------------------------------------------------------------------- */

static void draw_operation(struct qmac_fuzz_program *p, struct qmac_command *c)
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
}

static void draw_finish(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	uint64_t *rng = &p->rng;

	c->bw = pick(rng, 1, p->hw.acc_bits < 63 ? p->hw.acc_bits : 63);
	c->relu = chance(rng, 4);
	if (!chance(rng, 4))
		c->monitor = pick(rng, 1, QMAC_MONITORS - 1);
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

/* ---- all together ------------------------------------------------------------------ */

static void shorten(const struct qmac_fuzz_program *p, unsigned space, int64_t *most)
{
	int64_t width = qmac_space_lanes(&p->hw, space);

	*most = width < *most ? width : *most;
}

/* Operation, spaces, lanes; what is reduced, and whether there are sums. */
static void draw_kind(struct draft *d)
{
	struct qmac_fuzz_program *p = d->program;
	struct qmac_command *c = d->command;
	uint64_t *rng = &p->rng;
	bool roomy = p->hw.acc_depth >= ROOMY;
	int64_t most;

	c->op = (uint32_t)qmac_fuzz_below(rng, roomy ? QMAC_OP_AFFINE + 3 : QMAC_OP_AFFINE);
	c->op = c->op < QMAC_OP_AFFINE ? c->op : QMAC_OP_AFFINE;
	c->dspace = (uint32_t)qmac_fuzz_below(rng, 3);
	c->s0space = (uint32_t)qmac_fuzz_below(rng, 3);
	if (c->op != QMAC_OP_LOOKUP)
		c->s1space = (uint32_t)qmac_fuzz_below(rng, c->op == QMAC_OP_AFFINE ? 3 : 4);
	c->red_rows = chance(rng, 3);
	c->red_lanes = chance(rng, 4);
	c->coef_step = c->op == QMAC_OP_AFFINE && chance(rng, 2);
	d->has_src1 = c->op != QMAC_OP_LOOKUP && c->s1space != QMAC_SPACE_IMM;
	d->has_sum = roomy && d->has_src1 && !c->red_rows && !c->red_lanes && chance(rng, 2);
	most = qmac_space_lanes(&p->hw, c->dspace);
	shorten(p, c->s0space, &most);
	if (d->has_src1)
		shorten(p, c->s1space, &most);
	if (d->has_sum || c->op == QMAC_OP_AFFINE)
		shorten(p, QMAC_SPACE_ACC, &most);
	c->lanes = pick(rng, 1, most);
}

void qmac_fuzz_vec(struct qmac_fuzz_program *p, struct qmac_command *c)
{
	struct draft d = {.program = p, .command = c};
	uint64_t *rng = &p->rng;

	draw_kind(&d);
	do {
		qmac_fuzz_counts(rng, 2, 1 + QMAC_FUZZ_WORK / 2 / c->lanes, &d.loops);
	} while (!fits(&d));
	c->n0 = (uint32_t)d.loops.n[0];
	c->n1 = (uint32_t)d.loops.n[1];
	place(&d);
	draw_operation(p, c);
	draw_finish(p, c);
	if (c->s0space != QMAC_SPACE_ACC)
		c->s0_unsigned = chance(rng, 2);
	if (d.has_src1 && c->s1space != QMAC_SPACE_ACC)
		c->s1_unsigned = chance(rng, 2);
	if (c->dspace != QMAC_SPACE_ACC) {
		c->lane0 = pick(rng, 0, qmac_space_lanes(&p->hw, c->dspace) - c->lanes);
		qmac_fuzz_limb(rng, qmac_space_bits(&p->hw, c->dspace), 64, c);
	}
}
