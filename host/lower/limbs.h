/*
 * Limbs: an integer that is wider than the array's operands, as several operands.
 *
 * It is split from the low end into limbs of `native` bits and a top limb with what is left. The top
 * limb of a signed integer is signed, all others are unsigned, so that
 * x = sum over i of limb_i * 2^(i * native): docs/tiling.md.
 */
#ifndef QMAC_LOWER_LIMBS_H
#define QMAC_LOWER_LIMBS_H

#include <stdbool.h>
#include <stdint.h>

/* Some neighbouring limbs of integers of `bits` bits. */
struct qmac_limbs {
	int bits, native;
	int first, count; /* which of them: 0 is the lowest */
	bool is_signed;   /* the integers are */
};

/* One limb: bits lsb .. lsb + bits - 1. */
struct qmac_limb_cut {
	uint32_t lsb, bits;
	bool is_unsigned;
};

/* All limbs of an integer. */
static inline struct qmac_limbs qmac_limbs_of(int bits, int native, bool is_signed)
{
	return (struct qmac_limbs){bits, native, 0, (bits + native - 1) / native, is_signed};
}

/* Limb i of those that `limbs` names, 0 <= i < count. */
static inline struct qmac_limb_cut qmac_limb_cut(const struct qmac_limbs *limbs, int i)
{
	int lsb = (limbs->first + i) * limbs->native, left = limbs->bits - lsb;
	bool top = left <= limbs->native;

	return (struct qmac_limb_cut){
		(uint32_t)lsb, (uint32_t)(top ? left : limbs->native), !(top && limbs->is_signed),
	};
}

#endif
