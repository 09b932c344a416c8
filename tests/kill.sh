#!/bin/sh
# kill.sh QMAC: trainings and sweeps that are killed at random moments, with SIGKILL, and then go on with
# --resume give every result file bit for bit as one that was left alone; but for wall time. After SIGTERM
# they do, too. $KILLS (4) of a training of every kind, half as many of networks, a tenth of a sweep; and
# trainings that are killed again and again, until they have come to their end in many processes.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
qmac=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
kills=${KILLS:-4}
work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-kill-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
# Plots are not compared, and cost more than the runs.
mkdir bin && ln -s "$(command -v false)" bin/gnuplot && PATH=$work/bin:$PATH
state=${QMAC_TEST_SEED:-$$}
echo "kill: seed $state"
passed=0
failed=0

# draw N: $drawn, 0 .. N - 1.
draw() {
	state=$(((state * 1103515245 + 12345) % 2147483648))
	drawn=$((state / 65536 % $1))
}

# files DIR: the names and contents of its result files, without what may differ.
files() {
	(cd "$1" && find . -type f ! -name '*.svg' ! -name '*.log' | LC_ALL=C sort | while read -r file; do
		echo "== $file"
		case $file in
		*summary.json) sed '/wall_seconds/d; /summary_sha256/d' "$file" ;;
		*) sha256sum < "$file" ;;
		esac
	done)
}

# check NAME DIR: it holds what ref holds.
check() {
	if [ "$(files "$2")" = "$(files ref)" ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "kill: $1: the resumed result differs" >&2
		files ref > ref.list
		files "$2" | diff ref.list - >&2
	fi
}

# strike SIGNAL WHOM COMMAND...: starts the command as a group and sends the signal, after a random part of
# the time that the whole takes ($time, in ms): to the command, or with WHOM "all" to its group.
strike() {
	signal=$1
	whom=$2
	shift 2
	setsid "$@" > /dev/null 2> strike.log &
	group=$!
	draw "$((time + time / 10 + 1))"
	sleep "$(printf '%d.%03d' $((drawn / 1000)) $((drawn % 1000)))"
	case $whom in
	all) kill "-$signal" "-$group" 2> /dev/null ;;
	*) kill "-$signal" "$group" 2> /dev/null ;;
	esac
	wait "$group" 2> /dev/null
}

# whole COMMAND...: runs it to its end into ref; $time: how long that takes, in ms.
whole() {
	rm -rf ref
	begin=$(date +%s%N)
	"$@" --out ref > whole.log 2>&1 || { cat whole.log >&2; exit 1; }
	time=$((($(date +%s%N) - begin) / 1000000))
}

# survive NAME WHOM COUNT COMMAND...: so many times killed, some of them twice, and resumed.
survive() {
	name=$1
	whom=$2
	count=$3
	shift 3
	whole "$@"
	for n in $(seq "$count"); do
		rm -rf out
		draw 4
		signal=KILL
		[ "$drawn" -eq 0 ] && signal=TERM
		strike "$signal" "$whom" "$@" --out out
		draw 3
		[ "$drawn" -eq 0 ] && strike KILL "$whom" "$@" --out out --resume
		"$@" --out out --resume > resume.log 2>&1 || cat resume.log >&2
		check "$name, time $n" out
	done
	# A finished folder is left alone.
	files out > before.list
	"$@" --out out --resume > resume.log 2>&1 || cat resume.log >&2
	files out | cmp -s - before.list && find out -name checkpoint | grep -q . && failed=$((failed + 1))
	check "$name, once more" out
}

# train NAME SETTING...: a training of fig1.yaml.
train() {
	name=$1
	shift
	settings=
	for setting in "$@"; do
		settings="$settings --set $setting"
	done
	# shellcheck disable=SC2086 # one word each
	survive "$name" one "$kills" "$qmac" train "$root/configs/run/fig1.yaml" --set samples=300 $settings
}

train halp algorithm=halp epochs=40 option=II
train lp_svrg algorithm=lp_svrg epochs=30 option=II outer=device checkpoint_steps=100 timeline=500
train lp_sgd algorithm=lp_sgd epochs=40 checkpoint_every=3 checkpoint_steps=7
train svrg algorithm=svrg epochs=60 option=II checkpoint_steps=100
train batch algorithm=halp batch=16 epochs=30 checkpoint_steps=5 option=II

# ---- networks -------------------------------------------------------------------------------
. "$root/tests/idx.sh"
mkdir images
idx images/train 120
idx images/t10k 24
cat > net.yaml <<END
name: small
input: {channels: 1, height: 8, width: 8}
layers:
  - conv: {out: 4, kernel: 3, pad: 1, bias: false}
  - batch_norm
  - relu
  - residual: {main: [conv: {out: 4, kernel: 3, pad: 1, bias: false}, batch_norm]}
  - relu
  - avg_pool: {size: 8}
  - flatten
  - linear: {out: 10}
END
cat > net_run.yaml <<END
network: net.yaml
data: mnist
file: images
batch: 8
epochs: 6
speedup: false
hw: $root/configs/hw/16x16_w8.yaml
END

