#!/bin/sh
# cli.sh QMAC: black-box tests of the command line. Works in a folder of its own and removes it; may run
# as root. The last line counts the checks.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
qmac=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-cli-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
passed=0 failed=0 skipped=0
# shellcheck source=tests/cli_checks.sh
. "$root/tests/cli_checks.sh"

cat > run.yaml <<END
problem: linear_regression
algorithm: halp
samples: 60
features: 9
informative: 4
epochs: 3
bits: 8
seed: 3
hw: $root/configs/hw/8x8_w8.yaml
END

# ---- the command line itself --------------------------------------------------
run 2
ok 'no arguments: usage on stderr' has err '^usage:'
ok 'no arguments: nothing on stdout' test ! -s out
run 0 help
says out 'usage:'
run 0 --help
run 0 help train
says out 'usage: qmac train .*'
run 0 sweep --help
says out 'usage: qmac sweep .*'
run 0 --version
says out 'qmac [0-9.]*, command set revision [0-9]*'
refuses "qmac: unknown command 'trian'.*'train'.*" trian run.yaml
refuses "qmac: unknown command 'swep'.*'sweep'.*" help swep
commands='help, train, sweep, report, config, net, area, cosim, replay, estimate, fuzz'
refuses "qmac: unknown command 'gemm'; use one of $commands" gemm
refuses "qmac: unknown command 'bogus'; use one of $commands" help bogus
run 0 fuzz --backend cmodel --configs 2 --count 301 --seed 5 -j 2
says out '2/2 seed [0-9]*: .*: 150 of 150 commands, equal'
says out 'seed 5: 301 commands in .* on 2 configurations: 0 different or failed'
ok 'the folder of traces is made at the start' test -d qmac-out/fuzz
run 0 fuzz --backend cmodel --hw "$root/configs/hw/8x8_w8.yaml" --count 50 --kind training
says out '1/1 seed 1: 8x8 a8 w8 .*: 50 of 50 commands, equal'
refuses "qmac: .*--kind.*'wild'.*" fuzz --kind wild
refuses 'qmac: --count 3 is less than a command for each of 4 configurations' fuzz --count 3 --configs 4
refuses "qmac: only the backends 'rtl' and 'lockstep' have random stalls, not 'cmodel'" \
	fuzz --backend cmodel --stalls
refuses "qmac: unknown backend 'rlt'; .*" fuzz --backend rlt
refuses 'qmac: cannot make the folder /proc/x: .*' fuzz --backend cmodel --count 50 --out /proc/x
refuses "qmac: unknown option '--ste'.*'--set'.*" train run.yaml --ste bits=8
refuses "qmac: unknown option '--resume'.*" config run.yaml --resume
refuses "qmac: unknown option '-x'.*" train -x run.yaml
refuses 'qmac: usage: qmac train .*' train
refuses 'qmac: usage: qmac report .*' report
refuses "qmac: 'b.yaml' is one argument too many.*" train a.yaml b.yaml
refuses 'qmac: --set wants a value' train run.yaml --set
refuses "qmac: --set wants key=value, not 'bits'" train run.yaml --set bits
refuses "qmac: --set wants key=value, not '=8'" train run.yaml --set =8
refuses 'qmac: --resume takes no value' train run.yaml --resume=yes
refuses 'qmac: -j: .*' sweep sweep.yaml -j 0
refuses 'qmac: -j: .*' sweep sweep.yaml -jx
refuses 'qmac: -j wants a value' sweep sweep.yaml -j

# ---- configuration ------------------------------------------------------------
run 0 config run.yaml --set bits=6 --set=seed=9
says out 'bits: 6 *# --set.*'
says out 'seed: 9 *# --set.*'
says out 'samples: 60 *# run.yaml:3.*'
cp out effective.yaml
run 0 config effective.yaml
ok 'config reads back to the same values' same "$(sed 's/ *#.*//' effective.yaml)" "$(sed 's/ *#.*//' out)"
run 0 config --hw "$root/configs/hw/ragged.yaml" run.yaml
says out 'hw: .*ragged.yaml.*# --hw.*'

