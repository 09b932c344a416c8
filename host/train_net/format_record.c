#include "train_net/format_record.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int qmac_net_tensors(const struct qmac_net_training *training)
{
	bool outputs = training->ranges == QMAC_NET_RANGES_EPOCH;

	return training->net.parameter_count + (outputs ? training->net.layer_count + 1 : 0);
}

bool qmac_net_tensor_has_format(const struct qmac_net_training *training, int tensor)
{
	return tensor >= training->net.parameter_count || qmac_net_has_codes(&training->net.parameters[tensor]);
}

void qmac_net_tensor_name(const struct qmac_net_training *training, int tensor,
                          char name[QMAC_FORMAT_TENSOR_SIZE])
{
	const struct qmac_net *net = &training->net;
	int output = tensor - net->parameter_count;

	if (output < 0)
		snprintf(name, QMAC_FORMAT_TENSOR_SIZE, "%s", net->parameters[tensor].name);
	else if (output == 0)
		snprintf(name, QMAC_FORMAT_TENSOR_SIZE, "input");
	else
		snprintf(name, QMAC_FORMAT_TENSOR_SIZE, "%s.output", net->layers[output - 1].name);
}

struct qmac_format *qmac_net_tensor_format(const struct qmac_net_training *training, int tensor)
{
	int output = tensor - training->net.parameter_count;

	return output < 0 ? &training->formats[tensor] : &training->outputs[output];
}

enum qmac_status qmac_net_format_record_create(struct qmac_net_format_record *record,
                                               const struct qmac_net_training *training, bool goes_on,
                                               struct qmac_error *err)
{
	int count = qmac_net_tensors(training);

	record->told = calloc((size_t)count + 1, sizeof record->told[0]);
	if (!record->told)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the formats of %d tensors", count);
	record->told_float = goes_on && training->in_float;
	for (int t = 0; goes_on && t < count; t++)
		record->told[t] = *qmac_net_tensor_format(training, t);
	return QMAC_OK;
}

void qmac_net_format_record_free(struct qmac_net_format_record *record)
{
	free(record->told);
	record->told = NULL;
}

bool qmac_net_format_record_tell(struct qmac_net_format_record *record,
                                 const struct qmac_net_training *training,
                                 const struct qmac_train_observer *observer, struct qmac_format_change row)
{
	bool stop = false, to_float = training->in_float && !record->told_float;

	if (!observer || !observer->on_format || !record->told)
		return false;
	for (int t = 0; t < qmac_net_tensors(training); t++) {
		struct qmac_format *told = &record->told[t];

		if (!qmac_net_tensor_has_format(training, t))
			continue;
		row.format = *qmac_net_tensor_format(training, t);
		if (!to_float && row.format.bw == told->bw && row.format.fl == told->fl)
			continue;
		*told = row.format;
		row.to_float = to_float;
		qmac_net_tensor_name(training, t, row.tensor);
		stop |= observer->on_format(observer->context, &row) != 0;
	}
	record->told_float = training->in_float;
	return stop;
}
