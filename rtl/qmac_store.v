// STORE: ACC to memory. The row side reads rows inside the window, clamps them and packs them into
// beats, one pair of beat and row a cycle; the burst side requests bursts that are packed whole
// (docs/timing.md). A row passes these stages, each of which waits for the next:
//
//   nest   ask (ACC)   data   clamp   pack           start + 1 .. start + MOVE_LATENCY + 1
//
// After a response with an error nothing more is packed or requested: what has been requested is still
// sent and answered, then busy_o falls and the engine stands still until reset.
`default_nettype none
`include "qmac_isa.vh"

module qmac_store #(
	parameter COLS = 8,
	parameter ACC_BITS = 32,
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4
) (
	input  wire                     clk_i,
	input  wire                     rst_ni,
	input  wire                     start_valid_i,
	output wire                     start_ready_o,
	input  wire [511:64]            command_i,    // `base` and `row` those of the window, see qmac_check
	output reg                      retire_o,
	output wire                     busy_o,       // start < cycle <= retire
	output wire                     error_o,
	// rows: data comes in the next cycle and stays until the next request
	output wire                     read_o,
	output wire [15:0]              read_row_o,
	input  wire [COLS*ACC_BITS-1:0] read_data_i,
	// memory
	output wire                     aw_valid_o,
	input  wire                     aw_ready_i,
	output wire [47:0]              aw_address_o,
	output wire [7:0]               aw_last_o,    // beats - 1
	output wire                     w_valid_o,
	input  wire                     w_ready_i,
	output wire [8*BUS_BYTES-1:0]   w_data_o,
	output wire [BUS_BYTES-1:0]     w_strobe_o,
	output wire                     w_last_o,
	input  wire                     b_valid_i,
	input  wire                     b_error_i,
	// increments of counters
	output wire                     pair_o,
	output wire                     burst_o,
	output wire [15:0]              write_bytes_o,
	output reg  [6:0]               container_saturations_o, // two cycles after the row is clamped
	output wire                     row_read_o,
	// for digests: the containers of a row, in the cycle in which it is clamped
	output wire                     row_data_valid_o,
	output wire [47:0]              row_address_o,
	output wire [64*COLS-1:0]       row_data_o,   // container j at 64 j, zero extended
	output wire [6:0]               row_lanes_o   // how many
);
	localparam BUS_LOG2 = $clog2(BUS_BYTES);
	localparam BEATS = OUTSTANDING * BURST_BEATS; // room of the FIFO
	localparam COUNT_BITS = $clog2(BEATS + 2);
	localparam [31:0] ROOM = BEATS;

	// ---- the command
	reg active_q, error_q;
	reg [511:64] command_q;
	reg [4:0] granted_q;   // bursts that have been requested and not yet sent whole
	wire [4:0] flight;
	wire more, requests_idle;
	wire start = start_valid_i && start_ready_o;

	assign start_ready_o = !active_q;
	assign error_o = error_q;
	assign busy_o = active_q && !(error_q && requests_idle && granted_q == 5'd0);

	always @(posedge clk_i) begin
		if (start)
			command_q <= command_i;
		active_q <= rst_ni && (start || (active_q && !retire_o));
		retire_o <= rst_ni && b_valid_i && !b_error_i && !error_q && !more && flight == 5'd1;
		error_q <= rst_ni && (error_q || (b_valid_i && b_error_i));
	end

	// ---- rows: each stage passes on when the next one can take it
	wire nest_valid, nest_end0;
	wire [47:0] nest_address;
	wire [15:0] nest_row;
	reg ask_valid_q, data_valid_q, raw_valid_q, row_valid_q;
	reg [15:0] ask_row_q;
	reg [47:0] ask_address_q, data_address_q, raw_address_q;
	reg ask_run_end_q, data_run_end_q, raw_run_end_q, row_run_end_q;
	reg [11:0] row_address_q;
	reg [COLS*ACC_BITS-1:0] raw_q;
	reg [64*COLS-1:0] row_q; // containers as in memory, lane 0 first
	wire [64*COLS-1:0] row;
	wire row_done;

	wire row_free = !row_valid_q || row_done;
	wire raw_free = !raw_valid_q || row_free;
	wire data_free = !data_valid_q || raw_free;
	wire ask_free = !ask_valid_q || data_free;

	assign read_o = ask_valid_q && data_free;
	assign read_row_o = ask_row_q;
	assign row_read_o = read_o;

	qmac_nest #(.WINDOW(1), .RUNS(0)) rows (
		.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start), .first_i(command_i), .command_i(command_q),
		.step_i(nest_valid && ask_free), .valid_o(nest_valid), .address_o(nest_address), .row_o(nest_row),
		.inside_o(unused_flags[0]), .end0_o(nest_end0), .last_o(unused_flags[1]));

	always @(posedge clk_i) begin
		if (ask_free) begin
			ask_valid_q <= nest_valid;
			ask_row_q <= nest_row;
			ask_address_q <= nest_address;
			ask_run_end_q <= nest_end0 || !command_q[`QMAC_MOVE_coalesce];
		end
		if (data_free) begin
			data_valid_q <= ask_valid_q;
			data_address_q <= ask_address_q;
			data_run_end_q <= ask_run_end_q;
		end
		if (raw_free) begin
			raw_valid_q <= data_valid_q;
			raw_q <= read_data_i;
			raw_address_q <= data_address_q;
			raw_run_end_q <= data_run_end_q;
		end
		if (row_free) begin
			row_valid_q <= raw_valid_q;
			row_q <= row;
			row_address_q <= raw_address_q[11:0];
			row_run_end_q <= raw_run_end_q;
		end
		if (!rst_ni) begin
			ask_valid_q <= 1'b0;
			data_valid_q <= 1'b0;
			raw_valid_q <= 1'b0;
			row_valid_q <= 1'b0;
		end
	end

	// ---- clamp
	wire [64*COLS-1:0] containers; // of every lane, zero extended
	wire [8*COLS-1:0] byte_row;
	wire [16*COLS-1:0] half_row;
	wire [32*COLS-1:0] word_row;
	wire [COLS-1:0] clamped;
	wire [31:0] container = {30'd0, command_q[`QMAC_MOVE_container]};
	wire [64:0] lane_ones = (65'd1 << command_q[`QMAC_MOVE_len]) - 65'd1;
	wire [64:0] lane_mask = lane_ones << command_q[`QMAC_MOVE_lane0];
	reg [COLS-1:0] clamped_q;
	reg [6:0] saturations;

	genvar j;
	generate
		for (j = 0; j < COLS; j = j + 1) begin : lane
			wire [ACC_BITS-1:0] word = raw_q[j*ACC_BITS +: ACC_BITS];
			wire [64+ACC_BITS-1:0] extended = {{64{word[ACC_BITS-1]}}, word};

			qmac_fit fit (
				.value_i(extended[63:0]), .container_i(command_q[`QMAC_MOVE_container]),
				.signed_i(command_q[`QMAC_MOVE_is_signed]), .bits_o(containers[64*j +: 64]),
				.clamped_o(clamped[j]));
			assign byte_row[8*j +: 8] = containers[64*j +: 8];
			assign half_row[16*j +: 16] = containers[64*j +: 16];
			assign word_row[32*j +: 32] = containers[64*j +: 32];
			wire unused = &{1'b0, extended[64+ACC_BITS-1:64]};
		end
	endgenerate

	assign row = container == `QMAC_CONTAINER_BYTE ? {{56*COLS{1'b0}}, byte_row}
	           : container == `QMAC_CONTAINER_HALF ? {{48*COLS{1'b0}}, half_row}
	           : container == `QMAC_CONTAINER_WORD ? {{32*COLS{1'b0}}, word_row} : containers;

	always @* begin : events
		integer i;

		saturations = 7'd0;
		for (i = 0; i < COLS; i = i + 1)
			saturations = saturations + {6'd0, clamped_q[i]};
	end

	always @(posedge clk_i) begin
		clamped_q <= rst_ni && row_data_valid_o ? clamped & lane_mask[COLS-1:0] : {COLS{1'b0}};
		container_saturations_o <= rst_ni ? saturations : 7'd0;
	end

	assign row_data_valid_o = raw_valid_q && row_free;
	assign row_address_o = raw_address_q;
	assign row_data_o = containers >> {command_q[`QMAC_MOVE_lane0], 6'd0};
	assign row_lanes_o = command_q[`QMAC_MOVE_len];

	// ---- pack: a beat begins when the FIFO has room for it
	reg [COUNT_BITS-1:0] used_q;   // beats begun and not yet sent
	// Bursts packed whole and not yet requested: BEATS and one more, whose request waits for AWREADY while
	// its beats have been sent.
	reg [COUNT_BITS-1:0] packed_q;
	wire [9:0] row_bytes = {3'd0, command_q[`QMAC_MOVE_len]} << command_q[`QMAC_MOVE_container];
	wire [9:0] lane0_byte = {4'd0, command_q[`QMAC_MOVE_lane0]} << command_q[`QMAC_MOVE_container];
	wire [9:0] position;
	wire [6:0] bytes;
	wire [BUS_LOG2-1:0] offset;
	wire [11:0] byte_address = row_address_q + {2'd0, position};
	wire row_end, beat_end, beat_empty, beat_valid, beat_last;
	wire [8*BUS_BYTES-1:0] beat_data;
	wire [BUS_BYTES-1:0] beat_strobe;
	wire sent = w_valid_o && w_ready_i;
	wire full = used_q == ROOM[COUNT_BITS-1:0];

	assign pair_o = row_valid_q && !(beat_empty && full) && !error_q;
	assign row_done = pair_o && row_end;
	assign write_bytes_o = pair_o ? {9'd0, bytes} : 16'd0;

	qmac_pair #(.BUS_BYTES(BUS_BYTES)) cut (
		.clk_i(clk_i), .rst_ni(rst_ni), .step_i(pair_o), .address_i(row_address_q[BUS_LOG2-1:0]),
		.row_bytes_i(row_bytes), .run_end_i(row_run_end_q), .offset_o(offset), .bytes_o(bytes),
		.position_o(position), .row_end_o(row_end), .beat_end_o(beat_end));

	qmac_pack #(.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .ROW_BYTES(8*COLS)) pack (
		.clk_i(clk_i), .rst_ni(rst_ni), .pair_i(pair_o), .row_i(row_q), .position_i(lane0_byte + position),
		.bytes_i(bytes), .word_i({byte_address[11:BUS_LOG2], {BUS_LOG2{1'b0}}}), .offset_i(offset),
		.beat_end_i(beat_end), .run_end_i(row_end && row_run_end_q), .empty_o(beat_empty),
		.beat_valid_o(beat_valid), .beat_data_o(beat_data), .beat_strobe_o(beat_strobe),
		.beat_last_o(beat_last));

	// ---- bursts; their beats follow from the cycle after the request is shown on
	wire shown, w_fifo_valid;

	qmac_burst #(.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING)) bursts (
		.clk_i(clk_i), .rst_ni(rst_ni), .start_i(start), .first_i(command_i), .command_i(command_q),
		.allow_i(packed_q != {COUNT_BITS{1'b0}}), .stop_i(error_q), .done_i(b_valid_i),
		.request_valid_o(aw_valid_o), .request_ready_i(aw_ready_i), .request_address_o(aw_address_o),
		.request_last_o(aw_last_o), .shown_o(shown), .more_o(more), .idle_o(requests_idle),
		.flight_o(flight));

	qmac_fifo #(.WIDTH(1+9*BUS_BYTES), .DEPTH(BEATS)) fifo (
		.clk_i(clk_i), .rst_ni(rst_ni), .push_i(beat_valid), .data_i({beat_last, beat_strobe, beat_data}),
		.valid_o(w_fifo_valid), .data_o({w_last_o, w_strobe_o, w_data_o}), .pop_i(sent));

	assign burst_o = aw_valid_o && aw_ready_i;
	assign w_valid_o = w_fifo_valid && granted_q != 5'd0;

	always @(posedge clk_i)
		if (!rst_ni) begin
			used_q <= {COUNT_BITS{1'b0}};
			packed_q <= {COUNT_BITS{1'b0}};
			granted_q <= 5'd0;
		end else begin
			if (pair_o && beat_empty && !sent)
				used_q <= used_q + 1'b1;
			else if (sent && !(pair_o && beat_empty))
				used_q <= used_q - 1'b1;
			if (beat_valid && beat_last && !burst_o)
				packed_q <= packed_q + 1'b1;
			else if (burst_o && !(beat_valid && beat_last))
				packed_q <= packed_q - 1'b1;
			if (shown && !(sent && w_last_o))
				granted_q <= granted_q + 5'd1;
			else if (sent && w_last_o && !shown)
				granted_q <= granted_q - 5'd1;
		end

	wire [1:0] unused_flags;
	wire unused = &{1'b0, command_q, lane_mask, byte_address, unused_flags};
endmodule
