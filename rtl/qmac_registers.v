// The registers of docs/command-set.md behind AXI4-Lite, on the bus clock.
//
// The core may stand still: what is read includes the events of its current cycle. A SYNC that retires
// shows as a level as long as the core stands in that cycle; sync_toggle_i flips when the core leaves it,
// seen_q when it has been counted, so that each is counted once.
`default_nettype none
`include "qmac_isa.vh"

module qmac_registers #(
	parameter ROWS = 8,
	parameter COLS = 8,
	parameter A_BITS = 8,
	parameter W_BITS = 8,
	parameter ACC_BITS = 32,
	parameter ACC_OVERFLOW = 1,
	parameter OS_MAX = 4096,
	parameter A_DEPTH = 64,
	parameter W_DEPTH = 64,
	parameter ACC_DEPTH = 64,
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4,
	parameter QUEUE_DEPTH = 4,
	parameter LUT_BITS = 8,
	parameter LUT_PORTS = 1,
	parameter MAC_STYLE = 0,
	parameter ZERO_GATING = 0
) (
	input  wire        clk_i,
	input  wire        rst_ni,
	// AXI4-Lite
	input  wire        s_awvalid_i,
	output wire        s_awready_o,
	input  wire [11:0] s_awaddr_i,
	input  wire        s_wvalid_i,
	output wire        s_wready_o,
	input  wire [31:0] s_wdata_i,
	input  wire [3:0]  s_wstrb_i,
	output wire        s_bvalid_o,
	input  wire        s_bready_i,
	output wire [1:0]  s_bresp_o,
	input  wire        s_arvalid_i,
	output wire        s_arready_o,
	input  wire [11:0] s_araddr_i,
	output wire        s_rvalid_o,
	input  wire        s_rready_i,
	output wire [31:0] s_rdata_o,
	output wire [1:0]  s_rresp_o,
	// to the core
	output wire        core_rst_no,
	output wire [47:0] mem_base_o,
	output wire [47:0] mem_size_o,
	output wire [47:0] ring_base_o,
	output wire [31:0] ring_log2_o,
	output wire [31:0] tail_o,
	output wire [5:0]  counter_index_o,
	output wire [6:0]  monitor_index_o,
	output wire        monitor_clear_o,
	output wire [6:0]  monitor_clear_index_o,
	output wire        irq_o,
	// from the core
	input  wire [31:0] head_i,
	input  wire        busy_i,
	input  wire        error_i,
	input  wire [3:0]  error_code_i,     // 0 without an error, as the number
	input  wire [31:0] error_command_i,
	input  wire        sync_retire_i,    // a SYNC retires in this cycle
	input  wire        sync_irq_i,
	input  wire        sync_stamp_i,
	input  wire        sync_toggle_i,
	input  wire [63:0] time_i,
	input  wire [63:0] counter_value_i,  // of counter_index_o, in the same cycle
	input  wire [31:0] monitor_value_i   // of monitor_index_o, in the same cycle
);
	localparam [31:0] A_ROWS = A_DEPTH;
	localparam [31:0] W_ROWS = W_DEPTH;
	localparam [31:0] ACC_ROWS = ACC_DEPTH;
	localparam [31:0] OS_SLOTS = OS_MAX;
	// Register = sum of its fields.
	localparam [31:0] SHAPE = ROWS + (COLS << 8);
	localparam [31:0] WIDTHS = A_BITS + (W_BITS << 8) + (ACC_BITS << 16) + (ACC_OVERFLOW << 24);
	localparam [31:0] BUS = BUS_BYTES + (OUTSTANDING << 8) + (BURST_BEATS << 16);
	localparam [31:0] UNITS = QUEUE_DEPTH + (LUT_BITS << 8) + (LUT_PORTS << 16) + (MAC_STYLE << 24) +
	                          (ZERO_GATING << 28);
	localparam [1:0] OKAY = 2'b00;
	localparam [1:0] SLVERR = 2'b10;

	reg reset_q; // CONTROL was written: one cycle in which core and registers are reset together
	wire reset_n = rst_ni && !reset_q;

	assign core_rst_no = reset_n;

	// ---- write channels: address and data are taken together; no output depends on an input
	reg write_q, response_q, refused_q;
	wire [31:0] write_offset = {20'd0, s_awaddr_i};
	wire whole = s_wstrb_i == 4'b1111;
	wire write = write_q && whole;

	assign s_awready_o = write_q;
	assign s_wready_o = write_q;
	assign s_bvalid_o = response_q;
	assign s_bresp_o = refused_q ? SLVERR : OKAY;

	always @(posedge clk_i) begin
		write_q <= rst_ni && s_awvalid_i && s_wvalid_i && !write_q && !response_q;
		response_q <= rst_ni && (write_q || (response_q && !s_bready_i));
		if (write_q)
			refused_q <= !whole;
		reset_q <= rst_ni && write && write_offset == `QMAC_REG_CONTROL && s_wdata_i[0];
	end

	// ---- what the host writes
	reg [47:0] mem_base_q, mem_size_q, ring_base_q;
	reg [31:0] ring_log2_q, tail_q;
	reg [1:0] irq_enable_q;

	assign mem_base_o = mem_base_q;
	assign mem_size_o = mem_size_q;
	assign ring_base_o = ring_base_q;
	assign ring_log2_o = ring_log2_q;
	assign tail_o = tail_q;

	always @(posedge clk_i) begin
		if (write)
			case (write_offset)
			`QMAC_REG_MEM_BASE_LO: mem_base_q[31:0] <= s_wdata_i;
			`QMAC_REG_MEM_BASE_HI: mem_base_q[47:32] <= s_wdata_i[15:0];
			`QMAC_REG_MEM_SIZE_LO: mem_size_q[31:0] <= s_wdata_i;
			`QMAC_REG_MEM_SIZE_HI: mem_size_q[47:32] <= s_wdata_i[15:0];
			`QMAC_REG_RING_BASE_LO: ring_base_q[31:0] <= s_wdata_i;
			`QMAC_REG_RING_BASE_HI: ring_base_q[47:32] <= s_wdata_i[15:0];
			`QMAC_REG_RING_LOG2: ring_log2_q <= s_wdata_i;
			`QMAC_REG_RING_TAIL: tail_q <= s_wdata_i;
			`QMAC_REG_IRQ_ENABLE: irq_enable_q <= s_wdata_i[1:0];
			default: ;
			endcase
		if (!rst_ni) begin
			mem_base_q <= 48'd0;
			mem_size_q <= 48'd0;
		end
		if (!reset_n) begin
			ring_base_q <= 48'd0;
			ring_log2_q <= 32'd0;
			tail_q <= 32'd0;
			irq_enable_q <= 2'd0;
		end
	end

	wire [31:0] cleared_offset = write_offset - `QMAC_MONITOR_BASE;

	assign monitor_clear_o = write && cleared_offset < 32'd4 * `QMAC_MONITORS && cleared_offset[1:0] == 2'd0;
	assign monitor_clear_index_o = cleared_offset[8:2];

	// ---- events: IRQ_STATUS {ERROR, SYNC} and STAMP
	reg seen_q, error_seen_q;
	reg [1:0] irq_status_q;
	reg [63:0] stamp_q;

	wire sync_new = sync_retire_i && sync_toggle_i == seen_q;
	wire [1:0] events = {error_i && !error_seen_q, sync_new && sync_irq_i};
	wire [1:0] irq_status = irq_status_q | events;
	wire [63:0] stamp = sync_retire_i && sync_stamp_i ? time_i : stamp_q;
	wire [1:0] cleared = write && write_offset == `QMAC_REG_IRQ_STATUS ? s_wdata_i[1:0] : 2'd0;

	assign irq_o = (irq_status & irq_enable_q) != 2'd0;

	always @(posedge clk_i) begin
		seen_q <= reset_n && (seen_q ^ sync_new);
		error_seen_q <= reset_n && error_i;
		// An event of this very cycle is one that the host has not seen: it stays.
		irq_status_q <= reset_n ? (irq_status_q & ~cleared) | events : 2'd0;
		stamp_q <= reset_n ? stamp : 64'd0;
	end

	// ---- read channels
	reg read_q, data_valid_q;
	reg [31:0] data_q;
	reg [31:0] data;
	wire [31:0] read_offset = {20'd0, s_araddr_i};
	wire [31:0] counter_offset = read_offset - `QMAC_COUNTER_BASE;
	wire is_counter = counter_offset < 32'd8 * `QMAC_COUNTERS && counter_offset[1:0] == 2'd0;
	wire [31:0] monitor_offset = read_offset - `QMAC_MONITOR_BASE;
	wire is_monitor = monitor_offset < 32'd4 * `QMAC_MONITORS && monitor_offset[1:0] == 2'd0;

	assign s_arready_o = read_q;
	assign s_rvalid_o = data_valid_q;
	assign s_rdata_o = data_q;
	assign s_rresp_o = OKAY;
	assign counter_index_o = counter_offset[8:3];
	assign monitor_index_o = monitor_offset[8:2];

	always @* begin
		case (read_offset)
		`QMAC_REG_MAGIC: data = `QMAC_MAGIC;
		`QMAC_REG_REVISION: data = `QMAC_REVISION;
		`QMAC_REG_SHAPE: data = SHAPE;
		`QMAC_REG_WIDTHS: data = WIDTHS;
		`QMAC_REG_A_DEPTH: data = A_ROWS;
		`QMAC_REG_W_DEPTH: data = W_ROWS;
		`QMAC_REG_ACC_DEPTH: data = ACC_ROWS;
		`QMAC_REG_OS_MAX: data = OS_SLOTS;
		`QMAC_REG_BUS: data = BUS;
		`QMAC_REG_UNITS: data = UNITS;
		`QMAC_REG_STATUS: data = (error_i ? `QMAC_STATUS_ERROR : 32'd0) |
		                         (busy_i ? `QMAC_STATUS_BUSY : 32'd0);
		`QMAC_REG_ERROR_CODE: data = {28'd0, error_code_i};
		`QMAC_REG_ERROR_COMMAND: data = error_command_i;
		`QMAC_REG_IRQ_STATUS: data = {30'd0, irq_status};
		`QMAC_REG_IRQ_ENABLE: data = {30'd0, irq_enable_q};
		`QMAC_REG_STAMP_LO: data = stamp[31:0];
		`QMAC_REG_STAMP_HI: data = stamp[63:32];
		`QMAC_REG_MEM_BASE_LO: data = mem_base_q[31:0];
		`QMAC_REG_MEM_BASE_HI: data = {16'd0, mem_base_q[47:32]};
		`QMAC_REG_MEM_SIZE_LO: data = mem_size_q[31:0];
		`QMAC_REG_MEM_SIZE_HI: data = {16'd0, mem_size_q[47:32]};
		`QMAC_REG_RING_BASE_LO: data = ring_base_q[31:0];
		`QMAC_REG_RING_BASE_HI: data = {16'd0, ring_base_q[47:32]};
		`QMAC_REG_RING_LOG2: data = ring_log2_q;
		`QMAC_REG_RING_HEAD: data = head_i;
		`QMAC_REG_RING_TAIL: data = tail_q;
		default: data = is_monitor ? monitor_value_i : !is_counter ? 32'd0
		              : counter_offset[2] ? counter_value_i[63:32] : counter_value_i[31:0];
		endcase
	end

	always @(posedge clk_i) begin
		read_q <= rst_ni && s_arvalid_i && !read_q && !data_valid_q;
		data_valid_q <= rst_ni && (read_q || (data_valid_q && !s_rready_i));
		if (read_q)
			data_q <= data;
	end
endmodule
