/*
 * Convolution and linear layers as products of matrices. A few images at a time are laid out as columns: a
 * row for each input channel and tap, a column for each output pixel, with the number that this tap reads.
 */
#include <string.h>

#include "float/layers.h"
#include "float/matrix.h"

/* Columns of so many numbers stay in the cache. */
enum { TILE = 1 << 16 };

static int64_t pixels_of(struct qmac_shape shape)
{
	return shape.height * shape.width;
}

/* Input channels times taps. */
static int64_t depth_of(const struct qmac_net_layer *net)
{
	return net->in.channels * net->kernel[0] * net->kernel[1];
}

static int64_t tile_images(const struct qmac_net_layer *net)
{
	int64_t images = TILE / (depth_of(net) * pixels_of(net->out));

	return images > 1 ? images : 1;
}

int64_t qmac_float_layer_room(const struct qmac_net_layer *net)
{
	return net->kind == QMAC_LAYER_CONV ? tile_images(net) * depth_of(net) * pixels_of(net->out) : 0;
}

/* One tap of a channel, of images [begin, begin + count). */
struct tap {
	const struct qmac_float_layer *layer;
	int64_t begin, count;
	int64_t channel, ky, kx;
};

/* Output pixels [*from, *to) of a line read a pixel of the image; `at` is the tap in it. */
static void inside(int64_t at, int64_t stride, int64_t pad, int64_t size, int64_t outputs, int64_t *from,
                   int64_t *to)
{
	int64_t first = pad - at, last = size + pad - at; /* of o stride: first <= o stride < last */

	*from = first > 0 ? (first + stride - 1) / stride : 0;
	*to = last > 0 ? (last + stride - 1) / stride : 0;
	*to = *to < outputs ? *to : outputs;
	*from = *from < *to ? *from : *to;
}

/*
 * A line of an image: `count` output pixels, from number `from` of `width`, read the image, the first of them
 * the pixel at `at` of the minibatch. column: of the tap, this line. A line outside has count 0.
 */
typedef void line_part(const struct qmac_float_layer *layer, float *column, int64_t width, int64_t from,
                       int64_t count, int64_t at);

static void each_line(const struct tap *tap, float *column, line_part *part)
{
	const struct qmac_net_layer *net = tap->layer->net;
	int64_t height = net->in.height, width = net->in.width, stride = net->stride;
	int64_t from, to, top, bottom;

	inside(tap->kx, stride, net->pad, width, net->out.width, &from, &to);
	inside(tap->ky, stride, net->pad, height, net->out.height, &top, &bottom);
	for (int64_t n = tap->begin; n < tap->begin + tap->count; n++) {
		int64_t plane = (tap->channel * tap->layer->images + n) * height * width;

		for (int64_t oy = 0; oy < net->out.height; oy++, column += net->out.width) {
			int64_t iy = oy * stride + tap->ky - net->pad, ix = from * stride + tap->kx - net->pad;

			if (oy >= top && oy < bottom)
				part(tap->layer, column, net->out.width, from, to - from, plane + iy * width + ix);
			else
				part(tap->layer, column, net->out.width, 0, 0, 0);
		}
	}
}

static void gather(const struct qmac_float_layer *layer, float *column, int64_t width, int64_t from,
                   int64_t count, int64_t at)
{
	int64_t stride = layer->net->stride, o = 0;

	for (; o < from; o++)
		column[o] = 0;
	if (stride == 1)
		for (int64_t i = 0; i < count; i++)
			column[o++] = layer->x[at + i];
	else
		for (int64_t i = 0; i < count; i++)
			column[o++] = layer->x[at + i * stride];
	for (; o < width; o++)
		column[o] = 0;
}

static void scatter(const struct qmac_float_layer *layer, float *column, int64_t width, int64_t from,
                    int64_t count, int64_t at)
{
	int64_t stride = layer->net->stride;

	(void)width;
	if (stride == 1)
		for (int64_t i = 0; i < count; i++)
			layer->dx[at + i] += column[from + i];
	else
		for (int64_t i = 0; i < count; i++)
			layer->dx[at + i * stride] += column[from + i];
}

/* All columns of `count` images, which are in layer->room or come there. */
static void each_tap(const struct qmac_float_layer *layer, int64_t begin, int64_t count, line_part *part)
{
	const struct qmac_net_layer *net = layer->net;
	struct tap tap = {.layer = layer, .begin = begin, .count = count};
	int64_t columns = count * pixels_of(net->out);
	float *column = layer->room;

	for (tap.channel = 0; tap.channel < net->in.channels; tap.channel++)
		for (tap.ky = 0; tap.ky < net->kernel[0]; tap.ky++)
			for (tap.kx = 0; tap.kx < net->kernel[1]; tap.kx++, column += columns)
				each_line(&tap, column, part);
}

/* A convolution by one pixel reads its input as it lies there. */
static bool is_pointwise(const struct qmac_net_layer *net)
{
	return net->kernel[0] == 1 && net->kernel[1] == 1 && net->stride == 1 && net->pad == 0;
}

