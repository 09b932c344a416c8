#!/bin/sh
# build.sh name|build CACHE fast|wave PARAMETER=VALUE...: the device as a shared library (device.h) for one
# hardware configuration. Run in the folder that holds rtl/ and cmodel/.
#
# `name` prints the library's name: a digest of the parameters, of all sources, of the tools and of what
# they are told. `build` makes CACHE/NAME.so for the caller, who holds the lock of that name: from copies of
# the sources in a folder of its own, and by one rename, so that a library is whole or absent. The tools see
# relative names only, because make takes few characters in others. The last line of a library is the
# SHA-256 of all before it; the loader does not look so far. What the tools said stays beside it, under the
# same name with .log, where one failed. Then what nobody has used for 90 days goes, and what builds that
# were killed have left.
# `wave` can write waves, at half the speed even where it does not. QMAC_RTL_OPT optimises what runs in
# every cycle: -O3 where not set; -O1 compiles faster, for short simulations. QMAC_RTL_GATES is the parameter
# CLOCK_GATES of the device: 1 where not set.
# Exit status: 0 done; 2 something failed, 7 a tool cannot even tell its version, and the line printed is why;
# 4 Verilator, 5 a compiler is not installed; 6 stopped by a signal.
set -eu
what=$1 cache=$2 kind=$3
shift 3
# Built libraries are code that the user will run: nobody else may write to them, nor see them half made.
umask 077
# What the tools print is part of the name, and is shown.
export LC_ALL=C
# These would change what make does, and are meant for others.
unset MAKEFLAGS GNUMAKEFLAGS MAKEFILES CPPFLAGS CXXFLAGS LDFLAGS LDLIBS VPATH OPT

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 6' HUP INT TERM

# first COMMAND...: the first of these that is installed.
first() {
	for command in "$@"; do
		command -v "$command" > /dev/null && echo "$command" && return
	done
	return 1
}

command -v verilator > /dev/null || exit 4
cc=${CC:-$(first clang gcc cc)} || exit 5
# clang's code runs up to four times as fast.
cxx=${CXX:-$(first clang++ g++ c++)} || exit 5
command -v make > /dev/null || exit 5

optimise=${QMAC_RTL_OPT:--O3}
gates=${QMAC_RTL_GATES:-1}

# version COMMAND...: what the tool says of itself. One that is installed but broken has its own words.
version() {
	if said=$("$@" 2> /dev/null); then
		echo "$said"
	else
		echo "'$*' fails: $("$@" 2>&1 | grep . | head -n 1)" >&3
		exit 7
	fi
}

# shellcheck disable=SC2086 # a compiler may be a command with arguments
versions() {
	version verilator --version
	version $cxx --version
	version $cxx -dumpmachine
}

