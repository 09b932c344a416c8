#include "device/pending.h"

#include <stdlib.h>
#include <string.h>

#include "isa/vec_rows.h"

enum {
	GROUPS = 32,
	WEIGHTS = 1 << 17,  /* packed units of all that is held: 512 KB */
	SPLIT_BITS = 8      /* of the lower part of weights that are split */
};

/* Rows first .. last of a scratchpad. */
struct rows {
	uint32_t first, last;
};

static bool meet(struct rows a, struct rows b)
{
	return a.first <= b.last && b.first <= a.last;
}

/* A loop nest, innermost first: counts, and steps of rows of A and of ACC. */
struct lattice {
	uint32_t count[3], a[3], acc[3];
};

/* One GEMM. */
struct held {
	struct qmac_pass pass;
	struct rows a;      /* that it reads */
	int a_mask, shift;
	enum qmac_packing packing;
	bool done;
};

/* GEMMs that add to some of the rows of the first of them. */
struct group {
	struct lattice lattice;
	struct rows acc;
	uint32_t n;
	bool assigns;       /* the first one does */
	int64_t limit;      /* of the rows before */
	int64_t bound;      /* of all that is added */
	int64_t sum;        /* of products, before any shift, as gemm_group() adds them up */
	int count;
	struct held held[QMAC_PASSES_MAX];
};

struct qmac_pending {
	int groups, last;    /* last: of the groups, that a GEMM came to */
	struct rows a;       /* all that is read lies in it */
	struct group group[GROUPS];
	int32_t *weights;
	size_t used;
	struct qmac_points points; /* of `lattice` */
	struct lattice lattice;
};

enum qmac_status qmac_pending_create(struct qmac_unit *unit, struct qmac_error *err)
{
	size_t points = (size_t)unit->device->hw.acc_depth + QMAC_POINTS_STEP;
	struct qmac_pending *p = calloc(1, sizeof *p);

	unit->pending = p;
	if (p) {
		p->weights = malloc(WEIGHTS * sizeof *p->weights);
		p->points.a = malloc(points * sizeof *p->points.a);
		p->points.acc = malloc(points * sizeof *p->points.acc);
		for (int l = 0; l < 3; l++)
			p->points.at[l] = malloc(points * sizeof *p->points.at[l]);
	}
	if (!p || !p->weights || !p->points.a || !p->points.acc || !p->points.at[0] || !p->points.at[1] ||
	    !p->points.at[2])
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a device's products");
	return QMAC_OK;
}

void qmac_pending_destroy(struct qmac_unit *unit)
{
	struct qmac_pending *p = unit->pending;

	if (!p)
		return;
	for (int l = 0; l < 3; l++)
		free(p->points.at[l]);
	free(p->points.acc);
	free(p->points.a);
	free(p->weights);
	free(p);
}

/* ---- settling ------------------------------------------------------------------- */

/* The points of a lattice, and copies of the last one behind them. */
static void find_points(struct qmac_pending *p, const struct lattice *lattice, int32_t lanes)
{
	const struct lattice l = *lattice;
	struct qmac_points points = p->points;
	int i = 0;

	if (memcmp(&l, &p->lattice, sizeof l) == 0)
		return;
	p->lattice = l;
	for (uint32_t i2 = 0; i2 < l.count[2]; i2++)
		for (uint32_t i1 = 0; i1 < l.count[1]; i1++) {
			uint32_t a = i2 * l.a[2] + i1 * l.a[1], acc = i2 * l.acc[2] + i1 * l.acc[1];

			for (uint32_t i0 = 0; i0 < l.count[0]; i0++, i++) {
				points.at[0][i] = (int32_t)i0;
				points.at[1][i] = (int32_t)i1;
				points.at[2][i] = (int32_t)i2;
				points.a[i] = (int32_t)(a + i0 * l.a[0]) * lanes;
				points.acc[i] = (int32_t)(acc + i0 * l.acc[0]);
			}
		}
	p->points.count = i;
	for (int last = i - 1; i % QMAC_POINTS_STEP; i++) {
		for (int d = 0; d < 3; d++)
			points.at[d][i] = points.at[d][last];
		points.a[i] = points.a[last];
		points.acc[i] = points.acc[last];
	}
}

/* The limits of the rows that a group has been added to. */
static void raise(struct qmac_unit *unit, const struct group *g)
{
	struct qmac_device *device = unit->device;
	const struct lattice l = g->lattice;
	bool whole = g->n == (uint32_t)device->hw.cols;

	for (uint32_t i2 = 0; i2 < l.count[2]; i2++)
		for (uint32_t i1 = 0; i1 < l.count[1]; i1++) {
			int64_t *limit = &device->acc_limit[g->acc.first + i2 * l.acc[2] + i1 * l.acc[1]];

			if (!g->assigns && l.acc[0] == 1) {
				device->kernel->raise((int)l.count[0], limit, g->bound, INT64_MAX);
				continue;
			}
			for (uint32_t i0 = 0; i0 < l.count[0]; i0++, limit += l.acc[0])
				*limit = g->assigns ? whole || *limit < g->bound ? g->bound : *limit : *limit + g->bound;
		}
}

