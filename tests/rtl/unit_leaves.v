// The arithmetic leaves side by side, for test_rtl_leaves.c; word numbers as there.
`default_nettype none

module unit_leaves #(
	parameter ACC_BITS = 32,
	parameter OUT_BITS = 8,
	parameter LUT_BITS = 6
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	localparam SOURCE_BITS = ACC_BITS > 32 ? ACC_BITS : 32;

	wire [63:0] y;
	wire [31:0] magnitude;
	wire saturated;
	qmac_round round (
		.clk_i(clk_i), .run_i(3'b111), .x_i(in_i[63:0]), .shift_i(in_i[69:64]), .rnd_i(in_i[71:70]),
		.r_i(in_i[119:96]), .relu_i(in_i[72]), .bw_i(in_i[78:73]), .measure_i(in_i[79]), .y_o(y),
		.saturated_o(saturated), .magnitude_o(magnitude));

	wire [31:0] state;
	wire [23:0] r;
	qmac_dither_row dither_row (
		.clk_i(clk_i), .seed_i(in_i[159:128]), .row_i(in_i[191:160]), .state_o(state));
	qmac_dither_lane dither_lane (
		.clk_i(clk_i), .run_i(2'b11), .state_i(state), .channel_i(in_i[207:192]), .r_o(r));

	wire [OUT_BITS-1:0] limb;
	qmac_limb #(.OUT_BITS(OUT_BITS)) limb_cut (
		.value_i(in_i[63:0]), .lsb_i(in_i[229:224]), .nbits_i(in_i[234:230]), .unsigned_i(in_i[235]),
		.limb_o(limb));

	// A table with a registered read, one port.
	reg [31:0] table_q [0:(1<<LUT_BITS)-1];
	reg [31:0] word_q;
	wire [LUT_BITS-1:0] index;
	always @(posedge clk_i) begin
		word_q <= table_q[index];
		if (in_i[511])
			table_q[in_i[480 +: LUT_BITS]] <= in_i[479:448];
	end

	wire [63:0] x;
	wire [1:0] events;
	qmac_vec_lane #(.ACC_BITS(ACC_BITS), .LUT_BITS(LUT_BITS)) vec_lane (
		.clk_i(clk_i), .valid_i(in_i[411]), .coef_i(in_i[414:412]), .a_i(in_i[256 +: SOURCE_BITS]),
		.b_i(in_i[320 +: SOURCE_BITS]), .op_i(in_i[387:384]), .l0_i(in_i[392:388]),
		.mult_i(in_i[410:393]), .in_bits_i(in_i[421:416]),
		.lut_n_i(in_i[425:422]), .index_o(index), .word_i(word_q), .x_o(x), .events_o(events));

	wire unused = ^in_i; // not all of it is
	assign out_o = {192'd0, magnitude, state, 30'd0, events, x, {32-OUT_BITS{1'b0}}, limb, 8'd0, r, 31'd0,
	                saturated, y};
endmodule
