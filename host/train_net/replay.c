#include "train_net/replay.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "num/whole.h"
#include "train_net/format_record.h"

enum { FORMAT_TEXT = 32 };

static enum qmac_status fail_row(const char *path, int64_t row, const char *why, struct qmac_error *err)
{
	return qmac_fail_at(err, QMAC_BAD_INPUT, path, (int)row + 2, 1, "%s", why);
}

static bool is_same(struct qmac_format a, struct qmac_format b)
{
	return a.bw == b.bw && a.fl == b.fl;
}

/* Formats that the device was opened for; where those of parameters stay as they are, so do widths. */
static bool is_within(const struct qmac_net_training *training, int tensor, struct qmac_format format)
{
	struct qmac_format widest = training->widest;
	bool is_output = tensor >= training->net.parameter_count;

	if (!widest.bw || training->widths_stay) {
		int bw = qmac_net_tensor_format(training, tensor)->bw;

		return format.bw == bw && (is_output || (widest.bw && format.fl <= widest.fl));
	}
	/* an output's own scale takes nothing of its width but the sign */
	if (is_output && training->outputs)
		widest.fl = qmac_larger_int(widest.fl, widest.bw - 1);
	return format.bw >= 2 && format.bw <= widest.bw && format.fl <= widest.fl;
}

static int find_tensor(const struct qmac_net_training *training, const char *wanted)
{
	char name[QMAC_FORMAT_TENSOR_SIZE];

	for (int t = 0; t < qmac_net_tensors(training); t++) {
		qmac_net_tensor_name(training, t, name);
		if (strcmp(name, wanted) == 0)
			return qmac_net_tensor_has_format(training, t) ? t : -1;
	}
	return -1;
}

/* How many tensors have formats. */
static int count_tensors(const struct qmac_net_training *training)
{
	int count = 0;

	for (int t = 0; t < qmac_net_tensors(training); t++)
		count += qmac_net_tensor_has_format(training, t);
	return count;
}

/* "<13,5>", "float32" */
static const char *format_text(struct qmac_format format, bool is_float, char text[FORMAT_TEXT])
{
	if (is_float)
		snprintf(text, FORMAT_TEXT, "float32");
	else
		snprintf(text, FORMAT_TEXT, "<%d,%d>", format.bw, format.fl);
	return text;
}

/* The next row of switches.csv is to tell of this change of a layer; *host_flops: its decision took. */
static enum qmac_status check_switch(struct qmac_net_precision *precision,
                                     const struct qmac_net_observation *seen, int parameter,
                                     const struct qmac_format_change *change, uint64_t *host_flops,
                                     struct qmac_error *err)
{
	const struct qmac_recorded *recorded = precision->recorded;
	const struct qmac_net_training *training = precision->training;
	const struct qmac_format_switch *row = &recorded->switches[precision->switches_replayed];
	const char *layer = training->net.layers[training->net.parameters[parameter].layer].name;
	struct qmac_format before = training->formats[parameter];
	char from[FORMAT_TEXT], to[FORMAT_TEXT];

	if (precision->switches_replayed >= recorded->switch_count)
		return qmac_fail_at(err, QMAC_BAD_INPUT, recorded->switches_path,
		                    (int)recorded->switch_count + 2, 1, "rows are missing: in step %" PRId64
		                    " the format of layer '%s' changes by formats.csv", seen->step, layer);
	if (row->epoch != seen->epoch || row->step != seen->step || strcmp(row->layer, layer) != 0 ||
	    !is_same(row->before, before) || row->to_float != change->to_float ||
	    (!row->to_float && !is_same(row->after, change->format)))
		return qmac_fail_at(err, QMAC_BAD_INPUT, recorded->switches_path,
		                    (int)precision->switches_replayed + 2, 1, "formats.csv says otherwise: step %"
		                    PRId64 ", layer '%s', %s becomes %s", seen->step, layer,
		                    format_text(before, false, from),
		                    format_text(change->format, change->to_float, to));
	precision->switches_replayed++;
	*host_flops = row->host_flops;
	return QMAC_OK;
}

/* Whether the tensor may have that format in this run. */
static enum qmac_status check_change(const struct qmac_net_precision *precision, int tensor,
                                     struct qmac_error *err)
{
	const struct qmac_recorded *recorded = precision->recorded;
	const struct qmac_net_training *training = precision->training;
	const struct qmac_format_change *row = &recorded->changes[precision->changes_replayed];
	int line = (int)precision->changes_replayed + 2;
	char text[FORMAT_TEXT];

