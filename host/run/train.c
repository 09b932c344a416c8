#include "run/train.h"

#include <string.h>

#include "train/convex.h"
#include "train_net/train.h"

enum qmac_status qmac_train(const struct qmac_run *run, const struct qmac_hw *hw,
                            const struct qmac_train_observer *observer, struct qmac_train_result *result,
                            struct qmac_error *err)
{
	return run->network[0] ? qmac_net_train(run, hw, false, NULL, observer, result, err) :
	       qmac_convex_train(run, hw, false, observer, result, err);
}

enum qmac_status qmac_estimate(const struct qmac_run *run, const struct qmac_hw *hw,
                               const struct qmac_recorded *recorded,
                               const struct qmac_train_observer *observer, struct qmac_train_result *result,
                               struct qmac_error *err)
{
	if (!run->network[0])
		return qmac_convex_train(run, hw, true, observer, result, err);
	if (qmac_run_uses_device(run) && (recorded || run->precision_policy == QMAC_POLICY_FIXED))
		return qmac_net_train(run, hw, true, recorded, observer, result, err);
	memset(result, 0, sizeof *result);
	if (qmac_run_uses_device(run))
		return qmac_fail(err, QMAC_BAD_INPUT, "precision.policy: with %s the training itself chooses the"
		                 " formats: estimate a run that is done, by its folder in place of the run file, or"
		                 " set fixed", qmac_run_method(run));
	return qmac_fail(err, QMAC_BAD_INPUT, "there is nothing to estimate: a network with precision.policy %s"
	                 " does not use the device", qmac_run_method(run));
}
