#include "train_net/precision.h"

#include <stdlib.h>

#include "net/values.h"
#include "num/whole.h"
#include "policy/muppet.h"
#include "train_net/ranges.h"
#include "train_net/replay.h"

static const struct qmac_net_precision_operations *const policies[] = {
	[QMAC_POLICY_FLOAT] = &qmac_net_float_precision,
	[QMAC_POLICY_FIXED] = &qmac_net_fixed_precision,
	[QMAC_POLICY_ADAPT] = &qmac_net_adapt_precision,
	[QMAC_POLICY_MUPPET] = &qmac_net_muppet_precision,
};

/* ---- none ------------------------------------------------------------------------------- */

static enum qmac_status start_float(struct qmac_net_precision *precision, struct qmac_error *err)
{
	(void)err;
	free(precision->training->formats); /* there are none */
	precision->training->formats = NULL;
	return QMAC_OK;
}

const struct qmac_net_precision_operations qmac_net_float_precision = {
	.size = sizeof(struct qmac_net_precision), .start = start_float,
};

/* ---- every policy ----------------------------------------------------------------------- */

enum qmac_status qmac_net_precision_create(struct qmac_net_training *training,
                                           const struct qmac_recorded *recorded,
                                           struct qmac_net_precision **made, struct qmac_error *err)
{
	const struct qmac_net_precision_operations *operations = policies[training->run->precision_policy];
	struct qmac_net_precision *precision = calloc(1, operations->size);
	enum qmac_status status;

	if (!precision)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	precision->operations = operations;
	precision->training = training;
	precision->recorded = recorded;
	precision->switches = calloc((size_t)training->net.layer_count + 1, sizeof precision->switches[0]);
	training->formats = calloc((size_t)training->net.parameter_count + 1, sizeof training->formats[0]);
	status = precision->switches && training->formats ? operations->start(precision, err) :
	         qmac_fail(err, QMAC_INTERNAL, "out of memory: a precision policy");
	if (!status && training->ranges != QMAC_NET_RANGES_NONE)
		status = qmac_net_ranges_start(training, err);
	if (!status && recorded)
		status = qmac_net_replay_start(precision, err);
	if (status)
		qmac_net_precision_destroy(precision);
	else
		*made = precision;
	return status;
}

void qmac_net_precision_destroy(struct qmac_net_precision *precision)
{
	if (!precision)
		return;
	if (precision->operations->stop)
		precision->operations->stop(precision);
	free(precision->switches);
	free(precision);
}

/* Ranges that are recorded are not found again. */
static enum qmac_status follow_ranges(struct qmac_net_precision *precision, struct qmac_error *err)
{
	struct qmac_net_training *training = precision->training;
	bool given = precision->recorded && training->ranges == QMAC_NET_RANGES_EPOCH;

	return given ? QMAC_OK : qmac_net_ranges_follow(training, err);
}

enum qmac_status qmac_net_precision_step(struct qmac_net_precision *precision,
                                         const struct qmac_net_observation *seen, struct qmac_error *err)
{
	precision->switch_count = 0;
	if (precision->recorded || !precision->operations->step)
		return QMAC_OK;
	return precision->operations->step(precision, seen, err);
}

enum qmac_status qmac_net_precision_masters(struct qmac_net_precision *precision,
                                            const struct qmac_net_observation *seen, struct qmac_error *err)
{
	const struct qmac_net_precision_operations *operations = precision->operations;
	enum qmac_status status;

	if (precision->recorded)
		status = qmac_net_replay_step(precision, seen, false, err);
	else
		status = operations->masters ? operations->masters(precision, seen, err) : QMAC_OK;
	return status ? status : follow_ranges(precision, err);
}

enum qmac_status qmac_net_precision_epoch(struct qmac_net_precision *precision,
                                          const struct qmac_net_observation *seen, struct qmac_error *err)
{
	const struct qmac_net_precision_operations *operations = precision->operations;
	enum qmac_status status;

	precision->switch_count = 0;
	if (precision->recorded)
		status = qmac_net_replay_step(precision, seen, true, err);
	else
		status = operations->epoch ? operations->epoch(precision, seen, err) : QMAC_OK;
	return status ? status : follow_ranges(precision, err);
}

