# cli_estimate.sh: `qmac estimate`; a part of cli.sh, which reads this file. That its figures are those of the
# run is what pinned.sh looks at.
# shellcheck shell=sh disable=SC2154

# ---- estimates --------------------------------------------------------------------
run 0 train run.yaml --out trained --set batch=4
mv out trained.out
run 0 estimate run.yaml --out estimated --set batch=4
for line in 'device cycles' commands 'MACs of the array' 'vector multiplies' 'DRAM bytes read' \
	'DRAM bytes written' 'descriptor bytes' 'host operations'; do
	says out "$(grep "^$line " trained.out)"
done
says out "depends on data     zero_macs, acc_saturations, requant_saturations, container_saturations, all .*"
says out 'results in          estimated'
figures=$(grep -c -e '^gradient' -e '^satur' -e '^weights' out)
ok 'an estimate has no figures of a training' test "$figures" -eq 0
ok 'what it leaves' same "$(cd estimated && echo *)" \
	'area.yaml config.yaml energy.yaml hw.yaml layers.csv metrics.csv summary.json'
ok 'metrics.csv without figures of the training' same "$(sed -n 2p estimated/metrics.csv)" \
	"0,0,0,,,,,0,0,,,0,0,0,0,0,0,$(sed -n '2s/.*,\(\([^,]*,\)\{5\}[^,]*\)$/\1/p' trained/metrics.csv)"
# Row by row: epoch, layer, direction, widths, cycles, MACs, multiplies; commands, bytes, busy cycles.
for columns in 1-5,7-10 13-19,22; do
	ok "layers.csv of an estimate: columns $columns" same "$(cut -d, -f $columns estimated/layers.csv)" \
		"$(cut -d, -f $columns trained/layers.csv)"
done
run 0 train run.yaml --out estimated --set batch=4 --resume
ok 'an estimate is no result of the training' test "$(grep -c 'holds this result' out)" -eq 0
ok 'the training takes its place' same "$(value estimated weights_sha256)" "$(value trained weights_sha256)"
run 0 estimate run.yaml --out estimated --set batch=4
ok 'an estimate leaves no weights of an older training' test ! -e estimated/weights.npy
run 0 report estimated trained --out both.svg
run 0 estimate run.yaml --set timeline=5 --hw "$root/configs/hw/ragged.yaml"
ok 'the folder without --out' test -s qmac-out/run-halp-8-ragged-estimate/timeline.json
for algorithm in sgd svrg; do
	run 0 estimate run.yaml --out host --set "algorithm=$algorithm"
	says out "device              not used: $algorithm runs on the host"
	says out 'device cycles       0'
	mv out host.out
	run 0 train run.yaml --out host --set "algorithm=$algorithm"
	says host.out "$(grep '^host operations' out)"
done
refuses "qmac: unknown option '--backend'; use one of --set, .*" estimate run.yaml --backend cmodel
refuses "qmac: unknown option '--resume'; use one of --set, .*" estimate run.yaml --resume
refuses 'qmac: estimate asks no backend.*: leave out the setting of backend' \
	estimate run.yaml --set backend=rtl
refuses ".*unknown key 'bit'; did you mean 'bits'.*" estimate run.yaml --set bit=8
refuses ".*cmodel, rtl, lockstep, not 'time'" train run.yaml --backend time --out bad
refuses "qmac: unknown backend 'time'; use 'cmodel', 'rtl' or 'lockstep'" fuzz --backend time
refuses 'qmac: usage: qmac estimate RUN.yaml|DIR .*' estimate

# ---- estimates of runs that are done ------------------------------------------------
mkdir -p digits
for part in train t10k; do
	{ printf '\000\000\010\003\000\000\000\030\000\000\000\004\000\000\000\004'; seq 1 500 | tr -d '\n' |
		head -c 384; } > digits/$part-images-idx3-ubyte
	{ printf '\000\000\010\001\000\000\000\030'; seq 1 100 | tr -d '\n' |
		tr '0-9' '\000\001\000\001\000\001' | head -c 24; } > digits/$part-labels-idx1-ubyte
done
cat > digits.net <<END
name: digits
input: {channels: 1, height: 4, width: 4}
layers:
- conv: {out: 2, kernel: 3}
- tanh
- flatten
- linear: {out: 2}
END
cat > digits.yaml <<END
network: digits.net
data: mnist
file: digits
precision: {policy: adapt, lookback_low: 2, lookback_high: 3}
epochs: 2
batch: 4
hw: $root/configs/hw/8x8_w8.yaml
END
refuses 'qmac: precision.policy: with adapt the training itself chooses .* by its folder in place of .*' \
	estimate digits.yaml
