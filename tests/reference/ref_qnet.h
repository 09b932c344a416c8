/*
 * The second, slow reading of docs/network-numerics.md: one minibatch of a network in integers, element by
 * element, with sums of 128 bits. It shares no code with host/net but the description of the network.
 *
 * Tensor t of a network is the output of layer t - 1; tensor 0 is the input.
 */
#ifndef REF_QNET_H
#define REF_QNET_H

#include <stdbool.h>
#include <stdint.h>

#include "net/net.h"
#include "ref_num.h"

/* Codes q[((n h + y) w + x) c + channel], each for q 2^-fl. Behind flatten h, w and c are those before it. */
struct ref_qtensor {
	int bits, fl;
	int64_t h, w, c;
	int64_t *q; /* NULL: no codes (of an output or an error that does not exist) */
};

struct ref_qparameter {
	int bits, fl;
	int64_t *q;    /* codes, as the parameter lies */
	int64_t *sum;  /* backward: dw or dbias */
	int sum_fl;
	double *real, *gradient; /* in place of all that: of gamma and beta, which have no codes */
};

/* What a batch norm has of every channel. */
struct ref_qnorm {
	int64_t channels;
	double *mean, *variance;            /* m and v; the caller's in an evaluation */
	double *inverse;                    /* i */
	int64_t *slope, *offset;            /* mA, mB, for t */
	int t;
	uint64_t saturations;               /* of these */
	int64_t *back_e, *back_x, *back_1;  /* ma, mb, mc, for u */
	int u;
};

/* Of a channel's errors E of fraction length fl, n of them: sum of E, and of E x, x of fraction length fx. */
struct ref_qnorm_errors {
	int64_t n;
	const int64_t *sum, *sum_x;
	int fl, fx;
};

enum ref_scale { REF_SCALE_DELAY, REF_SCALE_CUR, REF_SCALE_FIXED };

struct ref_qnet {
	const struct qmac_net *net;
	int64_t samples;
	/* the caller's to set; create leaves nearest, err_bits and dy_bits 8, clip, delay, seed and step 0 */
	unsigned activation_rounding, error_rounding; /* QMAC_ROUND_* */
	bool clip;
	int err_bits, dy_bits;
	enum ref_scale scale;
	bool evaluation;           /* batch norms: with the mean and the variance that are given */
	uint32_t run_seed, step;
	struct ref_qparameter *parameter;
	struct ref_qnorm *norm;    /* tensors: those of batch norms */
	struct ref_qtensor *out;   /* tensors: bits and fl are the caller's, but for relu, max_pool, flatten */
	struct ref_qtensor *error; /* tensors: the error of each, where it has one */
	/* what a minibatch left, by tensor; sum: S and p of those that are rounded */
	ref_int **sum;
	int *sum_fl;
	uint64_t *saturations, *error_saturations;
	int *top;                  /* of the error: t of the page, "Scales of errors" */
	int *given;                /* `fixed`: e of the first minibatch; `delay`: e' */
	int *given_top;            /* t' */
	bool begun;                /* a minibatch has gone backward */
	/* of backward, by tensor: gradient sums, their fraction length and bound */
	ref_int **g, *bound;
	int *g_fl;
};

/* Of so many samples; bits and fl are 0. Aborts where memory is short. */
void ref_qnet_create(struct ref_qnet *r, const struct qmac_net *net, int64_t samples);
void ref_qnet_destroy(struct ref_qnet *r);

/* Codes of the input from real numbers[n][y][x][c], then every output. */
void ref_qnet_forward(struct ref_qnet *r, const double *input);

/*
 * t of "Scales of errors" of an output that is rounded: y are its codes before they are limited. shift below
 * 0: as they are rounded; else of S 2^(P - p) shifted right by that, rounded down. relu: of what is above 0
 * alone.
 */
int ref_qnet_output_top(const struct ref_qnet *r, int t, int shift, bool relu);

/* k of "Ranges" of such an output, whose first range is looked for with that shift. */
int ref_qnet_output_shift(const struct ref_qnet *r, int t);

/* residual[n][logit]: everything of "Backward". Scales follow r->scale and the minibatches before. */
void ref_qnet_backward(struct ref_qnet *r, const double *residual);

/* Whether layer l has an error tensor. */
bool ref_qnet_has_error(const struct qmac_net *net, int l);

/* The add that a layer is merged into; QMAC_NET_NONE where there is none. */
int ref_qnet_merged_into(const struct qmac_net *net, int l);

/* ---- batch norm without a network ---------------------------------------------------- */

void ref_qnorm_create(struct ref_qnorm *norm, int64_t channels);
void ref_qnorm_destroy(struct ref_qnorm *norm);

/* From mean and variance to mA, mB, t; other_fl: f_x' where it is merged, else NULL. Adds up saturations. */
void ref_qnorm_forward(struct ref_qnorm *norm, const double *gamma, const double *beta, int fx, int f,
                       const int *other_fl);

/* After that: dgamma, dbeta, ma, mb, mc, u. */
void ref_qnorm_back(struct ref_qnorm *norm, const struct ref_qnorm_errors *errors, const double *gamma,
                    double *dgamma, double *dbeta);

/* ---- for ref_qnet*.c ------------------------------------------------------- */

/* All zero; free() it. Aborts where memory is short. */
void *ref_qnet_room(int64_t count, size_t size);

/* Number of an element of the layer's output by the coordinates of its shape in the network; y, x inside. */
int64_t ref_qnet_at(const struct ref_qnet *r, int tensor, int64_t n, int64_t channel, int64_t y, int64_t x);

/* The same by its number in the order channel, line, pixel. */
int64_t ref_qnet_at_number(const struct ref_qnet *r, int tensor, int64_t n, int64_t number);

/* round() of a wide number. */
ref_int ref_qnet_round(ref_int x, int shift, unsigned mode, uint32_t random);

/* t of the page from t so far and one more number; at first it is -1. */
int ref_qnet_top(int top, ref_int y);

/* requantise() before its clamp; element: its number in the tensor; which: 0 output, 1 error. */
ref_int ref_qnet_rescale(const struct ref_qnet *r, int tensor, int which, int64_t element, ref_int sum, int p,
                         int fl);

/* r of an element. */
uint32_t ref_qnet_random(const struct ref_qnet *r, int tensor, int which, int64_t element);

/* lg(v) of the page, v >= 1. */
int ref_qnet_lg(ref_int v);

/* k for a bound of the sum. */
int ref_qnet_shift(ref_int bound);

/* 1 / K of a pool is about M 2^-m: returns M. */
int64_t ref_qnet_pool_factor(int64_t k, int *m);

/* Of an add, the batch norm that is merged into it, or 0; and the other input: tensors. */
int ref_qnet_merged_input(const struct ref_qnet *r, int t, int *other);

/* Coefficients of batch norm t, whose sum is rounded to tensor `to`; other_fl as above. */
void ref_qnet_norm_forward(struct ref_qnet *r, int t, int to, const int *other_fl);

/* The tensor whose error is that of a layer's output: t, or that of the add that it is merged into. */
int ref_qnet_error_tensor(const struct ref_qnet *r, int t);

/* Gradients and coefficients of batch norm t, whose error is there; then what it gives back to an element. */
void ref_qnet_norm_back(struct ref_qnet *r, int t);
ref_int ref_qnet_norm_gives(const struct ref_qnet *r, int t, int64_t n, int64_t number);

#endif
