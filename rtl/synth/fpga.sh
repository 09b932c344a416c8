# fpga.sh: the targets `xilinx` and `ice40` of synth.sh. Yosys maps memories to block RAM, or to LUTs where
# they are small, and wide products to DSP blocks; its `sta` finds the longest path of the flat netlist.
# shellcheck shell=sh disable=SC2154 # what synth.sh sets

# map_fpga COMMAND LIBRARY: the library is read anew for the path, because mapping undoes some of its times.
map_fpga() {
	: > "$out.macros"
	flat=
	[ "$PATHS" = 0 ] || flat="
		flatten
		opt_clean -purge
		write_verilog -noattr $out.v
		design -reset
		read_verilog -lib -specify $2
		read_verilog $out.v
		hierarchy -top $top
		tee -q -o $out.path sta"
	# shellcheck disable=SC2086 # a list of options
	yosys $quiet -w no.timing.arcs -w recognised.endpoint -w sta_arrival -w Resizing.cell.port \
		-l "$out.log" -p "
		$read
		$1 -top $top
		tee -q -o $out.stat stat$flat" >&2
}

map_xilinx() {
	map_fpga 'synth_xilinx -family xc7 -noiopad -noclkbuf' '+/xilinx/cells_sim.v'
}

map_ice40() {
	map_fpga 'synth_ice40 -noflatten -dsp' '-D ICE40_HX +/ice40/cells_sim.v'
}

# Yosys prints the end first; a path begins at the output of a register, a memory or a DSP block.
path_fpga() {
	awk -v TARGET="$target" -f "$here/path.awk" "$out.path"
}

path_xilinx() {
	path_fpga
}

path_ice40() {
	path_fpga
}
