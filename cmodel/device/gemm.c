/*
 * GEMM, weight and output stationary (docs/command-set.md).
 *
 * The iterations of a command are taken in runs whose rows lie at equal distances. The kernels add the
 * products of a run straight to ACC where bounds prove that no addition can leave acc_bits; else they
 * deliver the plain sums, which always fit 64 bits, and the additions are done one by one.
 */
#include <stddef.h>
#include <string.h>

#include "device/pending.h"
#include "num/fixed.h"

/* Iterations of the innermost loop, and the rows of the first one. */
struct run {
	uint32_t a, other;
	int slots;
};

struct gemm {
	struct qmac_unit *unit;
	struct qmac_device *device; /* the unit's */
	const struct qmac_command *c;
	struct qmac_gemm part;    /* what the kernels are told */
	int64_t largest;          /* a product of two operands lies within -largest .. largest */
	struct qmac_nest nest;    /* other: ACC (ws) or W (os) */
	int64_t a_largest, w_largest; /* of operands */
	uint32_t i[3];            /* first iteration of the next run */
};

static struct qmac_operands a_rows(const struct gemm *g, uint32_t row, uint32_t step)
{
	ptrdiff_t lanes = g->device->hw.rows;

	return (struct qmac_operands){g->device->a + (ptrdiff_t)row * lanes, (ptrdiff_t)step * lanes};
}

static struct qmac_operands w_rows(const struct gemm *g, uint32_t row, uint32_t step)
{
	ptrdiff_t lanes = g->device->hw.cols;

	return (struct qmac_operands){g->device->w + (ptrdiff_t)row * lanes, (ptrdiff_t)step * lanes};
}

static struct qmac_sums acc_rows(const struct gemm *g, uint32_t row, uint32_t step)
{
	return (struct qmac_sums){qmac_device_acc(g->device, row), (ptrdiff_t)step * g->device->hw.cols};
}

static uint64_t slots_of(const struct qmac_command *c)
{
	return (uint64_t)c->n2 * c->n1 * c->n0;
}

/* Makes one loop of the inner two where their rows lie at equal distances, so that runs get long. */
static void merge_inner(struct qmac_nest *n)
{
	bool one = n->count[0] == 1;

	if (!one && n->count[1] != 1 &&
	    (n->a[1] != n->count[0] * n->a[0] || n->other[1] != n->count[0] * n->other[0]))
		return;
	n->a[0] = one ? n->a[1] : n->a[0];
	n->other[0] = one ? n->other[1] : n->other[0];
	n->count[0] *= n->count[1];
	n->count[1] = n->count[2];
	n->a[1] = n->a[2];
	n->other[1] = n->other[2];
	n->count[2] = 1;
}

static struct qmac_nest nest_of(const struct qmac_command *c)
{
	bool ws = c->mode == QMAC_MODE_WS;
	struct qmac_nest n = {
		.count = {c->n0, c->n1, c->n2}, .a = {c->as0, c->as1, c->as2},
		.other = {ws ? c->cs0 : c->ws0, ws ? c->cs1 : c->ws1, ws ? c->cs2 : c->ws2},
	};

	merge_inner(&n);
	merge_inner(&n);
	return n;
}

/*
 * The next iterations, at most `most`; false at the end. A digest wants each word that is written: then
 * no ACC row may come twice in a run, which is sure where it steps.
 */
static bool next_run(struct gemm *g, int most, struct run *run)
{
	const struct qmac_nest *n = &g->nest;
	const struct qmac_command *c = g->c;
	bool ws = c->mode == QMAC_MODE_WS;
	uint32_t left = n->count[0] - g->i[0];

	if (g->i[2] == n->count[2])
		return false;
	if (ws && g->device->options.digests && n->other[0] == 0)
		most = 1;
	run->slots = left < (uint32_t)most ? (int)left : most;
	run->a = c->a;
	run->other = ws ? c->c : c->w;
	for (int l = 0; l < 3; l++) {
		run->a += g->i[l] * n->a[l];
		run->other += g->i[l] * n->other[l];
	}
	g->i[0] += (uint32_t)run->slots;
	for (int l = 0; l < 2 && g->i[l] == n->count[l]; l++) {
		g->i[l] = 0;
		g->i[l + 1]++;
	}
	g->part.slots = run->slots;
	return true;
}

