// GEMM without its scratchpads: sequencer, array, accumulate ports, products of zeros.
`default_nettype none

module qmac_matrix #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter ACC_OVERFLOW = 1,
	parameter OS_MAX = 4096,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	// derived
	parameter A_PLACE_BITS = A_DEPTH > 4 ? $clog2(A_DEPTH / 2) + 1 : 2,
	parameter W_PLACE_BITS = W_DEPTH > 4 ? $clog2(W_DEPTH / 2) + 1 : 2,
	parameter ACC_PLACE_BITS = ACC_DEPTH > 4 ? $clog2(ACC_DEPTH / 2) + 1 : 2
) (
	input  wire                           clk_i,
	input  wire                           rst_ni,
	input  wire                           command_valid_i,
	output wire                           command_ready_o,
	input  wire [359:96]                  command_i,
	input  wire [16:0]                    slots_i,
	output wire                           retire_o,
	// increments of counters; the last of a command in the cycle after retire_o
	output wire [6:0]                     acc_events_o,    // results that did not fit acc_bits
	output wire                           a_read_o,        // rows read and written
	output wire                           w_read_o,
	output wire                           acc_read_o,
	output wire                           acc_write_o,
	output wire [12:0]                    macs_o,          // products
	output wire [12:0]                    nonzero_o,       // those of no zero
	// lane ports of A, W, ACC
	output wire [ROWS-1:0]                a_lane_read_o,
	output wire [ROWS*A_PLACE_BITS-1:0]   a_lane_place_o,
	input  wire [ROWS*A_BITS-1:0]         a_lane_data_i,
	output wire [COLS-1:0]                w_lane_read_o,
	output wire [COLS*W_PLACE_BITS-1:0]   w_lane_place_o,
	input  wire [COLS*W_BITS-1:0]         w_lane_data_i,
	output wire [COLS-1:0]                acc_lane_read_o,
	output wire [COLS*ACC_PLACE_BITS-1:0] acc_lane_read_place_o,
	input  wire [COLS*ACC_BITS-1:0]       acc_lane_data_i,
	output wire [COLS-1:0]                acc_lane_write_o,
	output wire [COLS*ACC_PLACE_BITS-1:0] acc_lane_write_place_o,
	output wire [COLS*ACC_BITS-1:0]       acc_lane_write_data_o
);
	localparam PSUM_BITS = A_BITS + W_BITS + 1 + $clog2(OS_MAX);
	localparam SLOT_BITS = ACC_PLACE_BITS + 18;
	localparam [31:0] W_LANES = COLS;

	wire [$clog2(A_DEPTH)-1:0] a_row;
	wire [$clog2(W_DEPTH)-1:0] w_row;
	wire [A_PLACE_BITS-1:0] a_place;
	wire [W_PLACE_BITS-1:0] w_place;
	wire [6:0] k, n, a_used;
	wire a_unsigned, w_unsigned, os, first, copy, capture;
	wire [SLOT_BITS-1:0] acc_slot;
	wire [COLS*PSUM_BITS-1:0] bottom, top;

	qmac_gemm #(
		.ROWS(ROWS), .A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH), .ACC_DEPTH(ACC_DEPTH)
	) gemm (
		.clk_i(clk_i), .rst_ni(rst_ni), .command_valid_i(command_valid_i),
		.command_ready_o(command_ready_o), .command_i(command_i), .slots_i(slots_i), .a_read_o(a_read_o),
		.a_used_o(a_used), .a_row_o(a_row), .w_read_o(w_read_o), .w_row_o(w_row), .macs_o(macs_o), .k_o(k),
		.n_o(n), .a_unsigned_o(a_unsigned), .w_unsigned_o(w_unsigned), .os_o(os), .begin_o(first),
		.copy_o(copy), .capture_o(capture), .acc_slot_o(acc_slot));

	qmac_bank #(.DEPTH(A_DEPTH)) a_bank (.row_i(a_row), .place_o(a_place));
	qmac_bank #(.DEPTH(W_DEPTH)) w_bank (.row_i(w_row), .place_o(w_place));
	qmac_skew #(.LANES(ROWS), .PLACE_BITS(A_PLACE_BITS)) a_skew (
		.clk_i(clk_i), .rst_ni(rst_ni), .read_i(a_read_o), .used_i(a_used), .place_i(a_place),
		.lane_read_o(a_lane_read_o), .lane_place_o(a_lane_place_o));
	qmac_skew #(.LANES(COLS), .PLACE_BITS(W_PLACE_BITS)) w_skew (
		.clk_i(clk_i), .rst_ni(rst_ni), .read_i(w_read_o), .used_i(W_LANES[6:0]), .place_i(w_place),
		.lane_read_o(w_lane_read_o), .lane_place_o(w_lane_place_o));

	qmac_array #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .OS_MAX(OS_MAX)
	) array (
		.clk_i(clk_i), .rst_ni(rst_ni), .a_data_i(a_lane_data_i), .w_data_i(w_lane_data_i), .k_i(k),
		.a_unsigned_i(a_unsigned), .w_unsigned_i(w_unsigned), .os_i(os), .begin_i(first), .copy_i(copy),
		.capture_i(capture), .bottom_o(bottom), .top_o(top));

	qmac_zero #(.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS)) zero (
		.clk_i(clk_i), .rst_ni(rst_ni), .a_data_i(a_lane_data_i), .w_data_i(w_lane_data_i), .k_i(k), .n_i(n),
		.os_i(os), .begin_i(first), .capture_i(capture), .nonzero_o(nonzero_o));

	qmac_acc #(
		.COLS(COLS), .PSUM_BITS(PSUM_BITS), .ACC_BITS(ACC_BITS), .ACC_OVERFLOW(ACC_OVERFLOW),
		.PLACE_BITS(ACC_PLACE_BITS)
	) acc (
		.clk_i(clk_i), .rst_ni(rst_ni), .slot_i(acc_slot), .bottom_i(bottom), .top_i(top),
		.lane_read_o(acc_lane_read_o), .lane_read_place_o(acc_lane_read_place_o),
		.lane_data_i(acc_lane_data_i), .lane_write_o(acc_lane_write_o),
		.lane_write_place_o(acc_lane_write_place_o), .lane_write_data_o(acc_lane_write_data_o),
		.retire_o(retire_o), .acc_events_o(acc_events_o));

	assign acc_write_o = acc_slot[SLOT_BITS-2];
	assign acc_read_o = acc_write_o && acc_slot[SLOT_BITS-5];
endmodule
