#!/bin/sh
# pinned.sh QMAC [N]: does every run of pinned.list (every N-th only) and compares its figures, digit for
# digit, with those that stand there: results which no change of the code may change.
# pinned.sh QMAC --print 'RUN SETTING...': prints the line of that run with the figures of now. A new line is
# taken from there; one that stands already changes only where its run is meant to change.
#
# RUN is a file of configs/run ("run/fig1"), or one of those below, on data that are written here. A SETTING
# goes to --set; hw=NAME[:key=value...] is configs/hw/NAME.yaml with other values of these keys.
# Every run is estimated, too: what `qmac estimate` says must be what the run says, in every figure but those
# that depend on data, and of these it must say nothing.
#
# The last line counts the runs; those whose data set is not there are skipped.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
qmac=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-pinned-XXXXXX")
trap 'rm -rf "$work"' EXIT
cd "$work" || exit 3
# Plots are not compared, and cost more than the runs.
mkdir bin && ln -s "$(command -v false)" bin/gnuplot && PATH=$work/bin:$PATH
figures=$(sed -n 's/^figures: //p' "$root/tests/pinned.list")

# ---- runs on data of their own ------------------------------------------------------
# table AWK: what the awk program prints, with below(n) a fixed sequence of numbers in 0 .. n - 1.
table() {
	awk "function below(n) { x = (x * 1103 + 12345) % 65536; return int(x * n / 65536) } BEGIN { x = 1; $1 }"
}
# idx NAME DIMENSION... : an IDX file of bytes; the labels are 0, 1, 2.
idx() {
	name=$1
	shift
	bytes=$(table "
		split(\"$*\", size, \" \"); n = 1
		printf \"\\\\000\\\\000\\\\010\\\\%03o\", $#
		for (i = 1; i <= $#; i++) { printf \"\\\\000\\\\000\\\\000\\\\%03o\", size[i]; n *= size[i] }
		for (i = 0; i < n; i++) printf \"\\\\%03o\", below($# == 3 ? 256 : 3)")
	# shellcheck disable=SC2059 # it is a format: octal escapes
	printf "$bytes" > "$name"
}
table 'for (i = 0; i < 90; i++) {
	y = 0
	for (j = 0; j < 13; j++) { v = below(400) - 200; y += (j - 6) * v; printf "%.2f,", v / 4 }
	print y / 8 + below(64) }' > numbers.csv
table 'for (i = 0; i < 90; i++) {
	for (j = 0; j < 13; j++) {
		v = below(400) - 200; printf "%.2f,", v / 4
		if (j == 4) c = (v > -60) + (v > 60)
	}
	print c }' > classes.csv
table 'for (i = 0; i < 90; i++) {
	printf "%d", 2 * below(2) - 1
	for (j = 1; j <= 30; j++)
		if (below(4) == 0 || j == 30) printf " %d:%g", j, below(16) / 16 + 0.0625
	print "" }' > sparse.svm
mkdir images
idx images/train-images-idx3-ubyte 75 5 4
idx images/train-labels-idx1-ubyte 75
idx images/t10k-images-idx3-ubyte 20 5 4
idx images/t10k-labels-idx1-ubyte 20
# own NAME KEYS: a run file.
own() {
	printf '{hw: "%s", epochs: 2, inner_steps: 6, seed: 7, informative: 4, %s}\n' \
		"$root/configs/hw/8x8_w8.yaml" "$2" > "$1.yaml"
}
own linear 'samples: 75, features: 21, noise: 0.5, test_fraction: 0.2'
own conditioned 'data: conditioned, samples: 60, features: 9, kappa: 20'
own quadratic 'data: quadratic, samples: 40, features: 4'
own csv 'data: csv, file: numbers.csv, test_fraction: 0.1'
own libsvm 'data: libsvm, file: sparse.svm'
own logistic 'problem: logistic_regression, data: csv, file: classes.csv, test_fraction: 0.2'
own logistic_libsvm 'problem: logistic_regression, data: libsvm, file: sparse.svm, bias: true'
own idx 'problem: logistic_regression, data: mnist, file: images'

