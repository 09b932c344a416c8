# cli_process.sh: signals, streams and processes: what whoever starts, stops or kills qmac can do to it; a
# part of cli.sh, which reads this file.
# shellcheck shell=sh disable=SC2154

# ---- signals -----------------------------------------------------------------------
# An epoch of it takes minutes, and has a row of metrics before it.
endless() {
	timeout -s KILL 60 "$qmac" train run.yaml --set epochs=20 "$@" > out 2> err &
	process=$!
}
# ends STATUS SIGNAL...: sends them to $process, which must end with that status.
ends() {
	wanted=$1
	shift
	for signal in "$@"; do
		kill "-$signal" $process
	done
	{ wait $process; } 2> shell # it tells what ended by a signal
	status=$?
	ok "after $*: exit status $status, not $wanted" test $status -eq "$wanted"
}
for steps in halp=30000000 lp_sgd=30000000 svrg=200000000; do
	endless --set algorithm=${steps%=*} --set inner_steps=${steps#*=} --out mid
	await begun mid 1
	ends 1 TERM
	says err 'qmac: stopped in epoch 1; mid has no new results'
	ok 'a run that was stopped in its first epoch leaves nothing' absent mid
done
# timeout(1) sends its signal twice: that is one stop.
"$qmac" train run.yaml --set epochs=1000000 --out twice > out 2> err &
process=$!
await begun twice 2
kill -TERM $process $process
wait $process
ok 'the same signal twice at once: exit status' test $? -eq 1
says err 'qmac: stopped after epoch [0-9]*; twice has no new results: go on with --resume'
ok 'a checkpoint is left' test -s twice/checkpoint
# A checkpoint after every third epoch alone: a stop waits for it.
"$qmac" train run.yaml --set epochs=1000000 --set checkpoint.every=3 --out third > out 2> err &
process=$!
await begun third 2
ends 1 TERM
stopped='^qmac: stopped after epoch \([0-9]*\); third has no new results: go on with --resume$'
epoch=$(sed -n "s/$stopped/\1/p" err)
ok "stopped at a checkpoint, not after epoch $epoch" test -n "$epoch" -a $((${epoch:-1} % 3)) -eq 0
# Who ignores signals from the start goes on.
(
	trap '' HUP INT
	exec "$qmac" train run.yaml --set epochs=1000000 --out ignoring > out 2> err
) &
process=$!
await begun ignoring 2
kill -HUP $process
kill -INT $process
lines=$(wc -l < "$begun_file")
await begun ignoring $((lines + 1))
ok 'signals that are ignored at the start stay ignored' begun ignoring $((lines + 1))
ends 1 TERM
# While data are read, which takes a second and more, or made.
yes 1,2,3,4,5,6 | head -c 80000000 | gzip -1 > slow.csv.gz
for data in 'data=csv --set file=slow.csv.gz' 'data=conditioned --set samples=40000 --set features=2000' \
	'data=make_regression --set samples=40000 --set features=2000'; do
	# shellcheck disable=SC2086 # words
	timeout -s KILL 60 "$qmac" train run.yaml --set $data --out loading > out 2> err &
	process=$!
	await begun loading -1
	ends 1 TERM
	says err 'qmac: stopped before the first epoch; loading has no new results'
done
"$qmac" estimate run.yaml --set epochs=1000 --set inner_steps=1000000 --out counting > out 2> err &
process=$!
await begun counting 1
ends 1 TERM
says err 'qmac: stopped \(in\|after\) epoch [0-9]*; counting has no new results'

# ---- what qmac starts ends with it ---------------------------------------------------
# A gnuplot that hangs, and holds the FIFO open for as long as it lives.
mkdir hanging
cat > hanging/gnuplot <<'END_OF_GNUPLOT'
#!/bin/sh
exec > "$HANGS"
echo started
exec sleep 100
END_OF_GNUPLOT
chmod +x hanging/gnuplot
mkfifo hangs
# hangs SIGNAL...: a run whose plot is being drawn gets these, half a second apart.
hangs() {
	rm -f heard
	timeout 30 cat hangs > heard &
	listener=$!
	HANGS=$work/hangs PATH=$work/hanging:$PATH "$qmac" train run.yaml --out drawing > out 2> err &
	process=$!
	await test -s heard
	if [ $# -gt 1 ]; then
		kill "-$1" $process
		sleep 0.5
		shift
	fi
}
hangs KILL
ends 137 KILL
wait $listener
ok 'gnuplot ends with a qmac that is killed' test $? -eq 0
hangs TERM INT
# In a background job of a shell INT is ignored.
ends 143 TERM
wait $listener
ok 'gnuplot ends with a qmac that is stopped twice' test $? -eq 0
"$qmac" sweep endless.yaml -j 2 --out orphans > out 2> err &
process=$!
await begun orphans/svrg 2
ends 137 KILL
run 0 sweep sweep.yaml -j 2 --out orphans --resume
ok 'processes of a sweep that was killed hold no folder' test "$(grep -c ',ok$' orphans/results.csv)" -eq 6
"$qmac" sweep endless.yaml -j 2 --out again > out 2> err &
process=$!
await begun again/svrg 2
kill -TERM $process $process
wait $process
ok 'a sweep that is stopped twice at once: exit status' test $? -eq 1
ok 'a stopped sweep leaves checkpoints' test -s again/svrg/checkpoint

# ---- standard streams -----------------------------------------------------------------
rm -rf closed
"$qmac" train run.yaml --set algorithm=sgd --set alpha=1000 --out closed >&- 2>&- <&-
ok 'without any stream: exit status' test $? -eq 0
run 0 train run.yaml --set algorithm=sgd --set alpha=1000 --out open
for file in metrics.csv layers.csv config.yaml; do
	ok "without any stream: $file" cmp -s closed/$file open/$file
done
"$qmac" train missing.yaml --out closed 2>&-
ok 'an error without a stderr: exit status' test $? -eq 2
# A pipe whose reader has ended: told by the second FIFO line, not by time.
mkfifo pipe.gone
# shellcheck disable=SC2016
sh -c '"$1" report a > pipe.gone 2> err; echo $? > status' sh "$qmac" &
process=$!
: < pipe.gone
wait $process
status=$(cat status)
ok "a pipe that is closed early: exit status $status" test "$status" -eq 141 -o "$status" -eq 0
ok 'a pipe that is closed early: no word' test ! -s err
if [ -c /dev/full ]; then
	for command in help --version 'help train' 'train --help' 'train run.yaml --out full' \
		'estimate run.yaml --out full' 'report a' 'config run.yaml' 'replay t.trace' \
		'sweep sweep.yaml --out fullsweep' 'fuzz --backend cmodel --configs 1 --count 50'; do
		# shellcheck disable=SC2086 # words
		"$qmac" $command > /dev/full 2> err
		ok "qmac $command, a full standard output: exit status" test $? -eq 2
		says err 'qmac: cannot write to the standard output: No space left on device'
	done
else
	skipped=$((skipped + 22))
fi

# ---- progress -----------------------------------------------------------------------
# When lines of a log are due is what test_progress looks at; runs of moments have none.
run 0 sweep sweep.yaml -j 2 --out progress
ok 'a short sweep has an empty log' test ! -s err
run 0 train run.yaml --quiet --out progress/quiet
run 0 sweep sweep.yaml --quiet --out progress
run 0 estimate run.yaml --quiet --out progress/estimate
run 0 fuzz --quiet --backend cmodel --configs 1 --count 50
refuses "qmac: unknown option '--quiet'.*" config run.yaml --quiet
# live ARGUMENTS...: qmac on a terminal, whose output goes to the file live.
live() {
	script -qec "'$qmac' $*" live > shell < /dev/null
}
if command -v script > /dev/null 2>&1; then
	live train run.yaml --out live.train
	ok 'a live line of a training' has live 'epoch 0 of 3, grad_norm [0-9].*, 0 %'
	live train run.yaml --quiet --out live.train
	ok 'no live line of a quiet training' test "$(grep -c 'epoch 0 of' live)" -eq 0
	live train digits.yaml --set epochs=500 --out live.train
	ok 'a live line of a step' has live 'epoch [0-9]* of 500, step [1-6] of 6, [0-9]* %, .*epoch .* steps/s'
	ok 'and nothing wider than the terminal' \
		test "$(tr '\r' '\n' < live | sed -n '/^epoch .* step/s/.\[K.*//p' | awk 'length > 79' | wc -l)" -eq 0
	live sweep sweep.yaml -j 1 --out live.sweep
	ok 'a live line of a sweep' has live '1 of 6 runs done, 16 %, [0-9]* s left'
	live fuzz --backend cmodel --configs 3 --count 300
	ok 'a live line of a fuzzing' has live '1 of 3 configurations, 33 %, [0-9]* s left'
else
	skipped=$((skipped + 6))
fi
