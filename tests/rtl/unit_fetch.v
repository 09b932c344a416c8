// Fetch and the read channel for test_rtl_fetch.c; word numbers as there. A beat of tag t holds the words
// t, t + 1, ...; the descriptor comes out by halves.
`default_nettype none

module unit_fetch #(
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4
) (
	input  wire         clk_i,
	input  wire [511:0] in_i,
	output wire [511:0] out_o
);
	wire clk = clk_i, rst_n = in_i[0];
	wire [8*BUS_BYTES-1:0] r_data, beat_data;
	wire fetch_valid, fetch_ready, load_ready, ar_valid, ar_id, fetch_beat, load_beat, beat_error;
	wire [47:0] fetch_address, ar_address;
	wire [7:0] fetch_last, ar_last;

	genvar i;
	generate
		for (i = 0; i < BUS_BYTES / 4; i = i + 1) begin : word
			assign r_data[32*i +: 32] = in_i[479:448] + i;
		end
	endgenerate

	qmac_read_channel #(.BUS_BYTES(BUS_BYTES)) read_channel (
		.clk_i(clk), .rst_ni(rst_n), .fetch_valid_i(fetch_valid), .fetch_ready_o(fetch_ready),
		.fetch_address_i(fetch_address), .fetch_last_i(fetch_last), .load_valid_i(in_i[5]),
		.load_ready_o(load_ready), .load_address_i({16'd0, in_i[511:480]}), .load_last_i(in_i[31:24]),
		.ar_valid_o(ar_valid), .ar_ready_i(in_i[4]), .ar_id_o(ar_id), .ar_address_o(ar_address),
		.ar_last_o(ar_last), .r_valid_i(in_i[6]), .r_id_i(in_i[7]), .r_data_i(r_data),
		.r_resp_i(in_i[9:8]), .fetch_beat_o(fetch_beat), .load_beat_o(load_beat),
		.beat_data_o(beat_data), .beat_error_o(beat_error));

	// FETCH has a clock when it says that something moves, as in the device.
	wire moves, fetch_clk;

	qmac_gate #(.GATED(1), .TAIL(0)) gate (
		.clk_i(clk), .rst_ni(rst_n), .want_i(moves), .clk_o(fetch_clk));

	wire ring_fault, valid, bus_error, quiet;
	wire [511:0] command;
	wire [63:0] ready_time;
	wire [31:0] fetch_bytes;

	qmac_fetch #(.BUS_BYTES(BUS_BYTES), .BURST_BEATS(BURST_BEATS), .OUTSTANDING(OUTSTANDING)) fetch (
		.clk_i(fetch_clk), .rst_ni(rst_n), .ring_base_i(in_i[79:32]), .ring_log2_i(in_i[127:96]),
		.tail_i(in_i[159:128]), .head_i(in_i[191:160]), .mem_base_i(in_i[239:192]),
		.mem_size_i(in_i[303:256]), .time_i(in_i[383:320]), .freed_i(in_i[2]),
		.ring_fault_o(ring_fault), .request_valid_o(fetch_valid), .request_ready_i(fetch_ready),
		.request_address_o(fetch_address), .request_last_o(fetch_last), .beat_valid_i(fetch_beat),
		.beat_data_i(beat_data), .beat_error_i(beat_error), .valid_o(valid), .ready_i(in_i[1]),
		.command_o(command), .bus_error_o(bus_error), .ready_time_o(ready_time),
		.fetch_bytes_o(fetch_bytes), .quiet_o(quiet), .moves_o(moves));

	wire unused = ^in_i; // not all of it is
	assign out_o = {command[256*in_i[10] +: 256], 64'd0, fetch_bytes, ready_time, 16'd0, ar_address,
	                8'd0, ar_last, 7'd0, load_beat, load_ready, ar_id, ar_valid, bus_error, quiet, valid,
	                ring_fault, fetch_beat};
endmodule