sed 's/^bits: 8/bist: 8/' run.yaml > bad.yaml
refuses "bad.yaml:7:1: .*'bist'.*'bits'.*" config bad.yaml
refuses "bad.yaml:7:1: .*'bist'.*'bits'.*" train bad.yaml --out bad
sed 's/^bits: 8/bits: eight/' run.yaml > bad.yaml
refuses 'bad.yaml:7:7: .*bits.*' train bad.yaml --out bad
sed 's/^bits: 8/bits: 99/' run.yaml > bad.yaml
refuses 'bad.yaml:7:7: .*bits.*' train bad.yaml --out bad
sed 's/^seed: 3/bits: 9/' run.yaml > bad.yaml
refuses 'bad.yaml:8:1: .*bits.*' train bad.yaml --out bad
printf 'bits: [8\n' > bad.yaml
refuses 'bad.yaml:[0-9]*:[0-9]*: .*' train bad.yaml --out bad
: > bad.yaml
refuses '.*bad.yaml.*' train bad.yaml --out bad
refuses '.*missing.yaml.*' train missing.yaml --out bad
refuses '.*' train . --out bad
refuses '.*--set.*bist.*bits.*' train run.yaml --set bist=8 --out bad
refuses '.*bits.*' train run.yaml --set bits=1 --out bad
refuses '.*missing.yaml.*' train run.yaml --hw missing.yaml --out bad
refuses ".*cmodel, rtl, lockstep, not 'rlt'" train run.yaml --backend rlt --out bad
mkfifo pipe.svg
refuses '.*not a regular file' train run.yaml --set epochs=1 --out bad --trace pipe.svg
ok 'a pipe is not replaced' test -p pipe.svg
echo before > real.trace
ln -s real.trace link.trace
run 0 train run.yaml --set epochs=1 --out linked --trace link.trace
ok 'a link is followed' test -L link.trace -a "$(head -c 10 real.trace)" = qmac-trace
refuses '.*kernel.*' train run.yaml --set kernel=abacus --out bad
sed 's/^rows: .*/rows: 900/' "$root/configs/hw/8x8_w8.yaml" > hw.yaml
refuses 'hw.yaml:[0-9]*:[0-9]*: .*rows.*' train run.yaml --hw hw.yaml --out bad
sed 's/^rows: /rwos: /' "$root/configs/hw/8x8_w8.yaml" > hw.yaml
refuses "hw.yaml:[0-9]*:[0-9]*: .*'rwos'.*'rows'.*" train run.yaml --hw hw.yaml --out bad
ok 'nothing was written by refused runs' test -z "$(ls -A bad 2>/dev/null)"

# ---- training ------------------------------------------------------------------
run 0 train run.yaml --out a
says out 'gradient norm .*[0-9]'
says out 'results in .* a'
ok 'nothing on stderr where it is no terminal' test ! -s err
for file in config.yaml hw.yaml energy.yaml area.yaml metrics.csv layers.csv summary.json weights.npy; do
	ok "$file is there" test -s "a/$file"
done
ok 'no timeline unless asked for' absent a/timeline.json
ok 'no temporary files' no_temporaries a
ok 'metrics.csv has a heading and epochs 0..3' rows a/metrics.csv 5
ok 'layers.csv has a heading and four directions of epochs 1..3' rows a/layers.csv 13
ok 'weights.npy is 128 + 9 * 8 bytes' test "$(wc -c < a/weights.npy)" -eq 200
if command -v sha256sum >/dev/null 2>&1; then
	ok 'weights_sha256 is that of the data part' \
		same "$(tail -c 72 a/weights.npy | sha256sum | cut -d ' ' -f 1)" "$(value a weights_sha256)"
else
	skipped=$((skipped + 1))
fi
if command -v gnuplot >/dev/null 2>&1; then
	ok 'a plot is drawn' has a/grad_norm.svg '</svg>'
else
	skipped=$((skipped + 1))
