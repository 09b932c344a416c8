/*
 * GEMM, weight and output stationary (docs/command-set.md).
 */
#include <string.h>

#include "device/internal.h"
#include "num/fixed.h"

struct gemm {
	struct qmac_device *device;
	const struct qmac_command *c;
	int a_mask, w_mask; /* 0: operands are signed as they are kept */
};

static int32_t operand(int16_t kept, int mask)
{
	return mask ? kept & mask : kept;
}

static const int16_t *a_row(const struct gemm *g, uint32_t row)
{
	return g->device->a + (size_t)row * (size_t)g->device->hw.rows;
}

static const int16_t *w_row(const struct gemm *g, uint32_t row)
{
	return g->device->w + (size_t)row * (size_t)g->device->hw.cols;
}

/* ACC[row][0..n) (+)= sum << acc_shift, exact, then wrapped or saturated. */
static void accumulate(const struct gemm *g, uint32_t row, const int64_t *sums)
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
	qmac_device_acc_bits(device, row, g->c->n, bits);
	device->counters[QMAC_COUNTER_ACC_WRITES]++;
	device->counters[QMAC_COUNTER_ACC_READS] += g->c->accumulate;
	if (device->options.digests)
		qmac_device_digest_acc(device, row, 0, g->c->n);
}

static uint32_t nonzero(const int16_t *row, uint32_t count)
{
	uint32_t n = 0;

	for (uint32_t j = 0; j < count; j++)
		n += row[j] != 0;
	return n;
}

static void weight_stationary(const struct gemm *g)
{
	const struct qmac_command *c = g->c;
	uint32_t weights[QMAC_LANES_MAX]; /* per array row: non-zero weights in use */
	uint64_t useful = 0;

	for (uint32_t r = 0; r < c->k; r++)
		weights[r] = nonzero(w_row(g, c->w + r), c->n);
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = 0; i1 < c->n1; i1++)
			for (uint32_t i0 = 0; i0 < c->n0; i0++) {
				const int16_t *a = a_row(g, c->a + i2 * c->as2 + i1 * c->as1 + i0 * c->as0);
				int64_t sums[QMAC_LANES_MAX] = {0};

				for (uint32_t r = 0; r < c->k; r++) {
					const int16_t *w = w_row(g, c->w + r);
					int64_t x = operand(a[r], g->a_mask);

					useful += x ? weights[r] : 0;
					for (uint32_t j = 0; x && j < c->n; j++)
						sums[j] += x * operand(w[j], g->w_mask);
				}
				accumulate(g, c->c + i2 * c->cs2 + i1 * c->cs1 + i0 * c->cs0, sums);
			}
	g->device->counters[QMAC_COUNTER_ZERO_MACS] +=
		(uint64_t)c->k * c->n * c->n2 * c->n1 * c->n0 - useful;
	g->device->counters[QMAC_COUNTER_W_READS] += c->k;
}

static void output_stationary(const struct gemm *g)
{
	const struct qmac_command *c = g->c;
	int64_t sums[QMAC_LANES_MAX][QMAC_LANES_MAX];
	uint64_t useful = 0, slots = (uint64_t)c->n2 * c->n1 * c->n0;

	memset(sums, 0, sizeof sums);
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = 0; i1 < c->n1; i1++)
			for (uint32_t i0 = 0; i0 < c->n0; i0++) {
				const int16_t *a = a_row(g, c->a + i2 * c->as2 + i1 * c->as1 + i0 * c->as0);
				const int16_t *w = w_row(g, c->w + i2 * c->ws2 + i1 * c->ws1 + i0 * c->ws0);

				useful += (uint64_t)nonzero(a, c->k) * nonzero(w, c->n);
				for (uint32_t r = 0; r < c->k; r++)
					for (uint32_t j = 0; a[r] && j < c->n; j++)
						sums[r][j] += (int64_t)operand(a[r], g->a_mask) *
						              operand(w[j], g->w_mask);
			}
	for (uint32_t r = 0; r < c->k; r++)
		accumulate(g, c->c + r, sums[r]);
	g->device->counters[QMAC_COUNTER_ZERO_MACS] += c->k * c->n * slots - useful;
	g->device->counters[QMAC_COUNTER_W_READS] += slots;
}

void qmac_device_gemm(struct qmac_device *device, const struct qmac_command *c)
{
	const struct gemm g = {
		.device = device,
		.c = c,
		.a_mask = c->a_unsigned ? (1 << device->hw.a_bits) - 1 : 0,
		.w_mask = c->w_unsigned ? (1 << device->hw.w_bits) - 1 : 0,
	};
	uint64_t slots = (uint64_t)c->n2 * c->n1 * c->n0;

	if (c->mode == QMAC_MODE_WS)
		weight_stationary(&g);
	else
		output_stationary(&g);
	device->counters[QMAC_COUNTER_A_READS] += slots;
	device->counters[QMAC_COUNTER_MACS] += (uint64_t)c->k * c->n * slots;
}
