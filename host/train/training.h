/*
 * What the algorithms of one run share. Owned by qmac_train(); an algorithm's
 * epoch reads `gradient` at w, moves w, and adds what it spent.
 */
#ifndef QMAC_TRAIN_TRAINING_H
#define QMAC_TRAIN_TRAINING_H

#include "config/run_config.h"
#include "data/random.h"
#include "data/dataset.h"
#include "train/logistic.h"
#include "train/outer.h"

struct qmac_training {
	const struct qmac_run *run;
	struct qmac_dataset data;
	/* of the two problems, the one that runs; the other is NULL */
	struct qmac_outer *outer;
	struct qmac_logistic *logistic;
	int64_t weights;             /* features; features * classes */
	double *w;                   /* weights; the centre of the variance-reduced algorithms */
	double *gradient;            /* weights: grad f(w) at the start of an epoch */
	double *z, *h, *kept, *move; /* weights each, for use within an epoch */
	double *row;                 /* features: room for a row of the data */
	double loss, norm;           /* at w */
	struct qmac_random samples;  /* order of the samples: the same for every algorithm */
	int64_t next, left;          /* of the group that was drawn last: its next row, rows not yet taken */
	struct qmac_random option;   /* the iterate that option II keeps */
	int64_t epoch, step;         /* of the running epoch, from 1; inner steps done before it */
	double delta;                /* quantum of the running epoch; NaN in full precision */
	double data_passes;
	uint64_t host_flops;
};

/* A row of the data: groups are drawn uniformly with replacement, their rows follow in order. */
static inline int64_t qmac_training_sample(struct qmac_training *training)
{
	int64_t group = training->data.group > 1 ? training->data.group : 1;

	if (training->left == 0) {
		uint64_t groups = (uint64_t)(training->data.samples / group);

		training->next = (int64_t)qmac_random_below(&training->samples, groups) * group;
		training->left = group;
	}
	training->left--;
	return training->next++;
}

/*
 * After how many of the epoch's inner steps the next centre is taken: all of them
 * under option I, a number drawn from 0 .. inner_steps-1 under option II.
 */
static inline int64_t qmac_training_keep_after(struct qmac_training *training)
{
	if (training->run->option == QMAC_OPTION_I)
		return training->run->inner_steps;
	return (int64_t)qmac_random_below(&training->option, (uint64_t)training->run->inner_steps);
}

/* The epoch uses `gradient` as part of the algorithm: counts its cost. */
static inline void qmac_training_use_gradient(struct qmac_training *training)
{
	training->data_passes += 1;
	training->host_flops += training->logistic ? qmac_logistic_flops(training->logistic) :
	                                            qmac_outer_flops(training->outer);
}

/* Counts one epoch of inner steps. */
static inline void qmac_training_use_steps(struct qmac_training *training)
{
	training->step += training->run->inner_steps;
	training->data_passes += (double)(training->run->inner_steps * training->run->batch) /
	                         (double)training->data.samples;
}

#endif