fi
run 0 train --out=b -- run.yaml
ok 'the same run gives the same metrics' cmp -s a/metrics.csv b/metrics.csv
ok 'the same run gives the same weights' cmp -s a/weights.npy b/weights.npy
run 0 train a/config.yaml --out c
ok 'config.yaml repeats the run' cmp -s a/weights.npy c/weights.npy
for file in "$root"/configs/hw/*.yaml; do
	hw=$(basename "$file" .yaml)
	run 0 train run.yaml --hw "$file" --out "$hw"
	ok "the same weights on $hw" same "$(value a weights_sha256)" "$(value $hw weights_sha256)"
done
run 0 train run.yaml --set kernel=scalar --set threads=3 --out d
ok 'the same weights at another kernel and thread count' \
	same "$(value a weights_sha256)" "$(value d weights_sha256)"
run 0 train run.yaml --set seed=4 --out d
ok 'another seed, other weights' differ "$(value a weights_sha256)" "$(value d weights_sha256)"
for algorithm in sgd svrg lp_sgd lp_svrg; do
	run 0 train run.yaml --set algorithm=$algorithm --out "e/$algorithm"
	ok "$algorithm has a summary" same "$(value e/$algorithm algorithm)" $algorithm
done
run 0 train run.yaml --set timeline=5 --out f
ok 'timeline.json holds 5 commands' test "$(grep -c '"ph": "X"' f/timeline.json)" -eq 5
run 0 train run.yaml
ok 'the default folder' test -s qmac-out/run-halp-8/summary.json
run 0 train run.yaml --set algorithm=svrg
ok 'the default folder in full precision' test -s qmac-out/run-svrg/summary.json
run 0 train run.yaml --set epochs=0 --out g
ok 'no epochs: row 0 only' rows g/metrics.csv 2

# a run that diverges
run 0 train run.yaml --set algorithm=sgd --set alpha=1000 --out h
ok 'divergence is reported' same "$(value h diverged)" true
run 1 train run.yaml --set algorithm=sgd --set alpha=1000 --set divergence=fail --out i
says err 'qmac: .*diverged.*'
ok 'the results of a forbidden divergence are written' same "$(value i diverged)" true
run 1 train run.yaml --set algorithm=sgd --set alpha=1000 --set divergence=fail --out i --resume

# resume
ls -i a/summary.json > before
run 0 train run.yaml --out a --resume
says out 'a holds this result already.*'
ok 'resume keeps a complete result' same "$(cat before)" "$(ls -i a/summary.json)"
rm a/summary.json
run 0 train run.yaml --out a --resume
ok 'resume runs an incomplete one again' cmp -s a/weights.npy b/weights.npy
run 0 train run.yaml --set seed=5 --out a --resume
ok 'resume runs another configuration' same "$(value a seed)" 5

# ---- data from files ---------------------------------------------------------------
mkdir -p data
awk -v OFS=, 'BEGIN {
	print "a,b,price"
	for (i = 0; i < 50; i++) print i % 7, i % 5, 3 * (i % 7) - i % 5 + i % 3
}' \
	> data/houses.csv
awk 'BEGIN { for (i = 0; i < 50; i++) print 3 * (i % 7) - i % 5, "1:" i % 7, "2:" i % 5 }' |
	gzip > data/houses.svm.gz
file_run() { run "$1" train run.yaml --set data="$2" --set file="$3" --data-dir data --out file; }
file_run 0 csv houses.csv
tested=$(awk -F, 'NR == 1 && $6 != "test_loss" || NR > 1 && $6 == "" { print "no" }' file/metrics.csv)
ok 'a test part by default' test -z "$tested" -a -s file/metrics.csv
ok 'no coefficients in a file' has file/summary.json '"coefficient_max": null'
ok 'the file is recorded' has file/config.yaml '^file: "/.*/data/houses.csv"'
weights=$(value file weights_sha256)
run 0 train file/config.yaml --out again
ok 'config.yaml of a run with data repeats it' same "$weights" "$(value again weights_sha256)"
file_run 0 libsvm houses.svm.gz
refuses '.*neither .none.csv. nor .data/none.csv.*' train run.yaml --set data=csv --set file=none.csv \
	--data-dir data --out bad
refuses 'data/houses.csv:1:1: target: unknown column .prize.; did you mean .price.?.*' train run.yaml \
	--set data=csv --set file=data/houses.csv --set target=prize --out bad
