// The rows that a loop nest visits: stage 1 forms the products, stage 2 the highest row.
//
// 32 bits are enough: with counts above 0 whose product is at most 65,536 the highest row lies below
// 65,536 + 65,534 * 65,535. Any other counts are refused by themselves.
`default_nettype none

module qmac_check_nest (
	input  wire        clk_i,
	input  wire        take_i,    // a descriptor enters stage 1
	input  wire [15:0] last2_i,   // last index of each loop: its count less 1
	input  wire [15:0] last1_i,
	input  wire [15:0] last0_i,
	input  wire [15:0] s2_i,
	input  wire [15:0] s1_i,
	input  wire [15:0] s0_i,
	input  wire [15:0] first_i,
	input  wire [16:0] depth_i,   // rows of the scratchpad
	output reg  [31:0] inner_o,   // stage 2: last0 * s0
	output wire [31:0] highest_o,
	output wire        beyond_o   // the scratchpad does not have the highest row
);
	reg [31:0] outer_q, middle_q;
	reg [15:0] first_q;
	reg [16:0] depth_q;

	always @(posedge clk_i)
		if (take_i) begin
			outer_q <= {16'd0, last2_i} * {16'd0, s2_i};
			middle_q <= {16'd0, last1_i} * {16'd0, s1_i};
			inner_o <= {16'd0, last0_i} * {16'd0, s0_i};
			first_q <= first_i;
			depth_q <= depth_i;
		end

	assign highest_o = {16'd0, first_q} + outer_q + middle_q + inner_o;
	assign beyond_o = highest_o >= {15'd0, depth_q};
endmodule
