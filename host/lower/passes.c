#include "lower/passes.h"

#include <assert.h>

#include "lower/whole.h"

struct qmac_passes qmac_passes_of(enum qmac_form form, const struct qmac_panel *a, const struct qmac_panel *b,
                                  const struct qmac_panel *c, uint32_t positions)
{
	return (struct qmac_passes){
		.form = form, .a = *a, .b = *b, .c = *c, .n = {1, 1, positions}, .stride = {1, 1, 1},
		.taps.n = {1, 1},
	};
}

int64_t qmac_passes_count(const struct qmac_passes *passes)
{
	return (int64_t)passes->taps.n[0] * passes->taps.n[1] * qmac_panel_blocks(&passes->a) *
	       qmac_panel_blocks(&passes->b) * passes->a.limbs.count * passes->b.limbs.count;
}

/* Positions, as loops i2, i1, i0 of a command. */
static void put_positions(struct qmac_command *c, const struct qmac_passes *p)
{
	const struct qmac_panel *other = p->form == QMAC_FORM_AB ? &p->c : &p->b;
	uint32_t steps[3];

	for (int d = 0; d < 3; d++)
		steps[d] = p->n[d] > 1 ? other->step[d] : 0;
	c->n2 = p->n[0];
	c->n1 = p->n[1];
	c->n0 = p->n[2];
	c->as2 = p->n[0] > 1 ? p->a.step[0] * p->stride[0] : 0;
	c->as1 = p->n[1] > 1 ? p->a.step[1] * p->stride[1] : 0;
	c->as0 = p->n[2] > 1 ? p->a.step[2] * p->stride[2] : 0;
	if (p->form == QMAC_FORM_AB) {
		c->cs2 = steps[0];
		c->cs1 = steps[1];
		c->cs0 = steps[2];
	} else {
		c->ws2 = steps[0];
		c->ws1 = steps[1];
		c->ws0 = steps[2];
	}
}

/*
 * Limbs of B turn fastest, then those of A, blocks of B's channels, blocks of A's, and taps. So in AB
 * the sum grows tap by tap and block by block, each of which is a product of whole operands.
 */
bool qmac_passes_next(struct qmac_passes *p, struct qmac_command *command)
{
	bool ab = p->form == QMAC_FORM_AB;
	int64_t at = p->at;
	int b_limb = (int)qmac_turn(&at, p->b.limbs.count), a_limb = (int)qmac_turn(&at, p->a.limbs.count);
	int64_t y = qmac_turn(&at, qmac_panel_blocks(&p->b)), x = qmac_turn(&at, qmac_panel_blocks(&p->a));
	int64_t tap[2] = {at / p->taps.n[1], at % p->taps.n[1]};
	int64_t a_tap = tap[0] * p->taps.a[0] + tap[1] * p->taps.a[1];
	/* rows of B (AB) or C (ATB) before this block of A's channels at this tap */
	int64_t other = tap[0] * p->taps.other[0] + tap[1] * p->taps.other[1] + x * p->a.lanes;
	struct qmac_limb_cut a_cut = qmac_limb_cut(&p->a.limbs, a_limb);
	struct qmac_limb_cut b_cut = qmac_limb_cut(&p->b.limbs, b_limb);
	/* the first of a row of C */
	bool first = a_limb == 0 && b_limb == 0 && (!ab || (x == 0 && tap[0] == 0 && tap[1] == 0));
	struct qmac_command c = {.opcode = QMAC_OPCODE_GEMM};

	assert((ab ? p->b : p->c).step[2] == 1);
	if (p->at == qmac_passes_count(p))
		return false;
	c.mode = ab ? QMAC_MODE_WS : QMAC_MODE_OS;
	c.k = qmac_panel_lanes(&p->a, x);
	c.n = qmac_panel_lanes(&p->b, y);
	c.a = (uint32_t)(qmac_panel_row(&p->a, a_limb, x) + a_tap);
	c.w = (uint32_t)(qmac_panel_row(&p->b, b_limb, y) + (ab ? other : 0));
	c.c = (uint32_t)(qmac_panel_row(&p->c, 0, y) + (ab ? 0 : other));
	c.acc_shift = a_cut.lsb + b_cut.lsb + (uint32_t)p->shift;
	c.a_unsigned = a_cut.is_unsigned;
	c.w_unsigned = b_cut.is_unsigned;
	c.accumulate = p->accumulate || !first;
	put_positions(&c, p);
	*command = c;
	p->at++;
	return true;
}
