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
