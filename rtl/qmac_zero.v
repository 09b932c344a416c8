// Products of a GEMM whose operands are both not zero; ZERO_MACS are the others.
//
// Whether a product is zero is known at the array's edges, so this is the array's column number COLS,
// which gets one bit of A and one number of W: an A operand's bit (not zero, row below k) comes COLS
// cycles after the operand, as operands of that column would, and the W operands of a slot that are not
// zero, in columns below n, are counted on their way from column to column. The counts then go from row
// to row and are kept (shadow, active) like weights. In a row the products of a slot are then A's bit
// times the count: of this slot (os), or of the row's active weights (ws).
//
// Inputs are those of qmac_array, in the same cycle. Products of a cycle are added up in two steps, first
// those of every GROUP rows. The last ones of a pass are in nonzero_o in the cycle after it retires, or
// earlier.
`default_nettype none

module qmac_zero #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8
) (
	input  wire                   clk_i,
	input  wire                   rst_ni,
	input  wire [ROWS*A_BITS-1:0] a_data_i, // lane r is r cycles late
	input  wire [COLS*W_BITS-1:0] w_data_i, // lane j is j cycles late
	input  wire [6:0]             k_i,
	input  wire [6:0]             n_i,      // with k_i; in a preload that of the pass to come
	input  wire                   os_i,
	input  wire                   begin_i,
	input  wire                   capture_i,
	output reg  [12:0]            nonzero_o
);
	localparam GROUP = 8;
	localparam GROUPS = (ROWS + GROUP - 1) / GROUP;
	localparam DIAGONALS = ROWS + COLS;
	localparam STEEP = 2 * ROWS + COLS - 1; // a preload moves on a row in two cycles
	// As many places as entries, or more, for the sake of simulations: see qmac_array.
	localparam ROW_PLACES = 1 << $clog2(ROWS + 1);
	localparam COLUMN_PLACES = 1 << $clog2(COLS + 1);
	localparam DIAGONAL_PLACES = 1 << $clog2(DIAGONALS);
	localparam STEEP_PLACES = 1 << $clog2(STEEP);
	localparam AT_BITS = COLS > 1 ? $clog2(COLS) : 1;
	localparam [31:0] LIFE = 2 * ROWS + COLS;
	localparam [31:0] AT_LAST = COLS - 1;

	// Cycles for which anything that enters, and the zeros behind it, may be under way.
	reg [7:0] awake_q;
	wire enters = k_i != 7'd0 || capture_i;
	wire awake = enters || awake_q != 8'd0;

	always @(posedge clk_i)
		awake_q <= enters || !rst_ni ? LIFE[7:0] : awake_q - {7'd0, awake_q != 8'd0};

	// Bits of A, COLS cycles old. Those from before a reset do not count.
	reg [ROWS-1:0] ring [0:COLS-1];
	reg [AT_BITS-1:0] at_q;
	reg [COLS-1:0] since_reset_q;
	wire [COLS:0] since_reset = {since_reset_q, 1'b1};
	wire [ROWS-1:0] a_bits = ring[at_q] & {ROWS{since_reset_q[COLS-1]}};

	// Operands that are not zero.
	wire [ROWS-1:0] a_set;
	wire [COLS-1:0] w_set;

	genvar i;
	generate
		for (i = 0; i < ROWS; i = i + 1) begin : left
			assign a_set[i] = |a_data_i[i*A_BITS +: A_BITS];
		end
		for (i = 0; i < COLS; i = i + 1) begin : top
			assign w_set[i] = |w_data_i[i*W_BITS +: W_BITS];
		end
	endgenerate

	// Entry 0 of each is what enters; see qmac_array for why one process updates them in place.
	reg [6:0] k [0:ROW_PLACES-1];
	reg [6:0] n [0:COLUMN_PLACES-1];
	reg [6:0] count [0:COLUMN_PLACES-1]; // of the columns before
	reg [6:0] passing [0:ROW_PLACES-1];  // counts on their way from row to row
	reg [6:0] shadow [0:ROW_PLACES-1];
	reg [6:0] active [0:ROW_PLACES-1];
	reg os [0:DIAGONAL_PLACES-1];
	reg first [0:DIAGONAL_PLACES-1];
	reg capture [0:STEEP_PLACES-1];
	reg [ROWS-1:0] entering;
	reg [9:0] products [0:GROUPS-1]; // of the rows of a group, in this cycle
	reg [9:0] products_q [0:GROUPS-1];
	reg [12:0] all;

	/* verilator lint_off BLKSEQ */
	always @(posedge clk_i) begin : step
		integer r, j, d, g;

		r = 0;
		j = 0;
		d = 0;
		for (g = 0; g != GROUPS; g = g + 1)
			products[g] = 10'd0;
		if (awake) begin
			k[0] = k_i;
			n[0] = n_i;
			count[0] = 7'd0;
			passing[0] = count[COLS];
			os[0] = os_i;
			first[0] = begin_i;
			capture[0] = capture_i;

			for (r = 0; r != ROWS; r = r + 1) begin
				if (first[COLS+r])
					active[r] = shadow[r];
				if (capture[COLS+2*r])
					shadow[r] = passing[r];
				products[r/GROUP] = products[r/GROUP] +
					({10{a_bits[r]}} & {3'd0, os[COLS+r] ? passing[r] : active[r]});
				entering[r] = r[6:0] < k[r] && a_set[r];
			end

			for (j = COLS - 1; j != -1; j = j - 1) begin
				count[j+1] = count[j] +
				             {6'd0, j[6:0] < n[j] && w_set[j]};
				n[j+1] = n[j];
			end
			for (r = ROWS; r != 0; r = r - 1) begin
				passing[r] = passing[r-1];
				k[r] = rst_ni ? k[r-1] : 7'd0;
			end
			for (d = DIAGONALS - 1; d != 0; d = d - 1) begin
				os[d] = os[d-1];
				first[d] = first[d-1];
			end
			for (d = STEEP - 1; d != 0; d = d - 1)
				capture[d] = capture[d-1];

			ring[at_q] <= entering;
			at_q <= at_q == AT_LAST[AT_BITS-1:0] ? {AT_BITS{1'b0}} : at_q + 1'b1;
			since_reset_q <= since_reset[COLS-1:0];
		end
		all = 13'd0;
		for (g = 0; g != GROUPS; g = g + 1) begin
			all = all + {3'd0, products_q[g]};
			products_q[g] <= rst_ni ? products[g] : 10'd0;
		end
		nonzero_o <= all;
		if (!rst_ni) begin
			at_q <= {AT_BITS{1'b0}};
			since_reset_q <= {COLS{1'b0}};
			nonzero_o <= 13'd0;
		end
	end
	/* verilator lint_on BLKSEQ */

	wire unused = &{1'b0, since_reset[COLS], awake_q};
endmodule
