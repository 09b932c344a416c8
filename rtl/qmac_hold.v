// A point at which verification can hold up a stream: nothing passes while hold_i is 1, unless it has
// been offered already, because an offer is not taken back. hold_i is 0 in a system.
`default_nettype none

module qmac_hold (
	input  wire clk_i,
	input  wire rst_ni,
	input  wire hold_i,
	input  wire valid_i,
	output wire ready_o,
	output wire valid_o,
	input  wire ready_i
);
	reg offered_q;
	wire pass = !hold_i || offered_q;

	assign valid_o = valid_i && pass;
	assign ready_o = ready_i && pass;

	always @(posedge clk_i)
		offered_q <= rst_ni && valid_o && !ready_i;
endmodule
