#!/bin/sh
# docs.sh QMAC [FILE...]: what README.md and docs/*.md (or the named files) say that the program prints is
# what it prints. Every line of a code block that begins with "$ " is a command (with a "\" at its end it goes
# on in the next line), the lines behind it are its whole output. And a row of a table that a program of
# `make tables` prints stands in its document. Works in a folder of its own, in which configs/ and build/qmac
# are those of the project, and removes it. The last line counts the checks.
#
# A command that needs the RTL (cosim, fuzz) or a data set is skipped where that is missing.
set -u
root=$(cd "$(dirname "$0")/.." && pwd)
BUILD=$(cd "${BUILD:-build}" && pwd)
qmac=$(cd "$(dirname "$1")" && pwd)/$(basename "$1")
shift
work=$(mktemp -d "${TMPDIR:-/tmp}/qmac-docs-XXXXXX")
trap 'rm -rf "$work"' EXIT
[ $# -gt 0 ] || set -- README.md docs/*.md
passed=0 failed=0 skipped=0
data=${QMAC_DATA:-$HOME/.cache/qmac/data}
export QMAC_CACHE="$BUILD/cache" QMAC_RTL="$root" QMAC_RTL_OPT="${QMAC_RTL_OPT:--O1}" LC_ALL=C

# commands FILE: for its n-th command the files n.sh (the command), n.at (its line) and n.out (its output).
commands() {
	awk -v n="$(find . -maxdepth 1 -name '*.sh' | wc -l)" '
		/^```/ { inside = !inside; name = ""; more = 0; next }
		!inside { next }
		/^\$ / { name = ++n; print FNR > (name ".at"); printf "" > (name ".out") }
		more || /^\$ / { line = $0; sub(/^\$ /, "", line); print line > (name ".sh"); more = /\\$/; next }
		name { print > (name ".out") }' "$root/$1"
}

# missing COMMAND: what the command in that file needs and is not there; nothing where all is.
missing() {
	if grep -q 'qmac cosim\|qmac fuzz\|--backend' "$1" && ! command -v verilator > /dev/null; then
		echo 'verilator is not installed'
	elif grep -q 'mnist\|housing\|a9a\|fig4\|lenet5_' "$1" && [ ! -d "$data/mnist" ]; then
		echo 'the data sets are not there'
	elif grep -q cifar10 "$1" && [ ! -d "$data/cifar-10-batches-bin" ]; then
		echo 'CIFAR-10 is not there'
	fi
}

# check FILE N
check() {
	at=$1:$(cat "$2.at")
	why=$(missing "$2.sh")
	if [ "$why" ]; then
		skipped=$((skipped + 1))
		echo "docs: $at: skipped: $why"
		return
	fi
	# How long something takes, and whether the RTL has to be built first, is no matter of the document; nor
	# is what an earlier command left.
	rm -rf run/qmac-out
	(cd run && sh "../$2.sh" 2>&1) |
		grep -v -e '^qmac: .* the RTL of this' -e '^qmac: epoch [0-9]* of [0-9]*, ' \
			-e '^qmac: .* \(left\|[0-9]* %\)$' > "$2.real"
	if cmp -s "$2.out" "$2.real"; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $at: $(cat "$2.sh")"
		diff "$2.out" "$2.real" | sed 's/^/    /'
	fi
}

# table PROGRAM FILE: the rows that the program prints.
table() {
	if ! (cd run && "$BUILD/release/tests/$1") > rows; then
		failed=$((failed + 1))
		echo "FAILED: $1"
	fi
	grep '^|' rows | grep -vxFf "$root/$2" > lost
	if grep -q '^|' rows && [ ! -s lost ]; then
		passed=$((passed + 1))
	else
		failed=$((failed + 1))
		echo "FAILED: $2 has not these rows of $1 (make tables):"
		sed 's/^/    /' lost
	fi
}

# The pattern *.md is the project's.
cd "$root" || exit 3
for file in "$@"; do
	echo "$file"
done > "$work/files"
cd "$work" || exit 3
mkdir run run/build
ln -s "$root/configs" "$root/traces" "$root/rtl" run
ln -s "$qmac" run/build/qmac
while read -r file; do
	first=$(find . -maxdepth 1 -name '*.sh' | wc -l)
	commands "$file"
	last=$(find . -maxdepth 1 -name '*.sh' | wc -l)
	while [ "$first" -lt "$last" ]; do
		first=$((first + 1))
		check "$file" "$first"
	done
	case $file in
	docs/tiling.md) table table_gemm "$file" ;;
	docs/results.md) table table_cost "$file" ;;
	docs/cost.md) table table_energy "$file" ;;
	docs/shapes.md) table table_shapes "$file" ;;
	docs/area.md) table table_area "$file" ;;
	esac
done < files
echo "docs: $passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
