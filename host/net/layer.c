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
		double input = x[j];

		if (input == 0)
			continue;
		for (int c = 0; c < outputs; c++)
			a[c] += input * row[c];
	}
}

void qmac_layer_add_gradient(const struct qmac_layer *layer, const double *x, const double *r,
                             double *gradient)
{
	int outputs = layer->outputs;
	double only = r[0];

	if (outputs == 1) {
		for (int64_t j = 0; j < layer->inputs; j++)
			gradient[j] += only * x[j];
		return;
	}
	for (int64_t j = 0; j < layer->inputs; j++) {
		double *row = gradient + j * outputs, input = x[j];

		if (input == 0)
			continue;
		for (int c = 0; c < outputs; c++)
			row[c] += input * r[c];
	}
}
