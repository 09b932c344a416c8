#include "train_net/setup.h"

#include <stdlib.h>
#include <string.h>

#include "config/milestones.h"
#include "config/net_file.h"
#include "data/normal.h"
#include "net/values.h"
#include "process/stop.h"
#include "train_net/weights.h"

/* ---- network and images ------------------------------------------------------------- */

static enum qmac_status refuse_shape(const struct qmac_net_training *training, struct qmac_shape images,
                                     struct qmac_error *err)
{
	char want[QMAC_SHAPE_TEXT], have[QMAC_SHAPE_TEXT], how[64] = "";
	struct qmac_shape input = training->net.input;

	if (input.channels == images.channels && input.height == input.width)
		snprintf(how, sizeof how, ": set resize to %lld", (long long)input.height);
	return qmac_fail(err, QMAC_BAD_INPUT, "network: %s takes %s, the images are %s%s", training->net.name,
	                 qmac_shape_text(input, want), qmac_shape_text(images, have), how);
}

/* Do network and images go together? */
static enum qmac_status check_fit(const struct qmac_net_training *training, struct qmac_error *err)
{
	const struct qmac_dataset *data = &training->images.data;
	const struct qmac_net *net = &training->net;
	struct qmac_shape images = {data->channels, data->height, data->width};
	struct qmac_shape logits = qmac_net_shape(net, net->layer_count - 1);
	int64_t step = training->run->batch * training->run->accumulate;
	char have[QMAC_SHAPE_TEXT];

	if (!qmac_shape_is(net->input, images))
		return refuse_shape(training, images, err);
	if (logits.height != 1 || logits.width != 1 || logits.channels != data->classes)
		return qmac_fail(err, QMAC_BAD_INPUT, "network: the last layer of %s gives %s, but the data have %d"
		                 " classes: `classes: %d` makes it give as many", net->name,
		                 qmac_shape_text(logits, have), data->classes, data->classes);
	if (step > data->samples)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "batch: batch * accumulate = %lld images a step are more than the"
		                 " %lld of the training part: lower one of them", (long long)step,
		                 (long long)data->samples);
	if (training->run->inner_steps > data->samples / step)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "inner_steps: %lld are more than the %lld steps of %lld images that the training"
		                 " part has; lower it, or raise epochs", (long long)training->run->inner_steps,
		                 (long long)(data->samples / step), (long long)step);
	return QMAC_OK;
}

/* ---- initial values ------------------------------------------------------------------- */

static void draw(struct qmac_net_training *training, int p, struct qmac_random *random)
{
	const struct qmac_net_parameter *parameter = &training->net.parameters[p];
	int64_t fan_in = parameter->count / parameter->dims[0];
	float *w = training->weights + qmac_net_parameter_at(&training->net, p);

	for (int64_t i = 0; i < parameter->count; i++)
		switch (parameter->role) {
		case QMAC_ROLE_WEIGHT:
			w[i] = (float)qmac_truncated_normal(random, training->run->init_gain, fan_in);
			break;
		case QMAC_ROLE_BIAS:
			w[i] = (float)((2 * qmac_random_uniform(random) - 1) * training->run->init_biases);
			break;
		case QMAC_ROLE_GAMMA:
			w[i] = 1;
			break;
		case QMAC_ROLE_BETA:
			w[i] = 0;
			break;
		}
}

static enum qmac_status initialise(struct qmac_net_training *training, struct qmac_error *err)
{
	const struct qmac_net *net = &training->net;
	int64_t statistics = qmac_net_statistics_at(net, net->layer_count);
	struct qmac_random random = qmac_random_stream(training->run->seed, QMAC_STREAM_WEIGHTS);

	training->weight_count = qmac_net_parameter_at(net, net->parameter_count);
	training->weights = calloc((size_t)training->weight_count + 1, sizeof training->weights[0]);
	training->statistics = calloc((size_t)statistics + 1, sizeof training->statistics[0]);
	if (!training->weights || !training->statistics)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights",
		                 (long long)training->weight_count);
	for (int p = 0; p < net->parameter_count; p++)
		draw(training, p, &random);
	for (int l = 0; l < net->layer_count; l++)
		for (int64_t c = 0;
		     net->layers[l].kind == QMAC_LAYER_BATCH_NORM && c < net->layers[l].out.channels; c++)
			training->statistics[qmac_net_statistics_at(net, l) + net->layers[l].out.channels + c] = 1;
	return QMAC_OK;
}

/* The device's masters begin as the codes of the initial weights. */
static enum qmac_status create_masters(struct qmac_net_training *training, struct qmac_error *err)
{
	const struct qmac_format format = {QMAC_NET_MASTER_BITS, QMAC_NET_MASTER_FL};
	enum qmac_status status;

	if (training->run->update != QMAC_UPDATE_DEVICE || training->run->precision_policy == QMAC_POLICY_FLOAT)
		return QMAC_OK;
	training->masters = calloc((size_t)training->weight_count + 1, sizeof training->masters[0]);
	if (!training->masters)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights",
		                 (long long)training->weight_count);
	status = qmac_format_encode_floats(format, QMAC_ROUND_NEAREST, 0, training->weights,
	                                   training->weight_count, training->masters, NULL, err);
	qmac_net_follow_masters(training);
	return status;
}

static bool has_kind(const struct qmac_net *net, enum qmac_layer_kind kind)
{
	for (int l = 0; l < net->layer_count; l++)
		if (net->layers[l].kind == kind)
			return true;
	return false;
}

