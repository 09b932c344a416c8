#!/bin/sh
# run.sh TEST...: runs every test program in both builds, the tests of the command line and the pinned
# results in both, the RTL in lockstep, runs that are killed and resumed, synthesis of small modules, the
# figures that the documents print, and the check of the generated tables. BUILD is the build folder.
# Prints one line per program, the whole output of those that fail, and at the end
# "N passed, N failed, N skipped" over all. Beside a test's log stands what it took: its .times.
# RTL_UNITS are the units of tests/rtl that were built, RTL_SKIPPED the number of those that could not be.
#
# Random tests draw from a fixed seed, and in the release build from the date, which is printed; with
# QMAC_TEST_SEED all draw from that one. A test that fails says how it is run again.
#
# run.sh --one VARIANT NAME is the part that runs one of them (by xargs, several at a time).
set -u
here=$(dirname "$0")
export BUILD="${BUILD:-build}"
logs=$BUILD/test-logs

if [ "${1:-}" = --one ]; then
	variant=${2%/*} name=${2#*/}
	[ -n "${QMAC_TEST_SEED:-}" ] || [ "$variant" != release ] || export QMAC_TEST_SEED="$SEED_OF_THE_DAY"
	log=$logs/$variant-$name.log
	# No test takes long: this limit is for one that hangs.
	limit=
	again=
	command -v timeout >/dev/null 2>&1 && limit='timeout 600'
	case $name in
	cli)
		qmac=$BUILD/qmac
		[ "$variant" = sanitize ] && qmac=$BUILD/sanitize/qmac
		$limit sh "$here/cli.sh" "$qmac" > "$log" 2>&1
		;;
	pinned)
		# The sanitizers see every tenth run.
		if [ "$variant" = sanitize ]; then
			$limit sh "$here/pinned.sh" "$BUILD/sanitize/qmac" 10 > "$log" 2>&1
		else
			$limit sh "$here/pinned.sh" "$BUILD/qmac" > "$log" 2>&1
		fi
		;;
	kill)
		$limit sh "$here/kill.sh" "$BUILD/qmac" > "$log" 2>&1
		;;
	docs)
		$limit sh "$here/docs.sh" "$BUILD/qmac" > "$log" 2>&1
		;;
	synth)
		$limit sh "$here/synth.sh" > "$log" 2>&1
		;;
	lockstep)
		# It compiles, too.
		[ -z "$limit" ] || limit='timeout 1800'
		$limit sh "$here/lockstep.sh" "$BUILD/qmac" "$BUILD/sanitize/qmac" > "$log" 2>&1
		;;
	*)
		program=$BUILD/$variant/tests/$name
		[ "$variant" = rtl ] && program=$BUILD/rtl/$name/test
		again="again: ${QMAC_TEST_SEED:+QMAC_TEST_SEED=$QMAC_TEST_SEED }$program"
		$limit "$program" > "$log" 2>&1
		;;
	esac
	status=$?
	echo $status > "$logs/$variant-$name.status"
	[ $status = 0 ] || [ -z "$again" ] || echo "$again" >> "$log"
	times > "$logs/$variant-$name.times"
	exit 0
fi

rm -rf "$logs"
mkdir -p "$logs"
export SEED_OF_THE_DAY="${SEED_OF_THE_DAY:-$(date +%Y%m%d)}"
echo "seed: ${QMAC_TEST_SEED:-fixed, and of the day $SEED_OF_THE_DAY}"
set -- "$@" cli pinned
# The longest come first, so that no processor waits for another in the end.
long='sanitize/cli sanitize/test_batch_program release/cli sanitize/test_checkpoint sanitize/test_fuzz'
# shellcheck disable=SC2086 # a list
printf '%s\n' release/lockstep $long release/kill release/docs release/synth > "$logs/list"
for name in "$@"; do
	printf 'sanitize/%s\nrelease/%s\n' "$name" "$name"
done | grep -vxF -f "$logs/list" > "$logs/list.rest"
cat "$logs/list.rest" >> "$logs/list"
for name in ${RTL_UNITS:-}; do
	echo "rtl/$name"
done >> "$logs/list"
jobs=$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 1)
xargs -P "$jobs" -n 1 sh "$0" --one < "$logs/list"

passed=0 failed=0 skipped=${RTL_SKIPPED:-0}
[ "$skipped" = 0 ] || echo "rtl: $skipped units skipped: verilator is not installed"
while read -r entry; do
	variant=${entry%/*} name=${entry#*/}
	log=$logs/$variant-$name.log
	status=$(cat "$logs/$variant-$name.status" 2>/dev/null || echo none)
	program=$name
	[ "$variant" = rtl ] && program='test_rtl_[a-z]*'
	line=$(grep -a "^$program: [0-9]* passed, [0-9]* failed, [0-9]* skipped\$" "$log" 2>/dev/null | tail -n 1)
	# shellcheck disable=SC2046 # three words
	set -- $(echo "$line" | sed 's/.*: \([0-9]*\) passed, \([0-9]*\) failed, \([0-9]*\) skipped/\1 \2 \3/')
	if [ $# -ne 3 ]; then
		echo "$variant $name: no result (exit status $status)"
		set -- 0 1 0
	elif [ "$status" != 0 ] && [ "$2" = 0 ]; then
		echo "$variant $line, but exit status $status"
		set -- "$1" 1 "$3"
	else
		echo "$variant $line"
	fi
	passed=$((passed + $1)) failed=$((failed + $2)) skipped=$((skipped + $3))
	if [ "$2" != 0 ]; then
		sed 's/^/    /' "$log"
	elif [ "$3" != 0 ]; then
		grep -a 'not installed' "$log"
	fi
done < "$logs/list"

if sh "$here/docs_tables.sh" check "$BUILD/gen/isa-gen" "$here/../docs/command-set.md"; then
	passed=$((passed + 1))
else
	failed=$((failed + 1))
fi
echo "$passed passed, $failed failed, $skipped skipped"
[ "$failed" = 0 ]
