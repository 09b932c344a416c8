// The device as the simulation sees it: qmac_top with its retire records and a way to scratchpad words.
// Simulation only. Checkers are bound to it in qmac_sva.sv.

// The scratchpads are written by the core, and here with a clock of its own.
`verilator_config
lint_off -rule MULTIDRIVEN -file "*rtl/qmac_scratchpad.v"
lint_off -rule MULTIDRIVEN -file "*rtl/qmac_lut.v"
`verilog

`default_nettype none
`include "qmac_isa.vh"

module qmac_sim #(
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
	parameter ZERO_GATING = 0,
	parameter CLOCK_GATES = 1,
	parameter PORT_REGISTERS = CLOCK_GATES
) (
	input  wire                   clk_i,
	input  wire                   core_clk_i,
	input  wire                   rst_ni,
	input  wire [5:0]             hold_i,     // verification: holds up internal streams; 0 in a system
	output wire                   irq_o,
	output wire                   idle_o,     // nothing is under way
	output wire [63:0]            cycle_o,    // number of this cycle
	output wire                   stopped_o,  // by an error
	// retire records, LOAD lowest: 0 number, 1 opcode | tag << 16, saturations 2 acc 3 requant 4 container,
	// 5 6 digest, 7 8 start, 9 10 retire cycle, 11 magnitudes; two words are one number, its low word first
	output wire [3:0]             record_valid_o,
	output wire [4*512-1:0]       record_o,
	// scratchpad words as in qmac_device_peek() and qmac_device_poke(), at an edge of the clock
	input  wire                   backdoor_clk_i,
	input  wire                   backdoor_write_i,
	input  wire                   backdoor_clear_i, // the row becomes zero in every space that has it
	input  wire [1:0]             backdoor_space_i,
	input  wire [15:0]            backdoor_row_i,
	input  wire [5:0]             backdoor_lane_i,
	input  wire [63:0]            backdoor_data_i,
	output wire [63:0]            backdoor_data_o, // what was there before

	// AXI4-Lite slave: registers
	input  wire                   s_awvalid_i,
	output wire                   s_awready_o,
	input  wire [11:0]            s_awaddr_i,
	input  wire                   s_wvalid_i,
	output wire                   s_wready_o,
	input  wire [31:0]            s_wdata_i,
	input  wire [3:0]             s_wstrb_i,
	output wire                   s_bvalid_o,
	input  wire                   s_bready_i,
	output wire [1:0]             s_bresp_o,
	input  wire                   s_arvalid_i,
	output wire                   s_arready_o,
	input  wire [11:0]            s_araddr_i,
	output wire                   s_rvalid_o,
	input  wire                   s_rready_i,
	output wire [31:0]            s_rdata_o,
	output wire [1:0]             s_rresp_o,

	// AXI4 master: commands (read id 1) and data (read id 0)
	output wire                   m_arvalid_o,
	input  wire                   m_arready_i,
	output wire                   m_arid_o,
	output wire [47:0]            m_araddr_o,
	output wire [7:0]             m_arlen_o,
	output wire [2:0]             m_arsize_o,
	output wire [1:0]             m_arburst_o,
	input  wire                   m_rvalid_i,
	output wire                   m_rready_o,
	input  wire                   m_rid_i,
	input  wire [8*BUS_BYTES-1:0] m_rdata_i,
	input  wire [1:0]             m_rresp_i,
	input  wire                   m_rlast_i,
	output wire                   m_awvalid_o,
	input  wire                   m_awready_i,
	output wire [47:0]            m_awaddr_o,
	output wire [7:0]             m_awlen_o,
	output wire [2:0]             m_awsize_o,
	output wire [1:0]             m_awburst_o,
	output wire                   m_wvalid_o,
	input  wire                   m_wready_i,
	output wire [8*BUS_BYTES-1:0] m_wdata_o,
	output wire [BUS_BYTES-1:0]   m_wstrb_o,
	output wire                   m_wlast_o,
	input  wire                   m_bvalid_i,
	output wire                   m_bready_o,
	input  wire [1:0]             m_bresp_i
);
	localparam A_INDEX_BITS = A_DEPTH > 4 ? $clog2(A_DEPTH / 2) : 1;
	localparam W_INDEX_BITS = W_DEPTH > 4 ? $clog2(W_DEPTH / 2) : 1;
	localparam ACC_INDEX_BITS = ACC_DEPTH > 4 ? $clog2(ACC_DEPTH / 2) : 1;
	localparam [31:0] A_HALF = A_DEPTH / 2;
	localparam [31:0] W_HALF = W_DEPTH / 2;
	localparam [31:0] ACC_HALF = ACC_DEPTH / 2;

	// Held up from the next cycle on: a register, because what follows from inputs is evaluated more often.
	reg [5:0] hold_q;
	always @(posedge core_clk_i)
		hold_q <= hold_i;

	qmac_top #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.ACC_OVERFLOW(ACC_OVERFLOW), .OS_MAX(OS_MAX), .A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH),
		.ACC_DEPTH(ACC_DEPTH), .BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING),
		.QUEUE_DEPTH(QUEUE_DEPTH), .LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_PORTS), .MAC_STYLE(MAC_STYLE),
		.ZERO_GATING(ZERO_GATING), .CLOCK_GATES(CLOCK_GATES), .PORT_REGISTERS(PORT_REGISTERS)
	) top (
		.clk_i(clk_i), .core_clk_i(core_clk_i), .rst_ni(rst_ni), .hold_i(hold_q), .irq_o(irq_o),
		.idle_o(idle_o), .s_awvalid_i(s_awvalid_i), .s_awready_o(s_awready_o), .s_awaddr_i(s_awaddr_i),
		.s_wvalid_i(s_wvalid_i), .s_wready_o(s_wready_o), .s_wdata_i(s_wdata_i), .s_wstrb_i(s_wstrb_i),
		.s_bvalid_o(s_bvalid_o), .s_bready_i(s_bready_i), .s_bresp_o(s_bresp_o), .s_arvalid_i(s_arvalid_i),
		.s_arready_o(s_arready_o), .s_araddr_i(s_araddr_i), .s_rvalid_o(s_rvalid_o),
		.s_rready_i(s_rready_i), .s_rdata_o(s_rdata_o), .s_rresp_o(s_rresp_o), .m_arvalid_o(m_arvalid_o),
		.m_arready_i(m_arready_i), .m_arid_o(m_arid_o), .m_araddr_o(m_araddr_o), .m_arlen_o(m_arlen_o),
		.m_arsize_o(m_arsize_o), .m_arburst_o(m_arburst_o), .m_rvalid_i(m_rvalid_i),
		.m_rready_o(m_rready_o), .m_rid_i(m_rid_i), .m_rdata_i(m_rdata_i), .m_rresp_i(m_rresp_i),
		.m_rlast_i(m_rlast_i), .m_awvalid_o(m_awvalid_o), .m_awready_i(m_awready_i),
		.m_awaddr_o(m_awaddr_o), .m_awlen_o(m_awlen_o), .m_awsize_o(m_awsize_o), .m_awburst_o(m_awburst_o),
		.m_wvalid_o(m_wvalid_o), .m_wready_i(m_wready_i), .m_wdata_o(m_wdata_o), .m_wstrb_o(m_wstrb_o),
		.m_wlast_o(m_wlast_o), .m_bvalid_i(m_bvalid_i), .m_bready_o(m_bready_o), .m_bresp_i(m_bresp_i));

	assign cycle_o = top.now;
	assign stopped_o = top.error;

	// ---- records
	wire [63:0] load_digest, execute_digest, store_digest;
	wire [1:0] store_container;
	wire [3:0] unused_containers;

	qmac_digest #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS), .ACC_DEPTH(ACC_DEPTH)
	) digest (
		.clk_i(core_clk_i), .load_clk_i(top.load_clk), .store_clk_i(top.store_clk), .vec_clk_i(top.vec_clk),
		.gemm_clk_i(top.gemm_clk), .rst_ni(top.rst_n), .load_row_i(top.load_row),
		.load_a_write_i(top.load_a_write),
		.load_a_data_i(top.load_a_data), .load_w_write_i(top.load_w_write),
		.load_w_data_i(top.load_w_data), .load_acc_write_i(top.load_acc_write),
		.load_acc_data_i(top.load_acc_data), .load_lut_write_i(top.load_lut_write),
		.load_lut_word_i(top.load_lut_word), .load_retire_i(top.retire[0]), .vec_row_i(top.vec_row),
		.vec_a_write_i(top.vec_a_write), .vec_a_data_i(top.vec_a_data), .vec_w_write_i(top.vec_w_write),
		.vec_w_data_i(top.vec_w_data), .vec_acc_write_i(top.vec_acc_write),
		.vec_acc_data_i(top.vec_acc_data), .vec_retire_i(top.vec_retire),
		.gemm_write_i(top.acc_lane_write), .gemm_place_i(top.acc_lane_write_place),
		.gemm_data_i(top.acc_lane_write_data), .gemm_retire_i(top.gemm_retire),
		.store_valid_i(top.store_tap_valid), .store_address_i(top.store_tap_address),
		.store_data_i(top.store_tap_data), .store_lanes_i(top.store_tap_lanes),
		.store_container_i(store_container), .store_retire_i(top.retire[2]), .load_o(load_digest),
		.execute_o(execute_digest), .store_o(store_digest));

	qmac_record load_record (
		.clk_i(core_clk_i), .rst_ni(top.rst_n), .time_i(top.now), .push_i(top.push[0]),
		.number_i(top.number), .command_i(top.checked), .start_i(top.load_valid && top.load_ready),
		.retire_i(top.retire[0]), .acc_gain_i(7'd0), .requant_gain_i(16'd0),
		.container_gain_i(top.load_saturations), .magnitudes_i(32'd0),
		.digest_i(load_digest), .valid_o(record_valid_o[0]),
		.record_o(record_o[0*512 +: 512]), .container_o(unused_containers[1:0]));
	qmac_record execute_record (
		.clk_i(core_clk_i), .rst_ni(top.rst_n), .time_i(top.now), .push_i(top.push[1]),
		.number_i(top.number), .command_i(top.checked), .start_i(top.execute_start),
		.retire_i(top.retire[1]), .acc_gain_i(top.acc_events),
		.requant_gain_i(top.vec_saturations), .container_gain_i(7'd0),
		.magnitudes_i(top.vec_retire ? top.vec_magnitudes : 32'd0), .digest_i(execute_digest),
		.valid_o(record_valid_o[1]), .record_o(record_o[1*512 +: 512]),
		.container_o(unused_containers[3:2]));
	qmac_record store_record (
		.clk_i(core_clk_i), .rst_ni(top.rst_n), .time_i(top.now), .push_i(top.push[2]),
		.number_i(top.number), .command_i(top.checked), .start_i(top.store_valid && top.store_ready),
		.retire_i(top.retire[2]), .acc_gain_i(7'd0), .requant_gain_i(16'd0),
		.container_gain_i(top.store_saturations), .magnitudes_i(32'd0),
		.digest_i(store_digest), .valid_o(record_valid_o[2]),
		.record_o(record_o[2*512 +: 512]), .container_o(store_container));

	// A SYNC starts and retires in one cycle and writes nothing.
	assign record_valid_o[3] = top.sync_retire;
	assign record_o[3*512 +: 512] = {160'd0, top.now, top.now, 160'd0, top.checked[`QMAC_COMMON_tag], 12'd0,
	                                 top.checked[`QMAC_COMMON_opcode], top.number};

	// ---- scratchpad words: place of the row in each space
	wire a_upper = backdoor_row_i >= A_HALF[15:0];
	wire w_upper = backdoor_row_i >= W_HALF[15:0];
	wire acc_upper = backdoor_row_i >= ACC_HALF[15:0];
	wire [A_INDEX_BITS-1:0] a_index = A_INDEX_BITS'(a_upper ? backdoor_row_i - A_HALF[15:0] : backdoor_row_i);
	wire [W_INDEX_BITS-1:0] w_index = W_INDEX_BITS'(w_upper ? backdoor_row_i - W_HALF[15:0] : backdoor_row_i);
	wire [ACC_INDEX_BITS-1:0] acc_index =
		ACC_INDEX_BITS'(acc_upper ? backdoor_row_i - ACC_HALF[15:0] : backdoor_row_i);
	wire [LUT_BITS-1:0] lut_index = backdoor_row_i[LUT_BITS-1:0];
	wire is_a = {30'd0, backdoor_space_i} == `QMAC_SPACE_A;
	wire is_w = {30'd0, backdoor_space_i} == `QMAC_SPACE_W;
	wire is_acc = {30'd0, backdoor_space_i} == `QMAC_SPACE_ACC;
	wire is_lut = {30'd0, backdoor_space_i} == `QMAC_SPACE_LUT;

	// Per lane and bank what was there, in order; a bank that was not asked says 0.
	reg [A_BITS-1:0] a_word [0:2*ROWS-1];
	reg [W_BITS-1:0] w_word [0:2*COLS-1];
	reg signed [ACC_BITS-1:0] acc_word [0:2*COLS-1];
	reg [31:0] lut_word;
	reg [63:0] found;
	for (genvar g = 0; g < ROWS; g++) begin : a_lane
		for (genvar b = 0; b < 2; b++) begin : bank
			always @(posedge backdoor_clk_i)
				if (backdoor_clear_i && a_upper == 1'(b) && 32'(backdoor_row_i) < A_DEPTH)
					top.a_pad.lane[g].bank[b].memory[a_index] <= '0;
				else if (is_a && backdoor_lane_i == 6'(g) && a_upper == 1'(b)) begin
					a_word[2*g + b] <= top.a_pad.lane[g].bank[b].memory[a_index];
					if (backdoor_write_i)
						top.a_pad.lane[g].bank[b].memory[a_index] <= backdoor_data_i[A_BITS-1:0];
				end
		end
	end
	for (genvar g = 0; g < COLS; g++) begin : w_lane
		for (genvar b = 0; b < 2; b++) begin : bank
			always @(posedge backdoor_clk_i)
				if (backdoor_clear_i) begin
					if (w_upper == 1'(b) && 32'(backdoor_row_i) < W_DEPTH)
						top.w_pad.lane[g].bank[b].memory[w_index] <= '0;
					if (acc_upper == 1'(b) && 32'(backdoor_row_i) < ACC_DEPTH)
						top.acc_pad.lane[g].bank[b].memory[acc_index] <= '0;
				end else if (backdoor_lane_i == 6'(g)) begin
					if (is_w && w_upper == 1'(b)) begin
						w_word[2*g + b] <= top.w_pad.lane[g].bank[b].memory[w_index];
						if (backdoor_write_i)
							top.w_pad.lane[g].bank[b].memory[w_index] <= backdoor_data_i[W_BITS-1:0];
					end
					if (is_acc && acc_upper == 1'(b)) begin
						acc_word[2*g + b] <= top.acc_pad.lane[g].bank[b].memory[acc_index];
						if (backdoor_write_i)
							top.acc_pad.lane[g].bank[b].memory[acc_index] <= backdoor_data_i[ACC_BITS-1:0];
					end
				end
		end
	end
	always @(posedge backdoor_clk_i)
		if (backdoor_clear_i)
			top.lut.memory[lut_index] <= '0;
		else if (is_lut) begin
			lut_word <= top.lut.memory[lut_index];
			if (backdoor_write_i)
				top.lut.memory[lut_index] <= backdoor_data_i[31:0];
		end

	always_comb
		case (backdoor_space_i)
		2'(`QMAC_SPACE_A): found = 64'(a_word[2*backdoor_lane_i + 32'(a_upper)]);
		2'(`QMAC_SPACE_W): found = 64'(w_word[2*backdoor_lane_i + 32'(w_upper)]);
		2'(`QMAC_SPACE_ACC): found = 64'(acc_word[2*backdoor_lane_i + 32'(acc_upper)]);
		default: found = 64'(lut_word);
		endcase
	assign backdoor_data_o = found;

	wire unused = &{1'b0, unused_containers, backdoor_data_i};
endmodule
