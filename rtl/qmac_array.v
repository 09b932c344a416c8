// The systolic array: ROWS x COLS multipliers, both dataflows, chosen pass by pass.
//
// PE (r,j) works r + j cycles after PE (0,0); in that local time the array acts at once, and a pass is a
// sequence of slots. Operands and controls of a slot enter row r and column j r (j) cycles after they
// enter row 0 and column 0: A data at the left, W data at the top. Controls are the same on a diagonal,
// which therefore shares one register (to be duplicated by synthesis as wires demand). In a slot a PE does
//
//   begin_i    first slot of a pass: the weights kept in `shadow` become the active ones
//   os_i       0: sum of the PE above + a * active weight.  1: own sum (0 at begin) + a * w of this slot
//   copy_i     the slot after an os pass: the sums are copied to `drain`, which moves up a row a cycle
//   capture_i  first slot of a preload: row r captures the W data of r slots later into `shadow`
//   k_i        rows from k on take 0 for A; 0: no slot
//
// A slot that enters row 0 in cycle c leaves column j of the last row (ws) at bottom_o in cycle
// c + ROWS + j; row r of the copied sums is at top_o in cycle c + 1 + 2r + j.
//
// All PEs live in arrays that one process updates in place, ordered so that every PE still reads what
// its neighbours held before the clock edge: thousands of instances simulate slower and build much
// slower. Nothing outside reads these arrays but through the output registers. The array, its W chains
// and its drains stand still (one clock enable each) while nothing is under way in them.
//
// A compiler turns the loops of a simulation into vector instructions where it sees how often they run and
// that no index is out of range. Hence loops end by !=, arrays have powers of two of entries, the last of
// which nobody may use, and loop variables are set in front of every condition.
`default_nettype none

module qmac_array #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter OS_MAX = 4096,
	parameter PSUM_BITS = A_BITS + W_BITS + 1 + $clog2(OS_MAX) // derived; OS_MAX is above ROWS
) (
	input  wire                      clk_i,
	input  wire                      rst_ni,
	input  wire [ROWS*A_BITS-1:0]    a_data_i, // lane r is r cycles late
	input  wire [COLS*W_BITS-1:0]    w_data_i, // lane j is j cycles late
	input  wire [6:0]                k_i,
	input  wire                      a_unsigned_i,
	input  wire                      w_unsigned_i,
	input  wire                      os_i,
	input  wire                      begin_i,
	input  wire                      copy_i,
	input  wire                      capture_i,
	output reg  [COLS*PSUM_BITS-1:0] bottom_o,
	output reg  [COLS*PSUM_BITS-1:0] top_o
);
	localparam PES = ROWS * COLS;
	localparam DIAGONALS = ROWS + COLS - 1;
	localparam STEEP = 2 * ROWS + COLS - 2; // entry 2r + j: a preload moves on a row in two cycles
	localparam PE_PLACES = 1 << $clog2(PES); // at least as many
	localparam DIAGONAL_PLACES = 1 << $clog2(DIAGONALS);
	localparam STEEP_PLACES = 1 << $clog2(STEEP);
	// Cycles for which anything that enters, and the zeros behind it, may be under way.
	localparam [31:0] LIFE = 2 * ROWS + COLS;

	// ---- what is under way
	reg [7:0] awake_q, moving_q, draining_q;
	wire awake = k_i != 7'd0 || capture_i || copy_i || awake_q != 8'd0;
	wire moving = os_i || capture_i || moving_q != 8'd0;
	wire draining = copy_i || draining_q != 8'd0;

	always @(posedge clk_i) begin
		awake_q <= k_i != 7'd0 || capture_i || copy_i ? LIFE[7:0] : awake_q - {7'd0, awake_q != 8'd0};
		moving_q <= os_i || capture_i ? LIFE[7:0] : moving_q - {7'd0, moving_q != 8'd0};
		draining_q <= copy_i ? LIFE[7:0] : draining_q - {7'd0, draining_q != 8'd0};
		if (!rst_ni) begin
			awake_q <= LIFE[7:0]; // clears the controls
			moving_q <= 8'd0;
			draining_q <= 8'd0;
		end
	end

	// ---- PE p = r*COLS + j: what it gets in this cycle, and what it keeps
	reg signed [A_BITS:0] a [0:PE_PLACES-1];
	reg signed [W_BITS:0] w [0:PE_PLACES-1];
	reg signed [W_BITS:0] shadow [0:PE_PLACES-1];
	reg signed [W_BITS:0] active [0:PE_PLACES-1];
	reg signed [PSUM_BITS-1:0] sum [0:PE_PLACES-1];
	reg signed [PSUM_BITS-1:0] drain [0:PE_PLACES-1];

	// Controls by diagonal r + j, entry 0 being those that enter.
	reg os [0:DIAGONAL_PLACES-1];
	reg first [0:DIAGONAL_PLACES-1];
	reg copy [0:DIAGONAL_PLACES-1];
	reg capture [0:STEEP_PLACES-1];

	// ---- the edges: extended operands; their controls go from row to row, from column to column
	wire signed [A_BITS:0] a_edge [0:ROWS-1];
	wire signed [W_BITS:0] w_edge [0:COLS-1];
	reg [ROWS*8-1:0] row_q;
	reg [COLS-1:0] column_q;
	wire [(ROWS+1)*8-1:0] row = {row_q, a_unsigned_i, k_i};
	wire [COLS:0] column = {column_q, w_unsigned_i};

	always @(posedge clk_i)
		if (awake) begin
			row_q <= row[ROWS*8-1:0];
			column_q <= column[COLS-1:0];
		end

	genvar g;
	generate
		for (g = 0; g < ROWS; g = g + 1) begin : left
			wire used = g < row[g*8 +: 7];
			wire [A_BITS-1:0] data = used ? a_data_i[g*A_BITS +: A_BITS] : {A_BITS{1'b0}};
			assign a_edge[g] = {!row[g*8 + 7] && data[A_BITS-1], data};
		end
		for (g = 0; g < COLS; g = g + 1) begin : top
			assign w_edge[g] = {!column[g] && w_data_i[g*W_BITS + W_BITS-1], w_data_i[g*W_BITS +: W_BITS]};
		end
	endgenerate

	wire unused = &{1'b0, row[ROWS*8 +: 8], column[COLS]};

	// ---- the PEs

	function signed [PSUM_BITS-1:0] base(input is_os, input is_first, input signed [PSUM_BITS-1:0] own,
	                                     input signed [PSUM_BITS-1:0] above);
		base = !is_os ? above : is_first ? {PSUM_BITS{1'b0}} : own;
	endfunction

	function signed [W_BITS:0] weight(input is_os, input signed [W_BITS:0] streamed,
	                                  input signed [W_BITS:0] kept);
		weight = is_os ? streamed : kept;
	endfunction

	/* verilator lint_off BLKSEQ */ // in place, in order: see above
	always @(posedge clk_i) begin : step
		integer r, j, d;

		r = 0;
		j = 0;
		d = 0;
		if (awake) begin
			// What enters.
			os[0] = os_i;
			first[0] = begin_i;
			copy[0] = copy_i;
			capture[0] = capture_i;
			for (r = 0; r != ROWS; r = r + 1)
				a[r*COLS] = a_edge[r];
			for (j = 0; j != COLS; j = j + 1)
				w[j] = w_edge[j];

			// Finished sums: one row up, and new ones.
			if (draining) begin
				for (d = 0; d != PES - COLS; d = d + 1)
					drain[d] = drain[d+COLS];
				for (d = 0; d != DIAGONALS; d = d + 1)
					if (copy[d])
						for (r = d < COLS ? 0 : d - COLS + 1; r < ROWS && r <= d; r = r + 1)
							drain[r*COLS + d - r] = sum[r*COLS + d - r];
			end

			// The weights of a new pass; then the next ones, for they may follow at once.
			for (d = 0; d != DIAGONALS; d = d + 1)
				if (first[d])
					for (r = d < COLS ? 0 : d - COLS + 1; r < ROWS && r <= d; r = r + 1)
						active[r*COLS + d - r] = shadow[r*COLS + d - r];
			if (moving)
				for (d = 0; d != STEEP; d = d + 1)
					if (capture[d])
						for (r = d < COLS ? 0 : (d - COLS + 2) / 2; r < ROWS && 2 * r <= d; r = r + 1)
							shadow[r*COLS + d - 2*r] = w[r*COLS + d - 2*r];

			// The sums, from the last PE to the first: each reads the row above as it was.
			for (r = ROWS - 1; r != 0; r = r - 1)
				for (j = COLS - 1; j != -1; j = j - 1)
					sum[r*COLS+j] = base(os[r+j], first[r+j], sum[r*COLS+j], sum[r*COLS+j-COLS]) +
					                a[r*COLS+j] * weight(os[r+j], w[r*COLS+j], active[r*COLS+j]);
			for (j = COLS - 1; j != -1; j = j - 1)
				sum[j] = base(os[j], first[j], sum[j], {PSUM_BITS{1'b0}}) +
				         a[j] * weight(os[j], w[j], active[j]);

			// Everything moves on. Entries that start a row or a column are set above.
			for (d = PES - 1; d != 0; d = d - 1)
				a[d] = a[d-1];
			if (moving)
				for (d = PES - 1; d != COLS - 1; d = d - 1)
					w[d] = w[d-COLS];
			for (d = DIAGONALS - 1; d != 0; d = d - 1) begin
				os[d] = os[d-1];
				first[d] = first[d-1];
				copy[d] = copy[d-1];
			end
			for (d = STEEP - 1; d != 0; d = d - 1)
				capture[d] = capture[d-1];

			for (j = 0; j != COLS; j = j + 1) begin
				bottom_o[j*PSUM_BITS +: PSUM_BITS] <= sum[PES-COLS+j];
				top_o[j*PSUM_BITS +: PSUM_BITS] <= drain[j];
			end
		end
	end
	/* verilator lint_on BLKSEQ */
endmodule
