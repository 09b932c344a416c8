// Random number of one channel of a row: ten rounds keyed by the channel, in two stages of five.
// r_o belongs to the inputs of two cycles ago. One per VEC lane.
`default_nettype none

module qmac_dither_lane (
	input  wire        clk_i,
	input  wire [1:0]  run_i,     // bit i: stage i has a number that is wanted; bit 0 comes with channel_i
	input  wire [31:0] state_i,   // of qmac_dither_row
	input  wire [15:0] channel_i,
	output wire [23:0] r_o
);
	`include "qmac_dither.vh"

	function [31:0] five_rounds(input [31:0] x, input [15:0] channel, input integer first);
		integer i;
		begin
			five_rounds = x;
			for (i = 0; i < 5; i = i + 1)
				five_rounds = dither_round(five_rounds, channel ^ round_constant(first + i));
		end
	endfunction

	reg [31:0] stage1_q;
	reg [15:0] channel_q;
	reg [23:0] r_q;
	wire [31:0] last = five_rounds(stage1_q, channel_q, 5);

	always @(posedge clk_i) begin
		if (run_i[0]) begin
			stage1_q <= five_rounds(state_i, channel_i, 0);
			channel_q <= channel_i;
		end
		if (run_i[1])
			r_q <= last[31:8];
	end

	assign r_o = r_q;

	wire unused = &{1'b0, last[7:0]};
endmodule