run 0 train digits.yaml --out learned
ok 'formats change' test "$(wc -l < learned/switches.csv)" -gt 2
run 0 estimate learned/
says out 'results in          learned-estimate'
ok 'an estimate of a run that is done: cycles' \
	same "$(value learned-estimate cycles)" "$(value learned cycles)"
ok 'an estimate of a run that is done: products with a zero operand' \
	same "$(column learned-estimate zero_macs)" "$(column learned zero_macs)"
ok 'an estimate of a run that is done: joules' \
	same "$(value learned-estimate energy_j)" "$(value learned energy_j)"
says out "depends on data     acc_saturations, requant_saturations, container_saturations, all .*"
ok 'an estimate of a run that is done: switches' cmp learned/switches.csv learned-estimate/switches.csv
run 0 estimate learned --set speedup=false --out alone
ok 'without 32 bits to compare with: cycles' same "$(value alone cycles)" "$(value learned cycles)"
run 0 estimate learned --hw "$root/configs/hw/ragged.yaml"
run 0 train digits.yaml --hw "$root/configs/hw/ragged.yaml" --out ragged
ok 'on other hardware: cycles' same "$(value learned-ragged-estimate cycles)" "$(value ragged cycles)"
ok 'on other hardware: switches' cmp ragged/switches.csv learned-ragged-estimate/switches.csv
refuses 'qmac: --set batch: with it the run in learned would have had other formats: leave it out' \
	estimate learned --set batch=2
refuses 'qmac: cannot write results to learned/config.yaml: .* is the run file: write elsewhere' \
	estimate learned --out learned
cp -R learned cut
sed '$d' learned/switches.csv > cut/switches.csv
refuses "cut/switches.csv:[0-9]*:1: rows are missing: in step [0-9]* the format of layer '[a-z0-9]*' .*" \
	estimate cut
rm cut/formats.csv
refuses 'qmac: cut/formats.csv: cannot open: .*' estimate cut
rm cut/summary.json
refuses 'qmac: cut holds no complete result: .*' estimate cut
run 0 train run.yaml --out linear
run 0 estimate linear --out linear-again --set epochs=2
ok 'any run can be estimated by its folder' same "$(value linear-again epochs)" 2
run 0 train run.yaml --out linear --set batch=4 --hw "$root/configs/hw/16x16_w8.yaml"
run 0 estimate linear --out linear-again --set timeline=5
ok 'joules of a linear model' same "$(value linear-again energy_j)" "$(value linear energy_j)"
ok 'products with a zero operand of a linear model' \
	same "$(column linear-again zero_macs)" "$(column linear zero_macs)"
run 0 estimate linear --out linear-again --set seed=3
says out ' *products with a zero operand are not known before such a run was trained: zero_gating is .*'
run 0 estimate linear --out linear-again --hw "$root/configs/hw/ragged.yaml"
says out ' *products with a zero operand are not known in multipliers of 7 x 11 bits, .*'
sed '2s/.$/9/' linear/layers.csv > damaged.csv
mv damaged.csv linear/layers.csv
run 0 estimate linear --out linear-again
says out ' *products with a zero operand are not known of the run: layers.csv is damaged: .*'

# ---- shapes of layers -------------------------------------------------------------
hw=$root/configs/hw/16x16_w8.yaml
printf 'h,\nc, 8, 8, 3, 3, 4, 8, 1,\nDP, 6, 6, 3, 3, 8, 1, 1,\n' > shapes.csv
run 0 estimate --topology shapes.csv --hw "$hw" --training
says out 'c  *weight_grad  *[0-9,]* .*'
says out 'DP (8 x)  *data_grad  *[0-9,]* .*'
says out 'results in qmac-out/shapes-16x16_w8-estimate'
ok 'shapes: nothing on stderr' test ! -s err
ok 'shapes: reports' same "$(cd qmac-out/shapes-16x16_w8-estimate && echo *)" \
	'COMPUTE_REPORT.csv DATA_GRAD_COMPUTE_REPORT.csv WEIGHT_GRAD_COMPUTE_REPORT.csv'
ok 'shapes: a line for each copy' \
	test "$(wc -l < qmac-out/shapes-16x16_w8-estimate/COMPUTE_REPORT.csv)" -eq 10
