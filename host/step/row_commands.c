#include "step/row_commands.h"

struct qmac_command qmac_rows_vector(unsigned op, uint32_t dst, uint32_t src0, uint32_t rows, uint32_t lanes)
{
	return (struct qmac_command){
		.opcode = QMAC_OPCODE_VEC, .op = op, .dst = dst, .src0 = src0, .n0 = rows, .n1 = 1, .d0 = 1, .a0 = 1,
		.dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC, .s1space = QMAC_SPACE_IMM,
		.mult = op == QMAC_OP_MUL ? 0 : 1, .lanes = lanes,
	};
}

void qmac_rows_second(struct qmac_command *command, unsigned space, uint32_t row)
{
	command->s1space = space;
	command->src1 = row;
	command->b0 = 1;
}

struct qmac_command qmac_rows_move(unsigned opcode, uint64_t address, unsigned container, unsigned space,
                                   uint32_t row, uint32_t vectors, uint32_t rows, uint32_t lanes)
{
	uint32_t row_bytes = lanes << container;

	return (struct qmac_command){
		.opcode = opcode, .base = address, .row = row, .s0 = row_bytes, .s1 = row_bytes * rows, .n0 = rows,
		.n1 = vectors, .n2 = 1, .len = lanes, .container = container, .is_signed = 1, .hi0 = rows - 1,
		.hi1 = vectors - 1, .space = space, .coalesce = 1, .ds0 = 1, .ds1 = rows,
	};
}
