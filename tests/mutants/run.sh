#!/bin/sh
# run.sh [NAME...]: proves that the planted faults of mutants.list (all, or those named) are caught by
# `qmac fuzz` and that it names a command which the fault can touch. Run in the project's root.
#
# Each fault is made in a copy of its sources under $BUILD/mutants/NAME. For one of the RTL the copy becomes
# a simulation library, played by the program as it is; for one of the C model the objects it touches are
# compiled and linked anew, and the program that results is played against the RTL as it is. Before them
# the project as it is plays the same streams and must find nothing. Results are kept and used again until
# something changes. Prints a line per fault and a summary, and writes the table of docs/mutants.md where
# all faults were run. Exit status 1 where one was missed or its command was wrongly named.
#
# From the Makefile: BUILD; CC, CFLAGS, LIBS of the program. JOBS at a time (2). FUZZ_COUNT commands (20000).
#
# run.sh --one NAME is the part that runs one of them, or a control (by xargs).
set -u
export LC_ALL=C
here=tests/mutants list=tests/mutants/mutants.list seed=1 count=${FUZZ_COUNT:-20000}
root=$(pwd) out=$BUILD/mutants

die() {
	echo "mutants: $*" >&2
	exit 2
}

# paragraph NAME: that of a mutant. value KEY, of the paragraph in $mutant; keeps blanks but the leading ones.
paragraph() {
	awk -v name="$1" 'BEGIN { RS = ""; FS = "\n" } $1 == "mutant " name' "$list"
}

value() {
	printf '%s\n' "$mutant" | sed -n "s/^$1 *//p"
}

# What a result depends on, beside its own paragraph.
sources_key() {
	{
		verilator --version
		"${CXX:-$(command -v clang++ || command -v g++ || command -v c++)}" --version
		cat "$here"/*.sh "$here"/*.yaml cmodel/*/*.[ch] cmodel/*/*.def rtl/*.v rtl/*.vh rtl/sim/* \
			host/fuzz/* host/backend/* host/cosim/* host/process/* host/trace/*
	} | sha256sum | cut -c 1-32
}

# fuzz PROGRAM FOLDER HW KIND [stalls]: a run of the fuzzer; its output is FOLDER/log.
fuzz() {
	how=--timed
	[ "${5:-}" = stalls ] && how=--stalls
	# Simulations that run for seconds: little is optimised.
	QMAC_CACHE=$cache QMAC_RTL=$rtl QMAC_RTL_OPT=-O1 "$1" fuzz --seed "$seed" --configs 1 --count "$count" \
		--kind "$4" "$how" --hw "$here/$3.yaml" --out "$2" > "$2/log" 2>&1
}

# ---- the change and what is built from it ---------------------------------------------------

# In the copy $tree. The one place is found and replaced as plain text.
change() {
	OLD=$(value old) NEW=$(value new) awk '
		BEGIN { old = ENVIRON["OLD"] }
		{
			at = index($0, old)
			if (at) {
				rest = substr($0, at + length(old))
				found += 1 + (index(rest, old) > 0)
				$0 = substr($0, 1, at - 1) ENVIRON["NEW"] rest
			}
			print
		}
		END { exit found != 1 }' "$file" > "$tree/$file" ||
		die "$name: the fragment to replace is not there exactly once in $file"
}

# Sources of the model that include a header, or the source itself.
touched() {
	case $file in
	*.c) echo "$file" ;;
	*) grep -lF " $file" "$BUILD"/release/cmodel/*/*.d | sed "s|^$BUILD/release/||; s|d\$|c|" ;;
	esac
}

# The program with the changed objects in front of the library, whose own are then not taken.
link_program() {
	objects=$(touched | sed 's|c$|o|; s|^|build/release/|')
	[ -n "$objects" ] || die "$name: nothing includes $file"
	ln -s "$root/host" "$root/rtl" "$root/tests" "$root/Makefile" "$tree"
	mkdir "$tree/build"
	cp -R "$BUILD/gen" "$tree/build"
	# shellcheck disable=SC2086 # lists
	(cd "$tree" && MAKEFLAGS='' make -s BUILD=build CC="$CC" CFLAGS="$CFLAGS" $objects > make.log 2>&1 &&
		$CC $CFLAGS "$BUILD/release/host/cli/main.o" $objects "$BUILD/release/libqmac.a" $LIBS -o qmac)
}

# ---- what the fuzzer said -------------------------------------------------------------------

# The message of the difference, from $log.
message() {
	awk '/, DIFFERENT$/ { on = 1; next } /^    (again:|[0-9]+ commands:)/ { exit } on' "$log"
}

# The names of what differs, as a list.
fields() {
	message | sed -n '1{
		s/^ *//
		s/^lockstep: //
		s/^command [0-9]*\( ([^)]*)\)\{0,1\}: //
		s/^an assertion of the RTL failed .* Assertion failed in TOP\.qmac_sim\./assertion /
		s/: .*; every command before was equal$//
		s/: [^;]*; /, /g
		s/: \(cmodel\|rtl\|expected\|got\) .*//
		s/ at 0x[0-9a-f]*//
		p
	}'
}

