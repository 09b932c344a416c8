# cli_build.sh: builds of the RTL that are stopped, killed or made twice at once, what becomes of old ones,
# and which are not loaded; the part of cli.sh that needs tools of its own. cli.sh reads this file.
# shellcheck shell=sh disable=SC2154,SC2034

if command -v make >/dev/null 2>&1; then
	make -n -C "$root" BUILD="nowhere" > out 2> err
	ok 'make alone makes the Verilog header' has out 'nowhere/gen/qmac_isa.vh'
	for folder in 'a b' 'a#b' 'a:b'; do
		make -n -C "$root" BUILD="$folder" > out 2> err
		ok "make cannot build in '$folder'" has err "BUILD=$folder: make cannot build in a folder"
	done
else
	skipped=$((skipped + 4))
fi

# Tools that take no time, or many seconds, in which they hold the FIFO open. Like the real one, this
# Verilator writes a makefile that refuses a folder with a space in its name.
mkdir tools
cat > tools/verilator <<'END'
#!/bin/sh
case $1 in
--version) echo 'Verilator for a test' ;;
--getenv) echo nowhere ;;
*)
	while [ "$1" != --Mdir ]; do
		shift
	done
	mkdir "$2"
	[ -z "${KILLED:-}" ] || kill -KILL 0
	echo build >> "$BUILDS"
	sleep "${SECONDS_OF_BUILD:-0}"
	printf 'ifneq ($(words $(CURDIR)),1)\n$(error spaces)\nendif\nVdevice__ALL.a:\n\t: > $@\n' \
		> "$2/Vdevice.mk"
	if [ -p "$SLOW" ]; then
		exec > "$SLOW"
		echo started
		sleep 20
		echo late
	fi
	;;
esac
END
cat > tools/cxx <<'END'
#!/bin/sh
case $1 in
--version | -dumpmachine) echo "C++ for a test $CXX_VERSION" && exit ;;
esac
while [ "$1" != -o ]; do
	shift
done
: > "$2"
END
chmod +x tools/verilator tools/cxx
# Whoever is killed leaves the lock, which is nobody's then.
no_builds() { [ -d cache/rtl ] && [ -z "$(find cache/rtl ! -name "*.lock" ! -path cache/rtl)" ]; }
# stops_build HOW STATUS ARGUMENTS...: TERM, or KILL for status 137, while the RTL is being built, for qmac
# `alone` or for its `group`.
stops_build() {
	how=$1 wanted=$2
	shift 2
	rm -f heard
	timeout 60 cat "$SLOW" > heard &
	listener=$!
	setsid "$qmac" "$@" > out 2> err &
	process=$!
	await test -s heard
	receiver=$process
	[ "$how" = group ] && receiver=-$process
	signal=TERM
	[ "$wanted" = 137 ] && signal=KILL
	kill -$signal "$receiver"
	{ wait $process; } 2> shell # it tells what ended by a signal
	status=$?
	ok "qmac $1, $signal, $how: exit status $status" test $status -eq "$wanted"
	wait $listener
	[ $signal = KILL ] && await no_builds && rm -f cache/rtl/*.lock
	ok "qmac $1, $signal, $how: nothing is left in the cache" test -d cache/rtl -a -z "$(ls -A cache/rtl)"
	ok "qmac $1, $signal, $how: the build ends" same "$(cat heard)" started
}
if command -v setsid >/dev/null 2>&1 && command -v make >/dev/null 2>&1; then
	path=$PATH
	export PATH="$work/tools:$PATH" CXX=cxx QMAC_CACHE="$work/cache" QMAC_RTL="$root" SLOW="$work/slow" \
		BUILDS="$work/builds" CXX_VERSION=1
	mkfifo slow
	sed 's/^set: .*/set: {epochs: 2, backend: rtl}/; /algorithm: \[sgd/d' sweep.yaml > rtl.yaml
	for how in alone group; do
		stops_build "$how" 1 cosim run.yaml --out stopped
		says err 'qmac: stopped before the first epoch; stopped has no new results'
		stops_build "$how" 1 fuzz --configs 1 --count 50 --out stopped
		says out '1/1 seed 1: .*: 0 of 50 commands, equal, stopped'
		says err 'qmac: stopped after 0 of 1 configurations'
		stops_build "$how" 1 sweep rtl.yaml --out endless -j 1
		says err 'qmac: stopped; endless has no results.csv.*'
		stops_build "$how" 1 replay t.trace --backend rtl
		says err 'qmac: stopped before the end of t.trace; what was compared is equal'
	done
	# Nobody can catch KILL, and the build ends all the same: a moment later.
	stops_build alone 137 cosim run.yaml --out stopped
	rm -r stopped
	rm slow
	# A build that was killed, with no time to clean up.
	KILLED=1 "$qmac" replay t.trace --backend rtl > out 2> err
	ok 'a killed build fails' test $? -eq 2
	ok 'it leaves its folder' test -n "$(ls cache/rtl)"
	# Libraries are empty files, which cannot be loaded.
	run 2 replay t.trace --backend rtl
	says err 'qmac: cannot load the built RTL .*/cache/rtl/.*\.so: .*'
	ok 'the next build removes what it left' test "$(ls cache/rtl)" = "$(cd cache/rtl && echo *.so)"
	# shellcheck source=tests/cli_library.sh
	. "$root/tests/cli_library.sh"
	library=$(ls cache/rtl)
	digest=0123456789abcdef0123456789abcdef
	touch cache/rtl/$digest.so
	mkdir cache/rtl/$digest.building
	for file in "$library" $digest.log f$digest.so notes.txt; do
		touch -t 202001010000 "cache/rtl/$file"
	done
	mkdir cache/rtl/$digest.killed
	touch -t 202001010000 cache/rtl/$digest.killed
	run 2 replay t.trace --backend rtl
	run 2 cosim run.yaml --hw "$root/configs/hw/ragged.yaml" --out stopped
	ok 'an old log goes' absent cache/rtl/$digest.log
	ok 'what a killed build has left goes' absent cache/rtl/$digest.killed
	for file in "$library" $digest.so $digest.building f$digest.so notes.txt; do
		ok "$file stays in the cache" test -e "cache/rtl/$file"
	done
	touch -t 202001010000 "cache/rtl/$library"
	run 2 cosim run.yaml --hw "$root/configs/hw/16x16_w8.yaml" --out stopped
	ok 'an old library goes' absent "cache/rtl/$library"
	ok 'new libraries stay' test "$(find cache/rtl -name '*.so' | wc -l)" -eq 4
	# shellcheck source=tests/cli_bus_error.sh
	. "$root/tests/cli_bus_error.sh"
	unset CXX QMAC_CACHE QMAC_RTL SLOW BUILDS CXX_VERSION
	PATH=$path
else
	skipped=$((skipped + 143))
fi
