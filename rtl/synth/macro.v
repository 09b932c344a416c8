// For timing: the place of a memory that is kept apart. Its pins are registers, as those of a macro would
// be: what is asked must be there a set-up time before the edge, what is read comes after the edge.
// A techmap file of Yosys, for memories whose read ports have a register for their data. Until all logic is
// mapped the pins are cells that Yosys does not know: it would find that these registers do nothing.
(* techmap_celltype = "$mem_v2" *)
module macro (RD_CLK, RD_EN, RD_ARST, RD_SRST, RD_ADDR, RD_DATA, WR_CLK, WR_EN, WR_ADDR, WR_DATA);
	parameter MEMID = "";
	parameter SIZE = 0;
	parameter OFFSET = 0;
	parameter ABITS = 1;
	parameter WIDTH = 1;
	parameter INIT = 1'bx;
	parameter RD_PORTS = 1;
	parameter RD_CLK_ENABLE = 1'b1;
	parameter RD_CLK_POLARITY = 1'b1;
	parameter RD_TRANSPARENCY_MASK = 1'b0;
	parameter RD_COLLISION_X_MASK = 1'b0;
	parameter RD_WIDE_CONTINUATION = 1'b0;
	parameter RD_CE_OVER_SRST = 1'b0;
	parameter RD_ARST_VALUE = 1'bx;
	parameter RD_SRST_VALUE = 1'bx;
	parameter RD_INIT_VALUE = 1'bx;
	parameter WR_PORTS = 1;
	parameter WR_CLK_ENABLE = 1'b1;
	parameter WR_CLK_POLARITY = 1'b1;
	parameter WR_PRIORITY_MASK = 1'b0;
	parameter WR_WIDE_CONTINUATION = 1'b0;

	input [RD_PORTS-1:0] RD_CLK, RD_EN, RD_ARST, RD_SRST;
	input [RD_PORTS*ABITS-1:0] RD_ADDR;
	output [RD_PORTS*WIDTH-1:0] RD_DATA;
	input [WR_PORTS-1:0] WR_CLK;
	input [WR_PORTS*WIDTH-1:0] WR_EN, WR_DATA;
	input [WR_PORTS*ABITS-1:0] WR_ADDR;

	localparam INPUTS = RD_PORTS * (1 + ABITS) + WR_PORTS * (2 * WIDTH + ABITS);
	wire [INPUTS-1:0] pins = {RD_EN, RD_ADDR, WR_EN, WR_DATA, WR_ADDR};
	genvar i;
	generate
		for (i = 0; i < INPUTS; i = i + 1) begin : in
			wire q;
			synth_pin pin (.C(WR_CLK[0]), .D(pins[i]), .Q(q));
		end
		for (i = 0; i < RD_PORTS * WIDTH; i = i + 1) begin : out
			synth_pin pin (.C(WR_CLK[0]), .D(1'b0), .Q(RD_DATA[i]));
		end
	endgenerate
endmodule
