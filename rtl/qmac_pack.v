// Pairs of a STORE become beats with their strobes, and the beats bursts as qmac_burst cuts them.
//
// A beat is handed on in the cycle of its last pair; its bytes that no row has are zero.
`default_nettype none

module qmac_pack #(
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter ROW_BYTES = 64,
	parameter BUS_LOG2 = $clog2(BUS_BYTES) // derived
) (
	input  wire                   clk_i,
	input  wire                   rst_ni,
	input  wire                   pair_i,
	input  wire [8*ROW_BYTES-1:0] row_i,
	input  wire [9:0]             position_i,  // of the pair's first byte in row_i
	input  wire [6:0]             bytes_i,
	input  wire [11:0]            word_i,      // address of the bus word, modulo 4,096
	input  wire [BUS_LOG2-1:0]    offset_i,    // first byte of the pair in it
	input  wire                   beat_end_i,  // the pair is the last of its beat
	input  wire                   run_end_i,   // the beat ends its run
	output wire                   empty_o,     // the next pair is the first of a beat
	output wire                   beat_valid_o,
	output wire [8*BUS_BYTES-1:0] beat_data_o,
	output wire [BUS_BYTES-1:0]   beat_strobe_o,
	output wire                   beat_last_o  // of its burst
);
	localparam WIDTH = ROW_BYTES > BUS_BYTES ? 8 * ROW_BYTES : 8 * BUS_BYTES;
	localparam [31:0] LAST_WORD = 4096 - BUS_BYTES;
	localparam [31:0] LAST_BEAT = BURST_BEATS - 1;

	reg [8*BUS_BYTES-1:0] data_q; // what the beat has so far
	reg [BUS_BYTES-1:0] strobe_q;
	reg [7:0] beat_q;             // its number in the burst

	wire [WIDTH+8*ROW_BYTES-1:0] padded = {{WIDTH{1'b0}}, row_i};
	wire [WIDTH-1:0] bytes = padded[WIDTH-1:0] >> {position_i, 3'd0};
	wire [BUS_BYTES-1:0] ones = ~({BUS_BYTES{1'b1}} << bytes_i);
	wire [8*BUS_BYTES-1:0] mask = ~({8*BUS_BYTES{1'b1}} << {bytes_i, 3'd0});

	assign empty_o = strobe_q == {BUS_BYTES{1'b0}};
	assign beat_valid_o = pair_i && beat_end_i;
	assign beat_data_o = data_q | ((bytes[8*BUS_BYTES-1:0] & mask) << {offset_i, 3'd0});
	assign beat_strobe_o = strobe_q | (ones << offset_i);
	assign beat_last_o = run_end_i || word_i == LAST_WORD[11:0] || beat_q == LAST_BEAT[7:0];

	always @(posedge clk_i) begin
		if (pair_i) begin
			data_q <= beat_end_i ? {8*BUS_BYTES{1'b0}} : beat_data_o;
			strobe_q <= beat_end_i ? {BUS_BYTES{1'b0}} : beat_strobe_o;
		end
		if (beat_valid_o)
			beat_q <= beat_last_o ? 8'd0 : beat_q + 8'd1;
		if (!rst_ni) begin
			data_q <= {8*BUS_BYTES{1'b0}};
			strobe_q <= {BUS_BYTES{1'b0}};
			beat_q <= 8'd0;
		end
	end

	wire unused = &{1'b0, padded, bytes};
endmodule
