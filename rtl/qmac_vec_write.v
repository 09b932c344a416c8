// The end of VEC: rounds the lanes of a row, with their random numbers, and writes the row; adds up rows and
// writes the sums; gathers magnitudes.
//
// x_i of a row in cycle d: its coordinates are taken in d - 4 and d - 1, the row is written in d + 3. A sum
// has a cycle of its own behind that of its last row.
`default_nettype none
`include "qmac_isa.vh"

module qmac_vec_write #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter LANES = ROWS > COLS ? ROWS : COLS // derived
) (
	input  wire                     clk_i,
	input  wire                     begin_i,    // a new command_i, in this cycle for the first time
	input  wire [511:64]            command_i,
	input  wire                     monitored_i, // the command has a monitor, ...
	input  wire                     has_sum_i,   // ... sums
	input  wire [LANES-1:0]         used_i,      // lanes that belong to the row
	// a row to be written is at this point, and it is the last of its i1
	input  wire                     row_key_i,
	input  wire                     row_key_wrap_i,
	input  wire                     channel_i,
	input  wire                     channel_wrap_i,
	input  wire [11:8]              run_i,      // a row to be written is in this cycle of its way
	input  wire                     write_i,
	input  wire                     write_wrap_i,
	input  wire                     sum_i,       // the sum is written
	input  wire [64*LANES-1:0]      x_i,
	output wire [LANES-1:0]         saturated_o, // with the write
	output wire [31:0]              magnitudes_o, // of all rows written since begin_i, that of this cycle too
	output wire [15:0]              row_o,
	output wire [ROWS-1:0]          a_write_o,
	output wire [ROWS*A_BITS-1:0]   a_data_o,
	output wire [COLS-1:0]          w_write_o,
	output wire [COLS*W_BITS-1:0]   w_data_o,
	output wire [COLS-1:0]          acc_write_o,
	output wire [COLS*ACC_BITS-1:0] acc_data_o
);
	localparam LIMB_BITS = A_BITS > W_BITS ? A_BITS : W_BITS;

	// ---- random numbers: under red_rows the strides of i0 are 0
	wire [31:0] dither_row, state;
	wire [15:0] channel;
	wire stochastic = {30'd0, command_i[`QMAC_VEC_rnd]} == `QMAC_ROUND_STOCHASTIC;

	qmac_vec_walk #(.BITS(32)) walk_dither_row (
		.clk_i(clk_i), .begin_i(begin_i), .first_i(command_i[`QMAC_VEC_dither_row0]),
		.stride0_i({31'd0, command_i[`QMAC_VEC_dither_rs0]}),
		.stride1_i({16'd0, command_i[`QMAC_VEC_dither_rs1]}),
		.step_i(row_key_i), .wrap_i(row_key_wrap_i), .place_o(dither_row));
	qmac_vec_walk walk_channel (
		.clk_i(clk_i), .begin_i(begin_i), .first_i(command_i[`QMAC_VEC_dither_lane0]),
		.stride0_i({9'd0, command_i[`QMAC_VEC_dither_cs0]}),
		.stride1_i({9'd0, command_i[`QMAC_VEC_dither_cs1]}),
		.step_i(channel_i), .wrap_i(channel_wrap_i), .place_o(channel));
	qmac_dither_row dither (
		.clk_i(clk_i), .seed_i(command_i[`QMAC_VEC_seed]), .row_i(dither_row), .state_o(state));

	// ---- results
	wire [LANES*LIMB_BITS-1:0] limbs; // 0 in lanes that do not belong to the row
	wire [LANES*ACC_BITS-1:0] words;
	wire [LANES*32-1:0] magnitudes;

	genvar j;
	generate
		for (j = 0; j < LANES; j = j + 1) begin : lane
			localparam [15:0] LANE = j;
			wire [23:0] r;
			wire signed [63:0] y;
			wire [LIMB_BITS-1:0] limb;
			wire result_saturated;

			qmac_dither_lane dither_lane (
				.clk_i(clk_i), .run_i(run_i[9:8] & {2{stochastic}}), .state_i(state),
				.channel_i(channel + LANE), .r_o(r));
			qmac_round round (
				.clk_i(clk_i), .run_i(run_i[11:9]), .x_i(x_i[64*j +: 64]),
				.shift_i(command_i[`QMAC_VEC_shift]), .rnd_i(command_i[`QMAC_VEC_rnd]), .r_i(r),
				.relu_i(command_i[`QMAC_VEC_relu]), .bw_i(command_i[`QMAC_VEC_bw]),
				.measure_i(monitored_i), .y_o(y), .saturated_o(result_saturated),
				.magnitude_o(magnitudes[32*j +: 32]));
			qmac_limb #(.OUT_BITS(LIMB_BITS)) cut (
				.value_i(y), .lsb_i(command_i[`QMAC_VEC_lsb]), .nbits_i(command_i[`QMAC_VEC_nbits]),
				.unsigned_i(command_i[`QMAC_VEC_limb_unsigned]), .limb_o(limb));
			assign limbs[j*LIMB_BITS +: LIMB_BITS] = used_i[j] ? limb : {LIMB_BITS{1'b0}};

			// Only lanes that ACC has can have a sum.
			if (j < COLS) begin : of_acc
				reg signed [ACC_BITS+15:0] sum_q; // of 2^16 results of acc_bits
				wire signed [ACC_BITS-1:0] sum;
				wire sum_saturated;

				always @(posedge clk_i)
					if (begin_i || sum_i)
						sum_q <= {ACC_BITS+16{1'b0}};
					else if (has_sum_i && write_i)
						sum_q <= sum_q + {{16{y[ACC_BITS-1]}}, y[ACC_BITS-1:0]};
				qmac_sat #(.IN_BITS(ACC_BITS+16), .OUT_BITS(ACC_BITS)) clamp (
					.x_i(sum_q), .y_o(sum), .saturated_o(sum_saturated));
				assign words[j*ACC_BITS +: ACC_BITS] = sum_i ? sum : y[ACC_BITS-1:0];
				assign saturated_o[j] = sum_i ? sum_saturated : result_saturated;
			end else begin : of_a
				assign words[j*ACC_BITS +: ACC_BITS] = y[ACC_BITS-1:0];
				assign saturated_o[j] = result_saturated;
			end
		end
	endgenerate

	// ---- the row
	wire [31:0] space = {30'd0, command_i[`QMAC_VEC_dspace]};
	wire [5:0] lane0 = command_i[`QMAC_VEC_lane0];
	reg [LANES*LIMB_BITS-1:0] placed; // lane 0 at lane0

	always @* begin : place
		integer i;

		placed = limbs;
		for (i = 0; i < 6; i = i + 1)
			if (lane0[i])
				placed = placed << (LIMB_BITS << i);
	end

	wire [15:0] row;
	reg [15:0] sum_row_q;

	qmac_vec_walk walk_row (
		.clk_i(clk_i), .begin_i(begin_i), .first_i(command_i[`QMAC_VEC_dst]),
		.stride0_i(command_i[`QMAC_VEC_d0]), .stride1_i(command_i[`QMAC_VEC_d1]),
		.step_i(write_i), .wrap_i(write_wrap_i), .place_o(row));

	always @(posedge clk_i)
		if (begin_i)
			sum_row_q <= command_i[`QMAC_VEC_sum];
		else if (sum_i)
			sum_row_q <= sum_row_q + 16'd1;

	assign row_o = sum_i ? sum_row_q : row;
	assign a_write_o = {ROWS{write_i && space == `QMAC_SPACE_A}};
	assign w_write_o = {COLS{write_i && space == `QMAC_SPACE_W}};
	assign acc_write_o = sum_i || (write_i && space == `QMAC_SPACE_ACC) ? used_i[COLS-1:0] : {COLS{1'b0}};
	assign acc_data_o = words[COLS*ACC_BITS-1:0];
	generate
		for (j = 0; j < ROWS; j = j + 1) begin : a
			assign a_data_o[j*A_BITS +: A_BITS] = placed[j*LIMB_BITS +: A_BITS];
		end
		for (j = 0; j < COLS; j = j + 1) begin : w
			assign w_data_o[j*W_BITS +: W_BITS] = placed[j*LIMB_BITS +: W_BITS];
		end
	endgenerate

	// ---- magnitudes
	reg [31:0] magnitudes_q;
	reg [31:0] row_magnitudes;

	always @* begin : gather
		integer i;

		row_magnitudes = 32'd0;
		if (monitored_i && write_i)
			for (i = 0; i < LANES; i = i + 1)
				if (used_i[i])
					row_magnitudes = row_magnitudes | magnitudes[32*i +: 32];
	end

	assign magnitudes_o = magnitudes_q | row_magnitudes;

	always @(posedge clk_i)
		magnitudes_q <= begin_i ? 32'd0 : magnitudes_o;

	wire unused = &{1'b0, command_i, words, placed};
endmodule
