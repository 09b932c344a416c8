// The dispatcher with the queues of all engines, for test_rtl_dispatch.c; word numbers as there. The
// engines are the test's. Of a command's words 3 to 15 each is a mix of one input word.
`default_nettype none

module unit_dispatch #(
	parameter QUEUE_DEPTH = 4
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	wire rst_n = in_i[0];
	wire [511:0] command;
	wire ready, freed, stop_starts, busy, idle, error, sync_retire, sync_irq, sync_stamp;
	wire [2:0] queue_full, push, waiting;
	wire [47:0] retired;
	wire [31:0] number, head, error_command, load_number, store_number;
	wire [3:0] error_code;
	wire [63:0] now, cycles;
	wire [95:0] starved;
	wire load_valid, store_valid, vec_valid, gemm_valid, execute_start, execute_busy;
	wire [511:64] load_command, store_command, execute_command;
	wire [16:0] slots;
	wire [6:0] monitor;

	genvar i;
	assign command[95:0] = in_i[127:32];
	generate
		for (i = 3; i < 16; i = i + 1) begin : mix
			wire [4:0] turn = i;
			assign command[32*i +: 32] = (in_i[159:128] >> turn) ^ (in_i[159:128] << turn);
		end
	endgenerate

	// All words of a command, so that one output word shows that each arrived.
	function [31:0] fold;
		input [511:64] words;
		integer w;
		begin
			fold = 32'd0;
			for (w = 2; w < 16; w = w + 1)
				fold = {fold[30:0], fold[31]} ^ words[32*w +: 32];
		end
	endfunction

	wire [511:0] dispatched;

	qmac_dispatch dispatch (
		.clk_i(clk_i), .rst_ni(rst_n), .valid_i(in_i[1]), .ready_o(ready), .command_i(command),
		.fault_i(in_i[163:160]), .engine_i(in_i[165:164]), .ready_time_i(in_i[255:192]),
		.ring_fault_i(in_i[2]), .tail_i(in_i[287:256]), .fetch_quiet_i(in_i[3]),
		.queue_full_i(queue_full), .retire_i({in_i[6], in_i[5] || in_i[7], in_i[4]}),
		.engine_busy_i({in_i[9], execute_busy, in_i[8]}), .load_error_i(in_i[10]),
		.store_error_i(in_i[11]), .load_number_i(in_i[319:288]), .store_number_i(in_i[351:320]),
		.push_o(push), .command_o(dispatched), .number_o(number), .retired_o(retired),
		.stop_starts_o(stop_starts), .freed_o(freed), .head_o(head), .busy_o(busy), .idle_o(idle),
		.error_o(error), .error_code_o(error_code), .error_command_o(error_command),
		.sync_retire_o(sync_retire),
		.sync_irq_o(sync_irq), .sync_stamp_o(sync_stamp), .time_o(now), .cycles_o(cycles),
		.starved_o(starved));

	qmac_issue #(.QUEUE_DEPTH(QUEUE_DEPTH)) load_issue (
		.clk_i(clk_i), .rst_ni(rst_n), .push_i(push[0]), .command_i(dispatched), .number_i(number),
		.retired_i(retired), .stop_i(stop_starts), .full_o(queue_full[0]), .valid_o(load_valid),
		.ready_i(in_i[12]), .command_o(load_command), .number_o(load_number), .wait_o(waiting[0]));

	qmac_issue #(.QUEUE_DEPTH(QUEUE_DEPTH)) store_issue (
		.clk_i(clk_i), .rst_ni(rst_n), .push_i(push[2]), .command_i(dispatched), .number_i(number),
		.retired_i(retired), .stop_i(stop_starts), .full_o(queue_full[2]), .valid_o(store_valid),
		.ready_i(in_i[13]), .command_o(store_command), .number_o(store_number), .wait_o(waiting[2]));

	wire gemm_busy;

	qmac_execute #(.QUEUE_DEPTH(QUEUE_DEPTH)) execute (
		.clk_i(clk_i), .rst_ni(rst_n), .push_i(push[1]), .command_i(dispatched), .slots_i(in_i[400:384]),
		.retired_i(retired), .stop_i(stop_starts), .full_o(queue_full[1]),
		.vec_valid_o(vec_valid), .vec_ready_i(in_i[14]), .gemm_valid_o(gemm_valid), .gemm_ready_i(in_i[15]),
		.command_o(execute_command), .monitor_o(monitor), .slots_o(slots), .gemm_retire_i(in_i[7]),
		.vec_retire_i(in_i[5]), .start_o(execute_start), .busy_o(execute_busy),
		.gemm_busy_o(gemm_busy), .wait_o(waiting[1]));

	wire [31:0] flags = {error_code, 6'd0, stop_starts, execute_busy, execute_start, gemm_valid, vec_valid,
	                     store_valid, load_valid, waiting, push, sync_stamp, sync_irq, sync_retire, error,
	                     idle, busy, freed, ready, 1'b0};

	wire unused = ^in_i ^ gemm_busy; // not all of it is
	assign out_o = {fold(execute_command) ^ {monitor, 8'd0, slots}, fold(store_command) ^ store_number,
	                fold(load_command) ^ load_number, error_command, starved, cycles, now, 16'd0,
	                retired, head, flags, number};
endmodule
