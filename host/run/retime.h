/*
 * One training serves all hardware. All sums are exact and random numbers belong to elements
 * (docs/network-numerics.md, docs/algorithms.md), so no parameter of the hardware changes a value; what could
 * not hold a sum, a row or a table is refused when a run begins, in an estimate as in a training. A run that
 * differs in its hardware alone is therefore timed: by an estimate with the values of the one that was
 * trained (run/job.h, `timed_from`). Here is found out where that is the same, to the last digit.
 */
#ifndef QMAC_RUN_RETIME_H
#define QMAC_RUN_RETIME_H

#include "config/run_config.h"
#include "run/job.h"

enum { QMAC_RETIME_WHY = 200 };

/* Why a run is trained in any case, by its configuration; NULL: it need not be. */
const char *qmac_retime_refusal(const struct qmac_run *run);

/*
 * Whether other hardware may have the values of this training, whose whole result is in the folder: no sum in
 * ACC was limited, and the estimate of this very run has the costs of the training, epoch by epoch, so that
 * nothing in its data made commands that an estimate does not foresee. why: "" where it may. Fails where the
 * folder cannot be read; a stop counts as a reason.
 */
QMAC_MUST_CHECK enum qmac_status qmac_retime_check(const struct qmac_job *job, char why[QMAC_RETIME_WHY],
                                                   struct qmac_error *err);

#endif
