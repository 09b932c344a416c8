/* The cross-entropy of the softmax over classes: multi-class logistic regression. */
#include "train/loss.h"
#include "train/residual.h"
#include "train/softmax.h"

static int outputs_of(const struct qmac_dataset *data)
{
	return data->classes;
}

static double value(const double *a, double y, int outputs, double *q)
{
	return qmac_softmax(a, q, outputs, 1) - a[(int)y];
}

static void predict(const double *a, int outputs, double *q)
{
	(void)qmac_softmax(a, q, outputs, 0);
}

static double target(double y, int output)
{
	return output == (int)y;
}

/* Whether the largest logit, of equal ones the first, is the right one. */
static bool hit(const double *a, double y, int outputs)
{
	int best = 0;

	for (int c = 1; c < outputs; c++)
		best = a[c] > a[best] ? c : best;
	return best == (int)y;
}

static uint64_t sample_flops(int outputs)
{
	return qmac_softmax_flops(outputs) + (uint64_t)outputs;
}

/* Zero inputs are counted like others. */
static uint64_t step_flops(const struct qmac_layer *layer, uint64_t batch, bool is_centred)
{
	uint64_t weights = (uint64_t)qmac_layer_weights(layer), outputs = (uint64_t)layer->outputs;
	uint64_t sample = 4 * weights + qmac_softmax_flops(layer->outputs) + (is_centred ? 3 : 2) * outputs;

	return batch * sample + (is_centred ? 4 : 3) * weights;
}

const struct qmac_loss_operations qmac_cross_entropy = {
	.name = "cross_entropy", .regularised = true, .headline = QMAC_FIGURE_GRAD_NORM,
	.on_device = &qmac_residual_on_host, .outputs = outputs_of, .value = value, .predict = predict,
	.target = target, .hit = hit, .predict_flops = qmac_softmax_flops,
	.sample_flops = sample_flops, .step_flops = step_flops,
};
