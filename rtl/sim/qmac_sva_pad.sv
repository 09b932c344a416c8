// Checks the ports of a scratchpad: a bank has one for reads and one for writes, and nothing arbitrates
// between those who use them (docs/races.md). Rows exist.
`default_nettype none

module qmac_sva_pad #(
	parameter LANES = 8,
	parameter DEPTH = 64,
	parameter READERS = 2,
	parameter WRITERS = 2,
	parameter ROW_BITS = 6,
	parameter PLACE_BITS = 6
) (
	input wire                          clk_i,
	input wire [LANES-1:0]              lane_read_i,
	input wire [LANES*PLACE_BITS-1:0]   lane_read_place_i,
	input wire [LANES-1:0]              lane_write_i,
	input wire [LANES*PLACE_BITS-1:0]   lane_write_place_i,
	input wire [READERS-1:0]            row_read_i,
	input wire [READERS*ROW_BITS-1:0]   row_read_row_i,
	input wire [WRITERS*LANES-1:0]      row_write_i,
	input wire [WRITERS*ROW_BITS-1:0]   row_write_row_i
);
	localparam HALF = DEPTH / 2;

	// Banks that the lanes in a mask use.
	function automatic [1:0] banks(input [LANES-1:0] mask, input [LANES*PLACE_BITS-1:0] place);
		banks = 2'b00;
		for (int j = 0; j < LANES; j++)
			if (mask[j])
				banks[place[j*PLACE_BITS + PLACE_BITS-1]] = 1'b1;
	endfunction

	function automatic [1:0] bank(input [ROW_BITS-1:0] row);
		bank = 32'(row) < HALF ? 2'b01 : 2'b10;
	endfunction

	// The first edge is one of the reset, before which registers hold anything.
	reg awake_q = 1'b0;

	always @(posedge clk_i)
		awake_q <= 1'b1;

	always @(posedge clk_i) begin : check
		reg [1:0] reads, writes;

		if (awake_q && row_read_i != '0) begin
			reads = banks(lane_read_i, lane_read_place_i);
			for (int i = 0; i < READERS; i++)
				if (row_read_i[i]) begin
					assert (32'(row_read_row_i[i*ROW_BITS +: ROW_BITS]) < DEPTH)
					else $error("reader %0d asks for row %0d", i, row_read_row_i[i*ROW_BITS +: ROW_BITS]);
					assert ((reads & bank(row_read_row_i[i*ROW_BITS +: ROW_BITS])) == 2'b00)
					else $error("two read one bank; reader %0d is one of them", i);
					reads |= bank(row_read_row_i[i*ROW_BITS +: ROW_BITS]);
				end
		end
		if (awake_q && row_write_i != '0) begin
			writes = banks(lane_write_i, lane_write_place_i);
			for (int i = 0; i < WRITERS; i++)
				if (row_write_i[i*LANES +: LANES] != '0) begin
					assert (32'(row_write_row_i[i*ROW_BITS +: ROW_BITS]) < DEPTH)
					else $error("writer %0d gives row %0d", i, row_write_row_i[i*ROW_BITS +: ROW_BITS]);
					assert ((writes & bank(row_write_row_i[i*ROW_BITS +: ROW_BITS])) == 2'b00)
					else $error("two write one bank; writer %0d is one of them", i);
					writes |= bank(row_write_row_i[i*ROW_BITS +: ROW_BITS]);
				end
		end
	end
endmodule
