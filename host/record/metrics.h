/*
 * What is known after an epoch: figures of the weights, and totals of what was spent so far. One row of
 * metrics.csv; the last one makes summary.json.
 *
 * Figures are real numbers that the loss and the algorithm choose. Each kind has a row in the table below,
 * and reports know figures by that table only.
 */
#ifndef QMAC_RECORD_METRICS_H
#define QMAC_RECORD_METRICS_H

#include <stdbool.h>
#include <stdint.h>

#include "qmac_isa.h"

enum qmac_figure {
	QMAC_FIGURE_TRAIN_LOSS,
	QMAC_FIGURE_GRAD_NORM,
	QMAC_FIGURE_TEST_LOSS,
	QMAC_FIGURE_TEST_ACCURACY,
	QMAC_FIGURE_DELTA,
	QMAC_FIGURE_TRAIN_ACCURACY,
	QMAC_FIGURES
};

/* One row; row 0 is before training. NaN where a figure does not exist. */
struct qmac_metrics {
	int64_t epoch;
	int64_t step;            /* inner steps so far */
	double data_passes;      /* samples visited / N; a full gradient is one pass */
	double train_loss;       /* f(w) */
	double grad_norm;        /* ||grad f(w)||_2 */
	double test_loss;        /* f(w) over the test part, without regulariser; NaN where there is none */
	double test_accuracy;    /* 0..1; NaN where there are no classes or no test part */
	double train_accuracy;   /* 0..1, of a network: over the minibatches of this epoch; else NaN */
	double delta;            /* quantum of this epoch's inner loop; NaN in full precision */
	enum qmac_figure headline; /* the figure that tells best how far the run is */
	uint64_t counters[QMAC_COUNTERS]; /* device totals so far */
	/* Of these, what full gradients have spent on the device: the counters that records have (record.h). */
	uint64_t outer[QMAC_COUNTERS];
	bool untrained;          /* of a network before its first epoch: no figure of the training part */
	bool unseen;             /* a device updates by gradients that the host does not see: no grad_norm */
	bool estimated;          /* nothing was computed: the counters of QMAC_DATA_COUNTER_TABLE mean nothing */
	int64_t weight_saturations; /* codes of a network's masters that were limited so far; -1: none are made */
	uint64_t host_flops;     /* additions and multiplications in double so far, metrics excluded */
	uint64_t host_bytes;     /* bytes moved between host and device memory so far */
};

struct qmac_figure_kind {
	const char *name;        /* in files: "grad_norm" */
	const char *title;       /* for people: "gradient norm" */
	bool always;             /* exists in every run: where it is NaN, the run has diverged */
	bool over_magnitudes;    /* positive, falls by orders of magnitude: geometric means, logarithmic axes */
};

extern const struct qmac_figure_kind qmac_figure_kinds[QMAC_FIGURES];

/* The kind of that name, NULL where there is none. */
const struct qmac_figure_kind *qmac_figure_find(const char *name);

double qmac_metrics_figure(const struct qmac_metrics *metrics, enum qmac_figure figure);

#endif