/* What the run leaves to the network: 0 and `auto`. */
static void resolve_keys(struct qmac_net_training *training)
{
	const struct qmac_run *run = training->run;
	bool norms = has_kind(&training->net, QMAC_LAYER_BATCH_NORM);
	bool own = run->precision_policy == QMAC_POLICY_MUPPET ||
	           run->precision_activation_fl == QMAC_ACTIVATION_FL_OWN ||
	           (run->precision_activation_fl == QMAC_ACTIVATION_FL_AUTO && norms);
	bool delay = run->precision_activation_scale == QMAC_ACTIVATION_SCALE_DELAY ||
	             (run->precision_activation_scale == QMAC_ACTIVATION_SCALE_AUTO && norms);

	training->dy_bits = run->precision_dy_bits;
	if (!training->dy_bits)
		training->dy_bits = has_kind(&training->net, QMAC_LAYER_ADD) ? 16 : run->precision_err_bits;
	if (own && run->precision_policy != QMAC_POLICY_FLOAT)
		training->ranges = delay ? QMAC_NET_RANGES_DELAY : QMAC_NET_RANGES_EPOCH;
}

enum qmac_status qmac_net_setup(struct qmac_net_training *training, const struct qmac_run *run,
                                struct qmac_error *err)
{
	const struct qmac_net_options options = {
		.times = run->net_times, .classes = run->classes, .channels = run->net_channels,
	};
	enum qmac_status status;

	memset(training, 0, sizeof *training);
	training->run = run;
	status = qmac_net_load(&training->net, run->network, &options, err);
	if (!status)
		status = qmac_images_load(&training->images, run, err);
	if (!status)
		status = check_fit(training, err);
	if (!status)
		status = initialise(training, err);
	if (!status)
		resolve_keys(training);
	return status ? status : create_masters(training, err);
}

void qmac_net_training_free(struct qmac_net_training *training)
{
	qmac_net_free(&training->net);
	qmac_images_free(&training->images);
	free(training->weights);
	free(training->masters);
	free(training->statistics);
	free(training->formats);
	free(training->outputs);
	free(training->tops);
	free(training->wanted);
	qmac_records_free(&training->records);
}

enum qmac_status qmac_net_start_schedule(const struct qmac_run *run, struct qmac_schedule *schedule,
                                         struct qmac_error *err)
{
	static const enum qmac_schedule_kind kinds[] = {
		[QMAC_FALL_CONSTANT] = QMAC_SCHEDULE_CONSTANT, [QMAC_FALL_STEPS] = QMAC_SCHEDULE_STEPS,
		[QMAC_FALL_PLATEAU] = QMAC_SCHEDULE_PLATEAU,
	};
	struct qmac_schedule_settings settings = {
		.kind = kinds[run->schedule_kind], .lr = run->alpha, .factor = run->schedule_factor,
		.patience = run->schedule_patience, .threshold = run->schedule_threshold,
		.lr_min = run->schedule_lr_min,
	};
	enum qmac_status status = qmac_milestones_read(run->schedule_milestones, settings.milestones,
	                                               QMAC_MILESTONES_MAX, &settings.milestone_count, err);

	return status ? status : qmac_schedule_init(schedule, &settings, err);
}

const struct qmac_net_engine_operations *qmac_net_engine_of(const struct qmac_run *run)
{
	static const struct qmac_net_engine_operations *const engines[] = {
		[QMAC_POLICY_FLOAT] = &qmac_net_float_engine, [QMAC_POLICY_FIXED] = &qmac_net_device_engine,
		[QMAC_POLICY_ADAPT] = &qmac_net_device_engine, [QMAC_POLICY_MUPPET] = &qmac_net_phased_engine,
	};

	return engines[run->precision_policy];
}

/* ---- minibatches ------------------------------------------------------------------------ */

enum qmac_status qmac_net_room_create(struct qmac_net_room *room, const struct qmac_net_training *training,
                                      struct qmac_error *err)
{
	size_t batch = (size_t)training->run->batch, outputs = (size_t)training->images.data.classes;

	*room = (struct qmac_net_room){
		.logits = calloc(batch * outputs, sizeof room->logits[0]),
		.residual = calloc(batch * outputs, sizeof room->residual[0]),
		.classes = calloc(batch, sizeof room->classes[0]),
	};
	return room->logits && room->residual && room->classes ? QMAC_OK :
	       qmac_fail(err, QMAC_INTERNAL, "out of memory for minibatches of %zu", batch);
}

void qmac_net_room_free(struct qmac_net_room *room)
{
	free(room->logits);
	free(room->residual);
	free(room->classes);
}

void qmac_net_room_loss(struct qmac_net_room *room, const struct qmac_net_training *training,
                        const struct qmac_image_batch *batch, struct qmac_net_figures *figures,
                        float *residual)
{
	const struct qmac_dataset *data = &training->images.data;

	for (int64_t i = 0; i < batch->count; i++)
		room->classes[i] = (int)data->y[batch->rows ? batch->rows[batch->first + i] : batch->first + i];
	qmac_net_loss(training->run->softmax, room->logits, room->classes, batch->count, data->classes, figures,
	              residual);
}

enum qmac_status qmac_net_test(struct qmac_net_engine *engine, const struct qmac_net_training *training,
                               struct qmac_net_room *room, struct qmac_net_figures *figures,
                               struct qmac_error *err)
{
	const struct qmac_dataset *data = &training->images.data;
	int64_t end = data->samples + data->test_samples;
	enum qmac_status status = QMAC_OK;

	*figures = (struct qmac_net_figures){0};
	for (int64_t first = data->samples; !status && first < end; first += training->run->batch) {
		int64_t left = end - first, batch_size = training->run->batch;
		const struct qmac_image_batch batch = {.first = first,
		                                       .count = left < batch_size ? left : batch_size};

		status = engine->operations->forward(engine, &batch, QMAC_NET_EVALUATE, room->logits, err);
		if (!status && !training->estimated)
			qmac_net_room_loss(room, training, &batch, figures, NULL);
	}
	return status;
}
