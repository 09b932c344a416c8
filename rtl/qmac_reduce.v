// Reductions of VEC: over rows in every lane, then over the lanes; sums are exact and saturate once.
//
// A row enters with valid_i in cycle d. Its part is in the lanes' sums from d + 1 on, and x_o shows them
// in d + 2, each clamped to 64 bits. With red_lanes_i a tree of clog2(LANES) stages comes between, and
// every lane gets its root.
`default_nettype none
`include "qmac_isa.vh"

module qmac_reduce #(
	parameter LANES = 8
) (
	input  wire                clk_i,
	input  wire                valid_i,
	input  wire                first_i,      // with valid_i: starts anew, does not add to the rows before
	input  wire [64*LANES-1:0] x_i,
	input  wire [2:0]          op_i,         // OP_*: maximum of max, minimum of min, sum of all others
	input  wire                red_lanes_i,
	input  wire [LANES-1:0]    used_i,       // lanes that belong to the row
	output reg  [64*LANES-1:0] x_o,
	output reg  [LANES-1:0]    saturated_o
);
	localparam SUM_BITS = 80;                                         // of 2^16 rows
	localparam TOTAL_BITS = SUM_BITS + (LANES > 1 ? $clog2(LANES) : 1); // of all their lanes
	localparam LEAVES = 1 << $clog2(LANES);

	wire [31:0] op = {29'd0, op_i};
	wire is_max = op == `QMAC_OP_MAX;
	wire is_min = op == `QMAC_OP_MIN;
	// What changes nothing.
	wire signed [TOTAL_BITS-1:0] neutral = {is_max, {TOTAL_BITS-1{is_min}}};

	function signed [TOTAL_BITS-1:0] reduced(
		input signed [TOTAL_BITS-1:0] a, input signed [TOTAL_BITS-1:0] b, input max, input min);
		reduced = !max && !min ? a + b : (a < b) == max ? b : a;
	endfunction

	// ---- over rows
	genvar j;
	generate
		for (j = 0; j < LANES; j = j + 1) begin : lane
			reg signed [SUM_BITS-1:0] sum_q;
			wire signed [63:0] x = x_i[64*j +: 64];
			wire signed [TOTAL_BITS-1:0] sum = {{TOTAL_BITS-SUM_BITS{sum_q[SUM_BITS-1]}}, sum_q};
			wire signed [TOTAL_BITS-1:0] more =
				reduced(sum, {{TOTAL_BITS-64{x[63]}}, x}, is_max, is_min);
			wire signed [TOTAL_BITS-1:0] term = used_i[j] ? sum : neutral;
			wire signed [63:0] clamped;
			wire saturated;

			always @(posedge clk_i)
				if (valid_i)
					sum_q <= first_i ? {{SUM_BITS-64{x[63]}}, x} : more[SUM_BITS-1:0];

			qmac_sat #(.IN_BITS(SUM_BITS), .OUT_BITS(64)) clamp (
				.x_i(sum_q), .y_o(clamped), .saturated_o(saturated));

			wire unused = &{1'b0, more[TOTAL_BITS-1:SUM_BITS]};
		end
	endgenerate

	// ---- over lanes: node i reduces nodes 2i and 2i+1; node 1 is the root, leaf j node LEAVES+j
	wire [2*LEAVES*TOTAL_BITS-1:0] node;
	wire signed [TOTAL_BITS-1:0] root = node[TOTAL_BITS +: TOTAL_BITS];
	wire signed [63:0] root_clamped;
	wire root_saturated;

	assign node[0 +: TOTAL_BITS] = {TOTAL_BITS{1'b0}};
	generate
		for (j = 1; j < LEAVES; j = j + 1) begin : inner
			reg signed [TOTAL_BITS-1:0] value_q;

			always @(posedge clk_i)
				if (red_lanes_i)
					value_q <= reduced(node[2*j*TOTAL_BITS +: TOTAL_BITS],
					                   node[(2*j+1)*TOTAL_BITS +: TOTAL_BITS], is_max, is_min);
			assign node[j*TOTAL_BITS +: TOTAL_BITS] = value_q;
		end
		for (j = 0; j < LEAVES; j = j + 1) begin : leaf
			if (j < LANES) begin : of_lane
				assign node[(LEAVES+j)*TOTAL_BITS +: TOTAL_BITS] = lane[j].term;
			end else begin : of_none
				assign node[(LEAVES+j)*TOTAL_BITS +: TOTAL_BITS] = neutral;
			end
		end
	endgenerate

	qmac_sat #(.IN_BITS(TOTAL_BITS), .OUT_BITS(64)) clamp_root (
		.x_i(root), .y_o(root_clamped), .saturated_o(root_saturated));

	// ---- saturated
	generate
		for (j = 0; j < LANES; j = j + 1) begin : result
			always @(posedge clk_i) begin
				x_o[64*j +: 64] <= red_lanes_i ? root_clamped : lane[j].clamped;
				saturated_o[j] <= red_lanes_i ? root_saturated : lane[j].saturated;
			end
		end
	endgenerate

	wire unused = &{1'b0, node[0 +: TOTAL_BITS]};
endmodule
