/*
 * Area of a device from its parameters: an analytic model whose coefficients come from the synthesis of this
 * very RTL (configs/area/; docs/area.md).
 *
 *   gates(part) = sum over the terms of the part of coefficient * amount(hardware)     (area.def)
 *   area(part)  = gates(part) * um2_per_gate
 *
 * A gate is a NAND of two inputs. Memories (scratchpads, table) are counted in bits; they have an area only
 * where the table has one for a bit.
 */
#ifndef QMAC_COST_AREA_H
#define QMAC_COST_AREA_H

#include <stdint.h>

#include "hw/hw.h"

enum qmac_area_part {
#define PART(id, name, help) QMAC_AREA_##id,
#define COEFFICIENT(id, meaning)
#define TERM(part, coefficient, amount)
#include "cost/area.def"
#undef PART
	QMAC_AREA_PARTS
};

enum qmac_area_coefficient {
#define PART(id, name, help)
#undef COEFFICIENT
#define COEFFICIENT(id, meaning) QMAC_AREA_COEFFICIENT_##id,
#include "cost/area.def"
#undef PART
#undef COEFFICIENT
#undef TERM
	QMAC_AREA_COEFFICIENTS
};

enum { QMAC_AREA_MEMORIES = 4, QMAC_AREA_NAME = 64 };

struct qmac_area_figure {
	double value; /* at least 0 */
	char unit[16];
	char node[32];   /* "180 nm" */
	char source[256];
};

/* All figures; host/config/area_file.h reads one from YAML. */
struct qmac_area_table {
	char library[QMAC_AREA_NAME];          /* whose gates they are */
	struct qmac_area_figure um2_per_gate;
	struct qmac_area_figure um2_per_bit;   /* of a memory; 0: not established */
	struct qmac_area_figure gates[QMAC_AREA_COEFFICIENTS];
};

struct qmac_area {
	double gates[QMAC_AREA_PARTS], um2[QMAC_AREA_PARTS];
	int64_t bits[QMAC_AREA_MEMORIES];     /* of A, W, ACC and the table */
	double memory_um2[QMAC_AREA_MEMORIES]; /* 0 where the table has none for a bit */
	double total_gates, total_um2;        /* of the parts, without memories */
	int64_t all_bits;                     /* of all memories */
	double all_memory_um2;
};

extern const char *const qmac_area_part_names[QMAC_AREA_PARTS];     /* "array" */
extern const char *const qmac_area_memory_names[QMAC_AREA_MEMORIES];
extern const char *const qmac_area_coefficient_names[QMAC_AREA_COEFFICIENTS];    /* "array_product" */
extern const char *const qmac_area_coefficient_meanings[QMAC_AREA_COEFFICIENTS]; /* of what */

/* Valid hardware (qmac_hw_check). */
void qmac_area(const struct qmac_area_table *table, const struct qmac_hw *hw, struct qmac_area *area);

/*
 * How often each coefficient is in the gates of a part: what a fit needs. amounts[] gets 0 for those that the
 * part does not have.
 */
void qmac_area_amounts(enum qmac_area_part part, const struct qmac_hw *hw,
                       double amounts[QMAC_AREA_COEFFICIENTS]);

#endif
