/* Pooling over windows. */
#include "float/layers.h"

/* One image of a channel. */
struct plane {
	const struct qmac_net_layer *net;
	const float *x, *dy;
	float *to; /* y, or dx */
};

typedef void plane_part(const struct plane *plane);

static void each_plane(const struct qmac_float_layer *layer, int64_t begin, int64_t end, float *to,
                       int64_t to_pixels, plane_part *part)
{
	const struct qmac_net_layer *net = layer->net;
	int64_t in = net->in.height * net->in.width, out = net->out.height * net->out.width;

	for (int64_t c = 0; c < net->out.channels; c++)
		for (int64_t n = begin; n < end; n++) {
			int64_t i = c * layer->images + n;

			part(&(const struct plane){
				.net = net, .x = layer->x + i * in,
				.dy = layer->dy ? layer->dy + i * out : NULL, .to = to + i * to_pixels,
			});
		}
}

static void forward(const struct qmac_float_layer *layer, int64_t begin, int64_t end, plane_part *part)
{
	each_plane(layer, begin, end, layer->y, layer->net->out.height * layer->net->out.width, part);
}

static void back(const struct qmac_float_layer *layer, int64_t begin, int64_t end, plane_part *part)
{
	if (layer->dx)
		each_plane(layer, begin, end, layer->dx, layer->net->in.height * layer->net->in.width, part);
}

/* `o` counts output pixels, `at` is the first input pixel of each one's window. */
#define EACH_WINDOW(net, o, at) \
	for (int64_t oy_ = 0, o = 0; oy_ < (net)->out.height; oy_++) \
		for (int64_t ox_ = 0, at = oy_ * (net)->stride * (net)->in.width; ox_ < (net)->out.width; \
		     ox_++, o++, at += (net)->stride)

static void average(const struct plane *plane)
{
	const struct qmac_net_layer *net = plane->net;
	float share = 1 / (float)(net->kernel[0] * net->kernel[1]);

	EACH_WINDOW(net, o, at) {
		float sum = 0;

		for (int64_t ky = 0; ky < net->kernel[0]; ky++)
			for (int64_t kx = 0; kx < net->kernel[1]; kx++)
				sum += plane->x[at + ky * net->in.width + kx];
		plane->to[o] = sum * share;
	}
}

static void average_back(const struct plane *plane)
{
	const struct qmac_net_layer *net = plane->net;
	float share = 1 / (float)(net->kernel[0] * net->kernel[1]);

	EACH_WINDOW(net, o, at)
		for (int64_t ky = 0; ky < net->kernel[0]; ky++)
			for (int64_t kx = 0; kx < net->kernel[1]; kx++)
				plane->to[at + ky * net->in.width + kx] += plane->dy[o] * share;
}

/* The first pixel that is largest; one that is NaN is larger than any. */
static int64_t largest_of(const struct qmac_net_layer *net, const float *x, int64_t at)
{
	int64_t best = at;

	for (int64_t ky = 0; ky < net->kernel[0]; ky++)
		for (int64_t kx = 0; kx < net->kernel[1]; kx++) {
			int64_t i = at + ky * net->in.width + kx;

			best = x[best] == x[best] && !(x[i] <= x[best]) ? i : best;
		}
	return best;
}

static void largest(const struct plane *plane)
{
	EACH_WINDOW(plane->net, o, at)
		plane->to[o] = plane->x[largest_of(plane->net, plane->x, at)];
}

static void largest_back(const struct plane *plane)
{
	EACH_WINDOW(plane->net, o, at)
		plane->to[largest_of(plane->net, plane->x, at)] += plane->dy[o];
}

void qmac_float_avg_pool(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	forward(layer, begin, end, average);
}

void qmac_float_avg_pool_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	back(layer, begin, end, average_back);
}

void qmac_float_max_pool(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	forward(layer, begin, end, largest);
}

void qmac_float_max_pool_back(const struct qmac_float_layer *layer, int64_t begin, int64_t end)
{
	back(layer, begin, end, largest_back);
}
