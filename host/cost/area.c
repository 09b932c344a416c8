#include "cost/area.h"

#include <string.h>

/* What the amounts of area.def are made of. */
struct shape {
	double rows, cols, pes, lanes; /* lanes: of VEC and LOAD, max(rows, cols) */
	double a, w, acc, psum;        /* widths in bits */
	double a_address, w_address, acc_address;
	double fifo, queue;            /* bits, commands */
};

#define COEFFICIENT(id, meaning)
#define TERM(part, coefficient, amount)
#define PART(id, name, help) name,
const char *const qmac_area_part_names[QMAC_AREA_PARTS] = {
#include "cost/area.def"
};
#undef PART
#define PART(id, name, help)
#undef COEFFICIENT
#define COEFFICIENT(id, meaning) #id,
const char *const qmac_area_coefficient_names[QMAC_AREA_COEFFICIENTS] = {
#include "cost/area.def"
};
#undef COEFFICIENT
#define COEFFICIENT(id, meaning) meaning,
const char *const qmac_area_coefficient_meanings[QMAC_AREA_COEFFICIENTS] = {
#include "cost/area.def"
};
#undef COEFFICIENT
#undef TERM

const char *const qmac_area_memory_names[QMAC_AREA_MEMORIES] = {"A", "W", "ACC", "table"};

static double larger(int a, int b)
{
	return a > b ? a : b;
}

/* Bits that tell `places` apart. */
static double address_bits(int places)
{
	int bits = 0;

	while (bits < 30 && 1 << bits < places)
		bits++;
	return bits;
}

static struct shape shape_of(const struct qmac_hw *hw)
{
	return (struct shape){
		.rows = hw->rows, .cols = hw->cols, .pes = (double)hw->rows * hw->cols,
		.lanes = larger(hw->rows, hw->cols),
		.a = hw->a_bits, .w = hw->w_bits, .acc = hw->acc_bits, .psum = qmac_hw_psum_bits(hw),
		.a_address = address_bits(hw->a_depth), .w_address = address_bits(hw->w_depth),
		.acc_address = address_bits(hw->acc_depth),
		.fifo = 8.0 * hw->outstanding * hw->burst_beats * hw->bus_bytes, .queue = hw->queue_depth,
	};
}

void qmac_area_amounts(enum qmac_area_part part, const struct qmac_hw *hw,
                       double amounts[QMAC_AREA_COEFFICIENTS])
{
	const struct shape shape = shape_of(hw), *s = &shape;

	memset(amounts, 0, QMAC_AREA_COEFFICIENTS * sizeof *amounts);
#define PART(id, name, help)
#define COEFFICIENT(id, meaning)
#define TERM(of, coefficient, amount) \
	if (part == QMAC_AREA_##of) \
		amounts[QMAC_AREA_COEFFICIENT_##coefficient] = amount;
#include "cost/area.def"
#undef PART
#undef COEFFICIENT
#undef TERM
}

static void count_bits(const struct qmac_hw *hw, int64_t bits[QMAC_AREA_MEMORIES])
{
	bits[0] = (int64_t)hw->rows * hw->a_bits * hw->a_depth;
	bits[1] = (int64_t)hw->cols * hw->w_bits * hw->w_depth;
	bits[2] = (int64_t)hw->cols * hw->acc_bits * hw->acc_depth;
	bits[3] = (int64_t)32 << hw->lut_bits;
}

void qmac_area(const struct qmac_area_table *table, const struct qmac_hw *hw, struct qmac_area *area)
{
	double amounts[QMAC_AREA_COEFFICIENTS];

	*area = (struct qmac_area){0};
	for (int part = 0; part < QMAC_AREA_PARTS; part++) {
		qmac_area_amounts((enum qmac_area_part)part, hw, amounts);
		for (int i = 0; i < QMAC_AREA_COEFFICIENTS; i++)
			area->gates[part] += table->gates[i].value * amounts[i];
		area->um2[part] = area->gates[part] * table->um2_per_gate.value;
		area->total_gates += area->gates[part];
		area->total_um2 += area->um2[part];
	}
	count_bits(hw, area->bits);
	for (int i = 0; i < QMAC_AREA_MEMORIES; i++) {
		area->memory_um2[i] = (double)area->bits[i] * table->um2_per_bit.value;
		area->all_bits += area->bits[i];
		area->all_memory_um2 += area->memory_um2[i];
	}
}
