#!/bin/sh
# lockstep.sh QMAC SANITIZED: the RTL against the C model, bounded: the recorded traces on every backend,
# bus errors, trainings in lockstep, fuzzing, on three hardware configurations. SANITIZED is the program with
# the sanitizers. Libraries are kept in $BUILD/cache; each takes the better part of a minute to build.
# Works in a folder of its own and removes it. The last line counts the checks.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
qmac=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
sanitized=$(cd "$(dirname "$2")" && pwd)/$(basename "$2")
work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-lockstep-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
passed=0 failed=0 skipped=0
# Short simulations: what counts is how long they take to build.
export QMAC_CACHE="$BUILD/cache" QMAC_RTL="$root" QMAC_RTL_OPT="${QMAC_RTL_OPT:--O1}"
ragged=$root/configs/hw/ragged.yaml small=$root/configs/hw/8x8_w8.yaml
command -v verilator > /dev/null && verilator=1 || verilator=
[ "$verilator" ] || echo "lockstep: verilator is not installed: the RTL is not compared with the C model"

# shellcheck source=tests/cli_checks.sh
. "$root/tests/cli_checks.sh"

# check REGEX ARGUMENTS...: qmac must succeed, and a line of its output must match as a whole.
check() {
	pattern=$1
	shift
	if [ ! "$verilator" ]; then
		skipped=$((skipped + 1))
	elif ! "$qmac" "$@" > out 2> err; then
		failed=$((failed + 1))
		echo "FAILED: qmac $*"
		sed 's/^/    /' err out
	elif ! grep -qx -- "$pattern" out; then
		failed=$((failed + 1))
		echo "FAILED: qmac $*: no line reads: $pattern"
		sed 's/^/    /' out
	else
		passed=$((passed + 1))
	fi
}

# cosim ARGUMENTS...: a training whose commands and cycles all agree, at least 300 of them.
cosim() {
	check 'retire cycles *equal for every command' cosim "$@" --timed --out cosim
	check 'lockstep *\([3-9][0-9][0-9]\|[0-9]\{4,\}\) commands compared, .*, zero mismatches' \
		cosim "$@" --stalls 5 --out cosim
}

fuzz() {
	check 'seed .* configurations.*: 0 different or failed' fuzz "$@" --out fuzz
}

