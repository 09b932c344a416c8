#include "time/array.h"

#include <stdbool.h>

#include "isa/vec_rows.h"
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

uint64_t qmac_vec_cycles(const struct qmac_hw *hw, const struct qmac_command *command)
{
	uint64_t rows = (uint64_t)command->n1 * command->n0, cycles = rows;
	unsigned widest = (unsigned)(hw->rows > hw->cols ? hw->rows : hw->cols);

	if (command->op == QMAC_OP_LOOKUP)
		cycles = rows * (((uint64_t)hw->cols + (uint64_t)hw->lut_ports - 1) / (uint64_t)hw->lut_ports);
	else
		cycles += qmac_vec_shared_reads(hw, command) +
		          (uint64_t)QMAC_COEFFICIENTS * qmac_vec_latches(command) + qmac_vec_sums(command);
	return cycles + QMAC_VEC_LATENCY + (command->red_lanes ? clog2(widest) : 0);
}
