// Descriptors from the ring in memory, ahead of their dispatch (docs/timing.md, FETCH): chunks of up to
// FETCH_CHUNK descriptors into 2 FETCH_CHUNK places, each chunk in as many bursts as it takes.
//
// The request is a register. Whether the next one may go out is decided in the cycle before it is seen,
// from what happens in that cycle: the request before is taken, a place is freed, a burst's last beat
// arrives, the tail has moved.
`default_nettype none
`include "qmac_isa.vh"

module qmac_fetch #(
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4
) (
	input  wire                   clk_i,
	input  wire                   rst_ni,
	input  wire [47:0]            ring_base_i,
	input  wire [31:0]            ring_log2_i,
	input  wire [31:0]            tail_i,
	input  wire [31:0]            head_i,         // descriptors dispatched
	input  wire [47:0]            mem_base_i,
	input  wire [47:0]            mem_size_i,
	input  wire [63:0]            time_i,
	input  wire                   freed_i,        // a descriptor is dispatched
	output wire                   ring_fault_o,
	output wire                   request_valid_o,
	input  wire                   request_ready_i,
	output wire [47:0]            request_address_o,
	output wire [7:0]             request_last_o, // beats - 1
	input  wire                   beat_valid_i,
	input  wire [8*BUS_BYTES-1:0] beat_data_i,
	input  wire                   beat_error_i,
	output wire                   valid_o,
	input  wire                   ready_i,
	output wire [511:0]           command_o,
	output wire                   bus_error_o,
	output wire [63:0]            ready_time_o,
	output wire [31:0]            fetch_bytes_o,  // with the first request of a chunk
	output wire                   quiet_o,        // nothing in flight, nothing to request
	output wire                   moves_o         // a register changes in this cycle
);
	localparam PARTS = 64 / BUS_BYTES;            // beats of a descriptor
	localparam BUS_LOG2 = $clog2(BUS_BYTES);
	localparam PLACES = 2 * `QMAC_FETCH_CHUNK;
	localparam PLACE_BITS = $clog2(PLACES);
	localparam BURST_BITS = OUTSTANDING > 1 ? $clog2(OUTSTANDING) : 1;
	localparam [31:0] CHUNK_MOST = `QMAC_FETCH_CHUNK;
	localparam [31:0] PLACE_COUNT = PLACES;
	localparam [31:0] LONGEST = BURST_BEATS;
	localparam [31:0] BURST_COUNT = OUTSTANDING;
	localparam [31:0] BURST_LAST = OUTSTANDING - 1;
	localparam [31:0] PART_LAST = PARTS - 1;

	// ---- the ring
	wire [47:0] ring_bytes = 48'd64 << ring_log2_i[3:0];
	wire [47:0] ring_offset = ring_base_i - mem_base_i;
	wire [31:0] ring_places = 32'd1 << ring_log2_i[3:0];
	wire usable = ring_log2_i >= `QMAC_RING_LOG2_MIN && ring_log2_i <= `QMAC_RING_LOG2_MAX &&
		ring_base_i[5:0] == 6'd0 && tail_i - head_i <= ring_places && ring_base_i >= mem_base_i &&
		ring_bytes <= mem_size_i && ring_offset <= mem_size_i - ring_bytes;

	assign ring_fault_o = head_i != tail_i && !usable;

	// ---- the next chunk
	reg [31:0] requested_q;           // descriptors, in chunks begun so far
	reg [PLACE_BITS:0] used_q;        // places taken
	wire [31:0] written = tail_i - requested_q;
	wire [31:0] position = requested_q & (ring_places - 32'd1);
	wire [31:0] to_end = ring_places - position;
	wire [31:0] limited = written < CHUNK_MOST ? written : CHUNK_MOST;
	wire [31:0] count = limited < to_end ? limited : to_end;
	wire [PLACE_BITS:0] used = used_q - {{PLACE_BITS{1'b0}}, freed_i};
	wire chunk_begins = count != 32'd0 && {{31-PLACE_BITS{1'b0}}, used} + count <= PLACE_COUNT;

	// ---- the next burst: the rest of the chunk begun, or the next chunk
	reg [47:0] at_q;
	reg [8:0] left_q;                 // bytes of the chunk that are not requested
	wire begun = left_q != 9'd0;
	wire [47:0] at = begun ? at_q : ring_base_i + {10'd0, position, 6'd0};
	wire [8:0] left = begun ? left_q : {count[2:0], 6'd0};
	wire [6:0] beats_left = left[8:2] >> (BUS_LOG2 - 2);
	wire [12:0] to_page = (13'd4096 - {1'b0, at[11:0]}) >> BUS_LOG2;
	wire [12:0] shorter = {6'd0, beats_left} < to_page ? {6'd0, beats_left} : to_page;
	wire [12:0] beats = shorter < LONGEST[12:0] ? shorter : LONGEST[12:0];
	wire [8:0] bytes = {beats[6:0], 2'd0} << (BUS_LOG2 - 2);

	// ---- requests
	wire handed; // a descriptor is
	reg request_q, chunk_first_q;
	reg [47:0] address_q;
	reg [5:0] last_q;
	reg [8:0] chunk_bytes_q;
	reg [4:0] flight_q;               // bursts shown, or taken and without their last beat
	wire burst_done;
	wire [4:0] flight = flight_q - {4'd0, burst_done};
	wire wanted = !ring_fault_o && (begun || chunk_begins);
	wire request = wanted && flight < BURST_COUNT[4:0] && (!request_q || request_ready_i);

	assign request_valid_o = request_q;
	assign request_address_o = address_q;
	assign request_last_o = {2'd0, last_q};
	assign fetch_bytes_o = request_q && request_ready_i && chunk_first_q ? {23'd0, chunk_bytes_q} : 32'd0;
	assign quiet_o = flight_q == 5'd0 && !wanted;
	assign moves_o = request || request_q || beat_valid_i || freed_i || handed;

	always @(posedge clk_i) begin
		request_q <= request || (request_q && !request_ready_i);
		flight_q <= flight + {4'd0, request};
		used_q <= used + (request && !begun ? count[PLACE_BITS:0] : {PLACE_BITS+1{1'b0}});
		if (request) begin
			address_q <= at;
			last_q <= beats[5:0] - 6'd1;
			chunk_first_q <= !begun;
			chunk_bytes_q <= left;
			at_q <= at + {39'd0, bytes};
			left_q <= left - bytes;
			if (!begun)
				requested_q <= requested_q + count;
		end
		if (!rst_ni) begin
			request_q <= 1'b0;
			flight_q <= 5'd0;
			used_q <= {PLACE_BITS+1{1'b0}};
			left_q <= 9'd0;
			requested_q <= 32'd0;
		end
	end

	// ---- lengths of the bursts in flight, so that the last beat of each is known
	reg [5:0] length [0:OUTSTANDING-1]; // beats - 1
	reg [BURST_BITS-1:0] burst_in_q, burst_out_q;
	reg [5:0] beat_q;                   // of the burst, that comes next

	assign burst_done = beat_valid_i && beat_q == length[burst_out_q];

	always @(posedge clk_i) begin
		if (request) begin
			length[burst_in_q] <= beats[5:0] - 6'd1;
			burst_in_q <= burst_in_q == BURST_LAST[BURST_BITS-1:0] ? {BURST_BITS{1'b0}} : burst_in_q + 1'b1;
		end
		if (beat_valid_i)
			beat_q <= burst_done ? 6'd0 : beat_q + 6'd1;
		if (burst_done)
			burst_out_q <= burst_out_q == BURST_LAST[BURST_BITS-1:0] ? {BURST_BITS{1'b0}}
			                                                         : burst_out_q + 1'b1;
		if (!rst_ni) begin
			burst_in_q <= {BURST_BITS{1'b0}};
			burst_out_q <= {BURST_BITS{1'b0}};
			beat_q <= 6'd0;
		end
	end

	// ---- the places
	reg [PLACE_BITS-1:0] in_q, out_q; // place that is being filled; place of the descriptor offered
	reg [PLACE_BITS:0] complete_q;    // descriptors read and not handed on
	reg [3:0] part_q;                 // beat of the descriptor, that comes next
	reg error_q;                      // a beat of it before had an error
	reg [63:0] ready_time [0:PLACES-1];
	reg [PLACES-1:0] bus_error_q;
	wire completes = beat_valid_i && part_q == PART_LAST[3:0];

	assign handed = valid_o && ready_i;
	assign valid_o = complete_q != {PLACE_BITS+1{1'b0}};
	assign ready_time_o = ready_time[out_q];
	assign bus_error_o = bus_error_q[out_q];

	always @(posedge clk_i) begin
		if (beat_valid_i) begin
			part_q <= completes ? 4'd0 : part_q + 4'd1;
			error_q <= !completes && (error_q || beat_error_i);
		end
		if (completes) begin
			ready_time[in_q] <= time_i + 64'd1;
			bus_error_q[in_q] <= error_q || beat_error_i;
			in_q <= in_q + 1'b1;
		end
		if (handed)
			out_q <= out_q + 1'b1;
		complete_q <= complete_q + {{PLACE_BITS{1'b0}}, completes} - {{PLACE_BITS{1'b0}}, handed};
		if (!rst_ni) begin
			part_q <= 4'd0;
			error_q <= 1'b0;
			in_q <= {PLACE_BITS{1'b0}};
			out_q <= {PLACE_BITS{1'b0}};
			complete_q <= {PLACE_BITS+1{1'b0}};
		end
	end

	genvar i;
	generate
		for (i = 0; i < PARTS; i = i + 1) begin : part
			localparam [31:0] PART = i;
			reg [8*BUS_BYTES-1:0] data [0:PLACES-1];

			always @(posedge clk_i)
				if (beat_valid_i && part_q == PART[3:0])
					data[in_q] <= beat_data_i;
			assign command_o[8*BUS_BYTES*i +: 8*BUS_BYTES] = data[out_q];
		end
	endgenerate

	wire unused = &{1'b0, position[31:16], count, beats, bytes};
endmodule
