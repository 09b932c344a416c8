/* What the engine of networks on the device begins with, and its end. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "train_net/device_engine.h"

/* ---- formats ---------------------------------------------------------------------------------- */

static enum qmac_status create_formats(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_run *run = engine->training->run;
	enum qmac_status status = qmac_net_formats_create(&engine->formats, &engine->training->net, err);

	engine->formats.err_bits = run->precision_err_bits;
	engine->formats.dy_bits = engine->training->dy_bits;
	engine->formats.unbounded = engine->training->unbounded;
	engine->formats.activation_rounding = run->precision_activation_rounding;
	engine->formats.error_rounding = run->precision_error_rounding;
	engine->formats.clip = run->precision_ste == QMAC_STE_CLIP;
	engine->formats.masters = engine->training->masters != NULL;
	engine->formats.ranged = engine->training->ranges != QMAC_NET_RANGES_NONE ||
	                         run->precision_fl_rule == QMAC_FL_CURRENT;
	return status;
}

/* Those of parameters and outputs. `most`: as wide, and with as many fraction bits, as they may become. */
static enum qmac_status set_formats(struct qmac_net_device_engine *engine, bool most, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	const struct qmac_format bare = {training->run->precision_bw, training->run->precision_fl};
	bool widest = most && training->widest.bw > 0;
	enum qmac_status status;

	for (int p = 0; p < net->parameter_count; p++) {
		struct qmac_format *format = &engine->formats.parameter[p];

		*format = training->formats[p];
		if (widest && qmac_net_has_codes(&net->parameters[p]))
			*format = (struct qmac_format){training->widths_stay ? format->bw : training->widest.bw,
			                               training->widest.fl};
	}
	if (training->outputs && !most) {
		memcpy(engine->formats.output, training->outputs,
		       ((size_t)net->layer_count + 1) * sizeof engine->formats.output[0]);
		return QMAC_OK;
	}
	status = qmac_net_formats_by_layer(&engine->formats, net, bare, err);
	for (int t = 0; !status && training->outputs && t <= net->layer_count; t++)
		if (engine->formats.output[t].fl < engine->formats.output[t].bw - 1)
			engine->formats.output[t].fl = engine->formats.output[t].bw - 1;
	return status;
}

/* As the records tell them. */
static void tell_formats(const struct qmac_net_device_engine *engine)
{
	const struct qmac_net *net = &engine->training->net;

	for (int l = 0; l < net->layer_count; l++) {
		const struct qmac_net_layer *layer = &net->layers[l];
		int parameter = layer->weight != QMAC_NET_NONE ? layer->weight : layer->bias;
		bool has_format = parameter != QMAC_NET_NONE && qmac_net_has_codes(&net->parameters[parameter]);
		struct qmac_layer_record *record = &engine->training->records.layer[l];

		record->x_bits = engine->formats.output[layer->input + 1].bw;
		if (!has_format)
			continue;
		record->w_bits = engine->formats.parameter[parameter].bw;
		record->delta = ldexp(1, -engine->formats.parameter[parameter].fl);
	}
}

static enum qmac_status create_records(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	enum qmac_status status = qmac_records_create(&training->records, net->layer_count, err);

	for (int l = 0; !status && l < net->layer_count; l++) {
		training->records.layer[l].delta = NAN;
		strcpy(training->records.layer[l].name, net->layers[l].name);
	}
	if (!status)
		tell_formats(engine);
	training->records.estimated = training->estimated;
	return status;
}

/* ---- the device ------------------------------------------------------------------------------- */

static enum qmac_status allocate(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	size_t layers = (size_t)net->layer_count, batch = (size_t)training->run->batch;
	size_t inputs = batch * (size_t)qmac_shape_count(net->input);
	size_t outputs = batch * (size_t)qmac_shape_count(qmac_net_shape(net, net->layer_count - 1));
	size_t largest = 0, most;

	for (int p = 0; p < net->parameter_count; p++)
		if ((size_t)net->parameters[p].count > largest)
			largest = (size_t)net->parameters[p].count;
	most = inputs > outputs ? inputs : outputs;
	most = most > largest ? most : largest;
	engine->of = (struct qmac_net_minibatch){
		.run_seed = training->run->seed, .fl = calloc(layers, sizeof(int)),
		.sum_fl = calloc(layers, sizeof(int)), .back_fl = calloc(layers, sizeof(int)),
	};
	engine->scales = calloc(layers, sizeof engine->scales[0]);
	engine->watched = calloc(QMAC_MONITORS, sizeof engine->watched[0]);
	engine->codes = calloc(most, sizeof engine->codes[0]);
	engine->output = calloc(outputs, sizeof engine->output[0]);
	engine->weights = calloc(largest + 1, sizeof engine->weights[0]);
	engine->gradient = calloc((size_t)training->weight_count + 1, sizeof engine->gradient[0]);
	if (training->masters)
		engine->velocities = calloc((size_t)training->weight_count + 1, sizeof engine->velocities[0]);
	if (training->masters && !engine->velocities)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights",
		                 (long long)training->weight_count);
	if (engine->of.fl && engine->of.sum_fl && engine->of.back_fl && engine->scales && engine->watched &&
	    engine->codes && engine->output && engine->weights && engine->gradient)
		return QMAC_OK;
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for minibatches of %zu", batch);
}

