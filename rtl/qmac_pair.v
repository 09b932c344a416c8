// A row taken apart into its bus words: one pair of row and beat after the other, docs/timing.md.
`default_nettype none

module qmac_pair #(
	parameter BUS_BYTES = 8,
	parameter BUS_LOG2 = $clog2(BUS_BYTES) // derived
) (
	input  wire                clk_i,
	input  wire                rst_ni,
	input  wire                step_i,      // the pair is handled
	input  wire [BUS_LOG2-1:0] address_i,   // of the row
	input  wire [9:0]          row_bytes_i,
	input  wire                run_end_i,   // the row is the last of its run
	output wire [BUS_LOG2-1:0] offset_o,    // first byte of the pair in the bus word
	output wire [6:0]          bytes_o,     // of the pair
	output wire [9:0]          position_o,  // first byte of the pair in the row
	output wire                row_end_o,   // the pair is the last of its row
	output wire                beat_end_o   // the pair is the last of its beat
);
	localparam [31:0] WORD = BUS_BYTES;

	reg [9:0] position_q;
	wire [9:0] left = row_bytes_i - position_q;
	wire [6:0] room = WORD[6:0] - {{7-BUS_LOG2{1'b0}}, offset_o};

	assign offset_o = address_i + position_q[BUS_LOG2-1:0];
	assign position_o = position_q;
	assign row_end_o = left <= {3'd0, room};
	assign bytes_o = row_end_o ? left[6:0] : room;
	assign beat_end_o = left >= {3'd0, room} || run_end_i;

	always @(posedge clk_i)
		if (!rst_ni)
			position_q <= 10'd0;
		else if (step_i)
			position_q <= row_end_o ? 10'd0 : position_q + {3'd0, bytes_o};
endmodule