void qmac_net_precision_effort(const struct qmac_net_precision *precision, int parameter, int *lookback,
                               int *resolution)
{
	*lookback = 1;
	*resolution = 0;
	if (precision->operations->effort)
		precision->operations->effort(precision, parameter, lookback, resolution);
}

double qmac_net_precision_rate(const struct qmac_net_precision *precision)
{
	return precision->operations->rate ? precision->operations->rate(precision) : 1;
}

bool qmac_net_precision_is_last(const struct qmac_net_precision *precision)
{
	return precision->operations->is_last && precision->operations->is_last(precision);
}

bool qmac_net_precision_is_over(const struct qmac_net_precision *precision)
{
	return precision->operations->is_over && precision->operations->is_over(precision);
}

void qmac_net_precision_state(struct qmac_net_precision *precision, struct qmac_state *state)
{
	struct qmac_net_training *training = precision->training;

	if (training->formats)
		qmac_state_add(state, "formats", training->formats,
		               (size_t)training->net.parameter_count * sizeof training->formats[0]);
	if (training->outputs)
		qmac_state_add(state, "outputs", training->outputs,
		               ((size_t)training->net.layer_count + 1) * sizeof training->outputs[0]);
	if (training->outputs)
		qmac_state_add(state, "wanted", training->wanted,
		               ((size_t)training->net.layer_count + 1) * sizeof training->wanted[0]);
	if (precision->operations->state)
		precision->operations->state(precision, state);
}

void qmac_net_precision_piece(void *state, const char *name, void *data, size_t bytes)
{
	qmac_state_add(state, name, data, bytes);
}

void qmac_net_precision_set_all(struct qmac_net_precision *precision, struct qmac_format format)
{
	for (int p = 0; p < precision->training->net.parameter_count; p++)
		if (qmac_net_has_codes(&precision->training->net.parameters[p]))
			precision->training->formats[p] = format;
}

void qmac_net_precision_note(struct qmac_net_precision *precision, const struct qmac_net_observation *seen,
                             int parameter, struct qmac_format after, uint64_t host_flops)
{
	const struct qmac_net *net = &precision->training->net;

	precision->switches[precision->switch_count++] = (struct qmac_format_switch){
		.epoch = seen->epoch, .step = seen->step, .layer = net->layers[net->parameters[parameter].layer].name,
		.before = precision->training->formats[parameter], .after = after, .host_flops = host_flops,
	};
}

enum qmac_status qmac_net_precision_rescale(struct qmac_net_precision *precision,
                                            const struct qmac_net_observation *seen, int parameter, int bits,
                                            struct qmac_error *err)
{
	enum { COMPARISONS = 2 }; /* operations for each master */
	struct qmac_net_training *training = precision->training;
	const struct qmac_net *net = &training->net;
	bool is_first = qmac_net_precision_leads(precision, parameter);
	int64_t count = net->parameters[parameter].count;
	struct qmac_format *now = &training->formats[parameter], next;
	enum qmac_status status = qmac_muppet_format(bits, training->weights +
	                                             qmac_net_parameter_at(net, parameter), count, &next, err);

	if (status)
		return status;
	next.fl = qmac_smaller_int(next.fl, is_first ? QMAC_NET_SCALED_FL_MAX : now[-1].fl);
	training->host_flops += COMPARISONS * (uint64_t)count;
	if (seen && is_first && (next.bw != now->bw || next.fl != now->fl))
		qmac_net_precision_note(precision, seen, parameter, next, COMPARISONS * (uint64_t)count);
	*now = next;
	return QMAC_OK;
}

void qmac_net_precision_end_formats(struct qmac_net_precision *precision,
                                    const struct qmac_net_observation *seen)
{
	const struct qmac_net *net = &precision->training->net;

	for (int p = 0; p < net->parameter_count; p++)
		if (qmac_net_precision_leads(precision, p)) {
			qmac_net_precision_note(precision, seen, p, (struct qmac_format){.bw = 0}, 0);
			precision->switches[precision->switch_count - 1].to_float = true;
		}
	precision->training->in_float = true;
}
