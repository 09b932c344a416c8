// Has every engine that a command names retired (or, for the ORDER check, been given) as many commands
// as the command asks for? Counts are modulo 2^16 and at most 2^15 - 1 apart.
`default_nettype none

module qmac_wait (
	input  wire [2:0]  mask_i,    // engines waited for: LOAD, EXECUTE, STORE from bit 0 on
	input  wire [47:0] counts_i,  // what is asked for, LOAD lowest
	input  wire [47:0] retired_i, // what there is
	output wire        met_o
);
	wire [15:0] ahead0 = retired_i[15:0] - counts_i[15:0];
	wire [15:0] ahead1 = retired_i[31:16] - counts_i[31:16];
	wire [15:0] ahead2 = retired_i[47:32] - counts_i[47:32];

	assign met_o = (mask_i & {ahead2[15], ahead1[15], ahead0[15]}) == 3'd0;

	wire unused = &{1'b0, ahead0, ahead1, ahead2};
endmodule