awk 'NR == 1 { print "," $0 } NR > 1 { print NR - 2 "," $0 }' data/houses.csv > data/index.csv
file_run 0 csv index.csv
says err "qmac: .*data/index.csv: column 1 has no name, as an index that pandas' to_csv writes; .*"
run 0 estimate run.yaml --set data=csv --set file=data/index.csv --out again
says err 'qmac: .*: column 1 has no name, .*: ignore: 1 leaves it out'
printf 'base: run.yaml\nset: {data: csv, file: data/index.csv}\nruns: [{bits: [8, 12, 16]}]\n' > index.yaml
run 0 sweep index.yaml --out again
ok 'a sweep says it once for a file' test "$(grep -c 'column 1 has no name' err)" -eq 1
printf 'a,\033[2Jb\n1,2\n3,\233x\n' > data/evil.csv
file_run 2 csv evil.csv
says err "data/evil.csv:3:3: column 2 (.x1B.2Jb): expected .*, not '.x9Bx'.*"
run 0 train run.yaml --set data=csv --set file=data/index.csv --set ignore=1 --out again
ok 'nothing is said of a column that is left out' test ! -s err
ok 'a column that is left out is as if it were not there' same "$weights" "$(value again weights_sha256)"
run 0 train run.yaml --set data=csv --set file=data/houses.csv --set test_fraction=0 --out file
weights=$(value file weights_sha256)
run 0 train run.yaml --set data=csv --set file=data/houses.csv --set test_file=data/houses.csv --out again
ok 'a test file changes no weights' same "$weights" "$(value again weights_sha256)"
tested=$(awk -F, 'NR > 1 && $6 != $4 { print "no" }' again/metrics.csv)
ok 'the test file is what is tested with' test -z "$tested"
refuses '.*--set test_fraction=0.5: .*test_file is the whole test part; give one of .*' train run.yaml \
	--set data=csv --set file=data/houses.csv --set test_file=data/houses.csv --set test_fraction=0.5 \
	--out bad
echo '1,two,3' >> data/houses.csv
refuses 'data/houses.csv:52:3: column 2 (b): .*' train run.yaml --set data=csv --set file=data/houses.csv \
	--out bad

# ---- output that cannot be written -----------------------------------------------
: > plain
refuses 'qmac: .*plain/out.*' train run.yaml --out plain/out
refuses 'qmac: .*plain.*' train run.yaml --out plain
refuses 'qmac: .*/proc/out.*' train run.yaml --out /proc/out
refuses 'qmac: .*' train run.yaml --out ''
# Rights bind no root: as another user, where that one can reach the program.
mkdir -m 555 locked
if [ "$(id -u)" != 0 ]; then
	as_user=
	skip_locked=
else
	chmod 755 .
	as_user='setpriv --reuid 65534 --regid 65534 --clear-groups'
	skip_locked=1
	# shellcheck disable=SC2086 # a command
	$as_user test -x "$qmac" -a -r run.yaml -a -r "$root/configs/hw/8x8_w8.yaml" 2>/dev/null && skip_locked=
fi
if [ "$skip_locked" ]; then
	skipped=$((skipped + 4))
else
	for case in 'make the folder locked/p/x' 'write in the folder locked'; do
		# shellcheck disable=SC2086 # a command
		$as_user "$qmac" train run.yaml --out "${case##* }" > out 2> err
		ok "cannot $case: exit status" test $? -eq 2
		says err "qmac: cannot $case: Permission denied"
	done
fi
for case in '0 layers.csv' '1 checkpoint'; do # without checkpoints, the file that grows fastest
	(
		ulimit -f 5
		trap '' XFSZ
		"$qmac" train run.yaml --set epochs=200 --set checkpoint.every="${case%% *}" --out full > out 2> err
	)
	ok 'a full disk ends with status 2' test $? -eq 2
	says err "qmac: cannot write full/${case##* }: .*"
	ok 'a full disk leaves no temporary files' no_temporaries full
	ok 'a full disk leaves no metrics.csv' absent full/metrics.csv
	ok 'a full disk leaves no checkpoint' absent full/checkpoint
done
if [ -c /dev/full ]; then
	"$qmac" config run.yaml > /dev/full 2> err
	ok 'a full standard output ends with status 2' test $? -eq 2
	says err 'qmac: cannot write to the standard output: .*'
else
	skipped=$((skipped + 2))
fi

# stop FOLDER: ends the process of the last command in the background once metrics are growing in its folder.
stop() {
	process=$!
	await begun "$1" 2
	kill -TERM $process
	wait $process
}

