// The loop nest of a LOAD or STORE: one row a cycle, the first in the cycle after start_i.
//
// Strides are added, never multiplied, so that the stride of a loop with one iteration does not matter. Where
// the window begins the check has found out: the command's `base` is the address of the first row inside the
// window, its `row` the scratchpad row of the first row that is visited. Where rows before the window are
// visited too, the address stands still until the window begins; that of a row outside means nothing.
// Addresses are modulo 2^48, rows modulo 2^16.
`default_nettype none
`include "qmac_isa.vh"

module qmac_nest #(
	parameter WINDOW = 1, // 1: only the rows inside the window are visited
	parameter RUNS = 0,   // 1: a coalesced inner loop is one step
	parameter ADDRESS_BITS = 48 // of an address, its lowest
) (
	input  wire          clk_i,
	input  wire          rst_ni,
	input  wire          start_i,
	input  wire [511:64] first_i,   // the command, in the cycle start_i
	input  wire [511:64] command_i, // the command, from the next cycle on
	input  wire          step_i,    // to the next row
	output reg           valid_o,
	output reg  [ADDRESS_BITS-1:0] address_o, // of the row's element 0
	output reg  [15:0]   row_o,     // of the scratchpad
	output wire          inside_o,  // the window
	output wire          end0_o,    // last row of the inner loop
	output wire          last_o     // of the nest
);
	reg [15:0] i0_q, i1_q, i2_q;
	reg [ADDRESS_BITS-1:0] address1_q, address2_q; // at the beginning of the inner loop; of the middle one
	reg [15:0] row1_q, row2_q;

	// ---- the first row
	wire [15:0] from0 = WINDOW != 0 ? first_i[`QMAC_MOVE_lo0] : 16'd0;
	wire [15:0] from1 = WINDOW != 0 ? first_i[`QMAC_MOVE_lo1] : 16'd0;
	wire [47:0] base = {first_i[`QMAC_MOVE_base_hi], first_i[`QMAC_MOVE_base]};
	wire [ADDRESS_BITS-1:0] first_address = base[ADDRESS_BITS-1:0];
	wire [15:0] first_row = first_i[`QMAC_MOVE_row];

	// ---- the next one
	wire one0 = RUNS != 0 && command_i[`QMAC_MOVE_coalesce];
	wire [15:0] again0 = WINDOW != 0 ? command_i[`QMAC_MOVE_lo0] : 16'd0;
	wire [15:0] again1 = WINDOW != 0 ? command_i[`QMAC_MOVE_lo1] : 16'd0;
	wire [15:0] to0 = WINDOW != 0 ? command_i[`QMAC_MOVE_hi0] : command_i[`QMAC_MOVE_n0] - 16'd1;
	wire [15:0] to1 = WINDOW != 0 ? command_i[`QMAC_MOVE_hi1] : command_i[`QMAC_MOVE_n1] - 16'd1;
	wire end1 = i1_q == to1;
	wire begun0 = WINDOW != 0 || i0_q >= command_i[`QMAC_MOVE_lo0];
	wire begun1 = WINDOW != 0 || i1_q >= command_i[`QMAC_MOVE_lo1];
	wire [47:0] stride0 = {16'd0, {32{begun0}} & command_i[`QMAC_MOVE_s0]};
	wire [47:0] stride1 = {16'd0, {32{begun1}} & command_i[`QMAC_MOVE_s1]};
	wire [47:0] stride2 = {16'd0, command_i[`QMAC_MOVE_s2]};
	wire [ADDRESS_BITS-1:0] next_address = !end0_o ? address_o + stride0[ADDRESS_BITS-1:0]
	                                     : !end1 ? address1_q + stride1[ADDRESS_BITS-1:0]
	                                     : address2_q + stride2[ADDRESS_BITS-1:0];
	wire [15:0] next_row = !end0_o ? row_o + command_i[`QMAC_MOVE_ds0]
	                     : !end1 ? row1_q + command_i[`QMAC_MOVE_ds1] : row2_q + command_i[`QMAC_MOVE_ds2];

	assign end0_o = one0 || i0_q == to0;
	assign last_o = end0_o && end1 && i2_q == command_i[`QMAC_MOVE_n2] - 16'd1;
	assign inside_o = begun0 && i0_q <= command_i[`QMAC_MOVE_hi0] &&
	                  begun1 && i1_q <= command_i[`QMAC_MOVE_hi1];

	always @(posedge clk_i) begin
		if (start_i) begin
			valid_o <= 1'b1;
			i0_q <= from0;
			i1_q <= from1;
			i2_q <= 16'd0;
		end else if (step_i) begin
			valid_o <= !last_o;
			i0_q <= end0_o ? again0 : i0_q + 16'd1;
			if (end0_o)
				i1_q <= end1 ? again1 : i1_q + 16'd1;
			if (end0_o && end1)
				i2_q <= i2_q + 16'd1;
		end
		if (start_i || step_i) begin
			address_o <= start_i ? first_address : next_address;
			row_o <= start_i ? first_row : next_row;
		end
		if (start_i || (step_i && end0_o)) begin
			address1_q <= start_i ? first_address : next_address;
			row1_q <= start_i ? first_row : next_row;
		end
		if (start_i || (step_i && end0_o && end1)) begin
			address2_q <= start_i ? first_address : next_address;
			row2_q <= start_i ? first_row : next_row;
		end
		if (!rst_ni)
			valid_o <= 1'b0;
	end

	wire unused = &{1'b0, first_i, command_i, base, stride0, stride1, stride2};
endmodule
