// VEC: rows of two sources through one operation, a reduction and a finishing tail into a row.
//
// The pipeline of docs/rtl.md, "VEC": rows asked in cycle c are through the lanes in c + 7, reduced in
// c + 9 (with red_lanes and all that follows clog2(LANES) cycles later) and written in c + 12. Bits that
// say what is on its way move along; bit i belongs to the rows asked i cycles ago. Rows of coefficients
// and the cycles of sums travel like rows of an iteration.
//
// The cycles of a lookup follow from COLS. A source row of A may have more lanes than that; the table
// then has more ports than LUT_PORTS.
`default_nettype none
`include "qmac_isa.vh"

module qmac_vec #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	parameter LUT_BITS = 8,
	parameter LUT_PORTS = 1,
	parameter LANES = ROWS > COLS ? ROWS : COLS,                       // derived
	parameter LUT_CYCLES = (COLS + LUT_PORTS - 1) / LUT_PORTS,         // derived: of a lookup iteration
	parameter LUT_LEAST = (LANES + LUT_CYCLES - 1) / LUT_CYCLES,       // derived
	parameter LUT_WORDS = LUT_LEAST > LUT_PORTS ? LUT_LEAST : LUT_PORTS // derived: read in a cycle
) (
	input  wire                          clk_i,
	input  wire                          rst_ni,
	input  wire                          start_valid_i,
	output wire                          start_ready_o, // from the cycle after retire_o on
	input  wire [511:64]                 command_i,
	input  wire [6:0]                    monitor_i,
	output wire                          retire_o,
	output wire                          busy_o,        // start < cycle <= retire
	// source rows, one-hot A, W, ACC; data in the next cycle, kept until the bank's next request
	output wire [2:0]                    read0_o,
	output wire [15:0]                   read0_row_o,
	output wire [2:0]                    read1_o,
	output wire [15:0]                   read1_row_o,
	input  wire [ROWS*A_BITS-1:0]        a_data0_i,
	input  wire [COLS*W_BITS-1:0]        w_data0_i,
	input  wire [COLS*ACC_BITS-1:0]      acc_data0_i,
	input  wire [ROWS*A_BITS-1:0]        a_data1_i,
	input  wire [COLS*W_BITS-1:0]        w_data1_i,
	input  wire [COLS*ACC_BITS-1:0]      acc_data1_i,
	// the destination row
	output wire [15:0]                   write_row_o,
	output wire [ROWS-1:0]               a_write_o,
	output wire [ROWS*A_BITS-1:0]        a_data_o,
	output wire [COLS-1:0]               w_write_o,
	output wire [COLS*W_BITS-1:0]        w_data_o,
	output wire [COLS-1:0]               acc_write_o,
	output wire [COLS*ACC_BITS-1:0]      acc_data_o,
	// the table; words in the next cycle
	output wire [LUT_WORDS*LUT_BITS-1:0] lut_index_o,
	input  wire [LUT_WORDS*32-1:0]       lut_word_i,
	// increments of counters
	output wire [7:0]                    vec_mults_o,
	output wire [6:0]                    lut_reads_o,
	output wire [15:0]                   requant_saturations_o, // the last in the cycle after retire_o
	// with retire_o
	output wire [6:0]                    monitor_o,
	output wire [31:0]                   magnitudes_o
);
	localparam SOURCE_BITS = ACC_BITS > 32 ? ACC_BITS : 32;
	localparam PHASE_BITS = LUT_CYCLES > 2 ? $clog2(LUT_CYCLES) : 1;
	localparam TREE = $clog2(LANES);
	localparam END = `QMAC_VEC_LATENCY;
	localparam [31:0] ACC = `QMAC_SPACE_ACC;
	localparam [LANES-1:0] NONE = 0;

	// ---- the command, its loops
	reg busy_q;
	reg [6:0] monitor_q;
	wire start = start_valid_i && start_ready_o;
	wire [511:64] command;
	wire begins, split, enter, both, held, keep, row, first, wrap, last, sum, has_sum;
	wire [2:0] coef;
	wire [PHASE_BITS-1:0] phase;

	assign start_ready_o = !busy_q;
	assign busy_o = busy_q;

	always @(posedge clk_i) begin
		busy_q <= rst_ni && (start || (busy_q && !retire_o));
		if (start)
			monitor_q <= monitor_i;
	end

	qmac_vec_sequencer #(
		.A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH), .ACC_DEPTH(ACC_DEPTH), .GROUPS(LUT_CYCLES)
	) sequencer (
		.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start), .command_i(command_i), .command_o(command),
		.begin_o(begins), .read0_o(read0_o), .read0_row_o(read0_row_o), .read1_o(read1_o),
		.read1_row_o(read1_row_o), .split_o(split), .enter_o(enter), .phase_o(phase), .both_o(both),
		.held_o(held), .keep_o(keep), .coef_o(coef), .sum_o(sum), .has_sum_o(has_sum), .row_o(row),
		.first_o(first), .wrap_o(wrap), .last_o(last));

	wire [4:0] op = command[`QMAC_VEC_op];
	wire lookup = {27'd0, op} == `QMAC_OP_LOOKUP;
	wire affine = {27'd0, op} == `QMAC_OP_AFFINE;
	wire red_rows = command[`QMAC_VEC_red_rows];
	wire red_lanes = command[`QMAC_VEC_red_lanes];
	wire [6:0] lanes = command[`QMAC_VEC_lanes];
	wire [17:0] mult = command[`QMAC_VEC_mult];
	wire [5:0] l0 = command[`QMAC_VEC_l0];
	wire [11:0] lut_base = command[`QMAC_VEC_lut_base];
	wire [LANES-1:0] used = ~({LANES{1'b1}} << lanes);
	wire multiplies = {27'd0, op} == `QMAC_OP_MUL || lookup || mult[17:1] != 17'd0;

	assign vec_mults_o = row && affine ? {lanes, 1'b0} : row && multiplies ? {1'b0, lanes} : 8'd0;
	assign lut_reads_o = row && lookup ? lanes : 7'd0;

	// ---- what is on its way: rows of sources, and of coefficients; of the first those that a result is
	// written for; cycles of sums; the end
	reg [7:1] row_q, first_q, coef_row_q;
	reg [END+TREE:1] write_q, wrap_q, last_q;
	reg [END:1] sum_q; // never with red_lanes

	always @(posedge clk_i) begin
		row_q <= {row_q[6:1], row};
		first_q <= {first_q[6:1], first || !red_rows};
		coef_row_q <= {coef_row_q[6:1], coef != 3'b000};
		write_q <= {write_q[END+TREE-1:1], row && (wrap || !red_rows)};
		wrap_q <= {wrap_q[END+TREE-1:1], wrap};
		last_q <= {last_q[END+TREE-1:1], last};
		sum_q <= {sum_q[END-1:1], sum};
		if (!rst_ni || start) begin // bits behind the end of a command without red_lanes are left from it
			row_q <= 7'd0;
			coef_row_q <= 7'd0;
			write_q <= {END+TREE{1'b0}};
			last_q <= {END+TREE{1'b0}};
			sum_q <= {END{1'b0}};
		end
	end

	// Behind the tree of red_lanes.
	wire [END:1] write = red_lanes ? write_q[END+TREE:TREE+1] : write_q[END:1];
	wire [END:1] write_wrap = red_lanes ? wrap_q[END+TREE:TREE+1] : wrap_q[END:1];

	assign retire_o = red_lanes ? last_q[END+TREE] : last_q[END];

	// ---- sources
	wire [LANES*SOURCE_BITS-1:0] source0, source1, a, b;
	reg [LANES*SOURCE_BITS-1:0] held0_q; // src0, when src1 has been read from the same bank after it
	reg [LANES*SOURCE_BITS-1:0] held1_q; // src1 of the first iteration, where it serves all of an i1
	reg split_q, both_q, held_q, keep_q, enter_q;
	reg [2:0] coef_q;
	reg [PHASE_BITS-1:0] group_q, index_group_q;

	qmac_vec_source #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS)
	) src0 (
		.space_i(command[`QMAC_VEC_s0space]), .unsigned_i(command[`QMAC_VEC_s0_unsigned]), .imm_i(32'd0),
		.a_data_i(a_data0_i), .w_data_i(w_data0_i), .acc_data_i(acc_data0_i), .lanes_o(source0));
	qmac_vec_source #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS)
	) src1 (
		.space_i(coef_q != 3'b000 ? ACC[1:0] : command[`QMAC_VEC_s1space]),
		.unsigned_i(command[`QMAC_VEC_s1_unsigned]), .imm_i(command[`QMAC_VEC_imm]),
		.a_data_i(both_q ? a_data0_i : a_data1_i), .w_data_i(both_q ? w_data0_i : w_data1_i),
		.acc_data_i(both_q ? acc_data0_i : acc_data1_i), .lanes_o(source1));

	always @(posedge clk_i) begin
		split_q <= split;
		both_q <= both && coef == 3'b000;
		held_q <= held;
		keep_q <= keep;
		coef_q <= coef;
		if (split)
			held0_q <= source0;
		if (keep_q)
			held1_q <= source1;
		enter_q <= rst_ni && (enter || coef != 3'b000);
		group_q <= phase;
		index_group_q <= group_q;
	end

	assign a = split_q ? held0_q : source0;
	assign b = held_q ? held1_q : source1;

	// ---- lanes: in a lookup lane j is in group j / LUT_WORDS and has port j % LUT_WORDS
	wire [LUT_CYCLES*LUT_WORDS*LUT_BITS-1:0] index; // by lane
	wire [64*LANES-1:0] x, reduced;
	wire [2*LANES-1:0] events;
	wire [LANES-1:0] reduced_saturated, result_saturated;

	genvar j;
	generate
		for (j = 0; j < LUT_CYCLES * LUT_WORDS; j = j + 1) begin : lane
			if (j < LANES) begin : real_lane
				localparam [31:0] GROUP = j / LUT_WORDS;
				qmac_vec_lane #(.ACC_BITS(ACC_BITS), .LUT_BITS(LUT_BITS)) lane (
					.clk_i(clk_i), .valid_i(enter_q && (!lookup || group_q == GROUP[PHASE_BITS-1:0])),
					.coef_i(coef_q), .a_i(a[j*SOURCE_BITS +: SOURCE_BITS]),
					.b_i(b[j*SOURCE_BITS +: SOURCE_BITS]), .op_i(op[3:0]), .l0_i(l0[4:0]), .mult_i(mult),
					.in_bits_i(command[`QMAC_VEC_in_bits]), .lut_n_i(command[`QMAC_VEC_lut_n]),
					.index_o(index[j*LUT_BITS +: LUT_BITS]), .word_i(lut_word_i[j%LUT_WORDS*32 +: 32]),
					.x_o(x[64*j +: 64]), .events_o(events[2*j +: 2]));
			end else begin : no_lane
				assign index[j*LUT_BITS +: LUT_BITS] = {LUT_BITS{1'b0}};
			end
		end
		for (j = 0; j < LUT_WORDS; j = j + 1) begin : port
			assign lut_index_o[j*LUT_BITS +: LUT_BITS] = lut_base[LUT_BITS-1:0]
				+ index[(index_group_q*LUT_WORDS + j)*LUT_BITS +: LUT_BITS];
		end
	endgenerate

	// ---- reduction, result
	qmac_reduce #(.LANES(LANES)) reduce (
		.clk_i(clk_i), .valid_i(row_q[7]), .first_i(first_q[7]), .x_i(x), .op_i(op[2:0]),
		.red_lanes_i(red_lanes), .used_i(used), .x_o(reduced), .saturated_o(reduced_saturated));

	qmac_vec_write #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS)
	) result (
		.clk_i(clk_i), .begin_i(begins), .command_i(command), .monitored_i(monitor_q != 7'd0),
		.has_sum_i(has_sum), .used_i(used), .row_key_i(write[5]), .row_key_wrap_i(write_wrap[5]),
		.channel_i(write[8]), .channel_wrap_i(write_wrap[8]), .run_i(write[11:8]), .write_i(write[END]),
		.write_wrap_i(write_wrap[END]), .sum_i(sum_q[END]), .x_i(reduced), .saturated_o(result_saturated),
		.magnitudes_o(magnitudes_o), .row_o(write_row_o), .a_write_o(a_write_o), .a_data_o(a_data_o),
		.w_write_o(w_write_o), .w_data_o(w_data_o), .acc_write_o(acc_write_o), .acc_data_o(acc_data_o));

	assign monitor_o = monitor_q;

	// ---- saturations of the lanes used: of coefficients, elements, reduced values, results and sums. Those
	// of a result are the last, and come in the cycle after it is written.
	wire [6:0] entered, elements, reductions, results;
	reg [LANES-1:0] entered_flags, element_flags;

	always @* begin : flags
		integer i;

		for (i = 0; i < LANES; i = i + 1) begin
			element_flags[i] = events[2*i + 1];
			entered_flags[i] = events[2*i];
		end
	end

	qmac_count #(.FLAGS(LANES)) count_entered (
		.clk_i(clk_i), .flags_i(rst_ni && (row_q[7] || coef_row_q[7]) ? entered_flags & used : NONE),
		.count_o(entered));
	qmac_count #(.FLAGS(LANES)) count_elements (
		.clk_i(clk_i), .flags_i(rst_ni && row_q[7] ? element_flags & used : NONE), .count_o(elements));
	qmac_count #(.FLAGS(LANES)) count_reductions (
		.clk_i(clk_i), .flags_i(rst_ni && write[9] ? reduced_saturated & used : NONE),
		.count_o(reductions));
	qmac_count #(.FLAGS(LANES)) count_results (
		.clk_i(clk_i), .flags_i(rst_ni && (write[END] || sum_q[END]) ? result_saturated & used : NONE),
		.count_o(results));

	assign requant_saturations_o = {9'd0, entered} + {9'd0, elements} + {9'd0, reductions} + {9'd0, results};

	wire unused = &{1'b0, ACC[31:2], command, op[4], l0[5], lut_base, write, write_wrap, sum_q};
endmodule
