/*
 * Passes whose taps see padding: which rows their GEMMs go over, counted one by one. What they compute:
 * test_panel.c and test_conv.c.
 */
#include <stdio.h>
#include <string.h>

#include "lower/passes.h"
#include "qmac_isa.h"
#include "test.h"

enum { CASES = 300, ROWS_MAX = 20000, TAPS_MAX = 16 };

static uint64_t state;
static int emptied, shortened;

static int64_t pick(int64_t low, int64_t high)
{
	return test_between(&state, low, high);
}

/* Lines or pixels: n outputs of a kernel of so many taps over `size` inputs, some of them a stride apart. */
struct side {
	int64_t n, taps, stride, first, size;
	bool flipped;
};

static bool sees(const struct side *s, int64_t u, int64_t tap)
{
	int64_t at = u * s->stride + s->first + (s->flipped ? -tap : tap);

	return at >= 0 && at < s->size;
}

static struct side draw_side(void)
{
	return (struct side){
		.n = pick(1, 8), .taps = pick(1, 4), .stride = pick(1, 2), .first = pick(-4, 4), .size = pick(1, 8),
		.flipped = pick(0, 1),
	};
}

/* How often output row c met tap number t, in a form whose GEMMs go from row to row of both. */
static int met[ROWS_MAX][TAPS_MAX];
static bool assigned[ROWS_MAX];

/* One limb and one block: a row of A's panel is the output's own, at tap t 1000 further on for each tap. */
static struct qmac_passes make(enum qmac_form form, const struct side side[2], int64_t images)
{
	const uint32_t n[3] = {(uint32_t)images, (uint32_t)side[0].n, (uint32_t)side[1].n};
	const struct qmac_limbs one = {.bits = 4, .native = 4, .count = 1, .is_signed = true};
	struct qmac_panel rows = qmac_panel_dense(QMAC_SPACE_A, 0, one, 4, 4, n), taps;
	struct qmac_passes p;

	taps = qmac_panel_dense(QMAC_SPACE_W, 0, one, 4, 4, (uint32_t[3]){1, 1, TAPS_MAX * 4});
	p = form == QMAC_FORM_AB ? qmac_passes_of(form, &rows, &taps, &rows, 1) :
	    qmac_passes_of(form, &rows, &rows, &taps, 1);
	memcpy(p.n, n, sizeof p.n);
	for (int d = 0; d < 2; d++) {
		const struct side *s = &side[d];

		p.taps.n[d] = (int)s->taps;
		p.sight[d] = (struct qmac_sight){s->first, s->stride, s->flipped ? -1 : 1, s->size};
	}
	p.taps.a[0] = 1000 * p.taps.n[1];
	p.taps.a[1] = 1000;
	p.taps.other[0] = 4 * p.taps.n[1];
	p.taps.other[1] = 4;
	return p;
}

/* Notes the rows of a command: it streams rows of A beside those of C (AB) or B (ATB). */
static void note(const struct qmac_command *c, bool ab, bool accumulates)
{
	uint32_t tap = c->a / 1000, a0 = c->a % 1000, other = ab ? c->c : c->w;

	CU_ASSERT_EQUAL_FATAL((ab ? c->w : c->c) / 4, tap);
	CU_ASSERT_EQUAL(a0, other);
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = 0; i1 < c->n1; i1++)
			for (uint32_t i0 = 0; i0 < c->n0; i0++) {
				uint32_t row = a0 + i2 * c->as2 + i1 * c->as1 + i0 * c->as0;
				uint32_t same = other + i2 * (ab ? c->cs2 : c->ws2) + i1 * (ab ? c->cs1 : c->ws1) +
				                i0 * (ab ? c->cs0 : c->ws0);
				uint32_t sum = ab ? row : tap; /* what is assigned: rows of C, or those of a tap */

				CU_ASSERT_EQUAL(row, same);
				CU_ASSERT(c->accumulate ? accumulates || assigned[sum] : !ab || !assigned[sum]);
				met[row][tap]++;
				assigned[sum] |= !c->accumulate;
			}
}

static void check(enum qmac_form form, bool accumulates)
{
	const struct side side[2] = {draw_side(), draw_side()};
	bool ab = form == QMAC_FORM_AB;
	int64_t images = pick(1, 3), count = 0, pixels = side[0].n * side[1].n;
	struct qmac_passes passes = make(form, side, images);
	struct qmac_command c;

	memset(met, 0, sizeof met);
	memset(assigned, 0, sizeof assigned);
	passes.accumulate = accumulates;
	for (; qmac_passes_next(&passes, &c); count++) {
		note(&c, ab, accumulates);
		shortened += c.n2 * c.n1 * c.n0 < images * pixels;
	}
	emptied += count < qmac_passes_count(&passes);
	CU_ASSERT(count <= qmac_passes_count(&passes));
	for (int64_t row = 0; row < images * pixels; row++)
		for (int64_t tap = 0; tap < side[0].taps * side[1].taps; tap++) {
			bool seen = sees(&side[0], row % pixels / side[1].n, tap / side[1].taps) &&
			            sees(&side[1], row % side[1].n, tap % side[1].taps);

			/* all that is seen, once; of what is not, only what something has to be assigned for */
			CU_ASSERT(met[row][tap] == 1 || (!seen && met[row][tap] == 0));
			CU_ASSERT(seen || !accumulates || !met[row][tap]);
		}
	for (int64_t i = 0; !accumulates && i < (ab ? images * pixels : side[0].taps * side[1].taps); i++)
		CU_ASSERT(assigned[i]);
}

static void test_seen(void)
{
	state = test_seed();
	for (int i = 0; i < CASES; i++)
		check(pick(0, 1) ? QMAC_FORM_AB : QMAC_FORM_ATB, pick(0, 1));
	printf("(%d with passes left out, %d passes shortened) ", emptied, shortened);
	CU_ASSERT(emptied > 0 && shortened > 0);
}

int main(void)
{
	static const struct test_case cases[] = {{"what taps see", test_seen}};

	return test_main("test_passes", cases, TEST_COUNT(cases));
}