/* ---- bounds --------------------------------------------------------------------- */

/*
 * Raises the limits of rows `row` + i*step by one addition, or assignment, each of at most `bound`
 * <= 2^(acc_bits-1)-1 either way. False: a word may leave acc_bits.
 */
static bool raise_limits(const struct gemm *g, uint32_t row, uint32_t step, int rows, int64_t bound)
{
	int64_t highest = qmac_max_of(g->device->hw.acc_bits), *limit = &g->device->acc_limit[row];
	bool whole = g->c->n == (uint32_t)g->device->hw.cols, proven = true;

	/* The usual case first. */
	if (step == 1 && g->c->accumulate && g->device->kernel->raise(rows, limit, bound, highest))
		return true;
	for (int i = 0; i < rows; i++, limit += step) {
		if (!g->c->accumulate) {
			*limit = whole || *limit < bound ? bound : *limit;
		} else if (*limit <= highest - bound) {
			*limit += bound;
		} else {
			*limit = highest;
			proven = false;
		}
	}
	return proven;
}

/*
 * Raises the limits of the rows that are about to be written with sums of `terms` products each; says
 * whether it is proved that no word leaves acc_bits. Where limits are too high for a proof the rows are
 * measured, all before any is raised again: a row may come twice.
 */
static bool prove(const struct gemm *g, uint32_t row, uint32_t step, int rows, uint64_t terms)
{
	struct qmac_device *device = g->device;
	int64_t highest = qmac_max_of(device->hw.acc_bits), bound = g->largest * (int64_t)terms;
	bool proven;

	if (bound > highest >> g->c->acc_shift) {
		for (int i = 0; i < rows; i++)
			device->acc_limit[row + (uint32_t)i * step] = highest;
		return false;
	}
	bound <<= g->c->acc_shift;
	proven = raise_limits(g, row, step, rows, bound);
	if (!proven) {
		for (int i = 0; i < rows; i++)
			qmac_device_acc_measure(device, row + (uint32_t)i * step);
		proven = raise_limits(g, row, step, rows, bound);
	}
	return proven && device->kernel != &qmac_kernel_scalar;
}

/* ---- additions ------------------------------------------------------------------ */

/* ACC[row][0..n) (+)= sum << acc_shift, exact, then wrapped or saturated. */
static void add_exactly(const struct gemm *g, uint32_t row, const int64_t *sums)
{
	struct qmac_device *device = g->device;
	int64_t *acc = qmac_device_acc(device, row);
	int bits = device->hw.acc_bits;
	uint64_t *events = &g->unit->outcome.acc_saturations;

	for (uint32_t j = 0; j < g->c->n; j++) {
		/* |sum| < 2^50 and acc_shift < 64: exact in 128 bits. */
		qmac_int128 exact = (qmac_int128)sums[j] * ((qmac_int128)1 << g->c->acc_shift) +
		                    (g->c->accumulate ? acc[j] : 0);

		if (device->hw.acc_overflow == QMAC_OVERFLOW_SATURATE) {
			acc[j] = qmac_clamp128(exact, bits, events);
		} else {
			int64_t wrapped = qmac_sign_extend((uint64_t)exact, bits);

			*events += wrapped != exact;
			acc[j] = wrapped;
		}
	}
	if (device->options.digests)
		qmac_device_digest_acc(g->unit, row, 0, g->c->n);
}

/* Adds straight to ACC, or plain sums to `acc` without shift. */
static void aim(struct gemm *g, bool straight, bool accumulate)
{
	g->part.shift = straight ? (int)g->c->acc_shift : 0;
	g->part.accumulate = accumulate;
}

/* Does every sum of `terms` products fit 32 bits, and every operand 16? */
static bool is_narrow(const struct gemm *g, int terms)
{
	return g->part.a_mask <= INT16_MAX && g->part.w_mask <= INT16_MAX && g->largest <= INT32_MAX / terms;
}

/* ---- weight stationary ---------------------------------------------------------- */

