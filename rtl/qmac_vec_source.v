// A source row of VEC, every lane widened to a signed number; combinational.
// Lanes that the row does not have are 0.
`default_nettype none
`include "qmac_isa.vh"

module qmac_vec_source #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter LANES = ROWS > COLS ? ROWS : COLS,           // derived
	parameter SOURCE_BITS = ACC_BITS > 32 ? ACC_BITS : 32  // derived
) (
	input  wire [1:0]                   space_i,    // SPACE_A, W, ACC or IMM
	input  wire                         unsigned_i, // of A and W
	input  wire [31:0]                  imm_i,
	input  wire [ROWS*A_BITS-1:0]       a_data_i,
	input  wire [COLS*W_BITS-1:0]       w_data_i,
	input  wire [COLS*ACC_BITS-1:0]     acc_data_i,
	output wire [LANES*SOURCE_BITS-1:0] lanes_o
);
	wire [31:0] space = {30'd0, space_i};
	wire [SOURCE_BITS+31:0] imm = {{SOURCE_BITS{imm_i[31]}}, imm_i};

	genvar j;
	generate
		for (j = 0; j < LANES; j = j + 1) begin : lane
			wire [SOURCE_BITS-1:0] a, w, acc;

			if (j < ROWS) begin : has_a
				wire [A_BITS-1:0] word = a_data_i[j*A_BITS +: A_BITS];
				assign a = {{SOURCE_BITS-A_BITS{word[A_BITS-1] && !unsigned_i}}, word};
			end else begin : no_a
				assign a = {SOURCE_BITS{1'b0}};
			end
			if (j < COLS) begin : has_w
				wire [W_BITS-1:0] word = w_data_i[j*W_BITS +: W_BITS];
				wire [ACC_BITS-1:0] sum = acc_data_i[j*ACC_BITS +: ACC_BITS];
				wire [SOURCE_BITS+ACC_BITS-1:0] wide = {{SOURCE_BITS{sum[ACC_BITS-1]}}, sum};
				wire unused = &{1'b0, wide};
				assign w = {{SOURCE_BITS-W_BITS{word[W_BITS-1] && !unsigned_i}}, word};
				assign acc = wide[SOURCE_BITS-1:0];
			end else begin : no_w
				assign w = {SOURCE_BITS{1'b0}};
				assign acc = {SOURCE_BITS{1'b0}};
			end
			assign lanes_o[j*SOURCE_BITS +: SOURCE_BITS] =
				space == `QMAC_SPACE_A ? a : space == `QMAC_SPACE_W ? w
				: space == `QMAC_SPACE_ACC ? acc : imm[SOURCE_BITS-1:0];
		end
	endgenerate

	wire unused = &{1'b0, imm};
endmodule
