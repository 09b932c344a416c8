// The AXI4 read channel of two masters: FETCH (id 1) before LOAD (id 0). A request shown on AR stays there
// until it is taken. Beats go back by their id and are always taken: RREADY is 1.
`default_nettype none

module qmac_read_channel #(
	parameter BUS_BYTES = 8
) (
	input  wire                   clk_i,
	input  wire                   rst_ni,
	input  wire                   fetch_valid_i,
	output wire                   fetch_ready_o,
	input  wire [47:0]            fetch_address_i,
	input  wire [7:0]             fetch_last_i,    // beats - 1
	input  wire                   load_valid_i,
	output wire                   load_ready_o,
	input  wire [47:0]            load_address_i,
	input  wire [7:0]             load_last_i,
	output wire                   ar_valid_o,
	input  wire                   ar_ready_i,
	output wire                   ar_id_o,
	output wire [47:0]            ar_address_o,
	output wire [7:0]             ar_last_o,
	input  wire                   r_valid_i,
	input  wire                   r_id_i,
	input  wire [8*BUS_BYTES-1:0] r_data_i,
	input  wire [1:0]             r_resp_i,
	output wire                   fetch_beat_o,
	output wire                   load_beat_o,
	output wire [8*BUS_BYTES-1:0] beat_data_o,
	output wire                   beat_error_o
);
	reg load_shown_q; // a request of LOAD is on AR and was not taken
	wire fetch = fetch_valid_i && !load_shown_q;

	assign ar_valid_o = fetch_valid_i || load_valid_i;
	assign ar_id_o = fetch;
	assign ar_address_o = fetch ? fetch_address_i : load_address_i;
	assign ar_last_o = fetch ? fetch_last_i : load_last_i;
	assign fetch_ready_o = ar_ready_i && !load_shown_q;
	assign load_ready_o = ar_ready_i && !fetch;

	always @(posedge clk_i)
		load_shown_q <= rst_ni && load_valid_i && !fetch && !ar_ready_i;

	assign fetch_beat_o = r_valid_i && r_id_i;
	assign load_beat_o = r_valid_i && !r_id_i;
	assign beat_data_o = r_data_i;
	assign beat_error_o = r_resp_i != 2'b00; // not OKAY
endmodule
