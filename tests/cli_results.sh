# cli_results.sh: sums over layers, results that are damaged, hardware files of sweeps, two processes in one
# folder; a part of cli.sh, which reads this file.
# shellcheck shell=sh disable=SC2154,SC2034

# ---- layers.csv sums to summary.json ----------------------------------------------
sed 's/^acc_bits: .*/acc_bits: 64/' "$root/configs/hw/16x16_w8.yaml" > wide.yaml
# Joules of layers and of components sum to those of the run; the band holds them.
joules() {
	for sum in "$(awk -F, '{ sum += $8 } END { printf "%.17g", sum }' "$1/layers.csv")" \
		"$(sed -n '/"energy": {/,/}$/s/.*"nominal": \([^,]*\),.*/\1/p' \
		"$1/summary.json" | awk '{ sum += $1 } END { printf "%.17g", sum }')"; do
		ok "$1: joules of the parts, $sum" awk -v sum="$sum" -v all="$(value "$1" energy_j)" \
			-v low="$(value "$1" energy_low_j)" -v high="$(value "$1" energy_high_j)" 'BEGIN {
			d = sum - all; exit !(all > 0 && d * d <= 1e-24 * all * all && low <= all && all <= high) }'
	done
	ok "$1: the last row of metrics.csv" same "$(tail -n 1 "$1/metrics.csv" | cut -d, -f 9)" \
		"$(value "$1" energy_j)"
	ok "$1: joules of each row of metrics.csv lie in their band, and none falls" awk -F, '
		NR == 1 { for (i = 1; i <= NF; i++) at[$i] = i; next }
		{ low = $at["energy_low_j"]; all = $at["energy_j"]; high = $at["energy_high_j"] }
		low > all || all > high || low < last_low || all < last || high < last_high { bad = 1 }
		{ last_low = low; last = all; last_high = high }
		END { exit bad || !at["energy_low_j"] || !(last > 0) }' "$1/metrics.csv"
}
sum_up() {
	folder=$1
	shift
	run 0 train run.yaml "$@" --out "$folder"
	for key in cycles macs vec_mults dram_read_bytes dram_write_bytes fetch_bytes saturations commands; do
		ok "$folder: $key of all layers and directions" same "$(column "$folder" $key)" \
			"$(value "$folder" $key)"
	done
}
sum_up sum-halp
sum_up sum-batch --set batch=7 --set algorithm=lp_svrg --hw "$root/configs/hw/ragged.yaml"
sum_up sum-outer --set outer=device --set batch=16 --hw wide.yaml
joules sum-halp
joules sum-batch
joules sum-outer
run 0 train run.yaml --set epochs=1 --set "energy=$root/configs/energy/scaled_16nm.yaml" --out scaled
joules scaled
ok 'the table is named' has scaled/config.yaml '^energy: "energy.yaml"'
ok 'and copied' has scaled/energy.yaml '^name: scaled_16nm$'
run 0 train scaled/config.yaml --out again
ok 'a result repeats with its table' same "$(value again energy_j)" "$(value scaled energy_j)"
run 0 train scaled/config.yaml --out again --resume
ok 'and is kept' grep -q 'holds this result' out
run 0 train run.yaml --set epochs=1 --out scaled --resume
ok 'another table is another configuration' test "$(grep -c 'holds this result' out)" -eq 0
# Area, by its parts: that of `qmac area`.
run 0 train run.yaml --set epochs=1 --set "area=$root/configs/area/nangate_45nm.yaml" --out area
ok 'the area table is named and copied' has area/config.yaml '^area: "area.yaml"'
"$qmac" area area/hw.yaml area/area.yaml | tr -d , | awk '$1 == "total" { printf "%.0f", $3 }' > total
ok 'area: of its parts' same "$(sed -n '/"area": {/,/},$/s/^\t\t"[a-z_]*": \([0-9.]*\),*$/\1/p' \
	area/summary.json | awk 'NR > 1 { sum += $1 } END { printf "%.0f", sum }')" "$(cat total)"
ok 'area: the total' same "$(value area area_um2 | awk '{ printf "%.0f", $1 }')" "$(cat total)"
ok 'area: without memories' has area/summary.json '"area_note": "without the memories, [0-9]* bits'
ok 'area: in the closing lines' has out '^area  *[0-9.]* mm2 ([0-9]* gates, NanGate'
run 0 train area/config.yaml --out again --resume
run 0 train area/config.yaml --out again --resume
ok 'area: is kept' grep -q 'holds this result' out
{
	echo "base: $root/configs/area/osu018_180nm.yaml"
	echo 'library: l'
	echo 'um2_per_bit: {value: 2, unit: um2, source: s, node: 180 nm}'
} > bits.yaml
run 0 train area/config.yaml --set area=bits.yaml --out again --resume
ok 'area: another table is another configuration' test "$(grep -c 'holds this result' out)" -eq 0
ok 'area: with memories' has again/summary.json '"area_note": null'
run 0 train run.yaml --set epochs=1 --set algorithm=svrg --out again
ok 'area: of no device' has again/summary.json '"area_um2": null'
ok 'area: no line' test "$(grep -c '^area' out)" -eq 0
refuses '.*cannot open .none.yaml.*' train run.yaml --set area=none.yaml --out area
sed 's/^multiplier:/multiplyer:/' scaled/energy.yaml > bad.yaml
refuses 'bad.yaml:2:1: unknown key .multiplyer.; did you mean .multiplier.*' \
	train run.yaml --set energy=bad.yaml --out scaled
