#include "topology/products.h"

#include <string.h>

#include "lower/conv.h"
#include "lower/slices.h"
#include "lower/whole.h"

/* Bytes from one place to another that a command can say; commands that are too many to wait for. */
static const double reach = 2147483648.0, passes_max = 1048576;

static struct qmac_element element(int bits)
{
	unsigned container = bits <= 8 ? QMAC_CONTAINER_BYTE : bits <= 16 ? QMAC_CONTAINER_HALF :
	                     QMAC_CONTAINER_WORD;

	return (struct qmac_element){bits, true, container};
}

/* Sums of a weight gradient lie as those of networks do. */
static struct qmac_element sum_element(const struct qmac_hw *hw)
{
	return hw->acc_bits <= 32 ? (struct qmac_element){32, true, QMAC_CONTAINER_WORD} :
	       (struct qmac_element){64, true, QMAC_CONTAINER_DOUBLE};
}

static int64_t taps(const struct qmac_layer_products *s)
{
	return s->layer.kernel[0] * s->layer.kernel[1];
}

static int64_t images(const struct qmac_layer_products *s)
{
	return s->layer.images * s->options.batch;
}

/* Pixels of Y, of all images. */
static int64_t pixels(const struct qmac_layer_products *s)
{
	return images(s) * qmac_topology_out(&s->layer, 0) * qmac_topology_out(&s->layer, 1);
}

double qmac_layer_products_macs(const struct qmac_layer_products *s)
{
	return (double)pixels(s) * (double)(taps(s) * s->layer.channels) * (double)s->layer.filters;
}

/* ---- views ------------------------------------------------------------------------------- */

static struct qmac_view image_view(const struct qmac_layer_products *s, int bits, int64_t channels,
                                   int64_t height, int64_t width)
{
	return qmac_view_images(0, element(bits), images(s), channels, height, width,
	                        qmac_smaller(channels, s->hw.cols));
}

/* As far as the windows reach. */
static struct qmac_view x_view(const struct qmac_layer_products *s, int bits)
{
	int64_t size[2];

	for (int d = 0; d < 2; d++)
		size[d] = (qmac_topology_out(&s->layer, d) - 1) * s->layer.stride + s->layer.kernel[d];
	return image_view(s, bits, s->layer.channels, size[0], size[1]);
}

static struct qmac_view y_view(const struct qmac_layer_products *s)
{
	return image_view(s, s->options.y_bits, s->layer.filters, qmac_topology_out(&s->layer, 0),
	                  qmac_topology_out(&s->layer, 1));
}

static struct qmac_conv conv_of(const struct qmac_layer_products *s)
{
	return (struct qmac_conv){{s->layer.kernel[0], s->layer.kernel[1]}, s->layer.stride, 0};
}

static struct qmac_view matrix(struct qmac_element e, int64_t rows, int64_t cols)
{
	return qmac_view_matrix(0, e, rows, cols, (uint64_t)cols << e.container);
}

static struct qmac_view weights(const struct qmac_layer_products *s, struct qmac_element e,
                                int64_t channels, int64_t n)
{
	struct qmac_conv conv = conv_of(s);

	return qmac_view_weights(0, e, &conv, channels, n, (uint64_t)n << e.container);
}

/* ---- products ---------------------------------------------------------------------------- */

/* C = A^T B (os) of a k x m and a k x n matrix, or C = A B (ws) of an m x k and a k x n one. */
static struct qmac_product matrices(enum qmac_form form, int64_t m, int64_t n, int64_t k,
                                    const struct qmac_element e[3])
{
	bool ab = form == QMAC_FORM_AB;

	return (struct qmac_product){
		.form = form, .window = qmac_window_none, .positions = {1, 1, ab ? m : k},
		.a = matrix(e[0], ab ? m : k, ab ? k : m), .b = matrix(e[1], k, n), .c = matrix(e[2], m, n),
	};
}

/* Results and errors are rounded to their width. */
static void rescale(const struct qmac_layer_products *s, struct qmac_product *product)
{
	product->rescales = true;
	product->scale = (struct qmac_rescale){
		.mult = 1, .rounding = QMAC_ROUND_NEAREST, .bits = s->options.y_bits,
	};
}

