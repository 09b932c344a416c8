// A, W or ACC: DEPTH rows of LANES words in two banks, each with one read and one write port.
//
// Lane ports serve the array, whose lanes are skewed: every lane gives its own place {bank, index}.
// Row ports serve LOAD, STORE and VEC: one row for all lanes, writes with one enable per lane. Data
// comes one cycle after the request and stays until the bank's next one; a read sees what was written
// before that cycle, not in it.
// Two requests of one cycle never meet on a port: such programs are not race-free (docs/races.md), and
// within EXECUTE a VEC takes turns.
//
// A bank has one register for what is read, which its lane port and its row ports share. With PORT_REGISTERS
// each port has its own: more than a chip would spend, but what follows from a port then stands still in a
// simulation while another one reads. Whoever asked sees the same either way.
`default_nettype none

module qmac_scratchpad #(
	parameter LANES = 8,
	parameter BITS = 8,
	parameter DEPTH = 64,
	parameter READERS = 2,
	parameter WRITERS = 2,     // 1 or 2
	parameter CLOCK_GATES = 0, // 1: clocks of ports that nobody uses stand still
	parameter PORT_REGISTERS = 0,
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
	// ---- clocks: of rows and words written, of rows read, of words that lanes read
	wire write_clk, row_clk, lane_clk;

	qmac_gate #(.GATED(CLOCK_GATES), .TAIL(0)) write_gate (
		.clk_i(clk_i), .rst_ni(1'b1), .want_i(|lane_write_i || |row_write_i), .clk_o(write_clk));
	qmac_gate #(.GATED(CLOCK_GATES), .TAIL(0)) row_gate (
		.clk_i(clk_i), .rst_ni(1'b1), .want_i(|row_read_i), .clk_o(row_clk));
	qmac_gate #(.GATED(CLOCK_GATES), .TAIL(0)) lane_gate (
		.clk_i(clk_i), .rst_ni(1'b1), .want_i(|lane_read_i), .clk_o(lane_clk));

	// ---- places of rows
	wire [READERS*PLACE_BITS-1:0] read_place;
	wire [WRITERS*PLACE_BITS-1:0] write_place;

	genvar p, b, j;
	generate
		for (p = 0; p < READERS; p = p + 1) begin : reader
			qmac_bank #(.DEPTH(DEPTH)) bank (
				.row_i(row_read_row_i[p*ROW_BITS +: ROW_BITS]),
				.place_o(read_place[p*PLACE_BITS +: PLACE_BITS]));
		end
		for (p = 0; p < WRITERS; p = p + 1) begin : writer
			qmac_bank #(.DEPTH(DEPTH)) bank (
				.row_i(row_write_row_i[p*ROW_BITS +: ROW_BITS]),
				.place_o(write_place[p*PLACE_BITS +: PLACE_BITS]));
		end
	endgenerate

	// ---- one memory per lane and bank, and what is written to it: by the lane, or by who writes a row there
	localparam LAST = WRITERS - 1;
	wire first_upper = write_place[INDEX_BITS]; // bank of the first writer
	wire last_upper = write_place[LAST*PLACE_BITS + INDEX_BITS];
	wire last_writes = |row_write_i[LAST*LANES +: LANES];

	generate
		for (j = 0; j < LANES; j = j + 1) begin : lane
			wire [INDEX_BITS-1:0] index = lane_write_place_i[j*PLACE_BITS +: INDEX_BITS];

			for (b = 0; b < 2; b = b + 1) begin : bank
				reg [BITS-1:0] memory [0:DEPTH/2-1];
				wire by_lane = lane_write_i[j] && lane_write_place_i[j*PLACE_BITS + INDEX_BITS] == b;
				wire by_last = last_writes && last_upper == b;
				wire by_row = by_last ? row_write_i[LAST*LANES + j] : row_write_i[j] && first_upper == b;

				always @(posedge write_clk)
					if (by_lane || by_row)
						memory[by_lane ? index : by_last ? write_place[LAST*PLACE_BITS +: INDEX_BITS]
						                                 : write_place[0 +: INDEX_BITS]] <=
							by_lane ? lane_write_data_i[j*BITS +: BITS]
							: by_last ? row_write_data_i[(LAST*LANES + j)*BITS +: BITS]
							: row_write_data_i[j*BITS +: BITS];
			end
		end
	endgenerate

	// ---- what is read
	generate
		if (PORT_REGISTERS != 0) begin : apart
			for (j = 0; j < LANES; j = j + 1) begin : one
				wire [PLACE_BITS-1:0] place = lane_read_place_i[j*PLACE_BITS +: PLACE_BITS];
				reg [BITS-1:0] data_q;

				always @(posedge lane_clk)
					if (lane_read_i[j])
						data_q <= place[INDEX_BITS] ? lane[j].bank[1].memory[place[INDEX_BITS-1:0]]
						                            : lane[j].bank[0].memory[place[INDEX_BITS-1:0]];
				assign lane_data_o[j*BITS +: BITS] = data_q;
			end
			for (p = 0; p < READERS; p = p + 1) begin : port
				wire [PLACE_BITS-1:0] place = read_place[p*PLACE_BITS +: PLACE_BITS];

				for (j = 0; j < LANES; j = j + 1) begin : one
					reg [BITS-1:0] data_q;

					always @(posedge row_clk)
						if (row_read_i[p])
							data_q <= place[INDEX_BITS] ? lane[j].bank[1].memory[place[INDEX_BITS-1:0]]
							                            : lane[j].bank[0].memory[place[INDEX_BITS-1:0]];
					assign row_data_o[(p*LANES + j)*BITS +: BITS] = data_q;
				end
			end
		end else begin : shared
			wire [2*LANES*BITS-1:0] data;
			reg [READERS-1:0] read_bank_q;
			reg [1:0] row_read;
			reg [2*INDEX_BITS-1:0] row_read_index;

			always @* begin : select
				integer i, k;

				row_read = 2'd0;
				row_read_index = {2*INDEX_BITS{1'b0}};
				for (k = 0; k < 2; k = k + 1)
					for (i = 0; i < READERS; i = i + 1)
						if (row_read_i[i] && read_place[i*PLACE_BITS + INDEX_BITS] == k[0]) begin
							row_read[k] = 1'b1;
							row_read_index[k*INDEX_BITS +: INDEX_BITS] =
								read_place[i*PLACE_BITS +: INDEX_BITS];
						end
			end

			for (j = 0; j < LANES; j = j + 1) begin : one
				reg bank_q;

				always @(posedge lane_clk)
					if (lane_read_i[j])
						bank_q <= lane_read_place_i[j*PLACE_BITS + INDEX_BITS];
				assign lane_data_o[j*BITS +: BITS] =
					bank_q ? data[(LANES+j)*BITS +: BITS] : data[j*BITS +: BITS];

				for (b = 0; b < 2; b = b + 1) begin : of
					reg [BITS-1:0] data_q;
					wire lane_read = lane_read_i[j] && lane_read_place_i[j*PLACE_BITS + INDEX_BITS] == b;

					always @(posedge clk_i)
						if (lane_read || row_read[b])
							data_q <= lane[j].bank[b].memory[
								lane_read ? lane_read_place_i[j*PLACE_BITS +: INDEX_BITS]
								          : row_read_index[b*INDEX_BITS +: INDEX_BITS]];
					assign data[(b*LANES + j)*BITS +: BITS] = data_q;
				end
			end
			for (p = 0; p < READERS; p = p + 1) begin : output_mux
				always @(posedge row_clk)
					if (row_read_i[p])
						read_bank_q[p] <= read_place[p*PLACE_BITS + INDEX_BITS];
				assign row_data_o[p*LANES*BITS +: LANES*BITS] =
					read_bank_q[p] ? data[LANES*BITS +: LANES*BITS] : data[0 +: LANES*BITS];
			end
		end
	endgenerate
endmodule
