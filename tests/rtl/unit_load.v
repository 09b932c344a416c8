// LOAD with plain memories around it, for test_rtl_load.c; word numbers as there. A beat is named by its
// place in a memory of the test's data, so that any width of the bus fits.
`default_nettype none
`include "qmac_isa.vh"

module unit_load #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter DEPTH = 128,       // rows of A, W, ACC
	parameter LUT_BITS = 4,
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

	// ---- inputs
	wire rst_n = in_i[0];
	wire start_valid = in_i[1], request_ready = in_i[2], beat_valid = in_i[3], beat_error = in_i[4];
	wire memory_write = in_i[5], poke = in_i[6], part_write = in_i[8];
	wire [1:0] part = in_i[10:9];
	wire [31:0] place = in_i[63:32];   // of a beat; of a 32-bit word that is written
	wire [31:0] word = in_i[95:64];
	wire [15:0] row = in_i[111:96];
	wire [5:0] lane = in_i[117:112];
	wire [1:0] space = in_i[121:120];
	wire [63:0] value = in_i[319:256];

	reg [511:0] command_q; // in four parts: it would take most of in_i
	always @(posedge clk_i)
		if (part_write)
			command_q[128*part +: 128] <= in_i[255:128];

	// ---- memory
	reg [8*BUS_BYTES-1:0] memory [0:MEMORY_BYTES/BUS_BYTES-1];
	wire [31:0] bus_word = place >> WORD_LOG2;
	wire [31:0] in_bus_word = place & ((32'd1 << WORD_LOG2) - 32'd1);
	wire [8*BUS_BYTES-1:0] beat = memory[place[$clog2(MEMORY_BYTES/BUS_BYTES)-1:0]];

	always @(posedge clk_i)
		if (memory_write)
			memory[bus_word[$clog2(MEMORY_BYTES/BUS_BYTES)-1:0]][32*in_bus_word +: 32] <= word;

	// ---- LOAD
	wire ready, retire, busy, error, request_valid, lut_write, pair, burst;
	wire [47:0] request_address;
	wire [7:0] request_last;
	wire [15:0] write_row, read_bytes;
	wire [ROWS-1:0] a_write;
	wire [ROWS*A_BITS-1:0] a_data;
	wire [COLS-1:0] w_write, acc_write;
	wire [COLS*W_BITS-1:0] w_data;
	wire [COLS*ACC_BITS-1:0] acc_data;
	wire [31:0] lut_word;
	wire [3:0] row_write;
	wire [6:0] saturations;

	qmac_load #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING)
	) load (
		.clk_i(clk_i), .rst_ni(rst_n), .start_valid_i(start_valid), .start_ready_o(ready),
		.command_i(command_q[511:64]), .retire_o(retire), .busy_o(busy), .error_o(error),
		.request_valid_o(request_valid), .request_ready_i(request_ready),
		.request_address_o(request_address), .request_last_o(request_last), .beat_valid_i(beat_valid),
		.beat_data_i(beat), .beat_error_i(beat_error), .row_o(write_row), .a_write_o(a_write),
		.a_data_o(a_data), .w_write_o(w_write), .w_data_o(w_data), .acc_write_o(acc_write),
		.acc_data_o(acc_data), .lut_write_o(lut_write), .lut_word_o(lut_word), .row_write_o(row_write),
		.pair_o(pair), .burst_o(burst), .read_bytes_o(read_bytes),
		.container_saturations_o(saturations));

	// ---- scratchpads: one memory per lane
	wire [ROWS*A_BITS-1:0] a_row;
	wire [COLS*W_BITS-1:0] w_row;
	wire [COLS*ACC_BITS-1:0] acc_row;
	reg [31:0] lut_pad [0:(1<<LUT_BITS)-1];
	reg [63:0] data;

	genvar j;
	generate
		for (j = 0; j < ROWS; j = j + 1) begin : a_lane
			reg [A_BITS-1:0] pad [0:DEPTH-1];

			always @(posedge clk_i)
				if (a_write[j])
					pad[write_row[$clog2(DEPTH)-1:0]] <= a_data[j*A_BITS +: A_BITS];
				else if (poke && space == 2'd0 && lane == j)
					pad[row[$clog2(DEPTH)-1:0]] <= value[A_BITS-1:0];
			assign a_row[j*A_BITS +: A_BITS] = pad[row[$clog2(DEPTH)-1:0]];
		end
		for (j = 0; j < COLS; j = j + 1) begin : column
			reg [W_BITS-1:0] w_pad [0:DEPTH-1];
			reg [ACC_BITS-1:0] acc_pad [0:DEPTH-1];

			always @(posedge clk_i) begin
				if (w_write[j])
					w_pad[write_row[$clog2(DEPTH)-1:0]] <= w_data[j*W_BITS +: W_BITS];
				else if (poke && space == 2'd1 && lane == j)
					w_pad[row[$clog2(DEPTH)-1:0]] <= value[W_BITS-1:0];
				if (acc_write[j])
					acc_pad[write_row[$clog2(DEPTH)-1:0]] <= acc_data[j*ACC_BITS +: ACC_BITS];
				else if (poke && space == 2'd2 && lane == j)
					acc_pad[row[$clog2(DEPTH)-1:0]] <= value[ACC_BITS-1:0];
			end
			assign w_row[j*W_BITS +: W_BITS] = w_pad[row[$clog2(DEPTH)-1:0]];
			assign acc_row[j*ACC_BITS +: ACC_BITS] = acc_pad[row[$clog2(DEPTH)-1:0]];
		end
	endgenerate

	always @(posedge clk_i)
		if (lut_write)
			lut_pad[write_row[LUT_BITS-1:0]] <= lut_word;
		else if (poke && space == 2'd3)
			lut_pad[row[LUT_BITS-1:0]] <= value[31:0];

	always @* begin
		data = 64'd0;
		case (space)
		2'd0: data[A_BITS-1:0] = a_row[lane*A_BITS +: A_BITS];
		2'd1: data[W_BITS-1:0] = w_row[lane*W_BITS +: W_BITS];
		2'd2: data[ACC_BITS-1:0] = acc_row[lane*ACC_BITS +: ACC_BITS];
		default: data[31:0] = lut_pad[row[LUT_BITS-1:0]];
		endcase
	end

	wire [3:0] written = {lut_write, |acc_write, |w_write, |a_write};
	assign out_o = {320'd0, data, 9'd0, saturations, read_bytes, 8'd0, request_last, request_address,
	                16'd0, written, row_write, 1'b0, burst, pair, request_valid, error, busy, retire, ready};

	wire unused = ^in_i || ^bus_word || ^value || ^command_q || ^write_row || ^row; // not all of them are
endmodule