run 0 estimate --topology shapes.csv --hw "$hw" --out shapes --set batch=2 --set x_bits=12 --dataflow os
# two limbs, 36 pixels, 9 taps, 4 channels, 8 filters; two images
says out 'c  *forward  *41,472 .*'
ok 'shapes: forward alone' same "$(cd shapes && echo *)" COMPUTE_REPORT.csv
says out 'layer .* descriptors  *joules'
says out 'energy: [0-9.]*e-0[0-9] J, by other sources from .* to .*'
says out 'area: [0-9.]* mm2 without memories, by OSU .*'
grep '^energy' out > default
run 0 estimate --topology shapes.csv --hw "$hw" --out shapes --set batch=2 --set x_bits=12 --dataflow os \
	--set "energy=$root/configs/energy/scaled_7nm.yaml"
ok 'shapes: another table, other joules' test "$(grep '^energy' out)" != "$(cat default)"
refuses 'qmac: nowhere.yaml: cannot open: .*' \
	estimate --topology shapes.csv --hw "$hw" --set energy=nowhere.yaml
sed '/^  preset:/d' "$hw" > bare.yaml
printf '  %s\n' 'latency: 34' 'bytes_per_cycle: 16' 'banks: 64' 'row_bytes: 2048' 'miss: 28' \
	'turnaround: 12' >> bare.yaml
refuses "bare.yaml:[0-9]*:[0-9]*: missing key 'dram.energy' (ddr3|ddr4|gddr5|lpddr4|hbm2|none; .*" \
	estimate --topology shapes.csv --hw bare.yaml --out shapes
refuses "bare.yaml:[0-9]*:[0-9]*: missing key 'dram.energy' .*" estimate run.yaml --hw bare.yaml --out shapes
echo '  energy: none' >> bare.yaml
run 0 estimate run.yaml --hw bare.yaml --out none
says out 'joules  *not estimated: dram.energy of the hardware file is none'
run 0 estimate --topology shapes.csv --hw bare.yaml --out shapes
says err 'qmac: no energy: dram.energy of the hardware file is none'
ok 'shapes: no joules of an unknown memory' test "$(grep -c -e joules -e '^energy' out)" -eq 0
printf 'h,\nc, 8, 8, 3, 3, 4, 8, 1' > short.csv
run 0 estimate --topology short.csv --hw "$hw" --out shapes
says err 'short.csv:2: no comma at the end of the line: .*'
# The MACs of the networks that the files are of.
for pair in lenet5:416,520 alexnet_cifar:14,957,056 resnet20:40,813,184; do
	run 0 estimate --topology "$root/configs/shapes/${pair%%:*}.csv" --hw "$hw" --out shapes
	says out "total  *${pair#*:} .*"
done
printf 'h,\nc, 8, 8, 9, 3, 4, 8, 1,\n' > bad.csv
refuses 'bad.csv:2:10: filter height 9 is larger than IFMAP height 8: .*' \
	estimate --topology bad.csv --hw "$hw"
refuses "qmac: --topology wants --hw HW.yaml: .*" estimate --topology shapes.csv
refuses "qmac: 'run.yaml': --topology takes the place of a run file: .*" \
	estimate run.yaml --topology shapes.csv --hw "$hw"
refuses "qmac: --dataflow: .*'is'.*" estimate --topology shapes.csv --hw "$hw" --dataflow is
refuses "qmac: --set y_bit=8: unknown key 'y_bit'; did you mean 'y_bits'?" \
	estimate --topology shapes.csv --hw "$hw" --set y_bit=8
refuses 'qmac: --set w_bits=1: 1 is out of range 2..32' \
	estimate --topology shapes.csv --hw "$hw" --set w_bits=1
refuses 'qmac: --data-dir: shapes have no data: .*' \
	estimate --topology shapes.csv --hw "$hw" --data-dir .
refuses 'qmac: usage: qmac estimate RUN.yaml|DIR or --topology FILE.csv.*' estimate
refuses 'qmac: --training is about the layers of a --topology: .*' estimate run.yaml --training
refuses 'qmac: cannot make the folder /proc/x: .*' estimate --topology shapes.csv --hw "$hw" --out /proc/x
mkdir over
cp shapes.csv over/COMPUTE_REPORT.csv
refuses 'qmac: cannot write the report to over/COMPUTE_REPORT.csv: .* is the topology file: .*' \
	estimate --topology over/COMPUTE_REPORT.csv --hw "$hw" --out over
