// The array alone, always at work, for bench_rtl_array.c: new operands in every cycle, a pass of 64 slots
// behind the other, weights captured for each. in_i[0] is the reset, in_i[1] chooses the mode.
`default_nettype none

module unit_array #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter OS_MAX = 4096
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	localparam PSUM_BITS = A_BITS + W_BITS + 1 + $clog2(OS_MAX);
	localparam [31:0] K = ROWS;

	reg [31:0] noise_q;
	reg [5:0] slot_q;
	wire [COLS*PSUM_BITS-1:0] bottom, top;
	wire os = in_i[1];

	always @(posedge clk_i) begin
		noise_q <= in_i[0] ? noise_q * 32'd1664525 + 32'd1013904223 : 32'd1;
		slot_q <= in_i[0] ? slot_q + 6'd1 : 6'd0;
	end

	qmac_array #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .OS_MAX(OS_MAX)
	) array (
		.clk_i(clk_i), .rst_ni(in_i[0]), .a_data_i({ROWS{noise_q[31 -: A_BITS]}}),
		.w_data_i({COLS{noise_q[28 -: W_BITS]}}), .k_i(K[6:0]), .a_unsigned_i(1'b0), .w_unsigned_i(1'b0),
		.os_i(os), .begin_i(slot_q == 6'd0), .copy_i(os && slot_q == 6'd0), .capture_i(!os && slot_q == 6'd1),
		.bottom_o(bottom), .top_o(top));

	wire unused = ^in_i ^ ^noise_q;
	assign out_o = {510'd0, ^bottom, ^top};
endmodule