static void add_run(struct gemm *g, const struct run *run, struct qmac_operands a, struct qmac_operands w)
{
	enum { SLOTS = 16 };
	struct qmac_device *device = g->device;
	uint32_t step = g->nest.other[0];
	int64_t sums[SLOTS][QMAC_LANES_MAX];

	if (prove(g, run->other, step, run->slots, g->c->k)) {
		aim(g, true, g->c->accumulate);
		device->kernel->gemm_ws(&g->part, a, w, acc_rows(g, run->other, step));
		for (int i = 0; device->options.digests && i < run->slots; i++)
			qmac_device_digest_acc(g->unit, run->other + (uint32_t)i * step, 0, g->c->n);
		return;
	}
	aim(g, false, false);
	for (int first = 0; first < run->slots; first += SLOTS) {
		g->part.slots = run->slots - first < SLOTS ? run->slots - first : SLOTS;
		device->kernel->gemm_ws(&g->part, a, w, (struct qmac_sums){sums[0], QMAC_LANES_MAX});
		for (int i = 0; i < g->part.slots; i++)
			add_exactly(g, run->other + (uint32_t)(first + i) * step, sums[i]);
		a.first += g->part.slots * a.step;
	}
}

/* Are the unit's inputs those of this GEMM? If not they become so, but for their counts. */
static bool inputs_known(const struct gemm *g)
{
	struct qmac_inputs inputs = {.writes = g->unit->a_writes, .a = g->c->a, .k = g->c->k};
	const size_t key = offsetof(struct qmac_inputs, nonzero);

	memcpy(inputs.count, g->nest.count, sizeof inputs.count);
	memcpy(inputs.step, g->nest.a, sizeof inputs.step);
	if (memcmp(&inputs, &g->unit->inputs, key) == 0)
		return true;
	g->unit->inputs = inputs;
	return false;
}

/* Counts products with an operand that is 0: all but those of inputs and weights that are not, row by row. */
static void count_zeros(struct gemm *g)
{
	const struct qmac_command *c = g->c;
	const struct qmac_kernel *kernel = g->device->kernel;
	uint32_t weights[QMAC_LANES_MAX], *inputs = g->unit->inputs.nonzero; /* per array row */
	bool whole = g->part.n == g->device->hw.cols;
	uint64_t useful = 0;
	size_t first = (size_t)c->a * (size_t)g->device->hw.rows;

	if (!inputs_known(g))
		kernel->nonzero_lanes(&g->nest, g->device->hw.rows, g->part.k, g->device->a + first,
		                      g->device->a_bytes ? g->device->a_bytes + first : NULL, inputs);
	if (!whole)
		kernel->nonzero_rows(g->part.k, g->part.n, w_rows(g, c->w, 1), weights);
	for (uint32_t r = 0; r < c->k; r++)
		useful += (uint64_t)(whole ? g->device->w_nonzero[c->w + r] : weights[r]) * inputs[r];
	g->unit->outcome.zero_macs += c->k * c->n * slots_of(c) - useful;
}

static void weight_stationary(struct gemm *g)
{
	const struct qmac_pending_gemm held = {
		.c = g->c, .a_largest = g->a_largest, .w_largest = g->w_largest, .a_mask = g->part.a_mask,
		.w_mask = g->part.w_mask,
	};
	struct run run;

	count_zeros(g);
	if (qmac_pending_hold(g->unit, &held))
		return;
	g->part.narrow = is_narrow(g, g->part.k);
	while (next_run(g, QMAC_WS_SLOTS_MAX, &run))
		add_run(g, &run, a_rows(g, run.a, g->nest.a[0]), w_rows(g, g->c->w, 1));
}

/* ---- output stationary ---------------------------------------------------------- */

