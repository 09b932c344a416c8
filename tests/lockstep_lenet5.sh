#!/bin/sh
# lockstep_lenet5.sh QMAC [MINIBATCHES]: LeNet-5 with AdaPT on MNIST by its first minibatches of 16 (30 of
# them) in lockstep, on 8x8_w8 and on the ragged array side by side: all commands and cycles must agree, the
# formats of all five layers must change, and the weights must be the same. Takes the better part of an hour.
# Skipped, and it says so, where Verilator or MNIST is missing. Simulation libraries are kept in $BUILD/cache.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
qmac=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
minibatches=${2:-30}
work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-lenet5-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
passed=0 failed=0
export QMAC_CACHE="$BUILD/cache" QMAC_RTL="$root"
# shellcheck source=tests/cli_checks.sh
. "$root/tests/cli_checks.sh"

run_file=$root/configs/run/lenet5_adapt.yaml
if ! command -v verilator > /dev/null; then
	echo 'lockstep_lenet5: verilator is not installed'
elif ! "$qmac" config "$run_file" > /dev/null 2> err; then
	echo 'lockstep_lenet5: MNIST is missing'
	cat err
fi
if [ -s err ] || ! command -v verilator > /dev/null; then
	echo 'lockstep_lenet5: 0 passed, 0 failed, 1 skipped'
	exit 0
fi

for hw in 8x8_w8 ragged; do
	mkdir $hw
	"$qmac" cosim "$run_file" --hw "$root/configs/hw/$hw.yaml" --timed --out $hw/result \
		--set accumulate=1 --set batch=16 --set epochs=1 --set "inner_steps=$minibatches" \
		--set eval_every=-1 --set precision.bw_max=15 \
		--set precision.lookback_low=4 --set precision.lookback_high=8 \
		> $hw/out 2> $hw/err &
done
wait
for hw in 8x8_w8 ragged; do
	cat $hw/err
	grep -h lockstep $hw/out
	says $hw/out 'lockstep *[0-9]* commands compared, [0-9]* cycles, zero mismatches'
	says $hw/out 'retire cycles *equal for every command'
	switches=$(($(wc -l < $hw/result/switches.csv) - 1))
	echo "switches            $switches, on $hw"
	ok "the formats of five layers change on $hw" \
		test "$(cut -d, -f3 $hw/result/switches.csv | sed 1d | sort -u | wc -l)" -eq 5
done
ok 'weights do not depend on the hardware' \
	same "$(value 8x8_w8/result weights_sha256)" "$(value ragged/result weights_sha256)"
echo "lockstep_lenet5: $passed passed, $failed failed, 0 skipped"
[ "$failed" = 0 ]
