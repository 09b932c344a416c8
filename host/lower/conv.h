/*
 * A convolution as products over windows: forward, data gradient, weight gradient.
 *
 *   y[oy][ox] = sum over ky, kx of x[oy*stride + ky - pad][ox*stride + kx - pad] w[ky][kx]
 *
 * Each function gives what is to be computed and where; how the sums are finished (rescale, bias, keeping)
 * and everything else of the product is 0 and the caller's to add.
 */
#ifndef QMAC_LOWER_CONV_H
#define QMAC_LOWER_CONV_H

#include "lower/product.h"
#include "lower/tensor.h"

struct qmac_conv {
	int64_t kernel[2], stride, pad; /* height, width */
};

/* A tensor as it lies in its buffer: images, or a matrix whose positions are the samples. */
struct qmac_view qmac_view_tensor(const struct qmac_tensor *tensor);

/* Weights: a row of n neighbours for each (ky, kx, channel), row_bytes apart. */
struct qmac_view qmac_view_weights(uint64_t address, struct qmac_element element,
                                   const struct qmac_conv *conv, int64_t channels, int64_t n,
                                   uint64_t row_bytes);

/* Height (d 0) or width (d 1) of y; 0 or less where the kernel is larger than the padded x. */
int64_t qmac_conv_out(const struct qmac_conv *conv, const struct qmac_view *x, int d);

/* y = x * w */
struct qmac_product qmac_conv_forward(const struct qmac_conv *conv, const struct qmac_view *x,
                                      const struct qmac_view *w, const struct qmac_view *y);

/* dw = the sum over all pixels and images of x dy, for each tap. */
struct qmac_product qmac_conv_weight_gradient(const struct qmac_conv *conv, const struct qmac_view *x,
                                              const struct qmac_view *dy, const struct qmac_view *dw);

/*
 * dx from dy and wt, the weights with their channels changed over: a row of x's channels for each
 * (ky, kx, channel of y). A pixel of x sees every stride-th tap, which ones depends on its place: each of
 * the stride * stride classes of pixels is a product of its own, one without taps is 0. False where class
 * number `class` has no pixel.
 */
bool qmac_conv_data_gradient(const struct qmac_conv *conv, const struct qmac_view *dy,
                             const struct qmac_view *wt, const struct qmac_view *dx, int64_t class,
                             struct qmac_product *product);

#endif
