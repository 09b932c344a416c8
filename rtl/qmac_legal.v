// The rules between the parameters of a device (cmodel/hw/hw.c has the same list): an illegal one does
// not elaborate, because a repetition of zero times is an error, at the line of the rule.
`default_nettype none

module qmac_legal #(
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
) ();
	localparam LEAST_DEPTH = 2 * (ROWS > COLS ? ROWS : COLS);

	wire rows = {ROWS >= 1 && ROWS <= 64{1'b0}};
	wire cols = {COLS >= 1 && COLS <= 64{1'b0}};
	wire a_bits = {A_BITS >= 2 && A_BITS <= 16{1'b0}};
	wire w_bits = {W_BITS >= 2 && W_BITS <= 16{1'b0}};
	wire acc_bits = {ACC_BITS >= 16 && ACC_BITS <= 64{1'b0}};
	wire acc_overflow = {ACC_OVERFLOW == 0 || ACC_OVERFLOW == 1{1'b0}};
	wire os_max = {OS_MAX >= 256 && OS_MAX <= 65536 && 1 << $clog2(OS_MAX) == OS_MAX{1'b0}};
	wire a_depth = {A_DEPTH >= LEAST_DEPTH && A_DEPTH <= 65536 && A_DEPTH % 2 == 0{1'b0}};
	wire w_depth = {W_DEPTH >= LEAST_DEPTH && W_DEPTH <= 65536 && W_DEPTH % 2 == 0{1'b0}};
	wire acc_depth = {ACC_DEPTH >= LEAST_DEPTH && ACC_DEPTH <= 65536 && ACC_DEPTH % 2 == 0{1'b0}};
	wire bus_bytes = {BUS_BYTES >= 4 && BUS_BYTES <= 64 && 1 << $clog2(BUS_BYTES) == BUS_BYTES{1'b0}};
	wire burst_beats = {BURST_BEATS >= 1 && BURST_BEATS <= 256{1'b0}};
	wire outstanding = {OUTSTANDING >= 1 && OUTSTANDING <= 16{1'b0}};
	wire queue_depth = {QUEUE_DEPTH >= 1 && QUEUE_DEPTH <= 16{1'b0}};
	wire lut_bits = {LUT_BITS >= 4 && LUT_BITS <= 12{1'b0}};
	wire lut_ports = {LUT_PORTS >= 1 && LUT_PORTS <= COLS{1'b0}};
	wire mac_style = {MAC_STYLE == 0{1'b0}}; // fused and serial are not available yet
	wire zero_gating = {ZERO_GATING == 0 || ZERO_GATING == 1{1'b0}};

	wire unused = &{rows, cols, a_bits, w_bits, acc_bits, acc_overflow, os_max, a_depth, w_depth, acc_depth,
	                bus_bytes, burst_beats, outstanding, queue_depth, lut_bits, lut_ports, mac_style,
	                zero_gating};
endmodule
