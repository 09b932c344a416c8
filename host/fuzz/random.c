#include "fuzz/random.h"

#include "base/splitmix.h"

uint64_t qmac_fuzz_random(uint64_t *state)
{
	return qmac_splitmix_next(state);
}

int64_t qmac_fuzz_below(uint64_t *state, int64_t n)
{
	return (int64_t)(qmac_fuzz_random(state) % (uint64_t)n);
}

bool qmac_fuzz_chance(uint64_t *state, int64_t n)
{
	return qmac_fuzz_below(state, n) == 0;
}

int64_t qmac_fuzz_pick(uint64_t *state, int64_t low, int64_t high)
{
	int64_t span = high - low;

	switch (qmac_fuzz_below(state, 8)) {
	case 0:
		return low;
	case 1:
		return high;
	case 2:
	case 3:
	case 4:
		return low + qmac_fuzz_below(state, (span < 3 ? span : 3) + 1);
	default:
		return low + qmac_fuzz_below(state, span + 1);
	}
}

uint64_t qmac_fuzz_word(uint64_t *state)
{
	uint64_t top = 1ULL << qmac_fuzz_below(state, 64);

	switch (qmac_fuzz_below(state, 6)) {
	case 0:
		return 0;
	case 1:
		return (uint64_t)qmac_fuzz_below(state, 5) - 2;
	case 2:
		return top - 1;
	case 3:
		return 0 - top;
	default:
		return qmac_fuzz_random(state);
	}
}
