// Place of two nested loops: first + i1 * stride1 + i0 * stride0, modulo 2^BITS.
`default_nettype none

module qmac_vec_walk #(
	parameter BITS = 16
) (
	input  wire            clk_i,
	input  wire            begin_i,   // place_o is first_i from the next cycle on
	input  wire [BITS-1:0] first_i,
	input  wire [BITS-1:0] stride0_i,
	input  wire [BITS-1:0] stride1_i,
	input  wire            step_i,    // the next place follows
	input  wire            wrap_i,    // with step_i: i0 is at its last, i1 advances
	output wire [BITS-1:0] place_o
);
	reg [BITS-1:0] place_q, outer_q; // here; at i0 = 0
	wire [BITS-1:0] next_outer = outer_q + stride1_i;

	always @(posedge clk_i)
		if (begin_i) begin
			place_q <= first_i;
			outer_q <= first_i;
		end else if (step_i) begin
			place_q <= wrap_i ? next_outer : place_q + stride0_i;
			if (wrap_i)
				outer_q <= next_outer;
		end

	assign place_o = place_q;
endmodule
