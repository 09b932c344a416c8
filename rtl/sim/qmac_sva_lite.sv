// Checks an AXI4-Lite slave, and the master that talks to it: five streams, and no response before its
// request has been taken.
`default_nettype none

module qmac_sva_lite (
	input wire        clk_i,
	input wire        rst_ni,
	input wire        awvalid_i,
	input wire        awready_i,
	input wire [11:0] awaddr_i,
	input wire        wvalid_i,
	input wire        wready_i,
	input wire [31:0] wdata_i,
	input wire [3:0]  wstrb_i,
	input wire        bvalid_i,
	input wire        bready_i,
	input wire [1:0]  bresp_i,
	input wire        arvalid_i,
	input wire        arready_i,
	input wire [11:0] araddr_i,
	input wire        rvalid_i,
	input wire        rready_i,
	input wire [31:0] rdata_i,
	input wire [1:0]  rresp_i
);
	qmac_sva_stream #(.WIDTH(12)) aw (
		.clk_i, .rst_ni, .valid_i(awvalid_i), .ready_i(awready_i), .payload_i(awaddr_i));
	qmac_sva_stream #(.WIDTH(36)) w (
		.clk_i, .rst_ni, .valid_i(wvalid_i), .ready_i(wready_i), .payload_i({wstrb_i, wdata_i}));
	qmac_sva_stream #(.WIDTH(2)) b (
		.clk_i, .rst_ni, .valid_i(bvalid_i), .ready_i(bready_i), .payload_i(bresp_i));
	qmac_sva_stream #(.WIDTH(12)) ar (
		.clk_i, .rst_ni, .valid_i(arvalid_i), .ready_i(arready_i), .payload_i(araddr_i));
	qmac_sva_stream #(.WIDTH(34)) r (
		.clk_i, .rst_ni, .valid_i(rvalid_i), .ready_i(rready_i), .payload_i({rresp_i, rdata_i}));

	// Taken and not yet answered.
	reg [7:0] aw_q, w_q, ar_q;

	always @(posedge clk_i) begin
		aw_q <= rst_ni ? aw_q + 8'(awvalid_i && awready_i) - 8'(bvalid_i && bready_i) : 8'd0;
		w_q <= rst_ni ? w_q + 8'(wvalid_i && wready_i) - 8'(bvalid_i && bready_i) : 8'd0;
		ar_q <= rst_ni ? ar_q + 8'(arvalid_i && arready_i) - 8'(rvalid_i && rready_i) : 8'd0;
		if (rst_ni) begin
			assert (!bvalid_i || (aw_q != 8'd0 && w_q != 8'd0)) else $error("a response to no write");
			assert (!rvalid_i || ar_q != 8'd0) else $error("data for no read");
			// EXOKAY is not for AXI4-Lite.
			assert (!bvalid_i || bresp_i != 2'b01) else $error("BRESP is EXOKAY");
			assert (!rvalid_i || rresp_i != 2'b01) else $error("RRESP is EXOKAY");
		end
	end
endmodule
