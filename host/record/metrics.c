#include "record/metrics.h"

#include <stddef.h>
#include <string.h>

const struct qmac_figure_kind qmac_figure_kinds[QMAC_FIGURES] = {
	[QMAC_FIGURE_TRAIN_LOSS] = {"train_loss", "training loss", true, true},
	[QMAC_FIGURE_GRAD_NORM] = {"grad_norm", "gradient norm", true, true},
	[QMAC_FIGURE_TEST_LOSS] = {"test_loss", "test loss", false, true},
	[QMAC_FIGURE_TEST_ACCURACY] = {"test_accuracy", "test accuracy", false, false},
	[QMAC_FIGURE_DELTA] = {"delta", "quantum", false, true},
	[QMAC_FIGURE_TRAIN_ACCURACY] = {"train_accuracy", "training accuracy", false, false},
};

const struct qmac_figure_kind *qmac_figure_find(const char *name)
{
	for (int i = 0; i < QMAC_FIGURES; i++)
		if (strcmp(qmac_figure_kinds[i].name, name) == 0)
			return &qmac_figure_kinds[i];
	return NULL;
}

double qmac_metrics_figure(const struct qmac_metrics *metrics, enum qmac_figure figure)
{
	const double values[QMAC_FIGURES] = {
		[QMAC_FIGURE_TRAIN_LOSS] = metrics->train_loss,
		[QMAC_FIGURE_GRAD_NORM] = metrics->grad_norm,
		[QMAC_FIGURE_TEST_LOSS] = metrics->test_loss,
		[QMAC_FIGURE_TEST_ACCURACY] = metrics->test_accuracy,
		[QMAC_FIGURE_DELTA] = metrics->delta,
		[QMAC_FIGURE_TRAIN_ACCURACY] = metrics->train_accuracy,
	};

	return values[figure];
}
