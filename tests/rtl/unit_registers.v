// Registers, counters and monitors, for test_rtl_registers.c; word numbers as there. Counter i gains word 8
// plus i where bit i of word 7 is set.
`default_nettype none
`include "qmac_isa.vh"

module unit_registers #(
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
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4,
	parameter QUEUE_DEPTH = 4,
	parameter LUT_BITS = 8,
	parameter LUT_PORTS = 1,
	parameter MAC_STYLE = 0,
	parameter ZERO_GATING = 0
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	localparam COUNTERS = `QMAC_COUNTERS;

	wire awready, wready, bvalid, arready, rvalid, core_rst_n, irq;
	wire [1:0] bresp, rresp;
	wire [31:0] rdata, ring_log2, tail;
	wire [47:0] mem_base, mem_size, ring_base;
	wire [5:0] counter_index;
	wire [63:0] counter_value;
	wire [6:0] monitor_index, monitor_clear_index;
	wire [31:0] monitor_value;
	wire monitor_clear;
	wire [32*COUNTERS-1:0] increment;

	qmac_registers #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.ACC_OVERFLOW(ACC_OVERFLOW), .OS_MAX(OS_MAX), .A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH),
		.ACC_DEPTH(ACC_DEPTH), .BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING),
		.QUEUE_DEPTH(QUEUE_DEPTH), .LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_PORTS), .MAC_STYLE(MAC_STYLE),
		.ZERO_GATING(ZERO_GATING)
	) registers (
		.clk_i(clk_i), .rst_ni(in_i[0]), .s_awvalid_i(in_i[1]), .s_awready_o(awready),
		.s_awaddr_i(in_i[43:32]), .s_wvalid_i(in_i[2]), .s_wready_o(wready), .s_wdata_i(in_i[95:64]),
		.s_wstrb_i(in_i[31:28]), .s_bvalid_o(bvalid), .s_bready_i(in_i[3]), .s_bresp_o(bresp),
		.s_arvalid_i(in_i[4]), .s_arready_o(arready), .s_araddr_i(in_i[59:48]), .s_rvalid_o(rvalid),
		.s_rready_i(in_i[5]), .s_rdata_o(rdata), .s_rresp_o(rresp), .core_rst_no(core_rst_n),
		.mem_base_o(mem_base), .mem_size_o(mem_size), .ring_base_o(ring_base), .ring_log2_o(ring_log2),
		.tail_o(tail), .counter_index_o(counter_index), .monitor_index_o(monitor_index),
		.monitor_clear_o(monitor_clear), .monitor_clear_index_o(monitor_clear_index), .irq_o(irq),
		.head_i(in_i[127:96]), .busy_i(in_i[6]), .error_i(in_i[7]), .error_code_i(in_i[27:24]),
		.error_command_i(in_i[159:128]),
		.sync_retire_i(in_i[8]), .sync_irq_i(in_i[9]), .sync_stamp_i(in_i[10]), .sync_toggle_i(in_i[11]),
		.time_i(in_i[223:160]), .counter_value_i(counter_value),
		.monitor_value_i(monitor_value));

	qmac_monitors monitors (
		.clk_i(clk_i), .rst_ni(core_rst_n), .retire_i(in_i[391]), .toggle_i(in_i[392]),
		.monitor_i(in_i[390:384]), .magnitudes_i(in_i[383:352]), .clear_i(monitor_clear),
		.clear_index_i(monitor_clear_index), .index_i(monitor_index), .value_o(monitor_value));

	genvar i;
	generate
		for (i = 0; i < COUNTERS; i = i + 1) begin : gain
			wire [31:0] number = i;
			assign increment[32*i +: 32] = in_i[224 + i] ? in_i[287:256] + number : 32'd0;
		end
	endgenerate

	qmac_counters counters (
		.clk_i(clk_i), .rst_ni(core_rst_n), .increment_i(increment), .cycles_i(in_i[351:288]),
		.index_i(counter_index), .value_o(counter_value));

	wire unused = ^in_i; // not all of it is
	assign out_o = {192'd0, tail, ring_log2, 16'd0, ring_base, 16'd0, mem_size, 16'd0, mem_base, rdata,
	                21'd0, irq, core_rst_n, rresp, rvalid, arready, bresp, bvalid, wready, awready};
endmodule
