/*
 * The forward pass of the engine of networks on the device. It is submitted at once; only where the host has
 * to look at something between two layers, the sums of a batch norm in training or the range of an output
 * that gets its first scale, it waits for the layers in front.
 */
#include <stdlib.h>
#include <string.h>

#include "num/dither.h"
#include "process/stop.h"
#include "train_net/device_engine.h"
#include "train_net/ranges.h"

struct qmac_net_tensor qmac_net_device_tensor(const struct qmac_net_device_engine *engine, int layer,
                                              enum qmac_net_site site)
{
	const struct qmac_net_plan *plan = &engine->plan;

	return (struct qmac_net_tensor){
		.shape = layer < 0 ? plan->net->input : plan->layers[layer].out,
		.format = engine->formats.output[layer + 1], .rounding = engine->formats.activation_rounding,
		.key = qmac_dither_key(engine->of.run_seed, engine->of.step, qmac_net_site(layer, site)),
	};
}

static enum qmac_status put_images(struct qmac_net_device_engine *engine,
                                   const struct qmac_image_batch *batch, struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	const struct qmac_net_tensor input = qmac_net_device_tensor(engine, QMAC_NET_INPUT, QMAC_NET_SITE_OUTPUT);
	int64_t count = qmac_shape_count(input.shape), rest = (training->run->batch - batch->count) * count;

	memset(engine->codes + batch->count * count, 0, (size_t)rest * sizeof engine->codes[0]);
	if (!training->estimated)
		qmac_net_encode_images(&input, &training->images, batch, engine->codes);
	return qmac_net_put_input(&engine->plan, engine->codes, err);
}

/* ---- ranges ------------------------------------------------------------------------------------ */

enum qmac_status qmac_net_device_collect(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	struct qmac_driver *driver = engine->device.driver;
	enum qmac_status status = qmac_driver_finish(driver, err);

	for (int i = 0; !status && i < engine->watched_count; i++) {
		unsigned number = (unsigned)i + 1;

		*engine->watched[i] = qmac_net_scale_top(qmac_driver_monitor(driver, number));
		qmac_driver_clear_monitor(driver, number);
	}
	engine->watched_count = 0;
	return status;
}

enum qmac_status qmac_net_device_watch(struct qmac_net_device_engine *engine, int *top, unsigned *monitor,
                                       struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	if (engine->watched_count == QMAC_MONITORS - 2) /* one is left to find a range with */
		status = qmac_net_device_collect(engine, err);
	engine->watched[engine->watched_count++] = top;
	*monitor = (unsigned)engine->watched_count;
	return status;
}

enum qmac_status qmac_net_device_find_range(struct qmac_net_device_engine *engine,
                                            qmac_net_range_submit *submit, int layer, int shift, int *top,
                                            struct qmac_error *err)
{
	struct qmac_driver *driver = engine->device.driver;
	unsigned monitor = (unsigned)engine->watched_count + 1;
	enum qmac_status status = submit(&engine->plan, &engine->of, layer, shift, monitor, err);

	if (!status)
		status = qmac_driver_finish(driver, err);
	if (status)
		return status;
	*top = qmac_net_scale_top(qmac_driver_monitor(driver, monitor));
	qmac_driver_clear_monitor(driver, monitor);
	return QMAC_OK;
}

/* How large the codes of a tensor are, which the host looks at. */
static enum qmac_status measure(struct qmac_net_device_engine *engine, int tensor, struct qmac_error *err)
{
	const struct qmac_view *view = qmac_net_output(&engine->plan, tensor);
	int64_t count = qmac_net_count(view);
	uint64_t all = 0;
	int top = -1;

	if (count > engine->measured_room) {
		free(engine->measured);
		engine->measured_room = 0;
		engine->measured = malloc((size_t)count * sizeof engine->measured[0]);
		if (!engine->measured)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld codes", (long long)count);
		engine->measured_room = count;
	}
	qmac_net_get(engine->device.driver, view, engine->measured);
	for (int64_t i = 0; i < count; i++)
		all |= (uint64_t)(engine->measured[i] < 0 ? -engine->measured[i] : engine->measured[i]);
	for (; all; all >>= 1)
		top++;
	engine->training->tops[tensor + 1] = top;
	engine->training->host_flops += (uint64_t)count;
	return QMAC_OK;
}

static enum qmac_status measure_all(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	for (int t = -1; !status && t < engine->plan.net->layer_count; t++)
		if (t < 0 || engine->plan.flow.layers[t].merged_into == QMAC_NET_NONE)
			status = measure(engine, t, err);
	return status;
}

/* ---- layers ------------------------------------------------------------------------------------ */

/* The batch norm that a layer is, or that is merged into it; QMAC_NET_NONE. */
static int norm_at(const struct qmac_net_device_engine *engine, int layer)
{
	const struct qmac_net_flow_layer *flow = &engine->plan.flow.layers[layer];

	if (engine->plan.net->layers[layer].kind == QMAC_LAYER_BATCH_NORM)
		return flow->merged_into == QMAC_NET_NONE ? layer : QMAC_NET_NONE;
	return flow->merged;
}

static bool has_scale(const struct qmac_net_device_engine *engine, int layer)
{
	return qmac_net_ranges_has_own(engine->plan.net, layer) &&
	       engine->plan.flow.layers[layer].merged_into == QMAC_NET_NONE;
}

