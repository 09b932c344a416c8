// The bursts of a LOAD or STORE, in order: runs cut at 4,096 bytes and at the longest burst, with the
// limit of bursts in flight (docs/timing.md, "Bursts").
//
// A request is a function of registers alone and stays until it is taken: allow_i may only fall when a
// request is taken, and stop_i keeps back only what has not been shown.
`default_nettype none
`include "qmac_isa.vh"

module qmac_burst #(
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4
) (
	input  wire          clk_i,
	input  wire          rst_ni,
	input  wire          start_i,
	input  wire [511:64] first_i,   // the command, in the cycle start_i
	input  wire [511:64] command_i, // the command, from the next cycle on
	input  wire          allow_i,   // the burst at the outputs may be requested
	input  wire          stop_i,    // after an error
	input  wire          done_i,    // a burst is done
	output wire          request_valid_o,
	input  wire          request_ready_i,
	output wire [47:0]   request_address_o,
	output wire [7:0]    request_last_o,  // beats - 1
	output wire          shown_o,   // pulse: a request is seen for the first time
	output wire          more_o,    // bursts of the command have not been requested
	output wire          idle_o,    // no burst is in flight and no request shown
	output reg  [4:0]    flight_o   // bursts requested and not done
);
	localparam BUS_LOG2 = $clog2(BUS_BYTES);
	localparam [31:0] LIMIT = OUTSTANDING;
	localparam [31:0] LONGEST = BURST_BEATS * BUS_BYTES;

	// ---- the run, and the bytes of it that have been requested
	reg [24:0] requested_q;
	wire [47:0] run_address;
	wire last_run;
	wire [9:0] row_bytes = {3'd0, command_i[`QMAC_MOVE_len]} << command_i[`QMAC_MOVE_container];
	wire [24:0] run_bytes = command_i[`QMAC_MOVE_coalesce]
		? {9'd0, command_i[`QMAC_MOVE_n0]} * {15'd0, row_bytes} : {15'd0, row_bytes};
	wire [24:0] left = run_bytes - requested_q;

	// ---- the burst
	wire [11:0] in_page = request_address_o[11:0];
	wire [BUS_LOG2-1:0] in_word = request_address_o[BUS_LOG2-1:0];
	wire [14:0] to_page = 15'd4096 - {3'd0, in_page};
	wire [14:0] to_longest = LONGEST[14:0] - {{15-BUS_LOG2{1'b0}}, in_word};
	wire [14:0] limit = to_page < to_longest ? to_page : to_longest;
	wire ends_run = left <= {10'd0, limit};
	wire [14:0] bytes = ends_run ? left[14:0] : limit;
	wire [14:0] last_byte = {{15-BUS_LOG2{1'b0}}, in_word} + bytes - 15'd1; // from the first word's start

	assign request_address_o = run_address + {23'd0, requested_q};
	assign request_last_o = last_byte[BUS_LOG2 +: 8];

	// ---- requests
	reg shown_q;
	wire take = request_valid_o && request_ready_i;

	assign request_valid_o = more_o && allow_i && flight_o != LIMIT[4:0] && (!stop_i || shown_q);
	assign shown_o = request_valid_o && !shown_q;
	assign idle_o = flight_o == 5'd0 && !shown_q;

	qmac_nest #(.WINDOW(1), .RUNS(1)) runs (
		.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start_i), .first_i(first_i), .command_i(command_i),
		.step_i(take && ends_run), .valid_o(more_o), .address_o(run_address), .row_o(unused_row),
		.inside_o(unused_flags[0]), .end0_o(unused_flags[1]), .last_o(last_run));

	always @(posedge clk_i) begin
		if (start_i)
			requested_q <= 25'd0;
		else if (take)
			requested_q <= ends_run ? 25'd0 : requested_q + {10'd0, bytes};
		shown_q <= rst_ni && request_valid_o && !request_ready_i;
		if (!rst_ni)
			flight_o <= 5'd0;
		else if (take && !done_i)
			flight_o <= flight_o + 5'd1;
		else if (done_i && !take)
			flight_o <= flight_o - 5'd1;
	end

	wire [15:0] unused_row;
	wire [1:0] unused_flags;
	wire unused = &{1'b0, command_i, last_byte, last_run, unused_row, unused_flags};
endmodule
