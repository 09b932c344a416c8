#include "reference/ref_net.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int64_t ref_net_index(struct qmac_shape shape, int64_t image, int64_t channel, int64_t y, int64_t x)
{
	return ((image * shape.channels + channel) * shape.height + y) * shape.width + x;
}

/* ---- memory ---------------------------------------------------------------------- */

static void *zeros(int64_t count, size_t size)
{
	void *memory = calloc((size_t)count + 1, size);

	if (!memory) {
		perror("ref_net");
		exit(3);
	}
	return memory;
}

static double *numbers(int64_t count)
{
	return zeros(count, sizeof(double));
}

struct ref_net *ref_net_create(const struct qmac_net *net, int64_t images)
{
	struct ref_net *ref = zeros(1, sizeof *ref);
	double ***const by_layer[] = {&ref->output, &ref->error, &ref->mean, &ref->variance};

	*ref = (struct ref_net){.net = net, .images = images, .training = true};
	ref->input = numbers(images * qmac_shape_count(net->input));
	ref->input_error = numbers(images * qmac_shape_count(net->input));
	for (int k = 0; k < 4; k++) {
		*by_layer[k] = zeros(net->layer_count, sizeof(double *));
		for (int i = 0; i < net->layer_count; i++)
			(*by_layer[k])[i] = numbers(k < 2 ? images * qmac_shape_count(net->layers[i].out) :
			                            net->layers[i].out.channels);
	}
	ref->parameter = zeros(net->parameter_count, sizeof(double *));
	ref->gradient = zeros(net->parameter_count, sizeof(double *));
	for (int i = 0; i < net->parameter_count; i++) {
		ref->parameter[i] = numbers(net->parameters[i].count);
		ref->gradient[i] = numbers(net->parameters[i].count);
	}
	return ref;
}

static void free_all(double **arrays, int count)
{
	for (int i = 0; i < count; i++)
		free(arrays[i]);
	free(arrays);
}

void ref_net_destroy(struct ref_net *ref)
{
	if (!ref)
		return;
	free(ref->input);
	free(ref->input_error);
	free_all(ref->output, ref->net->layer_count);
	free_all(ref->error, ref->net->layer_count);
	free_all(ref->mean, ref->net->layer_count);
	free_all(ref->variance, ref->net->layer_count);
	free_all(ref->parameter, ref->net->parameter_count);
	free_all(ref->gradient, ref->net->parameter_count);
	free(ref);
}

/* ---- one layer with its arrays ------------------------------------------------------ */

struct work {
	const struct qmac_net_layer *layer;
	int64_t images;
	bool training;
	const double *x, *other, *weight, *bias;
	double *y, *mean, *variance;
	double *dx, *dother, *dweight, *dbias; /* are added to */
	const double *dy;
};

static struct work work_of(struct ref_net *ref, int i)
{
	const struct qmac_net_layer *layer = &ref->net->layers[i];
	struct work w = {.layer = layer, .images = ref->images, .training = ref->training, .y = ref->output[i],
	                 .dy = ref->error[i], .mean = ref->mean[i], .variance = ref->variance[i]};
	bool add = layer->kind == QMAC_LAYER_ADD, first = layer->input == QMAC_NET_INPUT;

	w.x = first ? ref->input : ref->output[layer->input];
	w.dx = first ? ref->input_error : ref->error[layer->input];
	first = layer->other == QMAC_NET_INPUT;
	w.other = !add ? NULL : first ? ref->input : ref->output[layer->other];
	w.dother = !add ? NULL : first ? ref->input_error : ref->error[layer->other];
	if (layer->weight != QMAC_NET_NONE) {
		w.weight = ref->parameter[layer->weight];
		w.dweight = ref->gradient[layer->weight];
	}
	if (layer->bias != QMAC_NET_NONE) {
		w.bias = ref->parameter[layer->bias];
		w.dbias = ref->gradient[layer->bias];
	}
	return w;
}

/* An element of the output: its place, and its index. */
struct place {
	int64_t image, channel, y, x, index;
};

static void visit_outputs(const struct work *w, void (*visit)(const struct work *, const struct place *))
{
	struct qmac_shape out = w->layer->out;
	struct place p;

	for (p.image = 0; p.image < w->images; p.image++)
		for (p.channel = 0; p.channel < out.channels; p.channel++)
			for (p.y = 0; p.y < out.height; p.y++)
				for (p.x = 0; p.x < out.width; p.x++) {
					p.index = ref_net_index(out, p.image, p.channel, p.y, p.x);
					visit(w, &p);
				}
}