/* Products of operands that are not 0. */
static uint64_t useful_products(const struct gemm *g)
{
	const struct qmac_device *device = g->device;
	const struct qmac_kernel *kernel = device->kernel;
	const struct qmac_command *c = g->c;
	uint32_t in_a[QMAC_WS_SLOTS_MAX], in_w[QMAC_WS_SLOTS_MAX];
	struct gemm runs = *g;
	uint64_t useful = 0;
	struct run run;

	/* The counts of whole rows are known. */
	if (g->part.k == device->hw.rows && g->part.n == device->hw.cols)
		return kernel->dot_counts(&g->nest, device->a_nonzero + c->a, device->w_nonzero + c->w);
	while (next_run(&runs, QMAC_WS_SLOTS_MAX, &run)) {
		kernel->nonzero_rows(run.slots, g->part.k, a_rows(g, run.a, g->nest.a[0]), in_a);
		kernel->nonzero_rows(run.slots, g->part.n, w_rows(g, run.other, g->nest.other[0]), in_w);
		for (int i = 0; i < run.slots; i++)
			useful += (uint64_t)in_a[i] * in_w[i];
	}
	return useful;
}

/* What the kernel is told, but for what it adds to. */
static struct qmac_gemm_os products_of(const struct gemm *g)
{
	const struct qmac_device *device = g->device;
	size_t a = (size_t)g->c->a * (size_t)device->hw.rows, w = (size_t)g->c->w * (size_t)device->hw.cols;
	struct qmac_gemm_os os = {
		.nest = &g->nest, .a_lanes = device->hw.rows, .w_lanes = device->hw.cols, .a = device->a + a,
		.w = device->w + w, .k = g->part.k, .n = g->part.n, .a_mask = g->part.a_mask,
		.w_mask = g->part.w_mask, .packing = QMAC_SINGLES,
	};
	int64_t largest = g->largest;

	if (device->a_bytes) {
		os.a_bytes = device->a_bytes + a;
		os.w_bytes = device->w_bytes + w;
		os.packing = os.w_mask > INT8_MAX ? QMAC_UNSIGNED_QUADS : QMAC_QUADS;
	} else if (os.a_mask <= INT16_MAX && os.w_mask <= INT16_MAX && largest <= INT32_MAX / QMAC_OS_SLOTS) {
		os.packing = QMAC_PAIRS;
	} else if (os.a_mask <= INT16_MAX) {
		os.packing = QMAC_SPLIT_PAIRS;
		largest = g->a_largest * UINT8_MAX;
	}
	os.together = (uint32_t)(INT32_MAX / largest);
	return os;
}

static void output_stationary(struct gemm *g)
{
	const struct qmac_command *c = g->c;
	struct qmac_device *device = g->device;
	int64_t sums[QMAC_LANES_MAX][QMAC_LANES_MAX];
	struct qmac_gemm_os os = products_of(g);
	bool proven = prove(g, c->c, 1, os.k, slots_of(c));

	os.acc = proven ? qmac_device_acc(device, c->c) : sums[0];
	os.acc_step = proven ? device->hw.cols : QMAC_LANES_MAX;
	os.shift = proven ? (int)c->acc_shift : 0;
	os.accumulate = proven && c->accumulate;
	device->kernel->gemm_os(&os);
	for (uint32_t r = 0; r < c->k; r++) {
		if (!proven)
			add_exactly(g, c->c + r, sums[r]);
		else if (device->options.digests)
			qmac_device_digest_acc(g->unit, c->c + r, 0, c->n);
	}
	g->unit->outcome.zero_macs += c->k * c->n * slots_of(c) - useful_products(g);
}

void qmac_device_gemm(struct qmac_unit *unit, const struct qmac_command *c)
{
	const struct qmac_hw *hw = &unit->device->hw;
	int64_t a_largest = c->a_unsigned ? (1 << hw->a_bits) - 1 : 1 << (hw->a_bits - 1);
	int64_t w_largest = c->w_unsigned ? (1 << hw->w_bits) - 1 : 1 << (hw->w_bits - 1);
	struct gemm g = {
		.unit = unit, .device = unit->device, .c = c, .largest = a_largest * w_largest,
		.a_largest = a_largest, .w_largest = w_largest, .nest = nest_of(c),
	};

	g.part = (struct qmac_gemm){
		.k = (int)c->k,
		.n = (int)c->n,
		.a_mask = c->a_unsigned ? (1 << hw->a_bits) - 1 : -1,
		.w_mask = c->w_unsigned ? (1 << hw->w_bits) - 1 : -1,
	};
	if (c->mode == QMAC_MODE_WS) {
		weight_stationary(&g);
		return;
	}
	qmac_pending_before(unit, c);
	output_stationary(&g);
}