static bool forward(struct qmac_layer_products *s, struct qmac_product *product)
{
	const struct qmac_topology_options *o = &s->options;
	struct qmac_element e[3] = {element(o->x_bits), element(o->w_bits), element(o->y_bits)};
	struct qmac_conv conv = conv_of(s);
	struct qmac_view x = x_view(s, o->x_bits), y = y_view(s);
	struct qmac_view w = weights(s, e[1], s->layer.channels, s->layer.filters);

	if (s->at++ > 0)
		return false;
	*product = s->is_os ?
	           matrices(QMAC_FORM_ATB, pixels(s), s->layer.filters, taps(s) * s->layer.channels, e) :
	           qmac_conv_forward(&conv, &x, &w, &y);
	rescale(s, product);
	return true;
}

/* A product for each class of pixels of dX that see the same taps. */
static bool data_gradient(struct qmac_layer_products *s, struct qmac_product *product)
{
	const struct qmac_topology_options *o = &s->options;
	struct qmac_element e[3] = {element(o->y_bits), element(o->w_bits), element(o->y_bits)};
	struct qmac_conv conv = conv_of(s);
	struct qmac_view dx = x_view(s, o->y_bits), dy = y_view(s);
	struct qmac_view wt = weights(s, e[1], s->layer.filters, s->layer.channels);
	const int64_t *p = product->positions, *t = product->window.taps;
	bool found = false;

	while (!found && s->at < conv.stride * conv.stride)
		found = qmac_conv_data_gradient(&conv, &dy, &wt, &dx, s->at++, product);
	if (found && s->is_os && t[0] * t[1] > 0)
		*product = matrices(QMAC_FORM_ATB, p[0] * p[1] * p[2], s->layer.channels,
		                    t[0] * t[1] * s->layer.filters, e);
	if (found)
		rescale(s, product);
	return found;
}

/* A slice's part of a view. */
static void cut(struct qmac_view *view, const int64_t first[3], const int64_t count[3])
{
	for (int d = 0; d < 3; d++) {
		view->address += (uint64_t)first[d] * view->position_bytes[d];
		view->positions[d] = count[d];
	}
}

/* Sums over pixels that ACC holds: a slice each. */
static bool weight_gradient(struct qmac_layer_products *s, struct qmac_product *product)
{
	const struct qmac_topology_options *o = &s->options;
	struct qmac_element e[3] = {element(o->x_bits), element(o->y_bits), sum_element(&s->hw)};
	struct qmac_conv conv = conv_of(s);
	struct qmac_view x = x_view(s, o->x_bits), dy = y_view(s);
	struct qmac_view dw = weights(s, e[2], s->layer.channels, s->layer.filters);
	const int64_t flat[3] = {1, 1, pixels(s)};
	struct qmac_slices slices = qmac_slices_of(s->is_os ? dy.positions : flat,
	                                           qmac_slices_terms(s->hw.acc_bits, o->x_bits + o->y_bits - 2));
	int64_t first[3], count[3], image[3] = {0, 0, 0}, size[3];
	uint64_t bytes = qmac_view_bytes(&dw);

	if (s->at == slices.count)
		return false;
	qmac_slices_at(&slices, s->at, first, count);
	if (s->is_os) {
		*product = qmac_conv_weight_gradient(&conv, &x, &dy, &dw);
		cut(&product->b, first, count);
		memcpy(product->positions, count, sizeof count);
		memcpy(size, x.positions, sizeof size);
		image[0] = first[0];
		size[0] = count[0];
		cut(&product->a, image, size);
		for (int d = 0; d < 2; d++)
			product->window.first[d] += first[d + 1] * conv.stride;
	} else {
		*product = matrices(QMAC_FORM_AB, taps(s) * s->layer.channels, s->layer.filters, pixels(s), e);
		product->a.address += (uint64_t)first[2] << e[0].container;
		product->a.channels = product->a.lanes = count[2];
		cut(&product->b, first, count);
	}
	product->c.address += (uint64_t)s->at++ * bytes;
	return true;
}

bool qmac_layer_products_next(struct qmac_layer_products *s, struct qmac_product *product)
{
	switch (s->direction) {
	case QMAC_DIRECTION_DATA:
		return data_gradient(s, product);
	case QMAC_DIRECTION_WEIGHTS:
		return weight_gradient(s, product);
	default:
		return forward(s, product);
	}
}

