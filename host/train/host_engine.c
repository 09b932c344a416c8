/*
 * Inner steps in double on the host. With variance reduction Z is kept apart from the centre w: so its
 * digits are not lost in those of w.
 */
#include <stdlib.h>
#include <string.h>

#include "process/stop.h"
#include "train/engine.h"
#include "train/optimiser.h"

struct host_engine {
	struct qmac_engine base;
	struct qmac_training *training;
	double *z, *h, *kept, *move; /* weights each: Z, alpha grad f(w), Z at keep_after, a step's sum */
	double *row;               /* inputs: room for a row of the data */
	/* of the running epoch */
	double *at;                /* what the steps move: w or z */
	const double *offset;      /* NULL or h */
	qmac_residual_of *residual;
};

static struct host_engine *engine_of(struct qmac_engine *engine)
{
	return (struct host_engine *)engine;
}

static void destroy(struct qmac_engine *engine)
{
	struct host_engine *host = engine_of(engine);

	free(host->z);
	free(host->h);
	free(host->kept);
	free(host->move);
	free(host->row);
	free(host);
}

/* One layer, which spends nothing on the device. */
static enum qmac_status create_records(struct qmac_training *training, struct qmac_error *err)
{
	enum qmac_status status = qmac_records_create(&training->records, 1, err);

	if (status == QMAC_OK)
		qmac_training_name_layer(training, 0, training->loss->layer.name, 0);
	return status;
}

static enum qmac_status create(struct qmac_training *training, const struct qmac_hw *hw,
                               const struct qmac_train_observer *observer, struct qmac_engine **engine,
                               struct qmac_error *err)
{
	struct host_engine *host = calloc(1, sizeof *host);
	size_t weights = (size_t)training->weights;

	(void)hw;
	(void)observer;
	if (!host)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a run");
	host->base.operations = &qmac_host_engine;
	host->training = training;
	host->z = calloc(weights, sizeof(double));
	host->h = calloc(weights, sizeof(double));
	host->kept = calloc(weights, sizeof(double));
	host->move = calloc(weights, sizeof(double));
	host->row = calloc((size_t)training->data.features, sizeof(double));
	if (!host->z || !host->h || !host->kept || !host->move || !host->row) {
		destroy(&host->base);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights", (long long)training->weights);
	}
	*engine = &host->base;
	return create_records(training, err);
}

static enum qmac_status take_gradient(struct qmac_engine *engine, struct qmac_error *err)
{
	(void)err;
	qmac_training_use_gradient(engine_of(engine)->training);
	return QMAC_OK;
}

/* Steps move w, or z against the centre w. */
static void aim(struct host_engine *host, bool reduces)
{
	host->at = reduces ? host->z : host->training->w;
	host->offset = reduces ? host->h : NULL;
	host->residual = reduces ? qmac_loss_centred : qmac_loss_residual;
}

static void begin(struct qmac_engine *engine, const double *gradient)
{
	struct host_engine *host = engine_of(engine);
	size_t bytes = (size_t)host->training->weights * sizeof(double);

	aim(host, gradient != NULL);
	if (!gradient || host->training->estimated)
		return;
	memset(host->z, 0, bytes);
	memset(host->kept, 0, bytes);
	for (int64_t k = 0; k < host->training->weights; k++)
		host->h[k] = host->training->run->alpha * gradient[k];
}

/* All of the batch is taken at the place that the step starts from. */
static void step(struct host_engine *host)
{
	struct qmac_training *training = host->training;
	const struct qmac_run *run = training->run;
	const struct qmac_loss *loss = training->loss;
	double scale = run->alpha / (double)run->batch, decay = run->alpha * run->lambda;
	double *at = host->at, r[QMAC_CLASSES_MAX];

	memset(host->move, 0, (size_t)training->weights * sizeof host->move[0]);
	for (int64_t b = 0; b < run->batch; b++) {
		int64_t i = qmac_training_sample(training);
		const double *x = qmac_dataset_row(&training->data, i, host->row);

		qmac_layer_forward(&loss->layer, x, at, r);
		host->residual(loss, i, r, r);
		for (int c = 0; c < loss->layer.outputs; c++)
			r[c] *= scale;
		qmac_layer_add_gradient(&loss->layer, x, r, host->move);
	}
	for (int64_t k = 0; k < training->weights; k++) {
		double move = host->move[k];

		if (decay != 0)
			move += decay * at[k];
		if (host->offset)
			move += host->offset[k];
		at[k] -= move;
	}
}

static enum qmac_status run_steps(struct qmac_engine *engine, int64_t first, int64_t count,
                                  struct qmac_error *err)
{
	struct host_engine *host = engine_of(engine);
	struct qmac_training *training = host->training;
	const struct qmac_loss *loss = training->loss;

	for (int64_t t = first + 1; !training->estimated && t <= first + count; t++) {
		if (qmac_stop_is_due())
			return qmac_stop_give_up(err);
		step(host);
		if (t == training->keep_after)
			memcpy(host->kept, host->at, (size_t)training->weights * sizeof(double));
	}
	training->host_flops += (uint64_t)count * loss->operations->step_flops(&loss->layer,
	                                                                       (uint64_t)training->run->batch,
	                                                                       host->offset != NULL);
	return QMAC_OK;
}

static void end(struct qmac_engine *engine)
{
	struct host_engine *host = engine_of(engine);
	struct qmac_training *training = host->training;

	if (!host->offset)
		return;
	for (int64_t k = 0; !training->estimated && k < training->weights; k++)
		training->w[k] += host->kept[k];
	training->host_flops += 2 * (uint64_t)training->weights;
}

static void cost(struct qmac_engine *engine, struct qmac_metrics *metrics)
{
	(void)engine;
	(void)metrics;
}

static void state(struct qmac_engine *engine, struct qmac_state *into)
{
	struct host_engine *host = engine_of(engine);
	size_t bytes = (size_t)host->training->weights * sizeof(double);

	if (host->training->run->checkpoint_steps == 0)
		return;
	qmac_state_add(into, "z", host->z, bytes);
	qmac_state_add(into, "h", host->h, bytes);
	qmac_state_add(into, "kept", host->kept, bytes);
}

static void reset(struct qmac_engine *engine)
{
	(void)engine;
}

static enum qmac_status resume(struct qmac_engine *engine, struct qmac_error *err)
{
	(void)err;
	aim(engine_of(engine), engine_of(engine)->training->optimiser->reduces);
	return QMAC_OK;
}

static const char *kernel(const struct qmac_engine *engine)
{
	(void)engine;
	return "";
}

const struct qmac_engine_operations qmac_host_engine = {
	.create = create, .destroy = destroy, .take_gradient = take_gradient, .begin = begin, .run = run_steps,
	.end = end, .cost = cost, .state = state, .reset = reset, .resume = resume, .kernel = kernel,
};
