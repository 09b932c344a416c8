/*
 * Products with a zero operand of an estimate, which computes no values, from a training of the same run.
 *
 * What an array multiplies are pairs of limbs. Which these are follows from the values of the run and from
 * the widths of the multipliers, a_bits and w_bits, by which operands are cut into limbs. So hardware of the
 * same widths multiplies the same pairs, each once, however it cuts up a product: where a layer has as many
 * MACs in a direction of an epoch as in the training, it has as many with a zero operand. Where it has more
 * or fewer, by padding, sums of a bias or the search of a first scale, it is taken to have them as often: the
 * count is then off by at most the difference of the MACs. With other widths nothing is known.
 */
#ifndef QMAC_REPORT_ZEROS_H
#define QMAC_REPORT_ZEROS_H

#include "hw/hw.h"
#include "report/layer_rows.h"

enum { QMAC_ZEROS_WHY = 160 };

/* Of a layer in a direction of an epoch of the training. */
struct qmac_zero_share {
	double macs, zeros; /* whole numbers, zeros <= macs; NaN: not known */
};

struct qmac_zeros {
	struct qmac_layer_rows rows;
	struct qmac_zero_share *shares; /* of the running epoch, by the key of the records */
	bool is_exact;            /* all MACs so far were as many as in the training */
	char why[QMAC_ZEROS_WHY]; /* they are not known: "from epoch 3 on"; "": they are */
};

/*
 * The whole result in that folder, whose training computed the same values, or was itself estimated by one
 * that did; NULL: there is none. Where it does not help, `why` says so. Fails where memory is short.
 */
QMAC_MUST_CHECK enum qmac_status qmac_zeros_read(const char *folder, const struct qmac_hw *hw,
                                                 struct qmac_zeros *zeros, struct qmac_error *err);
void qmac_zeros_free(struct qmac_zeros *zeros);

/*
 * The records of an estimate's epoch get ZERO_MACS. Epochs come in their order. From an epoch on in which a
 * layer multiplies that did not in the training nothing is known: ZERO_MACS remain 0, and `why` is set.
 */
QMAC_MUST_CHECK enum qmac_status qmac_zeros_epoch(struct qmac_zeros *zeros,
                                                  const struct qmac_records *records, struct qmac_error *err);

#endif
