/* GEMM of the reference device. */
#include "reference/ref_device.h"
#include "reference/ref_fields.h"

#define GEMM(name) REF_GET(words, GEMM, name)

/* One product, counted; r is the array row, j the array column. */
static ref_int product(struct ref_device *device, const uint32_t *words, int64_t a_row, int64_t r,
                       int64_t w_row, int64_t j)
{
	ref_int a = ref_operand(device, QMAC_SPACE_A, a_row, r, GEMM(a_unsigned));
	ref_int w = ref_operand(device, QMAC_SPACE_W, w_row, j, GEMM(w_unsigned));

	device->counters[QMAC_COUNTER_MACS]++;
	device->counters[QMAC_COUNTER_ZERO_MACS] += a == 0 || w == 0;
	return a * w;
}

static void put(struct ref_device *device, const uint32_t *words, int64_t row, int64_t j, ref_int sum,
                struct ref_record *record)
{
	int bits = device->hw.acc_bits;
	ref_int exact = sum * ref_power((int)GEMM(acc_shift));
	uint64_t events = 0;
	int64_t limited;

	if (GEMM(accumulate))
		exact += ref_operand(device, QMAC_SPACE_ACC, row, j, false);
	limited = ref_clamp(exact, bits, &events);
	if (device->hw.acc_overflow == QMAC_OVERFLOW_WRAP)
		limited = ref_wrap(exact, bits);
	record->acc_saturations += events;
	ref_write(device, record, QMAC_SPACE_ACC, row, j, limited);
}

static void weight_stationary(struct ref_device *device, const uint32_t *words, struct ref_record *record)
{
	*ref_reads(device, QMAC_SPACE_W) += (uint64_t)GEMM(k);
	for (int64_t i2 = 0; i2 < GEMM(n2); i2++)
		for (int64_t i1 = 0; i1 < GEMM(n1); i1++)
			for (int64_t i0 = 0; i0 < GEMM(n0); i0++) {
				int64_t a = GEMM(a) + i2 * GEMM(as2) + i1 * GEMM(as1) + i0 * GEMM(as0);
				int64_t c = GEMM(c) + i2 * GEMM(cs2) + i1 * GEMM(cs1) + i0 * GEMM(cs0);

				++*ref_reads(device, QMAC_SPACE_A);
				*ref_reads(device, QMAC_SPACE_ACC) += (uint64_t)GEMM(accumulate);
				++*ref_writes(device, QMAC_SPACE_ACC);
				for (int64_t j = 0; j < GEMM(n); j++) {
					ref_int sum = 0;

					for (int64_t r = 0; r < GEMM(k); r++)
						sum += product(device, words, a, r, GEMM(w) + r, j);
					put(device, words, c, j, sum, record);
				}
			}
}

static ref_int stream_sum(struct ref_device *device, const uint32_t *words, int64_t r, int64_t j)
{
	ref_int sum = 0;

	for (int64_t i2 = 0; i2 < GEMM(n2); i2++)
		for (int64_t i1 = 0; i1 < GEMM(n1); i1++)
			for (int64_t i0 = 0; i0 < GEMM(n0); i0++) {
				int64_t a = GEMM(a) + i2 * GEMM(as2) + i1 * GEMM(as1) + i0 * GEMM(as0);
				int64_t w = GEMM(w) + i2 * GEMM(ws2) + i1 * GEMM(ws1) + i0 * GEMM(ws0);

				sum += product(device, words, a, r, w, j);
			}
	return sum;
}

static void output_stationary(struct ref_device *device, const uint32_t *words, struct ref_record *record)
{
	uint64_t iterations = (uint64_t)(GEMM(n2) * GEMM(n1) * GEMM(n0));

	*ref_reads(device, QMAC_SPACE_A) += iterations;
	*ref_reads(device, QMAC_SPACE_W) += iterations;
	for (int64_t r = 0; r < GEMM(k); r++) {
		*ref_reads(device, QMAC_SPACE_ACC) += (uint64_t)GEMM(accumulate);
		++*ref_writes(device, QMAC_SPACE_ACC);
		for (int64_t j = 0; j < GEMM(n); j++)
			put(device, words, GEMM(c) + r, j, stream_sum(device, words, r, j), record);
	}
}

void ref_execute_gemm(struct ref_device *device, const uint32_t *words, struct ref_record *record)
{
	if (GEMM(mode) == QMAC_MODE_WS)
		weight_stationary(device, words, record);
	else
		output_stationary(device, words, record);
}