	if (tensor < 0)
		return qmac_fail_at(err, QMAC_BAD_INPUT, recorded->formats_path, line, 1,
		                    "network '%s' has no tensor '%s': the formats are those of another",
		                    training->net.name, row->tensor);
	if (training->in_float ||
	    (row->to_float ? training->run->precision_policy != QMAC_POLICY_MUPPET || !row->ended :
	     !is_same(row->format, *qmac_net_tensor_format(training, tensor)) &&
	     !is_within(training, tensor, row->format)))
		return qmac_fail_at(err, QMAC_BAD_INPUT, recorded->formats_path, line, 1,
		                    "%s is no format that '%s' may get here in this run",
		                    format_text(row->format, row->to_float, text), row->tensor);
	return QMAC_OK;
}

/* The next row of formats.csv; seen: NULL at first, where nothing is a switch. *floats: rows to float32. */
static enum qmac_status apply(struct qmac_net_precision *precision, const struct qmac_net_observation *seen,
                              int *floats, struct qmac_error *err)
{
	struct qmac_net_training *training = precision->training;
	const struct qmac_format_change *row = &precision->recorded->changes[precision->changes_replayed];
	int tensor = find_tensor(training, row->tensor);
	enum qmac_status status = check_change(precision, tensor, err);
	bool leads = !status && seen && tensor < training->net.parameter_count &&
	             qmac_net_precision_leads(precision, tensor);
	uint64_t host_flops = 0;

	if (leads)
		status = check_switch(precision, seen, tensor, row, &host_flops, err);
	if (status)
		return status;
	*floats += row->to_float;
	if (leads && !row->to_float)
		qmac_net_precision_note(precision, seen, tensor, row->format, host_flops);
	if (!row->to_float)
		*qmac_net_tensor_format(training, tensor) = row->format;
	precision->changes_replayed++;
	return QMAC_OK;
}

enum qmac_status qmac_net_replay_start(struct qmac_net_precision *precision, struct qmac_error *err)
{
	const struct qmac_recorded *recorded = precision->recorded;
	enum qmac_status status = QMAC_OK;
	int tensors = count_tensors(precision->training), first = 0, floats = 0;

	while (first < recorded->change_count && recorded->changes[first].step == 0)
		first++;
	if (first != tensors)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s: it has formats of %d tensors at first, network '%s' has"
		                 " %d: the formats are those of another", recorded->formats_path, first,
		                 precision->training->net.name, tensors);
	for (int i = 0; !status && i < first; i++)
		status = apply(precision, NULL, &floats, err);
	return status;
}

enum qmac_status qmac_net_replay_step(struct qmac_net_precision *precision,
                                      const struct qmac_net_observation *seen, bool ended,
                                      struct qmac_error *err)
{
	const struct qmac_recorded *recorded = precision->recorded;
	enum qmac_status status = QMAC_OK;
	int floats = 0;

	while (!status && precision->changes_replayed < recorded->change_count) {
		const struct qmac_format_change *row = &recorded->changes[precision->changes_replayed];

		if (row->step != seen->step || row->ended != ended)
			break;
		if (row->epoch != seen->epoch)
			return fail_row(recorded->formats_path, precision->changes_replayed,
			                "this step belongs to another epoch: the formats are those of another run", err);
		status = apply(precision, seen, &floats, err);
	}
	if (status || !floats)
		return status;
	if (floats != count_tensors(precision->training))
		return fail_row(recorded->formats_path, precision->changes_replayed - 1,
		                "not all tensors go on in float32 here", err);
	qmac_net_precision_end_formats(precision, seen);
	return QMAC_OK;
}

enum qmac_status qmac_net_replay_figures(struct qmac_net_precision *precision, int64_t epoch, int64_t step,
                                         struct qmac_error *err)
{
	const struct qmac_recorded *recorded = precision->recorded;
	struct qmac_net_training *training = precision->training;

	if (recorded->steps[epoch] != step)
		return qmac_fail_at(err, QMAC_BAD_INPUT, recorded->metrics_path, (int)epoch + 2, 1, "%" PRId64
		                    " steps, but the run comes to %" PRId64 " by its configuration and data",
		                    recorded->steps[epoch], step);
	if (recorded->host_flops[epoch] < training->host_flops)
		return fail_row(recorded->metrics_path, epoch, "host_flops: fewer than the run takes", err);
	training->host_flops = recorded->host_flops[epoch];
	return QMAC_OK;
}

enum qmac_status qmac_net_replay_end(const struct qmac_net_precision *precision, struct qmac_error *err)
{
	const struct qmac_recorded *recorded = precision->recorded;

	if (precision->changes_replayed < recorded->change_count)
		return fail_row(recorded->formats_path, precision->changes_replayed,
		                "the run has no such step, or no epoch ends with it", err);
	if (precision->switches_replayed < recorded->switch_count)
		return fail_row(recorded->switches_path, precision->switches_replayed,
		                "formats.csv has no such change", err);
	return QMAC_OK;
}
