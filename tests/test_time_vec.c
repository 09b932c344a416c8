/* Time of VEC, by hand: rows that share a port, coefficients, sums, the tree over the lanes. */
#include <string.h>

#include "reference/time_pair.h"
#include "test.h"

static const struct qmac_hw plain = {
	.rows = 8, .cols = 8, .a_bits = 8, .w_bits = 8, .acc_bits = 32, .os_max = 4096, .a_depth = 256,
	.w_depth = 256, .acc_depth = 256, .bus_bytes = 64, .burst_beats = 16, .outstanding = 4, .queue_depth = 16,
	.lut_bits = 6, .lut_ports = 3, .clock_mhz = 500, .dram_bytes_per_cycle = 64 * 256, .dram_banks = 8,
	.dram_row_bytes = 2048,
};

/* Runs one command on both sides, which must agree; the cycles from its start to its end. */
static uint64_t cycles_of(struct time_pair *pair, const struct qmac_command *command)
{
	uint32_t number = pair->count;

	time_pair_add(pair, command);
	time_pair_run(pair);
	CU_ASSERT_EQUAL(time_pair_differences(pair, 0), 0);
	return pair->record[number].cycle - pair->record[number].start;
}

/*
 * 5 x 4 iterations on 8 columns with 3 table ports; banks of W and ACC begin at rows 0 and 128. To
 * iterations and what is added to them come 12 cycles from the last row to the end.
 */
#define BOTH_W .s0space = QMAC_SPACE_W, .s1space = QMAC_SPACE_W

static void test_vec(void)
{
	static const struct {
		struct qmac_command command;
		uint64_t cycles;
	} cases[] = {
		{{.s0space = QMAC_SPACE_W, .s1space = QMAC_SPACE_IMM, .a1 = 1}, 20 + 12},
		{{.s0space = QMAC_SPACE_W, .s1space = QMAC_SPACE_ACC, .b0 = 1}, 20 + 12},
		/* one bank: every iteration shares, the first of each i1 where src1 is held, none where it is src0 */
		{{BOTH_W, .src1 = 9, .b0 = 1}, 20 + 20 + 12},
		{{BOTH_W, .src1 = 127}, 20 + 4 + 12},
		{{BOTH_W}, 20 + 12},
		{{BOTH_W, .a0 = 1, .b0 = 1}, 20 + 12},
		{{BOTH_W, .a0 = 1}, 20 + 12}, /* src0 stands at row 0, too, when it is read */
		{{BOTH_W, .a0 = 2, .src1 = 4, .b0 = 1}, 20 + 16 + 12}, /* both at row 8 where i0 is 4 */
		/* two banks: none; where src1 passes from one to the other, two of four, two of five */
		{{BOTH_W, .src1 = 128}, 20 + 12},
		{{BOTH_W, .src1 = 128, .b0 = 1}, 20 + 12},
		{{BOTH_W, .src1 = 126, .b1 = 1}, 20 + 2 + 12},
		{{BOTH_W, .src1 = 126, .b0 = 1}, 20 + 4 * 2 + 12},
		/* src0 at 0, 63, 126 and at 189, 252; src1 at 0 .. 4, the first of them src0's, and at 128 .. 132 */
		{{BOTH_W, .a0 = 63, .b0 = 1, .b1 = 128, .n1 = 2}, 10 + 2 + 2 + 12},
		{{BOTH_W, .a0 = 63, .b1 = 128, .n1 = 2}, 10 + 12},
		{{.s0space = QMAC_SPACE_W, .s1space = QMAC_SPACE_IMM, .red_lanes = 1}, 20 + 12 + 3},
		{{.s0space = QMAC_SPACE_W, .op = QMAC_OP_LOOKUP, .lut_n = 4, .in_bits = 8}, 3 * 20 + 12},
		{{.s0space = QMAC_SPACE_W, .op = QMAC_OP_LOOKUP, .lut_n = 4, .in_bits = 8, .red_lanes = 1},
		 3 * 20 + 12 + 3},
		/* coefficients, three rows each time they are latched; a sum for each of four i1; a monitor */
		{{BOTH_W, .op = QMAC_OP_AFFINE, .coef = 9}, 20 + 3 + 12},
		{{BOTH_W, .op = QMAC_OP_AFFINE, .coef = 9, .coef_step = 1}, 20 + 4 * 3 + 12},
		{{BOTH_W, .op = QMAC_OP_AFFINE, .coef_step = 1, .red_rows = 1, .red_lanes = 1}, 20 + 4 * 3 + 12 + 3},
		{{BOTH_W, .sum = 9}, 20 + 4 + 12},
		{{BOTH_W, .sum = 9, .monitor = 3}, 20 + 4 + 12},
		{{BOTH_W, .op = QMAC_OP_AFFINE, .coef_step = 1, .src1 = 9, .sum = 90}, 20 + 4 + 4 * 3 + 4 + 12},
	};
	static struct time_pair pair;

	if (!time_pair_open(&pair, &plain, 4096, 2))
		return;
	for (uint32_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct qmac_command command = cases[i].command;

		command.opcode = QMAC_OPCODE_VEC;
		command.dspace = QMAC_SPACE_A;
		command.d0 = !command.red_rows;
		command.d1 = 5;
		command.n0 = 5;
		command.n1 = command.n1 ? command.n1 : 4;
		command.lanes = command.bw = command.nbits = 8;
		CU_ASSERT_EQUAL(cycles_of(&pair, &command), cases[i].cycles);
	}
	time_pair_close(&pair);
}

/* The tree has as many stages as halve the longer side of the array, whatever lanes are in use. */
static void test_tree(void)
{
	static const struct {
		int rows, cols;
		uint64_t stages;
	} shapes[] = {
		{1, 1, 0}, {2, 1, 1}, {1, 3, 2}, {1, 7, 3}, {5, 1, 3}, {8, 4, 3}, {9, 8, 4}, {12, 20, 5}, {3, 64, 6},
		{64, 3, 6},
	};
	static struct time_pair pair;

	for (int i = 0; i < TEST_COUNT(shapes); i++) {
		struct qmac_command command = {
			.opcode = QMAC_OPCODE_VEC, .s0space = QMAC_SPACE_A, .s1space = QMAC_SPACE_IMM, .n0 = 1, .n1 = 1,
			.lanes = 1, .bw = 8, .nbits = 8, .red_lanes = 1,
		};
		struct qmac_hw hw = plain;

		hw.rows = shapes[i].rows;
		hw.cols = shapes[i].cols;
		hw.lut_ports = 1;
		if (!time_pair_open(&pair, &hw, 4096, 2))
			return;
		command.dspace = QMAC_SPACE_W;
		CU_ASSERT_EQUAL(cycles_of(&pair, &command), 1 + 12 + shapes[i].stages);
		command.red_lanes = 0;
		CU_ASSERT_EQUAL(cycles_of(&pair, &command), 1 + 12);
		time_pair_close(&pair);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"cost of VEC", test_vec},
		{"the tree over the lanes", test_tree},
	};

	return test_main("test_time_vec", cases, TEST_COUNT(cases));
}