# The text of the command that the message names; where it names none, the last one of the small stream.
named() {
	text=$(message | sed -n 's/^  command [0-9]*: //p; s/.*, got 0x[0-9a-f]*: //p' | head -n 1)
	trace=$(sed -n 's/.*qmac replay \([^ ]*\) .*/\1/p' "$log" | tail -n 1)
	[ -n "$text" ] || [ ! -f "$trace" ] || text=$(sed -n 's/^# \([A-Z][A-Z]* .*\)/\1/p' "$trace" | tail -n 1)
	echo "$text "
}

# Opcode and choices of a command.
short() {
	echo "$1" | awk '{
		text = $1
		for (i = 2; i <= NF; i++)
			if ($i ~ /^(mode|op|space|container|dspace|rnd|red_rows|relu|keep|accumulate|coef_step|sum)=/)
				text = text " " $i
		print text
	}'
}

# verdict|caught after|fields|command|commands left, of $log.
judge() {
	after=$(sed -n 's/.*: \([0-9]*\) of [0-9]* commands, DIFFERENT$/\1/p' "$log")
	left=$(sed -n 's/^    \([0-9]*\) commands: qmac replay.*/\1/p' "$log")
	what=$(fields)
	command=$(named)
	but=$(value but)
	verdict=caught
	if ! grep -q '1 different or failed$' "$log"; then
		verdict=missed
	elif [ -z "$after" ]; then
		verdict=failed what=$(sed -n '/FAILED$/{n;s/^ *//;p;}' "$log")
	elif ! echo "$what" | grep -qE -e "$(value field)"; then
		verdict=misnamed
	elif ! echo "$command" | grep -qE -e "$(value names)"; then
		verdict=misnamed
	elif [ -n "$but" ] && echo "$command" | grep -qE -e "$but"; then
		verdict=misnamed
	fi
	echo "$verdict|$after|$what|$(short "$command")|$left"
}

# ---- one of them ----------------------------------------------------------------------------

# NAME is that of a mutant, or control-HW-KIND[-stalls].
one() {
	name=$1 dir=$out/$1 cache=$out/cache rtl=$root
	log=$dir/log tree=$dir/tree program=$BUILD/qmac
	mutant=$(paragraph "$name")
	case $name in
	control-*) play=$(echo "${name#control-}" | tr - ' ') ;;
	*)
		play=$(value play) file=$(value file)
		rm -rf "$dir"
		mkdir -p "$tree" || exit 2
		cp -R cmodel rtl "$tree"
		change
		;;
	esac
	mkdir -p "$dir"
	case $name in
	rtl-*) rtl=$tree cache=$dir/cache ;;
	c-*)
		rm -rf "$tree/rtl"
		link_program || die "$name: does not compile: $tree/make.log"
		program=$tree/qmac
		;;
	esac
	# shellcheck disable=SC2086 # words
	fuzz "$program" "$dir" $play
	rm -rf "$tree" "$dir/cache"
	made_from > "$dir/made-from"
	show
}

