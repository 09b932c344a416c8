/*
 * Reads a hardware file (configs/hw/) from YAML: the device, and what the host beside it costs.
 */
#ifndef QMAC_CONFIG_HW_FILE_H
#define QMAC_CONFIG_HW_FILE_H

#include <stdbool.h>
#include <stdio.h>

#include "config/key_table.h"
#include "cost/energy.h"
#include "hw/hw.h"

/* The group `host`: how fast the host computes and moves data, and its energy. Nothing else depends on it. */
struct qmac_host {
	double gflops, gbytes_per_s, pj_per_flop; /* all 0 where the file has no such group */
};

struct qmac_hw_file {
	struct qmac_hw hw;
	struct qmac_host host;
	enum qmac_dram_kind dram_energy; /* by dram.energy, else by the preset */
};

/* What a hardware file may hold beside qmac_params: dram.preset, dram.energy and the group `host`. */
extern const struct qmac_key_table qmac_hw_more_table;

/*
 * Every key of params.def must be there, once; of the mapping `dram`, either `preset` with any
 * overrides or all keys. A preset counts nanoseconds, which clock_mhz makes cycles, in whatever order the
 * keys stand; an override counts cycles. Which memory chips energy is that of, `energy` says, else the
 * preset. The mapping `host` may be left out; where it is there it has all of its keys. Unknown (with the
 * nearest key), duplicate, missing, mistyped, out-of-range and inconsistent keys are refused with
 * file:line:column, as is a mac_style that is not available yet.
 */
QMAC_MUST_CHECK enum qmac_status qmac_hw_file_load(struct qmac_hw_file *hw_file, const char *file,
                                                   struct qmac_error *err);
/* The device of the file alone. */
QMAC_MUST_CHECK enum qmac_status qmac_hw_load(struct qmac_hw *hw, const char *file, struct qmac_error *err);

static inline bool qmac_host_is_given(const struct qmac_host *host)
{
	return host->gflops > 0;
}

/* Writes YAML that qmac_hw_file_load reads back to the same values: the device, and both. */
void qmac_hw_print(const struct qmac_hw *hw, FILE *out);
void qmac_hw_file_print(const struct qmac_hw_file *hw_file, FILE *out);

#endif
