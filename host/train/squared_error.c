/* Half the squared error of the one output: linear regression. */
#include "train/loss.h"
#include "train/residual.h"

static int outputs_of(const struct qmac_dataset *data)
{
	(void)data;
	return 1;
}

static double value(const double *a, double y, int outputs, double *q)
{
	double r = a[0] - y;

	(void)outputs;
	q[0] = a[0];
	return r * r / 2;
}

static void predict(const double *a, int outputs, double *q)
{
	(void)outputs;
	q[0] = a[0];
}

static double target(double y, int output)
{
	(void)output;
	return y;
}

static uint64_t predict_flops(int outputs)
{
	(void)outputs;
	return 0;
}

static uint64_t sample_flops(int outputs)
{
	return (uint64_t)outputs;
}

/* A sample's logit, residual, scale and move; of what a step takes off w, the offset alone. */
static uint64_t step_flops(const struct qmac_layer *layer, uint64_t batch, bool is_centred)
{
	uint64_t weights = (uint64_t)qmac_layer_weights(layer);

	return batch * (4 * weights + (is_centred ? 1 : 2)) + (is_centred ? weights : 0);
}

const struct qmac_loss_operations qmac_squared_error = {
	.name = "squared_error", .headline = QMAC_FIGURE_GRAD_NORM, .on_device = &qmac_residual_on_device,
	.outputs = outputs_of, .value = value, .predict = predict, .target = target, .linear = true,
	.predict_flops = predict_flops, .sample_flops = sample_flops, .step_flops = step_flops,
};
