/*
 * A network in double, forward and backward, one element after the other: the equations of net/net.h and
 * their derivatives, slow and plain. Independent of all that the program computes networks with.
 *
 * What a layer gives for N images lies as N x C x H x W. Errors are derivatives of the loss by such
 * an output.
 */
#ifndef REF_NET_H
#define REF_NET_H

#include <stdbool.h>

#include "net/net.h"

struct ref_net {
	const struct qmac_net *net;
	int64_t images;
	bool training;                /* batch_norm: mean and variance of the minibatch, else those given */
	double *input, *input_error;  /* N x C x H x W of the network's input */
	double **output, **error;     /* by layer */
	double **parameter, **gradient; /* by parameter, as net/net.h orders them */
	double **mean, **variance;    /* by layer, C of a batch_norm: forward sets them where training */
};

/* All zeros, training. The net must outlive it; it ends the test where memory is short. */
struct ref_net *ref_net_create(const struct qmac_net *net, int64_t images);
void ref_net_destroy(struct ref_net *ref);

/* input and parameters -> outputs, and mean and variance. */
void ref_net_forward(struct ref_net *ref);

/*
 * After that: the error of the last layer -> all other errors, of the input too, and the gradients, sums over
 * the images. Of equal largest elements of a max_pool the first one has the error, row by row.
 */
void ref_net_backward(struct ref_net *ref);

/* Index of an element of N x C x H x W. */
int64_t ref_net_index(struct qmac_shape shape, int64_t image, int64_t channel, int64_t y, int64_t x);

#endif
