#include "record/record.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

enum qmac_status qmac_records_create(struct qmac_records *records, int layers, struct qmac_error *err)
{
	struct qmac_records fresh = {
		.layers = layers,
		.layer = calloc((size_t)layers, sizeof *fresh.layer),
		.spent = calloc((size_t)layers * QMAC_DIRECTIONS, sizeof *fresh.spent),
	};

	assert(layers > 0);
	*records = fresh;
	if (fresh.layer && fresh.spent)
		return QMAC_OK;
	qmac_records_free(records);
	return qmac_fail(err, QMAC_INTERNAL, "out of memory for the records of %d layers", layers);
}

void qmac_records_free(struct qmac_records *records)
{
	free(records->layer);
	free(records->spent);
	memset(records, 0, sizeof *records);
}

void qmac_records_begin(struct qmac_records *records, int64_t epoch)
{
	records->epoch = epoch;
	memset(records->spent, 0, (size_t)records->layers * QMAC_DIRECTIONS * sizeof *records->spent);
	for (int l = 0; l < records->layers; l++) {
		struct qmac_layer_record *layer = &records->layer[l];

		memset(layer->shared_macs, 0, sizeof layer->shared_macs);
		layer->codes = layer->weight_saturations = layer->weight_codes = layer->zero_weights = 0;
	}
}

void qmac_records_add_layer(const struct qmac_records *records, int layer, uint64_t sum[QMAC_COUNTERS])
{
	for (int d = 0; d < QMAC_DIRECTIONS; d++)
		for (int i = 0; i < QMAC_COUNTERS; i++)
			sum[i] += records->spent[qmac_records_index(layer, (enum qmac_direction)d)][i];
}

void qmac_records_merge(struct qmac_records *to, const struct qmac_records *from)
{
	assert(to->layers == from->layers && to->epoch == from->epoch);
	for (int k = 0; k < to->layers * QMAC_DIRECTIONS; k++)
		if (from->spent[k][QMAC_COUNTER_COMMANDS]) /* or there is nothing */
			qmac_counts_add(to->spent[k], from->spent[k], 1);
	for (int l = 0; l < to->layers; l++) {
		for (int d = 0; d < QMAC_DIRECTIONS; d++)
			to->layer[l].shared_macs[d] += from->layer[l].shared_macs[d];
		to->layer[l].codes += from->layer[l].codes;
		to->layer[l].weight_codes += from->layer[l].weight_codes;
		to->layer[l].zero_weights += from->layer[l].zero_weights;
		to->layer[l].weight_saturations += from->layer[l].weight_saturations;
	}
}

void qmac_records_add(const struct qmac_records *records, uint64_t sum[QMAC_COUNTS])
{
	for (int k = 0; k < records->layers * QMAC_DIRECTIONS; k++)
		qmac_counts_add(sum, records->spent[k], 1);
}

/* MACs of a layer in a direction since zero MACs were shared out. */
static uint64_t macs_since(const struct qmac_records *records, int layer, int direction)
{
	return qmac_records_spent(records, layer, (enum qmac_direction)direction)[QMAC_COUNTER_MACS] -
	       records->layer[layer].shared_macs[direction];
}

void qmac_records_share_zeros(struct qmac_records *records, uint64_t untold)
{
	uint64_t all = 0, macs = 0, shared = 0;

	for (int l = 0; l < records->layers; l++)
		for (int d = 0; d < QMAC_DIRECTIONS; d++)
			all += macs_since(records, l, d);
	for (int l = 0; l < records->layers; l++)
		for (int d = 0; d < QMAC_DIRECTIONS; d++) {
			uint64_t *spent = qmac_records_spent(records, l, (enum qmac_direction)d), until;

			macs += macs_since(records, l, d);
			until = macs == all ? untold : (uint64_t)((double)untold * ((double)macs / (double)all));
			spent[QMAC_COUNTER_ZERO_MACS] += until - shared;
			shared = until;
			records->layer[l].shared_macs[d] = spent[QMAC_COUNTER_MACS];
		}
}

double qmac_records_zero_fraction(const struct qmac_records *records, int layer)
{
	uint64_t sum[QMAC_COUNTERS] = {0};

	qmac_records_add_layer(records, layer, sum);
	return sum[QMAC_COUNTER_MACS] ?
	       (double)sum[QMAC_COUNTER_ZERO_MACS] / (double)sum[QMAC_COUNTER_MACS] : (double)NAN;
}

void qmac_records_count_codes(const struct qmac_records *records, int layer, bool is_weight,
                              const int32_t *codes, int64_t count, uint64_t saturations)
{
	struct qmac_layer_record *l = &records->layer[layer];

	l->codes += (uint64_t)count;
	l->weight_saturations += saturations;
	if (!is_weight)
		return;
	l->weight_codes += (uint64_t)count;
	for (int64_t i = 0; i < count; i++)
		l->zero_weights += codes[i] == 0;
}

double qmac_records_sparsity(const struct qmac_records *records, int layer)
{
	const struct qmac_layer_record *l = &records->layer[layer];

	if (records->known)
		return records->known[layer].sparsity;
	return l->weight_codes ? (double)l->zero_weights / (double)l->weight_codes : (double)NAN;
}

uint64_t qmac_saturations(const uint64_t counters[QMAC_COUNTERS])
{
	return counters[QMAC_COUNTER_ACC_SATURATIONS] + counters[QMAC_COUNTER_REQUANT_SATURATIONS]
	       + counters[QMAC_COUNTER_CONTAINER_SATURATIONS];
}

uint64_t qmac_records_saturations(const struct qmac_records *records, int layer,
                                  enum qmac_direction direction)
{
	return records->known ? records->known[layer].saturations[direction] :
	       qmac_saturations(qmac_records_spent(records, layer, direction));
}

double qmac_records_delta(const struct qmac_records *records, int layer)
{
	return records->known ? records->known[layer].delta : records->layer[layer].delta;
}

int64_t qmac_records_weight_saturations(const struct qmac_records *records, int layer)
{
	const struct qmac_layer_record *l = &records->layer[layer];

	if (records->known)
		return records->known[layer].weight_saturations;
	return l->codes ? (int64_t)l->weight_saturations : -1;
}

const char *qmac_direction_name(enum qmac_direction direction)
{
	static const char *const names[QMAC_DIRECTIONS] = {
		[QMAC_DIRECTION_NONE] = "none", [QMAC_DIRECTION_FORWARD] = "forward",
		[QMAC_DIRECTION_DATA] = "data_grad", [QMAC_DIRECTION_WEIGHTS] = "weight_grad",
		[QMAC_DIRECTION_UPDATE] = "update", [QMAC_DIRECTION_EVAL] = "eval",
	};

	return names[direction];
}
