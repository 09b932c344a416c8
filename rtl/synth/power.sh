#!/bin/sh
# power.sh: what a PE takes by the widths of its operands, in gates and in energy of a cycle; the table of
# docs/area.md. The energy is OpenSTA's estimate from the library's figures, without simulation: every input
# of the array, controls among them, changes every other cycle, and what a cell makes of that goes on to the
# next. A PE is E(2x2) - E(1x2) - E(2x1) + E(1x1), in which the edges of the array cancel. BUILD is the
# build folder; what is in its synth/ is not done again.
set -eu
export BUILD="${BUILD:-build}"
hardware=configs/hw/8x8_w8.yaml
LIBERTY=${LIBERTY:-/usr/share/qflow/tech/osu018/osu018_stdcells.lib}
PERIOD_NS=100

# measure ROWS COLS A_BITS W_BITS: area in um2, power in W.
measure() {
	set -- "ROWS=$1" "COLS=$2" "A_BITS=$3" "W_BITS=$4" OS_MAX=256
	base=$BUILD/synth/$(basename $hardware .yaml)$(printf -- '-%s' "$@" qmac_array | tr '=' '_')
	[ -s "$base.table" ] || {
		TARGETS=cells sh rtl/synth/synth.sh $hardware qmac_array "$@" > "$base.table.tmp" || exit 1
		mv "$base.table.tmp" "$base.table"
	}
	cat > "$base.power.tcl" <<END
read_liberty $LIBERTY
read_verilog $base.cells.v
link_design qmac_array
create_clock -name clock -period $PERIOD_NS [get_ports clk_i]
set_power_activity -input -activity 0.5 -duty 0.5
report_power -digits 8
END
	sta -no_splash -exit "$base.power.tcl" > "$base.power" 2>&1
	awk '$1 == "all" { area = $4 } /^Total/ && $5 > 0 { power = $5 } END { print area, power }' \
		"$base.table" "$base.power"
}

printf '| operands | gates of a PE | pJ a cycle | to 8x8 |\n|---|--:|--:|--:|\n'
for widths in '8 8' '4 4' '16 16' '8 4'; do
	for shape in '2 2' '1 2' '2 1' '1 1'; do
		# shellcheck disable=SC2086 # numbers
		measure $shape $widths
	done | awk -v WIDTHS="$widths" -v PERIOD=$PERIOD_NS '
		{ sign = NR == 1 || NR == 4 ? 1 : -1; area += sign * $1; power += sign * $2 }
		END { print WIDTHS, area / 24, power * PERIOD * 1000 }'
done | awk '
	NR == 1 { eight = $4 }
	{ printf "| %dx%d | %.0f | %.1f | %.2f |\n", $1, $2, $3, $4, $4 / eight }'
