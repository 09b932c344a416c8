// Checks the AXI4 master and the memory behind it.
//
// Master: five streams; bursts are whole, incrementing, not longer than BURST_BEATS, within 4 KB and
// within the memory window, at most OUTSTANDING of each id; data of a write come no sooner than its
// address is shown, WLAST with the last of them, strobes exactly for the bytes of one run; RREADY and
// BREADY are 1.
// Memory: as many beats as asked for, RLAST with the last of them, in order for each id; a response for
// each write after its address and its last beat were taken. Either may answer in the very cycle of what
// it answers to.
`default_nettype none

module qmac_sva_axi #(
	parameter BUS_BYTES = 8,
	parameter BURST_BEATS = 16,
	parameter OUTSTANDING = 4
) (
	input wire                   clk_i,
	input wire                   rst_ni,
	input wire [47:0]            mem_base_i,
	input wire [47:0]            mem_size_i,
	input wire                   arvalid_i,
	input wire                   arready_i,
	input wire                   arid_i,
	input wire [47:0]            araddr_i,
	input wire [7:0]             arlen_i,
	input wire [2:0]             arsize_i,
	input wire [1:0]             arburst_i,
	input wire                   rvalid_i,
	input wire                   rready_i,
	input wire                   rid_i,
	input wire [8*BUS_BYTES-1:0] rdata_i,
	input wire [1:0]             rresp_i,
	input wire                   rlast_i,
	input wire                   awvalid_i,
	input wire                   awready_i,
	input wire [47:0]            awaddr_i,
	input wire [7:0]             awlen_i,
	input wire [2:0]             awsize_i,
	input wire [1:0]             awburst_i,
	input wire                   wvalid_i,
	input wire                   wready_i,
	input wire [8*BUS_BYTES-1:0] wdata_i,
	input wire [BUS_BYTES-1:0]   wstrb_i,
	input wire                   wlast_i,
	input wire                   bvalid_i,
	input wire                   bready_i,
	input wire [1:0]             bresp_i
);
	localparam PLACES = 32; // more than are ever under way
	localparam [31:0] BUS_SIZE = $clog2(BUS_BYTES);
	localparam [47:0] IN_WORD = 48'(BUS_BYTES) - 48'd1;

	qmac_sva_stream #(.WIDTH(62)) ar (
		.clk_i, .rst_ni, .valid_i(arvalid_i), .ready_i(arready_i),
		.payload_i({arid_i, araddr_i, arlen_i, arsize_i, arburst_i}));
	qmac_sva_stream #(.WIDTH(8*BUS_BYTES+4)) r (
		.clk_i, .rst_ni, .valid_i(rvalid_i), .ready_i(rready_i),
		.payload_i({rid_i, rdata_i, rresp_i, rlast_i}));
	qmac_sva_stream #(.WIDTH(61)) aw (
		.clk_i, .rst_ni, .valid_i(awvalid_i), .ready_i(awready_i),
		.payload_i({awaddr_i, awlen_i, awsize_i, awburst_i}));
	qmac_sva_stream #(.WIDTH(9*BUS_BYTES+1)) w (
		.clk_i, .rst_ni, .valid_i(wvalid_i), .ready_i(wready_i),
		.payload_i({wdata_i, wstrb_i, wlast_i}));
	qmac_sva_stream #(.WIDTH(2)) b (
		.clk_i, .rst_ni, .valid_i(bvalid_i), .ready_i(bready_i), .payload_i(bresp_i));

	// Does the bus word at an address lie in the window, at least in part?
	function automatic in_window(input [47:0] address);
		in_window = (address | IN_WORD) >= mem_base_i &&
		            {1'b0, address & ~IN_WORD} < {1'b0, mem_base_i} + {1'b0, mem_size_i};
	endfunction

	function automatic void check_burst(input [47:0] address, input [7:0] length, input [2:0] size,
	                                    input [1:0] burst);
		reg [47:0] last;

		last = address + (48'(length) << BUS_SIZE);
		assert (32'(size) == BUS_SIZE) else $error("a burst of other beats than bus words");
		assert (burst == 2'b01) else $error("a burst that does not increment");
		assert (32'(length) < BURST_BEATS) else $error("a burst of %0d beats", 32'(length) + 1);
		assert (last[47:12] == address[47:12]) else $error("a burst across 4 KB, at %h", address);
		assert (in_window(address) && in_window(last))
		else $error("a burst outside the window, at %h", address);
	endfunction

	// ---- reads, by id
	reg [7:0] r_length [0:2*PLACES-1];
	reg [4:0] r_asked [0:1];  // bursts, modulo PLACES
	reg [4:0] r_done [0:1];
	reg [7:0] r_beat [0:1];   // that comes next

	/* verilator lint_off BLKSEQ */ // a model, step by step: a request, then what answers it
	always @(posedge clk_i)
		if (!rst_ni) begin
			for (int i = 0; i < 2; i++) begin
				r_asked[i] = 5'd0;
				r_done[i] = 5'd0;
				r_beat[i] = 8'd0;
			end
		end else begin
			if (arvalid_i)
				check_burst(araddr_i, arlen_i, arsize_i, arburst_i);
			if (arvalid_i && arready_i) begin
				r_length[{arid_i, r_asked[arid_i]}] = arlen_i;
				r_asked[arid_i] += 5'd1;
				assert ({27'd0, r_asked[arid_i] - r_done[arid_i]} <= OUTSTANDING)
				else $error("more reads of id %0d than OUTSTANDING", arid_i);
			end
			assert (rready_i) else $error("RREADY is 0");
			if (rvalid_i && rready_i) begin
				assert (r_asked[rid_i] != r_done[rid_i])
				else $error("memory: data for no read of id %0d", rid_i);
				assert (rlast_i == (r_beat[rid_i] == r_length[{rid_i, r_done[rid_i]}]))
				else $error("memory: RLAST is %0d at beat %0d", rlast_i, r_beat[rid_i]);
				r_beat[rid_i] += 8'd1;
				if (rlast_i) begin
					r_beat[rid_i] = 8'd0;
					r_done[rid_i] += 5'd1;
				end
			end
		end

	// ---- writes: shown, taken, sent, answered, in order
	reg [47:0] w_address [0:PLACES-1];
	reg [7:0] w_length [0:PLACES-1];
	reg [4:0] w_shown, w_taken, w_sent, w_answered; // bursts, modulo PLACES
	reg [7:0] w_beat;
	reg aw_stalled;

	// The bytes of a beat are those of the run from the burst's address on: they begin there or with the
	// word, and end with the word but for the last beat.
	function automatic void check_strobes();
		reg [47:0] word;
		reg [BUS_BYTES-1:0] lowest, first;

		word = (w_address[w_sent] & ~IN_WORD) + (48'(w_beat) << BUS_SIZE);
		lowest = wstrb_i & (~wstrb_i + 1'b1);
		first = w_beat == 8'd0 ? BUS_BYTES'(1) << (w_address[w_sent] & IN_WORD) : BUS_BYTES'(1);
		assert (lowest == first) else $error("the first byte of a beat is wrong: strobes %b", wstrb_i);
		assert ((wstrb_i & (wstrb_i + lowest)) == '0)
		else $error("a gap between the bytes: strobes %b", wstrb_i);
		assert (wlast_i || wstrb_i[BUS_BYTES-1]) else $error("a beat ends too soon: strobes %b", wstrb_i);
		for (int i = 0; i < BUS_BYTES; i++)
			assert (!wstrb_i[i] || (word + 48'(i) >= mem_base_i && word + 48'(i) - mem_base_i < mem_size_i))
			else $error("a byte is written outside the window, at %h", word + 48'(i));
	endfunction

	always @(posedge clk_i)
		if (!rst_ni) begin
			w_shown = 5'd0;
			w_taken = 5'd0;
			w_sent = 5'd0;
			w_answered = 5'd0;
			w_beat = 8'd0;
			aw_stalled = 1'b0;
		end else begin
			if (awvalid_i && !aw_stalled) begin
				check_burst(awaddr_i, awlen_i, awsize_i, awburst_i);
				w_address[w_shown] = awaddr_i;
				w_length[w_shown] = awlen_i;
				w_shown += 5'd1;
				assert ({27'd0, w_shown - w_answered} <= OUTSTANDING)
				else $error("more writes than OUTSTANDING");
			end
			w_taken += 5'(awvalid_i && awready_i);
			aw_stalled = awvalid_i && !awready_i;
			if (wvalid_i && wready_i) begin
				assert (w_shown != w_sent) else $error("data before their address");
				assert (wlast_i == (w_beat == w_length[w_sent]))
				else $error("WLAST is %0d at beat %0d", wlast_i, w_beat);
				check_strobes();
				w_beat += 8'd1;
				if (wlast_i) begin
					w_beat = 8'd0;
					w_sent += 5'd1;
				end
			end
			assert (bready_i) else $error("BREADY is 0");
			if (bvalid_i && bready_i) begin
				assert (w_taken != w_answered && w_sent != w_answered)
				else $error("memory: a response to no write");
				w_answered += 5'd1;
			end
		end
	/* verilator lint_on BLKSEQ */
endmodule
