// Binds the checkers to the design. Simulation only; --assert of Verilator switches them on.
//
// A failure is an $error: the simulation goes on, and its caller has to ask. With Verilator, set
// VerilatedContext::fatalOnError(false), or the process is aborted; errorCount() is then the number of
// failures so far, errorLimit() how many pass before gotFinish() turns true. The text goes to VL_PRINTF,
// the place of the instance (%m) included. device_shim.cpp does all this behind failures() and failure().
`default_nettype none
`include "qmac_isa.vh"

// ---- streams, before and behind each point where verification may hold them up. Starts are taken back
// when the memory has failed: then the device has stopped. Descriptors move by a clock of their own, and are
// looked at when it ticks.
bind qmac_top qmac_sva_stream #(.WIDTH(577)) sva_fetched (
	.clk_i(front_clk), .rst_ni(rst_n), .valid_i(fetched_valid), .ready_i(fetched_ready),
	.payload_i({fetched_bus_error, fetched_time, fetched}));
bind qmac_top qmac_sva_stream #(.WIDTH(577)) sva_check (
	.clk_i(front_clk), .rst_ni(rst_n), .valid_i(check_valid), .ready_i(check_ready),
	.payload_i({fetched_bus_error, fetched_time, fetched}));
bind qmac_top qmac_sva_stream #(.WIDTH(599)) sva_checked (
	.clk_i(front_clk), .rst_ni(rst_n), .valid_i(checked_offer), .ready_i(checked_taken),
	.payload_i({fault, engine, slots, checked_time, checked}));
bind qmac_top qmac_sva_stream #(.WIDTH(599)) sva_dispatch (
	.clk_i(front_clk), .rst_ni(rst_n), .valid_i(checked_valid), .ready_i(checked_ready),
	.payload_i({fault, engine, slots, checked_time, checked}));
