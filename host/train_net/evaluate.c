/* The figures of weights that are there: qmac_net_evaluate() of train.h. */
#include "train_net/precision.h"
#include "train_net/setup.h"
#include "train_net/train.h"

/* What was read may be of a training that ended in float32. */
static enum qmac_status end_formats(struct qmac_net_training *training, const struct qmac_trained_net *read,
                                    struct qmac_error *err)
{
	training->in_float = training->formats && !read->formats;
	if (training->in_float && training->run->precision_policy != QMAC_POLICY_MUPPET)
		return qmac_fail(err, QMAC_BAD_INPUT, "the weights have no formats: they are not of a run with"
		                 " precision.policy: %s", qmac_run_method(training->run));
	return QMAC_OK;
}

enum qmac_status qmac_net_evaluate(const struct qmac_run *run, const struct qmac_hw *hw,
                                   enum qmac_status (*read)(void *context, struct qmac_trained_net *trained,
                                                            struct qmac_error *err),
                                   void *context, struct qmac_net_figures *figures, struct qmac_error *err)
{
	struct qmac_net_precision *precision = NULL;
	struct qmac_net_engine *engine = NULL;
	struct qmac_net_training training;
	struct qmac_trained_net trained;
	struct qmac_net_room room = {0};
	enum qmac_status status = qmac_net_setup(&training, run, err);

	if (!status)
		status = qmac_net_precision_create(&training, NULL, &precision, err);
	if (!status)
		trained = (struct qmac_trained_net){training.net, training.weights, training.masters,
		                                    training.statistics, training.formats, training.outputs};
	if (!status)
		status = read(context, &trained, err);
	if (!status)
		status = end_formats(&training, &trained, err);
	if (!status)
		status = qmac_net_room_create(&room, &training, err);
	if (!status)
		status = qmac_net_engine_of(run)->create(&training, hw, NULL, &engine, err);
	if (!status)
		status = engine->operations->load(engine, err);
	if (!status)
		status = qmac_net_test(engine, &training, &room, figures, err);
	if (engine)
		engine->operations->destroy(engine);
	qmac_net_precision_destroy(precision);
	qmac_net_room_free(&room);
	qmac_net_training_free(&training);
	return status;
}