/* The first scale of an output, by a sum that is made for it and made again later. */
static enum qmac_status find_scale(struct qmac_net_device_engine *engine, int layer, struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	int norm = norm_at(engine, layer), bias = training->net.layers[layer].bias, shift, top = -1, sum_fl;
	enum qmac_status status = qmac_driver_finish(engine->device.driver, err);

	/* it lies as what it is added to, whose scale is another one than when the weights came */
	if (!status && norm == QMAC_NET_NONE && bias != QMAC_NET_NONE)
		status = qmac_net_device_load_again(engine, bias, err);
	if (!status && norm != QMAC_NET_NONE)
		(void)qmac_net_device_norm_apply(engine, norm);
	sum_fl = qmac_net_layer_sum_fl(&engine->plan, &engine->of, layer);
	shift = qmac_net_layer_range_shift(&engine->plan, layer);
	if (!status)
		status = qmac_net_device_find_range(engine, qmac_net_submit_layer_range, layer, shift, &top, err);
	if (status || training->estimated)
		return status;
	qmac_net_ranges_set(training, layer, sum_fl - shift, top);
	return qmac_net_device_reopen(engine, err);
}

static enum qmac_status submit_layer(struct qmac_net_device_engine *engine, int layer, bool calibrates,
                                     struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	int norm = norm_at(engine, layer);
	unsigned monitor = 0;
	enum qmac_status status = QMAC_OK;

	if (norm != QMAC_NET_NONE)
		status = qmac_net_device_norm_measure(engine, norm, err);
	if (!status && calibrates && has_scale(engine, layer))
		status = find_scale(engine, layer, err);
	if (!status && norm != QMAC_NET_NONE)
		qmac_net_device_count_saturations(engine, norm, qmac_net_device_norm_apply(engine, norm));
	if (!status && training->ranges == QMAC_NET_RANGES_DELAY && has_scale(engine, layer))
		status = qmac_net_device_watch(engine, &training->tops[layer + 1], &monitor, err);
	return status ? status : qmac_net_submit_layer(&engine->plan, &engine->of, layer, monitor, err);
}

/* The layers of a minibatch of the training. */
static enum qmac_status run_training(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	bool delays = training->ranges == QMAC_NET_RANGES_DELAY, calibrates = delays && !engine->begun;
	enum qmac_status status = QMAC_OK;

	if (!delays && engine->norms.count == 0)
		return qmac_net_submit_forward(&engine->plan, &engine->of, err);
	for (int l = 0; !status && l < training->net.layer_count; l++)
		status = submit_layer(engine, l, calibrates, err);
	return status ? status : qmac_net_device_collect(engine, err);
}

static void count_minibatch(const struct qmac_net_device_engine *engine, int64_t images)
{
	struct qmac_net_training *training = engine->training;
	int last = training->net.layer_count - 1;

	training->host_flops += (uint64_t)(images * (2 * qmac_shape_count(training->net.input) +
	                                             qmac_shape_count(engine->plan.layers[last].out)));
}

/* Images, all layers, the logits' codes, and what the host looks at. */
static enum qmac_status run_forward(struct qmac_net_device_engine *engine,
                                    const struct qmac_image_batch *batch, bool trains, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	enum qmac_status status = put_images(engine, batch, err);

	qmac_net_forward_counts_as(&engine->plan, trains ? QMAC_DIRECTION_FORWARD : QMAC_DIRECTION_EVAL);
	if (!status)
		status = trains ? run_training(engine, err) :
		         qmac_net_submit_forward(&engine->plan, &engine->of, err);
	if (!status)
		status = qmac_driver_finish(engine->device.driver, err);
	if (status)
		return status;
	qmac_net_get(engine->device.driver, qmac_net_output(&engine->plan, training->net.layer_count - 1),
	             engine->output);
	if (trains)
		count_minibatch(engine, batch->count);
	return trains && training->measured ? measure_all(engine, err) : QMAC_OK;
}

/* The same, or what it costs; *recalled: that of all of the minibatch is known. */
static enum qmac_status recall_forward(struct qmac_net_device_engine *engine,
                                       const struct qmac_image_batch *batch, bool trains, bool *recalled,
                                       struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	const struct qmac_net_recall_key test = {.what = QMAC_NET_RECALL_TEST}, train = {
		.what = QMAC_NET_RECALL_TRAIN, .begun = engine->begun, .measured = training->measured,
		.updates = training->masters && training->step.rate != 0,
	};

	*recalled = qmac_net_recall_find(engine->recall, trains ? &train : &test);
	if (*recalled) {
		qmac_net_recall_add(engine->recall, 0);
		return QMAC_OK;
	}
	qmac_net_recall_watch(engine->recall, 0);
	return qmac_net_recall_keep(engine->recall, run_forward(engine, batch, trains, err));
}

enum qmac_status qmac_net_device_forward(struct qmac_net_engine *base, const struct qmac_image_batch *batch,
                                         enum qmac_net_purpose purpose, float *logits, struct qmac_error *err)
{
	struct qmac_net_device_engine *engine = (struct qmac_net_device_engine *)base;
	struct qmac_net_training *training = engine->training;
	bool trains = purpose == QMAC_NET_TRAIN;
	int last = training->net.layer_count - 1;
	struct qmac_net_tensor output;
	enum qmac_status status = trains ? qmac_net_device_reopen(engine, err) : QMAC_OK;

	if (status)
		return status;
	qmac_net_device_reset(engine);
	status = qmac_net_device_prepare(engine, trains ? QMAC_NET_LOADED_TRAIN : QMAC_NET_LOADED_EVALUATE, err);
	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
	engine->of.step = trains ? engine->minibatches :
	                  QMAC_NET_EVALUATION_STEPS + (uint32_t)(batch->first / training->run->batch);
	if (!status)
		status = recall_forward(engine, batch, trains, &engine->recalled, err);
	if (status || training->estimated)
		return status;
	output = qmac_net_device_tensor(engine, last, QMAC_NET_SITE_OUTPUT);
	qmac_net_decode(&output, engine->output, batch->count, logits);
	return QMAC_OK;
}
