// The loops of VEC: which rows are asked for in which cycle (docs/rtl.md, "VEC").
//
// An iteration takes one cycle; two where both source rows lie in one bank: src0 first, src1 in the
// second; GROUPS in a lookup, which asks for its row in the first of them and puts one group of lanes
// after the other into the pipeline.
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
	output wire [2:0]            read1_o,
	output wire [15:0]           read1_row_o,
	output wire                  split_o,      // src1 alone is asked; the data of src0 are here
	output wire                  enter_o,      // in the next cycle lanes get their operands,
	output wire [PHASE_BITS-1:0] phase_o,      // those of this group in a lookup
	// the last cycle of an iteration
	output wire                  row_o,
	output wire                  first_o,      // i0 is 0
	output wire                  wrap_o,       // i0 is at its last
	output wire                  last_o        // nothing follows
);
	localparam [31:0] A_HALF = A_DEPTH / 2;
	localparam [31:0] W_HALF = W_DEPTH / 2;
	localparam [31:0] ACC_HALF = ACC_DEPTH / 2;
	localparam [31:0] LAST_GROUP = GROUPS - 1;
	localparam [PHASE_BITS-1:0] ZERO = 0;
	localparam [PHASE_BITS-1:0] ONE = 1;

	reg run_q;
	reg [PHASE_BITS-1:0] phase_q;
	reg [15:0] i0_q, i1_q;

	wire [4:0] op = command_o[`QMAC_VEC_op];
	wire [1:0] space0 = command_o[`QMAC_VEC_s0space];
	wire [1:0] space1 = command_o[`QMAC_VEC_s1space];
	wire lookup = {27'd0, op} == `QMAC_OP_LOOKUP;
	wire has_row1 = !lookup && {30'd0, space1} != `QMAC_SPACE_IMM;

	// ---- do both rows lie in one bank?
	wire [15:0] half = {30'd0, space0} == `QMAC_SPACE_A ? A_HALF[15:0]
	                 : {30'd0, space0} == `QMAC_SPACE_W ? W_HALF[15:0] : ACC_HALF[15:0];
	wire shared = has_row1 && space0 == space1 && (read0_row_o >= half) == (read1_row_o >= half);

	wire [PHASE_BITS-1:0] last_phase = lookup ? LAST_GROUP[PHASE_BITS-1:0] : shared ? ONE : ZERO;
	wire phase_ends = phase_q == last_phase;

	assign read0_o = run_q && phase_q == ZERO ? 3'b001 << space0 : 3'b000;
	assign read1_o = run_q && phase_ends && has_row1 ? 3'b001 << space1 : 3'b000;
	assign split_o = run_q && phase_ends && shared;
	assign enter_o = run_q && (phase_ends || lookup);
	assign phase_o = phase_q;

	// ---- loops
	wire wrap0 = i0_q == command_o[`QMAC_VEC_n0] - 16'd1;
	wire wrap1 = i1_q == command_o[`QMAC_VEC_n1] - 16'd1;

	assign row_o = run_q && phase_ends;
	assign first_o = i0_q == 16'd0;
	assign wrap_o = wrap0;
	assign last_o = wrap0 && wrap1;

	always @(posedge clk_i) begin
		begin_o <= start_i;
		if (start_i) begin
			run_q <= 1'b1;
			command_o <= command_i;
			phase_q <= ZERO;
			i0_q <= 16'd0;
			i1_q <= 16'd0;
		end else if (run_q) begin
			phase_q <= phase_ends ? ZERO : phase_q + ONE;
			if (row_o) begin
				run_q <= !last_o;
				i0_q <= wrap0 ? 16'd0 : i0_q + 16'd1;
				if (wrap0)
					i1_q <= i1_q + 16'd1;
			end
		end
		if (!rst_ni) begin
			run_q <= 1'b0;
			begin_o <= 1'b0;
		end
	end

	qmac_vec_walk row0 (
		.clk_i(clk_i), .begin_i(start_i), .first_i(command_i[`QMAC_VEC_src0]),
		.stride0_i(command_o[`QMAC_VEC_a0]), .stride1_i(command_o[`QMAC_VEC_a1]),
		.step_i(row_o), .wrap_i(wrap0), .place_o(read0_row_o));
	qmac_vec_walk row1 (
		.clk_i(clk_i), .begin_i(start_i), .first_i(command_i[`QMAC_VEC_src1]),
		.stride0_i(command_o[`QMAC_VEC_b0]), .stride1_i(command_o[`QMAC_VEC_b1]),
		.step_i(row_o), .wrap_i(wrap0), .place_o(read1_row_o));

	wire unused = &{1'b0, A_HALF[31:16], W_HALF[31:16], ACC_HALF[31:16], LAST_GROUP};
endmodule
