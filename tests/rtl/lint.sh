#!/bin/sh
# lint.sh: every module of rtl/ in Verilator (lint), Icarus and Yosys, the matrix unit in several shapes,
# the whole device with the parameters of two hardware files, what simulation adds, synthesis of a tiny
# device up to the mapping of its memories and cells, and parameters that must be refused (Yosys does not
# look at them).
# A tool that is not installed is skipped, and it says so. Exit status 1 where anything was found.
set -u
findings=0
# Icarus makes a file of what it writes to, with a mode of its own, and so would of /dev/null.
scratch=$(mktemp -d "$BUILD/lint.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
includes="-Irtl -I$BUILD/gen"
lint="verilator --lint-only --default-language 1364-2005 -Wall -y rtl $includes"
shapes='ROWS=1,COLS=1,A_BITS=2,W_BITS=2,ACC_BITS=16,ACC_OVERFLOW=0,OS_MAX=256,A_DEPTH=2,W_DEPTH=2,ACC_DEPTH=2
ROWS=12,COLS=20,A_BITS=7,W_BITS=11,ACC_BITS=40,OS_MAX=512,A_DEPTH=1000,W_DEPTH=1002,ACC_DEPTH=1004
ROWS=64,COLS=64,A_BITS=16,W_BITS=16,ACC_BITS=64,OS_MAX=65536,A_DEPTH=65536,W_DEPTH=65536,ACC_DEPTH=65536'
# The whole device for synthesis proper, whose time grows with it.
smallest='ROWS=2,COLS=2,A_BITS=2,W_BITS=2,ACC_BITS=16,OS_MAX=256,A_DEPTH=4,W_DEPTH=4,ACC_DEPTH=4,BUS_BYTES=4'
smallest=$smallest,BURST_BEATS=2,OUTSTANDING=1,QUEUE_DEPTH=1,LUT_BITS=4,LUT_PORTS=1
# Out of range, odd, and one that does not fit another: scratchpads must hold two full arrays.
illegal='ROWS=65 A_DEPTH=63 COLS=33'

have() {
	command -v "$1" >/dev/null 2>&1 && return 0
	echo "lint: $1: skipped, not installed"
	return 1
}

finding() {
	printf 'lint: %s: FAILED\n%s\n' "$1" "$2"
	findings=$((findings + 1))
}

# check WHAT COMMAND...: a failure, or any output, is a finding.
check() {
	what=$1
	shift
	if ! output=$("$@" 2>&1) || [ -n "$output" ]; then
		finding "$what" "$output"
	fi
}

# refuse WHAT PATTERN COMMAND...: that it succeeds is a finding, or that it fails for another reason.
refuse() {
	what=$1 pattern=$2
	shift 2
	if output=$("$@" 2>&1); then
		finding "$what" 'accepted'
	else
		echo "$output" | grep -q "$pattern" || finding "$what" "$output"
	fi
}

# options OPTION SEPARATOR ROWS=1,COLS=1,...: every parameter as an option.
options() {
	echo "$3" | tr , '\n' | sed "s/^\(.*\)=\(.*\)/$1\1$2\2/"
}

# The parameters of a hardware file, with commas.
parameters() {
	awk -f rtl/parameters.awk "configs/hw/$1.yaml" | paste -s -d ,
}

have verilator && verilator=1 || verilator=
have iverilog && iverilog=1 || iverilog=
have yosys && yosys=1 || yosys=

# shellcheck disable=SC2086 # lists of options, here and below
for file in rtl/*.v; do
	module=$(basename "$file" .v)
	[ -z "$verilator" ] || check "verilator $module" $lint --top-module "$module" "$file"
	[ -z "$iverilog" ] ||
		check "iverilog $module" iverilog -g2005 -Wall $includes -y rtl -t null -s "$module" "$file"
	[ -z "$yosys" ] || check "yosys $module" yosys -q -w 'Replacing memory' \
		-p "read_verilog -defer $includes rtl/*.v; hierarchy -check -top $module; proc; check -assert"
done

# shellcheck disable=SC2046,SC2086
if [ "$verilator" ]; then
	for shape in $shapes; do
		check "verilator qmac_matrix $shape" $lint $(options -G = "$shape") rtl/qmac_matrix.v
	done
	for shape in $illegal; do
		refuse "verilator: illegal $shape" qmac_legal $lint $(options -G = "$shape") rtl/qmac_top.v
	done
fi

for name in 8x8_w8 ragged; do
	device=$(parameters "$name")
	# With the clocks of the engines gated, and without.
	[ "$name" = ragged ] || device=$device,CLOCK_GATES=1,PORT_REGISTERS=1
	# shellcheck disable=SC2046,SC2086
	if [ "$verilator" ]; then
		check "verilator device $name" $lint $(options -G = "$device") --top-module qmac_top rtl/qmac_top.v
		check "verilator simulation $name" $lint --assert +1800-2017ext+sv --unroll-count 8 \
			$(options -G = "$device") --top-module qmac_sim rtl/sim/*.sv
	fi
	# shellcheck disable=SC2046,SC2086
	[ -z "$iverilog" ] || check "iverilog device $name" iverilog -g2005 -Wall $includes -y rtl \
		-o "$scratch/device" -s qmac_top $(options -Pqmac_top. = "$device") rtl/qmac_top.v
	[ -z "$yosys" ] || check "yosys device $name" yosys -q -w 'Replacing memory' \
		-p "read_verilog -defer $includes rtl/*.v
			chparam $(options '-set ' ' ' "$device" | tr '\n' ' ') qmac_top
			hierarchy -check -top qmac_top; proc; check -assert"
done
# Half a minute.
# shellcheck disable=SC2046,SC2086
[ -z "$yosys" ] || check 'yosys: synthesis of the smallest device' yosys -q -w 'Replacing memory' \
	-p "read_verilog -defer $includes rtl/*.v
		chparam $(options '-set ' ' ' "$smallest" | tr '\n' ' ') qmac_top
		synth -top qmac_top -run begin:fine; check -assert"
# shellcheck disable=SC2046,SC2086
if [ "$iverilog" ]; then
	for shape in $illegal; do
		refuse "iverilog: illegal $shape" qmac_legal iverilog -g2005 $includes -y rtl -o "$scratch/device" \
			-s qmac_top $(options -Pqmac_top. = "$shape") rtl/qmac_top.v
	done
fi
[ "$findings" = 0 ] && echo "lint: rtl: clean"
