// The queue of EXECUTE, and the order of VEC and GEMM.
//
// A VEC starts, and leaves the queue, when nothing of EXECUTE is under way. A GEMM starts when no VEC is
// and the GEMM before it has left the queue; it then stays at the head, flagged, until the matrix unit
// takes it. It may start in the very cycle in which the one before leaves, so that the waits of the second
// entry are looked at too.
`default_nettype none
`include "qmac_isa.vh"

module qmac_execute #(
	parameter QUEUE_DEPTH = 4
) (
	input  wire         clk_i,
	input  wire         rst_ni,
	input  wire         push_i,
	input  wire [511:0] command_i,
	input  wire [16:0]  slots_i,        // iterations
	input  wire [47:0]  retired_i,      // commands retired, LOAD lowest
	input  wire         stop_i,         // nothing more may start
	output wire         full_o,
	output wire         vec_valid_o,    // a VEC starts: vec_valid_o && vec_ready_i
	input  wire         vec_ready_i,
	output wire         gemm_valid_o,   // a started GEMM leaves the queue: gemm_valid_o && gemm_ready_i
	input  wire         gemm_ready_i,
	output wire [511:64] command_o,     // for both
	output wire [6:0]   monitor_o,      // of a VEC, which its words from 2 on do not have
	output wire [16:0]  slots_o,
	input  wire         gemm_retire_i,
	input  wire         vec_retire_i,
	output wire         start_o,        // a command starts in this cycle
	output wire         busy_o,         // one has started before it and not retired before it
	output wire         gemm_busy_o,    // a GEMM has
	output wire         wait_o          // a command waits for another engine in this cycle
);
	localparam WIDTH = 17 + 1 + 7 + 448 + 35;

	wire pop;
	wire [1:0] valid;
	wire [WIDTH-1:0] first, second;

	// Words above the waits, the waits, and the one field of VEC below them.
	wire is_gemm = {28'd0, command_i[`QMAC_COMMON_opcode]} == `QMAC_OPCODE_GEMM;
	wire [WIDTH-1:0] entry = {slots_i, is_gemm, command_i[`QMAC_VEC_monitor], command_i[511:64],
	                          command_i[`QMAC_COMMON_wait_exec], command_i[`QMAC_COMMON_wait_load],
	                          command_i[`QMAC_COMMON_wait_mask]};

	qmac_queue #(.DEPTH(QUEUE_DEPTH), .WIDTH(WIDTH)) queue (
		.clk_i(clk_i), .rst_ni(rst_ni), .push_i(push_i), .entry_i(entry), .pop_i(pop), .full_o(full_o),
		.valid_o(valid), .first_o(first), .second_o(second));

	// ---- the two oldest: what they are, and their waits
	wire head_gemm, second_gemm, head_met, second_met;
	wire [16:0] second_slots;
	wire [511:64] second_command;
	wire [31:0] head_counts, second_counts; // of EXECUTE and LOAD; that of STORE is in the command
	wire [2:0] head_mask, second_mask;
	wire [6:0] second_monitor;

	assign {slots_o, head_gemm, monitor_o, command_o, head_counts, head_mask} = first;
	assign {second_slots, second_gemm, second_monitor, second_command, second_counts, second_mask} = second;

	qmac_wait head_waits (
		.mask_i(head_mask), .counts_i({command_o[`QMAC_COMMON_wait_store], head_counts}),
		.retired_i(retired_i), .met_o(head_met));
	qmac_wait second_waits (
		.mask_i(second_mask), .counts_i({second_command[`QMAC_COMMON_wait_store], second_counts}),
		.retired_i(retired_i), .met_o(second_met));

	// ---- starts
	// Passes overlap, but the last result of one comes less than 300 cycles after its last slot, and the
	// shortest follow each other in two: they fit into 8 bits.
	reg [7:0] gemms_q;  // started and not retired
	reg vec_q;          // a VEC is
	reg started_q;      // the head, a GEMM, has started

	wire leaves = gemm_valid_o && gemm_ready_i;
	wire head_free = valid[0] && head_gemm && !started_q && !vec_q; // could start if its waits are met
	wire second_free = valid[1] && second_gemm && leaves;
	wire vec_free = valid[0] && !head_gemm && gemms_q == 8'd0 && !vec_q;
	wire head_starts = head_free && head_met && !stop_i;
	wire second_starts = second_free && second_met && !stop_i;
	wire vec_starts = vec_valid_o && vec_ready_i;

	assign vec_valid_o = vec_free && head_met && !stop_i;
	assign gemm_valid_o = valid[0] && started_q;
	assign pop = leaves || vec_starts;
	assign start_o = head_starts || second_starts || vec_starts;
	assign gemm_busy_o = gemms_q != 8'd0;
	assign busy_o = gemm_busy_o || vec_q;
	assign wait_o = (head_free && !head_met) || (second_free && !second_met) ||
	                (vec_free && vec_ready_i && !head_met);

	always @(posedge clk_i) begin
		gemms_q <= gemms_q + {7'd0, head_starts || second_starts} - {7'd0, gemm_retire_i};
		vec_q <= vec_starts || (vec_q && !vec_retire_i);
		started_q <= head_starts || second_starts || (started_q && !leaves);
		if (!rst_ni) begin
			gemms_q <= 8'd0;
			vec_q <= 1'b0;
			started_q <= 1'b0;
		end
	end

	wire unused = &{1'b0, command_i, second_slots, second_monitor, second_command};
endmodule
