/* The device, the legal commands and the cases of fault_cases.h. */
#include "reference/fault_commands.h"

#include <stddef.h>
#include <string.h>

const struct qmac_hw fault_hw = {
	.rows = 12, .cols = 20, .a_bits = 7, .w_bits = 11, .acc_bits = 40, .acc_overflow = QMAC_OVERFLOW_SATURATE,
	.os_max = 256, .a_depth = 64, .w_depth = 80, .acc_depth = 90, .bus_bytes = 8, .burst_beats = 16,
	.outstanding = 4, .queue_depth = 4, .lut_bits = 6, .lut_ports = 4, .clock_mhz = 500,
	.dram_bytes_per_cycle = 2048, .dram_banks = 8, .dram_row_bytes = 2048,
};
const struct qmac_dispatch_state fault_state = {4096, 1048576, {5, 70000, 0}};

#define MOVE_PART \
	.base = 8192, .s0 = 16, .s1 = 64, .s2 = 256, .n0 = 4, .n1 = 3, .n2 = 2, .len = 2, .hi0 = 3, .hi1 = 2, \
	.ds0 = 1, .ds1 = 4, .ds2 = 12
#define VEC_PART \
	.opcode = QMAC_OPCODE_VEC, .n0 = 4, .n1 = 3, .a0 = 1, .a1 = 4, .d0 = 1, .d1 = 4, .lanes = 5, .bw = 16

const struct qmac_command fault_bases[FAULT_BASES] = {
	[LOAD_A] = {
		.opcode = QMAC_OPCODE_LOAD, MOVE_PART, .space = QMAC_SPACE_A,
		.container = QMAC_CONTAINER_HALF, .lsb = 4, .nbits = 7,
	},
	[LOAD_W] = {
		.opcode = QMAC_OPCODE_LOAD, MOVE_PART, .space = QMAC_SPACE_W,
		.container = QMAC_CONTAINER_HALF, .nbits = 11,
	},
	[LOAD_ACC] = {
		.opcode = QMAC_OPCODE_LOAD, MOVE_PART, .space = QMAC_SPACE_ACC,
		.container = QMAC_CONTAINER_DOUBLE,
	},
	[LOAD_LUT] = {
		.opcode = QMAC_OPCODE_LOAD, .base = 8192, .s0 = 4, .n0 = 64, .n1 = 1, .n2 = 1, .len = 1,
		.hi0 = 63, .ds0 = 1, .space = QMAC_SPACE_LUT, .container = QMAC_CONTAINER_WORD,
	},
	[STORE] = {
		.opcode = QMAC_OPCODE_STORE, MOVE_PART, .space = QMAC_SPACE_ACC,
		.container = QMAC_CONTAINER_WORD,
	},
	[WS] = {
		.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_WS, .n0 = 4, .n1 = 3, .n2 = 2, .as0 = 1,
		.as1 = 4, .as2 = 12, .cs0 = 1, .cs1 = 4, .cs2 = 12, .k = 12, .n = 20,
	},
	[OS] = {
		.opcode = QMAC_OPCODE_GEMM, .mode = QMAC_MODE_OS, .n0 = 4, .n1 = 3, .n2 = 2, .as0 = 1,
		.as1 = 4, .as2 = 12, .ws0 = 1, .ws1 = 4, .ws2 = 12, .k = 12, .n = 20,
	},
	[ADD] = {
		VEC_PART, .op = QMAC_OP_ADD, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_W, .src0 = 40, .b0 = 1, .b1 = 4, .mult = 1,
	},
	[TO_A] = {
		VEC_PART, .op = QMAC_OP_MUL, .dspace = QMAC_SPACE_A, .s0space = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_IMM, .imm = -3, .nbits = 7, .lane0 = 7, .rnd = QMAC_ROUND_STOCHASTIC,
		.shift = 3, .seed = 9,
	},
	[LOOKUP] = {
		VEC_PART, .op = QMAC_OP_LOOKUP, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_A,
		.in_bits = 10, .lut_n = 4, .lut_base = 48,
	},
	[EQUAL] = {
		VEC_PART, .op = QMAC_OP_EQ, .dspace = QMAC_SPACE_W, .nbits = 1, .s0space = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_IMM,
	},
	[AFFINE] = {
		VEC_PART, .op = QMAC_OP_AFFINE, .dspace = QMAC_SPACE_ACC, .s0space = QMAC_SPACE_ACC,
		.s1space = QMAC_SPACE_W, .src0 = 40, .b0 = 1, .b1 = 4, .coef = 60,
	},
	[SYNC_IRQ] = {
		.opcode = QMAC_OPCODE_SYNC, .irq = 1, .stamp = 1, .tag = 77,
	},
};

#define SET(field, value) {1, offsetof(struct qmac_command, field), value}

const struct fault_case fault_cases[] = {
#include "reference/fault_cases.h"
};
const int fault_case_count = (int)(sizeof fault_cases / sizeof fault_cases[0]);

static void apply(const struct fault_change *change, struct qmac_command *command)
{
	uint32_t word = (uint32_t)change->value;
	int wide = change->offset == offsetof(struct qmac_command, base);

	if (change->used && wide)
		memcpy((char *)command + change->offset, &change->value, sizeof change->value);
	else if (change->used)
		memcpy((char *)command + change->offset, &word, sizeof word);
}

void fault_command(const struct fault_case *fault_case, struct qmac_command *command)
{
	*command = fault_bases[fault_case->base];
	for (int i = 0; i < FAULT_CHANGES; i++)
		apply(&fault_case->changes[i], command);
}
