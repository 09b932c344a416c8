/*
 * The performance model that comes with AdaPT: speed-ups, memory and model size of a training, computed from
 * its layers and from the formats that they had, step by step (docs/policies.md). A model of an ideal machine
 * whose time is multiplications times bits; what a run costs on the device is counted elsewhere
 * (host/record).
 */
#ifndef QMAC_POLICY_ANALYTIC_H
#define QMAC_POLICY_ANALYTIC_H

#include <stdbool.h>
#include <stdint.h>

/* The model with its formulas put right, or as published but with each convolution once. */
enum qmac_analytic_variant { QMAC_ANALYTIC_CLEAN, QMAC_ANALYTIC_PUBLISHED };

enum qmac_analytic_kind {
	QMAC_ANALYTIC_CONV,
	QMAC_ANALYTIC_LINEAR,
	QMAC_ANALYTIC_BATCH_NORM,
	QMAC_ANALYTIC_POOL
};

/* What follows a layer immediately; as published it belongs to the layer. */
enum qmac_analytic_activation { QMAC_ANALYTIC_NONE, QMAC_ANALYTIC_RELU, QMAC_ANALYTIC_TANH };

struct qmac_analytic_image {
	int64_t height, width, channels;
};

struct qmac_analytic_layer {
	enum qmac_analytic_kind kind;
	enum qmac_analytic_activation activation;
	struct qmac_analytic_image in, out;   /* linear: the last image before it, twice */
	int64_t inputs, outputs;              /* conv: channels; linear: features; else 0 */
	int64_t kernel_height, kernel_width;  /* conv, pool; else 0 */
	int64_t weights;                      /* numbers in its tensors, 0 of a pool */
};

/* What a layer was like in one step. */
struct qmac_analytic_record {
	int bw;
	double sparsity;                      /* share of weights that are 0, 0..1 */
	int lookback, resolution;             /* of AdaPT; not looked at without overhead */
};

struct qmac_analytic_settings {
	enum qmac_analytic_variant variant;
	bool overhead;                        /* that of AdaPT's push down and push up */
	double samples;                       /* of a record; published: 1 */
	double interval;                      /* minibatches of a record, for its overhead; published: 10 */
	double accumulation;                  /* minibatches of an optimiser step */
};

/* Sums over the steps, and the last step's own; without pointers, to be kept and gone on from. */
struct qmac_analytic_sums {
	double cost, float_cost, overhead;
	double size, float_size;
	double last_cost, last_float_cost;    /* of inference */
	double last_size, last_float_size;
};

struct qmac_analytic {
	struct qmac_analytic_settings settings;
	const struct qmac_analytic_layer *layers;
	int layer_count;
	struct qmac_analytic_sums sums;
};

/* layers are kept, not copied. */
void qmac_analytic_init(struct qmac_analytic *analytic, const struct qmac_analytic_settings *settings,
                        const struct qmac_analytic_layer *layers, int layer_count);

/* Additions and multiplications of a layer for one sample. */
double qmac_analytic_operations(enum qmac_analytic_variant variant, const struct qmac_analytic_layer *layer);

/* A step, or whatever a record stands for; records: one for each layer. */
void qmac_analytic_step(struct qmac_analytic *analytic, const struct qmac_analytic_record *records);

/*
 * Where a training reached an accuracy: the first of `count` figures that is at least `target`, as a share of
 * them, 0 .. 1 - 1 / count; 1 where there is none.
 */
double qmac_analytic_reached(const double *accuracy, int64_t count, double target);

struct qmac_analytic_result {
	double speedup;            /* SU1, of training against float32; at most 2 */
	double iso_speedup;        /* SU2: SU1 / reached; infinite where reached is 0 */
	double muppet_speedup;     /* SU3: against MuPPET's 150 epochs of float32 */
	double memory;             /* of training, against float32 weights alone */
	double model_size;         /* of the last step, against float32 */
	double mean_size;          /* over the steps */
	double inference_speedup;  /* of the last step */
	double overhead;           /* AdaPT's, as a share of the quantised cost */
};

/* After at least one step. epochs: of the training; batch_ratio: MuPPET's minibatch / the training's. */
struct qmac_analytic_result qmac_analytic_result(const struct qmac_analytic *analytic, double reached,
                                                 double epochs, double batch_ratio);

#endif
