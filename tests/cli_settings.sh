# cli_settings.sh: options and settings that are given twice or in vain, and what a result folder is called
# that nobody named; a part of cli.sh, which reads this file.
# shellcheck shell=sh disable=SC2154,SC2034

# ---- given twice ------------------------------------------------------------------------
for twice in '--out a --out b' '--backend cmodel --backend=cmodel' '--data-dir . --data-dir .' \
	'--hw hw.yaml --hw hw.yaml' '--resume --resume' '--trace t --trace u'; do
	# shellcheck disable=SC2086 # several words
	refuses "qmac: ${twice%%[ =]*} is given twice: leave one out" train run.yaml $twice
done
refuses 'qmac: --jobs is given twice: leave one out' sweep sweep.yaml -j 1 --jobs=2
refuses 'qmac: --timed is given twice: leave one out' replay t.trace --timed --timed
refuses 'qmac: --seed is given twice: leave one out' fuzz --seed 1 --seed 1
refuses 'qmac: --set bits=6: --set has set this key already, to 4: leave one out' \
	config run.yaml --set bits=4 --set seed=2 --set bits=6
refuses 'qmac: --set checkpoint_every=2: --set has set this key already, to 1: leave one out' \
	config run.yaml --set checkpoint.every=1 --set checkpoint_every=2
refuses 'qmac: --hw b.yaml: --set has set this key already, to a.yaml: leave one out' \
	config run.yaml --set hw=a.yaml --hw b.yaml
refuses 'qmac: --set backend=rtl: --backend has set this key already, to cmodel: leave one out' \
	config run.yaml --backend cmodel --set backend=rtl
run 0 fuzz --backend cmodel --count 20 --hw "$root/configs/hw/8x8_w8.yaml" --hw "$root/configs/hw/8x8_w8.yaml"
says out 'seed 1: 20 commands .* on 2 configurations: .*'

# ---- given in vain ------------------------------------------------------------------------
run 0 train run.yaml --set delta=0.5 --set classes=3 --set mu=2 --out vain
says err 'qmac: --set delta=0.5 changes nothing: halp does not look at it'
says err 'qmac: --set classes=3 changes nothing: make_regression does not look at it'
ok 'what is used is not spoken of' test "$(wc -l < err)" -eq 2
run 0 estimate run.yaml --set algorithm=svrg --set bits=4 --out vain
says err 'qmac: --set bits=4 changes nothing: svrg does not look at it'
printf '%s\n' 'base: run.yaml' 'set: {epochs: 1, delta: 0.5, mu: 2}' 'runs:' \
	'  - {algorithm: [svrg, halp], bits: [4, 8]}' > vain.yaml
run 0 sweep vain.yaml --out vain-sweep
says err 'qmac: vain.yaml:2: delta changes nothing: no run that has it looks at it (halp)'
ok 'what some run uses is not spoken of' test "$(wc -l < err)" -eq 1

# ---- the folder that nobody named -----------------------------------------------------------
rm -rf qmac-out
run 0 train run.yaml --set epochs=1
run 0 train run.yaml --set epochs=1
ok 'the same run again: nothing is said' test ! -s err
run 0 train run.yaml --set epochs=1 --hw "$root/configs/hw/16x16_w8.yaml"
says out 'results in *qmac-out/run-halp-8-16x16_w8'
run 0 estimate run.yaml --set epochs=1 --hw "$root/configs/hw/ragged.yaml"
says out 'results in *qmac-out/run-halp-8-ragged-estimate'
ok 'other hardware replaces nothing' test -s qmac-out/run-halp-8/summary.json -a ! -s err
cp qmac-out/run-halp-8/summary.json before
run 0 train run.yaml --set epochs=2
says err 'qmac: qmac-out/run-halp-8 holds the result of another configuration, which this run replaces: .*'
ok 'it is replaced' differ "$(cat before)" "$(cat qmac-out/run-halp-8/summary.json)"
run 0 train run.yaml --set epochs=1 --out qmac-out/run-halp-8
ok 'of a folder that was named nothing is said' test ! -s err
rm -rf qmac-out
for name in ..yaml ...yaml -x.yaml "$(printf 'a\033[31m.yaml')"; do
	cp run.yaml "./$name"
	run 0 train --set epochs=0 -- "./$name"
	printf '%s\n' 'base: run.yaml' 'set: {epochs: 0}' 'runs:' '  - {bits: 8, name: ..}' \
		'  - {bits: 8, name: -y}' > "./$name"
	run 0 sweep -- "./$name"
	rm "./$name"
done
ok 'no folder but in qmac-out, none of them hidden' test "$(cd qmac-out && echo .[!.]* -* *)" = \
	".[!.]* -* _ _-halp-8 _. _.-halp-8 _x _x-halp-8 a_[31m a_[31m-halp-8"
ok 'nor of a run of a sweep' test "$(cd qmac-out/_ && echo .[!.]* -* *)" = ".[!.]* -* _. _y results.csv"
