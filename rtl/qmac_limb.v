// Limb (lsb, nbits, unsigned) of a number, as an operand of OUT_BITS bits; combinational.
`default_nettype none

module qmac_limb #(
	parameter OUT_BITS = 8 // 2..16
) (
	input  wire signed [63:0]    value_i,
	input  wire [5:0]            lsb_i,
	input  wire [4:0]            nbits_i,    // 1..OUT_BITS
	input  wire                  unsigned_i,
	output wire [OUT_BITS-1:0]   limb_o
);
	wire signed [63:0] shifted = value_i >>> lsb_i;
	wire [OUT_BITS-1:0] low = shifted[OUT_BITS-1:0];
	wire [OUT_BITS-1:0] outside = {OUT_BITS{1'b1}} << nbits_i;       // bits from nbits on
	wire [OUT_BITS-1:0] top = ~outside & ~(~outside >> 1);           // bit nbits-1
	wire negative = !unsigned_i && |(low & top);

	assign limb_o = negative ? low | outside : low & ~outside;

	wire unused = &{1'b0, shifted[63:OUT_BITS]};
endmodule
