// GEMM with its scratchpads, for test_rtl_gemm.c; word numbers as there. One row port of each
// scratchpad reads and writes single lanes.
`default_nettype none

module unit_gemm #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter ACC_OVERFLOW = 1,
	parameter OS_MAX = 4096,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	localparam A_PLACE_BITS = A_DEPTH > 4 ? $clog2(A_DEPTH / 2) + 1 : 2;
	localparam W_PLACE_BITS = W_DEPTH > 4 ? $clog2(W_DEPTH / 2) + 1 : 2;
	localparam ACC_PLACE_BITS = ACC_DEPTH > 4 ? $clog2(ACC_DEPTH / 2) + 1 : 2;

	wire ready, retire, a_read, w_read, acc_read, acc_write;
	wire [6:0] acc_events;
	wire [12:0] macs, nonzero;
	wire [ROWS-1:0] a_lane_read;
	wire [ROWS*A_PLACE_BITS-1:0] a_lane_place;
	wire [ROWS*A_BITS-1:0] a_lane_data, a_row_data;
	wire [COLS-1:0] w_lane_read, acc_lane_read, acc_lane_write;
	wire [COLS*W_PLACE_BITS-1:0] w_lane_place;
	wire [COLS*W_BITS-1:0] w_lane_data, w_row_data;
	wire [COLS*ACC_PLACE_BITS-1:0] acc_lane_read_place, acc_lane_write_place;
	wire [COLS*ACC_BITS-1:0] acc_lane_data, acc_lane_write_data, acc_row_data;

	qmac_matrix #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.ACC_OVERFLOW(ACC_OVERFLOW), .OS_MAX(OS_MAX), .A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH),
		.ACC_DEPTH(ACC_DEPTH)
	) matrix (
		.clk_i(clk_i), .rst_ni(in_i[0]), .command_valid_i(in_i[1]), .command_ready_o(ready),
		.command_i(in_i[359:96]), .slots_i(in_i[48:32]), .retire_o(retire), .acc_events_o(acc_events),
		.a_read_o(a_read), .w_read_o(w_read), .acc_read_o(acc_read), .acc_write_o(acc_write),
		.macs_o(macs), .nonzero_o(nonzero), .a_lane_read_o(a_lane_read), .a_lane_place_o(a_lane_place),
		.a_lane_data_i(a_lane_data), .w_lane_read_o(w_lane_read), .w_lane_place_o(w_lane_place),
		.w_lane_data_i(w_lane_data), .acc_lane_read_o(acc_lane_read),
		.acc_lane_read_place_o(acc_lane_read_place), .acc_lane_data_i(acc_lane_data),
		.acc_lane_write_o(acc_lane_write), .acc_lane_write_place_o(acc_lane_write_place),
		.acc_lane_write_data_o(acc_lane_write_data));

	// ---- single words
	wire [1:0] space = in_i[385:384];
	wire write = in_i[386], read = in_i[387];
	wire [5:0] lane = in_i[397:392];
	wire [31:0] row = in_i[447:416];
	wire [63:0] word = in_i[511:448];
	wire [63:0] one = 64'd1 << lane;
	reg [63:0] data;

	qmac_scratchpad #(
		.LANES(ROWS), .BITS(A_BITS), .DEPTH(A_DEPTH), .READERS(1), .WRITERS(1)
	) a_pad (
		.clk_i(clk_i), .lane_read_i(a_lane_read), .lane_read_place_i(a_lane_place),
		.lane_data_o(a_lane_data), .lane_write_i({ROWS{1'b0}}),
		.lane_write_place_i({ROWS*A_PLACE_BITS{1'b0}}),
		.lane_write_data_i({ROWS*A_BITS{1'b0}}), .row_read_i(read && space == 2'd0),
		.row_read_row_i(row[$clog2(A_DEPTH)-1:0]), .row_data_o(a_row_data),
		.row_write_i(write && space == 2'd0 ? one[ROWS-1:0] : {ROWS{1'b0}}),
		.row_write_row_i(row[$clog2(A_DEPTH)-1:0]), .row_write_data_i({ROWS{word[A_BITS-1:0]}}));

	qmac_scratchpad #(
		.LANES(COLS), .BITS(W_BITS), .DEPTH(W_DEPTH), .READERS(1), .WRITERS(1)
	) w_pad (
		.clk_i(clk_i), .lane_read_i(w_lane_read), .lane_read_place_i(w_lane_place),
		.lane_data_o(w_lane_data), .lane_write_i({COLS{1'b0}}),
		.lane_write_place_i({COLS*W_PLACE_BITS{1'b0}}),
		.lane_write_data_i({COLS*W_BITS{1'b0}}), .row_read_i(read && space == 2'd1),
		.row_read_row_i(row[$clog2(W_DEPTH)-1:0]), .row_data_o(w_row_data),
		.row_write_i(write && space == 2'd1 ? one[COLS-1:0] : {COLS{1'b0}}),
		.row_write_row_i(row[$clog2(W_DEPTH)-1:0]), .row_write_data_i({COLS{word[W_BITS-1:0]}}));

	qmac_scratchpad #(
		.LANES(COLS), .BITS(ACC_BITS), .DEPTH(ACC_DEPTH), .READERS(1), .WRITERS(1)
	) acc_pad (
		.clk_i(clk_i), .lane_read_i(acc_lane_read), .lane_read_place_i(acc_lane_read_place),
		.lane_data_o(acc_lane_data), .lane_write_i(acc_lane_write),
		.lane_write_place_i(acc_lane_write_place), .lane_write_data_i(acc_lane_write_data),
		.row_read_i(read && space == 2'd2), .row_read_row_i(row[$clog2(ACC_DEPTH)-1:0]),
		.row_data_o(acc_row_data), .row_write_i(write && space == 2'd2 ? one[COLS-1:0] : {COLS{1'b0}}),
		.row_write_row_i(row[$clog2(ACC_DEPTH)-1:0]), .row_write_data_i({COLS{word[ACC_BITS-1:0]}}));

	always @* begin
		data = 64'd0;
		case (space)
		2'd0: data[A_BITS-1:0] = a_row_data[lane*A_BITS +: A_BITS];
		2'd1: data[W_BITS-1:0] = w_row_data[lane*W_BITS +: W_BITS];
		default: data[ACC_BITS-1:0] = acc_row_data[lane*ACC_BITS +: ACC_BITS];
		endcase
	end

	wire unused = ^in_i || ^one || ^row || ^word; // not all of them are
	assign out_o = {320'd0, data, 28'd0, acc_write, acc_read, w_read, a_read, 3'd0, nonzero, 3'd0, macs,
	                25'd0, acc_events, 30'd0, retire, ready};
endmodule
