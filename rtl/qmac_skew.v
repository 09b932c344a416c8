// A read request that visits one lane a cycle: lane j sees it j cycles later.
`default_nettype none

module qmac_skew #(
	parameter LANES = 8,
	parameter PLACE_BITS = 7
) (
	input  wire                        clk_i,
	input  wire                        rst_ni,
	input  wire                        read_i,
	input  wire [PLACE_BITS-1:0]       place_i,
	output wire [LANES-1:0]            lane_read_o,
	output wire [LANES*PLACE_BITS-1:0] lane_place_o
);
	generate
		if (LANES == 1) begin : single
			assign lane_read_o = read_i;
			assign lane_place_o = place_i;
			wire unused = &{1'b0, clk_i, rst_ni};
		end else begin : chain
			reg [LANES-2:0] read_q;
			reg [(LANES-1)*PLACE_BITS-1:0] place_q;

			always @(posedge clk_i) begin
				read_q <= rst_ni ? lane_read_o[LANES-2:0] : {LANES-1{1'b0}};
				place_q <= lane_place_o[(LANES-1)*PLACE_BITS-1:0];
			end
			assign lane_read_o = {read_q, read_i};
			assign lane_place_o = {place_q, place_i};
		end
	endgenerate
endmodule