# ---- traces, on every backend -------------------------------------------------------
for trace in "$root"/traces/*.trace; do
	for backend in cmodel rtl lockstep; do
		check '.* commands.*: equal, cycles too' replay "$trace" --backend "$backend" --timed
	done
	check '.* commands.*: equal' replay "$trace" --backend lockstep --stalls 3
done

# The same without gated clocks, which change no cycle: the device as FPGAs have it.
export QMAC_RTL_GATES=0
for trace in "$root"/traces/halp*_8x8_w8.trace; do
	check '.* commands.*: equal, cycles too' replay "$trace" --backend lockstep --timed
done
fuzz --hw "$small" --kind all --count 2000 --seed 17 --timed
unset QMAC_RTL_GATES

# ---- tests of a device: bus errors; more commands of an engine than wait counts can tell apart ----------
# program TEST BACKEND: in the root, where its hardware files are.
program() {
	if [ ! "$verilator" ]; then
		skipped=$((skipped + 1))
	elif (cd "$root" && QMAC_TEST_BACKEND=$2 "$BUILD/release/tests/$1") > out 2>&1; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $1 on $2"
		sed 's/^/    /' out
	fi
}

program test_bus_error rtl
program test_bus_error lockstep
program test_long_counts lockstep

# The hardware of a trace as a file: 5x7, of odd widths and small depths.
{
	sed -n 's/^hw \([a-z_]*\) \(.*\)/\1: \2/p' "$root/traces/mix_5x7.trace"
	echo 'dram:'
	sed -n 's/^hw dram\.\([a-z_]*\) \(.*\)/  \1: \2/p' "$root/traces/mix_5x7.trace"
	echo '  energy: none'
} > mix.yaml

# ---- trainings ------------------------------------------------------------------------
# Figure 1 with HALP-8, fewer samples; the inputs' 8 bits are two operands of the ragged array.
cosim "$root/configs/run/fig1.yaml" --hw "$ragged" --set samples=60 --set epochs=2 --set inner_steps=30
cosim "$root/configs/run/fig1.yaml" --hw "$small" --set samples=60 --set epochs=1 --set inner_steps=80 \
	--set algorithm=lp_sgd --set bits=16
# Batches: products in both modes, z in limbs, samples loaded chunk by chunk while the last one is used.
for hw in "$ragged" "$small"; do
	cosim "$root/configs/run/fig1.yaml" --hw "$hw" --set samples=120 --set epochs=2 --set inner_steps=4 \
		--set batch=30 --set bits=16
done
# Three classes, with the softmax on the host and from the table.
awk 'BEGIN {
	for (i = 0; i < 60; i++)
		print i % 3 + i * 37 % 11 / 9 "," (i * i) % 7 - i % 3 "," i * 53 % 13 / 5 "," i % 3
}' > classes.csv
cat > classes.yaml <<END
problem: logistic_regression
data: csv
file: classes.csv
algorithm: halp
epochs: 2
inner_steps: 20
END
cosim classes.yaml --hw "$small"
cosim classes.yaml --hw "$ragged" --set batch=12 --set inner_steps=8 --set algorithm=lp_svrg
# 32 bits for z and m', four limbs each, and the full gradient on the device.
cosim classes.yaml --hw "$small" --set batch=6 --set inner_steps=8 --set bits=32 --set mp_bits=32 \
	--set frac_bits=2 --set outer=device
# What every layer spent in every direction, and the totals, do not depend on what answers behind the seam.
if [ "$verilator" ]; then
	set -- classes.yaml --hw "$small" --set batch=6 --set inner_steps=8 --set bits=32 --set mp_bits=32 \
		--set frac_bits=2 --set outer=device
	for backend in cmodel rtl; do
		run 0 train "$@" --backend $backend --out records-$backend
	done
	run 0 cosim "$@" --timed --out records-lockstep
	for file in metrics.csv layers.csv; do
		ok "$file of the C model and both in lockstep" cmp records-cmodel/$file records-lockstep/$file
	done
	ok 'metrics.csv of the C model and the RTL' cmp records-cmodel/metrics.csv records-rtl/metrics.csv
	ok 'layers.csv of the C model and the RTL' records_agree records-cmodel records-rtl
fi
# Problems of chosen curvature.
cosim "$root/configs/run/conditioned.yaml" --hw "$small" --set samples=60 --set features=40 --set epochs=2 \
	--set inner_steps=30
cosim "$root/configs/run/quadratic.yaml" --hw "$ragged" --set samples=60 --set epochs=2 --set inner_steps=20

# shellcheck source=tests/lockstep_net.sh
. "$root/tests/lockstep_net.sh"

# ---- a fault in the RTL: every lane of a row gets the random bits of lane 0 ----------------
# The report names the first rounding, and what it wrote in quanta and as real numbers; its trace shows it
# again.
if [ "$verilator" ]; then
	mkdir faulty && cp -r "$root/rtl" "$root/cmodel" faulty
	sed 's/channel + LANE/channel/' "$root/rtl/qmac_vec_write.v" > faulty/rtl/qmac_vec_write.v
	sed 's/^rows:.*/rows: 2/; s/^cols:.*/cols: 3/' "$small" > faulty.yaml
	QMAC_RTL=$work/faulty
	run 1 cosim "$root/configs/run/fig1.yaml" --hw faulty.yaml --set samples=30 --set features=12 \
		--set informative=3 --set epochs=1 --set inner_steps=300 --out faulty.out
	rounding='VEC, tag 0xc0..: layer 0, step [0-9]* modulo 256, weight gradient'
	says err "qmac: lockstep: command [0-9]* ($rounding): digest: .*"
	says err '  ACC.[0-9]*..[12].: cmodel 0x[0-9a-f]* ([-0-9]* = [-.0-9]*), rtl 0x[0-9a-f]* (.*'
	says err '  trace: qmac replay faulty.out/mismatch.trace --backend rtl'
	run 1 replay faulty.out/mismatch.trace --backend rtl
	says err '.*mismatch.trace:[0-9]*:1: command [0-9]*: digest: expected .*'
	QMAC_RTL=$root
	check '.* commands.*: equal' replay faulty.out/mismatch.trace
