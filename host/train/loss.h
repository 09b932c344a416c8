/*
 * What is minimised, in double:
 *
 *   f(W) = 1/N sum_i l(a_i, y_i) + lambda/2 ||W||^2,   a_i = x_i W   (layer.h)
 *   grad f(W) = 1/N sum_i x_i^T r_i + lambda W,        r_i = dl/da_i = q(a_i) - t(y_i)
 *
 * q is the prediction that belongs to the logits a, t the target that belongs to y:
 *
 *                                       l                        q           t
 *   squared error (one output)          (a - y)^2 / 2            a           y
 *   cross-entropy (an output a class)   log sum_c e^(a_c) - a_y  softmax(a)  1 for the right class, else 0
 *
 * The samples are cut into a fixed number of blocks whose sums are added in block order (blocks.h): the
 * bits do not depend on the number of threads.
 *
 * The last evaluation's W is the centre. The inner loops of the variance-reduced algorithms need its q(a_i);
 * where they do, its a_i stay at hand and q(a_i) is computed anew: one of the two is all that is kept for
 * each sample.
 */
#ifndef QMAC_TRAIN_LOSS_H
#define QMAC_TRAIN_LOSS_H

#include "data/dataset.h"
#include "net/layer.h"
#include "process/blocks.h"
#include "record/metrics.h"

struct qmac_residual_operations;

/* One sample's part; a, q, r and d have `outputs` numbers. */
struct qmac_loss_operations {
	const char *name;
	bool regularised;            /* whether there may be a lambda */
	bool linear;                 /* q(a + d) - q(a) = d: steps against a centre need nothing of it */
	enum qmac_figure headline;   /* of its figures, the one that tells best how far a run is */
	const struct qmac_residual_operations *on_device; /* how low-precision steps get their residuals */
	int (*outputs)(const struct qmac_dataset *data);
	double (*value)(const double *a, double y, int outputs, double *q);    /* l; writes q too */
	void (*predict)(const double *a, int outputs, double *q);              /* q may be a */
	double (*target)(double y, int output);
	bool (*hit)(const double *a, double y, int outputs);                   /* NULL: no accuracy */
	/* Additions and multiplications: of predict; of a gradient beside its products and norm, for every
	   sample and for every weight; of a step with `batch` samples, against the centre or not */
	uint64_t (*predict_flops)(int outputs);
	uint64_t (*sample_flops)(int outputs);
	uint64_t (*step_flops)(const struct qmac_layer *layer, uint64_t batch, bool centred);
};

extern const struct qmac_loss_operations qmac_squared_error, qmac_cross_entropy;

struct qmac_loss {
	const struct qmac_loss_operations *operations;
	const struct qmac_dataset *data;
	struct qmac_layer layer;
	double lambda;
	int threads;
	double *logits;               /* samples x outputs: of the centre; NULL where it is not kept */
	double *gradients;            /* QMAC_BLOCKS x weights: sum of x^T r over each block */
	double *rows;                 /* QMAC_BLOCKS x inputs: the row at which each block is */
	double losses[QMAC_BLOCKS];
};

/* Figures of the test part; NaN where there is none. */
struct qmac_test_figures {
	double loss;      /* the mean of l, without the regulariser */
	double accuracy;  /* share of samples that are hit; NaN also where the loss has no classes */
};

/* data must outlive the object; threads >= 1. */
QMAC_MUST_CHECK enum qmac_status qmac_loss_create(const struct qmac_loss_operations *operations,
                                                  const struct qmac_dataset *data, double lambda,
                                                  int threads, struct qmac_loss **loss,
                                                  struct qmac_error *err);
void qmac_loss_destroy(struct qmac_loss *loss);

/*
 * From now on keeps the centre, 8 bytes for each training sample and output, unless the loss is linear:
 * qmac_loss_against() and qmac_loss_centred() need it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_loss_keep_centre(struct qmac_loss *loss, struct qmac_error *err);

/*
 * gradient[weights] = grad f(W), *value = f(W), *norm = ||grad f(W)||_2; W becomes the centre. False where it
 * was cut short, because a stop of the process was due (process/stop.h): then these numbers mean nothing.
 */
bool qmac_loss_evaluate(struct qmac_loss *loss, const double *w, double *gradient, double *value,
                        double *norm);

/* a becomes a training sample's logits at the centre; r = q(a) - t, which is returned as l's derivative. */
void qmac_loss_take(struct qmac_loss *loss, int64_t sample, const double *a, double *r);

/*
 * The residual r of a training sample in a step, which may be the array of the logits. The first is that
 * of plain gradient descent, the others take off what the centre has: given the logits a, or their
 * deviation d from those of the centre.
 */
typedef void qmac_residual_of(const struct qmac_loss *loss, int64_t sample, const double *a, double *r);

void qmac_loss_residual(const struct qmac_loss *loss, int64_t sample, const double *a, double *r);
void qmac_loss_against(const struct qmac_loss *loss, int64_t sample, const double *a, double *r);
void qmac_loss_centred(const struct qmac_loss *loss, int64_t sample, const double *d, double *r);

struct qmac_test_figures qmac_loss_test(const struct qmac_loss *loss, const double *w);

/* Additions and multiplications of one gradient with its norm, the loss left out. */
uint64_t qmac_loss_flops(const struct qmac_loss *loss);

#endif
