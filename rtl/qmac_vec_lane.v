// One lane of VEC up to x, saturated to 64 bits (docs/command-set.md); reductions and the tail follow.
//
// Six stages: an element that enters with valid_i in cycle d leaves at x_o in cycle d+6 and stays there
// until the next one, because a lookup serves the lanes of a row one group after the other. Command
// fields are constant while elements of a command are on their way.
//
//   1  clamp src1 or the lookup's input, shift src0 left
//   2  add, subtract, compare, select; a lookup reads its table word (index_o to word_i)
//   3  multiply, 32 bits of the wide factor at a time; affine's second product beside it
//   4  add the parts of each product, c2 to the second; shift the table value
//   5  add the two
//   6  saturate
//
// Coefficients of affine come through b_i and pass the stages like an element, for the sake of their
// event. They are used in different stages (c0 in 2, c1 in 3, c2 in 4): rows of coefficients that follow
// an element without a gap, in the order c0, c1, c2, take the place of the old ones just behind it.
`default_nettype none
`include "qmac_isa.vh"

module qmac_vec_lane #(
	parameter ACC_BITS = 32,
	parameter LUT_BITS = 8,
	parameter SOURCE_BITS = ACC_BITS > 32 ? ACC_BITS : 32 // derived: ACC words, operands, immediate
) (
	input  wire                          clk_i,
	input  wire                          valid_i,
	input  wire [2:0]                    coef_i,     // with valid_i, one-hot: b_i is c0, c1, c2; no element
	input  wire signed [SOURCE_BITS-1:0] a_i,
	input  wire signed [SOURCE_BITS-1:0] b_i,
	input  wire [3:0]                    op_i,       // OP_*
	input  wire [4:0]                    l0_i,
	input  wire signed [17:0]            mult_i,
	input  wire [5:0]                    in_bits_i,  // lookup
	input  wire [3:0]                    lut_n_i,
	output wire [LUT_BITS-1:0]           index_o,    // of the sub-table, valid in cycle d+1
	input  wire [31:0]                   word_i,     // {slope, value} in cycle d+2
	output wire signed [63:0]            x_o,
	output wire [1:0]                    events_o    // with x_o: x was saturated, what entered was clamped
);
	localparam SHIFTED_BITS = SOURCE_BITS + 31;
	localparam SUM_BITS = SHIFTED_BITS + 1;
	localparam PRODUCT_BITS = SUM_BITS + 18;
	localparam SECOND_BITS = SOURCE_BITS + 19; // src1 * c1 + c2

	wire [31:0] op = {28'd0, op_i};
	wire is_lookup = op == `QMAC_OP_LOOKUP;
	wire is_mul = op == `QMAC_OP_MUL;
	wire is_affine = op == `QMAC_OP_AFFINE;
	wire scaled = op == `QMAC_OP_ADD || op == `QMAC_OP_SUB || op == `QMAC_OP_MIN || op == `QMAC_OP_MAX;

	reg [5:1] valid_q; // bit i: stage i has given an element, or a coefficient

	always @(posedge clk_i)
		valid_q <= {valid_q[4:1], valid_i};

	// ---- 1: clamps and left shift
	reg event1_q;
	reg signed [SHIFTED_BITS-1:0] a1_q;
	reg signed [SOURCE_BITS-1:0] b1_q;
	reg [31:0] rest1_q;          // lookup: the part of the input below the index
	reg [LUT_BITS-1:0] index1_q;
	reg signed [17:0] c0_q, c1_q;
	reg signed [SOURCE_BITS-1:0] c2_q;

	wire signed [17:0] factor;
	wire factor_clamped;
	qmac_sat #(.IN_BITS(SOURCE_BITS), .OUT_BITS(18)) clamp_factor (
		.x_i(b_i), .y_o(factor), .saturated_o(factor_clamped));

	// The input of a lookup, clamped to in_bits and moved to 0 .. 2^in_bits - 1.
	wire [5:0] top = in_bits_i - 6'd1;
	wire signed [SOURCE_BITS-1:0] input_above = a_i >>> top;
	wire input_fits = input_above == {SOURCE_BITS{1'b0}} || input_above == {SOURCE_BITS{1'b1}};
	wire [31:0] input_mask = 32'hFFFFFFFF >> (6'd32 - in_bits_i);
	wire [31:0] input_moved = input_fits ? (a_i[31:0] + (32'd1 << top)) & input_mask
	                                     : a_i[SOURCE_BITS-1] ? 32'd0 : input_mask;
	wire [5:0] rest_bits = in_bits_i - {2'd0, lut_n_i};
	wire [31:0] index = input_moved >> rest_bits;

	always @(posedge clk_i)
		if (valid_i) begin
			a1_q <= {{31{a_i[SOURCE_BITS-1]}}, a_i} <<< (scaled ? l0_i : 5'd0);
			b1_q <= is_mul ? {{SOURCE_BITS-18{factor[17]}}, factor} : b_i;
			event1_q <= ((is_mul || coef_i[1:0] != 2'b00) && factor_clamped) || (is_lookup && !input_fits);
			rest1_q <= input_moved & ~(32'hFFFFFFFF << rest_bits);
			index1_q <= index[LUT_BITS-1:0];
			if (coef_i[0])
				c0_q <= factor;
			if (coef_i[1])
				c1_q <= factor;
			if (coef_i[2])
				c2_q <= b_i;
		end

	assign index_o = index1_q;

	// ---- 2: the operation
	reg event2_q;
	reg signed [SUM_BITS-1:0] left2_q;
	reg signed [17:0] right2_q;
	reg signed [SOURCE_BITS-1:0] b2_q;

	wire signed [SUM_BITS-1:0] a = {a1_q[SHIFTED_BITS-1], a1_q};
	wire signed [SUM_BITS-1:0] b = {{32{b1_q[SOURCE_BITS-1]}}, b1_q};
	wire a_is_less = a < b;
	wire b_is_positive = !b1_q[SOURCE_BITS-1] && |b1_q;
	reg signed [SUM_BITS-1:0] left;

	always @* begin
		case (op)
		`QMAC_OP_ADD: left = a + b;
		`QMAC_OP_SUB: left = a - b;
		`QMAC_OP_MIN: left = a_is_less ? a : b;
		`QMAC_OP_MAX: left = a_is_less ? b : a;
		`QMAC_OP_EQ: left = {{SUM_BITS-1{1'b0}}, a == b};
		`QMAC_OP_SELECT: left = b_is_positive ? a : {SUM_BITS{1'b0}};
		`QMAC_OP_LOOKUP: left = {{SUM_BITS-32{1'b0}}, rest1_q};
		default: left = a; // mul, affine
		endcase
	end

	always @(posedge clk_i)
		if (valid_q[1]) begin
			left2_q <= left;
			right2_q <= is_mul ? b1_q[17:0] : scaled ? mult_i : is_affine ? c0_q : 18'sd1;
			b2_q <= b1_q;
			event2_q <= event1_q;
		end

	// ---- 3, 4: the products
	reg event3_q, event4_q;
	reg signed [15:0] value3_q;
	reg signed [PRODUCT_BITS-1:0] product4_q;
	reg signed [SECOND_BITS-1:0] addend4_q;

	wire signed [PRODUCT_BITS-1:0] product;
	wire signed [SOURCE_BITS+17:0] product_b;
	wire signed [SECOND_BITS-1:0] second = {product_b[SOURCE_BITS+17], product_b} +
	                                       {{19{c2_q[SOURCE_BITS-1]}}, c2_q};
	wire signed [SECOND_BITS-1:0] value = {{SECOND_BITS-16{value3_q[15]}}, value3_q};

	qmac_vec_product #(.BITS(SUM_BITS)) multiply (
		.clk_i(clk_i), .run_i(valid_q[2]), .left_i(left2_q),
		.right_i(is_lookup ? {{2{word_i[31]}}, word_i[31:16]} : right2_q), .product_o(product));
	qmac_vec_product #(.BITS(SOURCE_BITS)) multiply_b (
		.clk_i(clk_i), .run_i(valid_q[2] && is_affine), .left_i(b2_q), .right_i(c1_q),
		.product_o(product_b));

	always @(posedge clk_i) begin
		if (valid_q[2]) begin
			value3_q <= word_i[15:0];
			event3_q <= event2_q;
		end
		if (valid_q[3]) begin
			product4_q <= product;
			addend4_q <= is_affine ? second : is_lookup ? value <<< rest_bits : {SECOND_BITS{1'b0}};
			event4_q <= event3_q;
		end
	end

	// ---- 5, 6: the sum, saturated to 64 bits
	reg signed [PRODUCT_BITS-1:0] exact5_q; // also with an addend: then the product is far from the ends
	reg event5_q;
	reg signed [63:0] x6_q;
	reg [1:0] events6_q;

	wire signed [63:0] x;
	wire x_saturated;
	qmac_sat #(.IN_BITS(PRODUCT_BITS), .OUT_BITS(64)) clamp_x (
		.x_i(exact5_q), .y_o(x), .saturated_o(x_saturated));

	always @(posedge clk_i) begin
		if (valid_q[4]) begin
			exact5_q <= product4_q + {{PRODUCT_BITS-SECOND_BITS{addend4_q[SECOND_BITS-1]}}, addend4_q};
			event5_q <= event4_q;
		end
		if (valid_q[5]) begin
			x6_q <= x;
			events6_q <= {x_saturated, event5_q};
		end
	end

	assign x_o = x6_q;
	assign events_o = events6_q;

	wire unused = &{1'b0, index[31:LUT_BITS]};
endmodule
