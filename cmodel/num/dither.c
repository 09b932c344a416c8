#include "num/dither.h"

uint32_t qmac_dither_mix(uint32_t x, int rounds)
{
	for (int i = 0; i < rounds; i++)
		x = qmac_dither_round(x, qmac_dither_constants[i]);
	return x;
}

uint32_t qmac_dither_key(uint32_t run_seed, uint32_t step, uint32_t site)
{
	return qmac_dither_mix(qmac_dither_mix(qmac_dither_mix(run_seed, 16) ^ step, 16) ^ site, 16);
}

uint32_t qmac_dither_row(uint32_t key, uint32_t row)
{
	return qmac_dither_mix(key ^ row, QMAC_DITHER_ROW_ROUNDS);
}

/* Whole blocks in loops of constant length, which compilers make vectors of. */
void qmac_dither_rows(uint32_t key, int count, const uint32_t *row, uint32_t *state)
{
	enum { BLOCK = 8 };

	for (int first = 0; first < count; first += BLOCK) {
		uint32_t x[BLOCK] = {0};
		int rows = count - first < BLOCK ? count - first : BLOCK;

		for (int i = 0; i < rows; i++)
			x[i] = key ^ row[first + i];
		for (int k = 0; k < QMAC_DITHER_ROW_ROUNDS; k++)
			for (int i = 0; i < BLOCK; i++)
				x[i] = qmac_dither_round(x[i], qmac_dither_constants[k]);
		for (int i = 0; i < rows; i++)
			state[first + i] = x[i];
	}
}
