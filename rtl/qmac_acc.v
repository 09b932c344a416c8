// The accumulate port of every column, and the end of GEMM commands.
//
// slot_i comes with the sums of column 0 and visits a column a cycle. retire_o: the last word of a
// command is being written. acc_events_o: how many results of a slot did not fit acc_bits, in the cycle after
// the last column has written its own; so those of a command are complete in the cycle after retire_o.
`default_nettype none

module qmac_acc #(
	parameter COLS = 8,
	parameter PSUM_BITS = 29,
	parameter ACC_BITS = 32,
	parameter ACC_OVERFLOW = 1,
	parameter PLACE_BITS = 7,
	parameter SLOT_BITS = PLACE_BITS + 18
) (
	input  wire                        clk_i,
	input  wire                        rst_ni,
	input  wire [SLOT_BITS-1:0]        slot_i,
	input  wire [COLS*PSUM_BITS-1:0]   bottom_i,
	input  wire [COLS*PSUM_BITS-1:0]   top_i,
	output wire [COLS-1:0]             lane_read_o,
	output wire [COLS*PLACE_BITS-1:0]  lane_read_place_o,
	input  wire [COLS*ACC_BITS-1:0]    lane_data_i,
	output wire [COLS-1:0]             lane_write_o,
	output wire [COLS*PLACE_BITS-1:0]  lane_write_place_o,
	output wire [COLS*ACC_BITS-1:0]    lane_write_data_o,
	output wire                        retire_o,
	output reg  [6:0]                  acc_events_o
);
	wire [(COLS+1)*SLOT_BITS-1:0] slot;
	wire [(COLS+1)*7-1:0] events;
	wire [COLS-1:0] last;

	assign slot[0 +: SLOT_BITS] = slot_i;
	assign events[0 +: 7] = 7'd0;

	genvar j;
	generate
		for (j = 0; j < COLS; j = j + 1) begin : lane
			qmac_acc_column #(
				.COLUMN(j), .PSUM_BITS(PSUM_BITS), .ACC_BITS(ACC_BITS), .ACC_OVERFLOW(ACC_OVERFLOW),
				.PLACE_BITS(PLACE_BITS)
			) column (
				.clk_i(clk_i), .rst_ni(rst_ni),
				.slot_i(slot[j*SLOT_BITS +: SLOT_BITS]), .slot_o(slot[(j+1)*SLOT_BITS +: SLOT_BITS]),
				.bottom_i(bottom_i[j*PSUM_BITS +: PSUM_BITS]), .top_i(top_i[j*PSUM_BITS +: PSUM_BITS]),
				.read_o(lane_read_o[j]), .read_place_o(lane_read_place_o[j*PLACE_BITS +: PLACE_BITS]),
				.read_data_i(lane_data_i[j*ACC_BITS +: ACC_BITS]),
				.write_o(lane_write_o[j]), .write_place_o(lane_write_place_o[j*PLACE_BITS +: PLACE_BITS]),
				.write_data_o(lane_write_data_o[j*ACC_BITS +: ACC_BITS]),
				.events_i(events[j*7 +: 7]), .events_o(events[(j+1)*7 +: 7]), .last_o(last[j]));
		end
	endgenerate

	assign retire_o = last[COLS-1];

	always @(posedge clk_i)
		acc_events_o <= rst_ni ? events[COLS*7 +: 7] : 7'd0;

	wire unused = &{1'b0, slot[COLS*SLOT_BITS +: SLOT_BITS], last};
endmodule
