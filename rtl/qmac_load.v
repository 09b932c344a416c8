// LOAD: memory to scratchpads. The burst side asks for beats as far as they have room, the row side
// unpacks them, one pair of beat and row a cycle; both walk the same loop nest (docs/timing.md).
//
// After a beat with an error nothing more is requested or unpacked: what is in flight is still taken,
// then busy_o falls and the engine stands still until reset.
`default_nettype none
`include "qmac_isa.vh"

module qmac_load #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4
) (
	input  wire                     clk_i,
	input  wire                     rst_ni,
	input  wire                     start_valid_i,
	output wire                     start_ready_o,
	input  wire [511:64]            command_i,   // `base` that of the window, see qmac_check
	output wire                     retire_o,
	output wire                     busy_o,      // start < cycle <= retire
	output wire                     error_o,
	// memory
	output wire                     request_valid_o,
	input  wire                     request_ready_i,
	output wire [47:0]              request_address_o,
	output wire [7:0]               request_last_o, // beats - 1
	input  wire                     beat_valid_i,
	input  wire [8*BUS_BYTES-1:0]   beat_data_i,
	input  wire                     beat_error_i,
	// rows
	output wire [15:0]              row_o,
	output wire [ROWS-1:0]          a_write_o,
	output wire [ROWS*A_BITS-1:0]   a_data_o,
	output wire [COLS-1:0]          w_write_o,
	output wire [COLS*W_BITS-1:0]   w_data_o,
	output wire [COLS-1:0]          acc_write_o,
	output wire [COLS*ACC_BITS-1:0] acc_data_o,
	output wire                     lut_write_o,
	output wire [31:0]              lut_word_o,
	// increments of counters
	output wire [3:0]               row_write_o, // one-hot: A, W, ACC, LUT
	output wire                     pair_o,      // or a row outside the window
	output wire                     burst_o,
	output wire [15:0]              read_bytes_o,
	output wire [6:0]               container_saturations_o
);
	localparam BUS_LOG2 = $clog2(BUS_BYTES);
	localparam BEATS = OUTSTANDING * BURST_BEATS; // room of the FIFO
	localparam ROOM_BITS = $clog2(BEATS + 1) > 9 ? $clog2(BEATS + 1) : 9;
	localparam [31:0] ROOM = BEATS;

	// ---- the command
	reg active_q, error_q;
	reg [511:64] command_q;
	reg [3:0] last_q; // the last pair of the command was handled 1, 2, 3, 4 cycles ago
	wire start = start_valid_i && start_ready_o;
	wire last_pair, requests_idle;

	assign start_ready_o = !active_q;
	assign retire_o = last_q[3];
	assign error_o = error_q;
	assign busy_o = active_q && !(error_q && requests_idle);

	always @(posedge clk_i) begin
		if (start)
			command_q <= command_i;
		active_q <= rst_ni && (start || (active_q && !retire_o));
		last_q <= rst_ni ? {last_q[2:0], last_pair} : 4'd0;
		error_q <= rst_ni && (error_q || (beat_valid_i && beat_error_i));
	end

	// ---- bursts: requested when all their beats have room
	reg [ROOM_BITS-1:0] room_q;
	wire [ROOM_BITS-1:0] beats = {{ROOM_BITS-8{1'b0}}, request_last_o} + 1'b1;
	wire beat_left; // the FIFO
	wire [4:0] flight;
	wire burst_done;

	qmac_burst #(.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING)) bursts (
		.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start), .first_i(command_i), .command_i(command_q),
		.allow_i(room_q >= beats), .stop_i(error_q), .done_i(burst_done),
		.request_valid_o(request_valid_o), .request_ready_i(request_ready_i),
		.request_address_o(request_address_o), .request_last_o(request_last_o), .shown_o(unused_flags[0]),
		.more_o(unused_flags[1]), .idle_o(requests_idle), .flight_o(flight));

	assign burst_o = request_valid_o && request_ready_i;

	always @(posedge clk_i)
		if (!rst_ni)
			room_q <= ROOM[ROOM_BITS-1:0];
		else
			room_q <= room_q - (burst_o ? beats : {ROOM_BITS{1'b0}}) + {{ROOM_BITS-1{1'b0}}, beat_left};

	// ---- which beat is the last of its burst: by the lengths of the bursts in flight
	localparam PLACE_BITS = OUTSTANDING > 1 ? $clog2(OUTSTANDING) : 1;
	localparam [31:0] LAST_PLACE = OUTSTANDING - 1;
	reg [7:0] lengths [0:OUTSTANDING-1]; // beats - 1
	reg [PLACE_BITS-1:0] write_q, read_q;
	reg [7:0] arrived_q;                 // beats of the oldest burst so far

	// Memory may answer in the very cycle of the request.
	assign burst_done = beat_valid_i && arrived_q == (flight == 5'd0 ? request_last_o : lengths[read_q]);

	always @(posedge clk_i) begin
		if (burst_o) begin
			lengths[write_q] <= request_last_o;
			write_q <= write_q == LAST_PLACE[PLACE_BITS-1:0] ? {PLACE_BITS{1'b0}} : write_q + 1'b1;
		end
		if (burst_done)
			read_q <= read_q == LAST_PLACE[PLACE_BITS-1:0] ? {PLACE_BITS{1'b0}} : read_q + 1'b1;
		if (beat_valid_i)
			arrived_q <= burst_done ? 8'd0 : arrived_q + 8'd1;
		if (!rst_ni) begin
			write_q <= {PLACE_BITS{1'b0}};
			read_q <= {PLACE_BITS{1'b0}};
			arrived_q <= 8'd0;
		end
	end

	// ---- beats
	wire beat_valid;
	wire [8*BUS_BYTES-1:0] beat;

	qmac_fifo #(.WIDTH(8*BUS_BYTES), .DEPTH(BEATS)) fifo (
		.clk_i(clk_i), .rst_ni(rst_ni), .push_i(beat_valid_i), .data_i(beat_data_i), .valid_o(beat_valid),
		.data_o(beat), .pop_i(beat_left));

	// ---- rows
	wire row_valid, row_inside, row_end0, row_last, cut_row_end, cut_beat_end;
	wire [BUS_LOG2-1:0] row_address;
	wire [15:0] row;
	wire [BUS_LOG2-1:0] offset;
	wire [6:0] bytes;
	wire [9:0] position;
	wire [9:0] row_bytes = {3'd0, command_q[`QMAC_MOVE_len]} << command_q[`QMAC_MOVE_container];
	wire pair_inside = pair_o && row_inside;
	wire row_end = !row_inside || cut_row_end;

	assign pair_o = row_valid && (!row_inside || beat_valid) && !error_q;
	assign beat_left = pair_inside && cut_beat_end;
	assign last_pair = pair_o && row_end && row_last;
	assign read_bytes_o = pair_inside ? {9'd0, bytes} : 16'd0;

	qmac_nest #(.WINDOW(0), .RUNS(0), .ADDRESS_BITS(BUS_LOG2)) rows (
		.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start), .first_i(command_i), .command_i(command_q),
		.step_i(pair_o && row_end), .valid_o(row_valid), .address_o(row_address), .row_o(row),
		.inside_o(row_inside), .end0_o(row_end0), .last_o(row_last));

	qmac_pair #(.BUS_BYTES(BUS_BYTES)) cut (
		.clk_i(clk_i), .rst_ni(rst_ni), .step_i(pair_inside), .address_i(row_address),
		.row_bytes_i(row_bytes), .run_end_i(row_end0 || !command_q[`QMAC_MOVE_coalesce]),
		.offset_o(offset), .bytes_o(bytes), .position_o(position), .row_end_o(cut_row_end),
		.beat_end_o(cut_beat_end));

	qmac_unpack #(
		.ROWS(ROWS), .COLS(COLS), .A_BITS(A_BITS), .W_BITS(W_BITS), .ACC_BITS(ACC_BITS),
		.BUS_BYTES(BUS_BYTES)
	) unpack (
		.clk_i(clk_i), .rst_ni(rst_ni), .command_i(command_q), .pair_i(pair_o), .inside_i(row_inside),
		.row_end_i(row_end), .row_i(row), .beat_i(beat), .offset_i(offset), .position_i(position),
		.bytes_i(bytes), .row_o(row_o), .a_write_o(a_write_o), .a_data_o(a_data_o),
		.w_write_o(w_write_o), .w_data_o(w_data_o), .acc_write_o(acc_write_o), .acc_data_o(acc_data_o),
		.lut_write_o(lut_write_o), .lut_word_o(lut_word_o), .row_write_o(row_write_o),
		.saturations_o(container_saturations_o));

	wire [1:0] unused_flags;
	wire unused = &{1'b0, command_q, unused_flags};
endmodule
