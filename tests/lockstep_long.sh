#!/bin/sh
# lockstep_long.sh QMAC [NETWORK[=MINIBATCHES]]...: the first minibatches of trainings in lockstep, each on
# 8x8_w8 and on the ragged array side by side: all commands and cycles must agree, formats must change where
# the policy lets them, and the weights must be the same. NETWORK, all where none is named:
#   lenet5    LeNet-5 with AdaPT on MNIST, 30 minibatches of 16
#   rn8s2     ResNet-8 with AdaPT on CIFAR-10, 20 of 4, batch norm and residuals among its layers
#   resnet20  ResNet-20 in 8 bits on CIFAR-10, 3 of 2
# They take the better part of an hour each. What is skipped where Verilator or data are missing is said.
# Simulation libraries are kept in $BUILD/cache.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
qmac=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-long-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
passed=0 failed=0 skipped=0
export QMAC_CACHE="$BUILD/cache" QMAC_RTL="$root"
# shellcheck source=tests/cli_checks.sh
. "$root/tests/cli_checks.sh"

# skip WHY: counts, and says it.
skip() {
	echo "lockstep_long: skipped: $*"
	skipped=$((skipped + 1))
}

# both NAME LAYERS RUN_FILE ARGUMENTS...: that training on both arrays; the formats of so many layers change.
both() {
	net=$1 layers=$2 run_file=$root/configs/run/$3.yaml
	shift 3
	if ! "$qmac" config "$run_file" > config 2> err; then
		skip "$net: $(head -1 err)"
		return
	fi
	for hw in 8x8_w8 ragged; do
		mkdir -p "$net-$hw"
		"$qmac" cosim "$run_file" --hw "$root/configs/hw/$hw.yaml" --timed --out "$net-$hw/result" \
			--set epochs=1 --set eval_every=-1 --set accumulate=1 "$@" \
			> "$net-$hw/out" 2> "$net-$hw/err" &
	done
	wait
	for hw in 8x8_w8 ragged; do
		cat "$net-$hw/err"
		echo "$net on $hw:"
		grep -h lockstep "$net-$hw/out"
		says "$net-$hw/out" 'lockstep *[0-9]* commands compared, [0-9]* cycles, zero mismatches'
		says "$net-$hw/out" 'retire cycles *equal for every command'
		[ "$layers" -gt 0 ] || continue
		echo "switches            $(($(wc -l < "$net-$hw/result/switches.csv") - 1))"
		ok "the formats of $layers layers of $net change on $hw" \
			test "$(cut -d, -f3 "$net-$hw/result/switches.csv" | sed 1d | sort -u | wc -l)" -eq "$layers"
	done
	ok "weights of $net do not depend on the hardware" \
		same "$(value "$net-8x8_w8/result" weights_sha256)" "$(value "$net-ragged/result" weights_sha256)"
}

# Formats that the accumulators of the ragged array, of 40 bits, hold with a bit to spare; quick switches.
quick_switches='--set precision.bw_max=15 --set precision.lookback_low=4 --set precision.lookback_high=8'
if ! command -v verilator > /dev/null; then
	skip 'verilator is not installed'
	set --
elif [ $# -eq 0 ]; then
	set -- lenet5 rn8s2 resnet20
fi
for asked; do
	name=${asked%%=*}
	steps=${asked#"$name"}
	steps=${steps#=}
	# shellcheck disable=SC2086
	case $name in
	lenet5) both lenet5 5 lenet5_adapt --set "inner_steps=${steps:-30}" --set batch=16 $quick_switches ;;
	rn8s2) both rn8s2 10 rn8s2_adapt --set "inner_steps=${steps:-20}" --set batch=4 $quick_switches ;;
	resnet20) both resnet20 0 resnet20_cifar10_fixed8 --set "inner_steps=${steps:-3}" --set batch=2 ;;
	*)
		echo "lockstep_long: there is no network '$name'"
		failed=$((failed + 1))
		;;
	esac
done
echo "lockstep_long: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
