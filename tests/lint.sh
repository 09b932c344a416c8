#!/bin/sh
# lint.sh: static checks of everything we write by hand. Tools that are not installed are skipped, and
# it says so. BUILD is the build folder, CC the compiler. Exit status 1 where anything was found.
set -u
cd "$(dirname "$0")/.." || exit 1
BUILD=${BUILD:-build} CC=${CC:-gcc}
findings=0

make -s BUILD="$BUILD" "$BUILD/gen/qmac_isa.h" "$BUILD/gen/qmac_isa.vh" "$BUILD/gen/energy_default.inc" \
	"$BUILD/gen/area_default.inc" || exit 1
# What compilers write that nobody needs goes there: /dev/null may not stay what it is if root writes to it.
scratch=$(mktemp -d "$BUILD/lint.XXXXXX") || exit 1
trap 'rm -rf "$scratch"' EXIT
failed=$scratch/failed
# tests/rtl is compiled once per unit with its parameters (make test-rtl), here with those that its files
# have for that.
sources=$(find cmodel host tests -name '*.c' | sort)
headers=$(find cmodel host tests -name '*.h' | sort)
scripts=$(find tests rtl .ci -name '*.sh' -o -path '.ci/run' 2>/dev/null | sort)
includes="-Icmodel -Ihost -Irtl -Itests -I$BUILD/gen"
warnings='-std=c11 -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wstrict-prototypes
	-Wmissing-prototypes -Wvla -ffp-contract=off -Werror'

# check NAME COMMAND...: runs it; a failure is a finding.
check() {
	what=$1
	shift
	if "$@"; then
		echo "lint: $what: clean"
	else
		echo "lint: $what: FAILED"
		findings=$((findings + 1))
	fi
}

have() {
	command -v "$1" >/dev/null 2>&1 && return 0
	echo "lint: $1: skipped, not installed"
	return 1
}

# Compiles every source for its warnings only; with optimisation, which finds more.
compile() {
	: > "$failed"
	for source in $sources; do
		features=
		case $source in
		*_avx2.c) features=-mavx2 ;;
		*_avx512*.c) features='-mavx2 -mavx512f -mavx512dq -mavx512bw -mavx512vl' ;;
		esac
		# shellcheck disable=SC2086 # lists of options
		"$@" $warnings $features $includes "$source" || echo "$source" >> "$failed"
	done
	[ ! -s "$failed" ]
}

shell_syntax() {
	: > "$failed"
	for script in $scripts; do
		sh -n "$script" || echo "$script" >> "$failed"
	done
	[ ! -s "$failed" ]
}

# No file above 500 lines, no line above 110 columns (a tab counts as 4).
sizes() {
	# shellcheck disable=SC2086 # lists of files
	! awk '
		FNR == 1 { lines = 0 }
		++lines == 501 { print FILENAME ": more than 500 lines"; bad = 1 }
		{ text = $0; gsub(/\t/, "    ", text) }
		length(text) > 110 { print FILENAME ":" FNR ": " length(text) " columns"; bad = 1 }
		END { exit !bad }' $sources $headers $scripts
}

# A tool run by root that writes "to" /dev/null may remove it, or change its mode, for everybody.
outputs() {
	# shellcheck disable=SC2086 # a list of files
	! grep -n -e '-o *[/]dev/null' Makefile tests/rtl/units.mk $scripts
}

check 'shell syntax' shell_syntax
check 'outputs of tools' outputs
check 'file and line lengths' sizes
check "$CC" compile "$CC" -O2 -c -o "$scratch/object"
if have clang; then
	check clang compile clang -fsyntax-only
fi
if have shellcheck; then
	# shellcheck disable=SC2086 # a list of files
	check shellcheck shellcheck $scripts
fi
BUILD="$BUILD" sh tests/rtl/lint.sh || findings=$((findings + 1))
if have cppcheck; then
	# cppcheck takes the address of a variable for a use of its value; the compilers and the sanitizers
	# look for uninitialised values without that mistake.
	# shellcheck disable=SC2086 # lists of options and files
	check cppcheck cppcheck --quiet --std=c11 --language=c --enable=warning,portability,performance \
		--suppress=uninitvar --suppress=ctuuninitvar --suppress=legacyUninitvar \
		--suppress=missingIncludeSystem \
		--inline-suppr --error-exitcode=1 $includes $sources
fi
[ "$findings" = 0 ]
