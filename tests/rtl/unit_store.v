// STORE with its ACC scratchpad and a memory, for test_rtl_store.c; word numbers as there. A beat goes to
// the bus word that the test names, so that any width of the bus fits.
`default_nettype none
`include "qmac_isa.vh"

module unit_store #(
	parameter COLS = 8,
	parameter ACC_BITS = 32,
	parameter DEPTH = 128,        // rows of ACC
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4,
	parameter MEMORY_BYTES = 16384
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	localparam WORD_LOG2 = $clog2(BUS_BYTES / 4);
	localparam PLACE_BITS = $clog2(DEPTH / 2) + 1;
	localparam MEMORY_BITS = $clog2(MEMORY_BYTES / BUS_BYTES);

	// ---- inputs
	wire rst_n = in_i[0];
	wire start_valid = in_i[1], aw_ready = in_i[2], w_ready = in_i[3], b_valid = in_i[4], b_error = in_i[5];
	wire memory_write = in_i[6], poke = in_i[7], part_write = in_i[8];
	wire [1:0] part = in_i[10:9];
	wire [31:0] beat_place = in_i[63:32]; // of a beat: bus word
	wire [31:0] word_place = in_i[95:64]; // of a 32-bit word that is read or written
	wire [15:0] row = in_i[111:96];
	wire [5:0] lane = in_i[117:112];      // to be written; shown of the row that is clamped
	wire [63:0] value = in_i[319:256];

	reg [511:0] command_q; // in four parts: it would take most of in_i
	always @(posedge clk_i)
		if (part_write)
			command_q[128*part +: 128] <= in_i[255:128];

	// ---- STORE
	wire ready, retire, busy, error, aw_valid, w_valid, w_last, pair, burst, row_read, read, row_data_valid;
	wire [47:0] aw_address, row_address;
	wire [7:0] aw_last;
	wire [15:0] read_row, write_bytes;
	wire [8*BUS_BYTES-1:0] w_data;
	wire [BUS_BYTES-1:0] w_strobe;
	wire [6:0] saturations, row_lanes;
	wire [64*COLS-1:0] row_data;
	wire [COLS*ACC_BITS-1:0] read_data;

	qmac_store #(
		.COLS(COLS), .ACC_BITS(ACC_BITS), .BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS),
		.OUTSTANDING(OUTSTANDING)
	) store (
		.clk_i(clk_i), .rst_ni(rst_n), .start_valid_i(start_valid), .start_ready_o(ready),
		.command_i(command_q[511:64]), .retire_o(retire), .busy_o(busy), .error_o(error), .read_o(read),
		.read_row_o(read_row), .read_data_i(read_data), .aw_valid_o(aw_valid), .aw_ready_i(aw_ready),
		.aw_address_o(aw_address), .aw_last_o(aw_last), .w_valid_o(w_valid), .w_ready_i(w_ready),
		.w_data_o(w_data), .w_strobe_o(w_strobe), .w_last_o(w_last), .b_valid_i(b_valid),
		.b_error_i(b_error), .pair_o(pair), .burst_o(burst), .write_bytes_o(write_bytes),
		.container_saturations_o(saturations), .row_read_o(row_read), .row_data_valid_o(row_data_valid),
		.row_address_o(row_address), .row_data_o(row_data), .row_lanes_o(row_lanes));

	// ---- ACC
	wire [63:0] one = 64'd1 << lane;
	wire [COLS*ACC_BITS-1:0] unused_lane_data;

	qmac_scratchpad #(
		.LANES(COLS), .BITS(ACC_BITS), .DEPTH(DEPTH), .READERS(1), .WRITERS(1)
	) acc_pad (
		.clk_i(clk_i), .lane_read_i({COLS{1'b0}}), .lane_read_place_i({COLS*PLACE_BITS{1'b0}}),
		.lane_data_o(unused_lane_data), .lane_write_i({COLS{1'b0}}),
		.lane_write_place_i({COLS*PLACE_BITS{1'b0}}), .lane_write_data_i({COLS*ACC_BITS{1'b0}}),
		.row_read_i(read), .row_read_row_i(read_row[$clog2(DEPTH)-1:0]), .row_data_o(read_data),
		.row_write_i(poke ? one[COLS-1:0] : {COLS{1'b0}}), .row_write_row_i(row[$clog2(DEPTH)-1:0]),
		.row_write_data_i({COLS{value[ACC_BITS-1:0]}}));

	// ---- memory
	reg [8*BUS_BYTES-1:0] memory [0:MEMORY_BYTES/BUS_BYTES-1];
	wire [31:0] bus_word = word_place >> WORD_LOG2;
	wire [31:0] in_bus_word = word_place & ((32'd1 << WORD_LOG2) - 32'd1);
	wire [MEMORY_BITS-1:0] at = memory_write ? bus_word[MEMORY_BITS-1:0] : beat_place[MEMORY_BITS-1:0];
	wire [8*BUS_BYTES-1:0] shown = memory[bus_word[MEMORY_BITS-1:0]];
	reg [8*BUS_BYTES-1:0] written;

	always @* begin : write
		integer i;

		written = memory[at];
		for (i = 0; i < BUS_BYTES; i = i + 1)
			if (w_strobe[i])
				written[8*i +: 8] = w_data[8*i +: 8];
		if (memory_write) begin
			written = memory[at];
			written[32*in_bus_word +: 32] = value[31:0];
		end
	end

	always @(posedge clk_i)
		if (memory_write || (w_valid && w_ready))
			memory[at] <= written;

	assign out_o = {224'd0, shown[32*in_bus_word +: 32], 16'd0, row_address, row_data[64*lane +: 64],
	                1'b0, row_lanes, 1'b0, saturations, write_bytes, 8'd0, aw_last, aw_address, 20'd0,
	                row_data_valid, row_read, w_last, w_valid, aw_valid, burst, pair, 1'b0, error, busy,
	                retire, ready};

	wire unused = ^in_i || ^bus_word || ^value || ^command_q || ^one || ^row || ^read_row || ^beat_place ||
	              ^unused_lane_data; // not all of them are
endmodule
