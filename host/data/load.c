/*
 * The data set of a run, from what it names: generated, or read and prepared.
 */
#include <stdio.h>
#include <stdlib.h>

#include "data/csv.h"
#include "data/dataset.h"
#include "data/image_set.h"
#include "data/libsvm.h"
#include "data/regression.h"
#include "process/stop.h"

static void note_constant_target(struct qmac_dataset *data, const struct qmac_run *run)
{
	int64_t same = 1;

	while (same < data->samples && data->y[same] == data->y[0])
		same++;
	if (same == data->samples)
		qmac_dataset_note(data, "%.200s: all targets of the training part are %g: there is nothing to learn",
		                  run->file, data->y[0]);
}

/* The steps that only a file of real numbers takes. */
static enum qmac_status prepare_table(struct qmac_dataset *data, const struct qmac_run *run,
                                      struct qmac_error *err)
{
	enum qmac_status status = QMAC_OK;

	free(data->line);
	data->line = NULL;
	if (!run->test_file[0])
		status = qmac_dataset_split(data, run->test_fraction, run->seed, err);
	if (!status && !data->classes)
		note_constant_target(data, run);
	if (!status && run->standardise)
		status = qmac_dataset_standardise(data, err);
	if (!status && run->clip > 0)
		qmac_dataset_clip(data, run->clip);
	return status;
}

static enum qmac_status read_file(struct qmac_dataset *data, const struct qmac_run *run,
                                  struct qmac_error *err)
{
	if (qmac_data_is_images(run->data))
		return qmac_dataset_read_images(data, run, err);
	if (run->data == QMAC_DATA_CSV)
		return qmac_dataset_read_csv(data, run, err);
	return qmac_dataset_read_libsvm(data, run, err);
}

static enum qmac_status load_file(struct qmac_dataset *data, const struct qmac_run *run,
                                  struct qmac_error *err)
{
	enum qmac_status status = read_file(data, run, err);

	if (!status && run->problem == QMAC_PROBLEM_LOGISTIC_REGRESSION)
		status = qmac_dataset_classify(data, run, err);
	if (!status && !qmac_data_is_images(run->data))
		status = prepare_table(data, run, err);
	if (status == QMAC_BAD_INPUT && err && !err->file[0])
		(void)snprintf(err->file, sizeof err->file, "%.500s", run->file);
	return status;
}

static enum qmac_status make(struct qmac_dataset *data, const struct qmac_run *run, struct qmac_error *err)
{
	enum qmac_status status;

	if (qmac_data_is_generated(run->data)) {
		status = qmac_regression_make(data, run, err);
		if (status || run->data == QMAC_DATA_QUADRATIC)
			return status;
		return qmac_dataset_split(data, run->test_fraction, run->seed, err);
	}
	status = load_file(data, run, err);
	if (!status && qmac_stop_is_asked())
		status = qmac_stop_give_up(err);
	if (!status && run->bias)
		qmac_dataset_add_bias(data);
	if (!status)
		qmac_dataset_quantise(data, run->x_bits);
	return status;
}

enum qmac_status qmac_dataset_load(struct qmac_dataset *data, const struct qmac_run *run,
                                   struct qmac_error *err)
{
	enum qmac_status status = make(data, run, err);

	/* Then loops may have ended early, here or in what makes the numbers. */
	return !status && qmac_stop_is_asked() ? qmac_stop_give_up(err) : status;
}
