#!/bin/sh
# synth.sh HARDWARE-FILE [MODULE [PARAMETER=VALUE...]]: synthesis of the device, or of one of its modules,
# with the parameters of a hardware file, some changed; docs/rtl.md, "Synthesis". Prints one table by module
# and the longest paths. TARGETS are some of
#   cells   the cells of a library: Yosys and OpenSTA; LIBERTY is the library, a Liberty file
#   xilinx  an FPGA of Xilinx's series 7: Yosys
#   ice40   an FPGA of Lattice's iCE40 family: Yosys
# PATHS=0 leaves out the paths, and the time they take. ROWS=file: rows for rtl/synth/table.awk are kept
# there. BUILD is the build folder. A device of more than LIMIT gates, by a rough estimate, is refused;
# LIMIT=0: none is.
set -eu
hardware=$1 top=${2:-qmac_top}
if [ $# -lt 2 ]; then shift; else shift 2; fi
LIBERTY=${LIBERTY:-/usr/share/qflow/tech/osu018/osu018_stdcells.lib}
LIMIT=${LIMIT:-1000000}
TARGETS=${TARGETS:-cells xilinx ice40}
PATHS=${PATHS:-1}
here=rtl/synth

fail() {
	echo "synth: $*" >&2
	exit 1
}

command -v yosys >/dev/null 2>&1 || fail 'yosys is not installed (Debian: apt-get install yosys)'
for target in $TARGETS; do
	case $target in
	cells)
		[ "$PATHS" = 0 ] || command -v sta >/dev/null 2>&1 ||
			fail 'OpenSTA is not installed (Debian: apt-get install opensta)
  TARGETS="xilinx ice40" does without it'
		[ -f "$LIBERTY" ] || fail "$LIBERTY: there is no such cell library
  Debian has one in the package qflow-tech-osu018; LIBERTY=file takes another"
		;;
	xilinx | ice40) ;;
	*) fail "$target: no such target; TARGETS are some of cells, xilinx, ice40" ;;
	esac
done
[ -f "$hardware" ] || fail "$hardware: there is no such hardware file; give HW=configs/hw/8x8_w8.yaml"
[ -f "rtl/$top.v" ] || fail "$top: rtl/ has no such module; give TOP=qmac_check"

parameters=$(awk -f rtl/parameters.awk "$hardware")
for assignment in "$@"; do
	name=${assignment%%=*}
	if echo "$parameters" | grep -q "^$name="; then
		parameters=$(echo "$parameters" | sed "s/^$name=.*/$assignment/")
	else
		grep -q "parameter $name " "rtl/$top.v" || fail "$assignment: no parameter of the RTL"
		parameters="$parameters $assignment"
	fi
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

base=$BUILD/synth/$(basename "$hardware" .yaml)$(printf -- '-%s' "$@" "$top" | tr '=' '_')
mkdir -p "$BUILD/synth"
# shellcheck disable=SC2034 # of the two files
quiet="-q -w Replacing.memory -w did.not.match"
# shellcheck disable=SC2034
read="read_verilog -defer -Irtl -I$BUILD/gen rtl/*.v
	$chparam
	hierarchy -check -top $top"
# shellcheck disable=SC1091 # each is checked by itself
. "$here/cells.sh"
# shellcheck disable=SC1091
. "$here/fpga.sh"

# One target after the other; one that fails is left out of the table, and said to be.
rows=$base.rows paths=$base.paths left_out=
: > "$rows"
: > "$paths"
for target in $TARGETS; do
	started=$(date +%s) out=$base.$target
	if "map_$target"; then
		awk -v TARGET="$target" -f $here/count.awk "$out.macros" "$out.stat" >> "$rows"
		[ "$PATHS" = 0 ] || "path_$target" >> "$paths"
		echo "$target: $(($(date +%s) - started)) s" >> "$paths"
	else
		left_out="$left_out $target"
		echo "$target: left out, because Yosys failed: see $out.log" >> "$paths"
	fi
done
nand=$(awk '
	/cell *\(NAND2X1\)/ { found = 1 }
	found && /area/ { gsub(/[^0-9.]/, ""); print; exit }' "$LIBERTY" 2>/dev/null || :)
awk -v NAND2="${nand:-1}" -v TARGETS="$TARGETS" -f $here/table.awk "$rows"
cat "$paths"
echo "$top with $hardware${*:+ and $*}, $(yosys -V | cut -d ' ' -f 1-2), $(basename "$LIBERTY");" \
	"netlists, paths: $base.*"
[ -z "${ROWS:-}" ] || cp "$rows" "$ROWS"
[ -z "$left_out" ]
