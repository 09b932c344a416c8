#include "fuzz/parts.h"

#include "fuzz/random.h"

void qmac_fuzz_counts(uint64_t *rng, int loops, int64_t limit, struct qmac_fuzz_nest *nest)
{
	int start = (int)qmac_fuzz_below(rng, loops);

	nest->n[0] = nest->n[1] = nest->n[2] = 1;
	for (int i = 0; i < loops; i++) {
		int64_t most = qmac_fuzz_chance(rng, 4) || limit < 5 ? limit : 5;

		nest->n[(start + i) % loops] = qmac_fuzz_pick(rng, 1, most);
		limit /= nest->n[(start + i) % loops];
	}
}

void qmac_fuzz_strides(uint64_t *rng, int64_t size, int64_t least, int64_t most, struct qmac_fuzz_nest *nest)
{
	int64_t spare = size - 1;
	int start = (int)qmac_fuzz_below(rng, 3);

	for (int i = 0; i < 3; i++)
		spare -= least * (nest->n[i] - 1);
	for (int k = 0; k < 3; k++) {
		int i = (start + k) % 3;
		int64_t more = nest->n[i] > 1 ? spare / (nest->n[i] - 1) : most - least;

		nest->s[i] = least + qmac_fuzz_pick(rng, 0, more < most - least ? more : most - least);
		spare -= (nest->s[i] - least) * (nest->n[i] - 1);
	}
	nest->first = qmac_fuzz_pick(rng, 0, spare);
}

void qmac_fuzz_limb(uint64_t *rng, int word_bits, int value_bits, struct qmac_command *c)
{
	int64_t most = word_bits < value_bits ? word_bits : value_bits;

	c->nbits = (uint32_t)qmac_fuzz_pick(rng, 1, most);
	most = c->opcode == QMAC_OPCODE_VEC ? 63 : value_bits - (int64_t)c->nbits;
	c->lsb = (uint32_t)qmac_fuzz_pick(rng, 0, most);
	c->limb_unsigned = qmac_fuzz_chance(rng, 2);
}