bind qmac_top qmac_sva_stream #(.WIDTH(480)) sva_load_offer (
	.clk_i(clk), .rst_ni(rst_n && !stop_starts), .valid_i(load_offer), .ready_i(load_start_taken),
	.payload_i({load_number, load_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(480)) sva_load_start (
	.clk_i(clk), .rst_ni(rst_n && !stop_starts), .valid_i(load_valid), .ready_i(load_ready),
	.payload_i({load_number, load_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(480)) sva_store_offer (
	.clk_i(clk), .rst_ni(rst_n && !stop_starts), .valid_i(store_offer), .ready_i(store_start_taken),
	.payload_i({store_number, store_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(480)) sva_store_start (
	.clk_i(clk), .rst_ni(rst_n && !stop_starts), .valid_i(store_valid), .ready_i(store_ready),
	.payload_i({store_number, store_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(455)) sva_vec_offer (
	.clk_i(clk), .rst_ni(rst_n && !stop_starts), .valid_i(vec_offer), .ready_i(vec_start_taken),
	.payload_i({execute_monitor, execute_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(455)) sva_vec_start (
	.clk_i(clk), .rst_ni(rst_n && !stop_starts), .valid_i(vec_valid), .ready_i(vec_ready),
	.payload_i({execute_monitor, execute_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(465)) sva_gemm_offer (
	.clk_i(clk), .rst_ni(rst_n), .valid_i(gemm_offer), .ready_i(gemm_taken),
	.payload_i({execute_slots, execute_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(465)) sva_gemm_load (
	.clk_i(clk), .rst_ni(rst_n), .valid_i(gemm_valid), .ready_i(gemm_ready),
	.payload_i({execute_slots, execute_command}));
bind qmac_top qmac_sva_stream #(.WIDTH(56)) sva_fetch_request (
	.clk_i(clk), .rst_ni(rst_n), .valid_i(fetch_request), .ready_i(fetch_taken),
	.payload_i({fetch_address, fetch_last}));
bind qmac_top qmac_sva_stream #(.WIDTH(56)) sva_load_request (
	.clk_i(clk), .rst_ni(rst_n), .valid_i(load_request), .ready_i(load_taken),
	.payload_i({load_address, load_last}));

// ---- AXI
bind qmac_top qmac_sva_lite sva_lite (
	.clk_i(clk_i), .rst_ni(rst_ni), .awvalid_i(s_awvalid_i), .awready_i(s_awready_o), .awaddr_i(s_awaddr_i),
	.wvalid_i(s_wvalid_i), .wready_i(s_wready_o), .wdata_i(s_wdata_i), .wstrb_i(s_wstrb_i),
	.bvalid_i(s_bvalid_o), .bready_i(s_bready_i), .bresp_i(s_bresp_o), .arvalid_i(s_arvalid_i),
	.arready_i(s_arready_o), .araddr_i(s_araddr_i), .rvalid_i(s_rvalid_o), .rready_i(s_rready_i),
	.rdata_i(s_rdata_o), .rresp_i(s_rresp_o));
bind qmac_top qmac_sva_axi #(
	.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING)
) sva_axi (
	.clk_i(clk), .rst_ni(rst_n), .mem_base_i(mem_base), .mem_size_i(mem_size), .arvalid_i(m_arvalid_o),
	.arready_i(m_arready_i), .arid_i(m_arid_o), .araddr_i(m_araddr_o), .arlen_i(m_arlen_o),
	.arsize_i(m_arsize_o), .arburst_i(m_arburst_o), .rvalid_i(m_rvalid_i), .rready_i(m_rready_o),
	.rid_i(m_rid_i), .rdata_i(m_rdata_i), .rresp_i(m_rresp_i), .rlast_i(m_rlast_i),
	.awvalid_i(m_awvalid_o), .awready_i(m_awready_i), .awaddr_i(m_awaddr_o), .awlen_i(m_awlen_o),
	.awsize_i(m_awsize_o), .awburst_i(m_awburst_o), .wvalid_i(m_wvalid_o), .wready_i(m_wready_i),
	.wdata_i(m_wdata_o), .wstrb_i(m_wstrb_o), .wlast_i(m_wlast_o), .bvalid_i(m_bvalid_i),
	.bready_i(m_bready_o), .bresp_i(m_bresp_i));

// ---- ports of the scratchpads
bind qmac_scratchpad qmac_sva_pad #(
	.LANES(LANES), .DEPTH(DEPTH), .READERS(READERS), .WRITERS(WRITERS), .ROW_BITS(ROW_BITS),
	.PLACE_BITS(PLACE_BITS)
) sva_pad (
	.clk_i(clk_i), .lane_read_i(lane_read_i), .lane_read_place_i(lane_read_place_i),
	.lane_write_i(lane_write_i), .lane_write_place_i(lane_write_place_i), .row_read_i(row_read_i),
	.row_read_row_i(row_read_row_i), .row_write_i(row_write_i), .row_write_row_i(row_write_row_i));

// ---- what the contract excludes
bind qmac_top qmac_sva_never #(.WHAT("a command starts after an error of the memory")) sva_stopped (
	.clk_i(clk), .rst_ni(rst_n),
	.wrong_i(stop_starts && ((load_valid && load_ready) || (store_valid && store_ready) || execute_start)));
bind qmac_queue qmac_sva_never #(.WHAT("a push into a full queue")) sva_overflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(push_i && full_o));
bind qmac_queue qmac_sva_never #(.WHAT("a pop from an empty queue")) sva_underflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(pop_i && !valid_o[0]));
bind qmac_fifo qmac_sva_never #(.WHAT("a push into a full FIFO")) sva_overflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(push_i && !pop_i && valid_o && 32'(stored_q) + 1 >= DEPTH));
bind qmac_fifo qmac_sva_never #(.WHAT("a pop from an empty FIFO")) sva_underflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(pop_i && !valid_o));
bind qmac_fetch qmac_sva_never #(.WHAT("more descriptors than places")) sva_overflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(32'(used_q) > PLACE_COUNT || complete_q > used_q));
bind qmac_burst qmac_sva_never #(.WHAT("more bursts in flight than OUTSTANDING")) sva_overflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(32'(flight_o) > LIMIT));
bind qmac_burst qmac_sva_never #(.WHAT("a burst is done that was not in flight")) sva_underflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(done_i && flight_o == 5'd0 && !take));
bind qmac_execute qmac_sva_never #(.WHAT("a GEMM retires that was not started")) sva_underflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(gemm_retire_i && gemms_q == 8'd0));
bind qmac_execute qmac_sva_never #(.WHAT("more GEMMs under way than can be counted")) sva_overflow (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(&gemms_q));
bind qmac_execute qmac_sva_never #(.WHAT("VEC and GEMM are under way together")) sva_alone (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(vec_q && gemms_q != 8'd0));
bind qmac_vec qmac_sva_never #(.WHAT("a sum is written together with a row")) sva_sums (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(write[END] && sum_q[END]));
bind qmac_gemm qmac_sva_never #(.WHAT("two passes deliver results in one slot")) sva_results (
	.clk_i(clk_i), .rst_ni(rst_ni), .wrong_i(os_valid && ring_valid[0]));

// Sums of the array cannot overflow: PSUM_BITS holds OS_MAX products, and ROWS are fewer; nor can the
// accumulate port lose bits that do not count, with a shift below ACC_BITS. So this is what to check.
bind qmac_matrix qmac_sva_never #(.WHAT("a GEMM that the array has no room for")) sva_command (
	.clk_i(clk_i), .rst_ni(rst_ni),
	.wrong_i(command_valid_i && command_ready_o && (
		32'(command_i[`QMAC_GEMM_k]) - 1 >= ROWS || 32'(command_i[`QMAC_GEMM_n]) - 1 >= COLS ||
		32'(command_i[`QMAC_GEMM_acc_shift]) >= ACC_BITS ||
		32'(slots_i) - 1 >= (command_i[`QMAC_GEMM_mode] ? OS_MAX : 32'd65536))));
