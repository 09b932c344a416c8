// What is particular to VEC in the check of a descriptor, in stage 2: widths, lanes, table, hazards. Rows and
// the product (n0-1)*d0 come from the nests of destination (d) and sources (a, b).
`default_nettype none
`include "qmac_isa.vh"

module qmac_check_vec #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter ACC_DEPTH = 64,
	parameter LUT_BITS = 8
) (
	input  wire [511:0] held_i,      // the descriptor in stage 2
	input  wire [31:0]  d_highest_i,
	input  wire [31:0]  a_highest_i,
	input  wire [31:0]  b_highest_i,
	input  wire [31:0]  d_inner_i,   // (n0-1) * d0
	output wire         width_o,
	output wire         range_o,     // leaving out counts and rows of the nests
	output wire         hazard_o
);
	localparam [31:0] ROW_LANES = ROWS;
	localparam [31:0] COL_LANES = COLS;
	localparam [31:0] A_WIDTH = A_BITS;
	localparam [31:0] W_WIDTH = W_BITS;
	localparam [31:0] RESULT_BITS = ACC_BITS < 63 ? ACC_BITS : 63;
	localparam [31:0] ACC_ROWS = ACC_DEPTH;
	localparam [31:0] COEFFICIENT_ROWS = `QMAC_COEFFICIENTS;
	localparam [31:0] TABLE_BITS = LUT_BITS;
	localparam [31:0] TABLE_WORDS = 1 << LUT_BITS;

	function [6:0] lanes_of(input [31:0] space);
		lanes_of = space == `QMAC_SPACE_A ? ROW_LANES[6:0] : COL_LANES[6:0];
	endfunction

	wire [31:0] op = {27'd0, held_i[`QMAC_VEC_op]};
	wire [31:0] dspace = {30'd0, held_i[`QMAC_VEC_dspace]};
	wire [31:0] s0space = {30'd0, held_i[`QMAC_VEC_s0space]};
	wire [31:0] s1space = {30'd0, held_i[`QMAC_VEC_s1space]};
	wire lookup = op == `QMAC_OP_LOOKUP;
	wire has_src1 = !lookup && s1space != `QMAC_SPACE_IMM; // rows
	wire affine = op == `QMAC_OP_AFFINE;
	wire sums = has_src1 && held_i[`QMAC_VEC_sum] != 16'd0;

	// ---- rows of coefficients and of sums, in ACC; a count of 0 is refused by itself
	wire [15:0] n1 = held_i[`QMAC_VEC_n1], coef = held_i[`QMAC_VEC_coef], sum = held_i[`QMAC_VEC_sum];
	wire [15:0] latches = held_i[`QMAC_VEC_coef_step] ? n1 : 16'd1;
	wire [18:0] coef_last = {3'd0, coef} + {3'd0, latches} * COEFFICIENT_ROWS[18:0] - 19'd1;
	wire [18:0] sum_last = {3'd0, sum} + {3'd0, n1} - 19'd1;
	wire acc_range = (affine && coef_last >= ACC_ROWS[18:0]) || (sums && sum_last >= ACC_ROWS[18:0]);

	// ---- widths
	wire [5:0] bw_less = held_i[`QMAC_VEC_bw] - 6'd1; // of 0: 63
	wire [4:0] nbits = held_i[`QMAC_VEC_nbits];
	wire [4:0] widest = dspace == `QMAC_SPACE_A ? A_WIDTH[4:0] : W_WIDTH[4:0];
	wire [31:0] in_bits = {26'd0, held_i[`QMAC_VEC_in_bits]};
	wire [31:0] lut_n = {28'd0, held_i[`QMAC_VEC_lut_n]};
	wire bad_limb = dspace != `QMAC_SPACE_ACC && (nbits == 5'd0 || nbits > widest);
	wire bad_input = in_bits == 32'd0 || in_bits > `QMAC_LOOKUP_BITS_MAX || in_bits < lut_n ||
		lut_n > TABLE_BITS;

	assign width_o = bw_less >= RESULT_BITS[5:0] || bad_limb || (lookup && bad_input);

	// ---- lanes and table; lane0 is reserved where the destination is ACC, l0 with a lookup
	wire [6:0] lanes = held_i[`QMAC_VEC_lanes];
	wire [7:0] lane_end = {2'd0, held_i[`QMAC_VEC_lane0]} + {1'b0, lanes};
	wire [16:0] table_end = {5'd0, held_i[`QMAC_VEC_lut_base]} + (17'd1 << lut_n);

	assign range_o = acc_range || lanes == 7'd0 || lanes > lanes_of(s0space) ||
		lane_end > {1'b0, lanes_of(dspace)} || (has_src1 && lanes > lanes_of(s1space)) ||
		((affine || sums) && lanes > COL_LANES[6:0]) || {26'd0, held_i[`QMAC_VEC_l0]} > `QMAC_L0_MAX ||
		(lookup && table_end > TABLE_WORDS[16:0]);

	// ---- hazards; d0 is reserved under red_rows
	wire [15:0] dst = held_i[`QMAC_VEC_dst], d1 = held_i[`QMAC_VEC_d1], d0 = held_i[`QMAC_VEC_d0];
	wire red_rows = held_i[`QMAC_VEC_red_rows];
	wire one1 = n1 == 16'd1, one0 = held_i[`QMAC_VEC_n0] == 16'd1;
	wire rewrites = (!one1 && d1 == 16'd0) || (!one0 && d0 == 16'd0 && !red_rows);
	// A row that is visited twice would be read the second time before its first result is written.
	wire visits_once = one1 || one0 || {16'd0, d1} > d_inner_i;

	// Closed intervals of rows meet, other than row for row in place.
	wire [15:0] src0 = held_i[`QMAC_VEC_src0], a1 = held_i[`QMAC_VEC_a1], a0 = held_i[`QMAC_VEC_a0];
	wire [15:0] src1 = held_i[`QMAC_VEC_src1], b1 = held_i[`QMAC_VEC_b1], b0 = held_i[`QMAC_VEC_b0];
	wire a_same = src0 == dst && (one1 || a1 == d1) && (one0 || (a0 == d0 && !red_rows));
	wire b_same = src1 == dst && (one1 || b1 == d1) && (one0 || (b0 == d0 && !red_rows));
	wire a_meets = {16'd0, dst} <= a_highest_i && {16'd0, src0} <= d_highest_i && !(visits_once && a_same);
	wire b_meets = {16'd0, dst} <= b_highest_i && {16'd0, src1} <= d_highest_i && !(visits_once && b_same);

	// Rows of coefficients and sums.
	wire d_acc = dspace == `QMAC_SPACE_ACC, a_acc = s0space == `QMAC_SPACE_ACC;
	wire b_acc = s1space == `QMAC_SPACE_ACC;
	wire coef_d = d_acc && {16'd0, coef} <= d_highest_i && {3'd0, dst} <= coef_last;
	wire sum_d = d_acc && {16'd0, sum} <= d_highest_i && {3'd0, dst} <= sum_last;
	wire sum_a = a_acc && {16'd0, sum} <= a_highest_i && {3'd0, src0} <= sum_last;
	wire sum_b = b_acc && {16'd0, sum} <= b_highest_i && {3'd0, src1} <= sum_last;
	wire sum_coef = affine && {3'd0, sum} <= coef_last && {3'd0, coef} <= sum_last;

	assign hazard_o = rewrites || (s0space == dspace && a_meets) ||
		(has_src1 && s1space == dspace && b_meets) || (affine && coef_d) ||
		(sums && (sum_d || sum_a || sum_b || sum_coef));

	wire unused = &{1'b0, held_i}; // not all bits are
endmodule
