// The check of descriptors for test_rtl_check.c; word numbers as there. A descriptor and what comes with it
// do not fit into the inputs together: they are written by halves into a memory, from which one a cycle is
// offered.
`default_nettype none

module unit_check #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter OS_MAX = 4096,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	parameter LUT_BITS = 8
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	reg [511:0] memory [0:255];
	wire [7:0] index = in_i[15:8];
	wire in_half = in_i[4], out_half = in_i[5];

	always @(posedge clk_i)
		if (in_i[3])
			memory[index][256*in_half +: 256] <= in_i[511:256];

	wire ready, valid;
	wire [511:0] command;
	wire [3:0] fault;
	wire [1:0] engine;
	wire [16:0] slots;
	wire [63:0] ready_time;

	// It has a clock when it says that something moves, as in the device.
	wire moves, check_clk;

	qmac_gate #(.GATED(1), .TAIL(0)) gate (
		.clk_i(clk_i), .rst_ni(in_i[0]), .want_i(moves), .clk_o(check_clk));

	qmac_check #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS), .OS_MAX(OS_MAX),
		.A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH), .ACC_DEPTH(ACC_DEPTH), .LUT_BITS(LUT_BITS)
	) check (
		.clk_i(check_clk), .rst_ni(in_i[0]), .mem_base_i(in_i[143:96]), .mem_size_i(in_i[207:160]),
		.valid_i(in_i[1]), .ready_o(ready), .command_i(memory[index]), .bus_error_i(in_i[6]),
		.ready_time_i(in_i[95:32]), .valid_o(valid), .ready_i(in_i[2]), .command_o(command),
		.fault_o(fault), .engine_o(engine), .slots_o(slots), .ready_time_o(ready_time),
		.moves_o(moves));

	wire unused = ^in_i; // not all of it is
	assign out_o = {command[256*out_half +: 256], 128'd0, ready_time, 15'd0, slots, 24'd0, fault, engine,
	                valid, ready};
endmodule
