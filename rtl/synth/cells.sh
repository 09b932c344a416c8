# cells.sh: the target `cells` of synth.sh: mapping to a library, and the longest path by OpenSTA.
# shellcheck shell=sh disable=SC2154 # what synth.sh sets

# Mapping for delay. Memories of the scratchpads and the table are kept apart; all others become registers.
map='+strash;&get,-n;&nf;&put'

# Two netlists: $out.stat by module, and a flat one for the path, with buffers and sizes, so that no net has
# more load than it can drive.
map_cells() {
	flat=
	[ "$PATHS" = 0 ] || flat="
		design -load gates
		flatten
		techmap -map $here/macro.v t:\$mem_v2
		opt_clean
		abc -liberty $LIBERTY -script $map;buffer;upsize;dnsize
		splitnets -ports
		opt_clean -purge
		rename -wire
		chtype -set \$_DFF_P_ t:synth_pin
		dfflibmap -liberty $LIBERTY
		write_verilog -noattr $out.v"
	# shellcheck disable=SC2086 # a list of options
	yosys $quiet -l "$out.log" -p "
		read_liberty -lib $LIBERTY
		$read
		proc; opt_expr; opt_clean; opt -nodffe -nosdff; wreduce; peepopt; opt_clean; alumacc; opt
		memory_dff *qmac_scratchpad* *qmac_lut*
		memory -nordff -nomap
		opt_clean
		memory_map * *qmac_scratchpad* %d *qmac_lut* %d
		tee -q -o $out.macros dump -m t:\$mem_v2
		opt_clean; techmap; opt_expr; opt_clean
		dfflibmap -liberty $LIBERTY
		design -save gates
		abc -liberty $LIBERTY -script $map
		opt_clean -purge
		tee -q -o $out.stat stat -liberty $LIBERTY$flat" >&2
}

# All registers and memories on one clock; a way through ports counts too.
path_cells() {
	cat > "$out.tcl" <<END
read_liberty $LIBERTY
read_verilog $out.v
link_design $top
create_clock -name clock -period 1000 [get_ports *clk_i]
set_input_delay 0 -clock clock [all_inputs]
set_output_delay 0 -clock clock [all_outputs]
report_checks -path_delay max -format full -digits 2
END
	sta -no_splash -exit "$out.tcl" > "$out.path" 2>&1 || fail "OpenSTA failed: see $out.path"
	grep -q 'data arrival time' "$out.path" || fail "OpenSTA found no path: see $out.path"
	awk '{ sub(/\\.*/, "", $2) }
		/^Startpoint/ { from = $2 }
		/^Endpoint/ { to = $2 }
		/ \([A-Z0-9]+\)$/ { pins++ }
		/data arrival time/ {
			printf "cells: longest path %s ns, %d cells between, from %s to %s\n", $1, pins - 3, from, to
			exit
		}' "$out.path"
}
