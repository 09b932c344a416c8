// The clock of a part of the device that stands still while that part has nothing to do.
//
// clk_o runs in the cycles in which want_i is 1 and in TAIL cycles behind, in which what has been done drains
// off; and in a reset. GATED 0: clk_o is clk_i, for FPGAs, whose clocks are no place for logic; the registers
// behind it keep still by themselves then, because a part without work changes nothing that anybody sees.
//
// The enable passes a latch that is open while the clock is low, so that what registers do to want_i behind
// an edge cannot cut the pulse short that is under way. In a simulation clk_o rises in the very step of
// clk_i, in front of all that its edge assigns: registers of both clocks see each other as with one.
`default_nettype none

module qmac_gate #(
	parameter GATED = 0,
	parameter TAIL = 3 // 0..7
) (
	input  wire clk_i,
	input  wire rst_ni,
	input  wire want_i,
	output wire clk_o
);
	generate
		if (GATED != 0) begin : gate
			localparam [31:0] LAST = TAIL;
			reg [2:0] tail_q;
			reg open_q;
			wire enable = !rst_ni || want_i || tail_q != 3'd0;

			always @(posedge clk_o)
				tail_q <= want_i || !rst_ni ? LAST[2:0] : tail_q - {2'd0, tail_q != 3'd0};

			/* verilator lint_off LATCH */ // see above
			always @*
				if (!clk_i)
					open_q = enable;
			/* verilator lint_on LATCH */

			assign clk_o = clk_i && open_q;
			wire unused = &{1'b0, LAST[31:3]};
		end else begin : free
			assign clk_o = clk_i;
			wire unused = &{1'b0, rst_ni, want_i};
		end
	endgenerate
endmodule
