/*
 * GEMM, weight and output stationary (docs/command-set.md).
 *
 * The iterations of a command are taken in stretches. The kernels add the products of a
 * stretch straight to ACC where bounds prove that no addition can leave acc_bits; else they
 * deliver the plain sums, which always fit 64 bits, and the additions are done one by one.
 */
#include <string.h>

#include "device/internal.h"
#include "num/fixed.h"

struct gemm {
	struct qmac_device *device;
	const struct qmac_command *c;
	struct qmac_gemm part;    /* what the kernels are told */
	int64_t largest;          /* a product of two operands lies within -largest .. largest */
	uint32_t i0, i1, i2;      /* first iteration of the next stretch */
	const int16_t *a[QMAC_SLOTS_MAX], *w[QMAC_SLOTS_MAX]; /* rows of the stretch; w: ws, of the command */
	uint32_t c_row[QMAC_SLOTS_MAX];
	int64_t *acc[QMAC_SLOTS_MAX];
};

static const int16_t *a_row(const struct gemm *g, uint32_t row)
{
	return g->device->a + (size_t)row * (size_t)g->device->hw.rows;
}

static const int16_t *w_row(const struct gemm *g, uint32_t row)
{
	return g->device->w + (size_t)row * (size_t)g->device->hw.cols;
}

static uint64_t slots_of(const struct qmac_command *c)
{
	return (uint64_t)c->n2 * c->n1 * c->n0;
}

/* Fills in the iterations i0 .. i0+count-1 of the present i1 and i2 from slot `at` on. */
static void add_run(struct gemm *g, int at, int count)
{
	const struct qmac_command *c = g->c;
	const int16_t *a = a_row(g, c->a + g->i2 * c->as2 + g->i1 * c->as1 + g->i0 * c->as0);
	size_t a_step = (size_t)c->as0 * (size_t)g->device->hw.rows;

	for (int i = 0; i < count; i++)
		g->a[at + i] = a + (size_t)i * a_step;
	if (c->mode == QMAC_MODE_WS) {
		uint32_t row = c->c + g->i2 * c->cs2 + g->i1 * c->cs1 + g->i0 * c->cs0;

		for (int i = 0; i < count; i++)
			g->c_row[at + i] = row + (uint32_t)i * c->cs0;
	} else {
		const int16_t *w = w_row(g, c->w + g->i2 * c->ws2 + g->i1 * c->ws1 + g->i0 * c->ws0);
		size_t w_step = (size_t)c->ws0 * (size_t)g->device->hw.cols;

		for (int i = 0; i < count; i++)
			g->w[at + i] = w + (size_t)i * w_step;
	}
}

/*
 * Fills in the next iterations, whole runs of i0 as far as there is room; false at the end. A digest
 * wants each word that is written: then no ACC row may come twice in a stretch, which is sure within a
 * run that steps.
 */
static bool next_stretch(struct gemm *g)
{
	const struct qmac_command *c = g->c;
	bool apart = c->mode == QMAC_MODE_WS && g->device->options.digests;
	int slots = 0, most = apart && c->cs0 == 0 ? 1 : QMAC_SLOTS_MAX;

	while (slots < most && g->i2 < c->n2) {
		uint32_t left = c->n0 - g->i0;
		int count = left < (uint32_t)(most - slots) ? (int)left : most - slots;

		add_run(g, slots, count);
		slots += count;
		g->i0 += (uint32_t)count;
		if (g->i0 == c->n0) {
			g->i0 = 0;
			g->i1++;
		}
		if (g->i1 == c->n1) {
			g->i1 = 0;
			g->i2++;
		}
		if (apart)
			break;
	}
	g->part.slots = slots;
	return slots > 0;
}

/* ---- bounds --------------------------------------------------------------------- */

/* Tightens the limit of an ACC row to what it really holds. */
static void measure_row(struct qmac_device *device, uint32_t row)
{
	const int64_t *acc = qmac_device_acc(device, row);
	int64_t limit = 0;

	for (int j = 0; j < device->hw.cols; j++) {
		int64_t magnitude = acc[j] < 0 ? ~acc[j] : acc[j];

		limit = magnitude > limit ? magnitude : limit;
	}
	device->acc_limit[row] = limit;
}

/*
 * Raises the limits of the rows by one addition, or assignment, each of at most `bound` <= 2^(acc_bits-1)-1
 * either way. False: a word may leave acc_bits.
 */