/* ---- what fits --------------------------------------------------------------------------- */

/* Every window becomes a pixel of all its channels. */
static void set_windows(struct qmac_topology_layer *layer)
{
	int64_t out[2] = {qmac_topology_out(layer, 0), qmac_topology_out(layer, 1)};

	for (int d = 0; d < 2; d++) {
		layer->channels *= layer->kernel[d];
		layer->image[d] = out[d];
		layer->kernel[d] = 1;
	}
	layer->stride = 1;
}

/*
 * Filters as large as their image are a matrix, in which pixels are channels like others. And the host lays
 * out the windows of the images that it brings, where that takes half as many passes at most, as networks do.
 */
static bool is_laid_out(const struct qmac_layer_products *s, bool is_first)
{
	const struct qmac_topology_layer *layer = &s->layer;
	int64_t rows = s->hw.rows, windows = qmac_ceil_div(layer->channels * taps(s), rows);

	return (qmac_topology_out(layer, 0) == 1 && qmac_topology_out(layer, 1) == 1) ||
	       (is_first && 2 * windows <= taps(s) * qmac_ceil_div(layer->channels, rows));
}

/* Every distance in memory is at most one of these, in containers of 8 bytes. */
static double largest_stride(const struct qmac_layer_products *s)
{
	double line = 8.0 * (double)s->layer.stride * (double)(s->layer.image[1] + s->layer.kernel[1]);
	double image = line * (double)(s->layer.image[0] + s->layer.kernel[0]);
	double lanes = (double)(s->layer.channels > s->layer.filters ? s->layer.channels : s->layer.filters) +
	               s->hw.cols;
	double filter = 8.0 * (double)(taps(s) * s->layer.channels) * (double)s->layer.filters;
	double most = image * lanes, window = 8.0 * (double)pixels(s);

	most = filter > most ? filter : most;
	return window > most ? window : most;
}

/* Commands of the array, about: one for each block of the weights, or more. */
static double passes(const struct qmac_layer_products *s)
{
	double blocks = (double)(taps(s) * qmac_ceil_div(s->layer.channels, s->hw.rows)) *
	                (double)qmac_ceil_div(s->layer.filters, s->hw.cols);
	double limbs = (double)(qmac_ceil_div(s->options.x_bits, s->hw.a_bits) *
	                        qmac_ceil_div(s->options.w_bits, s->hw.w_bits));

	return blocks * limbs * (double)qmac_ceil_div(pixels(s), s->hw.acc_depth / 2);
}

static enum qmac_status refuse(const struct qmac_topology_layer *layer, const char *why,
                               struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "layer %s: %s: cut the layer, or set a smaller batch", layer->name,
	                 why);
}

enum qmac_status qmac_layer_products_make(struct qmac_layer_products *products,
                                          const struct qmac_topology_layer *layer, bool is_first,
                                          enum qmac_direction direction,
                                          const struct qmac_topology_options *options,
                                          const struct qmac_hw *hw, struct qmac_error *err)
{
	double all = (double)layer->images * (double)options->batch * (double)layer->image[0] *
	             (double)layer->image[1];
	double window = (double)layer->kernel[0] * (double)layer->kernel[1] * (double)layer->channels;

	*products = (struct qmac_layer_products){
		.layer = *layer, .options = *options, .hw = *hw, .direction = direction,
		.is_os = options->dataflow == QMAC_DATAFLOW_CHOSEN ? direction == QMAC_DIRECTION_WEIGHTS :
		         options->dataflow == QMAC_DATAFLOW_OS,
	};
	if (options->y_bits > hw->acc_bits)
		return qmac_fail(err, QMAC_BAD_INPUT, "y_bits %d is more than acc_bits %d of the hardware: results"
		                 " are made of what its accumulators hold", options->y_bits, hw->acc_bits);
	if (all > reach / 8 || window > reach / 8)
		return refuse(layer, "more than 2^28 pixels, or values in a window", err);
	if (is_laid_out(products, is_first))
		set_windows(&products->layer);
	if (largest_stride(products) > reach)
		return refuse(layer, "a tensor is larger than a command reaches (2^31 bytes, 8 for a value)", err);
	if (passes(products) > passes_max)
		return refuse(layer, "more than 1,048,576 commands of the array", err);
	return QMAC_OK;
}
