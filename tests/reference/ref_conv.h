/*
 * Convolution in its three directions, as plain sums over all indices. Independent of the program's
 * lowering: dense arrays, one element after the other, no tiles.
 *
 *   x[n][h][w][ci]   weights[kh][kw][ci][co]   y[n][ho][wo][co]
 *   y[.][oy][ox] = sum over ky, kx of x[.][oy*stride + ky - pad][ox*stride + kx - pad] weights[ky][kx],
 * x being 0 outside.
 */
#ifndef REF_CONV_H
#define REF_CONV_H

#include <stdint.h>

struct ref_conv {
	int64_t n, h, w, ci, co, kh, kw, stride, pad;
};

/* Height and width of y. */
int64_t ref_conv_out_h(const struct ref_conv *conv);
int64_t ref_conv_out_w(const struct ref_conv *conv);

/* Each clears its last argument first: y, dx (as x), dw (as weights). */
void ref_conv_forward(const struct ref_conv *conv, const int64_t *x, const int64_t *weights, int64_t *y);
void ref_conv_data_gradient(const struct ref_conv *conv, const int64_t *dy, const int64_t *weights,
                            int64_t *dx);
void ref_conv_weight_gradient(const struct ref_conv *conv, const int64_t *x, const int64_t *dy, int64_t *dw);

#endif
