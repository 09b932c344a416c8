/*
 * The layers of a network in float32, forward and backward: the equations are those of net/net.h, and their
 * derivatives.
 *
 * What a layer gives for a minibatch lies in memory as C x N x H x W: channels outermost, so that a channel
 * of all images is one row of a matrix. Each function below does the images [begin, end) of N, and can run
 * beside itself on others; those of batch_norm do channels [begin, end). Errors are the derivatives of the
 * loss: dy by the output, dx by an input. Whatever a layer gives back is added, to dx and to the sums of
 * its parameters, which are of its own images (or channels) only.
 */
#ifndef QMAC_FLOAT_LAYERS_H
#define QMAC_FLOAT_LAYERS_H

#include "net/net.h"

/* A layer with a minibatch; what a kind does not have is not looked at, and may be NULL. */
struct qmac_float_layer {
	const struct qmac_net_layer *net;
	int64_t images;               /* N */
	const float *x, *other;       /* its inputs */
	float *y;                     /* its output */
	const float *dy;
	float *dx, *other_dx;         /* NULL: nobody wants it */
	const float *weight, *bias;   /* or gamma, beta */
	float *weight_sum, *bias_sum; /* of their derivatives */
	float *room;                  /* conv: numbers as qmac_float_layer_room() says, of this share alone */
	bool training;                /* batch_norm: with the mean and variance of the minibatch, which go to: */
	double *mean, *deviation;     /* C: of the minibatch, sqrt(variance + epsilon); kept for backward */
	float *running_mean, *running_variance; /* C: in place of these where not training, else updated */
};

/* Numbers of room that one share needs. */
int64_t qmac_float_layer_room(const struct qmac_net_layer *layer);

void qmac_float_layer_forward(const struct qmac_float_layer *layer, int64_t begin, int64_t end);
void qmac_float_layer_backward(const struct qmac_float_layer *layer, int64_t begin, int64_t end);

/* Additions and multiplications of one sample: two a MAC, one for every output of the other kinds. */
uint64_t qmac_float_layer_flops(const struct qmac_net_layer *layer);

/* tanh x and 1 / (1 + e^-x), errors below 4e-7, the same bits on every machine; NaN of NaN. */
void qmac_float_tanh(const float *x, float *y, int64_t count);
void qmac_float_sigmoid(const float *x, float *y, int64_t count);

/* The kinds, for layers.c: one function for each direction. */
typedef void qmac_float_direction(const struct qmac_float_layer *layer, int64_t begin, int64_t end);

qmac_float_direction qmac_float_conv, qmac_float_conv_back, qmac_float_linear, qmac_float_linear_back,
	qmac_float_bias, qmac_float_bias_back, qmac_float_relu, qmac_float_relu_back, qmac_float_tanh_layer,
	qmac_float_tanh_back, qmac_float_sigmoid_layer, qmac_float_sigmoid_back, qmac_float_avg_pool,
	qmac_float_avg_pool_back, qmac_float_max_pool, qmac_float_max_pool_back, qmac_float_batch_norm,
	qmac_float_batch_norm_back, qmac_float_add, qmac_float_add_back, qmac_float_flatten,
	qmac_float_flatten_back;

#endif
