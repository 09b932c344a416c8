#!/bin/sh
# build.sh path|build CACHE fast|wave PARAMETER=VALUE...: the device as a shared library (device.h) for one
# hardware configuration. Run in the folder that holds rtl/ and cmodel/.
#
# `path` prints where in CACHE the library belongs: its name is a digest of the parameters, of all sources
# and of the tool. `build` makes it there: in a folder of its own, then by one rename, so that a library is
# whole or absent; what the tools said stays beside it, under the same name with .log, where one failed.
# Then what nobody has used for 90 days goes, and what a build that was killed has left.
# `wave` can write waves, at half the speed even where it does not. QMAC_RTL_OPT optimises what runs in
# every cycle: -O3 where not set; -O1 compiles faster, for short simulations.
# Exit status: 0 done, 2 something failed, 4 Verilator, 5 a compiler is not installed, 6 stopped by a signal.
set -eu
what=$1 cache=$2 kind=$3
shift 3

work=
trap '[ -z "$work" ] || rm -rf "$work"' EXIT
trap 'exit 6' HUP INT TERM

command -v verilator > /dev/null || exit 4
cc=${CC:-$(command -v clang || command -v gcc || command -v cc)} || exit 5
# clang's code runs up to four times as fast.
cxx=${CXX:-$(command -v clang++ || command -v g++ || command -v c++)} || exit 5
command -v make > /dev/null || exit 5

optimise=${QMAC_RTL_OPT:--O3}

digest() {
	{
		echo "$kind $optimise $*"
		verilator --version
		"$cxx" --version | head -n 1
		cat cmodel/isa/gen.c cmodel/isa/isa.def rtl/*.v rtl/*.vh rtl/sim/*.sv rtl/sim/device* rtl/sim/build.sh
	} | sha256sum | cut -c 1-32
}

# In the folder $work; its output is the log.
build() {
	parameters='' trace='' define=''
	for assignment in "$@"; do
		parameters="$parameters -G$assignment"
	done
	if [ "$kind" = wave ]; then
		trace=--trace-fst define=-DQMAC_RTL_TRACE
	fi
	include=$(verilator --getenv VERILATOR_ROOT)/include
	# Verilator's objects have an alignment, which `new` heeds from C++17 on, as its own files are compiled.
	flags="-std=gnu++17 -fPIC -fvisibility=hidden -Irtl/sim -I$work/v -isystem $include"

	"$cc" -Icmodel cmodel/isa/gen.c -o "$work/isa-gen"
	"$work/isa-gen" verilog > "$work/qmac_isa.vh"
	# Loops over the PEs stay loops; what is not reset is random (docs/rtl.md, "Simulation").
	# shellcheck disable=SC2086 # lists of options
	verilator --cc --prefix Vdevice --top-module qmac_sim --Mdir "$work/v" --assert -O3 --unroll-count 8 \
		--x-initial unique --x-assign unique --default-language 1364-2005 +1800-2017ext+sv -Wno-fatal $trace \
		-CFLAGS '-fPIC -fvisibility=hidden' -Irtl -I"$work" -y rtl -y rtl/sim \
		$parameters rtl/sim/*.sv
	MAKEFLAGS='' make -C "$work/v" -f Vdevice.mk -j 2 CXX="$cxx" OPT_FAST="$optimise" OPT_SLOW=-O0 \
		Vdevice__ALL.a
	# What the runtime prints is for the one who asked for the simulation.
	# shellcheck disable=SC2086
	"$cxx" -O2 $flags -DVL_PRINTF=qmac_rtl_print -include rtl/sim/device.h -c "$include/verilated.cpp" \
		-o "$work/verilated.o"
	# shellcheck disable=SC2086
	"$cxx" -O2 $flags -c "$include/verilated_threads.cpp" -o "$work/threads.o"
	if [ "$kind" = wave ]; then
		# shellcheck disable=SC2086
		"$cxx" -O2 $flags -c "$include/verilated_fst_c.cpp" -o "$work/fst.o"
	fi
	# shellcheck disable=SC2086
	"$cxx" -O2 $flags $define -c rtl/sim/device_shim.cpp -o "$work/shim.o"
	"$cxx" -shared -o "$work/device.so" "$work"/*.o "$work/v/Vdevice__ALL.a" -latomic -lpthread \
		${trace:+-lz}
}

# A library has the time of its last use; a folder, that of a build, lives for minutes.
prune() {
	pattern=$(echo "$name" | sed 's/./[0-9a-f]/g')
	find "$cache/." ! -name . -prune -name "$pattern.*" \
		\( -mtime +89 -atime +89 -o -type d -mtime +0 \) -exec rm -rf {} + 2> /dev/null
}

name=$(digest "$@")
if [ "$what" = path ]; then
	echo "$cache/$name.so"
	exit 0
fi
mkdir -p "$cache" || exit 2
work=$(mktemp -d "$cache/$name.XXXXXX") || exit 2
set +e
(
	set -e
	build "$@"
) > "$work/log" 2>&1
status=$?
set -e
if [ "$status" = 0 ]; then
	mv "$work/device.so" "$cache/$name.so"
	rm -f "$cache/$name.log"
	prune || :
else
	mv "$work/log" "$cache/$name.log"
	exit 2
fi
