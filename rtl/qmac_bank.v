// Place of a scratchpad row: {bank, row within the bank}. Bank 1 is the upper half of the rows.
`default_nettype none

module qmac_bank #(
	parameter DEPTH = 64,
	parameter ROW_BITS = $clog2(DEPTH),
	parameter INDEX_BITS = DEPTH > 4 ? $clog2(DEPTH / 2) : 1
) (
	input  wire [ROW_BITS-1:0]  row_i,
	output wire [INDEX_BITS:0]  place_o
);
	localparam [31:0] HALF = DEPTH / 2;
	wire upper = row_i >= HALF[ROW_BITS-1:0];
	wire [ROW_BITS-1:0] index = upper ? row_i - HALF[ROW_BITS-1:0] : row_i;

	assign place_o = {upper, index[INDEX_BITS-1:0]};

	generate
		if (ROW_BITS > INDEX_BITS) begin : spare
			wire unused = &{1'b0, index[ROW_BITS-1:INDEX_BITS]};
		end
	endgenerate
endmodule
