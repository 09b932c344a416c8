/* Where the tensors of a network lie in device memory. */
#include <assert.h>
#include <stdlib.h>

#include "lower/arena.h"
#include "lower/whole.h"
#include "net/plan.h"
#include "net/table.h"

struct job {
	struct qmac_net_plan *plan;
	int count; /* regions so far */
	enum qmac_status status;
	struct qmac_error *err;
};

/* Steps: 0 brings everything, layer l works forward in l + 1 and backward in backward_step(l). */
static int64_t backward_step(const struct qmac_net_plan *plan, int layer)
{
	return 2 * (int64_t)plan->net->layer_count - layer;
}

static int64_t last_step(const struct qmac_net_plan *plan)
{
	return 2 * (int64_t)plan->net->layer_count + 1;
}

/* The next region is that of a view. Formats change what it takes, never to more than at first; not when. */
static void place(struct job *job, struct qmac_view *view, uint64_t bytes, int64_t first, int64_t last)
{
	struct qmac_arena *arena = job->plan->arena;
	struct qmac_buffer buffer;
	int region = job->count++;

	if (job->status != QMAC_OK)
		return;
	if (!job->plan->driver) {
		job->status = qmac_arena_add(arena, bytes, first, last, &region, job->err);
		return;
	}
	buffer = qmac_arena_buffer(arena, region);
	view->address = buffer.address;
	if (bytes > buffer.bytes)
		job->status = qmac_fail(job->err, QMAC_INTERNAL, "a tensor of %llu bytes has a place of %llu",
		                        (unsigned long long)bytes, (unsigned long long)buffer.bytes);
}

static unsigned container_of(int bits)
{
	return bits <= 8 ? QMAC_CONTAINER_BYTE : bits <= 16 ? QMAC_CONTAINER_HALF :
	       bits <= 32 ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_DOUBLE;
}

static struct qmac_element element(int bits)
{
	return (struct qmac_element){bits, true, container_of(bits)};
}

/* Of sums: at least 32 bits. */
static struct qmac_element sum_element(int bits)
{
	return (struct qmac_element){bits, true, bits <= 32 ? QMAC_CONTAINER_WORD : QMAC_CONTAINER_DOUBLE};
}

/* Signed width of all integers of that magnitude. */
static int bits_of(double bound)
{
	return qmac_net_lg(bound + 1) + 1;
}

/* Few channels without room between them: so neighbours in an image are one run of bytes. */
static struct qmac_view images(const struct qmac_net_plan *plan, struct qmac_element e,
                               struct qmac_shape shape)
{
	return qmac_view_images(0, e, plan->batch, shape.channels, shape.height, shape.width,
	                        qmac_smaller(shape.channels, plan->hw.cols));
}

static void tensor(struct job *job, struct qmac_view *view, struct qmac_element e, struct qmac_shape shape,
                   int64_t first, int64_t last)
{
	*view = images(job->plan, e, shape);
	place(job, view, qmac_view_bytes(view), first, last);
}

/* ---- a layer ------------------------------------------------------------------------- */

static bool passes_on(enum qmac_layer_kind kind)
{
	return kind == QMAC_LAYER_BIAS || kind == QMAC_LAYER_ADD || kind == QMAC_LAYER_FLATTEN;
}

/*
 * The last step in which what layer l gives back is looked at: further on, where the gradient of an
 * input is nothing else.
 */
static int64_t given_until(const struct qmac_net_plan *plan, int l)
{
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	int64_t last = backward_step(plan, l);

	for (int i = 0; i < 1 + (layer->kind == QMAC_LAYER_ADD); i++) {
		int input = i ? layer->other : layer->input;
		const struct qmac_net_flow_layer *f = &plan->flow.layers[input < 0 ? 0 : input];
		bool same = input >= 0 && passes_on(layer->kind) && !f->has_error && f->count == 1;
		int64_t step = same ? given_until(plan, input) :
		               backward_step(plan, input < 0 ? 0 : qmac_net_gatherer(plan, input));

		last = step > last ? step : last;
	}
	return last;
}

