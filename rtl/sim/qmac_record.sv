// The retire records of one engine (docs/command-set.md, "Digest of a command"). Simulation only.
//
// What a record needs of a command is kept from its dispatch on. The record comes in the cycle after the
// retire pulse, when what is counted along the way has arrived: gains of a command come before that
// cycle's end, those of the next command later. Commands of an engine start and retire in order.
`default_nettype none
`include "qmac_isa.vh"

module qmac_record (
	input  wire         clk_i,
	input  wire         rst_ni,
	input  wire [63:0]  time_i,
	// dispatch
	input  wire         push_i,
	input  wire [31:0]  number_i,
	input  wire [511:0] command_i,
	input  wire         start_i,
	input  wire         retire_i,
	input  wire [6:0]   acc_gain_i,             // in this cycle
	input  wire [15:0]  requant_gain_i,
	input  wire [6:0]   container_gain_i,
	input  wire [31:0]  magnitudes_i,           // with retire_i
	input  wire [63:0]  digest_i,               // in the cycle after retire_i
	output wire         valid_o,
	output wire [511:0] record_o,
	output wire [1:0]   container_o             // CONTAINER_* of the oldest command that has not retired
);
	localparam PLACES = 256; // more than a queue and all overlapping GEMMs

	typedef struct packed {
		logic [31:0] number;
		logic [15:0] tag;
		logic [3:0]  opcode;
		logic [1:0]  container;
	} command_t;

	command_t command [0:PLACES-1];
	reg [63:0] start [0:PLACES-1];
	reg [7:0] pushed_q, started_q, done_q; // commands, modulo PLACES

	always @(posedge clk_i) begin
		if (push_i)
			command[pushed_q] <= '{number_i, command_i[`QMAC_COMMON_tag], command_i[`QMAC_COMMON_opcode],
			                       command_i[`QMAC_MOVE_container]};
		if (start_i)
			start[started_q] <= time_i;
		pushed_q <= rst_ni ? pushed_q + 8'(push_i) : 8'd0;
		started_q <= rst_ni ? started_q + 8'(start_i) : 8'd0;
		done_q <= rst_ni ? done_q + 8'(retire_i) : 8'd0;
		if (rst_ni) begin
			assert (!start_i || started_q != pushed_q) else $error("a start of nothing that was dispatched");
			assert (!retire_i || done_q != started_q) else $error("a retirement of nothing that started");
		end
	end

	assign container_o = command[done_q].container;

	// ---- the record
	reg valid_q;
	command_t command_q;
	reg [63:0] start_q, cycle_q;
	reg [31:0] magnitudes_q;
	reg [31:0] acc_q, requant_q, container_q; // so far

	wire [31:0] acc = acc_q + 32'(acc_gain_i);
	wire [31:0] requant = requant_q + 32'(requant_gain_i);
	wire [31:0] container = container_q + 32'(container_gain_i);

	always @(posedge clk_i) begin
		valid_q <= rst_ni && retire_i;
		if (retire_i) begin
			command_q <= command[done_q];
			start_q <= start[done_q];
			cycle_q <= time_i;
			magnitudes_q <= magnitudes_i;
		end
		acc_q <= rst_ni && !valid_q ? acc : 32'd0;
		requant_q <= rst_ni && !valid_q ? requant : 32'd0;
		container_q <= rst_ni && !valid_q ? container : 32'd0;
	end

	assign valid_o = valid_q;
	assign record_o = {128'd0, magnitudes_q, cycle_q, start_q, digest_i, container, requant, acc,
	                   command_q.tag, 12'd0, command_q.opcode, command_q.number};

	wire unused = &{1'b0, command_i, command_q.container};
endmodule
