// For power.sh: random operands for a mapped array, one multiply-add a PE a cycle (mode os), in passes of 64
// slots, and what its nets do in SLOTS of them, in power.vcd. The netlist has a port for each bit: ports.vh.
`timescale 1ns / 10ps
`default_nettype none

module power #(
	parameter ROWS = 4,
	parameter COLS = 4,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter SLOTS = 128
);
	localparam PASS = 64;
	localparam A_WORDS = (ROWS * A_BITS + 31) / 32;
	localparam W_WORDS = (COLS * W_BITS + 31) / 32;

	reg clk_i = 1'b0;
	reg rst_ni = 1'b0;
	reg [32*A_WORDS-1:0] a_data_i = 0;
	reg [32*W_WORDS-1:0] w_data_i = 0;
	reg [6:0] k_i = 7'd0;
	wire a_unsigned_i = 1'b0;
	wire w_unsigned_i = 1'b0;
	reg os_i = 1'b0;
	reg begin_i = 1'b0;
	reg copy_i = 1'b0;
	reg capture_i = 1'b0;
	qmac_array array (
`include "ports.vh"
	);

	always #50 clk_i = !clk_i;

	integer seed = 1;

	// What enters changes at the falling edge.
	task slot(input os, input first, input capture);
		integer i;
		begin
			@(negedge clk_i);
			for (i = 0; i < A_WORDS; i = i + 1)
				a_data_i[32*i +: 32] = $random(seed);
			for (i = 0; i < W_WORDS; i = i + 1)
				w_data_i[32*i +: 32] = $random(seed);
			k_i = ROWS;
			os_i = os;
			begin_i = first;
			copy_i = os && first;
			capture_i = capture;
		end
	endtask

	task pass(input os);
		integer i;
		for (i = 0; i < PASS; i = i + 1)
			slot(os, i == 0, !os && i == PASS - 2 * ROWS);
	endtask

	// At first all registers get a value, the weights in mode ws.
	initial begin
		repeat (8) @(negedge clk_i);
		rst_ni = 1'b1;
		repeat (2) pass(1'b0);
		repeat (2) pass(1'b1);
		$dumpfile("power.vcd");
		$dumpvars(1, array);
		repeat (SLOTS / PASS) pass(1'b1);
		$finish;
	end
endmodule

// As the models of the cells have it.
`default_nettype wire
