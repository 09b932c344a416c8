#include "lower/panel.h"

#include <string.h>

enum { LOOP_MAX = 65535 }; /* a loop count has 16 bits */

struct qmac_panel qmac_panel_dense(unsigned space, uint32_t row, struct qmac_limbs limbs, int64_t channels,
                                   int lanes, const uint32_t positions[3])
{
	struct qmac_panel panel = {
		.space = space, .row = row, .limbs = limbs, .channels = channels, .lanes = lanes,
		.step = {positions[1] * positions[2], positions[2], 1},
	};

	panel.block_rows = positions[0] * panel.step[0];
	panel.limb_rows = (uint32_t)qmac_panel_blocks(&panel) * panel.block_rows;
	return panel;
}

int64_t qmac_panel_rows(const struct qmac_panel *dense)
{
	return (int64_t)dense->limbs.count * dense->limb_rows;
}

static bool is_whole(const struct qmac_nest_loop *loop)
{
	return loop->lo == 0 && loop->hi == loop->n - 1;
}

static bool continues(const struct qmac_nest_loop *outer, const struct qmac_nest_loop *inner)
{
	for (int i = 0; i < 4; i++)
		if (outer->s[i] != inner->n * inner->s[i])
			return false;
	return is_whole(outer) && is_whole(inner) && (uint64_t)outer->n * inner->n <= LOOP_MAX;
}

int qmac_nest_merge(struct qmac_nest_loop *loops, int count)
{
	int kept = 0;

	for (int i = 0; i < count; i++) {
		if (loops[i].n == 1)
			continue;
		if (kept && continues(&loops[kept - 1], &loops[i])) {
			loops[kept - 1].n *= loops[i].n;
			loops[kept - 1].hi = loops[kept - 1].n - 1;
			memcpy(loops[kept - 1].s, loops[i].s, sizeof loops[i].s);
		} else {
			loops[kept++] = loops[i];
		}
	}
	return kept;
}
