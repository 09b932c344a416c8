/* Layers that do the same to every value, and tanh and the logistic function. */
#include <math.h>
#include <string.h>

#include "float/layers.h"

/* e^y = 2^k (1 + p), |y| <= 88; NaN of NaN. Without branches and calls, so that several are done at once. */
struct exponential {
	float power; /* 2^k */
	float p;     /* e^r - 1, |r| <= ln(2) / 2, by its series, whose 8th term is below 2^-27 */
};

static inline struct exponential exponential_of(float y)
{
	static const float ln2_high = 0x1.62ep-1f, ln2_low = 0x1.0bfbe8p-15f, whole = 0x1.8p23f;
	float rounded = y * 0x1.715476p+0f + whole, k = rounded - whole;
	float r = (y - k * ln2_high) - k * ln2_low;
	struct exponential e;
	uint32_t bits;

	e.p = r * (1 + r * (1.0f / 2 + r * (1.0f / 6 + r * (1.0f / 24 + r * (1.0f / 120 + r * (1.0f / 720))))));
	memcpy(&bits, &rounded, sizeof bits);
	bits = (bits + 127) << 23;
	memcpy(&e.power, &bits, sizeof e.power);
	return e;
}

/* With m = e^(2|x|) - 1, tanh |x| = m / (m + 2). Beyond 10 it is 1 to all bits. */
void qmac_float_tanh(const float *x, float *y, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		float twice = 2 * fabsf(x[i]), limited = twice > 20 ? 20 : twice;
		struct exponential e = exponential_of(limited);
		float m = e.power * e.p + (e.power - 1);

		y[i] = copysignf(m / (m + 2), x[i]);
	}
}

/* With e = e^-|x|: 1 / (1 + e) where x >= 0, otherwise e / (1 + e). */
void qmac_float_sigmoid(const float *x, float *y, int64_t count)
{
	for (int64_t i = 0; i < count; i++) {
		float size = fabsf(x[i]), limited = size > 80 ? 80 : size;
		struct exponential e = exponential_of(-limited);
		float power = e.power * e.p + e.power, numerator = x[i] >= 0 ? 1 : power;

		y[i] = numerator / (1 + power);
	}
}

/* Values of a channel in images [begin, end): `count`, from number *first of the minibatch. */
static int64_t span(const struct qmac_float_layer *layer, int64_t channel, int64_t begin, int64_t end,
                    int64_t *first)
{
	int64_t pixels = layer->net->out.height * layer->net->out.width;

	*first = (channel * layer->images + begin) * pixels;
	return (end - begin) * pixels;
}

/* The loop that all have in common: `i` goes over the values of the images. */
#define EACH_VALUE(layer, begin, end, i) \
	for (int64_t c_ = 0, first_, count_; c_ < (layer)->net->out.channels; c_++) \
		for (int64_t i = (count_ = span(layer, c_, begin, end, &first_), first_); i < first_ + count_; i++)

void qmac_float_bias(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	EACH_VALUE(layer, begin, end, i)
		layer->y[i] = layer->x[i] + layer->bias[c_];
}

/* NaN stays what it is. */
void qmac_float_relu(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	EACH_VALUE(layer, begin, end, i)
		layer->y[i] = layer->x[i] < 0 ? 0 : layer->x[i];
}

void qmac_float_relu_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	EACH_VALUE(layer, begin, end, i)
		layer->dx[i] += layer->y[i] > 0 ? layer->dy[i] : 0;
}

void qmac_float_tanh_layer(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	for (int64_t c = 0, first, count; c < layer->net->out.channels; c++) {
		count = span(layer, c, begin, end, &first);
		qmac_float_tanh(layer->x + first, layer->y + first, count);
	}
}

void qmac_float_tanh_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	EACH_VALUE(layer, begin, end, i)
		layer->dx[i] += layer->dy[i] * (1 - layer->y[i] * layer->y[i]);
}

void qmac_float_sigmoid_layer(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	for (int64_t c = 0, first, count; c < layer->net->out.channels; c++) {
		count = span(layer, c, begin, end, &first);
		qmac_float_sigmoid(layer->x + first, layer->y + first, count);
	}
}

void qmac_float_sigmoid_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	EACH_VALUE(layer, begin, end, i)
		layer->dx[i] += layer->dy[i] * layer->y[i] * (1 - layer->y[i]);
}

void qmac_float_add(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	EACH_VALUE(layer, begin, end, i)
		layer->y[i] = layer->x[i] + layer->other[i];
}

/* Both inputs may be the same. */
void qmac_float_add_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	EACH_VALUE(layer, begin, end, i) {
		if (layer->dx)
			layer->dx[i] += layer->dy[i];
		if (layer->other_dx)
			layer->other_dx[i] += layer->dy[i];
	}
}

/* Channel c, image n, pixel p becomes channel c * pixels + p of image n. */
void qmac_float_flatten(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	int64_t pixels = layer->net->in.height * layer->net->in.width, images = layer->images;

	for (int64_t c = 0; c < layer->net->in.channels; c++)
		for (int64_t p = 0; p < pixels; p++)
			for (int64_t n = begin; n < end; n++)
				layer->y[(c * pixels + p) * images + n] = layer->x[(c * images + n) * pixels + p];
}

void qmac_float_flatten_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	int64_t pixels = layer->net->in.height * layer->net->in.width, images = layer->images;

	for (int64_t c = 0; c < layer->net->in.channels; c++)
		for (int64_t p = 0; p < pixels; p++)
			for (int64_t n = begin; n < end; n++)
				layer->dx[(c * images + n) * pixels + p] += layer->dy[(c * pixels + p) * images + n];
}
