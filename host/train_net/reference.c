#include "train_net/reference.h"

#include <stdlib.h>

#include "net/values.h"
#include "train_net/engine.h"

/* A training of its own, which borrows network, images and values, and changes nothing of them. */
static void borrow(const struct qmac_net_training *from, int bits, struct qmac_run *run,
                   struct qmac_net_training *own)
{
	*run = *from->run;
	run->precision_policy = QMAC_POLICY_FIXED;
	run->precision_bw = bits;
	run->precision_fl = bits / 2;
	run->precision_fl_rule = QMAC_FL_GIVEN;
	run->precision_err_bits = bits;
	run->update = QMAC_UPDATE_HOST;
	*own = (struct qmac_net_training){
		.run = run, .estimated = true, .steady = true, .passing = true, .unbounded = true, .dy_bits = bits,
		.net = from->net, .images = from->images, .weights = from->weights, .statistics = from->statistics,
		.weight_count = qmac_net_parameter_at(&from->net, from->net.parameter_count),
	};
}

/* What the device spends for a minibatch: for each one, as all begin with a reset. */
static enum qmac_status time_minibatch(struct qmac_net_engine *engine, struct qmac_net_training *own,
                                       enum qmac_net_purpose purpose, float *logits,
                                       uint64_t spent[QMAC_COUNTS], struct qmac_error *err)
{
	const struct qmac_image_batch images = {.first = 0, .count = own->run->batch};
	enum qmac_status status;

	qmac_records_begin(&own->records, 0);
	status = engine->operations->forward(engine, &images, purpose, logits, err);
	if (!status && purpose == QMAC_NET_TRAIN)
		status = engine->operations->backward(engine, logits, err);
	qmac_records_add(&own->records, spent);
	return status;
}

static enum qmac_status time_all(struct qmac_net_engine *engine, struct qmac_net_training *own, float *logits,
                                 struct qmac_net_reference *reference, struct qmac_error *err)
{
	enum qmac_status status = engine->operations->load(engine, err);

	if (!status)
		status = time_minibatch(engine, own, QMAC_NET_TRAIN, logits, reference->training, err);
	return status ? status :
	       time_minibatch(engine, own, QMAC_NET_EVALUATE, logits, reference->inference, err);
}

enum qmac_status qmac_net_reference_find(const struct qmac_net_training *training, const struct qmac_hw *hw,
                                         int bits, struct qmac_net_reference *reference,
                                         struct qmac_error *err)
{
	const struct qmac_net *net = &training->net;
	int64_t outputs = training->run->batch * qmac_shape_count(qmac_net_shape(net, net->layer_count - 1));
	struct qmac_run *run = malloc(sizeof *run);
	float *logits = calloc((size_t)outputs, sizeof *logits);
	struct qmac_net_engine *engine = NULL;
	struct qmac_hw wide = *hw;
	struct qmac_net_training own = {.formats = NULL};
	enum qmac_status status = QMAC_OK;

	*reference = (struct qmac_net_reference){{0}, {0}};
	wide.acc_bits = QMAC_NET_WIDE_ACC_BITS;
	if (run)
		borrow(training, bits, run, &own);
	own.formats = calloc((size_t)net->parameter_count + 1, sizeof own.formats[0]);
	if (!run || !logits || !own.formats)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for minibatches of %lld",
		                   (long long)training->run->batch);
	for (int p = 0; !status && p < net->parameter_count; p++)
		if (qmac_net_has_codes(&net->parameters[p]))
			own.formats[p] = (struct qmac_format){bits, bits / 2};
	if (!status)
		status = qmac_net_device_engine.create(&own, &wide, NULL, &engine, err);
	if (!status)
		status = time_all(engine, &own, logits, reference, err);
	if (engine)
		engine->operations->destroy(engine);
	qmac_records_free(&own.records);
	free(own.formats);
	free(logits);
	free(run);
	return status;
}
