// A FIFO of commands whose two oldest entries can be seen.
//
// What is pushed in cycle c is visible from c + 1 on, and a place freed in c takes a push in c + 1.
`default_nettype none

module qmac_queue #(
	parameter DEPTH = 4,
	parameter WIDTH = 8
) (
	input  wire             clk_i,
	input  wire             rst_ni,
	input  wire             push_i,   // not while full_o
	input  wire [WIDTH-1:0] entry_i,
	input  wire             pop_i,    // takes first_o away; not while it is not valid
	output wire             full_o,
	output wire [1:0]       valid_o,  // of {second_o, first_o}
	output wire [WIDTH-1:0] first_o,  // the oldest entry
	output wire [WIDTH-1:0] second_o  // the one behind it
);
	localparam PLACE_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1;
	localparam [31:0] LAST = DEPTH - 1;
	localparam [31:0] PLACES = DEPTH;

	reg [WIDTH-1:0] entry_q [0:LAST];
	reg [PLACE_BITS-1:0] first_q, free_q;
	reg [4:0] count_q;

	wire [PLACE_BITS-1:0] second = first_q == LAST[PLACE_BITS-1:0] ? {PLACE_BITS{1'b0}} : first_q + 1'b1;
	wire [PLACE_BITS-1:0] free_next = free_q == LAST[PLACE_BITS-1:0] ? {PLACE_BITS{1'b0}} : free_q + 1'b1;

	assign full_o = count_q == PLACES[4:0];
	assign valid_o = {count_q > 5'd1, count_q != 5'd0};
	assign first_o = entry_q[first_q];
	assign second_o = entry_q[second];

	always @(posedge clk_i) begin
		if (push_i) begin
			entry_q[free_q] <= entry_i;
			free_q <= free_next;
		end
		if (pop_i)
			first_q <= second;
		count_q <= count_q + {4'd0, push_i} - {4'd0, pop_i};
		if (!rst_ni) begin
			first_q <= {PLACE_BITS{1'b0}};
			free_q <= {PLACE_BITS{1'b0}};
			count_q <= 5'd0;
		end
	end
endmodule
