/*
 * MuPPET's policy a second time, slowly, from docs/policies.md: it keeps every gradient and adds anew. Each
 * fault is a mistake that would otherwise go unseen.
 */
#ifndef REF_MUPPET_H
#define REF_MUPPET_H

#include <stdint.h>

enum ref_muppet_fault {
	REF_MUPPET_SOUND,
	REF_MUPPET_EPOCH_FROM_1,     /* in the threshold */
	REF_MUPPET_EPOCH_OF_LEVEL,   /* the threshold begins anew with each level */
	REF_MUPPET_BASE_2,           /* 2^-x for e^-x */
	REF_MUPPET_NORMS,            /* sums of norms, not of their squares */
	REF_MUPPET_LAYERS_TOGETHER,  /* the ratio of sums over tensors, not the mean of ratios */
	REF_MUPPET_HIGHEST_KEPT,     /* the highest diversity is kept when the level rises */
	REF_MUPPET_IN_A_ROW,         /* violations must follow each other */
	REF_MUPPET_ONE_MORE,         /* more than `patience` violations */
	REF_MUPPET_CHECKED_FIRST,    /* checked at epochs 0, r, 2 r */
	REF_MUPPET_SUM_REPLACED,     /* the sum begins with a reference to the gradient, which then changes */
	REF_MUPPET_SUM_KEPT,         /* sums go on after a check */
	REF_MUPPET_FAULTS
};

enum { REF_MUPPET_TENSORS = 3, REF_MUPPET_COUNT = 6, REF_MUPPET_EPOCHS = 200 };

struct ref_muppet {
	int levels[5], level_count, resolution, patience;
	double alpha, beta, lambda;
	enum ref_muppet_fault fault;
	float g[REF_MUPPET_EPOCHS][REF_MUPPET_TENSORS][REF_MUPPET_COUNT]; /* of each epoch */
	int epochs, level, violations, since; /* epochs that are over; since the last check */
	int level_began;
	long double highest;
};

/* The gradients of the epoch that is over are in g[epochs]. */
void ref_muppet_epoch(struct ref_muppet *m);

/* The exponent e of a block, by trying all. */
int ref_muppet_exponent(int bits, const float *x, int count);

#endif
