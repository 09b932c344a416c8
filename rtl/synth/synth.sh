#!/bin/sh
# synth.sh HARDWARE-FILE [MODULE [PARAMETER=VALUE...]]: synthesis of the device, or of one of its modules,
# with the parameters of a hardware file, some changed, by Yosys and OpenSTA for the cells of a library;
# docs/rtl.md, "Synthesis". Prints the area per module and the longest path. BUILD is the build folder,
# LIBERTY the library, a Liberty file. A device of more than LIMIT gates, by a rough estimate, is
# refused; LIMIT=0: none is.
set -eu
hardware=$1 top=${2:-qmac_top}
if [ $# -lt 2 ]; then shift; else shift 2; fi
LIBERTY=${LIBERTY:-/usr/share/qflow/tech/osu018/osu018_stdcells.lib}
LIMIT=${LIMIT:-1000000}
here=rtl/synth

fail() {
	echo "synth: $*" >&2
	exit 1
}

command -v yosys >/dev/null 2>&1 || fail 'yosys is not installed (Debian: apt-get install yosys)'
command -v sta >/dev/null 2>&1 || fail 'OpenSTA is not installed (Debian: apt-get install opensta)'
[ -f "$LIBERTY" ] || fail "$LIBERTY: there is no such cell library
  Debian has one in the package qflow-tech-osu018; LIBERTY=file takes another"
[ -f "$hardware" ] || fail "$hardware: there is no such hardware file; give HW=configs/hw/8x8_w8.yaml"
[ -f "rtl/$top.v" ] || fail "$top: rtl/ has no such module; give TOP=qmac_check"

parameters=$(awk -f rtl/parameters.awk "$hardware")
for assignment in "$@"; do
	echo "$parameters" | grep -q "^${assignment%%=*}=" || fail "$assignment: no parameter of the RTL"
	parameters=$(echo "$parameters" | sed "s/^${assignment%%=*}=.*/$assignment/")
done
value() {
	echo "$parameters" | sed -n "s/^$1=//p"
}

# Gates of a device, coarsely: what a PE, a lane of VEC and all the rest were found to need.
rows=$(value ROWS) cols=$(value COLS)
[ -n "$rows" ] || fail "$hardware: it has no rows"
lanes=$((rows > cols ? rows : cols))
fifo=$(($(value OUTSTANDING) * $(value BURST_BEATS) * $(value BUS_BYTES) * 8))
element=$(($(value A_BITS) * $(value W_BITS) * 10 + 1000))
estimate=$((rows * cols * element + lanes * 50000 + fifo * 20 + 300000))
[ "$top" != qmac_top ] || [ "$LIMIT" = 0 ] || [ "$estimate" -le "$LIMIT" ] ||
	fail "$hardware: about $estimate gates, more than LIMIT=$LIMIT: synthesis would take an hour or more
  TOP=module synthesises one module, LIMIT=0 all, however long it takes"

# A module has some of the parameters.
chparam=
for assignment in $parameters; do
	grep -q "parameter ${assignment%=*} " "rtl/$top.v" || continue
	chparam="$chparam -set ${assignment%=*} ${assignment#*=}"
done
[ -z "$chparam" ] || chparam="chparam$chparam $top"

out=$BUILD/synth/$(basename "$hardware" .yaml)$(printf -- '-%s' "$@" "$top" | tr '=' '_')
mkdir -p "$BUILD/synth"
# Mapping for delay, then buffers and sizes, so that no net has more load than it can drive. Memories of
# the scratchpads and the table are kept apart; all others become registers.
map='+strash;&get,-n;&nf;&put'
quiet="-q -w Replacing.memory -w did.not.match"
started=$(date +%s)
# shellcheck disable=SC2086 # a list of options
yosys $quiet -l "$out.log" -p "
	read_liberty -lib $LIBERTY
	read_verilog -defer -Irtl -I$BUILD/gen rtl/*.v
	$chparam
	hierarchy -check -top $top
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
	tee -q -o $out.stat stat -liberty $LIBERTY
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
	write_verilog -noattr $out.v" >&2

# All registers and memories on one clock; a way through ports counts too.
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

nand=$(awk '
	/cell *\(NAND2X1\)/ { found = 1 }
	found && /area/ { gsub(/[^0-9.]/, ""); print; exit }' "$LIBERTY")
awk -v NAND2="${nand:-1}" -f $here/report.awk "$out.macros" "$out.stat"
awk '{ sub(/\\.*/, "", $2) }
	/^Startpoint/ { from = $2 }
	/^Endpoint/ { to = $2 }
	/ \([A-Z0-9]+\)$/ { pins++ }
	/data arrival time/ {
		printf "longest path: %s ns, %d cells between, from %s to %s\n", $1, pins - 3, from, to
		exit
	}' "$out.path"
echo "$top with $hardware${*:+ and $*}, $(basename "$LIBERTY"), $(($(date +%s) - started)) s;" \
	"netlist and path: $out.v, .path"
