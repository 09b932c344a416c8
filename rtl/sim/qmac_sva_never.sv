// Checks that something never happens.
`default_nettype none

module qmac_sva_never #(
	parameter WHAT = ""
) (
	input wire clk_i,
	input wire rst_ni,
	input wire wrong_i
);
	always @(posedge clk_i)
		assert (!rst_ni || !wrong_i) else $error("%0s", WHAT);
endmodule
