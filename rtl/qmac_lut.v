// The lookup table: LUT_PORTS words read a cycle, and one written.
//
// word_o is the word of the index of the cycle before, as it stood before that cycle's write.
`default_nettype none

module qmac_lut #(
	parameter LUT_BITS = 8, // log2 of the words
	parameter LUT_PORTS = 1
) (
	input  wire                          clk_i,
	input  wire [LUT_PORTS*LUT_BITS-1:0] index_i,
	output reg  [LUT_PORTS*32-1:0]       word_o,  // {slope, value} each
	input  wire                          write_i,
	input  wire [LUT_BITS-1:0]           write_index_i,
	input  wire [31:0]                   write_word_i
);
	reg [31:0] memory [0:(1<<LUT_BITS)-1];

	always @(posedge clk_i)
		if (write_i)
			memory[write_index_i] <= write_word_i;

	genvar p;
	generate
		for (p = 0; p < LUT_PORTS; p = p + 1) begin : port
			always @(posedge clk_i)
				word_o[p*32 +: 32] <= memory[index_i[p*LUT_BITS +: LUT_BITS]];
		end
	endgenerate
endmodule