# a run that is stopped: it has a million epochs, so it cannot end by itself
"$qmac" train run.yaml --set epochs=1000000 --out stopped > out 2> err &
stop stopped
ok 'a stopped run ends with status 1' test $? -eq 1
says err 'qmac: stopped after epoch [0-9]*; stopped has no new results: go on with --resume'
ok 'a stopped run leaves its checkpoint only' test "$(ls -A stopped)" = checkpoint
"$qmac" train run.yaml --set epochs=1000000 --set checkpoint.every=0 --out nothing > out 2> err &
stop nothing
ok 'a stopped run without checkpoints ends with status 1' test $? -eq 1
says err 'qmac: stopped after epoch [0-9]*; nothing has no new results'
ok 'a stopped run without checkpoints leaves nothing' test -z "$(ls -A nothing 2>/dev/null)"

# A fuzzing that is stopped: hours without it. Each configuration takes a moment.
"$qmac" fuzz --backend cmodel --configs 100000 --count 20000000 --out traces > out 2> err &
process=$!
await test -s out
kill -TERM $process
wait $process
ok 'a stopped fuzzing ends with status 1' test $? -eq 1
# The last one may have been stopped half-way.
whole=$(grep -c ' of 200 commands, equal$' out)
played=$(grep -c ': [1-9][0-9]* of 200 commands, equal' out)
count=$(sed -n 's/.*: \([0-9]*\) of 200 commands, equal.*/\1/p' out | awk '{ sum += $1 } END { print sum }')
says err "qmac: stopped after $whole of 100000 configurations"
says out "seed 1: $count commands in .* on $played of 100000 configurations: 0 different or failed"
# TERM for qmac alone: processes that have begun a long configuration are told.
"$qmac" fuzz --backend cmodel --configs 2 --count 1000000000 -j 2 --out long > out 2> err &
process=$!
await test -d long
sleep 0.5
kill -TERM $process
wait $process
ok 'a fuzzing that is stopped half-way ends with status 1' test $? -eq 1
says out '2/2 seed .*: [0-9]* of 500000000 commands, equal, stopped'
says err 'qmac: stopped after 0 of 2 configurations'

# ---- sweeps -----------------------------------------------------------------------
cat > sweep.yaml <<'END'
base: run.yaml
set: {epochs: 2}
runs:
  - {algorithm: [sgd, svrg]}
  - {algorithm: [lp_sgd, halp], bits: [8, 16]}
plot: {x: epoch, y: grad_norm}
pareto: {x: cycles, y: grad_norm}
END
run 0 sweep sweep.yaml -j 2 --out s
ok 'results.csv has a heading and six rows' rows s/results.csv 7
ok 'the table has a heading, six rows and the folder' rows out 8
ok 'every run is ok' test "$(grep -c ',ok$' s/results.csv)" -eq 6
ok 'there is a Pareto front of device runs' test "$(grep -c '^[lh].*,1,ok$' s/results.csv)" -ge 1
ok 'host-only runs are not on it' test "$(grep -c '^s.*,1,ok$' s/results.csv)" -eq 0
if command -v gnuplot >/dev/null 2>&1; then
	ok 'a plot is drawn' has s/sweep.svg '</svg>'
else
	skipped=$((skipped + 1))
