// The sequencer of GEMM: which row of A, W and ACC, and which control, in every slot.
//
// Slot p is addressed in cycle p + 1; operands and controls enter the array in cycle p + 2. A command
// is taken in cycle `load` of docs/timing.md and waits (pending_q), its weights being preloaded, until
// its first slot may come: the stream before has ended, and so has, when the results arrive, the output
// of the pass before. That is the recurrence of docs/timing.md; see can_begin.
`default_nettype none
`include "qmac_isa.vh"

module qmac_gemm #(
	parameter ROWS = 8,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	parameter PLACE_BITS = ACC_DEPTH > 4 ? $clog2(ACC_DEPTH / 2) + 1 : 2, // of ACC
	parameter SLOT_BITS = PLACE_BITS + 18
) (
	input  wire                          clk_i,
	input  wire                          rst_ni,
	input  wire                          command_valid_i,
	output wire                          command_ready_o,
	input  wire [359:96]                 command_i,   // descriptor words of GEMM
	input  wire [16:0]                   slots_i,     // n2 * n1 * n0
	// requests in the slot
	output wire                          a_read_o,
	output wire [6:0]                    a_used_o,    // lanes of that row in use: k
	output wire [$clog2(A_DEPTH)-1:0]    a_row_o,
	output wire                          w_read_o,
	output wire [$clog2(W_DEPTH)-1:0]    w_row_o,
	output wire [12:0]                   macs_o,      // products of this slot: k * n
	// controls of row 0 and column 0, with the data
	output reg  [6:0]                    k_o,
	output reg  [6:0]                    n_o,         // in a preload: of the pass to come
	output reg                           a_unsigned_o,
	output reg                           w_unsigned_o,
	output reg                           os_o,
	output reg                           begin_o,
	output reg                           copy_o,
	output reg                           capture_o,
	// {last, valid, repeat, os, accumulate, shift, n, place}, with the sums of column 0
	output reg  [SLOT_BITS-1:0]          acc_slot_o
);
	localparam RING_BITS = ROWS > 1 ? $clog2(ROWS) : 1;
	localparam [31:0] ROW_COUNT = ROWS;
	localparam [31:0] RING_LAST = ROWS - 1;

	// ---- the pending command
	reg pending_q;
	reg [359:96] command_q;
	reg [16:0] slots_q;
	reg [12:0] macs_q;
	reg [6:0] preload_left_q;
	reg [15:0] preload_row_q;

	wire pending_os = command_q[`QMAC_GEMM_mode];
	wire can_begin;

	assign command_ready_o = !pending_q || can_begin;

	// ---- the stream: the command whose slots go out
	reg run_q;              // more slots follow the first
	reg [16:0] left_q;      // this one included
	reg [359:96] stream_q;  // its command
	reg [12:0] stream_macs_q;
	reg [15:0] i0_q, i1_q;
	reg [15:0] a_q, a1_q, a2_q; // row of the slot before; of its i0 = 0; of its i1 = i0 = 0
	reg [15:0] b_q, b1_q, b2_q; // ws: ACC rows, os: W rows

	wire stream_os = stream_q[`QMAC_GEMM_mode];
	wire [359:96] now = can_begin ? command_q : stream_q; // the command of this slot
	wire now_os = now[`QMAC_GEMM_mode];
	wire slot_valid = can_begin || run_q;
	wire last_slot = can_begin ? slots_q == 17'd1 : run_q && left_q == 17'd1;

	wire wrap0 = i0_q == stream_q[`QMAC_GEMM_n0] - 16'd1;
	wire wrap1 = i1_q == stream_q[`QMAC_GEMM_n1] - 16'd1;
	wire [15:0] bs0 = stream_os ? stream_q[`QMAC_GEMM_ws0] : stream_q[`QMAC_GEMM_cs0];
	wire [15:0] bs1 = stream_os ? stream_q[`QMAC_GEMM_ws1] : stream_q[`QMAC_GEMM_cs1];
	wire [15:0] bs2 = stream_os ? stream_q[`QMAC_GEMM_ws2] : stream_q[`QMAC_GEMM_cs2];
	wire [15:0] a_next = !wrap0 ? a_q + stream_q[`QMAC_GEMM_as0]
	                   : !wrap1 ? a1_q + stream_q[`QMAC_GEMM_as1] : a2_q + stream_q[`QMAC_GEMM_as2];
	wire [15:0] b_next = !wrap0 ? b_q + bs0 : !wrap1 ? b1_q + bs1 : b2_q + bs2;
	wire [15:0] a_row = can_begin ? command_q[`QMAC_GEMM_a] : a_next;
	wire [15:0] b_row = !can_begin ? b_next : pending_os ? command_q[`QMAC_GEMM_w] : command_q[`QMAC_GEMM_c];
	wire preload = pending_q && !pending_os && preload_left_q != 7'd0 && !(run_q && stream_os);

	assign a_read_o = slot_valid;
	assign a_used_o = now[`QMAC_GEMM_k];
	assign a_row_o = a_row[$clog2(A_DEPTH)-1:0];
	assign w_read_o = preload || (slot_valid && now_os);
	assign w_row_o = preload ? preload_row_q[$clog2(W_DEPTH)-1:0] : b_row[$clog2(W_DEPTH)-1:0];
	assign macs_o = !slot_valid ? 13'd0 : can_begin ? macs_q : stream_macs_q;

	// ---- when the next pass may begin
	// Slots, this one included, in which column 0 still delivers results of earlier passes. Counted from
	// the end of a stream on; before it no pass begins anyway.
	reg [7:0] output_left_q;

	assign can_begin = pending_q && !run_q &&
		(pending_os ? {9'd0, output_left_q} <= slots_q + 17'd1
		            : preload_left_q == 7'd0 && output_left_q <= ROW_COUNT[7:0]);

	always @(posedge clk_i) begin
		if (command_valid_i && command_ready_o) begin
			pending_q <= 1'b1;
			command_q <= command_i;
			slots_q <= slots_i;
			macs_q <= {6'd0, command_i[`QMAC_GEMM_k]} * {6'd0, command_i[`QMAC_GEMM_n]};
			preload_left_q <= command_i[`QMAC_GEMM_k];
			preload_row_q <= command_i[`QMAC_GEMM_w];
		end else begin
			if (can_begin)
				pending_q <= 1'b0;
			if (preload) begin
				preload_left_q <= preload_left_q - 7'd1;
				preload_row_q <= preload_row_q + 16'd1;
			end
		end
		if (can_begin) begin
			stream_q <= command_q;
			stream_macs_q <= macs_q;
		end
		if (slot_valid) begin
			run_q <= !last_slot;
			left_q <= (can_begin ? slots_q : left_q) - 17'd1;
			i0_q <= can_begin || wrap0 ? 16'd0 : i0_q + 16'd1;
			if (can_begin || wrap0)
				i1_q <= can_begin || wrap1 ? 16'd0 : i1_q + 16'd1;
			a_q <= a_row;
			b_q <= b_row;
			if (can_begin || wrap0) begin
				a1_q <= a_row;
				b1_q <= b_row;
			end
			if (can_begin || (wrap0 && wrap1)) begin
				a2_q <= a_row;
				b2_q <= b_row;
			end
		end
		if (last_slot)
			output_left_q <= now_os ? {now[`QMAC_GEMM_k], 1'b0} : ROW_COUNT[7:0];
		else if (output_left_q != 8'd0)
			output_left_q <= output_left_q - 8'd1;
		if (!rst_ni) begin
			pending_q <= 1'b0;
			run_q <= 1'b0;
			output_left_q <= 8'd0;
		end
	end

	// ---- controls, registered as the scratchpads register the data
	reg copy_q; // this slot is the one after an os pass

	always @(posedge clk_i) begin
		copy_q <= rst_ni && last_slot && now_os;
		k_o <= rst_ni && slot_valid ? now[`QMAC_GEMM_k] : 7'd0;
		n_o <= preload ? command_q[`QMAC_GEMM_n] : now[`QMAC_GEMM_n];
		a_unsigned_o <= now[`QMAC_GEMM_a_unsigned];
		w_unsigned_o <= preload ? command_q[`QMAC_GEMM_w_unsigned] : now[`QMAC_GEMM_w_unsigned];
		os_o <= slot_valid && now_os;
		begin_o <= can_begin;
		copy_o <= copy_q;
		capture_o <= preload && preload_left_q == command_q[`QMAC_GEMM_k];
	end

	// ---- results of ws: ROWS slots later, by a ring of that many entries
	wire [PLACE_BITS-1:0] ws_place;
	wire [PLACE_BITS+14:0] ws_slot = {last_slot, now[`QMAC_GEMM_accumulate], now[`QMAC_GEMM_acc_shift],
	                                  now[`QMAC_GEMM_n], ws_place};
	reg [PLACE_BITS+14:0] ring [0:ROWS-1];
	reg [ROWS-1:0] ring_valid_q;
	reg [RING_BITS-1:0] ring_at_q;
	wire [ROWS:0] ring_valid = {slot_valid && !now_os, ring_valid_q};
	wire [PLACE_BITS+14:0] ring_slot = ring[ring_at_q];

	qmac_bank #(.DEPTH(ACC_DEPTH)) ws_bank (.row_i(b_row[$clog2(ACC_DEPTH)-1:0]), .place_o(ws_place));

	always @(posedge clk_i) begin
		ring_at_q <= !rst_ni || ring_at_q == RING_LAST[RING_BITS-1:0] ? {RING_BITS{1'b0}} : ring_at_q + 1'b1;
		ring_valid_q <= rst_ni ? ring_valid[ROWS:1] : {ROWS{1'b0}};
		ring[ring_at_q] <= ws_slot;
	end

	// ---- results of os: from the slot after the copy on, a row every other slot
	reg [6:0] os_left_q;
	reg os_now_q;
	reg [15:0] os_row_q;
	reg os_accumulate_q;
	reg [5:0] os_shift_q;
	reg [6:0] os_n_q;
	wire [PLACE_BITS-1:0] os_place;
	wire os_valid = os_now_q && os_left_q != 7'd0;

	qmac_bank #(.DEPTH(ACC_DEPTH)) os_bank (.row_i(os_row_q[$clog2(ACC_DEPTH)-1:0]), .place_o(os_place));

	always @(posedge clk_i) begin
		os_now_q <= copy_q || !os_now_q;
		if (copy_q) begin
			os_left_q <= stream_q[`QMAC_GEMM_k];
			os_row_q <= stream_q[`QMAC_GEMM_c];
			os_accumulate_q <= stream_q[`QMAC_GEMM_accumulate];
			os_shift_q <= stream_q[`QMAC_GEMM_acc_shift];
			os_n_q <= stream_q[`QMAC_GEMM_n];
		end else if (os_valid) begin
			os_left_q <= os_left_q - 7'd1;
			os_row_q <= os_row_q + 16'd1;
		end
		if (!rst_ni)
			os_left_q <= 7'd0;
	end

	wire [PLACE_BITS+14:0] os_slot = {os_left_q == 7'd1, os_accumulate_q, os_shift_q, os_n_q, os_place};
	wire [PLACE_BITS+14:0] slot = os_valid ? os_slot : ring_slot;
	wire valid = rst_ni && (os_valid || ring_valid[0]);
	wire repeated = slot[PLACE_BITS-1:0] == acc_slot_o[PLACE_BITS-1:0]; // whether or not that was valid

	always @(posedge clk_i)
		acc_slot_o <= {slot[PLACE_BITS+14], valid, repeated, os_valid, slot[PLACE_BITS+13:0]};

	wire unused = &{1'b0, a_row, b_row, preload_row_q, os_row_q, acc_slot_o, now};
endmodule
