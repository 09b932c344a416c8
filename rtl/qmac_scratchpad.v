// A, W or ACC: DEPTH rows of LANES words in two banks, each with one read and one write port.
//
// Lane ports serve the array, whose lanes are skewed: every lane gives its own place {bank, index}.
// Row ports serve LOAD, STORE and VEC: one row for all lanes, writes with one enable per lane. Data
// comes one cycle after the request and stays until the bank's next one; a read sees what was written
// before that cycle, not in it.
// Two requests of one cycle never meet on a port: such programs are not race-free (docs/races.md), and
// within EXECUTE a VEC takes turns.
`default_nettype none

module qmac_scratchpad #(
	parameter LANES = 8,
	parameter BITS = 8,
	parameter DEPTH = 64,
	parameter READERS = 2,
	parameter WRITERS = 2,
	parameter ROW_BITS = $clog2(DEPTH),
	parameter INDEX_BITS = DEPTH > 4 ? $clog2(DEPTH / 2) : 1,
	parameter PLACE_BITS = INDEX_BITS + 1
) (
	input  wire                          clk_i,
	input  wire [LANES-1:0]              lane_read_i,
	input  wire [LANES*PLACE_BITS-1:0]   lane_read_place_i,
	output wire [LANES*BITS-1:0]         lane_data_o,
	input  wire [LANES-1:0]              lane_write_i,
	input  wire [LANES*PLACE_BITS-1:0]   lane_write_place_i,
	input  wire [LANES*BITS-1:0]         lane_write_data_i,
	input  wire [READERS-1:0]            row_read_i,
	input  wire [READERS*ROW_BITS-1:0]   row_read_row_i,
	output wire [READERS*LANES*BITS-1:0] row_data_o,
	input  wire [WRITERS*LANES-1:0]      row_write_i,
	input  wire [WRITERS*ROW_BITS-1:0]   row_write_row_i,
	input  wire [WRITERS*LANES*BITS-1:0] row_write_data_i
);
	// ---- the row ports of each bank: whoever asks
	wire [READERS*PLACE_BITS-1:0] read_place;
	wire [WRITERS*PLACE_BITS-1:0] write_place;
	reg [READERS-1:0] read_bank_q;
	reg [1:0] row_read;
	reg [2*INDEX_BITS-1:0] row_read_index;
	reg [2*INDEX_BITS-1:0] row_write_index;
	reg [2*LANES-1:0] row_write;
	reg [2*LANES*BITS-1:0] row_write_data;

	genvar p, b, j;
	generate
		for (p = 0; p < READERS; p = p + 1) begin : reader
			qmac_bank #(.DEPTH(DEPTH)) bank (
				.row_i(row_read_row_i[p*ROW_BITS +: ROW_BITS]),
				.place_o(read_place[p*PLACE_BITS +: PLACE_BITS]));
			always @(posedge clk_i)
				if (row_read_i[p])
					read_bank_q[p] <= read_place[p*PLACE_BITS + INDEX_BITS];
		end
		for (p = 0; p < WRITERS; p = p + 1) begin : writer
			qmac_bank #(.DEPTH(DEPTH)) bank (
				.row_i(row_write_row_i[p*ROW_BITS +: ROW_BITS]),
				.place_o(write_place[p*PLACE_BITS +: PLACE_BITS]));
		end
	endgenerate

	always @* begin : select
		integer i, k;

		row_read = 2'd0;
		row_read_index = {2*INDEX_BITS{1'b0}};
		row_write = {2*LANES{1'b0}};
		row_write_index = {2*INDEX_BITS{1'b0}};
		row_write_data = {2*LANES*BITS{1'b0}};
		for (k = 0; k < 2; k = k + 1) begin
			for (i = 0; i < READERS; i = i + 1)
				if (row_read_i[i] && read_place[i*PLACE_BITS + INDEX_BITS] == k[0]) begin
					row_read[k] = 1'b1;
					row_read_index[k*INDEX_BITS +: INDEX_BITS] = read_place[i*PLACE_BITS +: INDEX_BITS];
				end
			for (i = 0; i < WRITERS; i = i + 1)
				if (|row_write_i[i*LANES +: LANES] && write_place[i*PLACE_BITS + INDEX_BITS] == k[0]) begin
					row_write[k*LANES +: LANES] = row_write_i[i*LANES +: LANES];
					row_write_index[k*INDEX_BITS +: INDEX_BITS] = write_place[i*PLACE_BITS +: INDEX_BITS];
					row_write_data[k*LANES*BITS +: LANES*BITS] =
						row_write_data_i[i*LANES*BITS +: LANES*BITS];
				end
		end
	end

	// ---- one memory per lane and bank
	wire [2*LANES*BITS-1:0] data;

	generate
		for (j = 0; j < LANES; j = j + 1) begin : lane
			reg lane_bank_q;

			always @(posedge clk_i)
				if (lane_read_i[j])
					lane_bank_q <= lane_read_place_i[j*PLACE_BITS + INDEX_BITS];
			assign lane_data_o[j*BITS +: BITS] =
				lane_bank_q ? data[(LANES+j)*BITS +: BITS] : data[j*BITS +: BITS];

			for (b = 0; b < 2; b = b + 1) begin : bank
				reg [BITS-1:0] memory [0:DEPTH/2-1];
				reg [BITS-1:0] data_q;
				wire lane_read = lane_read_i[j] && lane_read_place_i[j*PLACE_BITS + INDEX_BITS] == b;
				wire lane_write = lane_write_i[j] && lane_write_place_i[j*PLACE_BITS + INDEX_BITS] == b;

				always @(posedge clk_i) begin
					if (lane_read || row_read[b])
						data_q <= memory[lane_read ? lane_read_place_i[j*PLACE_BITS +: INDEX_BITS]
						                           : row_read_index[b*INDEX_BITS +: INDEX_BITS]];
					if (lane_write)
						memory[lane_write_place_i[j*PLACE_BITS +: INDEX_BITS]] <=
							lane_write_data_i[j*BITS +: BITS];
					else if (row_write[b*LANES + j])
						memory[row_write_index[b*INDEX_BITS +: INDEX_BITS]] <=
							row_write_data[(b*LANES + j)*BITS +: BITS];
				end
				assign data[(b*LANES + j)*BITS +: BITS] = data_q;
			end
		end
		for (p = 0; p < READERS; p = p + 1) begin : output_mux
			assign row_data_o[p*LANES*BITS +: LANES*BITS] =
				read_bank_q[p] ? data[LANES*BITS +: LANES*BITS] : data[0 +: LANES*BITS];
		end
	endgenerate
endmodule
