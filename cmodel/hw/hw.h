/*
 * The hardware configuration: a plain value with one validating function.
 *
 * Every parameter stands once, in params.def; reading it from YAML is the
 * host's business (host/config/hw_file.h).
 */
#ifndef QMAC_HW_HW_H
#define QMAC_HW_HW_H

#include <stdint.h>

#include "base/error.h"
#include "base/key.h"

enum { QMAC_OVERFLOW_WRAP, QMAC_OVERFLOW_SATURATE };
enum { QMAC_STYLE_PARALLEL, QMAC_STYLE_FUSED, QMAC_STYLE_SERIAL };

struct qmac_hw {
#define INT(name, low, high, help) int name;
#define POWER2(name, low, high, help) int name;
#define EVEN(name, low, high, help) int name;
#define CHOICE(name, words, help) int name;
#define BOOL(name, help) int name;
#define DRAM_INT(name, low, high, help) int dram_##name;
#define DRAM_POWER2(name, low, high, help) int dram_##name;
#define DRAM_FIXED8(name, low, high, help) int dram_##name;
#include "hw/params.def"
#undef INT
#undef POWER2
#undef EVEN
#undef CHOICE
#undef BOOL
#undef DRAM_INT
#undef DRAM_POWER2
#undef DRAM_FIXED8
};

/* The parameters, in the order of params.def. */
extern const struct qmac_key qmac_params[];
extern const int qmac_param_count;

/* Ready-made memories, in units of time: a preset's values come with their source in hw.c. */
struct qmac_dram_preset {
	const char *name;
	int latency_ps, mb_per_s, banks, row_bytes, miss_ps, turnaround_ps;
	const char *source;
};

#define QMAC_DRAM_PRESET_WORDS "ddr4|lpddr4|hbm2"
extern const struct qmac_dram_preset qmac_dram_presets[]; /* in the order of the words */
extern const int qmac_dram_preset_count;

/*
 * Sets the members dram_* to that memory at hw->clock_mhz: times to the nearest cycle, a half up; the
 * rate down to 1/256 byte per cycle, at most what the key may be, 1,024 bytes: a bus takes 64 at most, so
 * that nothing becomes slower by that limit.
 */
void qmac_dram_preset_apply(const struct qmac_dram_preset *preset, struct qmac_hw *hw);

/* Points into hw to the member of one parameter. */
int *qmac_hw_member(struct qmac_hw *hw, const struct qmac_key *param);

/*
 * Checks every range and every rule between parameters. At the first violation
 * fills err with the message (no place) and *culprit (may be NULL) with the
 * table row of the key to blame, so that the caller can name the line.
 */
QMAC_MUST_CHECK enum qmac_status qmac_hw_check(const struct qmac_hw *hw, const struct qmac_key **culprit,
                                               struct qmac_error *err);

/* Width of a sum inside the array: a_bits + w_bits + 1 + clog2(max(rows, os_max)). */
int qmac_hw_psum_bits(const struct qmac_hw *hw);

#endif