static bool raise_limits(const struct gemm *g, int rows, int64_t bound)
{
	int64_t highest = qmac_max_of(g->device->hw.acc_bits);
	bool whole = g->c->n == (uint32_t)g->device->hw.cols, proven = true;

	for (int i = 0; i < rows; i++) {
		int64_t *limit = &g->device->acc_limit[g->c_row[i]];

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
static bool prove(const struct gemm *g, int rows, uint64_t terms)
{
	struct qmac_device *device = g->device;
	int64_t highest = qmac_max_of(device->hw.acc_bits), bound = g->largest * (int64_t)terms;
	bool proven;

	if (bound > highest >> g->c->acc_shift) {
		for (int i = 0; i < rows; i++)
			device->acc_limit[g->c_row[i]] = highest;
		return false;
	}
	bound <<= g->c->acc_shift;
	proven = raise_limits(g, rows, bound);
	if (!proven) {
		for (int i = 0; i < rows; i++)
			measure_row(device, g->c_row[i]);
		proven = raise_limits(g, rows, bound);
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
	uint64_t *events = &device->counters[QMAC_COUNTER_ACC_SATURATIONS];

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
		qmac_device_digest_acc(device, row, 0, g->c->n);
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

static void add_stretch(struct gemm *g)
{
	enum { SLOTS = 16 };
	struct qmac_device *device = g->device;
	int64_t sums[SLOTS][QMAC_LANES_MAX], *rows[SLOTS];
	int slots = g->part.slots;

	if (prove(g, slots, g->c->k)) {
		for (int i = 0; i < slots; i++)
			g->acc[i] = qmac_device_acc(device, g->c_row[i]);
		aim(g, true, g->c->accumulate);
		device->kernel->gemm_ws(&g->part, g->a, g->w, g->acc);
		for (int i = 0; device->options.digests && i < slots; i++)
			qmac_device_digest_acc(device, g->c_row[i], 0, g->c->n);
		return;
	}
	for (int i = 0; i < SLOTS; i++)
		rows[i] = sums[i];
	aim(g, false, false);
	for (int first = 0; first < slots; first += SLOTS) {
		g->part.slots = slots - first < SLOTS ? slots - first : SLOTS;
		device->kernel->gemm_ws(&g->part, g->a + first, g->w, rows);
		for (int i = 0; i < g->part.slots; i++)
			add_exactly(g, g->c_row[first + i], sums[i]);
	}
}

static void weight_stationary(struct gemm *g)
{
	const struct qmac_command *c = g->c;
	const struct qmac_kernel *kernel = g->device->kernel;
	uint32_t weights[QMAC_LANES_MAX], inputs[QMAC_LANES_MAX] = {0}; /* per array row: not zero */
	uint64_t useful = 0, slots = slots_of(c);

	for (uint32_t r = 0; r < c->k; r++)
		g->w[r] = w_row(g, c->w + r);
	g->part.narrow = is_narrow(g, g->part.k);
	while (next_stretch(g)) {
		kernel->nonzero_lanes(g->part.slots, g->part.k, g->a, inputs);
		add_stretch(g);
	}
	kernel->nonzero_rows(g->part.k, g->part.n, g->w, weights);
	for (uint32_t r = 0; r < c->k; r++)
		useful += (uint64_t)weights[r] * inputs[r];
	g->device->counters[QMAC_COUNTER_ZERO_MACS] += c->k * c->n * slots - useful;
	g->device->counters[QMAC_COUNTER_W_READS] += c->k;
	g->device->counters[QMAC_COUNTER_ACC_WRITES] += slots;
	g->device->counters[QMAC_COUNTER_ACC_READS] += c->accumulate ? slots : 0;
}

/* ---- output stationary ---------------------------------------------------------- */

/* Non-zero products of the stretch. */
static uint64_t useful_products(const struct gemm *g)
{
	uint32_t a[QMAC_SLOTS_MAX], w[QMAC_SLOTS_MAX];
	uint64_t useful = 0;

	g->device->kernel->nonzero_rows(g->part.slots, g->part.k, g->a, a);
	g->device->kernel->nonzero_rows(g->part.slots, g->part.n, g->w, w);
	for (int i = 0; i < g->part.slots; i++)
		useful += (uint64_t)a[i] * w[i];
	return useful;
}

static void output_stationary(struct gemm *g)
{
	const struct qmac_command *c = g->c;
	struct qmac_device *device = g->device;
	int64_t sums[QMAC_LANES_MAX][QMAC_LANES_MAX];
	uint64_t useful = 0, slots = slots_of(c);
	bool proven;

	for (uint32_t r = 0; r < c->k; r++)
		g->c_row[r] = c->c + r;
	proven = prove(g, g->part.k, slots);
	for (uint32_t r = 0; r < c->k; r++)
		g->acc[r] = proven ? qmac_device_acc(device, c->c + r) : &sums[r][0];
	g->part.narrow = is_narrow(g, QMAC_SLOTS_MAX);
	aim(g, proven, proven && c->accumulate);
	for (; next_stretch(g); g->part.accumulate = true) {
		useful += useful_products(g);
		device->kernel->gemm_os(&g->part, g->a, g->w, g->acc);
	}
	for (uint32_t r = 0; r < c->k; r++) {
		if (!proven)
			add_exactly(g, c->c + r, sums[r]);
		else if (device->options.digests)
			qmac_device_digest_acc(device, c->c + r, 0, c->n);
	}
	device->counters[QMAC_COUNTER_ZERO_MACS] += c->k * c->n * slots - useful;
	device->counters[QMAC_COUNTER_W_READS] += slots;
	device->counters[QMAC_COUNTER_ACC_WRITES] += c->k;
	device->counters[QMAC_COUNTER_ACC_READS] += c->accumulate ? c->k : 0;
}

void qmac_device_gemm(struct qmac_device *device, const struct qmac_command *c)
{
	const struct qmac_hw *hw = &device->hw;
	int64_t a_largest = c->a_unsigned ? (1 << hw->a_bits) - 1 : 1 << (hw->a_bits - 1);
	int64_t w_largest = c->w_unsigned ? (1 << hw->w_bits) - 1 : 1 << (hw->w_bits - 1);
	struct gemm g;

	g.device = device;
	g.c = c;
	g.part = (struct qmac_gemm){
		.k = (int)c->k,
		.n = (int)c->n,
		.a_mask = c->a_unsigned ? (1 << hw->a_bits) - 1 : -1,
		.w_mask = c->w_unsigned ? (1 << hw->w_bits) - 1 : -1,
	};
	g.largest = a_largest * w_largest;
	g.i0 = g.i1 = g.i2 = 0;
	if (c->mode == QMAC_MODE_WS)
		weight_stationary(&g);
	else
		output_stationary(&g);
	device->counters[QMAC_COUNTER_A_READS] += slots_of(c);
	device->counters[QMAC_COUNTER_MACS] += c->k * c->n * slots_of(c);
}
