#include "lower/conv.h"

#include <assert.h>
#include <string.h>

struct qmac_view qmac_view_tensor(const struct qmac_tensor *tensor)
{
	const struct qmac_element element = {tensor->format.bw, true, tensor->container};

	return qmac_view_images(tensor->buffer.address + tensor->offset, element, tensor->n, tensor->c, tensor->h,
	                        tensor->w, tensor->lanes);
}

struct qmac_view qmac_view_weights(uint64_t address, struct qmac_element element,
                                   const struct qmac_conv *conv, int64_t channels, int64_t n,
                                   uint64_t row_bytes)
{
	uint64_t tap = (uint64_t)channels * row_bytes;

	return (struct qmac_view){
		.address = address, .element = element, .channels = n, .lanes = n,
		.positions = {conv->kernel[0], conv->kernel[1], channels},
		.position_bytes = {(uint64_t)conv->kernel[1] * tap, tap, row_bytes},
	};
}

int64_t qmac_conv_out(const struct qmac_conv *conv, const struct qmac_view *x, int d)
{
	int64_t room = x->positions[d + 1] + 2 * conv->pad - conv->kernel[d];

	return room < 0 ? 0 : room / conv->stride + 1;
}

/* The product of a form whose window slides over x as in the forward direction. */
static struct qmac_product over_x(const struct qmac_conv *conv, enum qmac_form form,
                                  const struct qmac_view *x, const struct qmac_view *b,
                                  const struct qmac_view *c)
{
	const struct qmac_view *y = form == QMAC_FORM_AB ? c : b;
	struct qmac_product product = {
		.form = form, .a = *x, .b = *b, .c = *c,
		.window = {
			.taps = {conv->kernel[0], conv->kernel[1]}, .stride = {conv->stride, conv->stride},
			.first = {-conv->pad, -conv->pad},
		},
	};

	assert(y->positions[0] == x->positions[0] && y->positions[1] == qmac_conv_out(conv, x, 0) &&
	       y->positions[2] == qmac_conv_out(conv, x, 1));
	memcpy(product.positions, y->positions, sizeof product.positions);
	return product;
}

struct qmac_product qmac_conv_forward(const struct qmac_conv *conv, const struct qmac_view *x,
                                      const struct qmac_view *w, const struct qmac_view *y)
{
	return over_x(conv, QMAC_FORM_AB, x, w, y);
}

struct qmac_product qmac_conv_weight_gradient(const struct qmac_conv *conv, const struct qmac_view *x,
                                              const struct qmac_view *dy, const struct qmac_view *dw)
{
	return over_x(conv, QMAC_FORM_ATB, x, dy, dw);
}

/* Every stride-th position of dimension d, from `first` on, `count` of them. */
static void thin_out(struct qmac_view *view, int d, int64_t first, int64_t stride, int64_t count)
{
	view->address += (uint64_t)first * view->position_bytes[d];
	view->position_bytes[d] *= (uint64_t)stride;
	view->positions[d] = count;
}

/*
 * Pixel u * stride + p of x meets tap k0 + j * stride, k0 the first with the same rest as p + pad, with
 * pixel u + (p + pad - k0) / stride - j of y.
 */
bool qmac_conv_data_gradient(const struct qmac_conv *conv, const struct qmac_view *dy,
                             const struct qmac_view *wt, const struct qmac_view *dx, int64_t class,
                             struct qmac_product *product)
{
	const int64_t stride = conv->stride, place[2] = {class / stride, class % stride};

	*product = (struct qmac_product){
		.form = QMAC_FORM_AB, .a = *dy, .b = *wt, .c = *dx, .window = {.stride = {1, 1}, .flipped = true},
	};
	for (int d = 0; d < 2; d++) {
		int64_t reach = place[d] + conv->pad, k0 = reach % stride;
		int64_t taps = k0 < conv->kernel[d] ? (conv->kernel[d] - 1 - k0) / stride + 1 : 0;
		int64_t pixels = (dx->positions[d + 1] - place[d] + stride - 1) / stride;

		if (place[d] >= dx->positions[d + 1])
			return false;
		product->window.taps[d] = taps;
		product->window.first[d] = reach / stride;
		thin_out(&product->b, d, k0, stride, taps);
		thin_out(&product->c, d + 1, place[d], stride, pixels);
	}
	memcpy(product->positions, product->c.positions, sizeof product->positions);
	return true;
}