/* The input under tap (ky, kx) of the window of p, in that channel; -1 outside of the image. */
static int64_t tap(const struct work *w, const struct place *p, int64_t channel, int64_t ky, int64_t kx)
{
	int64_t y = p->y * w->layer->stride + ky - w->layer->pad;
	int64_t x = p->x * w->layer->stride + kx - w->layer->pad;

	if (y < 0 || y >= w->layer->in.height || x < 0 || x >= w->layer->in.width)
		return -1;
	return ref_net_index(w->layer->in, p->image, channel, y, x);
}

/* ---- sums over windows -------------------------------------------------------------- */

/* conv and linear, whose kernel is 1 x 1; backwards where `back`. */
static void product(const struct work *w, const struct place *p, bool back)
{
	const struct qmac_net_layer *l = w->layer;
	double sum = w->bias ? w->bias[p->channel] : 0;

	if (back && w->dbias)
		w->dbias[p->channel] += w->dy[p->index];
	for (int64_t ci = 0; ci < l->in.channels; ci++)
		for (int64_t ky = 0; ky < l->kernel[0]; ky++)
			for (int64_t kx = 0; kx < l->kernel[1]; kx++) {
				int64_t from = tap(w, p, ci, ky, kx);
				int64_t at = ((p->channel * l->in.channels + ci) * l->kernel[0] + ky) * l->kernel[1] + kx;

				if (from < 0)
					continue;
				sum += w->weight[at] * w->x[from];
				if (back) {
					w->dx[from] += w->weight[at] * w->dy[p->index];
					w->dweight[at] += w->x[from] * w->dy[p->index];
				}
			}
	if (!back)
		w->y[p->index] = sum;
}

static void product_forward(const struct work *w, const struct place *p)
{
	product(w, p, false);
}

static void product_back(const struct work *w, const struct place *p)
{
	product(w, p, true);
}

static void mean_pool_forward(const struct work *w, const struct place *p)
{
	const int64_t *kernel = w->layer->kernel;
	double sum = 0;

	for (int64_t ky = 0; ky < kernel[0]; ky++)
		for (int64_t kx = 0; kx < kernel[1]; kx++)
			sum += w->x[tap(w, p, p->channel, ky, kx)];
	w->y[p->index] = sum / (double)(kernel[0] * kernel[1]);
}

static void mean_pool_back(const struct work *w, const struct place *p)
{
	const int64_t *kernel = w->layer->kernel;

	for (int64_t ky = 0; ky < kernel[0]; ky++)
		for (int64_t kx = 0; kx < kernel[1]; kx++)
			w->dx[tap(w, p, p->channel, ky, kx)] += w->dy[p->index] / (double)(kernel[0] * kernel[1]);
}

/* Where the first of the largest elements of the window is. */
static int64_t largest(const struct work *w, const struct place *p)
{
	int64_t best = tap(w, p, p->channel, 0, 0);

	for (int64_t ky = 0; ky < w->layer->kernel[0]; ky++)
		for (int64_t kx = 0; kx < w->layer->kernel[1]; kx++) {
			int64_t from = tap(w, p, p->channel, ky, kx);

			if (w->x[from] > w->x[best])
				best = from;
		}
	return best;
}

static void max_pool_forward(const struct work *w, const struct place *p)
{
	w->y[p->index] = w->x[largest(w, p)];
}

static void max_pool_back(const struct work *w, const struct place *p)
{
	w->dx[largest(w, p)] += w->dy[p->index];
}

/* ---- element by element; flatten keeps the index of an element ---------------------- */

static void element_forward(const struct work *w, const struct place *p)
{
	double x = w->x[p->index];

	switch (w->layer->kind) {
	case QMAC_LAYER_BIAS:
		w->y[p->index] = x + w->bias[p->channel];
		break;
	case QMAC_LAYER_RELU:
		w->y[p->index] = x > 0 ? x : 0;
		break;
	case QMAC_LAYER_TANH:
		w->y[p->index] = tanh(x);
		break;
	case QMAC_LAYER_SIGMOID:
		w->y[p->index] = 1 / (1 + exp(-x));
		break;
	case QMAC_LAYER_ADD:
		w->y[p->index] = x + w->other[p->index];
		break;
	default:
		w->y[p->index] = x;
	}
}

static void element_back(const struct work *w, const struct place *p)
{
	double y = w->y[p->index], dy = w->dy[p->index];

	switch (w->layer->kind) {
	case QMAC_LAYER_BIAS:
		w->dbias[p->channel] += dy;
		break;
	case QMAC_LAYER_RELU:
		dy = y > 0 ? dy : 0;
		break;
	case QMAC_LAYER_TANH:
		dy *= 1 - y * y;
		break;
	case QMAC_LAYER_SIGMOID:
		dy *= y * (1 - y);
		break;
	case QMAC_LAYER_ADD:
		w->dother[p->index] += dy;
		break;
	default:
		break;
	}
	w->dx[p->index] += dy;
}

