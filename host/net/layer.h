/*
 * A layer of a network, in double on the host: the reference for what the device does in integers. There
 * is one kind, linear: a = x W, W row by row, a row for each input and a column for each output. Linear
 * and logistic regression are networks of one such layer.
 */
#ifndef QMAC_NET_LAYER_H
#define QMAC_NET_LAYER_H

#include <stdint.h>

struct qmac_layer {
	const char *name;  /* in reports */
	int64_t inputs;
	int outputs;
};

static inline int64_t qmac_layer_weights(const struct qmac_layer *layer)
{
	return layer->inputs * layer->outputs;
}

/* a[outputs] = x[inputs] W */
void qmac_layer_forward(const struct qmac_layer *layer, const double *x, const double *w, double *a);

/* gradient (inputs x outputs) += x^T r, r[outputs] the derivative of the loss by a */
void qmac_layer_add_gradient(const struct qmac_layer *layer, const double *x, const double *r,
                             double *gradient);

#endif
