// A read request that visits one lane a cycle: lane j sees it j cycles later, if it is one of the
// used_i first. Others must not be asked: on a tall array they would be after a short command's retirement.
`default_nettype none

module qmac_skew #(
	parameter LANES = 8,
	parameter PLACE_BITS = 7
) (
	input  wire                        clk_i,
	input  wire                        rst_ni,
	input  wire                        read_i,
	input  wire [PLACE_BITS-1:0]       place_i,
	input  wire [6:0]                  used_i,  // 1 .. LANES
	output wire [LANES-1:0]            lane_read_o,
	output wire [LANES*PLACE_BITS-1:0] lane_place_o
);
	generate
		if (LANES == 1) begin : single
			assign lane_read_o = read_i;
			assign lane_place_o = place_i;
			wire unused = &{1'b0, clk_i, rst_ni, used_i};
		end else begin : chain
			reg [(LANES-1)*7-1:0] left_q;
			wire [LANES*7-1:0] left = {left_q, read_i ? used_i : 7'd0}; // lanes still to be asked
			reg [(LANES-1)*PLACE_BITS-1:0] place_q;
			genvar j;

			for (j = 0; j < LANES; j = j + 1) begin : lane
				assign lane_read_o[j] = left[7*j +: 7] != 7'd0;
				if (j < LANES - 1) begin : next
					always @(posedge clk_i)
						left_q[7*j +: 7] <= rst_ni && lane_read_o[j] ? left[7*j +: 7] - 7'd1 : 7'd0;
				end
			end
			always @(posedge clk_i)
				place_q <= lane_place_o[(LANES-1)*PLACE_BITS-1:0];
			assign lane_place_o = {place_q, place_i};
		end
	endgenerate
endmodule
