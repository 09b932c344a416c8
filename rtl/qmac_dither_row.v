// Random state of a row: M_12(seed ^ row) of docs/numerics.md, in three stages of four rounds.
// state_o belongs to the inputs of three cycles ago. One per device.
`default_nettype none

module qmac_dither_row (
	input  wire        clk_i,
	input  wire [31:0] seed_i,
	input  wire [31:0] row_i,
	output wire [31:0] state_o
);
	`include "qmac_dither.vh"

	function [31:0] four_rounds(input [31:0] x, input integer first);
		integer i;
		begin
			four_rounds = x;
			for (i = 0; i < 4; i = i + 1)
				four_rounds = dither_round(four_rounds, round_constant(first + i));
		end
	endfunction

	reg [31:0] stage1_q, stage2_q, stage3_q;

	always @(posedge clk_i) begin
		stage1_q <= four_rounds(seed_i ^ row_i, 0);
		stage2_q <= four_rounds(stage1_q, 4);
		stage3_q <= four_rounds(stage2_q, 8);
	end

	assign state_o = stage3_q;
endmodule
