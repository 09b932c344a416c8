#include "report/zeros.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/results.h"
#include "report/stored.h"

/* Multipliers of the same widths? */
static void compare_widths(struct qmac_zeros *zeros, const struct qmac_json *summary,
                           const struct qmac_hw *hw)
{
	double a_bits = qmac_json_real(summary, "hw.a_bits"), w_bits = qmac_json_real(summary, "hw.w_bits");

	if (a_bits != hw->a_bits || w_bits != hw->w_bits)
		snprintf(zeros->why, sizeof zeros->why, "in multipliers of %d x %d bits, for the training had"
		         " %.0f x %.0f", hw->a_bits, hw->w_bits, a_bits, w_bits);
}

enum qmac_status qmac_zeros_read(const char *folder, const struct qmac_hw *hw, struct qmac_zeros *zeros,
                                 struct qmac_error *err)
{
	struct qmac_stored stored;
	struct qmac_error lost;
	char damage[128];
	enum qmac_status status;

	*zeros = (struct qmac_zeros){.is_exact = true, .why = "before such a run was trained"};
	if (!folder)
		return QMAC_OK;
	status = qmac_results_check(folder, damage, sizeof damage, &lost);
	if (!status && damage[0])
		status = qmac_fail(&lost, QMAC_BAD_INPUT, "%s", damage);
	if (!status)
		status = qmac_layer_rows_read(folder, &zeros->rows, &lost);
	if (!status)
		status = qmac_stored_read(folder, &stored, &lost);
	if (status == QMAC_INTERNAL) {
		*err = lost;
		return status;
	}
	zeros->why[0] = 0;
	if (status) {
		snprintf(zeros->why, sizeof zeros->why, "of the run: %.120s", lost.message);
		return QMAC_OK;
	}
	compare_widths(zeros, stored.summary, hw);
	qmac_stored_free(&stored);
	return QMAC_OK;
}

void qmac_zeros_free(struct qmac_zeros *zeros)
{
	qmac_layer_rows_free(&zeros->rows);
	free(zeros->shares);
}

static struct qmac_zero_share share_of(const struct qmac_layer_rows *rows, int64_t row)
{
	struct qmac_zero_share share = {qmac_layer_rows_field(rows, row, "macs"),
	                                qmac_layer_rows_field(rows, row, "zero_macs")};
	bool is_known = share.zeros >= 0 && share.zeros <= share.macs && share.macs < 0x1p53;

	return is_known ? share : (struct qmac_zero_share){NAN, NAN};
}

/* The epoch's rows; false: they are not of such records. */
static bool take_rows(struct qmac_zeros *zeros, const struct qmac_records *records)
{
	int64_t row;

	for (int k = 0; k < records->layers * QMAC_DIRECTIONS; k++)
		zeros->shares[k] = (struct qmac_zero_share){NAN, NAN};
	while ((row = qmac_layer_rows_take(&zeros->rows, records->epoch)) >= 0) {
		enum qmac_direction direction;
		int layer;

		if (!qmac_layer_rows_find(&zeros->rows, row, records, &layer, &direction))
			return false;
		zeros->shares[qmac_records_index(layer, direction)] = share_of(&zeros->rows, row);
	}
	return true;
}

/* Is there a share for whatever multiplies? */
static bool fits(const struct qmac_zeros *zeros, const struct qmac_records *records)
{
	for (int k = 0; k < records->layers * QMAC_DIRECTIONS; k++)
		if (records->spent[k][QMAC_COUNTER_MACS] > 0 && !(zeros->shares[k].macs > 0))
			return false;
	return true;
}

enum qmac_status qmac_zeros_epoch(struct qmac_zeros *zeros, const struct qmac_records *records,
                                  struct qmac_error *err)
{
	size_t keys = (size_t)records->layers * QMAC_DIRECTIONS;

	if (zeros->why[0])
		return QMAC_OK;
	if (!zeros->shares)
		zeros->shares = calloc(keys, sizeof zeros->shares[0]);
	if (!zeros->shares)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %d layers", records->layers);
	if (!take_rows(zeros, records) || !fits(zeros, records)) {
		snprintf(zeros->why, sizeof zeros->why, "from epoch %" PRId64 " on, which the run has not so",
		         records->epoch);
		return QMAC_OK;
	}
	for (size_t k = 0; k < keys; k++) {
		uint64_t *spent = records->spent[k];
		double macs = (double)spent[QMAC_COUNTER_MACS];

		if (macs == 0)
			continue;
		spent[QMAC_COUNTER_ZERO_MACS] =
			(uint64_t)llround(zeros->shares[k].zeros * (macs / zeros->shares[k].macs));
		zeros->is_exact &= macs == zeros->shares[k].macs;
	}
	return QMAC_OK;
}
