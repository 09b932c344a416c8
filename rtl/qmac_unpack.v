// Pairs of a LOAD become rows of a scratchpad. A pair that comes in cycle u is
//
//   u + 1  collected into the row, at the bytes of its lanes
//   u + 2  with the last pair of a row: containers are extended and cut to limbs, or clamped
//   u + 3  the row is written
//   u + 4  its saturations are counted
//
// The bytes of a row's lanes are all collected anew, so that nothing of the row before is left.
`default_nettype none
`include "qmac_isa.vh"

module qmac_unpack #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter BUS_BYTES = 8,
	parameter BUS_LOG2 = $clog2(BUS_BYTES),         // derived
	parameter LANES = ROWS > COLS ? ROWS : COLS     // derived
) (
	input  wire                     clk_i,
	input  wire                     rst_ni,
	input  wire [511:64]            command_i,   // constant while pairs of it are on their way
	// in cycle u
	input  wire                     pair_i,      // a pair, or a row outside the window
	input  wire                     inside_i,
	input  wire                     row_end_i,   // it is the last pair of its row
	input  wire [15:0]              row_i,
	input  wire [8*BUS_BYTES-1:0]   beat_i,
	input  wire [BUS_LOG2-1:0]      offset_i,    // first byte of the pair in the beat
	input  wire [9:0]               position_i,  // and in the row
	input  wire [6:0]               bytes_i,
	// in cycle u + 3
	output reg  [15:0]              row_o,
	output reg  [ROWS-1:0]          a_write_o,
	output reg  [ROWS*A_BITS-1:0]   a_data_o,
	output reg  [COLS-1:0]          w_write_o,
	output reg  [COLS*W_BITS-1:0]   w_data_o,
	output reg  [COLS-1:0]          acc_write_o,
	output reg  [COLS*ACC_BITS-1:0] acc_data_o,
	output reg                      lut_write_o,
	output reg  [31:0]              lut_word_o,
	output reg  [3:0]               row_write_o, // one-hot by space
	output reg  [6:0]               saturations_o // in cycle u + 4
);
	localparam ROW_BYTES = 8 * LANES;
	localparam COPIES = (ROW_BYTES + BUS_BYTES - 1) / BUS_BYTES; // of a beat that cover a row

	// ---- u: the beat turned so that its bytes stand as in the row
	wire [9:0] first = ({4'd0, command_i[`QMAC_MOVE_lane0]} << command_i[`QMAC_MOVE_container]) + position_i;
	wire [BUS_LOG2-1:0] turn = first[BUS_LOG2-1:0] - offset_i;
	wire [16*BUS_BYTES-1:0] turned = {beat_i, beat_i} << {turn, 3'd0};

	reg [8*BUS_BYTES-1:0] turned_q;
	reg [9:0] first1_q, end1_q; // bytes of the row
	reg collect1_q, inside1_q, row_end1_q;
	reg [15:0] row1_q;

	always @(posedge clk_i) begin
		if (pair_i) begin
			turned_q <= turned[16*BUS_BYTES-1 : 8*BUS_BYTES];
			first1_q <= first;
			end1_q <= first + {3'd0, bytes_i};
			inside1_q <= inside_i;
			row1_q <= row_i;
		end
		collect1_q <= rst_ni && pair_i && inside_i;
		row_end1_q <= rst_ni && pair_i && row_end_i;
	end

	// ---- u + 1: collect
	wire [8*BUS_BYTES*COPIES-1:0] copies = {COPIES{turned_q}};
	wire [8*ROW_BYTES-1:0] mask = ({8*ROW_BYTES{1'b1}} << {first1_q, 3'd0})
	                            & ~({8*ROW_BYTES{1'b1}} << {end1_q, 3'd0});
	reg [8*ROW_BYTES-1:0] bytes_q;
	reg inside2_q, row_end2_q;
	reg [15:0] row2_q;

	always @(posedge clk_i) begin
		if (collect1_q)
			bytes_q <= (bytes_q & ~mask) | (copies[8*ROW_BYTES-1:0] & mask);
		if (row_end1_q) begin
			inside2_q <= inside1_q;
			row2_q <= row1_q;
		end
		row_end2_q <= rst_ni && row_end1_q;
	end

	// ---- u + 2: words of the lanes that take part; the others are zero
	wire [64:0] lane_ones = (65'd1 << command_i[`QMAC_MOVE_len]) - 65'd1;
	wire [64:0] lane_mask = lane_ones << command_i[`QMAC_MOVE_lane0];
	wire [LANES-1:0] taken = lane_mask[LANES-1:0];
	wire [LANES-1:0] filled = inside2_q ? taken : {LANES{1'b0}};
	wire [LANES-1:0] written = command_i[`QMAC_MOVE_keep] ? taken : {LANES{1'b1}};
	wire [LANES*64-1:0] values;
	wire [LANES-1:0] negatives;
	wire [ROWS*A_BITS-1:0] a_data;
	wire [COLS*W_BITS-1:0] w_data;
	wire [COLS*ACC_BITS-1:0] acc_data;
	wire [COLS-1:0] saturated;

	genvar j;
	generate
		for (j = 0; j < LANES; j = j + 1) begin : lane
			reg [63:0] value;
			reg sign;

			always @* begin
				case ({30'd0, command_i[`QMAC_MOVE_container]})
				`QMAC_CONTAINER_BYTE: begin
					sign = command_i[`QMAC_MOVE_is_signed] && bytes_q[8*j + 7];
					value = {{56{sign}}, bytes_q[8*j +: 8]};
				end
				`QMAC_CONTAINER_HALF: begin
					sign = command_i[`QMAC_MOVE_is_signed] && bytes_q[16*j + 15];
					value = {{48{sign}}, bytes_q[16*j +: 16]};
				end
				`QMAC_CONTAINER_WORD: begin
					sign = command_i[`QMAC_MOVE_is_signed] && bytes_q[32*j + 31];
					value = {{32{sign}}, bytes_q[32*j +: 32]};
				end
				default: begin
					sign = command_i[`QMAC_MOVE_is_signed] && bytes_q[64*j + 63];
					value = bytes_q[64*j +: 64];
				end
				endcase
				if (!filled[j]) begin
					sign = 1'b0;
					value = 64'd0;
				end
			end
			assign values[j*64 +: 64] = value;
			assign negatives[j] = sign;
		end
		for (j = 0; j < ROWS; j = j + 1) begin : a_lane
			qmac_limb #(.OUT_BITS(A_BITS)) limb (
				.value_i(values[j*64 +: 64]), .lsb_i(command_i[`QMAC_MOVE_lsb]),
				.nbits_i(command_i[`QMAC_MOVE_nbits]), .unsigned_i(command_i[`QMAC_MOVE_limb_unsigned]),
				.limb_o(a_data[j*A_BITS +: A_BITS]));
		end
		for (j = 0; j < COLS; j = j + 1) begin : column
			qmac_limb #(.OUT_BITS(W_BITS)) limb (
				.value_i(values[j*64 +: 64]), .lsb_i(command_i[`QMAC_MOVE_lsb]),
				.nbits_i(command_i[`QMAC_MOVE_nbits]), .unsigned_i(command_i[`QMAC_MOVE_limb_unsigned]),
				.limb_o(w_data[j*W_BITS +: W_BITS]));
			qmac_sat #(.IN_BITS(65), .OUT_BITS(ACC_BITS)) clamp (
				.x_i({negatives[j], values[j*64 +: 64]}), .y_o(acc_data[j*ACC_BITS +: ACC_BITS]),
				.saturated_o(saturated[j]));
		end
	endgenerate

	// ---- u + 3: write
	reg [3:0] row_write;
	reg [COLS-1:0] saturated_q;
	reg [6:0] saturations;

	always @* begin : events
		integer i;

		row_write = 4'd0;
		row_write[command_i[`QMAC_MOVE_space]] = row_end2_q;
		saturations = 7'd0;
		for (i = 0; i < COLS; i = i + 1)
			saturations = saturations + {6'd0, saturated_q[i]};
	end

	always @(posedge clk_i) begin
		if (row_end2_q) begin
			row_o <= row2_q;
			a_data_o <= a_data;
			w_data_o <= w_data;
			acc_data_o <= acc_data;
			lut_word_o <= values[31:0];
		end
		row_write_o <= rst_ni ? row_write : 4'd0;
		a_write_o <= rst_ni && row_write[0] ? written[ROWS-1:0] : {ROWS{1'b0}};
		w_write_o <= rst_ni && row_write[1] ? written[COLS-1:0] : {COLS{1'b0}};
		acc_write_o <= rst_ni && row_write[2] ? written[COLS-1:0] : {COLS{1'b0}};
		lut_write_o <= rst_ni && row_write[3];
		saturated_q <= rst_ni && row_write[2] ? saturated : {COLS{1'b0}};
		saturations_o <= rst_ni ? saturations : 7'd0;
	end

	wire unused = &{1'b0, command_i, turned, copies, lane_mask, negatives};
endmodule
