#include "hw/hw.h"

#include <string.h>

enum { RATE_MAX = 1024 }; /* bytes per cycle: the highest of the key dram.bytes_per_cycle */

#define ROW(group, name, member, kind, low, high, words, help) \
	{group, #name, QMAC_KIND_##kind, low, high, words, "", NULL, 0, help, \
	 offsetof(struct qmac_hw, member), sizeof(int)},
#define INT(name, low, high, help) ROW("", name, name, INT, low, high, "", help)
#define POWER2(name, low, high, help) ROW("", name, name, POWER2, low, high, "", help)
#define EVEN(name, low, high, help) ROW("", name, name, EVEN, low, high, "", help)
#define CHOICE(name, words, help) ROW("", name, name, CHOICE, 0, 0, words, help)
#define BOOL(name, help) ROW("", name, name, BOOL, 0, 1, "", help)
#define DRAM_INT(name, low, high, help) ROW("dram", name, dram_##name, INT, low, high, "", help)
#define DRAM_POWER2(name, low, high, help) ROW("dram", name, dram_##name, POWER2, low, high, "", help)
#define DRAM_FIXED8(name, low, high, help) ROW("dram", name, dram_##name, FIXED8, low, high, "", help)

const struct qmac_key qmac_params[] = {
#include "hw/params.def"
};
const int qmac_param_count = (int)(sizeof qmac_params / sizeof qmac_params[0]);

#undef ROW
#undef INT
#undef POWER2
#undef EVEN
#undef CHOICE
#undef BOOL
#undef DRAM_INT
#undef DRAM_POWER2
#undef DRAM_FIXED8

/*
 * Derived from data-sheet figures, by one rule for all:
 *   latency     read latency of an open row, plus 20 ns for controller and PHY (the default of
 *               gem5's MemCtrl: 10 ns each way)
 *   miss        tRP + tRCD
 *   turnaround  the mean of both directions: write to read tWTR + read latency, read to write two
 *               memory clocks
 *   mb_per_s    the peak rate, rounded down to 250 MB/s
 *   banks       of all channels together, at most 64; row_bytes: of all devices of a channel
 * Refresh is left out. These are representative parts, not bounds: a key given beside the preset
 * overrides it.
 */
const struct qmac_dram_preset qmac_dram_presets[] = {
	/* tCK .625 ns, CL-tRCD-tRP 22-22-22, tWTR_L 7.5 ns; 8 devices x8: 25.6 GB/s, 16 banks, pages of 1 KB. */
	{"ddr4", 33750, 25500, 16, 8192, 27500, 11250,
	 "DDR4-3200AA, one 64-bit channel: JEDEC JESD79-4; Micron MT40A1G8-062E (8 Gb x8) data sheet"},
	/* tCK .625 ns, RL 28 clocks + tDQSCK 3.5 ns, tRPpb 18 ns, tRCD 18 ns, tWTR 10 ns; 2 x 8 banks, 2 KB. */
	{"lpddr4", 41000, 12750, 16, 2048, 36000, 16125,
	 "LPDDR4-3200, two 16-bit channels: JEDEC JESD209-4; Micron MT53B128M32D1-062 data sheet"},
	/* tCK 1 ns, CL 14, tRCD 14, tRP 14, tWTR_L 8; 8 x 128 bit at 2 Gb/s: 256 GB/s, 128 banks, 2 KB. */
	{"hbm2", 34000, 256000, 64, 2048, 28000, 12000,
	 "HBM2 at 2 Gb/s per pin, one stack: JEDEC JESD235A; timing as HBM2_8Gb_x128.ini of DRAMsim3"},
};
const int qmac_dram_preset_count = (int)(sizeof qmac_dram_presets / sizeof qmac_dram_presets[0]);

/* 1 ps at 1 MHz is 10^-6 cycles. */
static int cycles_of(int ps, int clock_mhz)
{
	return (int)(((int64_t)ps * clock_mhz + 500000) / 1000000);
}

void qmac_dram_preset_apply(const struct qmac_dram_preset *preset, struct qmac_hw *hw)
{
	int rate = (int)((int64_t)preset->mb_per_s * 256 / hw->clock_mhz);

	hw->dram_latency = cycles_of(preset->latency_ps, hw->clock_mhz);
	hw->dram_bytes_per_cycle = rate < RATE_MAX * 256 ? rate : RATE_MAX * 256;
	hw->dram_banks = preset->banks;
	hw->dram_row_bytes = preset->row_bytes;
	hw->dram_miss = cycles_of(preset->miss_ps, hw->clock_mhz);
	hw->dram_turnaround = cycles_of(preset->turnaround_ps, hw->clock_mhz);
}

