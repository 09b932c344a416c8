#include "num/dither.h"

#include <string.h>

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

/* ---- many rows at a time ----------------------------------------------------------------------- */

enum { LANES = 16 };

/* Halves of states. */
typedef uint16_t lanes __attribute__((vector_size(2 * LANES)));

/*
 * A round makes of `low` what is the high half then, and leaves the low half in `high`: the next one has them
 * the other way round.
 */
static inline void mix(const lanes *high, lanes *low, uint16_t k)
{
	const lanes a = *high;

	*low ^= ((a << 1 | a >> 15) & (a << 8 | a >> 8)) ^ (a << 2 | a >> 14) ^ k;
}

void qmac_dither_rows(uint32_t key, uint32_t row0, struct qmac_dither_states *states)
{
	for (int i = 0; i < QMAC_DITHER_ROWS; i++) {
		uint32_t x = key ^ (row0 + (uint32_t)i);

		states->high[i] = (uint16_t)(x >> 16);
		states->low[i] = (uint16_t)x;
	}
	for (int i = 0; i < QMAC_DITHER_ROWS; i += LANES) {
		lanes high, low;

		memcpy(&high, states->high + i, sizeof high);
		memcpy(&low, states->low + i, sizeof low);
		for (int k = 0; k < QMAC_DITHER_ROW_ROUNDS; k += 2) {
			mix(&high, &low, qmac_dither_constants[k]);
			mix(&low, &high, qmac_dither_constants[k + 1]);
		}
		memcpy(states->high + i, &high, sizeof high);
		memcpy(states->low + i, &low, sizeof low);
	}
}

void qmac_dither_channels(const struct qmac_dither_states *states, uint32_t channel,
                          uint32_t number[QMAC_DITHER_ROWS])
{
	for (int i = 0; i < QMAC_DITHER_ROWS; i += LANES) {
		lanes high, low;

		memcpy(&high, states->high + i, sizeof high);
		memcpy(&low, states->low + i, sizeof low);
		for (int k = 0; k < QMAC_DITHER_CHANNEL_ROUNDS; k += 2) {
			mix(&high, &low, (uint16_t)(channel ^ qmac_dither_constants[k]));
			mix(&low, &high, (uint16_t)(channel ^ qmac_dither_constants[k + 1]));
		}
		for (int j = 0; j < LANES; j++)
			number[i + j] = (uint32_t)high[j] << 8 | low[j] >> 8;
	}
}
