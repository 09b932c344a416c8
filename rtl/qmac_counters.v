// The 64-bit counters (docs/counters.md). What is read contains the increments of the current cycle, so
// that a host which finds the device standing still in it reads them too.
`default_nettype none
`include "qmac_isa.vh"

module qmac_counters (
	input  wire                        clk_i,
	input  wire                        rst_ni,
	input  wire [32*`QMAC_COUNTERS-1:0] increment_i, // that of ZERO_MACS is signed
	input  wire [63:0]                 cycles_i,
	input  wire [5:0]                  index_i,
	output wire [63:0]                 value_o     // 0 where there is no such counter
);
	localparam COUNTERS = `QMAC_COUNTERS;

	wire [64*64-1:0] now;
	wire [31:0] index = {26'd0, index_i};
	wire [63:0] value = now[64*index_i +: 64];

	genvar i;
	generate
		for (i = 0; i < 64; i = i + 1) begin : counter
			if (i < COUNTERS && i != `QMAC_COUNTER_CYCLES) begin : one
				localparam IS_SIGNED = i == `QMAC_COUNTER_ZERO_MACS;
				reg [63:0] count_q;
				wire sign = IS_SIGNED && increment_i[32*i + 31];

				assign now[64*i +: 64] = count_q + {{32{sign}}, increment_i[32*i +: 32]};
				always @(posedge clk_i)
					count_q <= rst_ni ? now[64*i +: 64] : 64'd0;
			end else begin : none
				assign now[64*i +: 64] = 64'd0;
			end
		end
	endgenerate

	assign value_o = index == `QMAC_COUNTER_CYCLES ? cycles_i : value;

	wire unused = &{1'b0, increment_i[32*`QMAC_COUNTER_CYCLES +: 32]};
endmodule
