# cli_inputs.sh: files that are read are not written over, and are regular ones; result folders that stand
# alone; a part of cli.sh, which reads this file.
# shellcheck shell=sh disable=SC2154,SC2034

# ---- nothing is written over a file that is read ------------------------------------
mkdir -p own/folder own/data
cp "$root/configs/hw/8x8_w8.yaml" own/hw.yaml
sed "s|^hw: .*|hw: hw.yaml|; s/^epochs: .*/epochs: 1/" run.yaml > own/run.yaml
awk -v OFS=, 'BEGIN { print "a,b,y"; for (i = 0; i < 50; i++) print i % 7, i % 5, i % 7 - i % 5 }' \
	> own/data/t.csv
cp own/data/t.csv own/data/u.csv
ln -s run.yaml own/soft.yaml
ln own/run.yaml own/hard.yaml
ln -s own/folder alias
(cd own && find . -type f | sort | xargs cksum) > before
not_over="write elsewhere"
for trace in own/run.yaml ./own/../own/run.yaml own/soft.yaml own/hard.yaml "$work/own/run.yaml"; do
	refuses "qmac: cannot write the trace to $trace: own/run.yaml is the run file: $not_over" \
		train own/run.yaml --out over --trace "$trace"
done
refuses "qmac: .*: own/hw.yaml is the hardware file: $not_over" \
	train own/run.yaml --out over --trace own/hw.yaml
refuses "qmac: .*: own/data/t.csv is the data file: $not_over" train own/run.yaml --set data=csv \
	--set file=t.csv --data-dir own/data --out over --trace own/data/t.csv
refuses "qmac: .*: own/data/u.csv is the test file: $not_over" train own/run.yaml --set data=csv \
	--set file=t.csv --set test_file=u.csv --data-dir own/data --out over --trace own/data/u.csv
refuses "qmac: cannot write results to own/hw.yaml: own/hw.yaml is the hardware file: $not_over" \
	train own/run.yaml --out own
refuses "qmac: .*: own/hw.yaml is the hardware file: $not_over" estimate own/run.yaml --out own/folder/..
cp own/run.yaml own/folder/layers.csv
refuses "qmac: cannot write results to alias/layers.csv: .* is the run file: $not_over" \
	train own/folder/layers.csv --hw own/hw.yaml --out alias
rm own/folder/layers.csv
refuses "qmac: cannot write results to own/folder/summary.json: .* is the trace: $not_over" \
	train own/run.yaml --out own/folder --trace alias/summary.json
cp -r a own/result
for file in own/result/weights.npy own/result/grad_norm.svg; do
	refuses "qmac: cannot write the trace to $file: .* is a file of a result: $not_over" \
		train own/run.yaml --out over --trace "$file"
done
refuses 'qmac: cannot write the plot to own/result/metrics.csv: .* is a file of the result: .*' \
	report own/result --out own/result/metrics.csv
ln own/result/metrics.csv own/plot.svg
refuses 'qmac: cannot write the plot to own/plot.svg: .* is a file of the result: .*' \
	report own/result --out own/plot.svg
rm -r own/result own/plot.svg
printf 'base: run.yaml\nset: {epochs: 0}\nruns:\n  - {bits: [8, 16]}\n' > own/results.csv
refuses "qmac: cannot write results to own/results.csv: .* is the sweep file: $not_over" \
	sweep own/results.csv --out own
mkdir own/8
cp own/run.yaml own/8/config.yaml
printf 'base: 8/config.yaml\nset: {epochs: 0, hw: hw.yaml}\nruns:\n  - {bits: [8, 16]}\n' > own/results.csv
cp own/results.csv own/s.yaml
refuses "qmac: cannot write results to alias/../8/config.yaml: .* is the run file: $not_over" \
	sweep own/s.yaml --out alias/..
rm -r own/8 own/results.csv own/s.yaml
(cd own && find . -type f | sort | xargs cksum) > after
ok 'no file was written over' cmp -s before after
ok 'refused runs leave no folder' absent over

# ---- only regular files are read ------------------------------------------------------
mkfifo pipe
pipe='pipe: cannot open: this is a pipe, not a regular file: .*'
refuses "qmac: $pipe" train pipe --out over
refuses "qmac: $pipe" config run.yaml --hw pipe
refuses "qmac: $pipe" train run.yaml --set data=csv --set file=pipe --out over
refuses "qmac: $pipe" sweep pipe --out over
refuses "qmac: $pipe" replay pipe
refuses "qmac: $pipe" fuzz --hw pipe
refuses 'qmac: /dev/null: cannot open: this is a device, not a regular file' train /dev/null --out over
refuses 'qmac: own: cannot open: this is a folder: .*' replay own
for file in summary.json metrics.csv; do
	cp -r a piped
	rm piped/$file
	mkfifo piped/$file
	refuses "qmac: piped/$file: cannot open: this is a pipe.*" report piped
	"$qmac" train run.yaml --out piped --resume > out 2> err
	ok "a pipe for $file: not waited for" test $? -lt 3
	rm -r piped
done
ok 'nothing was written beside pipes' absent over

# ---- a result folder stands alone -------------------------------------------------------
cp "$root/configs/hw/8x8_w8.yaml" own/hw.yaml
run 0 train own/run.yaml --out own/first
ok 'the hardware is named beside the run file' has own/first/config.yaml '^hw: "hw.yaml" '
sed -i 's/^rows: .*/rows: 4/; s/^cols: .*/cols: 4/' own/hw.yaml
run 0 train own/first/config.yaml --out second
ok 'a hardware file that was edited since: the same cycles' \
	same "$(value own/first cycles)" "$(value second cycles)"
rm own/hw.yaml
mv own/first own/moved
run 0 train own/moved/config.yaml --out third
ok 'a folder that was moved: the same cycles' same "$(value own/moved cycles)" "$(value third cycles)"
ok 'and the same weights' cmp -s own/moved/weights.npy third/weights.npy
run 0 train own/moved/config.yaml --out third --resume
says out 'third holds this result already.*'
cp "$root/configs/hw/8x8_w8.yaml" elsewhere.yaml
run 0 train own/run.yaml --hw elsewhere.yaml --out third --resume
says out 'third holds this result already.*'
sed -i 's/^rows: .*/rows: 4/; s/^cols: .*/cols: 4/' elsewhere.yaml
run 0 train own/run.yaml --hw elsewhere.yaml --out third --resume
ok 'other hardware of the same name: a new run' differ "$(value own/moved cycles)" "$(value third cycles)"