# ---- the estimate of a run ------------------------------------------------------------
# What depends on data, in summary.json and by column in metrics.csv.
data='train_loss|grad_norm|test_loss|test_accuracy|diverged|coefficient_max|weights_sha256|saturations'
data="$data|acc_saturations|requant_saturations|container_saturations|weight_saturations|zero_macs"
# Energy does where products with a zero operand take less: left out on both sides.
energy="energy_j|energy_low_j|energy_high_j|energy_note|mac"
without_energy() {
	awk -F, 'NR == 1 { for (i = 1; i <= NF; i++) if ($i ~ /^energy_|^mac_j$/) at[i] }
		{ for (i in at) $i = ""; print }' OFS=,
}
# differences: between the run in out and its estimate in estimate; nothing where they agree.
differences() {
	awk -v data="^($data)\$" -v own="\"(estimated|kernel|wall_seconds|summary_sha256|$energy)\":" '
		$0 ~ own { next }
		/"files":/, /}/ { next }
		{ key = $1; gsub(/[":]/, "", key) }
		key ~ data { comma = /,$/ ? "," : ""; sub(/:.*/, ": null" comma) }
		{ print }' out/summary.json > expected
	sed -E "/\"(estimated|kernel|wall_seconds|summary_sha256|$energy)\":/d; /\"files\":/,/}/d" \
		estimate/summary.json | diff expected -
	for table in metrics layers; do
		awk -F, -v data="^($data|zero_mac_fraction|sparsity)\$" \
			-v halp="$(grep -c '^algorithm: halp' out/config.yaml)" '
			NR == 1 { for (i = 1; i <= NF; i++) empty[i] = $i ~ data || (halp > 0 && $i == "delta") }
			NR > 1 { for (i = 1; i <= NF; i++) if (empty[i]) $i = "" }
			{ gsub(" ", ","); print }' OFS=, "out/$table.csv" | without_energy > expected
		without_energy < "estimate/$table.csv" | diff expected -
	done
}

# ---- one run -----------------------------------------------------------------------
# now RUN SETTING...: its figures, in their order; the status is that of qmac.
now() {
	file=$1.yaml
	[ -e "$file" ] || file=$root/configs/$file
	shift
	for setting in "$@"; do
		case $setting in
		hw=*)
			hw=${setting#hw=}
			set -- "$@" --hw "$hw.yaml"
			if [ ! -e "$hw.yaml" ]; then
				change=$(echo "$hw:" | sed 's/^[^:]*://; s/\([a-z_]*\)=\([^:]*\):/s|^\1: .*|\1: \2|;/g')
				sed "$change" "$root/configs/hw/${hw%%:*}.yaml" > "$hw.yaml" || return 1
			fi
			;;
		*) set -- "$@" --set "$setting" ;;
		esac
		shift
	done
	"$qmac" train "$file" --out out "$@" > stdout 2> stderr || return 1
	: > different
	case $* in
	*backend=*) ;; # an estimate has none
	*)
		"$qmac" estimate "$file" --out estimate "$@" > stdout 2> stderr || return 1
		differences > different
		;;
	esac
	awk -v figures="$figures" '
		/^\t"/ { gsub(/[":,]/, ""); value[$1] = $2 }
		END { n = split(figures, name, " "); for (i = 1; i <= n; i++) printf " %s", value[name[i]]; print "" }
		' out/summary.json
}

if [ "${2:-}" = --print ]; then
	# shellcheck disable=SC2086 # words
	line=$(now $3) && echo "$3 |$line" && exit 0
	cat stderr
	exit 1
fi

passed=0 failed=0 skipped=0 number=0
grep -v -e '^#' -e '^figures: ' -e '^$' "$root/tests/pinned.list" > list
while IFS='|' read -r run pinned; do
	number=$((number + 1))
	[ $((number % ${2:-1})) = 0 ] || continue
	# shellcheck disable=SC2086 # words
	got=$(now $run)
	if [ "$got" = "$pinned" ] && [ -s different ]; then
		failed=$((failed + 1))
		echo "FAILED: the estimate of $run"
		sed 's/^/    /' different
	elif [ "$got" = "$pinned" ]; then
		passed=$((passed + 1))
	elif [ -z "$got" ] && grep -q -e 'docs/data.md says' -e 'no data folder' stderr; then
		skipped=$((skipped + 1))
		echo "skipped: $run: the data set is not installed"
	else
		failed=$((failed + 1))
		echo "FAILED: $run"
		[ -n "$got" ] || sed 's/^/    /' stderr
		[ -z "$got" ] || awk -v figures="$figures" -v pinned="$pinned" -v got="$got" 'BEGIN {
			split(figures, name, " "); split(pinned, p, " "); n = split(got, g, " ")
			for (i = 1; i <= n; i++) if (p[i] "" != g[i] "")
				print "    " name[i] ": " g[i] ", pinned " p[i] }'
	fi
done < list
echo "pinned: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
