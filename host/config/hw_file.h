/*
 * Reads a hardware configuration (configs/hw/) from YAML.
 */
#ifndef QMAC_CONFIG_HW_FILE_H
#define QMAC_CONFIG_HW_FILE_H

#include <stdio.h>

#include "hw/hw.h"

/*
 * Every key of params.def must be there, once; of the mapping `dram`, either `preset` with any
 * overrides or all keys. A preset counts nanoseconds, which clock_mhz makes cycles, in whatever order the
 * keys stand; an override counts cycles. Unknown (with the nearest key), duplicate, missing, mistyped,
 * out-of-range and inconsistent keys are refused with file:line:column, as is a mac_style that
 * is not available yet.
 */
QMAC_MUST_CHECK enum qmac_status qmac_hw_load(struct qmac_hw *hw, const char *file, struct qmac_error *err);

/* Reads and writes the value of one key; errors have no place. */
QMAC_MUST_CHECK enum qmac_status qmac_hw_read_value(struct qmac_hw *hw, const struct qmac_param *p,
                                                    const char *text, struct qmac_error *err);
void qmac_hw_print_value(const struct qmac_hw *hw, const struct qmac_param *p, FILE *out);

/* Writes hw as YAML that qmac_hw_load reads back to the same values. */
void qmac_hw_print(const struct qmac_hw *hw, FILE *out);

#endif