fi
run 0 train run.yaml --set epochs=2 --out single
ok 'a sweep trains like train' cmp -s single/weights.npy s/halp-8/weights.npy
ls -i s/*/summary.json > before
run 0 sweep sweep.yaml -j1 --out s --resume
ok 'resume keeps complete runs' same "$(cat before)" "$(ls -i s/*/summary.json)"
rm s/halp-8/summary.json
run 0 sweep sweep.yaml --jobs=3 --out s --resume
ok 'resume runs what is incomplete' test -s s/halp-8/summary.json
ok 'resume keeps the others' same "$(grep svrg before)" "$(ls -i s/svrg/summary.json)"
run 0 sweep sweep.yaml
ok 'the default folder' test -s qmac-out/sweep/results.csv
sed 's/epochs: 2/epochs: 1000000/' sweep.yaml > endless.yaml
"$qmac" sweep endless.yaml -j 2 --out endless > out 2> err &
stop endless/svrg
ok 'a stopped sweep ends with status 1' test $? -eq 1
says err 'qmac: stopped; endless has no results.csv.*'
ok 'a stopped sweep leaves checkpoints only' test -z "$(find endless -type f ! -name checkpoint)"
ok 'a stopped sweep leaves a checkpoint' test -s endless/svrg/checkpoint
mkdir t
: > t/svrg
run 2 sweep sweep.yaml --out t
says err 'qmac: run svrg failed: .*'
says err 'qmac: 1 of 6 runs failed'
ok 'a failed run has its row' has t/results.csv '^svrg,svrg,.*,0,failed$'
ok 'the other runs are complete' test "$(grep -c ',ok$' t/results.csv)" -eq 5
sed 's/^base: .*/base: missing.yaml/' sweep.yaml > bad.yaml
refuses '.*missing.yaml.*' sweep bad.yaml --out u
sed 's/bits: \[8, 16\]/bist: [8]/' sweep.yaml > bad.yaml
refuses "bad.yaml:5:[0-9]*: .*'bist'.*'bits'.*" sweep bad.yaml --out u
sed 's/x: cycles/x: cycels/' sweep.yaml > bad.yaml
refuses ".*'cycels'.*'cycles'.*" sweep bad.yaml --out u
refuses '.*missing.yaml.*' sweep missing.yaml --out u
refuses 'qmac: .*plain/u.*' sweep sweep.yaml --out plain/u
ok 'refused sweeps make no folder' absent u

# shellcheck source=tests/cli_report.sh
. "$root/tests/cli_report.sh"
# shellcheck source=tests/cli_net.sh
. "$root/tests/cli_net.sh"
# shellcheck source=tests/cli_area.sh
. "$root/tests/cli_area.sh"

