/*
 * A network with its values: what a training leaves, and what an evaluation of it begins with. Arrays are as
 * in net/values.h.
 */
#ifndef QMAC_TRAIN_TRAINED_NET_H
#define QMAC_TRAIN_TRAINED_NET_H

#include <stdlib.h>

#include "net/net.h"
#include "num/format.h"

struct qmac_trained_net {
	struct qmac_net net;
	float *weights;    /* the masters of all parameters */
	int32_t *masters;  /* in units of 2^-24, where the device had them: `weights` are the nearest; or NULL */
	float *statistics; /* running means and variances of all batch norms */
	struct qmac_format *formats; /* of the parameters, at the end; NULL: float32 */
	struct qmac_format *outputs; /* of the input and the layers' outputs; NULL: they follow from the others */
};

/* NULL is legal. */
static inline void qmac_trained_net_destroy(struct qmac_trained_net *trained)
{
	if (!trained)
		return;
	qmac_net_free(&trained->net);
	free(trained->weights);
	free(trained->masters);
	free(trained->statistics);
	free(trained->formats);
	free(trained->outputs);
	free(trained);
}

#endif
