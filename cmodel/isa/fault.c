/*
 * The complete check of a descriptor, in the order of docs/command-set.md,
 * "What is refused".
 */
#include <stdbool.h>
#include <string.h>

#include "isa/command.h"
#include "isa/space.h"
#include "isa/vec_rows.h"

struct check {
	const struct qmac_hw *hw;
	const struct qmac_dispatch_state *state;
	const struct qmac_command *c;
};

/* The highest row that base + i2*s2 + i1*s1 + i0*s0 reaches; counts are not 0. */
static uint64_t last_row(uint32_t base, uint32_t n2, uint32_t s2, uint32_t n1, uint32_t s1, uint32_t n0,
                         uint32_t s0)
{
	return base + (uint64_t)(n2 - 1) * s2 + (uint64_t)(n1 - 1) * s1 + (uint64_t)(n0 - 1) * s0;
}

static bool is_move(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_LOAD || c->opcode == QMAC_OPCODE_STORE;
}

static bool to_operands(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_LOAD && c->space <= QMAC_SPACE_W;
}

static bool bad_opcode(const struct check *k)
{
	const struct qmac_command *c = k->c;

	switch (c->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_GEMM:
	case QMAC_OPCODE_SYNC:
		return false;
	case QMAC_OPCODE_STORE:
		return c->space != QMAC_SPACE_ACC;
	case QMAC_OPCODE_VEC:
		return c->op > QMAC_OP_AFFINE || (c->op == QMAC_OP_AFFINE && c->s1space == QMAC_SPACE_IMM) ||
		       (c->op != QMAC_OP_EQ && c->rnd > QMAC_ROUND_STOCHASTIC) || c->dspace > QMAC_SPACE_ACC ||
		       c->s0space > QMAC_SPACE_ACC;
	default:
		return true;
	}
}

static bool bad_reserved(const struct check *k, const uint32_t *words)
{
	if (is_move(k->c))
		return qmac_unused_move(k->c, words) != 0;
	if (k->c->opcode == QMAC_OPCODE_GEMM)
		return qmac_unused_gemm(k->c, words) != 0;
	if (k->c->opcode == QMAC_OPCODE_VEC)
		return qmac_unused_vec(k->c, words) != 0;
	return qmac_unused_common(k->c, words) != 0;
}

/* A limb for A or W has 1 to as many bits as an operand. */
static bool bad_limb(const struct check *k, unsigned space)
{
	return k->c->nbits < 1 || k->c->nbits > (uint32_t)qmac_space_bits(k->hw, space);
}

static bool bad_width(const struct check *k)
{
	const struct qmac_command *c = k->c;
	uint32_t widest = k->hw->acc_bits < 63 ? (uint32_t)k->hw->acc_bits : 63;

	if (is_move(c)) {
		uint32_t container_bits = 8U << c->container;

		if (to_operands(c))
			return bad_limb(k, c->space) ||
			       c->lsb + c->nbits > container_bits;
		return c->space == QMAC_SPACE_LUT && c->container != QMAC_CONTAINER_WORD;
	}
	if (c->opcode != QMAC_OPCODE_VEC)
		return false;
	if (c->bw < 1 || c->bw > widest)
		return true;
	if (c->dspace != QMAC_SPACE_ACC && bad_limb(k, c->dspace))
		return true;
	return c->op == QMAC_OP_LOOKUP && (c->in_bits < 1 || c->in_bits > QMAC_LOOKUP_BITS_MAX ||
	                                   c->in_bits < c->lut_n || c->lut_n > (uint32_t)k->hw->lut_bits);
}

static bool bad_loops(uint32_t n2, uint32_t n1, uint32_t n0)
{
	return n2 == 0 || n1 == 0 || n0 == 0 || (uint64_t)n2 * n1 * n0 > QMAC_LOOP_LIMIT;
}

static bool move_out_of_range(const struct check *k)
{
	const struct qmac_command *c = k->c;
	uint32_t row_bytes = c->len * (uint32_t)qmac_container_bytes(c->container);

	if (bad_loops(c->n2, c->n1, c->n0) || c->len < 1 || c->lane0 + c->len > qmac_space_lanes(k->hw, c->space))
		return true;
	if (last_row(c->row, c->n2, c->ds2, c->n1, c->ds1, c->n0, c->ds0) >= qmac_space_rows(k->hw, c->space))
		return true;
	if (c->lo0 > c->hi0 || c->hi0 >= c->n0 || c->lo1 > c->hi1 || c->hi1 >= c->n1)
		return true;
	return c->coalesce && (c->s0 != row_bytes || c->lo0 != 0 || c->hi0 != c->n0 - 1);
}

