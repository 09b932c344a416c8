// VEC with its scratchpads and table, for test_rtl_vec.c; word numbers as there. One row port of each
// scratchpad reads and writes single lanes.
`default_nettype none

module unit_vec #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	parameter LUT_BITS = 8,
	parameter LUT_PORTS = 1,
	parameter LUT_CYCLES = (COLS + LUT_PORTS - 1) / LUT_PORTS,
	parameter LUT_LEAST = ((ROWS > COLS ? ROWS : COLS) + LUT_CYCLES - 1) / LUT_CYCLES,
	parameter LUT_WORDS = LUT_LEAST > LUT_PORTS ? LUT_LEAST : LUT_PORTS
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	localparam A_ROW_BITS = $clog2(A_DEPTH);
	localparam W_ROW_BITS = $clog2(W_DEPTH);
	localparam ACC_ROW_BITS = $clog2(ACC_DEPTH);
	localparam A_PLACE_BITS = A_DEPTH > 4 ? $clog2(A_DEPTH / 2) + 1 : 2;
	localparam W_PLACE_BITS = W_DEPTH > 4 ? $clog2(W_DEPTH / 2) + 1 : 2;
	localparam ACC_PLACE_BITS = ACC_DEPTH > 4 ? $clog2(ACC_DEPTH / 2) + 1 : 2;

	wire ready, retire, busy;
	wire [2:0] read0, read1;
	wire [15:0] read0_row, read1_row, write_row;
	wire [ROWS-1:0] a_write;
	wire [ROWS*A_BITS-1:0] a_data, a_lane_data;
	wire [COLS-1:0] w_write, acc_write;
	wire [COLS*W_BITS-1:0] w_data, w_lane_data;
	wire [COLS*ACC_BITS-1:0] acc_data, acc_lane_data;
	wire [3*ROWS*A_BITS-1:0] a_rows; // src0, src1, single words
	wire [3*COLS*W_BITS-1:0] w_rows;
	wire [3*COLS*ACC_BITS-1:0] acc_rows;
	wire [LUT_WORDS*LUT_BITS-1:0] lut_index;
	wire [LUT_WORDS*32-1:0] lut_word;
	wire [7:0] mults;
	wire [6:0] lookups, monitor;
	wire [31:0] magnitudes;
	wire [15:0] saturations;

	qmac_vec #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS), .A_DEPTH(A_DEPTH),
		.W_DEPTH(W_DEPTH), .ACC_DEPTH(ACC_DEPTH), .LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_PORTS)
	) vec (
		.clk_i(clk_i), .rst_ni(in_i[0]), .start_valid_i(in_i[1]), .start_ready_o(ready),
		.command_i({in_i[511:96], 32'd0}), .monitor_i(in_i[38:32]), .retire_o(retire), .busy_o(busy),
		.read0_o(read0), .read0_row_o(read0_row), .read1_o(read1), .read1_row_o(read1_row),
		.a_data0_i(a_rows[0 +: ROWS*A_BITS]), .a_data1_i(a_rows[ROWS*A_BITS +: ROWS*A_BITS]),
		.w_data0_i(w_rows[0 +: COLS*W_BITS]), .w_data1_i(w_rows[COLS*W_BITS +: COLS*W_BITS]),
		.acc_data0_i(acc_rows[0 +: COLS*ACC_BITS]),
		.acc_data1_i(acc_rows[COLS*ACC_BITS +: COLS*ACC_BITS]), .write_row_o(write_row),
		.a_write_o(a_write), .a_data_o(a_data), .w_write_o(w_write), .w_data_o(w_data),
		.acc_write_o(acc_write), .acc_data_o(acc_data), .lut_index_o(lut_index), .lut_word_i(lut_word),
		.vec_mults_o(mults), .lut_reads_o(lookups), .requant_saturations_o(saturations),
		.monitor_o(monitor), .magnitudes_o(magnitudes));

	// ---- single words
	wire [1:0] space = in_i[3:2];
	wire write = in_i[4], read = in_i[5];
	wire [5:0] lane = in_i[13:8];
	wire [31:0] at = {26'd0, lane};
	wire [15:0] row = in_i[31:16];
	wire [63:0] word = in_i[95:32];
	wire [63:0] one = 64'd1 << lane;
	reg [63:0] data;

	qmac_lut #(.LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_WORDS)) lut (
		.clk_i(clk_i), .index_i(lut_index), .word_o(lut_word), .write_i(write && space == 2'd3),
		.write_index_i(row[LUT_BITS-1:0]), .write_word_i(word[31:0]));

	qmac_scratchpad #(.LANES(ROWS), .BITS(A_BITS), .DEPTH(A_DEPTH), .READERS(3), .WRITERS(2)) a_pad (
		.clk_i(clk_i), .lane_read_i({ROWS{1'b0}}), .lane_read_place_i({ROWS*A_PLACE_BITS{1'b0}}),
		.lane_data_o(a_lane_data), .lane_write_i({ROWS{1'b0}}),
		.lane_write_place_i({ROWS*A_PLACE_BITS{1'b0}}), .lane_write_data_i({ROWS*A_BITS{1'b0}}),
		.row_read_i({read && space == 2'd0, read1[0], read0[0]}),
		.row_read_row_i({row[A_ROW_BITS-1:0], read1_row[A_ROW_BITS-1:0], read0_row[A_ROW_BITS-1:0]}),
		.row_data_o(a_rows),
		.row_write_i({write && space == 2'd0 ? one[ROWS-1:0] : {ROWS{1'b0}}, a_write}),
		.row_write_row_i({row[A_ROW_BITS-1:0], write_row[A_ROW_BITS-1:0]}),
		.row_write_data_i({{ROWS{word[A_BITS-1:0]}}, a_data}));

	qmac_scratchpad #(.LANES(COLS), .BITS(W_BITS), .DEPTH(W_DEPTH), .READERS(3), .WRITERS(2)) w_pad (
		.clk_i(clk_i), .lane_read_i({COLS{1'b0}}), .lane_read_place_i({COLS*W_PLACE_BITS{1'b0}}),
		.lane_data_o(w_lane_data), .lane_write_i({COLS{1'b0}}),
		.lane_write_place_i({COLS*W_PLACE_BITS{1'b0}}), .lane_write_data_i({COLS*W_BITS{1'b0}}),
		.row_read_i({read && space == 2'd1, read1[1], read0[1]}),
		.row_read_row_i({row[W_ROW_BITS-1:0], read1_row[W_ROW_BITS-1:0], read0_row[W_ROW_BITS-1:0]}),
		.row_data_o(w_rows),
		.row_write_i({write && space == 2'd1 ? one[COLS-1:0] : {COLS{1'b0}}, w_write}),
		.row_write_row_i({row[W_ROW_BITS-1:0], write_row[W_ROW_BITS-1:0]}),
		.row_write_data_i({{COLS{word[W_BITS-1:0]}}, w_data}));

	qmac_scratchpad #(.LANES(COLS), .BITS(ACC_BITS), .DEPTH(ACC_DEPTH), .READERS(3), .WRITERS(2)) acc_pad (
		.clk_i(clk_i), .lane_read_i({COLS{1'b0}}), .lane_read_place_i({COLS*ACC_PLACE_BITS{1'b0}}),
		.lane_data_o(acc_lane_data), .lane_write_i({COLS{1'b0}}),
		.lane_write_place_i({COLS*ACC_PLACE_BITS{1'b0}}), .lane_write_data_i({COLS*ACC_BITS{1'b0}}),
		.row_read_i({read && space == 2'd2, read1[2], read0[2]}),
		.row_read_row_i({row[ACC_ROW_BITS-1:0], read1_row[ACC_ROW_BITS-1:0], read0_row[ACC_ROW_BITS-1:0]}),
		.row_data_o(acc_rows),
		.row_write_i({write && space == 2'd2 ? one[COLS-1:0] : {COLS{1'b0}}, acc_write}),
		.row_write_row_i({row[ACC_ROW_BITS-1:0], write_row[ACC_ROW_BITS-1:0]}),
		.row_write_data_i({{COLS{word[ACC_BITS-1:0]}}, acc_data}));

	always @* begin
		data = 64'd0;
		case (space)
		2'd0: data[A_BITS-1:0] = a_rows[(2*ROWS + at)*A_BITS +: A_BITS];
		2'd1: data[W_BITS-1:0] = w_rows[(2*COLS + at)*W_BITS +: W_BITS];
		default: data[ACC_BITS-1:0] = acc_rows[(2*COLS + at)*ACC_BITS +: ACC_BITS];
		endcase
	end

	wire unused = ^in_i || ^one || ^row || ^word || ^a_lane_data || ^w_lane_data || ^acc_lane_data ||
	              ^read0_row || ^read1_row || ^write_row; // not all of them are
	assign out_o = {320'd0, magnitudes, data, 7'd0, |acc_write, |w_write, |a_write, read1, read0, 9'd0,
	                lookups, 8'd0, mults, saturations, 17'd0, monitor, 5'd0, busy, retire, ready};
endmodule