/* GEMMs of a group that go over its rows at once with the first that is not done; false: all are done. */
static bool choose(struct group *g, struct qmac_gemm_group *s, const struct qmac_pass **passes)
{
	const struct held *first = NULL;

	s->pass_count = 0;
	for (int i = 0; i < g->count; i++) {
		struct held *h = &g->held[i];

		if (h->done)
			continue;
		first = first ? first : h;
		if (h->shift != first->shift || h->a_mask != first->a_mask || h->packing != first->packing)
			continue;
		h->done = true;
		passes[s->pass_count++] = &h->pass;
	}
	if (!first)
		return false;
	s->a_mask = first->a_mask;
	s->shift = first->shift;
	s->packing = first->packing;
	return true;
}

static void settle(struct qmac_unit *unit, struct group *g)
{
	struct qmac_device *device = unit->device;
	struct qmac_pending *p = unit->pending;
	const struct qmac_pass *passes[QMAC_PASSES_MAX];
	struct qmac_gemm_group s = {
		.points = &p->points, .passes = passes, .a = device->a, .a_bytes = device->a_bytes,
		.zeros = device->hw.a_depth * device->hw.rows, .n = (int)g->n, .accumulate = !g->assigns,
		.acc = qmac_device_acc(device, g->acc.first), .acc_step = device->hw.cols,
	};

	find_points(p, &g->lattice, device->hw.rows);
	for (; choose(g, &s, passes); s.accumulate = true)
		device->kernel->gemm_group(&s);
	raise(unit, g);
}

void qmac_pending_settle(struct qmac_unit *unit)
{
	struct qmac_pending *p = unit->pending;

	if (!p)
		return;
	for (int i = 0; i < p->groups; i++)
		settle(unit, &p->group[i]);
	p->groups = p->last = 0;
	p->used = 0;
}

/* ---- conflicts ------------------------------------------------------------------ */

/* Rows of a loop nest. */
static struct rows rows_of(uint32_t first, uint32_t n2, uint32_t s2, uint32_t n1, uint32_t s1, uint32_t n0,
                           uint32_t s0)
{
	return (struct rows){first, first + (n2 - 1) * s2 + (n1 - 1) * s1 + (n0 - 1) * s0};
}

static bool writes(const struct qmac_pending *p, struct rows acc)
{
	for (int i = 0; i < p->groups; i++)
		if (meet(p->group[i].acc, acc))
			return true;
	return false;
}

static bool reads(const struct qmac_pending *p, struct rows a)
{
	if (!meet(p->a, a))
		return false;
	for (int i = 0; i < p->groups; i++)
		for (int k = 0; k < p->group[i].count; k++)
			if (meet(p->group[i].held[k].a, a))
				return true;
	return false;
}

/* Would it matter if these rows were read (written) before what is held is carried out? */
static bool matters(const struct qmac_pending *p, unsigned space, struct rows rows, bool written)
{
	if (space == QMAC_SPACE_ACC)
		return writes(p, rows);
	return space == QMAC_SPACE_A && written && reads(p, rows);
}

static bool vec_matters(const struct qmac_pending *p, const struct qmac_command *c)
{
	uint32_t latches = qmac_vec_latches(c), sums = qmac_vec_sums(c);

	return matters(p, c->s0space, rows_of(c->src0, 1, 0, c->n1, c->a1, c->n0, c->a0), false) ||
	       (qmac_vec_has_src1(c) &&
	        matters(p, c->s1space, rows_of(c->src1, 1, 0, c->n1, c->b1, c->n0, c->b0), false)) ||
	       matters(p, c->dspace, rows_of(c->dst, 1, 0, c->n1, c->d1, c->n0, c->d0), true) ||
	       (latches && matters(p, QMAC_SPACE_ACC,
	                           (struct rows){c->coef, c->coef + QMAC_COEFFICIENTS * latches - 1}, false)) ||
	       (sums && matters(p, QMAC_SPACE_ACC, (struct rows){c->sum, c->sum + sums - 1}, true));
}

static struct rows acc_of(const struct qmac_command *c)
{
	if (c->mode == QMAC_MODE_OS)
		return (struct rows){c->c, c->c + c->k - 1};
	return rows_of(c->c, c->n2, c->cs2, c->n1, c->cs1, c->n0, c->cs0);
}

