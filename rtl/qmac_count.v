// How many flags are set: in two steps, groups of eight into registers, then their sum. count_o belongs to
// the flags of the cycle before.
`default_nettype none

module qmac_count #(
	parameter FLAGS = 64 // 1..64
) (
	input  wire             clk_i,
	input  wire [FLAGS-1:0] flags_i,
	output wire [6:0]       count_o
);
	function [3:0] of_eight(input [7:0] flags);
		of_eight = (({3'd0, flags[0]} + {3'd0, flags[1]}) + ({3'd0, flags[2]} + {3'd0, flags[3]})) +
		           (({3'd0, flags[4]} + {3'd0, flags[5]}) + ({3'd0, flags[6]} + {3'd0, flags[7]}));
	endfunction

	wire [63:0] flags = {{64-FLAGS{1'b0}}, flags_i};
	reg [31:0] groups_q;
	wire [6:0] pair [0:3];

	genvar i;
	generate
		for (i = 0; i < 8; i = i + 1) begin : group
			always @(posedge clk_i)
				groups_q[4*i +: 4] <= of_eight(flags[8*i +: 8]);
		end
		for (i = 0; i < 4; i = i + 1) begin : pairs
			assign pair[i] = {3'd0, groups_q[8*i +: 4]} + {3'd0, groups_q[8*i+4 +: 4]};
		end
	endgenerate

	assign count_o = (pair[0] + pair[1]) + (pair[2] + pair[3]);
endmodule
