#include "run/retime.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/hw_file.h"
#include "report/recorded.h"
#include "report/stored.h"
#include "run/train.h"

const char *qmac_retime_refusal(const struct qmac_run *run)
{
	if (!qmac_run_uses_device(run))
		return "it does not use the device";
	if (strcmp(run->backend, "cmodel") != 0)
		return "its backend is there to compute";
	return run->timeline > 0 ? "its timeline tells of saturations" : NULL;
}

/* The estimate of a training beside what the training has stored. */
struct comparison {
	const struct qmac_job *job;
	const struct qmac_stored *stored;
	int64_t rows;
	char *why;
};

/* Is that the number in a column of the training's metrics.csv? */
static bool is_number(const struct comparison *comparison, int64_t row, const char *name, uint64_t number)
{
	const struct qmac_csv *csv = &comparison->stored->metrics;
	int column = qmac_csv_column(csv, name);

	return column >= 0 && csv->values[row * csv->columns + column] == (double)number;
}

static int compare(void *context, const struct qmac_metrics *metrics, const struct qmac_records *records)
{
	struct comparison *comparison = context;
	const uint64_t *c = metrics->counters;
	const struct {
		const char *name;
		uint64_t number;
	} costs[] = {
		{"epoch", (uint64_t)metrics->epoch}, {"step", (uint64_t)metrics->step},
		{"cycles", c[QMAC_COUNTER_CYCLES]}, {"commands", c[QMAC_COUNTER_COMMANDS]},
		{"macs", c[QMAC_COUNTER_MACS]}, {"vec_mults", c[QMAC_COUNTER_VEC_MULTS]},
		{"dram_read_bytes", c[QMAC_COUNTER_DRAM_READ_BYTES]},
		{"dram_write_bytes", c[QMAC_COUNTER_DRAM_WRITE_BYTES]},
		{"fetch_bytes", c[QMAC_COUNTER_FETCH_BYTES]}, {"host_flops", metrics->host_flops},
		{"host_bytes", metrics->host_bytes},
	};

	(void)records;
	if (comparison->rows == comparison->stored->metrics.rows)
		snprintf(comparison->why, QMAC_RETIME_WHY, "it ended early, after epoch %" PRId64,
		         comparison->rows - 1);
	for (size_t i = 0; !comparison->why[0] && i < sizeof costs / sizeof costs[0]; i++)
		if (!is_number(comparison, comparison->rows, costs[i].name, costs[i].number))
			snprintf(comparison->why, QMAC_RETIME_WHY, "its data made commands that an estimate does not"
			         " foresee: other %s up to epoch %" PRId64, costs[i].name, metrics->epoch);
	comparison->rows++;
	if (comparison->job->stop && *comparison->job->stop)
		snprintf(comparison->why, QMAC_RETIME_WHY, "stopped");
	return comparison->why[0] != 0;
}

static enum qmac_status estimate(const struct comparison *comparison, const struct qmac_hw *hw,
                                 const struct qmac_recorded *recorded, struct qmac_error *err)
{
	const struct qmac_train_observer observer = {.on_metrics = compare, .context = (void *)comparison};
	struct qmac_run run = comparison->job->config->run;
	struct qmac_train_result result;
	enum qmac_status status;

	run.speedup = false; /* what would be compared with is no part of the run */
	status = qmac_estimate(&run, hw, recorded, &observer, &result, err);
	free(result.weights);
	qmac_trained_net_destroy(result.net);
	if (!status && !comparison->why[0] && comparison->rows < comparison->stored->metrics.rows)
		snprintf(comparison->why, QMAC_RETIME_WHY, "its estimate has fewer epochs");
	return status;
}

/* Have activations formats of their own, which the host has found behind minibatches? */
static bool has_ranges(const struct qmac_recorded *recorded)
{
	for (int64_t i = 0; i < recorded->change_count; i++)
		if (strcmp(recorded->changes[i].tensor, "input") == 0)
			return true;
	return false;
}

enum qmac_status qmac_retime_check(const struct qmac_job *job, char why[QMAC_RETIME_WHY],
                                   struct qmac_error *err)
{
	bool changes = qmac_run_switches_formats(&job->config->run);
	struct qmac_recorded recorded = {.epochs = 0};
	struct qmac_stored stored;
	struct comparison comparison = {.job = job, .stored = &stored, .why = why};
	struct qmac_hw hw;
	enum qmac_status status = qmac_stored_read(job->folder, &stored, err);

	why[0] = 0;
	if (status)
		return status;
	if (!(qmac_json_real(stored.summary, "acc_saturations") == 0))
		snprintf(why, QMAC_RETIME_WHY, "sums in ACC were limited, and which are depends on their order");
	status = qmac_hw_load(&hw, job->config->run.hw, err);
	if (!status && changes && !why[0])
		status = qmac_recorded_read(job->folder, &recorded, err);
	if (!status && changes && !why[0] && has_ranges(&recorded))
		snprintf(why, QMAC_RETIME_WHY, "the host looks for ranges of activations, in as many codes as the"
		         " hardware's layout has");
	if (!status && !why[0])
		status = estimate(&comparison, &hw, changes ? &recorded : NULL, err);
	qmac_recorded_free(&recorded);
	qmac_stored_free(&stored);
	return status;
}