# network NAME SETTING...: a training of net_run.yaml, killed; then in pieces of a fifth of the time it takes,
# each a little longer than the one before it, so that an end comes whatever else the machine does.
network() {
	name=$1
	shift
	settings=
	for setting in "$@"; do
		settings="$settings --set $setting"
	done
	# shellcheck disable=SC2086 # one word each
	set -- "$qmac" train net_run.yaml $settings
	survive "$name" one $(((kills + 1) / 2)) "$@"
	rm -rf out
	processes=1
	piece=$((time / 5))
	until timeout -s KILL "$(printf '%d.%03d' $((piece / 1000)) $((piece % 1000)))" "$@" --out out --resume \
		> resume.log 2>&1; do
		processes=$((processes + 1))
		piece=$((piece + piece / 10 + 1))
	done
	check "$name, in $processes processes" out
	pieces=$((pieces + processes))
}

pieces=0
network float32 precision.policy=float checkpoint_steps=2 augment.crop=1 epochs=60
network r8 precision.policy=fixed precision.fl_rule=current checkpoint_steps=2 augment.flip=true
network adapt precision.policy=adapt precision.lookback_low=3 precision.lookback_high=6 checkpoint_steps=4
network muppet precision.policy=muppet precision.levels=8,12 precision.resolution=1 precision.patience=1 \
	precision.threshold_alpha=0 precision.threshold_beta=0 precision.float_epochs=1 \
	precision.float_lr_min=0.01 checkpoint_steps=4

echo "kill: four networks in $pieces processes"
if [ "$pieces" -lt 8 ]; then
	failed=$((failed + 1))
	echo "kill: too few of them were killed" >&2
fi

# ---- sweeps ---------------------------------------------------------------------------------
cat > sweep.yaml <<END
base: $root/configs/run/fig1.yaml
set: {samples: 300, epochs: 30}
runs:
  - {algorithm: [halp, lp_svrg], option: [I, II]}
END
survive sweep one $(((kills + 9) / 10)) "$qmac" sweep sweep.yaml -j 2
survive sweep all $(((kills + 9) / 10)) "$qmac" sweep sweep.yaml -j 2
# Of four hardware files one is trained, and the others are timed.
cat > hardware.yaml <<END
base: $root/configs/run/fig1.yaml
set: {samples: 300, epochs: 20}
runs:
  - algorithm: [halp, lp_svrg]
    hw: [$root/configs/hw/16x16_w8.yaml, $root/configs/hw/8x8_w8.yaml, $root/configs/hw/ragged.yaml,
         $root/configs/hw/16x16_w16.yaml]
END
survive sweep one $(((kills + 9) / 10)) "$qmac" sweep hardware.yaml -j 2
# refuses TEXT COMMAND...: exit status 2, and a message with that text.
refuses() {
	text=$1
	shift
	"$@" > refused.log 2>&1
	if [ $? -eq 2 ] && grep -q "$text" refused.log; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "kill: no refusal with '$text':" >&2
		cat refused.log >&2
	fi
}

# ---- a checkpoint that cannot be gone on from --------------------------------------------
# shellcheck disable=SC2120 # arguments come through refuses
long() {
	"$qmac" train "$root/configs/run/fig1.yaml" --set samples=300 --set epochs="$epochs" --out long "$@"
}
"$qmac" train "$root/configs/run/fig1.yaml" --set samples=300 --set epochs=1000000 --out long \
	> stopped.log 2>&1 &
while [ ! -f long/checkpoint ]; do
	sleep 0.02
done
kill -TERM $!
wait $!
epochs=1000000
if grep -q 'stopped after epoch [1-9][0-9]*; long has no new results: go on with --resume' stopped.log; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
	cat stopped.log >&2
fi
refuses 'long/checkpoint belongs to another configuration.*: start over without' long --resume --set seed=9
cp long/checkpoint whole
head -c 1000 whole > long/checkpoint
refuses 'long/checkpoint is cut off or damaged.*: start over without --resume' long --resume
: > long/checkpoint
refuses 'long/checkpoint is cut off: start over without --resume' long --resume
epochs=3
whole "$qmac" train "$root/configs/run/fig1.yaml" --set samples=300 --set epochs=3
# shellcheck disable=SC2119
long > resume.log 2>&1 || cat resume.log >&2
check "over a damaged checkpoint, from the beginning" long
whole "$qmac" sweep sweep.yaml -j 2
rm -rf out
for member in ref/*/; do
	mkdir -p "out/${member#ref/}"
	draw 2
	if [ "$drawn" -eq 0 ]; then
		cp whole "out/${member#ref/}checkpoint"
	else
		: > "out/${member#ref/}checkpoint"
	fi
done
"$qmac" sweep sweep.yaml -j 2 --resume --out out > resume.log 2>&1 || cat resume.log >&2
check "a sweep over checkpoints that are not its own" out

echo "kill: $passed passed, $failed failed, 0 skipped"
[ "$failed" -eq 0 ]
