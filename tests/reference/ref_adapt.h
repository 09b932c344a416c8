/*
 * AdaPT's rules a second time, slowly, from docs/policies.md: in long double, with the library's functions,
 * one weight and one bin at a time. Each fault is a mistake that would otherwise go unseen: tests must find
 * numbers for which it matters.
 */
#ifndef REF_ADAPT_H
#define REF_ADAPT_H

#include <stdbool.h>
#include <stdint.h>

enum ref_adapt_fault {
	REF_ADAPT_SOUND,
	/* pushing up */
	REF_ADAPT_LOG2,            /* log2 D for ln D */
	REF_ADAPT_MINUS_LATER,     /* (ln D)^2 - 1 for (ln D - 1)^2, as the paper's formula may be read */
	REF_ADAPT_FEW_TO_32,       /* 1 / L^2 limited to 32 before the mean is taken */
	REF_ADAPT_MEAN_DOWN,       /* the mean rounded down */
	REF_ADAPT_MANY_FROM_1,     /* at least 1 bit of the second kind, as in the paper */
	REF_ADAPT_NO_EXTRA_BIT,    /* BW = max(BW, FL) */
	REF_ADAPT_CAP_BW_ONLY,     /* bw_max takes integer bits instead of fraction bits */
	REF_ADAPT_LAST_PUSH_UP = REF_ADAPT_CAP_BW_ONLY,
	/* lookback and resolution */
	REF_ADAPT_MOMENTUM_SWAPPED,
	REF_ADAPT_LOOKBACK_DOWN,   /* the mean rounded down */
	REF_ADAPT_LIMITS_SWAPPED,  /* resolution grows at the smallest lookback */
	REF_ADAPT_LAST_RULE = REF_ADAPT_LIMITS_SWAPPED,
	/* eagerness */
	REF_ADAPT_STRICT_LOSS,     /* more eager only if the mean is below the loss */
	REF_ADAPT_TRUE_MEAN,       /* the sum divided by how many losses are in it */
	REF_ADAPT_SOONER,          /* as soon as there are `mean lookback` losses */
	REF_ADAPT_TWO_AT_ONCE,     /* from min to max in one step */
	REF_ADAPT_LAST_LOSS = REF_ADAPT_TWO_AT_ONCE,
	/* pushing down */
	REF_ADAPT_KL_REVERSED,
	REF_ADAPT_OUTSIDE_LOST,    /* true KL without the codes outside of the range */
	REF_ADAPT_LAST_BIN_OPEN,   /* the largest weight belongs to no bin */
	REF_ADAPT_TRIES_MIDDLE,    /* the published search of FL, mended */
	REF_ADAPT_ENDS_HIGH,       /* the published search gives the upper end */
	REF_ADAPT_FL_FROM_ZERO,    /* FL down to 0 */
	REF_ADAPT_SAME_BITS,       /* every format is tried with the same random numbers */
	REF_ADAPT_LAST_PUSH_DOWN = REF_ADAPT_SAME_BITS
};

struct ref_adapt {
	int bw_max, buffer;
	int lookback_min, lookback_max, resolution_min, resolution_max;
	double momentum;
	bool true_kl, fixed_search;
	double tolerance;
	enum ref_adapt_fault fault;
};

int ref_adapt_lookback(const struct ref_adapt *rules, double diversity, int lookback);
int ref_adapt_resolution(const struct ref_adapt *rules, int lookback, int resolution);

/* eagerness: 0 min, 1 mean, 2 max. *bw and *fl: what pushing down found, then the new format. */
void ref_adapt_push_up(const struct ref_adapt *rules, int eagerness, double diversity, int *bw, int *fl);

struct ref_adapt_losses {
	double all[2000]; /* every loss of the run */
	int kept, count;  /* the last `kept` of `count` are remembered */
	int eagerness;
};

void ref_adapt_loss(const struct ref_adapt *rules, struct ref_adapt_losses *losses, int mean_lookback,
                    double loss);

/* *bw and *fl: the format at present, then the smallest. Returns how many formats were tried. */
int ref_adapt_push_down(const struct ref_adapt *rules, const float *w, int64_t count, int bins, uint32_t key,
                        int *bw, int *fl);

#endif