# ---- traces -----------------------------------------------------------------------
run 0 train run.yaml --out traced --trace t.trace --trace-from 20 --trace-count 30
says out 'trace of 30 commands in t.trace'
ok 'recording changes no metrics' cmp -s traced/metrics.csv b/metrics.csv
ok 'recording changes no weights' cmp -s traced/weights.npy b/weights.npy
ok 'a trace of 30 commands' test "$(grep -c '^retire' t.trace)" -eq 30
run 0 replay t.trace
says out 't.trace: 30 commands, [0-9]* cycles: equal'
run 0 replay t.trace --timed --backend cmodel
says out 't.trace: 30 commands, [0-9]* cycles: equal, cycles too'
run 0 train run.yaml --set epochs=1 --set inner_steps=9 --out all --trace all.trace
run 0 replay all.trace --timed
says out "all.trace: $(value all commands) commands, $(value all cycles) cycles: equal, cycles too"
for trace in "$root"/traces/*.trace; do
	run 0 replay "$trace"
done
sed 's/^\(retire 4 [A-Z]* [A-Z]* 0\) [0-9]* /\1 77 /' t.trace > wrong.trace
run 1 replay wrong.trace
says err 'wrong.trace:[0-9]*:1: command 4: requantise saturations: expected 77, got [0-9]*: VEC .*'
sed 's/^\(retire 29 .*\) [0-9]*$/\1 1/' t.trace > late.trace
run 0 replay late.trace
run 1 replay late.trace --timed
says err 'late.trace:[0-9]*:1: command 29: retire cycle: expected 1, got [0-9]*: .*'
sed 's/^hw rows 8/hw rows 80/' t.trace > bad.trace
refuses 'bad.trace:3:9: 80 is out of range 1..64' replay bad.trace
head -n 60 t.trace > bad.trace
refuses 'bad.trace:6[01]:1: .*' replay bad.trace
refuses 'run.yaml:1:1: this is no trace.*' replay run.yaml
refuses 'qmac: missing.trace: cannot open: .*' replay missing.trace
refuses "qmac: unknown backend 'rlt'; use 'cmodel', 'rtl' or 'lockstep'" replay t.trace --backend rlt
export QMAC_RTL=nowhere
refuses "qmac: the RTL is not where it should be: .*QMAC_RTL.*" replay t.trace --backend rtl
refuses "qmac: the RTL is not where it should be: .*QMAC_RTL.*" replay t.trace --backend=lockstep
refuses "qmac: the RTL is not where it should be: .*QMAC_RTL.*" cosim run.yaml --out bad
refuses "qmac: the RTL is not where it should be: .*QMAC_RTL.*" replay t.trace --backend rtl --wave t.fst
ok 'no waves where nothing was played' absent t.fst
ok 'nor anything of them' test -z "$(find . -name 't.fst*')"
# What cannot be is said before a library is looked for.
refuses 'qmac: cannot write the waves to nowhere/t.fst: .*' replay t.trace --backend rtl --wave nowhere/t.fst
refuses 'qmac: cannot write the waves to .: Is a directory' replay t.trace --backend rtl --wave .
refuses 'qmac: .* to pipe.svg: it is not a regular file' replay t.trace --backend rtl --wave pipe.svg
ln -s pipe.svg pipe.link
refuses 'qmac: .* to pipe.link: it is not a regular file' replay t.trace --backend rtl --wave pipe.link
ok 'waves replace no pipe' test -p pipe.svg -a -L pipe.link
ln -s t.trace trace.link
ln t.trace trace.hard
for file in t.trace ./t.trace trace.link trace.hard; do
	refuses "qmac: cannot write .* to ${file}[^ ]*: t.trace is the trace: write elsewhere" \
		replay t.trace --backend lockstep --wave "$file"
done
ok 'waves do not replace the trace' test "$(head -c 10 t.trace)" = qmac-trace -a -L trace.link
refuses 'qmac: random stalls change cycles.*' fuzz --stalls --timed
for backend in cmodel rtl; do
	refuses "qmac: only the backend 'lockstep' compares the cycles of two devices, not '$backend'" \
		fuzz --backend $backend --timed
done
refuses 'qmac: random stalls change cycles.*' cosim run.yaml --timed --stalls 1 --out bad
refuses "qmac: unknown option '--backend'; use one of --set, .*" cosim run.yaml --backend cmodel --out bad
refuses 'qmac: cosim always compares .*' cosim run.yaml --set backend=cmodel --out bad
ok 'nothing was written by refused comparisons' absent bad/config.yaml
unset QMAC_RTL
refuses "qmac: only the backends 'rtl' and 'lockstep' have random stalls, not 'cmodel'" \
	replay t.trace --stalls 3
refuses "qmac: only the backends 'rtl' and 'lockstep' write waves, not 'cmodel'" replay t.trace --wave t.fst
refuses 'qmac: random stalls change cycles.*' replay t.trace --backend rtl --timed --stalls 1
refuses 'qmac: there is nothing to compare.*' cosim run.yaml --set algorithm=sgd --out sgd
refuses 'qmac: usage: qmac replay .*' replay
refuses 'qmac: --trace-from and --trace-count want a file.*' train run.yaml --trace-from 3 --out v
refuses 'qmac: --trace-count: 0 is out of range.*' train run.yaml --trace t.trace --trace-count 0 --out v
refuses 'qmac: --trace needs a run.*' train run.yaml --trace t.trace --resume --out v
refuses 'qmac: there is nothing to trace: sgd .*' train run.yaml --set algorithm=sgd --trace t.trace --out v
refuses 'qmac: cannot write nowhere/t.trace.*' train run.yaml --trace nowhere/t.trace --out v
ok 'refused traces leave no folder' absent v
run 2 train run.yaml --out v --trace late.trace --trace-from 99999999
says err 'qmac: the trace is empty: the run had [0-9]* commands, none from 99999999 on'
ok 'the results are there all the same' cmp -s v/weights.npy b/weights.npy

# shellcheck source=tests/cli_results.sh
. "$root/tests/cli_results.sh"
# shellcheck source=tests/cli_inputs.sh
. "$root/tests/cli_inputs.sh"
# shellcheck source=tests/cli_settings.sh
. "$root/tests/cli_settings.sh"
# shellcheck source=tests/cli_estimate.sh
. "$root/tests/cli_estimate.sh"
# shellcheck source=tests/cli_process.sh
. "$root/tests/cli_process.sh"
# What shells and compilers do in a build is no matter of the sanitizers, under which it takes long.
case $qmac in
*/sanitize/*) ;;
*)
	# shellcheck source=tests/cli_build.sh
	. "$root/tests/cli_build.sh"
	;;
esac

echo "cli: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