else
	skipped=$((skipped + 9))
fi

# ---- fuzzing: training streams are what the driver makes of products and inner loops -----
for hw in "$ragged" mix.yaml; do
	fuzz --hw "$hw" --kind legal --count 4000 --seed 11 --timed
	fuzz --hw "$hw" --kind training --count 4000 --seed 12 --timed
	fuzz --hw "$hw" --kind malformed --count 2000 --seed 13 --timed
	fuzz --hw "$hw" --kind all --count 4000 --seed 14 --stalls
done
# Other streams each day: the date is their seed.
day=${QMAC_TEST_SEED:-${SEED_OF_THE_DAY:-$(date +%Y%m%d)}}
fuzz --hw "$ragged" --kind all --count 3000 --seed "$day" --timed
fuzz --hw "$ragged" --kind all --count 2000 --seed "$day" --stalls

# ---- waves: behind a link, and on a disk too small for them at the start or at the end -------------
if [ "$verilator" ]; then
	trace=$root/traces/mix_5x7.trace
	echo before > waves
	chmod 604 waves
	ln -s waves w.fst
	echo mine > waves.hier
	check '.* commands.*: equal' replay "$trace" --backend rtl --wave w.fst
	ok 'waves go through a link' test -L w.fst -a "$(wc -c < waves)" -gt 100000
	ok 'their writer leaves nothing beside them' test -z "$(find . -name 'w*.tmp*')" -a -s waves.hier
	ok 'waves that replace others have their mode' test -n "$(find waves -perm 604)"
	sed 's/^\(retire 4 [A-Z]* [A-Z]* [0-9]*\) [0-9]* /\1 77 /' "$trace" > wrong.trace
	"$qmac" replay wrong.trace --backend rtl --wave wrong.fst > out 2> err
	ok 'a replay that finds a difference has waves, too' test $? -eq 1 -a "$(wc -c < wrong.fst)" -gt 100000
	mkdir disk
	for size in 16k 160k; do
		if ! unshare -rm mount -t tmpfs tmpfs disk 2> /dev/null; then
			skipped=$((skipped + 2))
			continue
		fi
		unshare -rm sh -c "mount -t tmpfs -o size=$size tmpfs disk
			echo earlier > disk/w.fst
			'$qmac' replay '$trace' --backend rtl --wave disk/w.fst
			echo status \$?, \$(ls disk): \$(cat disk/*)" > out 2> err
		says out 'status 2, w.fst: earlier'
		says err 'qmac: .*disk.* full.*'
	done
else
	skipped=$((skipped + 9))
fi

# ---- a stop in the middle of a stream, which takes minutes with such a memory --------------------------
if [ "$verilator" ] && command -v timeout > /dev/null; then
	sed 's/^  \(latency\|miss\|turnaround\): .*/  \1: 65535/' mix.yaml > slow.yaml
	timeout --foreground -k 30 300 "$qmac" fuzz --hw slow.yaml --kind legal --count 400 --out slow \
		> out 2> err &
	sleep 5
	kill -TERM $!
	wait $!
	echo "status $?" >> err
	says err 'status 1'
	says out '1/1 .*, equal, stopped'
else
	skipped=$((skipped + 2))
fi

# ---- what reset misses, from other seeds than 1 and those of the stalls ---------------------
for seed in 0 2 4294967295; do
	export QMAC_RTL_INIT=$seed
	check '.* commands.*: equal, cycles too' replay "$root/traces/mix_5x7.trace" --backend lockstep --timed
	check '.* commands.*: equal, cycles too' \
		replay "$root/traces/halp_batch_8x8_w8.trace" --backend lockstep --timed
	fuzz --hw mix.yaml --kind all --count 1500 --seed 16 --timed
done
unset QMAC_RTL_INIT

# ---- the host's side of all this under the sanitizers -------------------------------------
qmac=$sanitized
check '.* commands.*: equal, cycles too' replay "$root/traces/mix_5x7.trace" --backend lockstep --timed
check '.* commands.*: equal' replay "$root/traces/lp_svrg_ragged.trace" --backend rtl --stalls 9
fuzz --hw mix.yaml --kind all --count 1500 --seed 15

echo "lockstep: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
