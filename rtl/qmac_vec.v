// VEC: rows of two sources through one operation, a reduction and a finishing tail into a row.
//
// The pipeline of docs/rtl.md, "VEC": rows asked in cycle c are through the lanes in c + 5, reduced in
// c + 7 (with red_lanes and all that follows clog2(LANES) cycles later) and written in c + 10. Bits that
// say what is on its way move along; bit i belongs to the rows asked i cycles ago.
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
	output wire [6:0]                    vec_mults_o,
	output wire [6:0]                    lut_reads_o,
	output wire [15:0]                   requant_saturations_o // the last in the cycle after retire_o
);
	localparam SOURCE_BITS = ACC_BITS > 32 ? ACC_BITS : 32;
	localparam PHASE_BITS = LUT_CYCLES > 2 ? $clog2(LUT_CYCLES) : 1;
	localparam TREE = $clog2(LANES);
	localparam END = `QMAC_VEC_LATENCY;

	// ---- the command, its loops
	reg busy_q;
	wire start = start_valid_i && start_ready_o;
	wire [511:64] command;
	wire begins, split, enter, row, first, wrap, last;
	wire [PHASE_BITS-1:0] phase;

	assign start_ready_o = !busy_q;
	assign busy_o = busy_q;

	always @(posedge clk_i)
		busy_q <= rst_ni && (start || (busy_q && !retire_o));

	qmac_vec_sequencer #(
		.A_DEPTH(A_DEPTH), .W_DEPTH(W_DEPTH), .ACC_DEPTH(ACC_DEPTH), .GROUPS(LUT_CYCLES)
	) sequencer (
		.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start), .command_i(command_i), .command_o(command),
		.begin_o(begins), .read0_o(read0_o), .read0_row_o(read0_row_o), .read1_o(read1_o),
		.read1_row_o(read1_row_o), .split_o(split), .enter_o(enter), .phase_o(phase), .row_o(row),
		.first_o(first), .wrap_o(wrap), .last_o(last));

	wire [4:0] op = command[`QMAC_VEC_op];
	wire lookup = {27'd0, op} == `QMAC_OP_LOOKUP;
	wire red_rows = command[`QMAC_VEC_red_rows];
	wire red_lanes = command[`QMAC_VEC_red_lanes];
	wire [6:0] lanes = command[`QMAC_VEC_lanes];
	wire [17:0] mult = command[`QMAC_VEC_mult];
	wire [5:0] l0 = command[`QMAC_VEC_l0];
	wire [11:0] lut_base = command[`QMAC_VEC_lut_base];
	wire [LANES-1:0] used = ~({LANES{1'b1}} << lanes);
	wire multiplies = {27'd0, op} == `QMAC_OP_MUL || lookup || mult[17:1] != 17'd0;

	assign vec_mults_o = row && multiplies ? lanes : 7'd0;
	assign lut_reads_o = row && lookup ? lanes : 7'd0;

	// ---- what is on its way: rows of sources, and of them those that a result is written for
	reg [5:1] row_q, first_q;
	reg [END+TREE:1] write_q, wrap_q, last_q;

	always @(posedge clk_i) begin
		row_q <= {row_q[4:1], row};
		first_q <= {first_q[4:1], first || !red_rows};
		write_q <= {write_q[END+TREE-1:1], row && (wrap || !red_rows)};
		wrap_q <= {wrap_q[END+TREE-1:1], wrap};
		last_q <= {last_q[END+TREE-1:1], last};
		if (!rst_ni || start) begin // bits behind the end of a command without red_lanes are left from it
			row_q <= 5'd0;
			write_q <= {END+TREE{1'b0}};
		end
	end

	// Behind the tree of red_lanes.
	wire [END:1] write = red_lanes ? write_q[END+TREE:TREE+1] : write_q[END:1];
	wire [END:1] write_wrap = red_lanes ? wrap_q[END+TREE:TREE+1] : wrap_q[END:1];

	assign retire_o = write[END] && (red_lanes ? last_q[END+TREE] : last_q[END]);

	// ---- sources
	wire [LANES*SOURCE_BITS-1:0] source0, source1, a;
	reg [LANES*SOURCE_BITS-1:0] held_q; // src0, when src1 has been read from the same bank after it
	reg split_q, enter_q;
	reg [PHASE_BITS-1:0] group_q, index_group_q;

	qmac_vec_source #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS)
	) src0 (
		.space_i(command[`QMAC_VEC_s0space]), .unsigned_i(command[`QMAC_VEC_s0_unsigned]), .imm_i(32'd0),
		.a_data_i(a_data0_i), .w_data_i(w_data0_i), .acc_data_i(acc_data0_i), .lanes_o(source0));
	qmac_vec_source #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS)
	) src1 (
		.space_i(command[`QMAC_VEC_s1space]), .unsigned_i(command[`QMAC_VEC_s1_unsigned]),
		.imm_i(command[`QMAC_VEC_imm]), .a_data_i(a_data1_i), .w_data_i(w_data1_i),
		.acc_data_i(acc_data1_i), .lanes_o(source1));

	always @(posedge clk_i) begin
		split_q <= split;
		if (split)
			held_q <= source0;
		enter_q <= rst_ni && enter;
		group_q <= phase;
		index_group_q <= group_q;
	end

	assign a = split_q ? held_q : source0;

	// ---- lanes: in a lookup lane j is in group j / LUT_WORDS and has port j % LUT_WORDS
	wire [LUT_CYCLES*LUT_WORDS*LUT_BITS-1:0] index; // by lane
	wire [64*LANES-1:0] x, reduced;
	wire [2*LANES-1:0] events;
	wire [LANES-1:0] sum_saturated, result_saturated;

	genvar j;
	generate
		for (j = 0; j < LUT_CYCLES * LUT_WORDS; j = j + 1) begin : lane
			if (j < LANES) begin : real_lane
				localparam [31:0] GROUP = j / LUT_WORDS;
				qmac_vec_lane #(.ACC_BITS(ACC_BITS), .LUT_BITS(LUT_BITS)) lane (
					.clk_i(clk_i), .valid_i(enter_q && (!lookup || group_q == GROUP[PHASE_BITS-1:0])),
					.a_i(a[j*SOURCE_BITS +: SOURCE_BITS]), .b_i(source1[j*SOURCE_BITS +: SOURCE_BITS]),
					.op_i(op[2:0]), .l0_i(l0[4:0]), .mult_i(mult),
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
		.clk_i(clk_i), .valid_i(row_q[5]), .first_i(first_q[5]), .x_i(x), .op_i(op[2:0]),
		.red_lanes_i(red_lanes), .used_i(used), .x_o(reduced), .saturated_o(sum_saturated));

	qmac_vec_write #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS)
	) result (
		.clk_i(clk_i), .begin_i(begins), .command_i(command), .used_i(used), .row_key_i(write[3]),
		.row_key_wrap_i(write_wrap[3]), .channel_i(write[6]), .channel_wrap_i(write_wrap[6]),
		.run_i(write[9:6]), .write_i(write[END]), .write_wrap_i(write_wrap[END]), .x_i(reduced),
		.saturated_o(result_saturated), .row_o(write_row_o), .a_write_o(a_write_o), .a_data_o(a_data_o),
		.w_write_o(w_write_o), .w_data_o(w_data_o), .acc_write_o(acc_write_o), .acc_data_o(acc_data_o));

	// ---- saturations of the lanes used: of elements, reduced sums and results
	reg [7:0] element_count, element_count_q;
	reg [6:0] sum_count, sum_count_q, result_count, result_count_q;

	always @* begin : count
		integer i;

		element_count = 8'd0;
		sum_count = 7'd0;
		result_count = 7'd0;
		for (i = 0; i < LANES; i = i + 1)
			if (used[i]) begin
				element_count = element_count + {6'd0, events[2*i +: 2]};
				sum_count = sum_count + {6'd0, sum_saturated[i]};
				result_count = result_count + {6'd0, result_saturated[i]};
			end
	end

	always @(posedge clk_i) begin
		element_count_q <= row_q[5] && rst_ni ? element_count : 8'd0;
		sum_count_q <= write[7] && rst_ni ? sum_count : 7'd0;
		result_count_q <= write[END] && rst_ni ? result_count : 7'd0;
	end

	assign requant_saturations_o = {8'd0, element_count_q} + {9'd0, sum_count_q} + {9'd0, result_count_q};

	wire unused = &{1'b0, command, op[4:3], l0[5], lut_base, write, write_wrap};
endmodule