digest() {
	{
		echo "$kind $optimise $vector $gates $* $cxx $versions"
		echo "${VERILATOR_ROOT-}:${VERILATOR_BIN-}:${CPATH-}:${CPLUS_INCLUDE_PATH-}:${LIBRARY_PATH-}"
		sha256sum cmodel/isa/gen.c cmodel/isa/isa.def rtl/*.v rtl/*.vh rtl/sim/*.sv rtl/sim/device* \
			rtl/sim/build.sh rtl/sim/vector.sh
	} | sha256sum | cut -c 1-32
}

# compile OPTION... SOURCE: a part of the library that is not Verilator's output. Verilator's objects have an
# alignment, which `new` heeds from C++17 on, as its own files are compiled.
compile() {
	# shellcheck disable=SC2086
	$cxx -std=gnu++17 -fPIC -fvisibility=hidden -Irtl/sim -Iv -isystem "$include" -c "$@"
}

# together FIND-EXPRESSION...: one source of Verilator's files of such names.
together() {
	find v -name 'V*.cpp' "$@" | sort | sed 's,.*/\(.*\),#include "\1",'
}

# In the folder $work, which holds the sources; its output is the log.
# shellcheck disable=SC2086 # lists of options
build() {
	parameters="-GCLOCK_GATES=$gates" trace='' define=''
	for assignment in "$@"; do
		parameters="$parameters -G$assignment"
	done
	if [ "$kind" = wave ]; then
		trace=--trace-fst define=-DQMAC_RTL_TRACE
	fi
	include=$(verilator --getenv VERILATOR_ROOT)/include
	export TMPDIR=. # clang fails where there is a % in it

	# Beside all else. What the runtime prints is for the one who asked for the simulation.
	trap wait EXIT
	printf '#include <%s>\n' verilated.cpp verilated_threads.cpp > runtime.cpp
	compile "$optimise" -DVL_PRINTF=qmac_rtl_print -include rtl/sim/device.h runtime.cpp -o runtime.o &
	runtime=$!

	$cc -Icmodel cmodel/isa/gen.c -o isa-gen
	./isa-gen verilog > qmac_isa.vh
	# Loops over the PEs stay loops; what is not reset is random (docs/rtl.md, "Simulation").
	verilator --cc --prefix Vdevice --top-module qmac_sim --Mdir v --assert -O3 --unroll-count 8 \
		--x-initial unique --x-assign unique --default-language 1364-2005 +1800-2017ext+sv -Wno-fatal $trace \
		-CFLAGS '-fPIC -fvisibility=hidden' -Irtl -I. -y rtl -y rtl/sim \
		$parameters rtl/sim/*.sv
	# Most of what a compiler does here is to read Verilator's headers. So it reads them twice: for the files
	# whose code runs in every cycle, and for the others. (In two halves the former take less time of two
	# processors, but run up to 4 % slower.) Verilator's makefile has the options; it refuses a folder with a
	# space in its name, which it never uses.
	together -name '*__Slow.cpp' > v/slow.cpp
	together ! -name '*__Slow.cpp' > v/fast.cpp
	make -C v -f Vdevice.mk -j 2 CURDIR=. CXX="$cxx" OPT_FAST="$optimise $vector" OPT_SLOW=-O0 \
		VM_PARALLEL_BUILDS=1 VM_CLASSES_FAST=fast VM_CLASSES_SLOW=slow VM_SUPPORT_FAST= VM_SUPPORT_SLOW= \
		Vdevice__ALL.a
	[ "$kind" != wave ] || compile -O2 "$include/verilated_fst_c.cpp" -o fst.o
	compile "$optimise" $define rtl/sim/device_shim.cpp -o shim.o
	wait "$runtime"
	$cxx -shared -o device.so ./*.o v/Vdevice__ALL.a -latomic -lpthread ${trace:+-lz}
	sha256sum < device.so | cut -c 1-64 > device.sum
	cat device.sum >> device.so
}

# A library has the time of its last use; a folder, that of a build, lives for minutes.
prune() {
	pattern=$(echo "$name" | sed 's/./[0-9a-f]/g')
	find "$cache/." ! -name . -prune -name "$pattern.*" \
		\( -mtime +89 -atime +89 -o -type d -mtime +0 \) -exec rm -rf {} + 2> /dev/null
}

exec 3>&1
versions=$(versions) || exit
vector=$(sh rtl/sim/vector.sh "$(echo "$versions" | tail -n 1)")
name=$(digest "$@")
if [ "$what" = name ]; then
	echo "$name"
	exit 0
fi
# Nobody else builds it now, so this is what a build that was killed has left.
rm -rf "$cache/$name".??????
work=$(mktemp -d "$cache/$name.XXXXXX" 2>&1) || {
	echo "$work"
	work=
	exit 2
}
set +e
(
	set -e
	mkdir "$work/cmodel"
	cp -R rtl "$work/rtl"
	cp -R cmodel/isa "$work/cmodel/isa"
	cd "$work"
	# Sources that were changed since the name was made belong to another library.
	[ "$(digest "$@")" = "$name" ] || { echo 'error: the sources changed meanwhile'; exit 1; }
	build "$@"
) > "$work/log" 2>&1
status=$?
set -e
if [ "$status" = 0 ]; then
	mv "$work/device.so" "$cache/$name.so"
	rm -f "$cache/$name.log"
	prune || :
else
	grep -m 1 'rror[-A-Z]*: ' "$work/log" || tail -n 1 "$work/log"
	mv "$work/log" "$cache/$name.log"
	exit 2
fi
