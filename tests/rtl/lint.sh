#!/bin/sh
# lint.sh: every module of rtl/ in Verilator (lint), Icarus and Yosys, the matrix unit in several shapes.
# A tool that is not installed is skipped, and it says so. Exit status 1 where anything was found.
set -u
findings=0
includes="-Irtl -I$BUILD/gen"
lint="verilator --lint-only --default-language 1364-2005 -Wall -y rtl $includes"
shapes='ROWS=1,COLS=1,A_BITS=2,W_BITS=2,ACC_BITS=16,ACC_OVERFLOW=0,OS_MAX=256,A_DEPTH=2,W_DEPTH=2,ACC_DEPTH=2
ROWS=12,COLS=20,A_BITS=7,W_BITS=11,ACC_BITS=40,OS_MAX=512,A_DEPTH=1000,W_DEPTH=1002,ACC_DEPTH=1004
ROWS=64,COLS=64,A_BITS=16,W_BITS=16,ACC_BITS=64,OS_MAX=65536,A_DEPTH=65536,W_DEPTH=65536,ACC_DEPTH=65536'

have() {
	command -v "$1" >/dev/null 2>&1 && return 0
	echo "lint: $1: skipped, not installed"
	return 1
}

# check WHAT COMMAND...: a failure, or any output, is a finding.
check() {
	what=$1
	shift
	output=$("$@" 2>&1) && [ -z "$output" ] && return
	printf 'lint: %s: FAILED\n%s\n' "$what" "$output"
	findings=$((findings + 1))
}

for file in rtl/*.v; do
	module=$(basename "$file" .v)
	# shellcheck disable=SC2086 # lists of options
	if have verilator; then
		check "verilator $module" $lint --top-module "$module" "$file"
	fi
	# shellcheck disable=SC2086
	if have iverilog; then
		check "iverilog $module" iverilog -g2005 -Wall $includes -y rtl -t null -s "$module" "$file"
	fi
	if have yosys; then
		check "yosys $module" yosys -q -w 'Replacing memory' \
			-p "read_verilog -defer $includes rtl/*.v; hierarchy -check -top $module; proc; check -assert"
	fi
done
if have verilator; then
	for shape in $shapes; do
		# shellcheck disable=SC2086,SC2046
		check "verilator $shape" $lint $(echo "-G$shape" | sed 's/,/ -G/g') rtl/qmac_matrix.v
	done
fi
[ "$findings" = 0 ] && echo "lint: rtl: clean"
