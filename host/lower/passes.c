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

/* ---- what is seen ------------------------------------------------------------------ */

uint32_t qmac_sight_range(const struct qmac_sight *sight, uint32_t n, int64_t tap, uint32_t *first)
{
	int64_t at = sight->from + tap * sight->tap, begin = 0, end = n;

	*first = 0;
	if (!sight->size)
		return n;
	if (at < 0)
		begin = qmac_ceil_div(-at, sight->step);
	end = at < sight->size ? qmac_smaller(end, qmac_ceil_div(sight->size - at, sight->step)) : 0;
	*first = (uint32_t)begin;
	return begin < end ? (uint32_t)(end - begin) : 0;
}

/*
 * Number i of the taps: where some see less than others, the middle one comes first, which sees most. For
 * what the first one assigns are all positions, those at which it sees nothing, too.
 */
static void find_tap(struct qmac_passes *p, int64_t i)
{
	struct qmac_seen *seen = &p->seen;
	const int *n = p->taps.n;

	if (seen->number == i + 1)
		return;
	seen->number = i + 1;
	if (p->sight[0].size || p->sight[1].size)
		i = (i + (int64_t)(n[0] / 2) * n[1] + n[1] / 2) % ((int64_t)n[0] * n[1]);
	seen->tap[0] = i / n[1];
	seen->tap[1] = i % n[1];
	seen->first[0] = 0;
	seen->n[0] = p->n[0];
	for (int d = 0; d < 2; d++)
		seen->n[d + 1] = qmac_sight_range(&p->sight[d], p->n[d + 1], seen->tap[d], &seen->first[d + 1]);
	seen->any = seen->n[1] > 0 && seen->n[2] > 0;
}

/* ---- commands ---------------------------------------------------------------------- */

/* Positions, as loops i2, i1, i0 of a command, and the rows of the first. */
static void put_positions(struct qmac_command *c, const struct qmac_passes *p, const struct qmac_seen *span)
{
	const struct qmac_panel *other = p->form == QMAC_FORM_AB ? &p->c : &p->b;
	uint32_t steps[3], a_steps[3], first = 0;

	for (int d = 0; d < 3; d++) {
		steps[d] = span->n[d] > 1 ? other->step[d] : 0;
		a_steps[d] = span->n[d] > 1 ? p->a.step[d] * p->stride[d] : 0;
		c->a += span->first[d] * p->a.step[d] * p->stride[d];
		first += span->first[d] * other->step[d];
	}
	c->n2 = span->n[0];
	c->n1 = span->n[1];
	c->n0 = span->n[2];
	c->as2 = a_steps[0];
	c->as1 = a_steps[1];
	c->as0 = a_steps[2];
	if (p->form == QMAC_FORM_AB) {
		c->c += first;
		c->cs2 = steps[0];
		c->cs1 = steps[1];
		c->cs0 = steps[2];
	} else {
		c->w += first;
		c->ws2 = steps[0];
		c->ws1 = steps[1];
		c->ws0 = steps[2];
	}
}

/*
 * Pass number `at`; false where it adds nothing. Limbs of B turn fastest, then those of A, blocks of B's
 * channels, blocks of A's, and taps. So in AB the sum grows tap by tap and block by block, each of which is a
 * product of whole operands.
 */
static bool make_pass(struct qmac_passes *p, int64_t at, struct qmac_command *command)
{
	bool ab = p->form == QMAC_FORM_AB;
	int b_limb = (int)qmac_turn(&at, p->b.limbs.count), a_limb = (int)qmac_turn(&at, p->a.limbs.count);
	int64_t y = qmac_turn(&at, qmac_panel_blocks(&p->b)), x = qmac_turn(&at, qmac_panel_blocks(&p->a));
	struct qmac_limb_cut a_cut = qmac_limb_cut(&p->a.limbs, a_limb);
	struct qmac_limb_cut b_cut = qmac_limb_cut(&p->b.limbs, b_limb);
	/* the first of a row of C */
	bool first = a_limb == 0 && b_limb == 0 && (!ab || (x == 0 && at == 0));
	struct qmac_command c = {.opcode = QMAC_OPCODE_GEMM, .accumulate = p->accumulate || !first};
	const struct qmac_seen all = {.n = {p->n[0], p->n[1], p->n[2]}}, *seen = &p->seen;
	int64_t a_tap, other;

	find_tap(p, at);
	if (!seen->any && c.accumulate)
		return false;
	a_tap = seen->tap[0] * p->taps.a[0] + seen->tap[1] * p->taps.a[1];
	/* rows of B (AB) or C (ATB) before this block of A's channels at this tap */
	other = seen->tap[0] * p->taps.other[0] + seen->tap[1] * p->taps.other[1] + x * p->a.lanes;
	c.mode = ab ? QMAC_MODE_WS : QMAC_MODE_OS;
	c.k = qmac_panel_lanes(&p->a, x);
	c.n = qmac_panel_lanes(&p->b, y);
	c.a = (uint32_t)(qmac_panel_row(&p->a, a_limb, x) + a_tap);
	c.w = (uint32_t)(qmac_panel_row(&p->b, b_limb, y) + (ab ? other : 0));
	c.c = (uint32_t)(qmac_panel_row(&p->c, 0, y) + (ab ? 0 : other));
	c.acc_shift = a_cut.lsb + b_cut.lsb + (uint32_t)p->shift;
	c.a_unsigned = a_cut.is_unsigned;
	c.w_unsigned = b_cut.is_unsigned;
	put_positions(&c, p, !c.accumulate && (ab || !seen->any) ? &all : seen);
	*command = c;
	return true;
}

bool qmac_passes_next(struct qmac_passes *p, struct qmac_command *command)
{
	assert((p->form == QMAC_FORM_AB ? p->b : p->c).step[2] == 1);
	while (p->at < qmac_passes_count(p))
		if (make_pass(p, p->at++, command))
			return true;
	return false;
}
