/* Masters that the device updates, for its engine. */
#include "net/values.h"
#include "train_net/device_engine.h"
#include "train_net/weights.h"

enum qmac_status qmac_net_device_put_masters(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_training *training = engine->training;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && training->masters && p < training->net.parameter_count; p++) {
		int64_t at = qmac_net_parameter_at(&training->net, p);

		status = qmac_net_put_master(&engine->plan, p, QMAC_NET_MASTER, training->masters + at, err);
		if (!status)
			status = qmac_net_put_master(&engine->plan, p, QMAC_NET_VELOCITY, engine->velocities + at, err);
	}
	return status;
}

static enum qmac_status get(struct qmac_net_device_engine *engine, enum qmac_net_master which,
                            int32_t *values, struct qmac_error *err)
{
	const struct qmac_net *net = &engine->training->net;
	enum qmac_status status = QMAC_OK;

	for (int p = 0; !status && values && p < net->parameter_count; p++)
		status = qmac_net_get_master(&engine->plan, p, which, values + qmac_net_parameter_at(net, p), err);
	return status;
}

enum qmac_status qmac_net_device_get_masters(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	enum qmac_status status = get(engine, QMAC_NET_MASTER, engine->training->masters, err);

	qmac_net_follow_masters(engine->training);
	return status;
}

enum qmac_status qmac_net_device_get_velocities(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	return get(engine, QMAC_NET_VELOCITY, engine->velocities, err);
}

enum qmac_status qmac_net_device_update(struct qmac_net_device_engine *engine, struct qmac_error *err)
{
	const struct qmac_net_step *step = &engine->training->step;
	enum qmac_status status = qmac_net_submit_update(&engine->plan, &engine->of, step, err);

	if (!status)
		status = qmac_driver_finish(engine->device.driver, err);
	/* without a rate masters stay */
	return status || step->rate == 0 ? status : qmac_net_device_get_masters(engine, err);
}