static bool gemm_out_of_range(const struct check *k)
{
	const struct qmac_command *c = k->c;
	const struct qmac_hw *hw = k->hw;

	if (bad_loops(c->n2, c->n1, c->n0) || c->k < 1 || c->k > (uint32_t)hw->rows || c->n < 1 ||
	    c->n > (uint32_t)hw->cols || c->acc_shift >= (uint32_t)hw->acc_bits)
		return true;
	if (last_row(c->a, c->n2, c->as2, c->n1, c->as1, c->n0, c->as0) >= (uint32_t)hw->a_depth)
		return true;
	if (c->mode == QMAC_MODE_WS)
		return c->w + c->k > (uint32_t)hw->w_depth ||
		       last_row(c->c, c->n2, c->cs2, c->n1, c->cs1, c->n0, c->cs0) >= (uint32_t)hw->acc_depth;
	return c->n2 * c->n1 * c->n0 > (uint32_t)hw->os_max || c->c + c->k > (uint32_t)hw->acc_depth ||
	       last_row(c->w, c->n2, c->ws2, c->n1, c->ws1, c->n0, c->ws0) >= (uint32_t)hw->w_depth;
}

static uint32_t coefficient_rows(const struct qmac_command *c)
{
	return QMAC_COEFFICIENTS * qmac_vec_latches(c);
}

/* Coefficients and sums of a VEC, all of them rows of ACC. */
static bool acc_rows_out_of_range(const struct check *k)
{
	const struct qmac_command *c = k->c;
	uint32_t coefficients = coefficient_rows(c), sums = qmac_vec_sums(c), depth = (uint32_t)k->hw->acc_depth;

	return ((coefficients || sums) && c->lanes > (uint32_t)k->hw->cols) ||
	       (coefficients && c->coef + coefficients > depth) || (sums && c->sum + sums > depth);
}

static bool vec_out_of_range(const struct check *k)
{
	const struct qmac_command *c = k->c;
	uint32_t d0 = c->red_rows ? 0 : c->d0;
	uint32_t destination_lanes = (c->dspace == QMAC_SPACE_ACC ? 0 : c->lane0) + c->lanes;

	if (bad_loops(1, c->n1, c->n0) || c->lanes < 1 || c->lanes > qmac_space_lanes(k->hw, c->s0space) ||
	    destination_lanes > qmac_space_lanes(k->hw, c->dspace) || c->l0 > QMAC_L0_MAX)
		return true;
	if (last_row(c->dst, 1, 0, c->n1, c->d1, c->n0, d0) >= qmac_space_rows(k->hw, c->dspace) ||
	    last_row(c->src0, 1, 0, c->n1, c->a1, c->n0, c->a0) >= qmac_space_rows(k->hw, c->s0space))
		return true;
	if (qmac_vec_has_src1(c) && (c->lanes > qmac_space_lanes(k->hw, c->s1space) ||
	                        last_row(c->src1, 1, 0, c->n1, c->b1, c->n0, c->b0) >= qmac_space_rows(k->hw,
		c->s1space)))
		return true;
	if (acc_rows_out_of_range(k))
		return true;
	return c->op == QMAC_OP_LOOKUP && c->lut_base + (1U << c->lut_n) > 1U << k->hw->lut_bits;
}

static bool bad_range(const struct check *k)
{
	if (is_move(k->c))
		return move_out_of_range(k);
	if (k->c->opcode == QMAC_OPCODE_GEMM)
		return gemm_out_of_range(k);
	return k->c->opcode == QMAC_OPCODE_VEC && vec_out_of_range(k);
}

static bool bad_alignment(const struct check *k)
{
	const struct qmac_command *c = k->c;
	uint64_t mask = (1U << c->container) - 1;

	return is_move(c) && ((c->base & mask) || (c->n0 > 1 && (c->s0 & mask)) ||
	                      (c->n1 > 1 && (c->s1 & mask)) || (c->n2 > 1 && (c->s2 & mask)));
}

static bool bad_order(const struct check *k)
{
	const uint32_t waits[3] = {k->c->wait_load, k->c->wait_exec, k->c->wait_store};

	for (unsigned e = 0; k->c->wait_mask >> e != 0; e++)
		if (k->c->wait_mask >> e & 1 && (uint16_t)(k->state->dispatched[e] - waits[e]) >= 0x8000)
			return true;
	return false;
}

