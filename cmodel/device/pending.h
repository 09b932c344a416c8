/*
 * GEMMs that are held back, so that many are carried out as one; for cmodel/device only.
 *
 * A weight-stationary GEMM whose sums are proved to stay within acc_bits only adds to ACC, and additions may
 * be done in any order, together with those of other GEMMs. So it is not carried out when it comes: its
 * weights are packed and put aside, and it is held in a group with those before it that add to the same rows.
 * Groups are settled, which goes over every row once with all of their GEMMs, before a command that reads or
 * writes rows of ACC that they write, or writes rows of A that they read; and at the end of
 * qmac_device_run(). Nobody can tell the difference: retire records and counters of such a GEMM depend on its
 * operands alone.
 */
#ifndef QMAC_DEVICE_PENDING_H
#define QMAC_DEVICE_PENDING_H

#include "device/internal.h"

/* A GEMM that may be held. */
struct qmac_pending_gemm {
	const struct qmac_command *c; /* weight stationary */
	int64_t a_largest, w_largest; /* no operand is beyond +-these */
	int a_mask, w_mask;           /* struct qmac_gemm */
};

enum qmac_status qmac_pending_create(struct qmac_unit *unit, struct qmac_error *err);
void qmac_pending_destroy(struct qmac_unit *unit);

/* Holds the GEMM back; false: it cannot be, and what stands in its way is settled. */
bool qmac_pending_hold(struct qmac_unit *unit, const struct qmac_pending_gemm *gemm);

/* To be told of each command that is about to be carried out, but for those that are held. */
void qmac_pending_before(struct qmac_unit *unit, const struct qmac_command *c);

/* Carries out all that is held. */
void qmac_pending_settle(struct qmac_unit *unit);

#endif
