#include "run/evaluate.h"

#include "config/hw_file.h"
#include "report/tensors.h"
#include "train_net/train.h"

/* For qmac_net_evaluate(): the weights come from the folder. */
static enum qmac_status read_weights(void *context, struct qmac_trained_net *trained, struct qmac_error *err)
{
	return qmac_tensors_read(context, trained, err);
}

enum qmac_status qmac_run_evaluate(const struct qmac_run_config *config, const char *folder,
                                   struct qmac_net_figures *figures, struct qmac_error *err)
{
	struct qmac_hw_file hw;
	char path[QMAC_PATH_MAX];
	enum qmac_status status;

	if (!config->run.network[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "only a network can be evaluated without a training: %.200s has"
		                 " no key network", config->file);
	snprintf(path, sizeof path, "%s", folder);
	status = qmac_hw_file_load(&hw, config->run.hw, err);
	return status ? status : qmac_net_evaluate(&config->run, &hw.hw, read_weights, path, figures, err);
}