/* The closed interval of rows that a nest of two loops reaches, of a space; SPACE_IMM: there are none. */
struct rows {
	unsigned space;
	uint64_t first, last;
};

static struct rows rows_of(unsigned space, uint32_t first, uint32_t n1, uint32_t s1, uint32_t n0, uint32_t s0)
{
	return (struct rows){space, first, last_row(first, 1, 0, n1, s1, n0, s0)};
}

static bool meet(const struct rows *a, const struct rows *b)
{
	return a->space == b->space && a->first <= b->last && b->first <= a->last;
}

/*
 * Is a source of a VEC its destination, row for row? A row that is visited twice would be read the second
 * time before its first result is written.
 */
static bool in_place(const struct qmac_command *c, uint32_t src, uint32_t s1, uint32_t s0)
{
	bool same_rows = src == c->dst && (c->n1 == 1 || s1 == c->d1) && (c->n0 == 1 || (s0 == c->d0 &&
		!c->red_rows));

	return same_rows && (c->n1 == 1 || c->n0 == 1 || c->d1 > (uint64_t)(c->n0 - 1) * c->d0);
}

static bool bad_hazard(const struct check *k)
{
	const struct qmac_command *c = k->c;
	struct rows dst, src0, src1 = {.space = QMAC_SPACE_IMM}, coef = src1, sum;

	if (c->opcode != QMAC_OPCODE_VEC)
		return false;
	if ((c->n1 > 1 && c->d1 == 0) || (c->n0 > 1 && c->d0 == 0 && !c->red_rows))
		return true;
	dst = rows_of(c->dspace, c->dst, c->n1, c->d1, c->n0, c->red_rows ? 0 : c->d0);
	src0 = rows_of(c->s0space, c->src0, c->n1, c->a1, c->n0, c->a0);
	if (meet(&src0, &dst) && !in_place(c, c->src0, c->a1, c->a0))
		return true;
	if (qmac_vec_has_src1(c))
		src1 = rows_of(c->s1space, c->src1, c->n1, c->b1, c->n0, c->b0);
	if (meet(&src1, &dst) && !in_place(c, c->src1, c->b1, c->b0))
		return true;
	if (c->op == QMAC_OP_AFFINE)
		coef = rows_of(QMAC_SPACE_ACC, c->coef, 1, 0, coefficient_rows(c), 1);
	if (meet(&coef, &dst))
		return true;
	sum = rows_of(QMAC_SPACE_ACC, c->sum, 1, 0, qmac_vec_sums(c), 1);
	return c->sum && (meet(&sum, &dst) || meet(&sum, &src0) || meet(&sum, &src1) || meet(&sum, &coef));
}

static bool bad_address(const struct check *k)
{
	const struct qmac_command *c = k->c;
	uint64_t first, length;

	if (!is_move(c))
		return false;
	first = (c->base + (uint64_t)c->lo1 * c->s1 + (uint64_t)c->lo0 * c->s0) & 0xFFFFFFFFFFFFULL;
	length = (uint64_t)(c->n2 - 1) * c->s2 + (uint64_t)(c->hi1 - c->lo1) * c->s1 +
	         (uint64_t)(c->hi0 - c->lo0) * c->s0 +
		(uint64_t)c->len * (uint64_t)qmac_container_bytes(c->container);
	return first < k->state->mem_base || first - k->state->mem_base > k->state->mem_size ||
	       length > k->state->mem_size - (first - k->state->mem_base);
}

unsigned qmac_command_fault(const struct qmac_hw *hw, const struct qmac_dispatch_state *state,
                            const uint32_t words[QMAC_COMMAND_WORDS], const struct qmac_command *command)
{
	const struct check check = {hw, state, command};

	if (bad_opcode(&check))
		return QMAC_FAULT_OPCODE;
	if (bad_reserved(&check, words))
		return QMAC_FAULT_RESERVED;
	if (bad_width(&check))
		return QMAC_FAULT_WIDTH;
	if (bad_range(&check))
		return QMAC_FAULT_RANGE;
	if (bad_alignment(&check))
		return QMAC_FAULT_ALIGN;
	if (bad_order(&check))
		return QMAC_FAULT_ORDER;
	if (bad_hazard(&check))
		return QMAC_FAULT_HAZARD;
	if (bad_address(&check))
		return QMAC_FAULT_ADDRESS;
	return QMAC_FAULT_NONE;
}
