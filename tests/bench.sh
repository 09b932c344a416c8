#!/bin/sh
# make bench: every measurement, side by side, in one run.
#
# Usage: BUILD=build sh tests/bench.sh PROGRAM...
#
# Each of tests/bench_*.c prints tables; the rows of reference/measure.h go to $BUILD/bench.csv, too. OpenBLAS
# is measured with the kernels that are the fastest here: it takes slow ones on processors that are younger.
# Behind them, where perf is installed, where the time of a step goes.
set -eu

build=${BUILD:-build}
programs=$build/release/tests
rows=$build/bench.csv

# GMAC/s of sgemm with kernels of that name, or as OpenBLAS chooses ("").
sgemm() {
	if [ -n "$1" ]; then
		OPENBLAS_CORETYPE=$1 "$programs/bench_machine" sgemm 2> /dev/null || echo 0
	else
		"$programs/bench_machine" sgemm
	fi
}

best=$(sgemm '')
fastest=
for core in Haswell Zen SkylakeX Cooperlake Sapphirerapids; do
	speed=$(sgemm $core)
	if awk "BEGIN {exit !($speed > 1.02 * $best)}"; then
		best=$speed
		fastest=$core
	fi
done
if [ -n "$fastest" ]; then
	export OPENBLAS_CORETYPE="$fastest"
fi

# The functions that take the most time in a step.
profile() {
	perf record -q -F 999 -o "$build/bench.perf" "$programs/bench_step" "$1" > /dev/null 2>&1 || return 1
	perf report -q -i "$build/bench.perf" --no-children --sort symbol 2> /dev/null |
	awk '$1 ~ /%$/ && n++ < 14 {printf "%8s  %s\n", $1, $3}'
	rm -f "$build/bench.perf"
}

rm -f "$rows"
export QMAC_BENCH_CSV="$rows" QMAC_BENCH_ARRAYS="$build/rtl"
export QMAC_CACHE="${QMAC_CACHE:-$(cd "$build" && pwd)/cache}"
"$programs/bench_machine"
for program; do
	if [ "$program" != bench_machine ]; then
		"$programs/$program"
	fi
done
for network in lenet5 resnet20; do
	echo
	echo "Where the time of a step of $network goes"
	if ! command -v perf > /dev/null; then
		echo "left out: perf is not installed"
	elif ! profile $network; then
		echo "left out: perf may not measure here, or the data set is missing"
	fi
done
echo
echo "rows: $rows"
