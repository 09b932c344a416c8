// Hands checked descriptors to the queues of their engines, in ring order; executes SYNC; stops at the
// first error. Counts what was dispatched and retired, and keeps the time.
//
// A fault of a descriptor, or an unusable ring, stops dispatch: what was dispatched before completes, then
// the error shows. An error of the memory in LOAD or STORE stops starts too: what has started completes,
// but for the engine concerned.
`default_nettype none
`include "qmac_isa.vh"

module qmac_dispatch (
	input  wire         clk_i,
	input  wire         rst_ni,
	// descriptors from the check
	input  wire         valid_i,
	output wire         ready_o,
	input  wire [511:0] command_i,
	input  wire [3:0]   fault_i,        // FAULT_*, ORDER left out
	input  wire [1:0]   engine_i,       // ENGINE_*
	input  wire [63:0]  ready_time_i,
	// ring and engines; three bits or words: LOAD, EXECUTE, STORE, LOAD lowest
	input  wire         ring_fault_i,
	input  wire [31:0]  tail_i,
	input  wire         fetch_quiet_i,  // no descriptor is being fetched
	input  wire [2:0]   queue_full_i,
	input  wire [2:0]   retire_i,
	input  wire [2:0]   engine_busy_i,  // has started a command and not retired it
	input  wire         load_error_i,   // stopped by an error of the memory
	input  wire         store_error_i,
	input  wire [31:0]  load_number_i,  // their commands
	input  wire [31:0]  store_number_i,
	// to the queues
	output wire [2:0]   push_o,
	output wire [511:0] command_o,      // the command, without the waits that are over already
	output wire [31:0]  number_o,       // of the command in the ring
	output wire [47:0]  retired_o,      // counts modulo 2^16, of the cycles before this one
	output wire         stop_starts_o,
	// to the fetch and the registers
	output wire         freed_o,        // a descriptor is dispatched
	output wire [31:0]  head_o,         // descriptors dispatched, this one included
	output wire         busy_o,
	output wire         idle_o,         // nothing is under way and nothing will be
	output wire         error_o,
	output wire [3:0]   error_code_o,
	output wire [31:0]  error_command_o,
	output wire         sync_retire_o,
	output wire         sync_irq_o,
	output wire         sync_stamp_o,
	output wire [63:0]  time_o,
	output wire [63:0]  cycles_o,
	output wire [95:0]  starved_o
);
	localparam [31:0] NONE = `QMAC_FAULT_NONE;
	localparam [31:0] ORDER = `QMAC_FAULT_ORDER;
	localparam [31:0] BUS = `QMAC_FAULT_BUS;
	localparam [31:0] RING = `QMAC_FAULT_RING;

	reg [31:0] number_q;
	reg stop_q;             // by a fault of command number_q, or of the ring
	reg [3:0] code_q;

	// ---- counts of each engine
	wire [47:0] dispatched;
	wire [2:0] done, done_now; // all that was dispatched retired before this cycle; in it at the latest
	wire [2:0] waits;          // engines that the command really has to wait for
	wire [47:0] counts = {command_i[`QMAC_COMMON_wait_store], command_i[`QMAC_COMMON_wait_exec],
	                      command_i[`QMAC_COMMON_wait_load]};
	wire [2:0] mask = command_i[`QMAC_COMMON_wait_mask];

	genvar e;
	generate
		for (e = 0; e < 3; e = e + 1) begin : engine
			reg [15:0] dispatched_q, retired_q;
			wire [15:0] retired = retired_q + {15'd0, retire_i[e]};
			wire [15:0] ahead = retired_q - counts[16*e +: 16];
			wire unused_ahead = &{1'b0, ahead[14:0]};

			assign dispatched[16*e +: 16] = dispatched_q;
			assign retired_o[16*e +: 16] = retired_q;
			assign waits[e] = mask[e] && ahead[15];
			assign done[e] = retired_q == dispatched_q;
			assign done_now[e] = retired == dispatched_q;
			always @(posedge clk_i) begin
				dispatched_q <= rst_ni ? dispatched_q + {15'd0, push_o[e]} : 16'd0;
				retired_q <= rst_ni ? retired : 16'd0;
			end
		end
	endgenerate

	// ---- the descriptor
	wire in_order; // it waits for nothing that has not been dispatched

	qmac_wait order (
		.mask_i(mask), .counts_i(counts), .retired_i(dispatched), .met_o(in_order));

	// Counts are modulo 2^16: a wait for a command of long ago must not begin to look like one of the
	// future while this command stands in its queue.
	assign command_o = {command_i[511:9], waits, command_i[5:0]};

	// The list of faults is in the order of their codes, but what was not read at all has no other fault.
	wire order_first = !in_order && fault_i != BUS[3:0] && (fault_i == NONE[3:0] || fault_i > ORDER[3:0]);
	wire [3:0] fault = order_first ? ORDER[3:0] : fault_i;
	wire is_sync = {30'd0, engine_i} == `QMAC_ENGINE_CONTROL;
	wire [3:0] full = {1'b0, queue_full_i};
	wire bus_error = load_error_i || store_error_i;
	wire stopped = stop_q || bus_error;

	assign ready_o = !stopped && fault == NONE[3:0] && (is_sync ? &done : !full[engine_i]);
	assign freed_o = valid_i && ready_o;
	assign push_o = freed_o && !is_sync ? 3'd1 << engine_i : 3'd0;
	assign number_o = number_q;
	assign head_o = number_q + {31'd0, freed_o};
	assign sync_retire_o = freed_o && is_sync;
	assign sync_irq_o = command_i[`QMAC_COMMON_irq];
	assign sync_stamp_o = command_i[`QMAC_COMMON_stamp];

	always @(posedge clk_i) begin
		number_q <= head_o;
		if (!stop_q && (ring_fault_i || (valid_i && fault != NONE[3:0]))) begin
			stop_q <= 1'b1;
			code_q <= ring_fault_i ? RING[3:0] : fault;
		end
		if (!rst_ni) begin
			number_q <= 32'd0;
			stop_q <= 1'b0;
		end
	end

	// ---- errors and the end of work
	// A command at which the memory failed is older than any that was not dispatched. It never retires.
	wire [31:0] load_first = load_number_i - store_number_i; // negative: LOAD's is the older one
	wire load_failed = load_error_i && (!store_error_i || load_first[31]);
	wire [2:0] failed = {store_error_i, 1'b0, load_error_i};

	assign stop_starts_o = bus_error;
	assign error_o = bus_error ? (engine_busy_i & ~failed) == 3'd0 : stop_q && &done;
	assign error_code_o = !error_o ? NONE[3:0] : bus_error ? BUS[3:0] : code_q;
	assign error_command_o = !error_o ? 32'd0 : !bus_error ? number_q : load_failed ? load_number_i
	                                                                                : store_number_i;
	assign busy_o = !error_o && head_o != tail_i;
	assign idle_o = stopped ? error_o && fetch_quiet_i : &done_now && push_o == 3'd0 && head_o == tail_i;

	qmac_time clock (
		.clk_i(clk_i), .rst_ni(rst_ni), .retire_i(retire_i), .sync_retire_i(sync_retire_o),
		.idle_i(idle_o), .tail_i(tail_i), .push_i(push_o), .done_i(done), .ready_time_i(ready_time_i),
		.time_o(time_o), .cycles_o(cycles_o), .starved_o(starved_o));

	wire unused = &{1'b0, command_i, load_first};
endmodule
