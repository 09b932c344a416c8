// Device time (docs/timing.md), and what follows from it: CYCLES, and for how long a dispatched command's
// descriptor had kept its engine idle (STARVED).
`default_nettype none
`include "qmac_isa.vh"

module qmac_time (
	input  wire        clk_i,
	input  wire        rst_ni,
	input  wire [2:0]  retire_i,      // LOAD, EXECUTE, STORE
	input  wire        sync_retire_i,
	input  wire        idle_i,        // time stands still at the latest retirement
	input  wire [31:0] tail_i,
	input  wire [2:0]  push_i,        // a command is dispatched to this engine
	input  wire [2:0]  done_i,        // the engine retired all it was given in cycles before this one
	input  wire [63:0] ready_time_i,  // when the descriptor of that command was ready
	output wire [63:0] time_o,        // number of this cycle
	output wire [63:0] cycles_o,      // latest retire cycle, this one included
	output wire [95:0] starved_o      // increments, LOAD lowest
);
	reg [63:0] time_q, cycles_q;
	reg [31:0] tail_q;

	assign time_o = time_q;
	assign cycles_o = sync_retire_i || retire_i != 3'd0 ? time_q : cycles_q;

	// Time goes on from here: a doorbell in the cycle in which a SYNC called the host, or any idle one.
	wire resumes = idle_i || (sync_retire_i && tail_i != tail_q);

	always @(posedge clk_i) begin
		time_q <= idle_i ? cycles_o : time_q + 64'd1;
		cycles_q <= cycles_o;
		tail_q <= tail_i;
		if (!rst_ni) begin
			time_q <= 64'd0;
			cycles_q <= 64'd0;
			tail_q <= 32'd0;
		end
	end

	// ---- since when an engine has had nothing to do: its latest retirement, or later resumption
	wire [63:0] present = ready_time_i + {32'd0, `QMAC_CHECK_CYCLES};

	genvar e;
	generate
		for (e = 0; e < 3; e = e + 1) begin : engine
			reg [63:0] since_q;
			wire late = push_i[e] && done_i[e] && present > since_q;

			assign starved_o[32*e +: 32] = late ? present[31:0] - since_q[31:0] : 32'd0;
			always @(posedge clk_i)
				if (!rst_ni)
					since_q <= 64'd0;
				else if (resumes || retire_i[e])
					since_q <= cycles_o;
		end
	endgenerate
endmodule
