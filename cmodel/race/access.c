#include "race/access.h"
#include "isa/space.h"
#include "isa/vec_rows.h"

#include <assert.h>

#define ADDRESS_MASK 0xFFFFFFFFFFFFULL

struct list {
	const struct qmac_hw *hw;
	struct qmac_access *accesses;
	int count;
};

/* Rows base + i2*s2 + i1*s1 + i0*s0 of a scratchpad. */
struct rows {
	uint64_t base, n[3], s[3];
};

/*
 * Loops that leave no gap become part of the run, loops of one iteration and those
 * that stand still vanish: the same set from fewer runs.
 */
static void add(struct list *list, struct qmac_access access)
{
	struct qmac_access *to = &list->accesses[list->count++];
	int kept = 0;

	assert(list->count <= QMAC_ACCESSES_MAX);
	*to = (struct qmac_access){.first = access.first, .unit = access.unit, .n = {1, 1, 1},
	                           .writes = access.writes};
	for (int i = 0; i < 3; i++) {
		if (access.n[i] == 1 || access.s[i] == 0)
			continue;
		if (access.s[i] <= to->unit) {
			to->unit += (access.n[i] - 1) * access.s[i];
		} else {
			to->n[kept] = access.n[i];
			to->s[kept++] = access.s[i];
		}
	}
}

/* The ports of the banks that rows lowest..highest, both included among them, lie in. */
static void add_ports(struct list *list, unsigned space, uint64_t lowest, uint64_t highest, bool writes)
{
	uint64_t half = qmac_space_rows(list->hw, space) / 2, low = lowest >= half, high = highest >= half;
	uint64_t port = space * 4 + (writes ? 2 : 0) + low;

	add(list, (struct qmac_access){.first = (uint64_t)QMAC_REGION_PORTS << QMAC_PLACE_SHIFT | port,
	                               .unit = 1 + high - low, .n = {1, 1, 1}, .writes = true});
}

static void add_rows(struct list *list, unsigned space, struct rows rows, bool writes)
{
	uint64_t highest = rows.base;

	for (int i = 0; i < 3; i++)
		highest += (rows.n[i] - 1) * rows.s[i];
	add(list, (struct qmac_access){.first = (uint64_t)space << QMAC_PLACE_SHIFT | rows.base, .unit = 1,
	                               .n = {rows.n[0], rows.n[1], rows.n[2]},
	                               .s = {rows.s[0], rows.s[1], rows.s[2]}, .writes = writes});
	if (space != QMAC_SPACE_LUT)
		add_ports(list, space, rows.base, highest, writes);
}

/* LOAD writes every row and reads the memory of those inside the window; STORE touches only these. */
static void list_move(struct list *list, const struct qmac_command *c)
{
	uint64_t n0 = c->hi0 - c->lo0 + 1, n1 = c->hi1 - c->lo1 + 1;
	uint64_t address = (c->base + (uint64_t)c->lo1 * c->s1 + (uint64_t)c->lo0 * c->s0) & ADDRESS_MASK;
	bool load = c->opcode == QMAC_OPCODE_LOAD;
	struct rows all = {c->row, {c->n0, c->n1, c->n2}, {c->ds0, c->ds1, c->ds2}};
	struct rows inside = all;

	inside.base += (uint64_t)c->lo1 * c->ds1 + (uint64_t)c->lo0 * c->ds0;
	inside.n[0] = n0;
	inside.n[1] = n1;
	add_rows(list, c->space, load ? all : inside, load);
	add(list, (struct qmac_access){.first = (uint64_t)QMAC_REGION_MEMORY << QMAC_PLACE_SHIFT | address,
	                               .unit = (uint64_t)c->len << c->container, .n = {n0, n1, c->n2},
	                               .s = {c->s0, c->s1, c->s2}, .writes = !load});
}

static void list_gemm(struct list *list, const struct qmac_command *c)
{
	bool ws = c->mode == QMAC_MODE_WS;
	struct rows a = {c->a, {c->n0, c->n1, c->n2}, {c->as0, c->as1, c->as2}};
	struct rows w = {c->w, {c->n0, c->n1, c->n2}, {c->ws0, c->ws1, c->ws2}};
	struct rows acc = {c->c, {c->n0, c->n1, c->n2}, {c->cs0, c->cs1, c->cs2}};
	struct rows block = {0, {c->k, 1, 1}, {1, 0, 0}};

	if (ws) {
		w = block;
		w.base = c->w;
	} else {
		acc = block;
		acc.base = c->c;
	}
	add_rows(list, QMAC_SPACE_A, a, false);
	add_rows(list, QMAC_SPACE_W, w, false);
	add_rows(list, QMAC_SPACE_ACC, acc, true);
	if (c->accumulate)
		add_rows(list, QMAC_SPACE_ACC, acc, false);
}

static void list_vec(struct list *list, const struct qmac_command *c)
{
	struct rows src0 = {c->src0, {c->n0, c->n1, 1}, {c->a0, c->a1, 0}};
	struct rows src1 = {c->src1, {c->n0, c->n1, 1}, {c->b0, c->b1, 0}};
	struct rows dst = {c->dst, {c->red_rows ? 1 : c->n0, c->n1, 1}, {c->d0, c->d1, 0}};
	struct rows table = {c->lut_base, {1ULL << c->lut_n, 1, 1}, {1, 0, 0}};
	struct rows coefficients = {c->coef, {QMAC_COEFFICIENTS * qmac_vec_latches(c), 1, 1}, {1, 0, 0}};
	struct rows sums = {c->sum, {qmac_vec_sums(c), 1, 1}, {1, 0, 0}};

	add_rows(list, c->s0space, src0, false);
	if (c->op == QMAC_OP_LOOKUP)
		add_rows(list, QMAC_SPACE_LUT, table, false);
	else if (qmac_vec_has_src1(c))
		add_rows(list, c->s1space, src1, false);
	if (coefficients.n[0])
		add_rows(list, QMAC_SPACE_ACC, coefficients, false);
	add_rows(list, c->dspace, dst, true);
	if (sums.n[0])
		add_rows(list, QMAC_SPACE_ACC, sums, true);
}

int qmac_access_list(const struct qmac_hw *hw, const struct qmac_command *command,
                     struct qmac_access accesses[QMAC_ACCESSES_MAX])
{
	struct list list = {hw, accesses, 0};

	switch (command->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		list_move(&list, command);
		break;
	case QMAC_OPCODE_GEMM:
		list_gemm(&list, command);
		break;
	case QMAC_OPCODE_VEC:
		list_vec(&list, command);
		break;
	default:
		break;
	}
	return list.count;
}

bool qmac_access_each_run(const struct qmac_access *access,
                          bool (*visit)(void *context, uint64_t begin, uint64_t end), void *context)
{
	const struct qmac_access *a = access;

	for (uint64_t i2 = 0; i2 < a->n[2]; i2++)
		for (uint64_t i1 = 0; i1 < a->n[1]; i1++)
			for (uint64_t i0 = 0; i0 < a->n[0]; i0++) {
				uint64_t begin = a->first + i2 * a->s[2] + i1 * a->s[1] + i0 * a->s[0];

				if (!visit(context, begin, begin + a->unit))
					return false;
			}
	return true;
}
