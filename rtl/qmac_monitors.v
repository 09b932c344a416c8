// The range monitors (docs/command-set.md, "VEC"), on the bus clock.
//
// What retires in a cycle of the core is in the register from the next cycle on. The core may stand in that
// cycle: toggle_i flips when it leaves it, seen_q when its magnitudes have been taken, so that they are
// taken once and what the host clears meanwhile stays clear.
`default_nettype none
`include "qmac_isa.vh"

module qmac_monitors (
	input  wire        clk_i,
	input  wire        rst_ni,
	// a VEC retires in this cycle of the core
	input  wire        retire_i,
	input  wire        toggle_i,
	input  wire [6:0]  monitor_i,     // 0: none
	input  wire [31:0] magnitudes_i,
	input  wire        clear_i,       // wins over what retires
	input  wire [6:0]  clear_index_i,
	input  wire [6:0]  index_i,
	output wire [31:0] value_o        // of index_i, in the same cycle
);
	// A memory, whose words count where there is a bit for them: cheaper than words that can be reset.
	reg [31:0] memory [0:`QMAC_MONITORS-1];
	reg [`QMAC_MONITORS-1:0] valid_q;
	reg seen_q;

	wire retires = retire_i && toggle_i == seen_q;
	wire gathers = retires && monitor_i != 7'd0;
	wire [31:0] before = valid_q[monitor_i] ? memory[monitor_i] : 32'd0;

	assign value_o = valid_q[index_i] ? memory[index_i] : 32'd0;

	always @(posedge clk_i) begin
		seen_q <= rst_ni && (seen_q ^ retires);
		if (gathers) begin
			memory[monitor_i] <= before | magnitudes_i;
			valid_q[monitor_i] <= 1'b1;
		end
		if (clear_i)
			valid_q[clear_index_i] <= 1'b0;
		if (!rst_ni)
			valid_q <= {`QMAC_MONITORS{1'b0}};
	end
endmodule
