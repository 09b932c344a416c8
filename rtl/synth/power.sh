#!/bin/sh
# power.sh: what a PE takes by the widths of its operands: configs/energy/rtl_180nm.csv, on standard output.
# An array of 4 x 4 is mapped to the cells of the library and simulated with random operands; power.awk makes
# picojoules of what its nets did. A PE has a sixteenth. `pj` is without delays, so that a net changes once a
# cycle at most; `pj_delays` with those of the cells, and so with all glitches of its product. BUILD is the
# build folder; what is in its synth/ is not made again.
set -eu
hardware=configs/hw/8x8_w8.yaml
LIBERTY=${LIBERTY:-/usr/share/qflow/tech/osu018/osu018_stdcells.lib}
BUILD=$(cd "${BUILD:-build}" && pwd)
export BUILD LIBERTY
here=$(cd "$(dirname "$0")" && pwd)
folder=$BUILD/synth/power
mkdir -p "$folder"
command -v iverilog >/dev/null 2>&1 || {
	echo 'power: Icarus is not installed (Debian: apt-get install iverilog)' >&2
	exit 1
}

# simulate NETLIST A_BITS W_BITS OPTION...: toggles and picojoules of the array.
simulate() {
	netlist=$1 a=$2 w=$3
	shift 3
	awk '$1 == "input" || $1 == "output" {
		port = $2
		bit = port
		sub(/;$/, "", port)
		gsub(/[\\;]/, "", bit)
		if ($1 == "input") {
			printf "%s.%s (%s)", separator, port, bit
			separator = ",\n"
		}
	}' "$netlist" > "$folder/ports.vh"
	iverilog -g2005 -Ttyp "$@" -I"$folder" -Ppower.A_BITS="$a" -Ppower.W_BITS="$w" -s power \
		-o "$folder/power" "$here/power.v" "$netlist" "${LIBERTY%.lib}.v" >&2
	(cd "$folder" && vvp -n power >&2)
	awk -v PERIOD=10000 -f "$here/power.awk" "$LIBERTY" "$netlist" "$folder/power.vcd"
}

# row A_BITS W_BITS OS_MAX PSUM_BITS
row() {
	set -- "$@" ROWS=4 COLS=4 "A_BITS=$1" "W_BITS=$2" "OS_MAX=$3"
	a=$1 w=$2 psum=$4
	shift 4
	base=$BUILD/synth/$(basename $hardware .yaml)$(printf -- '-%s' "$@" qmac_array | tr '=' '_')
	[ -s "$base.table" ] || {
		TARGETS=cells sh rtl/synth/synth.sh $hardware qmac_array "$@" > "$base.table.tmp"
		mv "$base.table.tmp" "$base.table"
	}
	{
		awk '$1 == "all" { print $5 }' "$base.table"
		simulate "$base.cells.v" "$a" "$w"
		simulate "$base.cells.v" "$a" "$w" -gspecify
	} | awk -v ROW="$a,$w,$psum" '
		NR == 1 { gates = $1 }
		NR == 2 { toggles = $1; pj = $2 }
		NR == 3 { slow = $2 }
		END { if (NR != 3 || !(pj > 0 && slow >= pj)) exit 1
			printf "%s,%.0f,%.1f,%.2f,%.2f\n", ROW, gates / 16, toggles / 16, pj / 16, slow / 16 }'
}

echo 'a_bits,w_bits,psum_bits,gates,toggles,pj,pj_delays'
while read -r a w os_max psum; do
	kept=$folder/$a-$w-$psum
	[ -s "$kept" ] || {
		row "$a" "$w" "$os_max" "$psum" > "$kept.tmp" || exit 1
		mv "$kept.tmp" "$kept"
	}
	cat "$kept"
done <<'END'
2 2 256 13
4 4 256 17
8 8 256 25
16 16 256 41
8 4 256 21
16 8 256 33
8 8 65536 33
END