/* The columns of `count` images. */
static struct qmac_float_matrix columns_of(const struct qmac_float_layer *layer, int64_t begin, int64_t count)
{
	int64_t pixels = pixels_of(layer->net->out);

	if (is_pointwise(layer->net))
		return (struct qmac_float_matrix){layer->x + begin * pixels, layer->images * pixels};
	each_tap(layer, begin, count, gather);
	return (struct qmac_float_matrix){layer->room, count * pixels};
}

static void start_with_bias(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	int64_t pixels = pixels_of(layer->net->out);

	for (int64_t c = 0; c < layer->net->out.channels; c++) {
		float *y = layer->y + c * layer->images * pixels, bias = layer->bias ? layer->bias[c] : 0;

		for (int64_t i = begin * pixels; i < end * pixels; i++)
			y[i] = bias;
	}
}

void qmac_float_bias_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	int64_t pixels = pixels_of(layer->net->out);

	for (int64_t c = 0; c < layer->net->out.channels; c++) {
		const float *dy = layer->dy + c * layer->images * pixels;
		double sum = 0;

		for (int64_t i = begin * pixels; i < end * pixels; i++) {
			sum += (double)dy[i];
			if (layer->net->kind == QMAC_LAYER_BIAS && layer->dx)
				layer->dx[c * layer->images * pixels + i] += dy[i];
		}
		layer->bias_sum[c] += (float)sum;
	}
}

void qmac_float_conv(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	const struct qmac_net_layer *net = layer->net;
	int64_t depth = depth_of(net), pixels = pixels_of(net->out), tile = tile_images(net);
	const struct qmac_float_matrix weight = {layer->weight, depth};

	start_with_bias(layer, begin, end);
	for (int64_t n = begin; n < end; n += tile) {
		int64_t count = n + tile < end ? tile : end - n;

		qmac_float_product(QMAC_FLOAT_AB, net->out.channels, count * pixels, depth, weight,
		                   columns_of(layer, n, count), layer->y + n * pixels, layer->images * pixels);
	}
}

/* dx += W^T dy, which the columns then bring to the pixels that they came from. */
static void conv_data_gradient(const struct qmac_float_layer *layer, int64_t n, int64_t count,
                               struct qmac_float_matrix dy)
{
	const struct qmac_net_layer *net = layer->net;
	int64_t depth = depth_of(net), columns = count * pixels_of(net->out);
	const struct qmac_float_matrix weight = {layer->weight, depth};

	if (is_pointwise(net)) {
		qmac_float_product(QMAC_FLOAT_ATB, depth, columns, net->out.channels, weight, dy,
		                   layer->dx + n * pixels_of(net->out), dy.stride);
		return;
	}
	memset(layer->room, 0, (size_t)(depth * columns) * sizeof layer->room[0]);
	qmac_float_product(QMAC_FLOAT_ATB, depth, columns, net->out.channels, weight, dy, layer->room, columns);
	each_tap(layer, n, count, scatter);
}

void qmac_float_conv_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	const struct qmac_net_layer *net = layer->net;
	int64_t depth = depth_of(net), pixels = pixels_of(net->out), tile = tile_images(net);

	for (int64_t n = begin; n < end; n += tile) {
		int64_t count = n + tile < end ? tile : end - n;
		const struct qmac_float_matrix dy = {layer->dy + n * pixels, layer->images * pixels};

		qmac_float_product(QMAC_FLOAT_ABT, net->out.channels, depth, count * pixels, dy,
		                   columns_of(layer, n, count), layer->weight_sum, depth);
		if (layer->dx)
			conv_data_gradient(layer, n, count, dy);
	}
	if (layer->bias_sum)
		qmac_float_bias_back(layer, begin, end);
}

/* ---- linear: one pixel, so that a column is an image ----------------------------------- */

void qmac_float_linear(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	const struct qmac_net_layer *net = layer->net;
	const struct qmac_float_matrix weight = {layer->weight, net->in.channels};
	const struct qmac_float_matrix x = {layer->x + begin, layer->images};

	start_with_bias(layer, begin, end);
	qmac_float_product(QMAC_FLOAT_AB, net->out.channels, end - begin, net->in.channels, weight, x,
	                   layer->y + begin, layer->images);
}

void qmac_float_linear_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	const struct qmac_net_layer *net = layer->net;
	const struct qmac_float_matrix weight = {layer->weight, net->in.channels};
	const struct qmac_float_matrix x = {layer->x + begin, layer->images};
	const struct qmac_float_matrix dy = {layer->dy + begin, layer->images};

	qmac_float_product(QMAC_FLOAT_ABT, net->out.channels, net->in.channels, end - begin, dy, x,
	                   layer->weight_sum, net->in.channels);
	if (layer->dx)
		qmac_float_product(QMAC_FLOAT_ATB, net->in.channels, end - begin, net->out.channels, weight, dy,
		                   layer->dx + begin, layer->images);
	if (layer->bias_sum)
		qmac_float_bias_back(layer, begin, end);
}
