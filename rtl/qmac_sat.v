// A signed number clamped to fewer bits; combinational.
`default_nettype none

module qmac_sat #(
	parameter IN_BITS = 65,
	parameter OUT_BITS = 64 // below IN_BITS
) (
	input  wire signed [IN_BITS-1:0]  x_i,
	output wire signed [OUT_BITS-1:0] y_o,
	output wire                       saturated_o
);
	wire [IN_BITS-OUT_BITS:0] top = x_i[IN_BITS-1:OUT_BITS-1];

	assign saturated_o = !(&top) && |top;
	assign y_o = saturated_o ? {x_i[IN_BITS-1], {OUT_BITS-1{!x_i[IN_BITS-1]}}} : x_i[OUT_BITS-1:0];
endmodule