void qmac_pending_before(struct qmac_unit *unit, const struct qmac_command *c)
{
	const struct qmac_pending *p = unit->pending;
	bool settles = false;

	if (!p || !p->groups)
		return;
	switch (c->opcode) {
	case QMAC_OPCODE_LOAD:
	case QMAC_OPCODE_STORE:
		settles = matters(p, c->opcode == QMAC_OPCODE_LOAD ? c->space : (unsigned)QMAC_SPACE_ACC,
		                  rows_of(c->row, c->n2, c->ds2, c->n1, c->ds1, c->n0, c->ds0), true);
		break;
	case QMAC_OPCODE_GEMM:
		settles = writes(p, acc_of(c));
		break;
	case QMAC_OPCODE_VEC:
		settles = vec_matters(p, c);
		break;
	default:
		break; /* SYNC */
	}
	if (settles)
		qmac_pending_settle(unit);
}

/* ---- holding -------------------------------------------------------------------- */

static struct lattice lattice_of(const struct qmac_command *c)
{
	return (struct lattice){
		{c->n0, c->n1, c->n2}, {c->as0, c->as1, c->as2}, {c->cs0, c->cs1, c->cs2},
	};
}

/* Does each row come once, and do the loops' rows lie one in the other? */
static bool is_nested(const struct lattice *l)
{
	uint64_t span = 0;

	for (int d = 0; d < 3; d++) {
		if (l->count[d] == 1)
			continue;
		if (l->acc[d] <= span)
			return false;
		span += (uint64_t)(l->count[d] - 1) * l->acc[d];
	}
	return true;
}

/* Where in the lattice the box of a GEMM begins whose first row is c; false: it does not lie in it. */
static bool find_box(const struct lattice *l, uint32_t row, const struct lattice *box, int32_t first[3])
{
	for (int d = 2; d >= 0; d--) {
		uint32_t at = l->count[d] > 1 ? row / l->acc[d] : 0;

		first[d] = (int32_t)at;
		row -= at * l->acc[d];
		if (at + box->count[d] > l->count[d])
			return false;
		if (box->count[d] > 1 && (box->a[d] != l->a[d] || box->acc[d] != l->acc[d]))
			return false;
	}
	return row == 0;
}

/* Of the products in a sum of k, as gemm_group() adds them up. */
static int64_t sum_of(const struct qmac_pending_gemm *gemm, enum qmac_packing packing)
{
	int64_t low = (1 << SPLIT_BITS) - 1;

	return (int64_t)gemm->c->k * gemm->a_largest * (packing == QMAC_SPLIT_PAIRS ? low : gemm->w_largest);
}

static enum qmac_packing packing_of(const struct qmac_device *device, const struct qmac_pending_gemm *gemm)
{
	if (device->a_bytes)
		return gemm->w_mask > INT8_MAX ? QMAC_UNSIGNED_QUADS : QMAC_QUADS;
	if (sum_of(gemm, QMAC_PAIRS) > INT32_MAX / 4 || gemm->w_mask > INT16_MAX)
		return QMAC_SPLIT_PAIRS;
	return QMAC_PAIRS;
}

/* Units of k rows, those of both parts. */
static uint32_t units_of(enum qmac_packing packing, uint32_t k)
{
	uint32_t pairs = (k + 1) / 2;

	return packing >= QMAC_QUADS ? (k + 3) / 4 : packing == QMAC_SPLIT_PAIRS ? 2 * pairs : pairs;
}

/* Packs the weights; returns their units. */
static int pack(const struct qmac_device *device, const struct qmac_pending_gemm *gemm,
                enum qmac_packing packing, int32_t *to)
{
	const struct qmac_command *c = gemm->c;
	ptrdiff_t lanes = device->hw.cols, first = c->w * lanes;

	if (packing >= QMAC_QUADS)
		return device->kernel->pack_quads((int)c->k, (int)c->n, gemm->w_mask,
		                                  (struct qmac_bytes){device->w_bytes + first, lanes}, to);
	return device->kernel->pack(packing == QMAC_SPLIT_PAIRS, (int)c->k, (int)c->n, gemm->w_mask,
	                            (struct qmac_operands){device->w + first, lanes}, to);
}

/* What may be held at all. */
static bool can_hold(const struct qmac_device *device, const struct qmac_pending_gemm *gemm,
                     enum qmac_packing packing)
{
	const struct lattice l = lattice_of(gemm->c);

	return gemm->a_mask <= INT16_MAX && is_nested(&l) && sum_of(gemm, packing) <= INT32_MAX / 4 &&
	       gemm->a_largest * gemm->w_largest * (int64_t)gemm->c->k <=
	               qmac_max_of(device->hw.acc_bits) >> gemm->c->acc_shift;
}

