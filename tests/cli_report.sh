# cli_report.sh: `qmac report`; a part of cli.sh, which reads this file.
# shellcheck shell=sh disable=SC2154,SC2034

# ---- report -----------------------------------------------------------------------
run 0 report s/halp-8 s/sgd --out both.svg
ok 'one line per folder' test "$(grep -c '^s/' out)" -eq 2
if command -v gnuplot >/dev/null 2>&1; then
	ok 'a plot of both' has both.svg '</svg>'
else
	skipped=$((skipped + 1))
fi
run 0 report s/halp-8
refuses 'qmac: --array needs the folder of one network on the device' report s/halp-8 --array
refuses 'qmac: nowhere holds no complete result: there is no such folder' report s/sgd nowhere
printf '{"a": ' > single/summary.json
refuses 'single/summary.json:1:7: .*' report single
run 2 report s/sgd --out plain/plot.svg
run 2 report s/sgd --out s
mkdir nothing
PATH=$work/nothing "$qmac" report s/sgd > out 2> err
ok 'without gnuplot report goes on' test $? -eq 0
says err 'qmac: no plot: gnuplot is not installed.*'
PATH=$work/nothing "$qmac" train run.yaml --out j > out 2> err
ok 'without gnuplot train goes on' test $? -eq 0
says err 'qmac: no plot: gnuplot is not installed.*'
ok 'without gnuplot the result is complete' test -s j/summary.json
ok 'without gnuplot there is no plot' absent j/grad_norm.svg
# As the loader ends it where a library is missing.
printf '#!/bin/sh\necho gnuplot: error while loading shared libraries >&2\nexit 127\n' > nothing/gnuplot
chmod +x nothing/gnuplot
PATH=$work/nothing "$qmac" report s/sgd > out 2> err
says err 'qmac: no plot: gnuplot failed with exit status 127: gnuplot: error while loading shared libraries'
chmod -x nothing/gnuplot
PATH=$work/nothing "$qmac" report s/sgd > out 2> err
says err 'qmac: no plot: cannot run gnuplot: Permission denied'

# ---- folders of several runs ---------------------------------------------------------
cp -r s/halp-8 single-run
# The names in the table, in their order.
reported() { sed -n '2,$s/^\([^ ]*\) .*/\1/p' out | grep -v '^plot$' | tr '\n' ' '; }
run 0 report s
ok 'a sweep: its rows, in the order of the sweep file' same "$(reported)" \
	"$(sed -n '2,$s|^\([^,]*\),.*|s/\1|p' s/results.csv | tr '\n' ' ')"
ok 'nothing is missing' test ! -s err
run 0 report s/ single-run/ s/halp-8 --out both.svg
ok 'a sweep and runs' same "$(reported | cut -d ' ' -f 7-)" 'single-run/ s/halp-8 '
mkdir -p nest/deep/a nest/empty
cp -r s nest/deep/s
cp -r single-run nest/z
ln -s ../z nest/deep/loop
run 0 report nest
ok 'folders in folders, by name, links left alone' same "$(reported)" \
	"$(sed -n '2,$s|^\([^,]*\),.*|nest/deep/s/\1|p' s/results.csv | tr '\n' ' ')nest/z "
rm nest/deep/s/halp-8/summary.json
rm -r nest/deep/s/svrg
run 0 report nest
says out 'nest/deep/s/halp-8  *-.* incomplete'
says out 'nest/deep/s/svrg  *-.* incomplete'
says err 'qmac: nest/deep/s/halp-8 holds no complete result: it has no summary.json'
says err 'qmac: nest/deep/s/svrg holds no complete result: there is no such folder'
ok 'the others are there' test "$(reported | wc -w)" -eq 7
rm nest/deep/s/results.csv
run 0 report nest
ok 'without results.csv runs are found by name' same "$(reported)" \
	"$(find nest -name metrics.csv ! -path '*/loop/*' | sed 's|/metrics.csv||' | LC_ALL=C sort | tr '\n' ' ')"
