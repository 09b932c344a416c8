// The tail of every VEC result: right shift, rounding, relu, clamp (docs/numerics.md).
//
// Three stages, one value a cycle: y_o and the others belong to x_i of three cycles ago. shift_i,
// relu_i and the others are constant while values of a command are on their way; r_i alone comes with
// its value, one cycle after x_i. A stage without a value stands still.
`default_nettype none
`include "qmac_isa.vh"

module qmac_round (
	input  wire               clk_i,
	input  wire        [2:0]  run_i,       // bit i: stage i has a value; bit 0 comes with x_i
	input  wire signed [63:0] x_i,
	input  wire        [5:0]  shift_i,
	input  wire        [1:0]  rnd_i,       // ROUND_*
	input  wire        [23:0] r_i,         // of stochastic rounding
	input  wire               relu_i,
	input  wire        [5:0]  bw_i,        // 1..63
	input  wire               measure_i,   // magnitudes are wanted
	output wire signed [63:0] y_o,
	output wire               saturated_o,
	output wire        [31:0] magnitude_o  // before the clamp; bit 31 stands for all bits from 31 on
);
	// Shift. What falls out below is kept at the top of 64 bits: its first bit is worth one half.
	reg signed [63:0] floor_q;
	reg [23:0] fraction_q;
	reg sticky_q;
	wire [63:0] below = shift_i == 6'd0 ? 64'd0 : x_i << (6'd0 - shift_i);

	// Round.
	reg signed [63:0] rounded_q;
	wire [24:0] stochastic = {1'b0, fraction_q} + {1'b0, r_i};
	wire nearest = fraction_q[23] && (fraction_q[22:0] != 23'd0 || sticky_q || floor_q[0]);
	wire [31:0] rnd = {30'd0, rnd_i};
	wire up = rnd == `QMAC_ROUND_STOCHASTIC ? stochastic[24] : rnd == `QMAC_ROUND_NEAREST && nearest;

	// Clamp. Bits bw-1 and above of a value that fits are all equal.
	reg signed [63:0] y_q;
	reg saturated_q;
	wire signed [63:0] low = -64'sd1 <<< (bw_i - 6'd1);
	wire signed [63:0] value = relu_i && rounded_q[63] ? 64'sd0 : rounded_q;
	wire signed [63:0] above = value >>> (bw_i - 6'd1);
	wire fits = above == 64'sd0 || above == -64'sd1;

	// Magnitude. -2^31 and all below have bit 31, which the lower bits alone would carry into for -2^31.
	reg [31:0] magnitude_q;
	wire [31:0] lower = {1'b0, value[30:0] ^ {31{value[63]}}} + {31'd0, value[63]};
	wire upper = value[63:31] != {33{value[63]}};

	always @(posedge clk_i) begin
		if (run_i[0]) begin
			floor_q <= x_i >>> shift_i;
			fraction_q <= below[63:40];
			sticky_q <= below[39:0] != 40'd0;
		end
		if (run_i[1])
			rounded_q <= floor_q + {63'd0, up};
		if (run_i[2]) begin
			y_q <= fits ? value : value[63] ? low : ~low;
			saturated_q <= !fits;
		end
		if (run_i[2] && measure_i)
			magnitude_q <= {lower[31] || upper, lower[30:0]};
	end

	assign y_o = y_q;
	assign saturated_o = saturated_q;
	assign magnitude_o = magnitude_q;

	wire unused = &{1'b0, stochastic[23:0]};
endmodule
