// The device: docs/rtl.md says how its modules meet, docs/timing.md when.
//
// clk_i clocks the AXI4-Lite slave and its registers, core_clk_i all the rest. Edges of core_clk_i
// coincide with edges of clk_i; the system may stop core_clk_i while idle_o is 1 and no register is
// written. Tied together they make one clock.
`default_nettype none
`include "qmac_isa.vh"

module qmac_top #(
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
	parameter CLOCK_GATES = 0,   // 1: engines without work have no clock
	parameter PORT_REGISTERS = 0 // 1: see qmac_scratchpad; for simulations
) (
	input  wire                   clk_i,
	input  wire                   core_clk_i,
	input  wire                   rst_ni,
	input  wire [5:0]             hold_i,     // verification: holds up internal streams; 0 in a system
	output wire                   irq_o,
	output wire                   idle_o,     // nothing is under way

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
	localparam BUS_BITS = 8 * BUS_BYTES;
	localparam A_ROW_BITS = $clog2(A_DEPTH);
	localparam W_ROW_BITS = $clog2(W_DEPTH);
	localparam ACC_ROW_BITS = $clog2(ACC_DEPTH);
	localparam A_PLACE_BITS = A_DEPTH > 4 ? $clog2(A_DEPTH / 2) + 1 : 2;
	localparam W_PLACE_BITS = W_DEPTH > 4 ? $clog2(W_DEPTH / 2) + 1 : 2;
	localparam ACC_PLACE_BITS = ACC_DEPTH > 4 ? $clog2(ACC_DEPTH / 2) + 1 : 2;
	localparam [31:0] BUS_SIZE = $clog2(BUS_BYTES);
	// A lookup takes ceil(COLS / LUT_PORTS) cycles, also where rows of A have more lanes than that.
	localparam LUT_CYCLES = (COLS + LUT_PORTS - 1) / LUT_PORTS;
	localparam LUT_LEAST = ((ROWS > COLS ? ROWS : COLS) + LUT_CYCLES - 1) / LUT_CYCLES;
	localparam LUT_WORDS = LUT_LEAST > LUT_PORTS ? LUT_LEAST : LUT_PORTS; // read in a cycle
	localparam COUNTERS = `QMAC_COUNTERS;

	qmac_legal #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.ACC_OVERFLOW(ACC_OVERFLOW), .OS_MAX(OS_MAX), .A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH),
		.ACC_DEPTH(ACC_DEPTH), .BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING),
		.QUEUE_DEPTH(QUEUE_DEPTH), .LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_PORTS), .MAC_STYLE(MAC_STYLE),
		.ZERO_GATING(ZERO_GATING)
	) legal ();

	wire clk = core_clk_i;
	wire rst_n;

	// ---- registers
	wire [47:0] mem_base, mem_size, ring_base;
	wire [31:0] ring_log2, tail, head, error_command;
	wire [5:0] counter_index;
	wire [6:0] monitor_index, monitor_clear_index;
	wire [31:0] monitor_value;
	wire monitor_clear;
	wire [63:0] counter_value, now, cycles;
	wire [3:0] error_code;
	wire busy, error, sync_retire, sync_irq, sync_stamp;
	// Flip with every SYNC, every VEC that retires: registers count one that stands still once.
	reg sync_toggle_q, vec_toggle_q;

	qmac_registers #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.ACC_OVERFLOW(ACC_OVERFLOW), .OS_MAX(OS_MAX), .A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH),
		.ACC_DEPTH(ACC_DEPTH), .BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING),
		.QUEUE_DEPTH(QUEUE_DEPTH), .LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_PORTS), .MAC_STYLE(MAC_STYLE),
		.ZERO_GATING(ZERO_GATING)
	) registers (
		.clk_i(clk_i), .rst_ni(rst_ni), .s_awvalid_i(s_awvalid_i), .s_awready_o(s_awready_o),
		.s_awaddr_i(s_awaddr_i), .s_wvalid_i(s_wvalid_i), .s_wready_o(s_wready_o), .s_wdata_i(s_wdata_i),
		.s_wstrb_i(s_wstrb_i), .s_bvalid_o(s_bvalid_o), .s_bready_i(s_bready_i), .s_bresp_o(s_bresp_o),
		.s_arvalid_i(s_arvalid_i), .s_arready_o(s_arready_o), .s_araddr_i(s_araddr_i),
		.s_rvalid_o(s_rvalid_o), .s_rready_i(s_rready_i), .s_rdata_o(s_rdata_o), .s_rresp_o(s_rresp_o),
		.core_rst_no(rst_n), .mem_base_o(mem_base), .mem_size_o(mem_size), .ring_base_o(ring_base),
		.ring_log2_o(ring_log2), .tail_o(tail), .counter_index_o(counter_index),
		.monitor_index_o(monitor_index), .monitor_clear_o(monitor_clear),
		.monitor_clear_index_o(monitor_clear_index), .irq_o(irq_o),
		.head_i(head), .busy_i(busy), .error_i(error), .error_code_i(error_code),
		.error_command_i(error_command), .sync_retire_i(sync_retire), .sync_irq_i(sync_irq),
		.sync_stamp_i(sync_stamp), .sync_toggle_i(sync_toggle_q), .time_i(now),
		.counter_value_i(counter_value), .monitor_value_i(monitor_value));

	always @(posedge clk) begin
		sync_toggle_q <= rst_n && (sync_toggle_q ^ sync_retire);
		vec_toggle_q <= rst_n && (vec_toggle_q ^ vec_retire);
	end

	// ---- descriptors: fetched, checked, dispatched
	wire fetched_valid, fetched_ready, fetched_bus_error, fetch_quiet, freed, ring_fault;
	wire [511:0] fetched, checked, dispatched;
	wire [63:0] fetched_time, checked_time;
	wire [31:0] fetch_bytes;
	wire fetch_request, fetch_taken, fetch_beat, beat_error, load_request, load_taken, load_beat;
	wire [47:0] fetch_address, load_address;
	wire [7:0] fetch_last, load_last;
	wire [BUS_BITS-1:0] beat_data;

	// Both have a clock in cycles in which something moves in either.
	wire front_clk, fetch_moves, check_moves;

	qmac_gate #(.GATED(CLOCK_GATES), .TAIL(0)) front_gate (
		.clk_i(clk), .rst_ni(rst_n), .want_i(fetch_moves || check_moves), .clk_o(front_clk));

	qmac_fetch #(.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING)) fetch (
		.clk_i(front_clk), .rst_ni(rst_n), .ring_base_i(ring_base), .ring_log2_i(ring_log2), .tail_i(tail),
		.head_i(head), .mem_base_i(mem_base), .mem_size_i(mem_size), .time_i(now), .freed_i(freed),
		.ring_fault_o(ring_fault), .request_valid_o(fetch_request),
		.request_ready_i(fetch_taken), .request_address_o(fetch_address), .request_last_o(fetch_last),
		.beat_valid_i(fetch_beat), .beat_data_i(beat_data), .beat_error_i(beat_error),
		.valid_o(fetched_valid), .ready_i(fetched_ready), .command_o(fetched),
		.bus_error_o(fetched_bus_error), .ready_time_o(fetched_time), .fetch_bytes_o(fetch_bytes),
		.quiet_o(fetch_quiet), .moves_o(fetch_moves));

	qmac_read_channel #(.BUS_BYTES(BUS_BYTES)) read_channel (
		.clk_i(clk), .rst_ni(rst_n), .fetch_valid_i(fetch_request), .fetch_ready_o(fetch_taken),
		.fetch_address_i(fetch_address), .fetch_last_i(fetch_last), .load_valid_i(load_request),
		.load_ready_o(load_taken), .load_address_i(load_address), .load_last_i(load_last),
		.ar_valid_o(m_arvalid_o), .ar_ready_i(m_arready_i), .ar_id_o(m_arid_o), .ar_address_o(m_araddr_o),
		.ar_last_o(m_arlen_o), .r_valid_i(m_rvalid_i), .r_id_i(m_rid_i), .r_data_i(m_rdata_i),
		.r_resp_i(m_rresp_i), .fetch_beat_o(fetch_beat), .load_beat_o(load_beat), .beat_data_o(beat_data),
		.beat_error_o(beat_error));

	assign m_rready_o = 1'b1;
	assign m_arsize_o = BUS_SIZE[2:0];
	assign m_arburst_o = 2'b01;
	assign m_awsize_o = BUS_SIZE[2:0];
	assign m_awburst_o = 2'b01;

	wire check_valid, check_ready, checked_offer, checked_taken, checked_valid, checked_ready;
	wire [3:0] fault;
	wire [1:0] engine;
	wire [16:0] slots;

	qmac_hold fetched_hold (
		.clk_i(clk), .rst_ni(rst_n), .hold_i(hold_i[0]), .valid_i(fetched_valid), .ready_o(fetched_ready),
		.valid_o(check_valid), .ready_i(check_ready));

	qmac_check #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS), .OS_MAX(OS_MAX),
		.A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH), .ACC_DEPTH(ACC_DEPTH), .LUT_BITS(LUT_BITS)
	) check (
		.clk_i(front_clk), .rst_ni(rst_n), .valid_i(check_valid), .ready_o(check_ready), .command_i(fetched),
		.bus_error_i(fetched_bus_error), .ready_time_i(fetched_time), .mem_base_i(mem_base),
		.mem_size_i(mem_size), .valid_o(checked_offer), .ready_i(checked_taken), .command_o(checked),
		.fault_o(fault), .engine_o(engine), .slots_o(slots), .ready_time_o(checked_time),
		.moves_o(check_moves));

	qmac_hold checked_hold (
		.clk_i(clk), .rst_ni(rst_n), .hold_i(hold_i[1]), .valid_i(checked_offer), .ready_o(checked_taken),
		.valid_o(checked_valid), .ready_i(checked_ready));

	wire [2:0] queue_full, push, retire, engine_busy;
	wire [47:0] retired;
	wire [31:0] number, load_number, store_number;
	wire [95:0] starved;
	wire load_error, store_error, stop_starts;
	reg [31:0] load_number_q, store_number_q; // of the command being executed

	qmac_dispatch dispatch (
		.clk_i(clk), .rst_ni(rst_n), .valid_i(checked_valid), .ready_o(checked_ready), .command_i(checked),
		.fault_i(fault), .engine_i(engine), .ready_time_i(checked_time), .ring_fault_i(ring_fault),
		.tail_i(tail), .queue_full_i(queue_full), .retire_i(retire), .engine_busy_i(engine_busy),
		.load_error_i(load_error), .store_error_i(store_error), .load_number_i(load_number_q),
		.store_number_i(store_number_q), .fetch_quiet_i(fetch_quiet), .push_o(push), .command_o(dispatched),
		.freed_o(freed), .number_o(number), .head_o(head), .retired_o(retired),
		.stop_starts_o(stop_starts), .busy_o(busy), .idle_o(idle_o), .error_o(error),
		.error_code_o(error_code), .error_command_o(error_command), .sync_retire_o(sync_retire),
		.sync_irq_o(sync_irq), .sync_stamp_o(sync_stamp), .time_o(now),
		.cycles_o(cycles), .starved_o(starved));

	// ---- queues
	wire load_offer, load_start_taken, load_valid, load_ready, load_wait;
	wire store_offer, store_start_taken, store_valid, store_ready, store_wait;
	wire vec_offer, vec_start_taken, vec_valid, vec_ready, gemm_offer, gemm_taken, gemm_valid, gemm_ready;
	wire execute_wait, execute_start;
	wire [511:64] load_command, store_command, execute_command;
	wire [6:0] execute_monitor, vec_monitor;
	wire [31:0] vec_magnitudes;
	wire [16:0] execute_slots;
	wire gemm_retire, vec_retire;

	qmac_issue #(.QUEUE_DEPTH(QUEUE_DEPTH)) load_issue (
		.clk_i(clk), .rst_ni(rst_n), .push_i(push[0]), .command_i(dispatched), .number_i(number),
		.retired_i(retired), .stop_i(stop_starts), .full_o(queue_full[0]), .valid_o(load_offer),
		.ready_i(load_start_taken), .command_o(load_command), .number_o(load_number), .wait_o(load_wait));
	qmac_hold load_hold (
		.clk_i(clk), .rst_ni(rst_n), .hold_i(hold_i[2]), .valid_i(load_offer), .ready_o(load_start_taken),
		.valid_o(load_valid), .ready_i(load_ready));

	qmac_issue #(.QUEUE_DEPTH(QUEUE_DEPTH)) store_issue (
		.clk_i(clk), .rst_ni(rst_n), .push_i(push[2]), .command_i(dispatched), .number_i(number),
		.retired_i(retired), .stop_i(stop_starts), .full_o(queue_full[2]), .valid_o(store_offer),
		.ready_i(store_start_taken), .command_o(store_command), .number_o(store_number),
		.wait_o(store_wait));
	qmac_hold store_hold (
		.clk_i(clk), .rst_ni(rst_n), .hold_i(hold_i[5]), .valid_i(store_offer), .ready_o(store_start_taken),
		.valid_o(store_valid), .ready_i(store_ready));

	qmac_execute #(.QUEUE_DEPTH(QUEUE_DEPTH)) execute (
		.clk_i(clk), .rst_ni(rst_n), .push_i(push[1]), .command_i(dispatched), .slots_i(slots),
		.retired_i(retired), .stop_i(stop_starts), .full_o(queue_full[1]),
		.vec_valid_o(vec_offer), .vec_ready_i(vec_start_taken), .gemm_valid_o(gemm_offer),
		.gemm_ready_i(gemm_taken), .command_o(execute_command), .monitor_o(execute_monitor),
		.slots_o(execute_slots),
		.gemm_retire_i(gemm_retire), .vec_retire_i(vec_retire), .start_o(execute_start),
		.busy_o(engine_busy[1]), .gemm_busy_o(gemm_busy), .wait_o(execute_wait));
	qmac_hold vec_hold (
		.clk_i(clk), .rst_ni(rst_n), .hold_i(hold_i[3]), .valid_i(vec_offer), .ready_o(vec_start_taken),
		.valid_o(vec_valid), .ready_i(vec_ready));
	qmac_hold gemm_hold (
		.clk_i(clk), .rst_ni(rst_n), .hold_i(hold_i[4]), .valid_i(gemm_offer), .ready_o(gemm_taken),
		.valid_o(gemm_valid), .ready_i(gemm_ready));

	always @(posedge clk) begin
		if (load_valid && load_ready)
			load_number_q <= load_number;
		if (store_valid && store_ready)
			store_number_q <= store_number;
	end

	assign retire[1] = gemm_retire || vec_retire;

	// ---- clocks of the engines
	wire load_clk, store_clk, vec_clk, gemm_clk, gemm_busy; // busy: a GEMM has started and not retired

	qmac_gate #(.GATED(CLOCK_GATES)) load_gate (
		.clk_i(clk), .rst_ni(rst_n), .want_i(load_valid || !load_ready), .clk_o(load_clk));
	qmac_gate #(.GATED(CLOCK_GATES)) store_gate (
		.clk_i(clk), .rst_ni(rst_n), .want_i(store_valid || !store_ready), .clk_o(store_clk));
	qmac_gate #(.GATED(CLOCK_GATES)) vec_gate (
		.clk_i(clk), .rst_ni(rst_n), .want_i(vec_valid || !vec_ready), .clk_o(vec_clk));
	qmac_gate #(.GATED(CLOCK_GATES)) gemm_gate (
		.clk_i(clk), .rst_ni(rst_n), .want_i(gemm_busy), .clk_o(gemm_clk));

	// ---- LOAD
	wire [15:0] load_row;
	wire [ROWS-1:0] load_a_write;
	wire [ROWS*A_BITS-1:0] load_a_data;
	wire [COLS-1:0] load_w_write, load_acc_write;
	wire [COLS*W_BITS-1:0] load_w_data;
	wire [COLS*ACC_BITS-1:0] load_acc_data;
	wire load_lut_write, load_pair, load_burst;
	wire [31:0] load_lut_word;
	wire [3:0] load_row_write;
	wire [15:0] load_bytes;
	wire [6:0] load_saturations;

	qmac_load #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING)
	) load (
		.clk_i(load_clk), .rst_ni(rst_n), .start_valid_i(load_valid), .start_ready_o(load_ready),
		.command_i(load_command), .retire_o(retire[0]), .busy_o(engine_busy[0]), .error_o(load_error),
		.request_valid_o(load_request), .request_ready_i(load_taken), .request_address_o(load_address),
		.request_last_o(load_last), .beat_valid_i(load_beat), .beat_data_i(beat_data),
		.beat_error_i(beat_error), .row_o(load_row), .a_write_o(load_a_write), .a_data_o(load_a_data),
		.w_write_o(load_w_write), .w_data_o(load_w_data), .acc_write_o(load_acc_write),
		.acc_data_o(load_acc_data), .lut_write_o(load_lut_write), .lut_word_o(load_lut_word),
		.row_write_o(load_row_write), .pair_o(load_pair), .burst_o(load_burst), .read_bytes_o(load_bytes),
		.container_saturations_o(load_saturations));

	// ---- STORE
	wire store_read, store_pair, store_burst, store_row_read;
	wire [15:0] store_read_row, store_bytes;
	wire [6:0] store_saturations;
	wire [3*COLS*ACC_BITS-1:0] acc_row_data; // VEC src0, VEC src1, STORE
	wire store_tap_valid;
	wire [47:0] store_tap_address;
	wire [64*COLS-1:0] store_tap_data;
	wire [6:0] store_tap_lanes;

	qmac_store #(
		.COLS(COLS), .ACC_BITS(ACC_BITS), .BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS),
		.OUTSTANDING(OUTSTANDING)
	) store (
		.clk_i(store_clk), .rst_ni(rst_n), .start_valid_i(store_valid), .start_ready_o(store_ready),
		.command_i(store_command), .retire_o(retire[2]), .busy_o(engine_busy[2]), .error_o(store_error),
		.read_o(store_read), .read_row_o(store_read_row),
		.read_data_i(acc_row_data[2*COLS*ACC_BITS +: COLS*ACC_BITS]), .aw_valid_o(m_awvalid_o),
		.aw_ready_i(m_awready_i), .aw_address_o(m_awaddr_o), .aw_last_o(m_awlen_o), .w_valid_o(m_wvalid_o),
		.w_ready_i(m_wready_i), .w_data_o(m_wdata_o), .w_strobe_o(m_wstrb_o), .w_last_o(m_wlast_o),
		.b_valid_i(m_bvalid_i), .b_error_i(m_bresp_i != 2'b00), .pair_o(store_pair), .burst_o(store_burst),
		.write_bytes_o(store_bytes), .container_saturations_o(store_saturations),
		.row_read_o(store_row_read), .row_data_valid_o(store_tap_valid),
		.row_address_o(store_tap_address), .row_data_o(store_tap_data), .row_lanes_o(store_tap_lanes));
	assign m_bready_o = 1'b1;

	// ---- VEC
	wire [2:0] read0, read1;
	wire [15:0] read0_row, read1_row, vec_row;
	wire [2*ROWS*A_BITS-1:0] a_row_data;
	wire [2*COLS*W_BITS-1:0] w_row_data;
	wire [ROWS-1:0] vec_a_write;
	wire [ROWS*A_BITS-1:0] vec_a_data;
	wire [COLS-1:0] vec_w_write, vec_acc_write;
	wire [COLS*W_BITS-1:0] vec_w_data;
	wire [COLS*ACC_BITS-1:0] vec_acc_data;
	wire [LUT_WORDS*LUT_BITS-1:0] lut_index;
	wire [LUT_WORDS*32-1:0] lut_word;
	wire [7:0] vec_mults;
	wire [6:0] lut_reads;
	wire [15:0] vec_saturations;
	wire vec_busy;

	qmac_vec #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS), .A_DEPTH(A_DEPTH),
		.W_DEPTH(W_DEPTH), .ACC_DEPTH(ACC_DEPTH), .LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_PORTS)
	) vec (
		.clk_i(vec_clk), .rst_ni(rst_n), .start_valid_i(vec_valid), .start_ready_o(vec_ready),
		.command_i(execute_command), .monitor_i(execute_monitor), .retire_o(vec_retire), .busy_o(vec_busy),
		.read0_o(read0), .read0_row_o(read0_row), .read1_o(read1), .read1_row_o(read1_row),
		.a_data0_i(a_row_data[0 +: ROWS*A_BITS]), .a_data1_i(a_row_data[ROWS*A_BITS +: ROWS*A_BITS]),
		.w_data0_i(w_row_data[0 +: COLS*W_BITS]), .w_data1_i(w_row_data[COLS*W_BITS +: COLS*W_BITS]),
		.acc_data0_i(acc_row_data[0 +: COLS*ACC_BITS]),
		.acc_data1_i(acc_row_data[COLS*ACC_BITS +: COLS*ACC_BITS]), .write_row_o(vec_row),
		.a_write_o(vec_a_write), .a_data_o(vec_a_data), .w_write_o(vec_w_write), .w_data_o(vec_w_data),
		.acc_write_o(vec_acc_write), .acc_data_o(vec_acc_data), .lut_index_o(lut_index),
		.lut_word_i(lut_word), .vec_mults_o(vec_mults), .lut_reads_o(lut_reads),
		.requant_saturations_o(vec_saturations), .monitor_o(vec_monitor), .magnitudes_o(vec_magnitudes));

	qmac_monitors monitors (
		.clk_i(clk_i), .rst_ni(rst_n), .retire_i(vec_retire), .toggle_i(vec_toggle_q),
		.monitor_i(vec_monitor), .magnitudes_i(vec_magnitudes), .clear_i(monitor_clear),
		.clear_index_i(monitor_clear_index), .index_i(monitor_index), .value_o(monitor_value));

	qmac_lut #(.LUT_BITS(LUT_BITS), .LUT_PORTS(LUT_WORDS)) lut (
		.clk_i(clk), .index_i(lut_index), .word_o(lut_word), .write_i(load_lut_write),
		.write_index_i(load_row[LUT_BITS-1:0]), .write_word_i(load_lut_word));

	// ---- GEMM
	wire [6:0] acc_events;
	wire matrix_a_read, matrix_w_read, matrix_acc_read, matrix_acc_write;
	wire [12:0] macs, nonzero;
	wire [ROWS-1:0] a_lane_read;
	wire [ROWS*A_PLACE_BITS-1:0] a_lane_place;
	wire [ROWS*A_BITS-1:0] a_lane_data;
	wire [COLS-1:0] w_lane_read, acc_lane_read, acc_lane_write;
	wire [COLS*W_PLACE_BITS-1:0] w_lane_place;
	wire [COLS*W_BITS-1:0] w_lane_data;
	wire [COLS*ACC_PLACE_BITS-1:0] acc_lane_read_place, acc_lane_write_place;
	wire [COLS*ACC_BITS-1:0] acc_lane_data, acc_lane_write_data;

	qmac_matrix #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.ACC_OVERFLOW(ACC_OVERFLOW), .OS_MAX(OS_MAX), .A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH),
		.ACC_DEPTH(ACC_DEPTH)
	) matrix (
		.clk_i(gemm_clk), .rst_ni(rst_n), .command_valid_i(gemm_valid), .command_ready_o(gemm_ready),
		.command_i(execute_command[359:96]), .slots_i(execute_slots), .retire_o(gemm_retire),
		.acc_events_o(acc_events), .a_read_o(matrix_a_read), .w_read_o(matrix_w_read),
		.acc_read_o(matrix_acc_read), .acc_write_o(matrix_acc_write), .macs_o(macs), .nonzero_o(nonzero),
		.a_lane_read_o(a_lane_read), .a_lane_place_o(a_lane_place), .a_lane_data_i(a_lane_data),
		.w_lane_read_o(w_lane_read), .w_lane_place_o(w_lane_place), .w_lane_data_i(w_lane_data),
		.acc_lane_read_o(acc_lane_read), .acc_lane_read_place_o(acc_lane_read_place),
		.acc_lane_data_i(acc_lane_data), .acc_lane_write_o(acc_lane_write),
		.acc_lane_write_place_o(acc_lane_write_place), .acc_lane_write_data_o(acc_lane_write_data));

	// ---- scratchpads: readers VEC src0, VEC src1 (ACC: and STORE); writers LOAD, VEC
	qmac_scratchpad #(.LANES(ROWS), .BITS(A_BITS), .DEPTH(A_DEPTH), .READERS(2),
		.CLOCK_GATES(CLOCK_GATES), .PORT_REGISTERS(PORT_REGISTERS)) a_pad (
		.clk_i(clk), .lane_read_i(a_lane_read), .lane_read_place_i(a_lane_place), .lane_data_o(a_lane_data),
		.lane_write_i({ROWS{1'b0}}), .lane_write_place_i({ROWS*A_PLACE_BITS{1'b0}}),
		.lane_write_data_i({ROWS*A_BITS{1'b0}}), .row_read_i({read1[0], read0[0]}),
		.row_read_row_i({read1_row[A_ROW_BITS-1:0], read0_row[A_ROW_BITS-1:0]}), .row_data_o(a_row_data),
		.row_write_i({vec_a_write, load_a_write}),
		.row_write_row_i({vec_row[A_ROW_BITS-1:0], load_row[A_ROW_BITS-1:0]}),
		.row_write_data_i({vec_a_data, load_a_data}));

	qmac_scratchpad #(.LANES(COLS), .BITS(W_BITS), .DEPTH(W_DEPTH), .READERS(2),
		.CLOCK_GATES(CLOCK_GATES), .PORT_REGISTERS(PORT_REGISTERS)) w_pad (
		.clk_i(clk), .lane_read_i(w_lane_read), .lane_read_place_i(w_lane_place), .lane_data_o(w_lane_data),
		.lane_write_i({COLS{1'b0}}), .lane_write_place_i({COLS*W_PLACE_BITS{1'b0}}),
		.lane_write_data_i({COLS*W_BITS{1'b0}}), .row_read_i({read1[1], read0[1]}),
		.row_read_row_i({read1_row[W_ROW_BITS-1:0], read0_row[W_ROW_BITS-1:0]}), .row_data_o(w_row_data),
		.row_write_i({vec_w_write, load_w_write}),
		.row_write_row_i({vec_row[W_ROW_BITS-1:0], load_row[W_ROW_BITS-1:0]}),
		.row_write_data_i({vec_w_data, load_w_data}));

	qmac_scratchpad #(.LANES(COLS), .BITS(ACC_BITS), .DEPTH(ACC_DEPTH), .READERS(3),
		.CLOCK_GATES(CLOCK_GATES), .PORT_REGISTERS(PORT_REGISTERS)) acc_pad (
		.clk_i(clk), .lane_read_i(acc_lane_read), .lane_read_place_i(acc_lane_read_place),
		.lane_data_o(acc_lane_data), .lane_write_i(acc_lane_write),
		.lane_write_place_i(acc_lane_write_place), .lane_write_data_i(acc_lane_write_data),
		.row_read_i({store_read, read1[2], read0[2]}),
		.row_read_row_i({store_read_row[ACC_ROW_BITS-1:0], read1_row[ACC_ROW_BITS-1:0],
		                 read0_row[ACC_ROW_BITS-1:0]}),
		.row_data_o(acc_row_data), .row_write_i({vec_acc_write, load_acc_write}),
		.row_write_row_i({vec_row[ACC_ROW_BITS-1:0], load_row[ACC_ROW_BITS-1:0]}),
		.row_write_data_i({vec_acc_data, load_acc_data}));

	// ---- counters (docs/counters.md): what each gains in this cycle
	reg [32*COUNTERS-1:0] gain;

	always @* begin
		gain = {32*COUNTERS{1'b0}};
		gain[32*`QMAC_COUNTER_COMMANDS +: 32] = {31'd0, retire[0]} + {31'd0, retire[1]} + {31'd0, retire[2]} +
		                                        {31'd0, sync_retire};
		gain[32*`QMAC_COUNTER_MACS +: 32] = {19'd0, macs};
		gain[32*`QMAC_COUNTER_ZERO_MACS +: 32] = {19'd0, macs} - {19'd0, nonzero}; // not of the same cycle
		gain[32*`QMAC_COUNTER_VEC_MULTS +: 32] = {24'd0, vec_mults};
		gain[32*`QMAC_COUNTER_ACC_SATURATIONS +: 32] = {25'd0, acc_events};
		gain[32*`QMAC_COUNTER_REQUANT_SATURATIONS +: 32] = {16'd0, vec_saturations};
		gain[32*`QMAC_COUNTER_CONTAINER_SATURATIONS +: 32] = {25'd0, load_saturations} +
		                                                     {25'd0, store_saturations};
		gain[32*`QMAC_COUNTER_A_READS +: 32] = {31'd0, matrix_a_read} + {31'd0, read0[0]} + {31'd0, read1[0]};
		gain[32*`QMAC_COUNTER_A_WRITES +: 32] = {31'd0, load_row_write[0]} + {31'd0, |vec_a_write};
		gain[32*`QMAC_COUNTER_W_READS +: 32] = {31'd0, matrix_w_read} + {31'd0, read0[1]} + {31'd0, read1[1]};
		gain[32*`QMAC_COUNTER_W_WRITES +: 32] = {31'd0, load_row_write[1]} + {31'd0, |vec_w_write};
		gain[32*`QMAC_COUNTER_ACC_READS +: 32] = {31'd0, matrix_acc_read} + {31'd0, read0[2]} +
		                                         {31'd0, read1[2]} + {31'd0, store_row_read};
		gain[32*`QMAC_COUNTER_ACC_WRITES +: 32] = {31'd0, matrix_acc_write} + {31'd0, load_row_write[2]} +
		                                          {31'd0, |vec_acc_write};
		gain[32*`QMAC_COUNTER_LUT_READS +: 32] = {25'd0, lut_reads};
		gain[32*`QMAC_COUNTER_LUT_WRITES +: 32] = {31'd0, load_row_write[3]};
		gain[32*`QMAC_COUNTER_DRAM_READ_BYTES +: 32] = {16'd0, load_bytes};
		gain[32*`QMAC_COUNTER_DRAM_WRITE_BYTES +: 32] = {16'd0, store_bytes};
		gain[32*`QMAC_COUNTER_DRAM_READ_BURSTS +: 32] = {31'd0, load_burst};
		gain[32*`QMAC_COUNTER_DRAM_WRITE_BURSTS +: 32] = {31'd0, store_burst};
		gain[32*`QMAC_COUNTER_FETCH_BYTES +: 32] = fetch_bytes;
		gain[32*`QMAC_COUNTER_LOAD_BUSY +: 32] = {31'd0, engine_busy[0]};
		gain[32*`QMAC_COUNTER_EXECUTE_BUSY +: 32] = {31'd0, engine_busy[1]};
		gain[32*`QMAC_COUNTER_STORE_BUSY +: 32] = {31'd0, engine_busy[2]};
		gain[32*`QMAC_COUNTER_LOAD_WAIT +: 32] = {31'd0, load_wait};
		gain[32*`QMAC_COUNTER_EXECUTE_WAIT +: 32] = {31'd0, execute_wait};
		gain[32*`QMAC_COUNTER_STORE_WAIT +: 32] = {31'd0, store_wait};
		gain[32*`QMAC_COUNTER_LOAD_STARVED +: 96] = starved;
		gain[32*`QMAC_COUNTER_LOAD_MEMORY +: 32] = {31'd0, engine_busy[0] && !load_pair};
		gain[32*`QMAC_COUNTER_STORE_MEMORY +: 32] = {31'd0, engine_busy[2] && !store_pair};
	end

	qmac_counters counters (
		.clk_i(clk), .rst_ni(rst_n), .increment_i(gain), .cycles_i(cycles), .index_i(counter_index),
		.value_o(counter_value));

	wire unused = &{1'b0, m_rlast_i, vec_busy, execute_start, store_tap_valid, store_tap_address,
	                store_tap_data, store_tap_lanes, load_row, vec_row, read0_row, read1_row, store_read_row,
	                BUS_SIZE[31:3]};
endmodule
