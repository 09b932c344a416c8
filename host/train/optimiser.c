#include "train/optimiser.h"

#include "train/engine.h"

/* W <- W - alpha ( mean over the batch of x_i^T r_i + lambda W ) */
static enum qmac_status begin_sgd(struct qmac_training *training, bool *moves, struct qmac_error *err)
{
	(void)err;
	*moves = true;
	training->keep_after = training->run->inner_steps;
	training->engine->operations->begin(training->engine, NULL);
	return QMAC_OK;
}

/*
 * The next centre is taken after all of the epoch's inner steps under option I, after a number drawn
 * from 0 .. inner_steps-1 under option II.
 */
static int64_t draw_keep_after(struct qmac_training *training)
{
	if (training->run->option == QMAC_OPTION_I)
		return training->run->inner_steps;
	return (int64_t)qmac_random_below(&training->option, (uint64_t)training->run->inner_steps);
}

/*
 * Z <- Z - alpha ( mean over the batch of x_i^T (r_i less that of the centre) + lambda Z + grad f(w) ),
 * Z the way from the centre w.
 */
static enum qmac_status begin_svrg(struct qmac_training *training, bool *moves, struct qmac_error *err)
{
	const struct qmac_engine_operations *engine = training->engine->operations;
	enum qmac_status status = engine->take_gradient(training->engine, err);

	if (status != QMAC_OK)
		return status;
	*moves = training->estimated ||
	         training->precision.operations->next(&training->precision, training->norm);
	if (!*moves)
		return QMAC_OK;
	training->keep_after = draw_keep_after(training);
	engine->begin(training->engine, training->gradient);
	return QMAC_OK;
}

const struct qmac_optimiser_operations qmac_sgd = {.name = "sgd", .begin_epoch = begin_sgd};
const struct qmac_optimiser_operations qmac_svrg = {
	.name = "svrg", .reduces = true, .begin_epoch = begin_svrg,
};

/* Steps from `within` to the next checkpoint within the epoch, or to its end. */
static int64_t next_steps(const struct qmac_training *training)
{
	int64_t left = training->run->inner_steps - training->within, between = training->run->checkpoint_steps;

	if (between == 0)
		return left;
	between -= training->within % between;
	return between < left ? between : left;
}

enum qmac_status qmac_optimiser_epoch(struct qmac_training *training, bool *done, struct qmac_error *err)
{
	const struct qmac_engine_operations *engine = training->engine->operations;
	int64_t steps = training->run->inner_steps, count = next_steps(training);
	enum qmac_status status = QMAC_OK;
	bool moves = true;

	*done = false;
	if (training->within == 0)
		status = training->optimiser->begin_epoch(training, &moves, err);
	if (status == QMAC_OK && moves)
		status = engine->run(training->engine, training->within, count, err);
	if (status != QMAC_OK)
		return status;
	training->within += count;
	*done = !moves || training->within == steps;
	if (!*done)
		return QMAC_OK;
	training->within = 0;
	if (!moves)
		return QMAC_OK;
	engine->end(training->engine);
	training->step += steps;
	training->data_passes += (double)(steps * training->run->batch) / (double)training->data.samples;
	return QMAC_OK;
}
