/*
 * What every layer spent on the device in every direction, in one epoch: the source of layers.csv, and of
 * all sums over layers or directions. Keyed (epoch, layer, direction); layers are those of the run, numbered
 * from 0, each with the name and the formats that it has in that epoch.
 *
 * A record has the counters that can be told apart by command: those that follow from descriptors,
 * saturations, ZERO_MACS, FETCH_BYTES, CYCLES (elapsed, shared out: ledger.h) and the three BUSY; and behind
 * them the actions of count/count.h. Waiting, memory and starved cycles are known in total only and stay 0
 * here. Over all layers and directions every counter of the records sums to the device's own. Only the C
 * model tells the ZERO_MACS of a command: of other devices they are shared out, qmac_records_share_zeros(),
 * between parts of an epoch in which other layers multiply, and in its end.
 *
 * A plain value: `layer` and `spent` are two arrays without pointers in them, to be written and read back as
 * they are; what was read is added to what is there.
 */
#ifndef QMAC_RECORD_RECORD_H
#define QMAC_RECORD_RECORD_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/tag.h"
#include "base/error.h"
#include "count/count.h"

enum { QMAC_LAYER_NAME = 64 };

struct qmac_layer_record {
	char name[QMAC_LAYER_NAME];
	int32_t w_bits, x_bits;   /* widths of weights and inputs on the device; 0: full precision */
	double delta;             /* quantum of the weights; NaN where it is not told */
	uint64_t shared_macs[QMAC_DIRECTIONS]; /* among so many of its MACs all ZERO_MACS have been shared out */
	/*
	 * Of the codes that were made of a network's parameters for the steps of this epoch: all, and those that
	 * were limited to the range of their format; of weights alone, without biases, all, and those that are 0.
	 */
	uint64_t codes, weight_saturations, weight_codes, zero_weights;
};

/*
 * What an estimate does not know of a layer in an epoch, from a training of the same on other hardware
 * (report/values.h). NaN, of weight_saturations -1, where there is none.
 */
struct qmac_layer_values {
	uint64_t saturations[QMAC_DIRECTIONS];
	double delta, sparsity;
	int64_t weight_saturations;
};

struct qmac_records {
	int64_t epoch;
	bool estimated;                     /* nothing was computed: saturations are not known, and zero MACs 0 */
	int layers;
	struct qmac_layer_record *layer;    /* layers */
	uint64_t (*spent)[QMAC_COUNTS];     /* layers * QMAC_DIRECTIONS, by layer, then by direction */
	const struct qmac_layer_values *known; /* layers; NULL: all that is known has been counted here */
};

/* For so many layers, all without names; nothing is allocated later. */
QMAC_MUST_CHECK enum qmac_status qmac_records_create(struct qmac_records *records, int layers,
                                                     struct qmac_error *err);
void qmac_records_free(struct qmac_records *records);

/* An epoch begins: all counts are 0. Names and formats stay. */
void qmac_records_begin(struct qmac_records *records, int64_t epoch);

static inline int qmac_records_index(int layer, enum qmac_direction direction)
{
	return layer * QMAC_DIRECTIONS + (int)direction;
}

/* The counters of a layer in a direction. */
static inline uint64_t *qmac_records_spent(const struct qmac_records *records, int layer,
                                           enum qmac_direction direction)
{
	return records->spent[qmac_records_index(layer, direction)];
}

/* Adds what a layer has spent, in all directions. */
void qmac_records_add_layer(const struct qmac_records *records, int layer, uint64_t sum[QMAC_COUNTERS]);

/* Adds the counts of another part of the same epoch, of the same layers. */
void qmac_records_merge(struct qmac_records *to, const struct qmac_records *from);

/* Additions to ACC, requantisations and containers that saturated. */
uint64_t qmac_saturations(const uint64_t counters[QMAC_COUNTERS]);

/* The same of a layer in a direction. */
uint64_t qmac_records_saturations(const struct qmac_records *records, int layer,
                                  enum qmac_direction direction);

/* Quantum of a layer's weights; NaN where it is not told. */
double qmac_records_delta(const struct qmac_records *records, int layer);

/* Codes of a layer's parameters that were limited to the range of their format; -1: none were made. */
int64_t qmac_records_weight_saturations(const struct qmac_records *records, int layer);

/*
 * The device has counted so many ZERO_MACS that no command has told: shares them out among the records by
 * their MACs since the last call, to the last one.
 */
void qmac_records_share_zeros(struct qmac_records *records, uint64_t untold);

/* Adds all records, every counter and action, to sum. */
void qmac_records_add(const struct qmac_records *records, uint64_t sum[QMAC_COUNTS]);

/* Share of a layer's MACs that have an operand that is zero; NaN where it has none. */
double qmac_records_zero_fraction(const struct qmac_records *records, int layer);

/* Adds the codes of a parameter of a layer in one step, so many of which were limited. */
void qmac_records_count_codes(const struct qmac_records *records, int layer, bool is_weight,
                              const int32_t *codes, int64_t count, uint64_t saturations);

/* Share of zeros among the codes of a layer's weights, over the epoch's steps; NaN where it has none. */
double qmac_records_sparsity(const struct qmac_records *records, int layer);

/* "forward", "data_grad", "weight_grad", "update", "eval", "none". */
const char *qmac_direction_name(enum qmac_direction direction);

#endif
