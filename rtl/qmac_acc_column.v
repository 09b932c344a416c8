// One column's way into ACC: shift, add, wrap or saturate; one result a cycle.
//
// slot_i comes with the sums of this column; the next column gets slot_o a cycle later. Stage 1 (that
// cycle) asks ACC for the old word and shifts the sum, stage 2 adds and writes. A word that was written
// by the slot just before (`repeat`: its place was the same) is taken from here, for ACC does not show it
// yet. events_i and events_o are
// the saturations of a slot in the columns so far, in stage 2.
`default_nettype none

module qmac_acc_column #(
	parameter COLUMN = 0,
	parameter PSUM_BITS = 29,
	parameter ACC_BITS = 32,
	parameter ACC_OVERFLOW = 1, // 0 wrap, 1 saturate
	parameter PLACE_BITS = 7,
	parameter SLOT_BITS = PLACE_BITS + 18
) (
	input  wire                        clk_i,
	input  wire                        rst_ni,
	input  wire [SLOT_BITS-1:0]        slot_i,    // {last, valid, repeat, os, accumulate, shift, n, place}
	output reg  [SLOT_BITS-1:0]        slot_o,
	input  wire signed [PSUM_BITS-1:0] bottom_i,  // sum of a ws slot
	input  wire signed [PSUM_BITS-1:0] top_i,     // of an os slot
	output wire                        read_o,
	output wire [PLACE_BITS-1:0]       read_place_o,
	input  wire signed [ACC_BITS-1:0]  read_data_i, // a cycle after read_o
	output wire                        write_o,
	output wire [PLACE_BITS-1:0]       write_place_o,
	output wire [ACC_BITS-1:0]         write_data_o,
	input  wire [6:0]                  events_i,  // of the column before, a cycle ago
	output wire [6:0]                  events_o,
	output wire                        last_o     // with events_o: the last slot of a command
);
	// Wide enough for the sum before and for the low part after the shift.
	localparam WIDE_BITS = ACC_BITS > PSUM_BITS ? ACC_BITS : PSUM_BITS;
	localparam [31:0] COLUMN_NUMBER = COLUMN;
	localparam [31:0] WORD_BITS = ACC_BITS;

	wire last, valid, again, os, accumulate;
	wire [5:0] shift;
	wire [6:0] n;
	wire [PLACE_BITS-1:0] place;

	assign {last, valid, again, os, accumulate, shift, n, place} = slot_i;

	// ---- 1: read, shift
	reg active_q, last_q, bypass_q, accumulate_q, beyond_q, negative_q;
	reg [PLACE_BITS-1:0] place_q;
	reg [ACC_BITS-1:0] addend_q; // and negative_q above it

	wire active = valid && COLUMN_NUMBER[6:0] < n;
	wire signed [PSUM_BITS-1:0] sum = os ? top_i : bottom_i;

	// {is the shifted sum beyond acc_bits, whatever it is added to; its lowest acc_bits}. A function, so that
	// simulations shift what is active, and not the sums of every cycle.
	function [ACC_BITS:0] moved(input signed [PSUM_BITS-1:0] x, input [5:0] left);
		reg signed [WIDE_BITS-1:0] wide, lost;
		reg [WIDE_BITS-1:0] shifted;
		begin
			wide = {{WIDE_BITS-PSUM_BITS+1{x[PSUM_BITS-1]}}, x[PSUM_BITS-2:0]};
			shifted = wide << left;
			lost = wide >>> (WORD_BITS[6:0] - {1'b0, left});
			moved = {lost != {WIDE_BITS{x[PSUM_BITS-1]}}, shifted[ACC_BITS-1:0]};
		end
	endfunction

	assign read_o = active && accumulate;
	assign read_place_o = place;

	always @(posedge clk_i) begin
		slot_o <= slot_i;
		active_q <= active;
		last_q <= valid && last;
		if (!rst_ni) begin
			slot_o[SLOT_BITS-2] <= 1'b0;
			active_q <= 1'b0;
			last_q <= 1'b0;
		end
		if (active) begin
			place_q <= place;
			bypass_q <= again && active_q;
			accumulate_q <= accumulate;
			{beyond_q, addend_q} <= moved(sum, shift);
			negative_q <= sum[PSUM_BITS-1];
		end
	end

	// ---- 2: add, write
	reg signed [ACC_BITS-1:0] written_q;
	reg [6:0] events_q;

	wire signed [ACC_BITS-1:0] old = !accumulate_q ? {ACC_BITS{1'b0}} : bypass_q ? written_q : read_data_i;
	wire [ACC_BITS-1:0] total = old + addend_q;
	// The two bits above it, by the carries, so that no sum is wider than acc_bits.
	wire sign = old[ACC_BITS-1];
	wire carry = (sign && addend_q[ACC_BITS-1]) || ((sign || addend_q[ACC_BITS-1]) && !total[ACC_BITS-1]);
	wire carry_above = (sign && negative_q) || ((sign || negative_q) && carry);
	wire [2:0] top = {sign ^ negative_q ^ carry_above, sign ^ negative_q ^ carry, total[ACC_BITS-1]};
	wire fits = !beyond_q && (top == 3'b000 || top == 3'b111);
	wire below = beyond_q ? negative_q : top[2];
	wire event_here = active_q && !fits;

	assign write_o = active_q;
	assign write_place_o = place_q;
	assign write_data_o =
		fits || ACC_OVERFLOW == 0 ? total : {below, {ACC_BITS-1{!below}}};
	assign events_o = events_q + {6'd0, event_here};
	assign last_o = last_q;

	always @(posedge clk_i) begin
		events_q <= rst_ni ? events_i : 7'd0;
		if (active_q)
			written_q <= write_data_o;
	end
endmodule
