#include "report/values.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"
#include "report/members.h"
#include "report/results.h"

static void name_of(const char *folder, char name[QMAC_VALUES_NAME])
{
	size_t length = strlen(folder), begin;

	while (length > 1 && folder[length - 1] == '/')
		length--;
	begin = length;
	while (begin > 0 && folder[begin - 1] != '/')
		begin--;
	snprintf(name, QMAC_VALUES_NAME, "%.*s", (int)(length - begin), folder + begin);
}

static void path_of(const struct qmac_values *values, const char *name, char path[QMAC_MEMBER_PATH])
{
	snprintf(path, QMAC_MEMBER_PATH, "%s/%s", values->folder, name);
}

enum qmac_status qmac_values_read(const char *folder, struct qmac_values *values, struct qmac_error *err)
{
	char why[128];
	enum qmac_status status;

	memset(values, 0, sizeof *values);
	if (strlen(folder) >= sizeof values->folder)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the folder is too long: %.200s...", folder);
	strcpy(values->folder, folder);
	name_of(folder, values->name);
	status = qmac_results_check(folder, why, sizeof why, err);
	if (!status && why[0])
		status = qmac_fail(err, QMAC_BAD_INPUT, "%s: %s", folder, why);
	if (!status)
		status = qmac_stored_read(folder, &values->stored, err);
	if (status)
		return status;
	if (qmac_stored_is_estimate(&values->stored))
		status = qmac_fail(err, QMAC_BAD_INPUT, "%s holds an estimate, which has no values", folder);
	else
		status = qmac_layer_rows_read(folder, &values->layers, err);
	if (status)
		qmac_values_free(values);
	return status;
}

void qmac_values_free(struct qmac_values *values)
{
	qmac_stored_free(&values->stored);
	qmac_layer_rows_free(&values->layers);
	free(values->known);
	memset(values, 0, sizeof *values);
}

/* ---- an epoch ------------------------------------------------------------------------------------- */

static double field(const struct qmac_csv *csv, int64_t row, const char *name)
{
	int column = qmac_csv_column(csv, name);

	return column < 0 ? (double)NAN : csv->values[row * csv->columns + column];
}

/* A count that is told as a number; 0 where there is none. */
static uint64_t whole(double value)
{
	return value > 0 && value < 0x1p63 ? (uint64_t)value : 0;
}

static void set_row(const struct qmac_csv *csv, int64_t i, struct qmac_metrics *row)
{
	double saturations = field(csv, i, "weight_saturations");

	row->estimated = false;
	row->train_loss = field(csv, i, "train_loss");
	row->grad_norm = field(csv, i, "grad_norm");
	row->test_loss = field(csv, i, "test_loss");
	row->test_accuracy = field(csv, i, "test_accuracy");
	row->train_accuracy = field(csv, i, "train_accuracy");
	row->delta = field(csv, i, "delta");
	row->weight_saturations = isnan(saturations) ? -1 : (int64_t)saturations;
	/* the table has their sum alone */
	row->counters[QMAC_COUNTER_ACC_SATURATIONS] = row->counters[QMAC_COUNTER_CONTAINER_SATURATIONS] = 0;
	row->counters[QMAC_COUNTER_REQUANT_SATURATIONS] = whole(field(csv, i, "saturations"));
}

/* Row i of layers.csv: what a layer has in a direction, and what it has as a whole. */
static enum qmac_status take_layer(struct qmac_values *values, int64_t i, const struct qmac_records *records,
                                   struct qmac_error *err)
{
	const struct qmac_layer_rows *rows = &values->layers;
	double saturations = qmac_layer_rows_field(rows, i, "weight_saturations");
	double limited = qmac_layer_rows_field(rows, i, "saturations");
	enum qmac_direction direction;
	struct qmac_layer_values *known;
	int layer;

	if (!qmac_layer_rows_find(rows, i, records, &layer, &direction))
		return qmac_fail_at(err, QMAC_BAD_INPUT, rows->path, (int)i + 2, 1,
		                    "the run has no such layer or direction");
	known = &values->known[layer];
	known->saturations[direction] = whole(limited);
	if (known->saturations[direction] &&
	    !qmac_records_spent(records, layer, direction)[QMAC_COUNTER_COMMANDS])
		return qmac_fail_at(err, QMAC_BAD_INPUT, rows->path, (int)i + 2, 1,
		                    "saturations where the estimate has no commands");
	known->delta = qmac_layer_rows_field(rows, i, "delta");
	known->sparsity = qmac_layer_rows_field(rows, i, "sparsity");
	if (!isnan(saturations)) /* in one row of the layer, 0 in the others */
		known->weight_saturations = (int64_t)saturations + (known->weight_saturations > 0 ?
		                                                    known->weight_saturations : 0);
	return QMAC_OK;
}

