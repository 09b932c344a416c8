#include "time/array.h"

#include <stdbool.h>

#include "isa/space.h"
#include "time/later.h"

static unsigned clog2(unsigned n)
{
	unsigned bits = 0;

	while ((1U << bits) < n)
		bits++;
	return bits;
}

struct qmac_array_time qmac_array_gemm(struct qmac_array *array, const struct qmac_hw *hw, unsigned mode,
                                       uint64_t slots, uint64_t k, uint64_t arrival)
{
	uint64_t rows = (uint64_t)hw->rows, cols = (uint64_t)hw->cols;
	uint64_t load = qmac_later(arrival, array->start) + 1, end = array->start + array->slots, start;

	if (mode == QMAC_MODE_WS) {
		/* The W port is busy while an output-stationary pass streams. */
		bool after_os = array->slots && array->mode == QMAC_MODE_OS;

		start = qmac_later(qmac_later(load, after_os ? end : 0) + k, end);
		if (array->out + 1 > rows)
			start = qmac_later(start, array->out + 1 - rows);
		array->out = start + slots - 1 + rows;
	} else {
		start = qmac_later(load, end);
		if (array->out > slots)
			start = qmac_later(start, array->out - slots);
		array->out = start + slots + 1 + 2 * (k - 1);
	}
	array->start = start;
	array->slots = slots;
	array->mode = mode;
	return (struct qmac_array_time){load, array->out + cols - 1 + 3};
}

/* Iterations in which both row sources lie in one bank of one scratchpad: one read port serves both. */
static uint64_t shared_reads(const struct qmac_hw *hw, const struct qmac_command *c)
{
	uint32_t half = qmac_space_rows(hw, c->s0space) / 2;
	uint32_t last0 = c->src0 + (c->n1 - 1) * c->a1 + (c->n0 - 1) * c->a0;
	uint32_t last1 = c->src1 + (c->n1 - 1) * c->b1 + (c->n0 - 1) * c->b0;
	uint64_t shared = 0;

	if (c->op == QMAC_OP_LOOKUP || c->s1space == QMAC_SPACE_IMM || c->s0space != c->s1space)
		return 0;
	if ((c->src0 < half) == (last0 < half) && (c->src1 < half) == (last1 < half))
		return (c->src0 < half) == (c->src1 < half) ? (uint64_t)c->n1 * c->n0 : 0;
	for (uint32_t i1 = 0; i1 < c->n1; i1++)
		for (uint32_t i0 = 0; i0 < c->n0; i0++)
			shared += (c->src0 + i1 * c->a1 + i0 * c->a0 < half) ==
			          (c->src1 + i1 * c->b1 + i0 * c->b0 < half);
	return shared;
}

uint64_t qmac_vec_cycles(const struct qmac_hw *hw, const struct qmac_command *command)
{
	uint64_t rows = (uint64_t)command->n1 * command->n0;
	uint64_t cycles = rows + shared_reads(hw, command);

	if (command->op == QMAC_OP_LOOKUP)
		cycles = rows * (((uint64_t)hw->cols + (uint64_t)hw->lut_ports - 1) / (uint64_t)hw->lut_ports);
	return cycles + QMAC_VEC_LATENCY + (command->red_lanes ? clog2((unsigned)hw->cols) : 0);
}
