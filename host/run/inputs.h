/* The files that a run reads, and whether what it writes would take the place of one of them. */
#ifndef QMAC_RUN_INPUTS_H
#define QMAC_RUN_INPUTS_H

#include "config/input.h"
#include "config/run_config.h"

QMAC_MUST_CHECK enum qmac_status qmac_run_inputs(struct qmac_inputs *inputs,
                                                 const struct qmac_run_config *config,
                                                 struct qmac_error *err);

/* Fails where results in that folder, or a trace (NULL: none), would be written over another file. */
QMAC_MUST_CHECK enum qmac_status qmac_run_check_outputs(const struct qmac_run_config *config,
                                                        const char *folder, const char *trace,
                                                        struct qmac_error *err);

#endif
