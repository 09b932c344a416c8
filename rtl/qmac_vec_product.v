// A wide number times 18 bits, in parts of 32 bits of the wide one, so that no multiplier is wider.
// product_o belongs to the inputs of the cycle before: the parts are registers, what follows adds them up.
`default_nettype none

module qmac_vec_product #(
	parameter BITS = 64 // 32..96
) (
	input  wire                      clk_i,
	input  wire                      run_i,    // without it the parts stay
	input  wire signed [BITS-1:0]    left_i,
	input  wire signed [17:0]        right_i,
	output wire signed [BITS+17:0]   product_o
);
	localparam PARTS = (BITS + 31) / 32;
	localparam PART_BITS = 51; // of a signed product of 33 and 18 bits

	wire signed [32*PARTS:0] left = {{32*PARTS+1-BITS{left_i[BITS-1]}}, left_i};
	wire [32*PARTS+20:0] product; // the lowest 32 bits of each part and all below it, then the last one's top

	genvar i;
	generate
		for (i = 0; i < PARTS; i = i + 1) begin : part
			// All parts but the last are numbers without a sign.
			wire signed [32:0] factor = {i == PARTS - 1 && left[32*PARTS], left[32*i +: 32]};
			reg signed [PART_BITS-1:0] part_q;
			wire signed [PART_BITS+1:0] total; // with what the parts below carry into it

			always @(posedge clk_i)
				if (run_i)
					part_q <= factor * right_i;

			if (i == 0) begin : lowest
				assign total = {{2{part_q[PART_BITS-1]}}, part_q};
			end else begin : above
				wire signed [PART_BITS+1:0] carried = part[i-1].total >>> 32;
				assign total = {{2{part_q[PART_BITS-1]}}, part_q} + carried;
			end
			assign product[32*i +: 32] = total[31:0];
		end
	endgenerate

	assign product[32*PARTS +: 21] = part[PARTS-1].total[PART_BITS+1:32];
	assign product_o = product[BITS+17:0];

	wire unused = &{1'b0, product};
endmodule