# What the log of $mutant depends on; a change of what is demanded of it needs no new run.
made_from() {
	echo "$key"
	printf '%s\n' "$mutant" | grep -E '^(file|old|new|play) '
}

# Judges what was played and prints its line; $name and $mutant as in one().
show() {
	log=$out/$name/log
	case $name in
	control-*) result=$(grep -q ' 0 different or failed$' "$log" && echo equal || echo different) ;;
	*) result=$(judge) ;;
	esac
	echo "$result" | tee "$out/$name/verdict" | awk -F '|' -v name="$name" '
		NF == 1 { printf "%-14s the project as it is: %s\n", name, $1; next }
		$1 == "caught" { printf "%-14s caught after %5d commands: %s: %s\n", name, $2, $4, $3; next }
		{ printf "%-14s %s: %s: %s\n", name, toupper($1), $4, $3 }'
}

# Plays what has not been played, JOBS at a time.
run_all() {
	todo=''
	for name in "$@"; do
		mutant=$(paragraph "$name")
		if made_from | cmp -s - "$out/$name/made-from"; then
			show
		else
			todo="$todo $name"
		fi
	done
	# shellcheck disable=SC2086 # a list
	[ -z "$todo" ] || printf '%s\n' $todo | MUTANT_KEY=$key xargs -P "${JOBS:-2}" -n 1 sh "$here/run.sh" --one
}

# ---- docs/mutants.md ------------------------------------------------------------------------

table() {
	echo '| fault | file | what it is | after | what differs | command named |'
	echo '|---|---|---|--:|---|---|'
	for name in $all; do
		mutant=$(paragraph "$name")
		tail -n 1 "$out/$name/verdict" |
			awk -F '|' -v name="$name" -v file="$(value file)" -v what="$(value what)" \
			'{ printf "| %s | `%s` | %s | %s | %s | `%s` |\n", name, file, what, $2, $3, $4 }'
	done
}

write_table() {
	{
		sed '/<!-- generated by/q' docs/mutants.md
		table
		sed -n '/<!-- generated: end/,$p' docs/mutants.md
	} > "$out/mutants.md"
	cmp -s "$out/mutants.md" docs/mutants.md || cp "$out/mutants.md" docs/mutants.md
}

BUILD=$(cd "$BUILD" && pwd) || exit 2
out=$BUILD/mutants
if [ "${1:-}" = --one ]; then
	key=$MUTANT_KEY
	one "$2"
	exit 0
fi
if ! command -v verilator > /dev/null; then
	echo 'mutants: skipped: verilator is not installed'
	exit 0
fi
key=$(sources_key)
export BUILD
all=$(sed -n 's/^mutant //p' "$list")
[ $# -gt 0 ] && whole=0 || whole=1
# shellcheck disable=SC2086 # a list
[ "$whole" = 0 ] || set -- $all
controls=$(for name in "$@"; do
	mutant=$(paragraph "$name")
	[ -n "$mutant" ] || die "there is no mutant '$name' in $list"
	echo "control-$(value play | tr ' ' -)"
done | sort -u | sort -t- -k3) # neighbours want different libraries

# shellcheck disable=SC2086 # a list
run_all $controls
run_all "$@"
caught=0 missed=0 different=0
for name in "$@"; do
	case $(tail -n 1 "$out/$name/verdict" 2> /dev/null) in
	caught*) caught=$((caught + 1)) ;;
	*) missed=$((missed + 1)) ;;
	esac
done
for name in $controls; do
	[ "$(tail -n 1 "$out/$name/verdict" 2> /dev/null)" = equal ] || different=$((different + 1))
done
echo "$caught caught, $missed missed; $different of $(echo "$controls" | wc -l) controls different"
[ $((missed + different)) = 0 ] || exit 1
[ "$whole" = 0 ] || write_table