/* Adds the GEMM to a group, whose first row is that of `first`; false: a bound forbids. */
static bool join(struct qmac_unit *unit, struct group *g, const struct qmac_pending_gemm *gemm,
                 enum qmac_packing packing, const int32_t first[3])
{
	struct qmac_device *device = unit->device;
	struct qmac_pending *p = unit->pending;
	const struct qmac_command *c = gemm->c;
	int64_t bound = (gemm->a_largest * gemm->w_largest * (int64_t)c->k) << c->acc_shift;
	int64_t highest = qmac_max_of(device->hw.acc_bits);
	size_t words = (size_t)units_of(packing, c->k) * qmac_packed_lanes((int)c->n);
	struct held *h = &g->held[g->count];
	ptrdiff_t row = c->a;

	if (g->count == QMAC_PASSES_MAX || words > WEIGHTS - p->used || g->limit > highest - bound - g->bound ||
	    g->sum + sum_of(gemm, packing) > INT32_MAX)
		return false;
	*h = (struct held){
		.a = rows_of(c->a, c->n2, c->as2, c->n1, c->as1, c->n0, c->as0), .a_mask = gemm->a_mask,
		.shift = (int)c->acc_shift, .packing = packing,
		.pass = {
			.count = {(int32_t)c->n0, (int32_t)c->n1, (int32_t)c->n2}, .weights = p->weights + p->used,
			.units = pack(device, gemm, packing, p->weights + p->used),
		},
	};
	for (int d = 0; d < 3; d++) {
		h->pass.first[d] = first[d];
		row -= (ptrdiff_t)first[d] * g->lattice.a[d];
	}
	h->pass.everywhere = c->n0 == g->lattice.count[0] && c->n1 == g->lattice.count[1] &&
	                     c->n2 == g->lattice.count[2];
	h->pass.a = (int32_t)(row * device->hw.rows);
	p->used += words;
	p->a.first = h->a.first < p->a.first ? h->a.first : p->a.first;
	p->a.last = h->a.last > p->a.last ? h->a.last : p->a.last;
	g->count++;
	g->bound += bound;
	g->sum += sum_of(gemm, packing);
	return true;
}

/* The group that the GEMM adds to, if there is one: mostly that behind the group of the GEMM before. */
static struct group *find_group(struct qmac_pending *p, const struct qmac_command *c, int32_t first[3])
{
	const struct lattice box = lattice_of(c);

	for (int i = 1; i <= p->groups && c->accumulate; i++) {
		int at = (p->last + i) % p->groups;
		struct group *g = &p->group[at];

		if (c->c < g->acc.first || c->c > g->acc.last)
			continue;
		if (g->n != c->n || !find_box(&g->lattice, c->c - g->acc.first, &box, first))
			return NULL;
		p->last = at;
		return g;
	}
	return NULL;
}

/* Of the rows of a lattice; those between them may be another thread's. */
static int64_t highest_limit(const struct lattice *l, const int64_t *limits)
{
	int64_t highest = 0;

	for (uint32_t i2 = 0; i2 < l->count[2]; i2++)
		for (uint32_t i1 = 0; i1 < l->count[1]; i1++) {
			const int64_t *limit = limits + i2 * l->acc[2] + i1 * l->acc[1];

			for (uint32_t i0 = 0; i0 < l->count[0]; i0++, limit += l->acc[0])
				highest = *limit > highest ? *limit : highest;
		}
	return highest;
}

/* A group of its own, which nothing that is held stands in the way of. */
static bool begin(struct qmac_unit *unit, const struct qmac_pending_gemm *gemm,
                  enum qmac_packing packing)
{
	static const int32_t origin[3];
	struct qmac_pending *p = unit->pending;
	struct group *g;

	qmac_pending_before(unit, gemm->c);
	if (p->groups == GROUPS)
		qmac_pending_settle(unit);
	if (p->groups == 0)
		p->a = (struct rows){UINT32_MAX, 0};
	g = &p->group[p->groups];
	g->lattice = lattice_of(gemm->c);
	g->acc = acc_of(gemm->c);
	g->n = gemm->c->n;
	g->assigns = !gemm->c->accumulate;
	g->limit = g->bound = g->sum = 0;
	g->count = 0;
	if (!g->assigns)
		g->limit = highest_limit(&g->lattice, unit->device->acc_limit + g->acc.first);
	if (!join(unit, g, gemm, packing, origin))
		return false;
	p->last = p->groups++;
	return true;
}

bool qmac_pending_hold(struct qmac_unit *unit, const struct qmac_pending_gemm *gemm)
{
	struct qmac_pending *p = unit->pending;
	struct group *g;
	int32_t first[3];
	enum qmac_packing packing = packing_of(unit->device, gemm);

	if (p && can_hold(unit->device, gemm, packing)) {
		g = find_group(p, gemm->c, first);
		if (g && join(unit, g, gemm, packing, first))
			return true;
		if (begin(unit, gemm, packing))
			return true;
	}
	qmac_pending_before(unit, gemm->c);
	return false;
}