refuses '.*cannot open .none.yaml.*' train run.yaml --set energy=none.yaml --out scaled
ok 'the gradient has rows of its own' has sum-outer/layers.csv '^3,gradient,weight_grad,32,8,,'
sum_up sum-host --set algorithm=svrg
ok 'a layer that spends nothing says so' has sum-host/layers.csv '^3,linear,none,,8,,0,,0,0,,0,'
sed '1s/,direction//; 2,$s/,linear,[a-z_]*/,linear/; s/,fetch_bytes//' sum-halp/layers.csv > old.csv
cp -r sum-halp older
mv old.csv older/layers.csv
sed -i '/"headline"/d; /^\t"fetch_bytes"/d' older/summary.json
sed -i 's/,[^,]*$//' older/metrics.csv
run 0 report older sum-halp --out both.svg
ok 'results of an older revision are read' test "$(grep -c '^\(older\|sum-halp\) .*[0-9,]* *$' out)" -eq 2
run 0 train run.yaml --out older --resume
ok 'but not kept' test "$(grep -c 'holds this result' out)" -eq 0
sed -i '/"files"/,/}/d; /"summary_sha256"/d; s/\("wall_seconds".*\),/\1/' older/summary.json
run 0 train run.yaml --out older --resume
says err 'qmac: the result in older is not kept: summary.json is of an older revision of qmac, and has no .*'
run 0 train run.yaml --out older --resume
ok 'the new one is' has out 'older holds this result already'

# ---- damaged results --------------------------------------------------------------
run 0 train run.yaml --out damaged
for file in config.yaml hw.yaml energy.yaml area.yaml metrics.csv layers.csv weights.npy summary.json; do
	: > damaged/$file
	run 0 train run.yaml --out damaged --resume
	ok "an empty $file: nothing is kept" test "$(grep -c 'holds this result' out)" -eq 0
	says err "qmac: the result in damaged is not kept: $file is damaged.*"
	rm damaged/$file
	run 0 train run.yaml --out damaged --resume
	ok "without $file: nothing is kept" test "$(grep -c 'holds this result' out)" -eq 0
	says err "qmac: the result in damaged is not kept: $file is missing"
	ok "$file is made anew" test -s damaged/$file
done
ok 'the result is the same' cmp -s damaged/metrics.csv b/metrics.csv
ok 'the weights are the same' cmp -s damaged/weights.npy b/weights.npy
run 0 train run.yaml --out damaged --resume
says out 'damaged holds this result already.*'
sed -i '2s/,1,/,2,/; 2s/,0,/,3,/' damaged/layers.csv
run 0 report damaged --out both.svg
says err 'qmac: the result in damaged is not as it was written: layers.csv is damaged: .*'
run 0 train run.yaml --out damaged --resume
says err 'qmac: the result in damaged is not kept: layers.csv is damaged: its SHA-256 is not the one in .*'
ok 'a digit is mended' cmp -s damaged/layers.csv b/layers.csv
cp s/results.csv before
ls -i s/svrg/summary.json > kept
: > s/halp-8/metrics.csv
rm s/lp_sgd-8/weights.npy
run 0 sweep sweep.yaml --out s --resume
says err 'qmac: the result in s/halp-8 is not kept: metrics.csv is damaged.*'
says err 'qmac: the result in s/lp_sgd-8 is not kept: weights.npy is missing'
ok 'a sweep does damaged runs again' test -s s/halp-8/metrics.csv -a -s s/lp_sgd-8/weights.npy
ok 'and ends with the same results' cmp -s before s/results.csv
ok 'and keeps the others' same "$(cat kept)" "$(ls -i s/svrg/summary.json)"

