// One lane of VEC up to x, saturated to 64 bits (docs/command-set.md); reductions and the tail follow.
//
// Four stages: an element that enters with valid_i in cycle d leaves at x_o in cycle d+4 and stays there
// until the next one, because a lookup serves the lanes of a row one group after the other. Command
// fields are constant while elements of a command are on their way.
//
//   1  clamp src1 or the lookup's input, shift src0 left
//   2  add, subtract, compare, select; a lookup reads its table word (index_o to word_i)
//   3  multiply
//   4  add the table value, saturate
`default_nettype none
`include "qmac_isa.vh"

module qmac_vec_lane #(
	parameter ACC_BITS = 32,
	parameter LUT_BITS = 8,
	parameter SOURCE_BITS = ACC_BITS > 32 ? ACC_BITS : 32 // derived: ACC words, operands, immediate
) (
	input  wire                          clk_i,
	input  wire                          valid_i,
	input  wire signed [SOURCE_BITS-1:0] a_i,
	input  wire signed [SOURCE_BITS-1:0] b_i,
	input  wire [2:0]                    op_i,       // OP_*
	input  wire [4:0]                    l0_i,
	input  wire signed [17:0]            mult_i,
	input  wire [5:0]                    in_bits_i,  // lookup
	input  wire [3:0]                    lut_n_i,
	output wire [LUT_BITS-1:0]           index_o,    // of the sub-table, valid in cycle d+1
	input  wire [31:0]                   word_i,     // {slope, value} in cycle d+2
	output wire signed [63:0]            x_o,
	output wire [1:0]                    events_o    // saturations of this element, with x_o
);
	localparam SHIFTED_BITS = SOURCE_BITS + 31;
	localparam SUM_BITS = SHIFTED_BITS + 1;
	localparam PRODUCT_BITS = SUM_BITS + 18;

	wire [31:0] op = {29'd0, op_i};
	wire is_lookup = op == `QMAC_OP_LOOKUP;
	wire is_mul = op == `QMAC_OP_MUL;
	wire scaled = op == `QMAC_OP_ADD || op == `QMAC_OP_SUB || op == `QMAC_OP_MIN || op == `QMAC_OP_MAX;

	// ---- 1: clamps and left shift
	reg valid1_q, event1_q;
	reg signed [SHIFTED_BITS-1:0] a1_q;
	reg signed [SOURCE_BITS-1:0] b1_q;
	reg [31:0] rest1_q;          // lookup: the part of the input below the index
	reg [LUT_BITS-1:0] index1_q;

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

	always @(posedge clk_i) begin
		valid1_q <= valid_i;
		if (valid_i) begin
			a1_q <= {{31{a_i[SOURCE_BITS-1]}}, a_i} <<< (scaled ? l0_i : 5'd0);
			b1_q <= is_mul ? {{SOURCE_BITS-18{factor[17]}}, factor} : b_i;
			event1_q <= (is_mul && factor_clamped) || (is_lookup && !input_fits);
			rest1_q <= input_moved & ~(32'hFFFFFFFF << rest_bits);
			index1_q <= index[LUT_BITS-1:0];
		end
	end

	assign index_o = index1_q;

	// ---- 2: the operation
	reg valid2_q, event2_q;
	reg signed [SUM_BITS-1:0] left2_q;
	reg signed [17:0] right2_q;
	reg [31:0] rest2_q;

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
		default: left = a; // mul
		endcase
	end

	always @(posedge clk_i) begin
		valid2_q <= valid1_q;
		if (valid1_q) begin
			left2_q <= left;
			right2_q <= is_mul ? b1_q[17:0] : scaled ? mult_i : 18'sd1;
			rest2_q <= rest1_q;
			event2_q <= event1_q;
		end
	end

	// ---- 3: the one multiplier
	reg valid3_q, event3_q;
	reg signed [PRODUCT_BITS-1:0] product3_q;
	reg signed [15:0] value3_q;

	wire signed [SUM_BITS-1:0] left_factor = is_lookup ? {{SUM_BITS-32{1'b0}}, rest2_q} : left2_q;
	wire signed [17:0] right_factor = is_lookup ? {{2{word_i[31]}}, word_i[31:16]} : right2_q;
	wire signed [PRODUCT_BITS-1:0] product = left_factor * right_factor;

	always @(posedge clk_i) begin
		valid3_q <= valid2_q;
		if (valid2_q) begin
			product3_q <= product;
			value3_q <= word_i[15:0];
			event3_q <= event2_q;
		end
	end

	// ---- 4: table value, saturation to 64 bits
	reg signed [63:0] x4_q;
	reg [1:0] events4_q;

	// At most 16 + 32 bits; the sum with the product of a lookup is far from the ends.
	wire signed [47:0] value_shifted = {{32{value3_q[15]}}, value3_q} <<< rest_bits;
	wire signed [PRODUCT_BITS-1:0] value_extended = {{PRODUCT_BITS-48{value_shifted[47]}}, value_shifted};
	wire signed [PRODUCT_BITS-1:0] exact =
		is_lookup ? product3_q + value_extended : product3_q;
	wire signed [63:0] x;
	wire x_saturated;
	qmac_sat #(.IN_BITS(PRODUCT_BITS), .OUT_BITS(64)) clamp_x (
		.x_i(exact), .y_o(x), .saturated_o(x_saturated));

	always @(posedge clk_i)
		if (valid3_q) begin
			x4_q <= x;
			events4_q <= {1'b0, event3_q} + {1'b0, x_saturated};
		end

	assign x_o = x4_q;
	assign events_o = events4_q;

	wire unused = &{1'b0, index[31:LUT_BITS]};
endmodule