/* ---- batch norm ---------------------------------------------------------------------- */

/* Mean over all images and pixels of a channel of a b; of a where b is NULL. */
static double channel_mean(const struct work *w, int64_t channel, const double *a, const double *b)
{
	struct qmac_shape s = w->layer->out;
	double sum = 0;

	for (int64_t n = 0; n < w->images; n++)
		for (int64_t y = 0; y < s.height; y++)
			for (int64_t x = 0; x < s.width; x++) {
				int64_t at = ref_net_index(s, n, channel, y, x);

				sum += b ? a[at] * b[at] : a[at];
			}
	return sum / (double)(w->images * s.height * s.width);
}

static double deviation(const struct work *w, int64_t channel)
{
	return sqrt(w->variance[channel] + QMAC_BATCH_NORM_EPSILON);
}

/* (x - mean) / deviation */
static double normed(const struct work *w, const struct place *p)
{
	return (w->x[p->index] - w->mean[p->channel]) / deviation(w, p->channel);
}

static void norm_forward(const struct work *w, const struct place *p)
{
	w->y[p->index] = w->weight[p->channel] * normed(w, p) + w->bias[p->channel];
}

/*
 * With h the normed x and m(.) the mean over the minibatch: dx = gamma (dy - m(dy) - h m(dy h)) / deviation.
 * Without training mean and deviation do not depend on x, and the two means are left out.
 */
static void norm_back(const struct work *w, const struct place *p)
{
	int64_t c = p->channel;
	double h = normed(w, p), through = w->dy[p->index];

	if (w->training) {
		double mean_dy = channel_mean(w, c, w->dy, NULL);
		double mean_dyh = (channel_mean(w, c, w->dy, w->x) - w->mean[c] * mean_dy) / deviation(w, c);

		through -= mean_dy + h * mean_dyh;
	}
	w->dweight[c] += w->dy[p->index] * h;
	w->dbias[c] += w->dy[p->index];
	w->dx[p->index] += w->weight[c] * through / deviation(w, c);
}

/* The mean is taken out before squares are added up, which would cancel. */
static void norm_statistics(const struct work *w)
{
	struct qmac_shape s = w->layer->out;

	for (int64_t c = 0; c < s.channels; c++) {
		double sum = 0;

		w->mean[c] = channel_mean(w, c, w->x, NULL);
		for (int64_t n = 0; n < w->images; n++)
			for (int64_t y = 0; y < s.height; y++)
				for (int64_t x = 0; x < s.width; x++) {
					double off = w->x[ref_net_index(s, n, c, y, x)] - w->mean[c];

					sum += off * off;
				}
		w->variance[c] = sum / (double)(w->images * s.height * s.width);
	}
}

/* ---- the network ------------------------------------------------------------------------ */

static void run(const struct work *w, bool back)
{
	switch (w->layer->kind) {
	case QMAC_LAYER_CONV:
	case QMAC_LAYER_LINEAR:
		visit_outputs(w, back ? product_back : product_forward);
		break;
	case QMAC_LAYER_AVG_POOL:
	case QMAC_LAYER_GLOBAL_POOL:
		visit_outputs(w, back ? mean_pool_back : mean_pool_forward);
		break;
	case QMAC_LAYER_MAX_POOL:
		visit_outputs(w, back ? max_pool_back : max_pool_forward);
		break;
	case QMAC_LAYER_BATCH_NORM:
		if (!back && w->training)
			norm_statistics(w);
		visit_outputs(w, back ? norm_back : norm_forward);
		break;
	default:
		visit_outputs(w, back ? element_back : element_forward);
	}
}

void ref_net_forward(struct ref_net *ref)
{
	for (int i = 0; i < ref->net->layer_count; i++) {
		struct work w = work_of(ref, i);

		run(&w, false);
	}
}

static void clear(double *array, int64_t count)
{
	memset(array, 0, (size_t)count * sizeof *array);
}

void ref_net_backward(struct ref_net *ref)
{
	const struct qmac_net *net = ref->net;

	clear(ref->input_error, ref->images * qmac_shape_count(net->input));
	for (int i = 0; i < net->layer_count - 1; i++)
		clear(ref->error[i], ref->images * qmac_shape_count(net->layers[i].out));
	for (int i = 0; i < net->parameter_count; i++)
		clear(ref->gradient[i], net->parameters[i].count);
	for (int i = net->layer_count - 1; i >= 0; i--) {
		struct work w = work_of(ref, i);

		run(&w, true);
	}
}