static enum qmac_status take_layers(struct qmac_values *values, int64_t epoch, struct qmac_records *records,
                                    struct qmac_error *err)
{
	size_t layers = (size_t)records->layers;
	enum qmac_status status = QMAC_OK;
	int64_t row;

	if (!values->known)
		values->known = calloc(layers, sizeof values->known[0]);
	if (!values->known)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %d layers", records->layers);
	for (size_t l = 0; l < layers; l++)
		values->known[l] = (struct qmac_layer_values){.delta = NAN, .sparsity = NAN,
		                                              .weight_saturations = -1};
	while (!status && (row = qmac_layer_rows_take(&values->layers, epoch)) >= 0)
		status = take_layer(values, row, records, err);
	records->known = values->known;
	records->estimated = false;
	return status;
}

enum qmac_status qmac_values_epoch(struct qmac_values *values, struct qmac_metrics *row,
                                   struct qmac_records *records, struct qmac_error *err)
{
	const struct qmac_csv *csv = &values->stored.metrics;
	int64_t i = row->epoch;

	if (i >= csv->rows || field(csv, i, "epoch") != (double)i || field(csv, i, "step") != (double)row->step)
		return qmac_fail_at(err, QMAC_BAD_INPUT, values->stored.metrics_path, (int)i + 2, 1, "the training"
		                    " has no epoch %" PRId64 " that ends with step %" PRId64, i, row->step);
	set_row(csv, i, row);
	return take_layers(values, row->epoch, records, err);
}

/* ---- the end -------------------------------------------------------------------------------------- */

static void take_model(const struct qmac_json *summary, const char *name, struct qmac_analytic_result *model)
{
	const struct {
		const char *key;
		double *value;
	} figures[] = {
		{"training", &model->speedup}, {"until_target", &model->iso_speedup},
		{"against_muppet", &model->muppet_speedup}, {"inference", &model->inference_speedup},
		{"training_memory", &model->memory}, {"model_size", &model->model_size},
		{"mean_model_size", &model->mean_size}, {"overhead", &model->overhead},
	};
	char path[64];

	for (size_t i = 0; i < sizeof figures / sizeof figures[0]; i++) {
		snprintf(path, sizeof path, "speedup.%s.%s", name, figures[i].key);
		*figures[i].value = qmac_json_real(summary, path);
	}
}

bool qmac_values_diverged(const struct qmac_values *values)
{
	const char *text = qmac_json_text(values->stored.summary, "diverged");

	return text && strcmp(text, "true") == 0;
}

void qmac_values_end(const struct qmac_values *values, struct qmac_train_result *result)
{
	const struct qmac_json *summary = values->stored.summary;
	const char *kernel = qmac_json_text(summary, "kernel");
	uint64_t *counters = result->last.counters;

	set_row(&values->stored.metrics, result->last.epoch, &result->last);
	counters[QMAC_COUNTER_ACC_SATURATIONS] = whole(qmac_json_real(summary, "counters.acc_saturations"));
	counters[QMAC_COUNTER_REQUANT_SATURATIONS] =
		whole(qmac_json_real(summary, "counters.requant_saturations"));
	counters[QMAC_COUNTER_CONTAINER_SATURATIONS] =
		whole(qmac_json_real(summary, "counters.container_saturations"));
	result->diverged = qmac_values_diverged(values);
	result->coefficient_max = qmac_json_real(summary, "coefficient_max");
	snprintf(result->kernel, sizeof result->kernel, "%s", kernel ? kernel : "");
	result->speed.is_modelled = result->speed.is_known && result->last.step > 0;
	take_model(summary, "clean", &result->speed.model[QMAC_ANALYTIC_CLEAN]);
	take_model(summary, "published", &result->speed.model[QMAC_ANALYTIC_PUBLISHED]);
}

enum qmac_status qmac_values_copy(const struct qmac_values *values, struct qmac_tensors *tensors,
                                  const char *folder, FILE *out, char weights_sha256[QMAC_SHA256_TEXT],
                                  struct qmac_error *err)
{
	const char *sha256 = qmac_json_text(values->stored.summary, "weights_sha256");
	char path[QMAC_MEMBER_PATH];
	enum qmac_status status;

	path_of(values, qmac_member_names[tensors ? QMAC_RESULT_MANIFEST : QMAC_RESULT_WEIGHTS], path);
	snprintf(weights_sha256, QMAC_SHA256_TEXT, "%s", sha256 ? sha256 : "");
	status = qmac_input_copy(path, out, err);
	return status || !tensors ? status : qmac_tensors_copy(tensors, folder, values->folder, err);
}
