// What is particular to LOAD and STORE in the check of a descriptor: limb, lanes, window, alignment,
// addresses. Stage 1 forms the products, the faults are those of the descriptor in stage 2.
//
// 48 bits are enough for lengths: with legal counts the product sums stay below 65,534 * 2^32, and the bytes
// of a row below 2^10. Any other counts are refused first.
`default_nettype none
`include "qmac_isa.vh"

module qmac_check_move #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8
) (
	input  wire         clk_i,
	input  wire         take_i,    // command_i enters stage 1
	input  wire [511:0] command_i,
	input  wire [511:0] held_i,    // the descriptor in stage 2
	input  wire [47:0]  mem_base_i,
	input  wire [47:0]  mem_size_i,
	output wire [47:0]  first_o,   // address of the first row inside the window
	output wire         width_o,
	output wire         range_o,   // leaving out counts and rows
	output wire         align_o,
	output wire         address_o
);
	localparam [31:0] ROW_LANES = ROWS;
	localparam [31:0] COL_LANES = COLS;
	localparam [31:0] A_WIDTH = A_BITS;
	localparam [31:0] W_WIDTH = W_BITS;

	// ---- stage 1
	reg [47:0] skip1_q, skip0_q;               // from base to the first row inside the window
	reg [47:0] span2_q, span1_q, span0_q;      // from there to the last one
	wire [15:0] last2 = command_i[`QMAC_MOVE_n2] - 16'd1;
	wire [15:0] inside1 = command_i[`QMAC_MOVE_hi1] - command_i[`QMAC_MOVE_lo1];
	wire [15:0] inside0 = command_i[`QMAC_MOVE_hi0] - command_i[`QMAC_MOVE_lo0];
	wire [47:0] stride2 = {16'd0, command_i[`QMAC_MOVE_s2]};
	wire [47:0] stride1 = {16'd0, command_i[`QMAC_MOVE_s1]};
	wire [47:0] stride0 = {16'd0, command_i[`QMAC_MOVE_s0]};

	always @(posedge clk_i)
		if (take_i) begin
			skip1_q <= {32'd0, command_i[`QMAC_MOVE_lo1]} * stride1;
			skip0_q <= {32'd0, command_i[`QMAC_MOVE_lo0]} * stride0;
			span2_q <= {32'd0, last2} * stride2;
			span1_q <= {32'd0, inside1} * stride1;
			span0_q <= {32'd0, inside0} * stride0;
		end

	// ---- stage 2: widths
	wire [31:0] opcode = {28'd0, held_i[`QMAC_COMMON_opcode]};
	wire [31:0] space = {30'd0, held_i[`QMAC_MOVE_space]};
	wire [1:0] container = held_i[`QMAC_MOVE_container];
	wire [6:0] container_bits = 7'd8 << container;
	wire [4:0] nbits = held_i[`QMAC_MOVE_nbits];
	wire [4:0] widest = space == `QMAC_SPACE_A ? A_WIDTH[4:0] : W_WIDTH[4:0];
	wire [6:0] limb_end = {1'b0, held_i[`QMAC_MOVE_lsb]} + {2'd0, nbits};
	wire to_operands = opcode == `QMAC_OPCODE_LOAD && space <= `QMAC_SPACE_W;
	wire bad_limb = nbits == 5'd0 || nbits > widest || limb_end > container_bits;

	assign width_o = to_operands ? bad_limb
	               : space == `QMAC_SPACE_LUT && {30'd0, container} != `QMAC_CONTAINER_WORD;

	// ---- lanes and window
	wire [6:0] len = held_i[`QMAC_MOVE_len];
	wire [9:0] row_bytes = {3'd0, len} << container;
	wire [6:0] lanes = space == `QMAC_SPACE_LUT ? 7'd1
	                 : space == `QMAC_SPACE_A ? ROW_LANES[6:0] : COL_LANES[6:0];
	wire [7:0] lane_end = {2'd0, held_i[`QMAC_MOVE_lane0]} + {1'b0, len};
	wire [15:0] n0 = held_i[`QMAC_MOVE_n0], n1 = held_i[`QMAC_MOVE_n1];
	wire [15:0] n2 = held_i[`QMAC_MOVE_n2];
	wire [31:0] s0 = held_i[`QMAC_MOVE_s0], s1 = held_i[`QMAC_MOVE_s1];
	wire [31:0] s2 = held_i[`QMAC_MOVE_s2];
	wire [15:0] lo0 = held_i[`QMAC_MOVE_lo0], hi0 = held_i[`QMAC_MOVE_hi0];
	wire [15:0] lo1 = held_i[`QMAC_MOVE_lo1], hi1 = held_i[`QMAC_MOVE_hi1];
	wire bad_lanes = len == 7'd0 || lane_end > {1'b0, lanes};
	wire bad_window = lo0 > hi0 || hi0 >= n0 || lo1 > hi1 || hi1 >= n1;
	wire bad_run = held_i[`QMAC_MOVE_coalesce] &&
		(s0 != {22'd0, row_bytes} || lo0 != 16'd0 || hi0 != n0 - 16'd1);

	assign range_o = bad_lanes || bad_window || bad_run;

	// ---- alignment; a loop of one iteration uses no stride
	wire [47:0] base = {held_i[`QMAC_MOVE_base_hi], held_i[`QMAC_MOVE_base]};
	wire [2:0] low = container == 2'd3 ? 3'd7 : {1'b0, container == 2'd2, container != 2'd0};
	wire [2:0] odd = (base[2:0] | (n0 > 16'd1 ? s0[2:0] : 3'd0) | (n1 > 16'd1 ? s1[2:0] : 3'd0) |
	                  (n2 > 16'd1 ? s2[2:0] : 3'd0)) & low;

	assign align_o = odd != 3'd0;

	// ---- addresses; the differences are used where the first one is not negative. Each is one sum of all its
	// terms, not a sum of sums; an end that is cut to 48 bits has become smaller than the offset.
	wire [47:0] first = base + skip1_q + skip0_q;
	wire [47:0] offset = base + skip0_q + skip1_q - mem_base_i;
	wire [47:0] end_offset = base - mem_base_i + skip1_q + skip0_q + span2_q + span1_q + span0_q +
		{38'd0, row_bytes};

	wire unused = &{1'b0, command_i, held_i, s1, s2}; // not all bits are

	assign first_o = first;
	assign address_o = first < mem_base_i || offset > mem_size_i || end_offset < offset ||
		end_offset > mem_size_i;
endmodule
