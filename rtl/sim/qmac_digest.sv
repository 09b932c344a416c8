// What each command writes, as a digest (docs/command-set.md), for its retire record. Simulation only.
//
// load_o, execute_o and store_o are the digests of the command of that engine that retired last, in the
// cycle after its retire pulse. A LOAD writes each row once, and a row's mask are the lanes that count.
// Results of a GEMM are added up along the columns, as they are written column after column: passes
// that overlap stay apart, and the sum of a pass is complete with its last word.
`default_nettype none
`include "qmac_isa.vh"

module qmac_digest #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter ACC_DEPTH = 64,
	parameter PLACE_BITS = ACC_DEPTH > 4 ? $clog2(ACC_DEPTH / 2) + 1 : 2 // derived
) (
	input  wire                       clk_i,
	input  wire                       load_clk_i,  // clocks of the engines
	input  wire                       store_clk_i,
	input  wire                       vec_clk_i,
	input  wire                       gemm_clk_i,
	input  wire                       rst_ni,
	// rows written by LOAD and VEC
	input  wire [15:0]                load_row_i,
	input  wire [ROWS-1:0]            load_a_write_i,
	input  wire [ROWS*A_BITS-1:0]     load_a_data_i,
	input  wire [COLS-1:0]            load_w_write_i,
	input  wire [COLS*W_BITS-1:0]     load_w_data_i,
	input  wire [COLS-1:0]            load_acc_write_i,
	input  wire [COLS*ACC_BITS-1:0]   load_acc_data_i,
	input  wire                       load_lut_write_i,
	input  wire [31:0]                load_lut_word_i,
	input  wire                       load_retire_i,
	input  wire [15:0]                vec_row_i,
	input  wire [ROWS-1:0]            vec_a_write_i,
	input  wire [ROWS*A_BITS-1:0]     vec_a_data_i,
	input  wire [COLS-1:0]            vec_w_write_i,
	input  wire [COLS*W_BITS-1:0]     vec_w_data_i,
	input  wire [COLS-1:0]            vec_acc_write_i,
	input  wire [COLS*ACC_BITS-1:0]   vec_acc_data_i,
	input  wire                       vec_retire_i,
	// words written by GEMM
	input  wire [COLS-1:0]            gemm_write_i,
	input  wire [COLS*PLACE_BITS-1:0] gemm_place_i, // {upper half of ACC, row in it}
	input  wire [COLS*ACC_BITS-1:0]   gemm_data_i,
	input  wire                       gemm_retire_i, // with the last word
	// a row of containers by STORE
	input  wire                       store_valid_i,
	input  wire [47:0]                store_address_i,
	input  wire [64*COLS-1:0]         store_data_i,
	input  wire [6:0]                 store_lanes_i,
	input  wire [1:0]                 store_container_i, // CONTAINER_*
	input  wire                       store_retire_i,
	output reg  [63:0]                load_o,
	output wire [63:0]                execute_o,
	output reg  [63:0]                store_o
);
	localparam [2:0] A = 3'(`QMAC_SPACE_A);
	localparam [2:0] W = 3'(`QMAC_SPACE_W);
	localparam [2:0] ACC = 3'(`QMAC_SPACE_ACC);
	localparam [2:0] LUT = 3'(`QMAC_SPACE_LUT);
	localparam [2:0] DRAM = 3'd4;
	localparam [31:0] HALF = ACC_DEPTH / 2;

	function automatic [63:0] mix(input [2:0] space, input [47:0] row, input [5:0] lane, input [63:0] value);
		reg [63:0] h;

		h = value * 64'h9E3779B97F4A7C15 + ({3'd0, space, 58'd0} ^ {8'd0, row, 8'd0} ^ {58'd0, lane});
		h = (h ^ h >> 32) * 64'hD6E8FEB86659FD93;
		h = (h ^ h >> 29) * 64'hC2B2AE3D27D4EB4F;
		mix = h ^ h >> 32;
	endfunction

	function automatic [63:0] acc_word(input signed [ACC_BITS-1:0] word);
		acc_word = 64'(word);
	endfunction

	// Row of a place in ACC.
	function automatic [47:0] acc_row(input [PLACE_BITS-1:0] place);
		acc_row = (place[PLACE_BITS-1] ? 48'(HALF) : 48'd0) + 48'(place[PLACE_BITS-2:0]);
	endfunction

	reg load_retired_q, store_retired_q; // the sum belongs to a command that has retired

	always @(posedge load_clk_i) begin : load
		reg [63:0] sum;

		sum = load_retired_q ? 64'd0 : load_o;
		for (int j = 0; j < ROWS; j++)
			if (load_a_write_i[j])
				sum += mix(A, 48'(load_row_i), 6'(j), 64'(load_a_data_i[j*A_BITS +: A_BITS]));
		for (int j = 0; j < COLS; j++) begin
			if (load_w_write_i[j])
				sum += mix(W, 48'(load_row_i), 6'(j), 64'(load_w_data_i[j*W_BITS +: W_BITS]));
			if (load_acc_write_i[j])
				sum += mix(ACC, 48'(load_row_i), 6'(j), acc_word(load_acc_data_i[j*ACC_BITS +: ACC_BITS]));
		end
		if (load_lut_write_i)
			sum += mix(LUT, 48'(load_row_i), 6'd0, 64'(load_lut_word_i));
		load_o <= rst_ni ? sum : 64'd0;
		load_retired_q <= load_retire_i;
	end

	always @(posedge store_clk_i) begin : store
		reg [63:0] sum;

		sum = store_retired_q ? 64'd0 : store_o;
		for (int j = 0; j < COLS; j++)
			if (store_valid_i && 7'(j) < store_lanes_i)
				sum += mix(DRAM, store_address_i + (48'(j) << store_container_i), 6'd0,
				           store_data_i[j*64 +: 64]);
		store_o <= rst_ni ? sum : 64'd0;
		store_retired_q <= store_retire_i;
	end

	// ---- EXECUTE: a VEC is alone in it
	reg [63:0] vec_q;              // of the VEC so far
	reg [63:0] vec_whole_q, gemm_whole_q;
	reg vec_retired_q;

	always @(posedge clk_i)
		vec_retired_q <= vec_retire_i;
	assign execute_o = vec_retired_q ? vec_whole_q : gemm_whole_q;

	reg [63:0] gemm_q;             // of the earlier slots of the GEMM whose slot is in the last column
	reg [63:0] column [0:COLS];    // sums of slots in the columns before this one

	always @(posedge vec_clk_i) begin : vec
		reg [63:0] sum;

		sum = vec_q;
		for (int j = 0; j < ROWS; j++)
			if (vec_a_write_i[j])
				sum += mix(A, 48'(vec_row_i), 6'(j), 64'(vec_a_data_i[j*A_BITS +: A_BITS]));
		for (int j = 0; j < COLS; j++) begin
			if (vec_w_write_i[j])
				sum += mix(W, 48'(vec_row_i), 6'(j), 64'(vec_w_data_i[j*W_BITS +: W_BITS]));
			if (vec_acc_write_i[j])
				sum += mix(ACC, 48'(vec_row_i), 6'(j), acc_word(vec_acc_data_i[j*ACC_BITS +: ACC_BITS]));
		end
		vec_q <= rst_ni && !vec_retire_i ? sum : 64'd0;
		if (vec_retire_i)
			vec_whole_q <= sum;
	end

	/* verilator lint_off BLKSEQ */ // from the last column to the first, in place
	always @(posedge gemm_clk_i) begin : gemm
		column[0] = 64'd0;
		for (int j = COLS - 1; j >= 0; j--) begin
			column[j+1] = rst_ni ? column[j] : 64'd0;
			if (rst_ni && gemm_write_i[j])
				column[j+1] += mix(ACC, acc_row(gemm_place_i[j*PLACE_BITS +: PLACE_BITS]), 6'(j),
				                   acc_word(gemm_data_i[j*ACC_BITS +: ACC_BITS]));
		end
		gemm_q <= rst_ni && !gemm_retire_i ? gemm_q + column[COLS] : 64'd0;
		if (gemm_retire_i)
			gemm_whole_q <= gemm_q + column[COLS];
	end
	/* verilator lint_on BLKSEQ */
endmodule
