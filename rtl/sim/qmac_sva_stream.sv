// Checks a stream: what is offered stays, unchanged, until it is taken; nothing is unknown. (The last is
// empty where there are only two states, as in Verilator; it is for other simulators.)
`default_nettype none

module qmac_sva_stream #(
	parameter WIDTH = 1
) (
	input wire             clk_i,
	input wire             rst_ni,
	input wire             valid_i,
	input wire             ready_i,
	input wire [WIDTH-1:0] payload_i
);
	reg stalled_q;
	reg [WIDTH-1:0] payload_q;

	always @(posedge clk_i) begin
		stalled_q <= rst_ni && valid_i && !ready_i;
		if (valid_i && !ready_i)
			payload_q <= payload_i;
		if (rst_ni) begin
			assert (!$isunknown({valid_i, ready_i})) else $error("valid or ready is unknown");
			assert (!valid_i || !$isunknown(payload_i)) else $error("the payload is unknown");
			if (stalled_q) begin
				assert (valid_i) else $error("an offer was taken back");
				assert (payload_i == payload_q) else $error("the payload changed while it was stalled");
			end
		end
	end
endmodule