int *qmac_hw_member(struct qmac_hw *hw, const struct qmac_key *param)
{
	return (int *)(void *)((char *)hw + param->offset);
}

static int value_of(const struct qmac_hw *hw, const struct qmac_key *param)
{
	int value;

	memcpy(&value, (const char *)hw + param->offset, sizeof value);
	return value;
}

static const struct qmac_key *param_of(size_t offset)
{
	for (int i = 0; i < qmac_param_count; i++)
		if (qmac_params[i].offset == offset)
			return &qmac_params[i];
	return NULL;
}

static int word_count(const char *words)
{
	int n = 1;

	for (; *words; words++)
		n += *words == '|';
	return n;
}

/* The rules that concern one parameter alone. */
static enum qmac_status check_param(const struct qmac_key *p, int value, struct qmac_error *err)
{
	const char *dot = p->group[0] ? "." : "";
	int unit = p->kind == QMAC_KIND_FIXED8 ? 256 : 1;
	int low = (int)p->low, high = p->kind == QMAC_KIND_CHOICE ? word_count(p->words) - 1 : (int)p->high;

	if (value < low * unit || value > high * unit)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s%s%s: %.10g is out of range %d..%d", p->group, dot,
		                 p->name, (double)value / unit, low, high);
	if (p->kind == QMAC_KIND_POWER2 && (value & (value - 1)) != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s%s%s: %d is not a power of two", p->group, dot, p->name,
		                 value);
	if (p->kind == QMAC_KIND_EVEN && value % 2 != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "%s%s%s: %d is odd, but each scratchpad has two equal banks",
		                 p->group, dot, p->name, value);
	return QMAC_OK;
}

/* A block of the array's longer side, and a second one beside it, must fit each scratchpad. */
static enum qmac_status check_depths(const struct qmac_hw *hw, const struct qmac_key **culprit,
                                     struct qmac_error *err)
{
	static const size_t depths[] = {
		offsetof(struct qmac_hw, a_depth),
		offsetof(struct qmac_hw, w_depth),
		offsetof(struct qmac_hw, acc_depth),
	};
	int least = 2 * (hw->rows > hw->cols ? hw->rows : hw->cols);

	for (size_t i = 0; i < sizeof depths / sizeof depths[0]; i++) {
		*culprit = param_of(depths[i]);
		if (value_of(hw, *culprit) < least)
			return qmac_fail(err, QMAC_BAD_INPUT, "%s: %d is less than 2 * max(rows, cols) = %d",
			                 (*culprit)->name, value_of(hw, *culprit), least);
	}
	return QMAC_OK;
}

enum qmac_status qmac_hw_check(const struct qmac_hw *hw, const struct qmac_key **culprit,
                               struct qmac_error *err)
{
	const struct qmac_key *unused;
	enum qmac_status status;

	if (!culprit)
		culprit = &unused;
	for (int i = 0; i < qmac_param_count; i++) {
		*culprit = &qmac_params[i];
		status = check_param(*culprit, value_of(hw, *culprit), err);
		if (status)
			return status;
	}
	status = check_depths(hw, culprit, err);
	if (status)
		return status;
	*culprit = param_of(offsetof(struct qmac_hw, lut_ports));
	if (hw->lut_ports > hw->cols)
		return qmac_fail(err, QMAC_BAD_INPUT, "lut_ports: %d is more than cols = %d", hw->lut_ports,
		                 hw->cols);
	*culprit = param_of(offsetof(struct qmac_hw, mac_style));
	if (hw->mac_style != QMAC_STYLE_PARALLEL)
		return qmac_fail(err, QMAC_BAD_INPUT, "mac_style: %s is not available yet; use parallel",
		                 hw->mac_style == QMAC_STYLE_FUSED ? "fused" : "serial");
	*culprit = NULL;
	return QMAC_OK;
}

int qmac_hw_psum_bits(const struct qmac_hw *hw)
{
	int longest = hw->rows > hw->os_max ? hw->rows : hw->os_max;
	int bits = 0;

	while (bits < 30 && 1 << bits < longest)
		bits++;
	return hw->a_bits + hw->w_bits + 1 + bits;
}
