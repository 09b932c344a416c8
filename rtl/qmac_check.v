// The complete check of a descriptor, but for ORDER, which depends on what has been dispatched: the first
// fault of the list in docs/command-set.md, "What is refused", and what else follows from the descriptor
// alone. Two stages, one descriptor a cycle:
//
//   stage 1, in the cycle of the input handshake: operation, reserved bits, products of counts and strides
//   stage 2, one cycle later: highest rows, ranges, addresses; a register, hence CHECK_CYCLES = 2
//
// All three classes visit rows in up to three nests: {space, first row, counts, strides} each.
//
// Where the window of a LOAD or STORE begins has been computed here, and its engine needs no more to start
// with. So command_o has in `base` the address of the first row inside the window, and a STORE in `row` the
// scratchpad row of that one; a LOAD visits the rows before it too.
`default_nettype none
`include "qmac_isa.vh"

module qmac_check #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter OS_MAX = 4096,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	parameter LUT_BITS = 8
) (
	input  wire         clk_i,
	input  wire         rst_ni,
	input  wire [47:0]  mem_base_i,
	input  wire [47:0]  mem_size_i,
	input  wire         valid_i,
	output wire         ready_o,
	input  wire [511:0] command_i,
	input  wire         bus_error_i,  // the descriptor could not be read
	input  wire [63:0]  ready_time_i,
	output wire         valid_o,
	input  wire         ready_i,
	output wire [511:0] command_o,
	output reg  [3:0]   fault_o,
	output reg  [1:0]   engine_o,     // without meaning where the opcode has none
	output reg  [16:0]  slots_o,      // iterations; 1 for SYNC; without meaning after a fault
	output reg  [63:0]  ready_time_o,
	output wire         moves_o       // a register changes in this cycle
);
	localparam [31:0] ROW_COUNT = ROWS;
	localparam [31:0] COL_COUNT = COLS;
	localparam [31:0] SUM_BITS = ACC_BITS;
	localparam [31:0] OS_SLOTS = OS_MAX;
	localparam [31:0] A_ROWS = A_DEPTH;
	localparam [31:0] W_ROWS = W_DEPTH;
	localparam [31:0] ACC_ROWS = ACC_DEPTH;
	localparam [31:0] LUT_ROWS = 1 << LUT_BITS;

	function [16:0] depth_of(input [31:0] space);
		depth_of = space == `QMAC_SPACE_A ? A_ROWS[16:0] : space == `QMAC_SPACE_W ? W_ROWS[16:0]
		         : space == `QMAC_SPACE_ACC ? ACC_ROWS[16:0] : LUT_ROWS[16:0];
	endfunction

	// ---- the pipeline
	reg valid1_q, valid2_q;
	wire ready1 = !valid2_q || ready_i;
	wire take = valid_i && ready_o;

	assign ready_o = !valid1_q || ready1;
	assign valid_o = valid2_q;
	assign moves_o = take || (valid1_q && ready1) || (valid2_q && ready_i);

	always @(posedge clk_i) begin
		if (ready_o)
			valid1_q <= valid_i;
		if (ready1)
			valid2_q <= valid1_q;
		if (!rst_ni) begin
			valid1_q <= 1'b0;
			valid2_q <= 1'b0;
		end
	end

	// ---- stage 1: operation and reserved bits
	wire [31:0] opcode = {28'd0, command_i[`QMAC_COMMON_opcode]};
	wire [31:0] op = {27'd0, command_i[`QMAC_VEC_op]};
	wire [31:0] rnd = {30'd0, command_i[`QMAC_VEC_rnd]};
	wire [31:0] move_space = {30'd0, command_i[`QMAC_MOVE_space]};
	wire [31:0] dspace = {30'd0, command_i[`QMAC_VEC_dspace]};
	wire [31:0] s0space = {30'd0, command_i[`QMAC_VEC_s0space]};
	wire [31:0] s1space = {30'd0, command_i[`QMAC_VEC_s1space]};
	wire load = opcode == `QMAC_OPCODE_LOAD;
	wire store = opcode == `QMAC_OPCODE_STORE;
	wire gemm = opcode == `QMAC_OPCODE_GEMM;
	wire vec = opcode == `QMAC_OPCODE_VEC;
	wire sync = opcode == `QMAC_OPCODE_SYNC;
	wire os = {31'd0, command_i[`QMAC_GEMM_mode]} == `QMAC_MODE_OS;
	wire bad_opcode = !(load || store || gemm || vec || sync) ||
		(store && move_space != `QMAC_SPACE_ACC) ||
		(vec && (op > `QMAC_OP_AFFINE || (op != `QMAC_OP_EQ && rnd > `QMAC_ROUND_STOCHASTIC) ||
		         dspace > `QMAC_SPACE_ACC || s0space > `QMAC_SPACE_ACC ||
		         (op == `QMAC_OP_AFFINE && s1space == `QMAC_SPACE_IMM)));
	wire [511:0] used = `QMAC_COMMON_USED(command_i) |
		({512{load || store}} & `QMAC_MOVE_USED(command_i)) |
		({512{gemm}} & `QMAC_GEMM_USED(command_i)) | ({512{vec}} & `QMAC_VEC_USED(command_i));

	// ---- stage 1: counts and nests
	//        LOAD, STORE    GEMM                         VEC
	// 0      rows           A                            destination
	// 1      to the window  ws: ACC, os: W               src0
	// 2                     ws: k rows of W, os: of ACC  src1
	wire [15:0] n2 = vec ? 16'd1 : gemm ? command_i[`QMAC_GEMM_n2] : command_i[`QMAC_MOVE_n2];
	wire [15:0] n1 = vec ? command_i[`QMAC_VEC_n1] : gemm ? command_i[`QMAC_GEMM_n1]
	               : command_i[`QMAC_MOVE_n1];
	wire [15:0] n0 = vec ? command_i[`QMAC_VEC_n0] : gemm ? command_i[`QMAC_GEMM_n0]
	               : command_i[`QMAC_MOVE_n0];
	wire [15:0] last2 = n2 - 16'd1, last1 = n1 - 16'd1, last0 = n0 - 16'd1;

	wire [15:0] first0 = vec ? command_i[`QMAC_VEC_dst] : gemm ? command_i[`QMAC_GEMM_a]
	                   : command_i[`QMAC_MOVE_row];
	wire [47:0] strides0 = vec ? {16'd0, command_i[`QMAC_VEC_d1], command_i[`QMAC_VEC_d0]}
		: gemm ? {command_i[`QMAC_GEMM_as2], command_i[`QMAC_GEMM_as1], command_i[`QMAC_GEMM_as0]}
		: {command_i[`QMAC_MOVE_ds2], command_i[`QMAC_MOVE_ds1], command_i[`QMAC_MOVE_ds0]};
	wire [31:0] space0 = vec ? dspace : gemm ? `QMAC_SPACE_A : move_space;

	wire [47:0] lasts1 = vec || gemm ? {last2, last1, last0}
	                   : {16'd0, command_i[`QMAC_MOVE_lo1], command_i[`QMAC_MOVE_lo0]};
	wire [15:0] first1 = vec ? command_i[`QMAC_VEC_src0] : !gemm ? command_i[`QMAC_MOVE_row]
	                   : os ? command_i[`QMAC_GEMM_w] : command_i[`QMAC_GEMM_c];
	wire [47:0] strides1 = vec ? {16'd0, command_i[`QMAC_VEC_a1], command_i[`QMAC_VEC_a0]}
		: !gemm ? strides0
		: os ? {command_i[`QMAC_GEMM_ws2], command_i[`QMAC_GEMM_ws1], command_i[`QMAC_GEMM_ws0]}
		: {command_i[`QMAC_GEMM_cs2], command_i[`QMAC_GEMM_cs1], command_i[`QMAC_GEMM_cs0]};
	wire [31:0] space1 = vec ? s0space : os ? `QMAC_SPACE_W : `QMAC_SPACE_ACC;

	wire [15:0] first2 = vec ? command_i[`QMAC_VEC_src1] : os ? command_i[`QMAC_GEMM_c]
	                   : command_i[`QMAC_GEMM_w];
	wire [15:0] last_k = {9'd0, command_i[`QMAC_GEMM_k]} - 16'd1;
	wire [31:0] lasts2 = vec ? {last1, last0} : {16'd0, last_k};
	wire [31:0] strides2 = vec ? {command_i[`QMAC_VEC_b1], command_i[`QMAC_VEC_b0]} : {16'd0, 16'd1};
	wire [31:0] space2 = vec ? s1space : os ? `QMAC_SPACE_ACC : `QMAC_SPACE_W;
	wire has_nest2 = gemm || (vec && op != `QMAC_OP_LOOKUP && s1space != `QMAC_SPACE_IMM);

	wire [31:0] inner0, inner1, inner2, highest0, highest1, highest2;
	wire beyond0, beyond1, beyond2;

	qmac_check_nest nest0 (
		.clk_i(clk_i), .take_i(take), .last2_i(last2), .last1_i(last1), .last0_i(last0),
		.s2_i(strides0[47:32]), .s1_i(strides0[31:16]), .s0_i(strides0[15:0]), .first_i(first0), .depth_i(depth_of(space0)),
		.inner_o(inner0), .highest_o(highest0), .beyond_o(beyond0));
	qmac_check_nest nest1 (
		.clk_i(clk_i), .take_i(take), .last2_i(lasts1[47:32]), .last1_i(lasts1[31:16]), .last0_i(lasts1[15:0]),
		.s2_i(strides1[47:32]), .s1_i(strides1[31:16]), .s0_i(strides1[15:0]), .first_i(first1), .depth_i(depth_of(space1)),
		.inner_o(inner1), .highest_o(highest1), .beyond_o(beyond1));
	qmac_check_nest nest2 (
		.clk_i(clk_i), .take_i(take), .last2_i(16'd0), .last1_i(lasts2[31:16]), .last0_i(lasts2[15:0]),
		.s2_i(16'd0), .s1_i(strides2[31:16]), .s0_i(strides2[15:0]), .first_i(first2),
		.depth_i(depth_of(space2)), .inner_o(inner2), .highest_o(highest2),
		.beyond_o(beyond2));

	// ---- between the stages
	reg [511:0] held_q;
	reg bus_error_q, bad_opcode_q, reserved_q, has_nest1_q, has_nest2_q;
	reg move_q, store_q, gemm_q, vec_q, sync_q;
	reg [1:0] engine_q;
	reg [31:0] inner_count_q; // n1 * n0
	reg [15:0] n2_q;
	reg [63:0] ready_time_q;
	wire [31:0] engine = load ? `QMAC_ENGINE_LOAD : store ? `QMAC_ENGINE_STORE
	                   : gemm || vec ? `QMAC_ENGINE_EXECUTE : `QMAC_ENGINE_CONTROL;

	always @(posedge clk_i)
		if (take) begin
			held_q <= command_i;
			bus_error_q <= bus_error_i;
			bad_opcode_q <= bad_opcode;
			reserved_q <= (command_i & ~used) != 512'd0;
			has_nest1_q <= gemm || vec;
			has_nest2_q <= has_nest2;
			move_q <= load || store;
			store_q <= store;
			gemm_q <= gemm;
			vec_q <= vec;
			sync_q <= sync;
			engine_q <= engine[1:0];
			inner_count_q <= {16'd0, n1} * {16'd0, n0};
			n2_q <= n2;
			ready_time_q <= ready_time_i;
		end

	// ---- stage 2
	// Of a product of the inner counts above 2^17 the rest does not matter.
	wire [32:0] slots = {16'd0, inner_count_q[16:0]} * {17'd0, n2_q};
	wire bad_count = slots == 33'd0 || slots > {1'b0, `QMAC_LOOP_LIMIT} || inner_count_q > `QMAC_LOOP_LIMIT;
	wire [47:0] window_address;
	wire move_width, move_range, move_align, move_address, vec_width, vec_range, vec_hazard;

	qmac_check_move #(.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS)) move (
		.clk_i(clk_i), .take_i(take), .command_i(command_i), .held_i(held_q), .mem_base_i(mem_base_i),
		.mem_size_i(mem_size_i), .first_o(window_address), .width_o(move_width), .range_o(move_range), .align_o(move_align),
		.address_o(move_address));
	qmac_check_vec #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.ACC_DEPTH(ACC_DEPTH), .LUT_BITS(LUT_BITS)
	) vector (
		.held_i(held_q), .d_highest_i(highest0), .a_highest_i(highest1), .b_highest_i(highest2),
		.d_inner_i(inner0), .width_o(vec_width), .range_o(vec_range), .hazard_o(vec_hazard));

	wire [6:0] k = held_q[`QMAC_GEMM_k], n = held_q[`QMAC_GEMM_n];
	wire held_os = {31'd0, held_q[`QMAC_GEMM_mode]} == `QMAC_MODE_OS;
	wire gemm_range = k == 7'd0 || k > ROW_COUNT[6:0] || n == 7'd0 || n > COL_COUNT[6:0] ||
		{1'b0, held_q[`QMAC_GEMM_acc_shift]} >= SUM_BITS[6:0] || (held_os && slots > {16'd0, OS_SLOTS[16:0]});
	wire row_range = beyond0 || (has_nest1_q && beyond1) || (has_nest2_q && beyond2);
	wire bad_width = (move_q && move_width) || (vec_q && vec_width);
	wire bad_range = !sync_q && (bad_count || row_range || (move_q && move_range) ||
		(gemm_q && gemm_range) || (vec_q && vec_range));
	wire [31:0] fault = bus_error_q ? `QMAC_FAULT_BUS
		: bad_opcode_q ? `QMAC_FAULT_OPCODE
		: reserved_q ? `QMAC_FAULT_RESERVED
		: bad_width ? `QMAC_FAULT_WIDTH
		: bad_range ? `QMAC_FAULT_RANGE
		: move_q && move_align ? `QMAC_FAULT_ALIGN
		: vec_q && vec_hazard ? `QMAC_FAULT_HAZARD
		: move_q && move_address ? `QMAC_FAULT_ADDRESS : `QMAC_FAULT_NONE;

	reg [511:0] command_q;
	reg [47:0] base_q;
	reg [15:0] row_q;

	always @(posedge clk_i)
		if (ready1) begin
			command_q <= held_q;
			base_q <= move_q ? window_address : {held_q[`QMAC_MOVE_base_hi], held_q[`QMAC_MOVE_base]};
			row_q <= store_q ? highest1[15:0] : held_q[`QMAC_MOVE_row];
			fault_o <= fault[3:0];
			engine_o <= engine_q;
			slots_o <= sync_q ? 17'd1 : slots[16:0];
			ready_time_o <= ready_time_q;
		end

	assign command_o = {command_q[511:160], row_q, base_q, command_q[95:0]};

	wire unused = &{1'b0, fault, engine, slots, inner1, inner2, command_q};
endmodule
