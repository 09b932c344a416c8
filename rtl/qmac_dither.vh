// The round of the counter-based random numbers (docs/numerics.md) and its constants.
// Included inside a module. A round is one level of 5-input logic, wires otherwise.

function [15:0] round_constant(input integer i);
	case (i)
	0: round_constant = 16'h9E37;
	1: round_constant = 16'h79B9;
	2: round_constant = 16'h7F4A;
	3: round_constant = 16'h7C15;
	4: round_constant = 16'hF39C;
	5: round_constant = 16'hC060;
	6: round_constant = 16'h5CED;
	7: round_constant = 16'hC834;
	8: round_constant = 16'h1082;
	9: round_constant = 16'h276B;
	10: round_constant = 16'hF3A2;
	default: round_constant = 16'h7251;
	endcase
endfunction

function [31:0] dither_round(input [31:0] x, input [15:0] k);
	reg [15:0] a;
	reg [15:0] b;
	begin
		{a, b} = x;
		dither_round = {b ^ ({a[14:0], a[15]} & {a[7:0], a[15:8]}) ^ {a[13:0], a[15:14]} ^ k, a};
	end
endfunction
