#include "lower/slices.h"

#include <string.h>

#include "lower/whole.h"

enum { PLENTY = 40 }; /* 2^40 positions: more than there ever are */

struct qmac_slices qmac_slices_of(const int64_t whole[3], int64_t most)
{
	struct qmac_slices slices = {.count = 1};
	int64_t inner = whole[1] * whole[2];

	memcpy(slices.whole, whole, sizeof slices.whole);
	for (int d = 0; d < 3; d++) {
		int64_t fit = most ? most / inner : whole[d];

		slices.each[d] = fit < 1 ? 1 : qmac_smaller(fit, whole[d]);
		slices.count *= qmac_ceil_div(whole[d], slices.each[d]);
		if (d < 2)
			inner /= whole[d + 1];
	}
	return slices;
}

int64_t qmac_slices_terms(int bits, int term_bits)
{
	int spare = bits - 1 - term_bits;

	return spare < 1 ? 1 : ((int64_t)1 << (spare < PLENTY ? spare : PLENTY)) - 1;
}

void qmac_slices_at(const struct qmac_slices *slices, int64_t i, int64_t first[3], int64_t count[3])
{
	for (int d = 2; d >= 0; d--) {
		int64_t each = slices->each[d], whole = slices->whole[d];

		first[d] = qmac_turn(&i, qmac_ceil_div(whole, each)) * each;
		count[d] = qmac_smaller(each, whole - first[d]);
	}
}
