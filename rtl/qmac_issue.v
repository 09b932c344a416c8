// The queue of LOAD or STORE: offers the oldest command to its engine when its waits are met.
//
// The engine's ready is low from the cycle after a start to its retire pulse, both included: a head that
// is there while ready is 1 is one that the engine could take.
`default_nettype none
`include "qmac_isa.vh"

module qmac_issue #(
	parameter QUEUE_DEPTH = 4
) (
	input  wire         clk_i,
	input  wire         rst_ni,
	input  wire         push_i,
	input  wire [511:0] command_i,
	input  wire [31:0]  number_i,   // of the command in the ring
	input  wire [47:0]  retired_i,  // commands retired, LOAD lowest
	input  wire         stop_i,     // nothing more may start
	output wire         full_o,
	output wire         valid_o,    // start: valid_o && ready_i
	input  wire         ready_i,
	output wire [511:64] command_o,
	output wire [31:0]  number_o,
	output wire         wait_o      // waits for another engine in this cycle
);
	localparam WIDTH = 32 + 448 + 35;

	wire [1:0] valid;
	wire [WIDTH-1:0] first, second;
	wire [47:0] counts;
	wire [2:0] mask;
	wire met;

	// Words above the waits, and the waits.
	wire [WIDTH-1:0] entry = {number_i, command_i[511:64], command_i[`QMAC_COMMON_wait_exec],
	                          command_i[`QMAC_COMMON_wait_load], command_i[`QMAC_COMMON_wait_mask]};

	qmac_queue #(.DEPTH(QUEUE_DEPTH), .WIDTH(WIDTH)) queue (
		.clk_i(clk_i), .rst_ni(rst_ni), .push_i(push_i), .entry_i(entry), .pop_i(valid_o && ready_i),
		.full_o(full_o), .valid_o(valid), .first_o(first), .second_o(second));

	assign {number_o, command_o, counts[31:0], mask} = first;
	assign counts[47:32] = command_o[`QMAC_COMMON_wait_store];

	qmac_wait waits (.mask_i(mask), .counts_i(counts), .retired_i(retired_i), .met_o(met));

	assign valid_o = valid[0] && met && !stop_i;
	assign wait_o = valid[0] && !met && ready_i;

	wire unused = &{1'b0, valid[1], second, command_i};
endmodule
