// First in, first out, the oldest entry in a register: pushed in cycle c, it can be taken in c + 1.
//
// Whoever pushes knows that there is room for DEPTH entries; nothing is said about a full one.
`default_nettype none

module qmac_fifo #(
	parameter WIDTH = 64,
	parameter DEPTH = 16,
	parameter PLACE_BITS = DEPTH > 1 ? $clog2(DEPTH) : 1, // derived
	parameter COUNT_BITS = $clog2(DEPTH + 1)              // derived
) (
	input  wire             clk_i,
	input  wire             rst_ni,
	input  wire             push_i,
	input  wire [WIDTH-1:0] data_i,
	output reg              valid_o,
	output reg  [WIDTH-1:0] data_o,
	input  wire             pop_i
);
	localparam [31:0] LAST = DEPTH - 1;

	reg [WIDTH-1:0] memory [0:DEPTH-1]; // entries behind the oldest one
	reg [COUNT_BITS-1:0] stored_q;
	reg [PLACE_BITS-1:0] head_q, tail_q;

	wire stored = stored_q != {COUNT_BITS{1'b0}};
	wire refill = !valid_o || pop_i;
	wire read = refill && stored;
	wire write = push_i && !(refill && !stored);

	always @(posedge clk_i) begin
		if (refill) begin
			valid_o <= stored || push_i;
			data_o <= stored ? memory[head_q] : data_i;
		end
		if (read)
			head_q <= head_q == LAST[PLACE_BITS-1:0] ? {PLACE_BITS{1'b0}} : head_q + 1'b1;
		if (write) begin
			memory[tail_q] <= data_i;
			tail_q <= tail_q == LAST[PLACE_BITS-1:0] ? {PLACE_BITS{1'b0}} : tail_q + 1'b1;
		end
		if (write && !read)
			stored_q <= stored_q + 1'b1;
		else if (read && !write)
			stored_q <= stored_q - 1'b1;
		if (!rst_ni) begin
			valid_o <= 1'b0;
			stored_q <= {COUNT_BITS{1'b0}};
			head_q <= {PLACE_BITS{1'b0}};
			tail_q <= {PLACE_BITS{1'b0}};
		end
	end
endmodule
