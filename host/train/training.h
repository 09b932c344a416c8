/*
 * What the parts of one run share: loss, optimiser, precision and engine each see it, and one of each is
 * chosen when it begins. Owned by qmac_train().
 */
#ifndef QMAC_TRAIN_TRAINING_H
#define QMAC_TRAIN_TRAINING_H

#include <math.h>
#include <string.h>

#include "config/run_config.h"
#include "data/dataset.h"
#include "data/random.h"
#include "record/record.h"
#include "train/loss.h"
#include "train/precision.h"

struct qmac_engine;
struct qmac_optimiser_operations;

struct qmac_training {
	const struct qmac_run *run;
	/* Nothing that depends on the data's values is computed: what is done is ordered, timed and counted. */
	bool estimated;
	struct qmac_dataset data;
	struct qmac_loss *loss;
	const struct qmac_optimiser_operations *optimiser;
	struct qmac_precision precision;
	struct qmac_engine *engine;
	int64_t weights;             /* of the layer */
	double *w;                   /* weights; the centre of the variance-reduced algorithms */
	double *gradient;            /* weights: grad f(w) at the start of an epoch */
	double value, norm;          /* f and ||grad f|| at w */
	struct qmac_random samples;  /* order of the samples: the same for every algorithm */
	int64_t next, left;          /* of the group that was drawn last: its next row, rows not yet taken */
	struct qmac_random option;   /* the iterate that option II keeps */
	int64_t epoch, step;         /* of the running epoch, from 1; inner steps done before it */
	int64_t within;              /* steps done of the running epoch; 0 between epochs */
	int64_t keep_after;          /* so many steps of the running epoch: there is the next centre */
	double data_passes;
	uint64_t host_flops;
	struct qmac_records records; /* of the running epoch */
};

/* Names a layer of the records; w_bits 0: full precision. */
static inline void qmac_training_name_layer(struct qmac_training *training, int layer, const char *name,
                                            int w_bits)
{
	struct qmac_layer_record *record = &training->records.layer[layer];

	*record = (struct qmac_layer_record){.w_bits = w_bits, .x_bits = training->run->x_bits, .delta = NAN};
	strcpy(record->name, name);
}

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

/* The algorithm uses `gradient`, which the host computed: counts its cost. */
static inline void qmac_training_use_gradient(struct qmac_training *training)
{
	training->data_passes += 1;
	training->host_flops += qmac_loss_flops(training->loss);
}

#endif