# ---- tables of a sweep: all of them, or none ---------------------------------------
sed 's/epochs: 2/epochs: 40/; /lp_sgd/d; s/\[sgd, svrg\]/svrg, seed: [1, 2]/' sweep.yaml > seeds.yaml
run 0 sweep seeds.yaml --out tables
ok 'two tables' test "$(wc -c < tables/results.csv)" -lt 1024 -a "$(wc -c < tables/seeds.csv)" -gt 1024
(
	trap '' XFSZ
	ulimit -f 2 # blocks of 512 bytes
	"$qmac" sweep seeds.yaml --out tables --resume > out 2> err
)
ok 'a table that finds no room fails' test $? -eq 2
says err 'qmac: cannot write tables/seeds.csv: .*'
ok 'nor is the other there' test -z "$(find tables -maxdepth 1 -type f)"
run 0 sweep seeds.yaml --out tables --resume
rm tables/curve.csv 2> shell
mkdir tables/curve.csv
refuses 'qmac: cannot write tables/curve.csv: Is a directory' sweep seeds.yaml --out tables
ok 'a folder of that name stays, and so do older tables' test -d tables/curve.csv -a -s tables/results.csv

# ---- hardware files of a sweep ----------------------------------------------------
sed 's/^rows: .*/rows: 99/' "$root/configs/hw/8x8_w8.yaml" > badhw.yaml
for hw in badhw.yaml missing.yaml .; do
	sed "s|bits: .*|hw: [$root/configs/hw/8x8_w8.yaml, $hw]}|" sweep.yaml > bad.yaml
	refuses '.*\(badhw.yaml:[0-9]*:[0-9]*: rows: 99 is out of range\|missing.yaml\|folder\).*' \
		sweep bad.yaml --out badhw
done
ok 'a bad hardware file stops a sweep before its first run' absent badhw

# ---- two processes that write one file -------------------------------------------
: > their.trace.tmp
ln -s run.yaml link.trace.tmp
"$qmac" train run.yaml --set epochs=200 --out one --trace their.trace > first.out 2> first.err &
run 0 train run.yaml --set epochs=200 --set seed=8 --out two --trace their.trace --trace-count 3000
wait $!
run 0 replay their.trace
run 0 train run.yaml --out one --trace link.trace
ok "a user's own files stay" test -f their.trace.tmp -a -L link.trace.tmp -a -s run.yaml
ok 'no other file is left' no_temporaries one

# ---- two processes in one folder --------------------------------------------------
cp -r b busy
"$qmac" train run.yaml --set epochs=1000000 --out busy > first.out 2> first.err &
process=$!
await begun busy
# in_use FOLDER ARGUMENTS...: refused, because a process writes into the folder; /proc tells which.
in_use() {
	folder=$1
	shift
	run 4 "$@"
	says err "qmac: \(another process\|process [0-9]*\) is writing results into $folder: wait for .*"
	ok "qmac $*: one line of error, no output" test "$(wc -l < err)" -eq 1 -a ! -s out
}
in_use busy train run.yaml --set seed=8 --out busy
if [ -r /proc/locks ]; then
	ok 'the process that writes is named' has err "^qmac: process $process is writing"
else
	skipped=$((skipped + 1))
fi
in_use ./busy/ train run.yaml --out ./busy/ --set seed=8 --resume
in_use busy estimate run.yaml --out busy
in_use busy sweep sweep.yaml --out busy
ok 'the first one goes on' kill -0 $process
run 0 report busy --out busy.svg
run 4 report b --out busy/b.svg
says err 'qmac: .* is writing results into busy: .*'
ok 'older results stay' cmp -s busy/metrics.csv b/metrics.csv
kill -KILL $process
{ wait $process; } 2> shell # it tells what ended by a signal
ok 'what was killed leaves its temporary files' begun busy
run 0 train run.yaml --out busy --set seed=4
ok 'the next one removes them' no_temporaries busy
ok 'a lock ends with its process' same "$(value busy weights_sha256)" "$(value d weights_sha256)"
"$qmac" sweep endless.yaml -j 2 --out swept > first.out 2> first.err &
await begun swept/svrg
in_use swept sweep sweep.yaml --out swept --resume
in_use swept/svrg train run.yaml --out swept/svrg
stop swept/svrg
ok 'the first sweep has gone on' test $? -eq 1
says first.err 'qmac: stopped; swept has no results.csv.*'
run 0 sweep sweep.yaml --out swept
# The folder of a row: the others run, and what is left is for later.
"$qmac" train run.yaml --set epochs=1000000 --out swept/svrg > first.out 2> first.err &
process=$!
await begun swept/svrg
run 4 sweep sweep.yaml -j 2 --out swept
says err 'qmac: run svrg failed: .* is writing results into swept/svrg: .*'
says err 'qmac: 1 of 6 runs are locked by another process: run it again with --resume when that has ended'
ok 'a locked row' test "$(grep -c '^svrg,.*,locked$' swept/results.csv)" -eq 1
ok 'the rows beside it' test "$(grep -c ',ok$' swept/results.csv)" -eq 5
kill -KILL $process
{ wait $process; } 2> shell
run 0 sweep sweep.yaml --out swept --resume
ok 'no row is locked any more' test "$(grep -c ',ok$' swept/results.csv)" -eq 6