says out 'nest/deep/s/halp-8  *-.* incomplete'
# A row that failed has older results in its folder.
cp -r s failed
sed -i '/^halp-8,/{s/^\([^,]*\),.*/\1,halp,,,,,,,,,,,,,,,,,,,,,,,,,0,failed/}' failed/results.csv
run 0 report failed
says out 'failed/halp-8  *-.* failed'
says err 'qmac: failed/halp-8 holds no result: the run failed'
rm failed/*/summary.json
run 2 report failed nest/empty
says err 'qmac: nest/empty holds no complete result: it has no summary.json'
run 2 report failed
says err 'qmac: failed holds no complete result'
ok 'without any result there is no table' test ! -s out
refuses 'qmac: nest/empty holds no complete result: it has no summary.json' report nest/empty
printf 'epoch\n1\n' > nest/empty/results.csv
refuses 'nest/empty/results.csv:1:1: .*its first column is not name' report nest
printf 'name,status\n../../s/sgd,ok\n' > nest/empty/results.csv
refuses 'nest/empty/results.csv:2:1: this is no name of a run' report nest

refuses 'qmac: cannot write the plot to s/results.csv: .*' report s --out s/results.csv
refuses 'qmac: cannot write the plot to s/svrg/metrics.csv: .*' report s --out s/svrg/metrics.csv

# ---- goals ---------------------------------------------------------------------------
run 0 report s --goal grad_norm=1e9,1e-30
says out 'gradient norm <= 1e+09  *epoch  *cycles  *joules  *low  *high  *note'
says out 's/halp-8  *0  *0  *0  *0  *0'
says out 's/sgd  *0  *-  *-  *-  *-'
says out 's/halp-8  *never  *-  *-  *-  *-  best .*'
refuses "qmac: unknown figure 'grad_nrom'; did you mean 'grad_norm'.*" report s --goal grad_nrom=1
refuses 'qmac: a goal is .*' report s --goal 0.5
# At the last row, what the whole run took.
{ cat sweep.yaml; echo "goal: grad_norm=$(value s/halp-8 grad_norm), 1e9"; } > goal.yaml
run 0 sweep goal.yaml --out goal
says out 'gradient norm <= 1e+09 .*'
ok 'a row for each run and value' rows goal/goals.csv 13
ok 'the costs of the last row' same "$(sed -n 's/^halp-8,//p' goal/goals.csv | head -n 1)" \
	"grad_norm,$(for key in grad_norm epochs cycles energy_j energy_low_j energy_high_j; do
		printf '%s,' "$(value goal/halp-8 $key)"; done)0"
run 0 sweep sweep.yaml --out goal --resume
ok 'a sweep without a goal leaves none' absent goal/goals.csv

# ---- networks ------------------------------------------------------------------------
mkdir -p images
octal() { printf '\\%03o' "$@"; }
# 12 and 8 images of 4x4 pixels in two classes: one half is bright.
for part in train:12 t10k:8; do
	count=${part#*:}
	# shellcheck disable=SC2059 # octal escapes
	{
		printf "$(octal 0 0 8 1 0 0 0 "$count")" > "images/${part%:*}-labels-idx1-ubyte"
		printf "$(octal 0 0 8 3 0 0 0 "$count" 0 0 0 4 0 0 0 4)" > "images/${part%:*}-images-idx3-ubyte"
	}
	for i in $(seq "$count"); do
		class=$((i % 2))
		# shellcheck disable=SC2059
		printf "$(octal $class)" >> "images/${part%:*}-labels-idx1-ubyte"
		for pixel in $(seq 0 15); do
			# shellcheck disable=SC2059
			printf "$(octal $((pixel / 8 == class ? 200 + i : 10 + i)))"
		done >> "images/${part%:*}-images-idx3-ubyte"
	done
done
printf '%s\n' 'name: tiny' 'input: {channels: 1, height: 4, width: 4}' 'layers:' \
	'  - conv: {out: 2, kernel: 3}' '  - relu' '  - flatten' '  - linear: {out: 2}' > tiny.yaml
printf '%s\n' 'network: tiny.yaml' 'data: mnist' 'file: images' 'batch: 4' 'epochs: 3' 'alpha: 0.05' \
	"hw: $root/configs/hw/8x8_w8.yaml" > tiny_run.yaml
train_net() { # FOLDER SETTING...
	folder=$1
	shift
	run 0 train tiny_run.yaml --out "$folder" "$@"
}
train_net n/adapt --set precision.policy=adapt --set precision.lookback_low=2 --set precision.lookback_high=3
train_net n/fixed --set precision.policy=fixed
train_net n/muppet --set precision.policy=muppet
train_net n/float
ok 'formats have switched' test "$(wc -l < n/adapt/switches.csv)" -gt 2
run 0 report n --out nets.svg
ok 'a line for each run of a network' test "$(grep -c '^n/' out)" -eq 4
ok 'nothing is said against them' test ! -s err
run 0 report n --goal test_accuracy=0
says out 'n/fixed  *0  *[1-9][0-9,]*  *[0-9.e-]*  *[0-9.e-]*  *[0-9.e-]*'
says out 'n/float  *0  *[1-9][0-9,]*  *[0-9.e-]*  *[0-9.e-]*  *[0-9.e-]*  *in 32 bits'
if command -v gnuplot >/dev/null 2>&1; then
	for text in 'test accuracy' 'training loss' 'formats of n/adapt: tiny, adapt, seed 1' \
		'formats of n/fixed' 'formats of n/muppet' 'word length BW, bits' 'switch of the word length' \
		weight_grad conv1 linear1; do
		ok "the picture has: $text" has nets.svg "$text"
	done
	ok 'no heat map of float32' test "$(grep -c 'formats of n/float' nets.svg)" -eq 0
else
	skipped=$((skipped + 11))
fi
run 0 estimate tiny_run.yaml --set precision.policy=fixed --out n/estimate
# Layer, direction, cycles, share and use of the array, to the sum of all.
array_of() {
	"$qmac" report "$1" --array --out nets.svg | sed -n '/^layer .*direction/,/^$/p' |
		awk '{ print $1, $2, $3, $4, $6 }'
}
run 0 report n/estimate --array --out nets.svg
says out 'layer .*direction .*cycles .*array .*joules .*memory'
says out 'all layers  *[0-9,]*  *100.0 % .*'
ok "layers, directions and the array of an estimate are the training's" same "$(array_of n/fixed)" \
	"$(array_of n/estimate)"
cp -r n/adapt net-cut
sed -i '$s/,[^,]*$//' net-cut/switches.csv
refuses 'net-cut/switches.csv:[0-9]*:[0-9]*: a number of column [a-z_]* should end here' report net-cut
sed -i '2d' net-cut/switches.csv
refuses 'net-cut/switches.csv:.*' report net-cut
head -n -2 n/adapt/switches.csv > net-cut/switches.csv
refuses 'qmac: net-cut: switches.csv ends with .*: rows are missing' report net-cut
rm net-cut/switches.csv
refuses 'qmac: .*net-cut/switches.csv.*No such file or directory' report net-cut

# ---- reasons as they are -------------------------------------------------------------
refuses 'qmac: cannot read run.yaml/summary.json: Not a directory' report run.yaml
mkdir looped
ln -s summary.json looped/summary.json
refuses 'qmac: cannot read looped/summary.json: Too many levels of symbolic links' report looped
ln -s round.csv round.csv
mkdir -p data.d
ln -s round2.csv data.d/round2.csv
refuses ".*cannot open 'round.csv': Too many levels of symbolic links" train run.yaml --set data=csv \
	--set file=round.csv
refuses ".*cannot open 'data.d/round2.csv': Too many levels.*" \
	train run.yaml --set data=csv --set file=round2.csv --data-dir data.d
if [ "$(id -u)" -ne 0 ]; then
	cp -r single-run closed
	chmod 0 closed
	refuses 'qmac: cannot read closed/summary.json: Permission denied' report closed
	chmod 700 closed
else
	skipped=$((skipped + 1))
fi

# ---- names that hold anything --------------------------------------------------------
# An escape, C1 as UTF-8 and as a byte, a turn of the direction, a line of its own.
evil=$(printf 'e\033[2J\302\233\233\342\200\256\nqmac: well')
shown='e\\x1B\[2J\\x9B\\x9B\\u202E\\x0Aqmac: well'
harmless() { [ "$(cat out err | tr -d '\n -~' | wc -c)" -eq 0 ] && ! grep -q '^qmac: well' out err; }
tame() {
	wanted=$1
	shift
	"$qmac" "$@" > out 2> err
	ok "status of $1 with such a name" test $? -eq "$wanted"
	ok "$1: nothing of it has power over the terminal" harmless
}
tame 2 "$evil"
tame 2 help "$evil"
for command in train estimate config cosim sweep replay report; do
	tame 2 $command "$evil"
	ok "$command: the name is shown" grep -q "$shown" err
done
tame 2 train run.yaml "--$evil"
tame 2 train run.yaml --set "$evil=1"
tame 2 train run.yaml --set "bits=$evil"
tame 2 train run.yaml --set "data=$evil"
tame 2 train run.yaml --hw "$evil"
tame 2 train run.yaml --backend "$evil"
tame 2 fuzz --hw "$evil"
tame 2 fuzz --kind "$evil"
printf '%s: 1\n' "$evil" > evil.yaml
tame 2 config evil.yaml
printf '"e\\e[2J\\u202E": 1\n' > evil.yaml
tame 2 config evil.yaml
ok 'a key of a file is shown' grep -q 'e\\x1B\[2J\\u202E' err
printf 'data: "e\\e[2J\\u202E.csv"\n' > evil.yaml
tame 2 config evil.yaml
cp run.yaml "$evil.yaml"
tame 0 config "$evil.yaml"
cp -r s "$evil"
tame 0 report "$evil"
says out "$shown/halp-8 .*"
sed -i -e 's/"diverged": [a-z]*/"weights_sha256": "\\u001b[2J"/' \
	-e 's/"headline": "[a-z_]*"/"headline": "\\u001b]0;x\\u0007"/' "$evil/halp-8/summary.json"
tame 0 report "$evil"
tame 2 report "$evil/halp-8"
tame 0 train run.yaml --set epochs=1 --out "$evil/x"
says out "results in  *$shown/x"
tame 0 sweep sweep.yaml --out "$evil" --resume