/* Every tensor gets a place for the widest formats; programs are made for those of now. */
static enum qmac_status open_device(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	struct qmac_net_plan *plan = &engine->plan;
	enum qmac_status status = set_formats(engine, true, err);

	if (!status)
		status = qmac_net_plan_make(plan, &training->net, &engine->formats, training->run->batch,
		                            &engine->hw, err);
	plan->passing = training->passing;
	if (!status)
		status = qmac_train_device_open(&engine->device, training->run, &engine->hw,
		                                qmac_net_plan_bytes(plan), err);
	if (!status)
		status = set_formats(engine, false, err);
	if (!status)
		status = qmac_net_plan_open(plan, engine->device.driver, err);
	if (!status)
		status = qmac_net_load_constants(plan, err);
	return status ? status : qmac_net_device_put_masters(engine, err);
}

enum qmac_status qmac_net_device_reopen(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	const struct qmac_net *net = &training->net;
	size_t size = sizeof training->formats[0];
	enum qmac_status status;

	if (!memcmp(engine->formats.parameter, training->formats, (size_t)net->parameter_count * size) &&
	    (!training->outputs ||
	     !memcmp(engine->formats.output, training->outputs, ((size_t)net->layer_count + 1) * size)))
		return QMAC_OK;
	status = set_formats(engine, false, err);
	tell_formats(engine);
	if (!status)
		status = qmac_net_plan_renew(&engine->plan, err);
	return status ? status : qmac_net_load_constants(&engine->plan, err);
}

enum qmac_status qmac_net_device_create(struct qmac_net_training *training, const struct qmac_hw *hw,
                                        const struct qmac_train_observer *observer,
                                        struct qmac_net_engine **made, struct qmac_error *err)
{
	struct qmac_net_device_engine *engine = calloc(1, sizeof *engine);
	enum qmac_status status;

	if (!engine)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	engine->base.operations = &qmac_net_device_engine;
	engine->training = training;
	engine->begun = training->steady;
	engine->hw = *hw;
	engine->device = (struct qmac_train_device){.observer = observer, .records = &training->records,
	                                            .estimated = training->estimated};
	status = create_formats(engine, err);
	if (!status)
		status = set_formats(engine, false, err);
	if (!status)
		status = allocate(engine, err);
	if (!status)
		status = qmac_net_device_norms_create(engine, err);
	if (!status)
		status = create_records(engine, err);
	/* who watches single commands is to see all of them */
	engine->device.once = training->estimated && !(observer && observer->on_retire);
	if (!status)
		status = open_device(engine, err);
	if (!status && engine->device.once)
		engine->recall = qmac_net_recall_create(training, &engine->formats, &engine->device);
	if (status)
		qmac_net_device_destroy(&engine->base);
	else
		*made = &engine->base;
	return status;
}

void qmac_net_device_destroy(struct qmac_net_engine *base)
{
	struct qmac_net_device_engine *engine = (struct qmac_net_device_engine *)base;

	if (engine->plan.net)
		qmac_net_plan_free(&engine->plan);
	qmac_net_recall_destroy(engine->recall);
	qmac_train_device_close(&engine->device);
	qmac_net_formats_free(&engine->formats);
	qmac_net_device_norms_free(engine);
	free(engine->of.fl);
	free(engine->of.sum_fl);
	free(engine->of.back_fl);
	free(engine->scales);
	free(engine->watched);
	free(engine->codes);
	free(engine->measured);
	free(engine->output);
	free(engine->weights);
	free(engine->gradient);
	free(engine->velocities);
	free(engine);
}