/* Three words for each channel, and a place for each slice of the sums. */
static void place_norm(struct job *job, int l)
{
	struct qmac_net_plan *plan = job->plan;
	int64_t channels = plan->layers[l].in.channels;

	for (int pass = 0; pass < QMAC_NET_PASSES; pass++) {
		struct qmac_net_norm_place *norm = &plan->layers[l].norm[pass];
		struct qmac_element e = sum_element(plan->hw.acc_bits <= 32 ? 32 : 64);
		bool forward = pass == QMAC_NET_PASS_FORWARD;
		int made = qmac_net_flow_error_of(&plan->flow, l);
		/* from where what they are over is made; forward they may be asked for where a merged one is made */
		int64_t first = forward ? plan->net->layers[l].input + 1 :
		                backward_step(plan, made);
		int64_t last = forward ? made + 1 : backward_step(plan, l);

		norm->coefficients = qmac_view_images(0, element(32), 1, channels, 1, QMAC_COEFFICIENTS,
		                                      plan->hw.cols);
		place(job, &norm->coefficients, qmac_view_bytes(&norm->coefficients), 0, last_step(plan));
		norm->sum = norm->product = qmac_view_matrix(0, e, 1, channels, (uint64_t)channels << e.container);
		norm->slice_bytes = qmac_view_bytes(&norm->sum);
		place(job, &norm->sum, norm->slice_bytes * (uint64_t)norm->slices.count, first, last);
		place(job, &norm->product, norm->slice_bytes * (uint64_t)norm->slices.count, first, last);
	}
}

static void place_parameters(struct job *job, int l)
{
	struct qmac_net_plan *plan = job->plan;
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	struct qmac_net_plan_layer *p = &plan->layers[l];
	int64_t end = last_step(plan);

	if (layer->kind == QMAC_LAYER_BATCH_NORM) {
		place_norm(job, l);
		return;
	}
	if (layer->kind == QMAC_LAYER_CONV || layer->kind == QMAC_LAYER_LINEAR) {
		struct qmac_element e = element(plan->formats->parameter[layer->weight].bw);
		int64_t in = p->in.channels, out = p->out.channels;

		p->weight = qmac_view_weights(0, e, &p->conv, in, out, (uint64_t)out << e.container);
		place(job, &p->weight, qmac_view_bytes(&p->weight), 0, end);
		p->transposed = qmac_view_weights(0, e, &p->conv, out, in, (uint64_t)in << e.container);
		place(job, &p->transposed, qmac_view_bytes(&p->transposed), 0, end);
	}
	if (layer->bias != QMAC_NET_NONE) {
		/* as wide as its shift makes it; where that follows from values, as any may be */
		struct qmac_element e = sum_element(plan->formats->ranged ? plan->hw.acc_bits :
		                                    p->amounts.bias_bits);

		p->bias = qmac_view_images(0, e, 1, p->out.channels, p->has_pixels ? p->out.height : 1,
		                           p->has_pixels ? p->out.width : 1, plan->hw.cols);
		/* the fewer fraction bits a bias has, the wider it is */
		place(job, &p->bias, qmac_view_bytes(&p->bias) << (QMAC_CONTAINER_DOUBLE - e.container), 0, end);
	}
	if (layer->kind == QMAC_LAYER_TANH || layer->kind == QMAC_LAYER_SIGMOID) {
		struct qmac_net_table table = qmac_net_table_of(layer->kind, qmac_net_format(plan, layer->input));

		p->table = qmac_view_matrix(0, element(32), (int64_t)1 << table.bits, 1, 4);
		place(job, &p->table, qmac_view_bytes(&p->table), 0, end);
		if (qmac_net_looks_up_apart(plan, l))
			tensor(job, &p->looked_up, element(QMAC_NET_TABLE_FRACTION + 1 + table.m), p->out, l + 1, l + 1);
	}
}

/* Sums for the gradients of parameters: a place for each slice. */
static void place_sums(struct job *job, int l)
{
	struct qmac_net_plan *plan = job->plan;
	const struct qmac_net_layer *layer = &plan->net->layers[l];
	struct qmac_net_plan_layer *p = &plan->layers[l];
	struct qmac_element e = sum_element(plan->hw.acc_bits <= 32 ? 32 : 64);
	int64_t first = backward_step(plan, l), last = last_step(plan);

	if (layer->weight != QMAC_NET_NONE) {
		int64_t out = p->out.channels;

		p->weight_sum = qmac_view_weights(0, e, &p->conv, p->in.channels, out, (uint64_t)out << e.container);
		p->slice_bytes[0] = qmac_view_bytes(&p->weight_sum);
		place(job, &p->weight_sum, p->slice_bytes[0] * (uint64_t)p->slices.count, first, last);
	}
	if (layer->bias != QMAC_NET_NONE) {
		int64_t rows = p->has_pixels ? p->out.height * p->out.width : 1;

		p->bias_sum = qmac_view_matrix(0, e, rows, p->out.channels, (uint64_t)p->out.channels << e.container);
		p->slice_bytes[1] = qmac_view_bytes(&p->bias_sum);
		place(job, &p->bias_sum, p->slice_bytes[1] * (uint64_t)p->slices.count, first, last);
	}
}

