#include "net/layer.h"

/* With several outputs, inputs that are 0, most of an image, add nothing and are passed over. */
void qmac_layer_forward(const struct qmac_layer *layer, const double *x, const double *w, double *a)
{
	int outputs = layer->outputs;
	double sum = 0;

	if (outputs == 1) {
		for (int64_t j = 0; j < layer->inputs; j++)
			sum += x[j] * w[j];
		a[0] = sum;
		return;
	}
	for (int c = 0; c < outputs; c++)
		a[c] = 0;
	for (int64_t j = 0; j < layer->inputs; j++) {
		const double *row = w + j * outputs;

		if (x[j] == 0)
			continue;
		for (int c = 0; c < outputs; c++)
			a[c] += x[j] * row[c];
	}
}

void qmac_layer_add_gradient(const struct qmac_layer *layer, const double *x, const double *r,
                             double *gradient)
{
	int outputs = layer->outputs;

	if (outputs == 1) {
		for (int64_t j = 0; j < layer->inputs; j++)
			gradient[j] += r[0] * x[j];
		return;
	}
	for (int64_t j = 0; j < layer->inputs; j++) {
		double *row = gradient + j * outputs;

		if (x[j] == 0)
			continue;
		for (int c = 0; c < outputs; c++)
			row[c] += x[j] * r[c];
	}
}
