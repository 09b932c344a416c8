// The loops of VEC: which rows are asked for in which cycle (docs/rtl.md, "VEC").
//
// An iteration takes one cycle; two where both source rows are read and lie in one bank: src0 first, src1
// in the second; GROUPS in a lookup, which asks for its row in the first of them and puts one group of
// lanes after the other into the pipeline. Before the first iteration, or the first of each i1, rows of
// coefficients take a cycle each; behind the last of each i1 there is one for its sum.
`default_nettype none
`include "qmac_isa.vh"

module qmac_vec_sequencer #(
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	parameter GROUPS = 8,
	parameter PHASE_BITS = GROUPS > 2 ? $clog2(GROUPS) : 1 // derived: cycle of an iteration
) (
	input  wire                  clk_i,
	input  wire                  rst_ni,
	input  wire                  start_i,
	input  wire [511:64]         command_i,    // with start_i
	output reg  [511:64]         command_o,    // the one under way, from the next cycle on
	output reg                   begin_o,      // the cycle after start_i
	output wire [2:0]            read0_o,      // src0 asked: A, W, ACC
	output wire [15:0]           read0_row_o,
	output wire [2:0]            read1_o,      // src1, or coefficients
	output wire [15:0]           read1_row_o,
	output wire                  split_o,      // src1 alone is asked; the data of src0 are here
	output wire                  enter_o,      // in the next cycle lanes get their operands,
	output wire [PHASE_BITS-1:0] phase_o,      // those of this group in a lookup
	output wire                  both_o,       // then src1 is the row of src0
	output wire                  held_o,       // then src1 is as it was in the first iteration of this i1
	output wire                  keep_o,       // then src1 has to be kept for those that follow
	output wire [2:0]            coef_o,       // coefficients are asked: c0, c1, c2
	output wire                  sum_o,        // the sum of an i1
	output wire                  has_sum_o,    // the command has sums
	// the last cycle of an iteration
	output wire                  row_o,
	output wire                  first_o,      // i0 is 0
	output wire                  wrap_o,       // i0 is at its last
	output wire                  last_o        // the last cycle of the command
);
	localparam [31:0] A_HALF = A_DEPTH / 2;
	localparam [31:0] W_HALF = W_DEPTH / 2;
	localparam [31:0] ACC_HALF = ACC_DEPTH / 2;
	localparam [31:0] LAST_GROUP = GROUPS - 1;
	localparam [PHASE_BITS-1:0] ZERO = 0;
	localparam [PHASE_BITS-1:0] ONE = 1;

	reg run_q;                   // iterations, or what stands before one
	reg sum_q;                   // the cycle of a sum
	reg [2:0] coef_q;            // rows of coefficients yet to be asked
	reg [PHASE_BITS-1:0] phase_q;
	reg [15:0] i0_q, i1_q, coef_row_q;
	reg held_row_q;              // src1 is the same in all iterations of an i1
	reg has_sum_q, lookup_q, has_row1_q;

	wire [1:0] space0 = command_o[`QMAC_VEC_s0space];
	wire [1:0] space1 = command_o[`QMAC_VEC_s1space];
	wire [15:0] row1;

	// ---- what a command is, when it starts
	wire [31:0] op_i = {27'd0, command_i[`QMAC_VEC_op]};
	wire lookup_i = op_i == `QMAC_OP_LOOKUP;
	wire has_row1_i = !lookup_i && {30'd0, command_i[`QMAC_VEC_s1space]} != `QMAC_SPACE_IMM;
	wire affine_i = op_i == `QMAC_OP_AFFINE;
	wire has_sum_i = has_row1_i && command_i[`QMAC_VEC_sum] != 16'd0 && !command_i[`QMAC_VEC_red_rows] &&
	                 !command_i[`QMAC_VEC_red_lanes];
	wire affine = {27'd0, command_o[`QMAC_VEC_op]} == `QMAC_OP_AFFINE;

	// ---- is src1 asked, and from the bank of src0?
	wire [15:0] half = {30'd0, space0} == `QMAC_SPACE_A ? A_HALF[15:0]
	                 : {30'd0, space0} == `QMAC_SPACE_W ? W_HALF[15:0] : ACC_HALF[15:0];
	wire both = has_row1_q && space0 == space1 && read0_row_o == row1;
	wire held = held_row_q && !first_o;
	wire ask1 = has_row1_q && !both && !held;
	wire shared = ask1 && space0 == space1 && (read0_row_o >= half) == (row1 >= half);

	wire iterates = run_q && coef_q == 3'b000 && !sum_q;
	wire [PHASE_BITS-1:0] last_phase = lookup_q ? LAST_GROUP[PHASE_BITS-1:0] : shared ? ONE : ZERO;
	wire phase_ends = phase_q == last_phase;

	assign read0_o = iterates && phase_q == ZERO ? 3'b001 << space0 : 3'b000;
	assign read1_o = coef_o != 3'b000 ? 3'b100 : iterates && phase_ends && ask1 ? 3'b001 << space1 : 3'b000;
	assign read1_row_o = coef_o != 3'b000 ? coef_row_q : row1;
	assign split_o = iterates && phase_ends && shared;
	assign enter_o = iterates && (phase_ends || lookup_q);
	assign phase_o = phase_q;
	assign both_o = both;
	assign held_o = held;
	assign keep_o = row_o && held_row_q && first_o;
	assign coef_o = sum_q ? 3'b000 : coef_q & ~(coef_q - 3'd1);
	assign sum_o = sum_q;
	assign has_sum_o = has_sum_q;

	// ---- loops
	wire wrap0 = i0_q == command_o[`QMAC_VEC_n0] - 16'd1;
	wire wrap1 = i1_q == command_o[`QMAC_VEC_n1] - 16'd1;
	wire row_last = row_o && wrap0 && wrap1;

	assign row_o = iterates && phase_ends;
	assign first_o = i0_q == 16'd0;
	assign wrap_o = wrap0;
	assign last_o = has_sum_q ? sum_q && !run_q : row_last;

	always @(posedge clk_i) begin
		begin_o <= start_i;
		sum_q <= row_o && wrap0 && has_sum_q;
		if (start_i) begin
			run_q <= 1'b1;
			command_o <= command_i;
			phase_q <= ZERO;
			i0_q <= 16'd0;
			i1_q <= 16'd0;
			lookup_q <= lookup_i;
			has_row1_q <= has_row1_i;
			held_row_q <= has_row1_i && command_i[`QMAC_VEC_b0] == 16'd0;
			has_sum_q <= has_sum_i;
			coef_q <= {3{affine_i}};
			coef_row_q <= command_i[`QMAC_VEC_coef];
		end else if (iterates) begin
			phase_q <= phase_ends ? ZERO : phase_q + ONE;
			if (row_o) begin
				run_q <= !row_last;
				i0_q <= wrap0 ? 16'd0 : i0_q + 16'd1;
				if (wrap0)
					i1_q <= i1_q + 16'd1;
				if (wrap0 && !wrap1 && affine && command_o[`QMAC_VEC_coef_step])
					coef_q <= 3'b111;
			end
		end else if (!sum_q && coef_q != 3'b000) begin
			coef_q <= coef_q & (coef_q - 3'd1);
			coef_row_q <= coef_row_q + 16'd1;
		end
		if (!rst_ni) begin
			run_q <= 1'b0;
			sum_q <= 1'b0;
			coef_q <= 3'b000;
			begin_o <= 1'b0;
		end
	end

	qmac_vec_walk row0 (
		.clk_i(clk_i), .begin_i(start_i), .first_i(command_i[`QMAC_VEC_src0]),
		.stride0_i(command_o[`QMAC_VEC_a0]), .stride1_i(command_o[`QMAC_VEC_a1]),
		.step_i(row_o), .wrap_i(wrap0), .place_o(read0_row_o));
	qmac_vec_walk row1_walk (
		.clk_i(clk_i), .begin_i(start_i), .first_i(command_i[`QMAC_VEC_src1]),
		.stride0_i(command_o[`QMAC_VEC_b0]), .stride1_i(command_o[`QMAC_VEC_b1]),
		.step_i(row_o), .wrap_i(wrap0), .place_o(row1));

	wire unused = &{1'b0, A_HALF[31:16], W_HALF[31:16], ACC_HALF[31:16], LAST_GROUP};
endmodule