/* A place as that of sums, in words, for good. */
static void place_like(struct job *job, const struct qmac_view *sums, struct qmac_view *view)
{
	unsigned from = sums->element.container, to = QMAC_CONTAINER_WORD;

	*view = *sums;
	view->element = element(32);
	for (int d = 0; d < 3; d++)
		view->position_bytes[d] = sums->position_bytes[d] >> from << to;
	place(job, view, qmac_view_bytes(view), 0, last_step(job->plan));
}

static void place_masters(struct job *job, int l)
{
	const struct qmac_net_layer *layer = &job->plan->net->layers[l];
	struct qmac_net_plan_layer *p = &job->plan->layers[l];

	if (layer->weight != QMAC_NET_NONE) {
		place_like(job, &p->weight_sum, &p->master[0]);
		place_like(job, &p->weight_sum, &p->velocity[0]);
	}
	if (layer->bias != QMAC_NET_NONE) {
		place_like(job, &p->bias_sum, &p->master[1]);
		place_like(job, &p->bias_sum, &p->velocity[1]);
	}
}

/* A contribution by classes of pixels: the view of the first; the others follow. */
static void place_classes(struct job *job, int link, struct qmac_shape shape, int64_t until)
{
	struct qmac_net_plan *plan = job->plan;
	const struct qmac_net_link *of = &plan->flow.links[link];
	struct qmac_view *view = &plan->contribution[link];

	*view = images(plan, sum_element(bits_of(of->bound)),
	               (struct qmac_shape){shape.channels, shape.height / 2, shape.width / 2});
	place(job, view, 4 * qmac_view_bytes(view), backward_step(plan, of->reader), until);
}

static void place_back(struct job *job, int l)
{
	struct qmac_net_plan *plan = job->plan;
	const struct qmac_net_flow_layer *f = &plan->flow.layers[l];
	struct qmac_net_plan_layer *p = &plan->layers[l];
	int64_t now = backward_step(plan, l), until = given_until(plan, l);

	if (!f->needed)
		return;
	for (int i = f->first; i < f->first + f->count; i++)
		if (plan->use[i] == QMAC_NET_USE_STORED)
			tensor(job, &plan->contribution[i], sum_element(bits_of(plan->flow.links[i].bound)), p->out,
			       backward_step(plan, plan->flow.links[i].reader), until);
	for (int i = f->first; i < f->first + f->count; i++)
		if (plan->use[i] == QMAC_NET_USE_SPLIT)
			place_classes(job, i, p->out, until);
	if (f->has_error)
		tensor(job, &p->error, element(f->bits), p->out, now, until);
	if (qmac_net_derives_apart(plan, l)) {
		int fl = plan->layers[plan->flow.links[f->first].reader].amounts.derivative.fl_d;

		/* from 0 to 2^fl */
		tensor(job, &p->derivative, element(fl + 2), p->out, now, now);
	}
	if (!f->has_error && f->count > 1 && qmac_net_gatherer(plan, l) == l)
		tensor(job, &p->sum, sum_element(32), p->out, now, until);
	if (plan->net->layers[l].kind == QMAC_LAYER_BATCH_NORM)
		return;
	place_sums(job, l);
	if (plan->formats->masters)
		place_masters(job, l);
}

enum qmac_status qmac_net_place(struct qmac_net_plan *plan, struct qmac_error *err)
{
	const struct qmac_net *net = plan->net;
	struct job job = {.plan = plan, .err = err};
	struct qmac_shape largest = {1, 1, 1};

	tensor(&job, &plan->input, element(qmac_net_format(plan, -1).bw),
	       plan->windows == QMAC_NET_NONE ? net->input : plan->layers[plan->windows].in, 0, last_step(plan));
	for (int l = 0; l < net->layer_count; l++) {
		const struct qmac_net_plan_layer *p = &plan->layers[l];

		if (net->layers[l].kind != QMAC_LAYER_FLATTEN && p->relu == QMAC_NET_NONE &&
		    plan->flow.layers[l].merged_into == QMAC_NET_NONE)
			tensor(&job, &plan->layers[l].output, element(qmac_net_format(plan, l).bw), p->out,
			       p->is_made ? net->layers[l].input + 1 : l + 1, given_until(plan, l));
		place_parameters(&job, l);
		place_back(&job, l);
		if (p->out.height * p->out.width > largest.height * largest.width)
			largest = (struct qmac_shape){1, p->out.height, p->out.width};
	}
	plan->ones = qmac_view_images(0, element(2), plan->batch, 1, largest.height, largest.width, 1);
	place(&job, &plan->ones, qmac_view_bytes(&plan->ones), 0, last_step(plan));
	return job.status == QMAC_OK && !plan->driver ? qmac_arena_plan(plan->arena, err) : job.status;
}
