#!/bin/sh
# build.sh NAME UNIT PARAMETER=VALUE...: builds $BUILD/rtl/NAME/test from tests/rtl/unit_UNIT.v with these
# parameters and tests/rtl/test_rtl_UNIT.c, which gets them as macros. BUILD, CC and CXX as in the
# Makefile; the objects given in OBJECTS and the libraries in LIBS are linked.
set -eu
dir=$BUILD/rtl/$1 unit=$2
shift 2
parameters='' macros=''
for assignment in "$@"; do
	parameters="$parameters -G$assignment"
	macros="$macros -D$assignment"
done
root=$(verilator --getenv VERILATOR_ROOT)
mkdir -p "$dir"

# Loops over the PEs stay loops: unrolled they take far longer to compile and are no faster. The same
# number bounds generate loops, at 16 times as many iterations.
# shellcheck disable=SC2086 # a list of options
verilator --cc --prefix Vunit --top-module "unit_$unit" --Mdir "$dir" --default-language 1364-2005 -Wall \
	-O3 --unroll-count 8 -Irtl -I"$BUILD/gen" -y rtl $parameters "tests/rtl/unit_$unit.v"
MAKEFLAGS='' make -s -C "$dir" -f Vunit.mk CXX="$CXX" OPT_FAST=-O1 OPT_SLOW=-O0 Vunit__ALL.a > "$dir/make.log"
for runtime in verilated verilated_threads; do
	object=$BUILD/rtl/$runtime.o
	[ -f "$object" ] && continue
	"$CXX" -O2 -I"$root/include" -c "$root/include/$runtime.cpp" -o "$object.$$" && mv "$object.$$" "$object"
done
"$CXX" -O2 -Irtl/sim -I"$dir" -isystem "$root/include" -c rtl/sim/unit_shim.cpp -o "$dir/shim.o"
# shellcheck disable=SC2086 # lists of options
"$CC" $CFLAGS -Icmodel -Ihost -Itests -I"$BUILD/gen" $macros -c "tests/rtl/test_rtl_$unit.c" \
	-o "$dir/test.o"
# shellcheck disable=SC2086 # lists of files
"$CXX" "$dir/test.o" "$dir/shim.o" "$dir/Vunit__ALL.a" "$BUILD/rtl/verilated.o" \
	"$BUILD/rtl/verilated_threads.o" $OBJECTS $LIBS -latomic -o "$dir/test"
