#include "backend/stalls.h"

#include <assert.h>
#include <string.h>

#include "base/splitmix.h"

/* Cycles for which chances stay. */
enum { PHASE = 128 };

void qmac_stalls_init(struct qmac_stalls *stalls, uint64_t seed, unsigned count)
{
	assert(count <= QMAC_STALLS_MAX);
	memset(stalls, 0, sizeof *stalls);
	stalls->random = seed;
	stalls->count = count;
	stalls->cycles = PHASE;
}

void qmac_stalls_draw(struct qmac_stalls *stalls)
{
	static const uint8_t chances[4] = {0, 32, 128, 240};

	if (!stalls->random)
		return;
	if (++stalls->cycles > PHASE) {
		uint64_t choice = qmac_splitmix_next(&stalls->random);

		stalls->cycles = 0;
		for (unsigned i = 0; i < stalls->count; i++, choice >>= 2)
			stalls->chance[i] = chances[choice & 3];
	}
	stalls->held = 0;
	for (unsigned i = 0; i < stalls->count; i += 8) {
		uint64_t dice = qmac_splitmix_next(&stalls->random);

		for (unsigned j = i; j < i + 8 && j < stalls->count; j++, dice >>= 8)
			if ((dice & 255) < stalls->chance[j])
				stalls->held |= 1U << j;
	}
}

bool qmac_stalls_hold(const struct qmac_stalls *stalls, unsigned which)
{
	return stalls->held >> which & 1;
}
