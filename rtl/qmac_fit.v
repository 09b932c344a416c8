// A number limited to the range of a container, as its bare bits; combinational.
`default_nettype none

module qmac_fit (
	input  wire signed [63:0] value_i,
	input  wire [1:0]         container_i, // CONTAINER_*
	input  wire               signed_i,
	output wire [63:0]        bits_o,      // zero extended
	output wire               clamped_o
);
	wire [63:0] ones = 64'hFFFFFFFFFFFFFFFF >> (7'd64 - (7'd8 << container_i));
	wire [63:0] highest = signed_i ? ones >> 1 : ones;
	wire [63:0] lowest = signed_i ? ones & ~highest : 64'd0;
	wire negative = value_i[63];
	wire above = !negative && |(value_i & ~highest);
	wire below = negative && (!signed_i || |(~value_i & ~highest));

	assign bits_o = above ? highest : below ? lowest : value_i & ones;
	assign clamped_o = above || below;
endmodule
