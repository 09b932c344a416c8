#!/bin/sh
# synth.sh: `make synth` of two small modules, whose registers and memories are known, and what it refuses.
# Prints "synth: N passed, N failed, N skipped". BUILD is the build folder, with gen/qmac_isa.vh.
set -u
script=rtl/synth/synth.sh
hardware=configs/hw/8x8_w8.yaml
passed=0 failed=0
output=

# verdict WHAT PASSED
verdict() {
	if [ "$2" = 0 ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		printf '%s: FAILED\n%s\n' "$1" "$output"
	fi
}

# refused WHAT PATTERN COMMAND...: it fails, and says so.
refused() {
	what=$1 pattern=$2
	shift 2
	if output=$("$@" 2>&1); then
		verdict "$what: accepted" 1
	else
		echo "$output" | grep -q "$pattern"
		verdict "$what" $?
	fi
}

# synthesised WHAT AWK-CONDITION ARGUMENT...: the row `all` and the path; fields as in report.awk.
synthesised() {
	what=$1 condition=$2
	shift 2
	output=$(sh $script "$hardware" "$@" 2>&1) &&
		echo "$output" | awk "/^all/ { flops = \$3; area = \$4; bits = \$6 }
			/^longest path/ { ns = \$3 }
			END { exit !(area > 0 && ns > 0 && ns < 100 && $condition) }"
	verdict "$what" $?
}

refused 'without tools' 'yosys is not installed' env PATH=/nonexistent "$(command -v sh)" $script "$hardware"
if ! command -v yosys >/dev/null 2>&1 || ! command -v sta >/dev/null 2>&1 ||
	! [ -f "${LIBERTY:-/usr/share/qflow/tech/osu018/osu018_stdcells.lib}" ]; then
	echo 'synth: yosys, OpenSTA or the cell library is not installed'
	echo "synth: $passed passed, $failed failed, 1 skipped"
	[ "$failed" = 0 ]
	exit
fi
refused 'no hardware file' 'give HW=' sh $script ''
refused 'no such module' 'give TOP=' sh $script "$hardware" qmac_nothing
refused 'no such parameter' 'no parameter' sh $script "$hardware" qmac_lut FOO=1
refused 'too large' 'more than LIMIT' sh $script "$hardware" qmac_top ROWS=64 COLS=64
# A position in a row of at most 512 bytes.
synthesised 'a module of ten registers' 'flops == 10 && bits == 0' qmac_pair
synthesised 'a memory that becomes registers' 'flops > 50 && bits == 0' qmac_zero ROWS=2 COLS=2
synthesised 'a memory that is kept apart' 'flops == 0 && bits == 64 * 32' qmac_lut LUT_BITS=6
echo "synth: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
