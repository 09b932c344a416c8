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
	int64_t *q; /* NULL: no codes (an error tensor that does not exist) */
};

struct ref_qparameter {
	int bits, fl;
	int64_t *q;    /* codes, as the parameter lies */
	int64_t *sum;  /* backward: dw or dbias */
	int sum_fl;
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
	uint32_t run_seed, step;
	struct ref_qparameter *parameter;
	struct ref_qtensor *out;   /* tensors: bits and fl are the caller's, but for relu, max_pool, flatten */
	struct ref_qtensor *error; /* tensors: the error of each, where it has one */
	/* what a minibatch left, by tensor */
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

/* residual[n][logit]: everything of "Backward". Scales follow r->scale and the minibatches before. */
void ref_qnet_backward(struct ref_qnet *r, const double *residual);

/* Whether layer l has an error tensor. */
bool ref_qnet_has_error(const struct qmac_net *net, int l);

/* ---- for ref_qnet*.c ------------------------------------------------------- */

/* Number of an element of the layer's output by the coordinates of its shape in the network; y, x inside. */
int64_t ref_qnet_at(const struct ref_qnet *r, int tensor, int64_t n, int64_t channel, int64_t y, int64_t x);

/* round() of a wide number. */
ref_int ref_qnet_round(ref_int x, int shift, unsigned mode, uint32_t random);

/* requantise() before its clamp; element: its number in the tensor; which: 0 output, 1 error. */
ref_int ref_qnet_rescale(const struct ref_qnet *r, int tensor, int which, int64_t element, ref_int sum, int p,
                         int fl);

/* r of an element. */
uint32_t ref_qnet_random(const struct ref_qnet *r, int tensor, int which, int64_t element);

/* lg(v) of the page, v >= 1. */
int ref_qnet_lg(ref_int v);

#endif
