#!/bin/sh
# build.sh archive|test NAME UNIT PARAMETER=VALUE...: in two steps builds $BUILD/rtl/NAME/test from
# tests/rtl/unit_UNIT.v with these parameters and tests/rtl/test_rtl_UNIT.c (or bench_rtl_UNIT.c), which
# gets them as macros. BUILD, CC and CXX as in the Makefile. `archive` compiles Verilator's code with OPT;
# `test` links the objects given in OBJECTS and the libraries in LIBS. What they were made from lies beside
# them for make, as verilog.d and test.d (the compiler writes unit.d).
set -eu
what=$1 dir=$BUILD/rtl/$2 unit=$3
shift 3
root=$(verilator --getenv VERILATOR_ROOT)
mkdir -p "$dir"

archive() {
	parameters=
	for assignment in "$@"; do
		parameters="$parameters -G$assignment"
	done
	rm -f "$dir"/Vunit*
	# Loops over the PEs stay loops: unrolled they take far longer to compile and are no faster. The same
	# number bounds generate loops, at 16 times as many iterations.
	# shellcheck disable=SC2086 # a list of options
	verilator --cc --prefix Vunit --top-module "unit_$unit" --Mdir "$dir" --default-language 1364-2005 -Wall \
		-O3 --unroll-count 8 -Irtl -I"$BUILD/gen" -y rtl $parameters "tests/rtl/unit_$unit.v"
	# A file that is gone is no error: it may be one that is no longer needed.
	awk -v target="$dir/Vunit__ALL.a" '{
		sub(/.* : /, "")
		print target ":", $0
		for (i = 1; i <= NF; i++)
			print $i ":"
	}' "$dir/Vunit__ver.d" > "$dir/verilog.d"
	# One source of all, because most of what a compiler does here is to read Verilator's headers; what runs
	# once is not optimised. Verilator's makefile has the options; it refuses a folder with a space in its
	# name, which it never uses.
	cp rtl/sim/unit.h rtl/sim/unit_shim.cpp "$dir"
	{
		find "$dir" -name 'Vunit*.cpp' ! -name '*__Slow.cpp' | sort
		echo /unit_shim.cpp
		echo optimize
		find "$dir" -name '*__Slow.cpp' | sort
	} | sed 's,.*/\(.*\),#include "\1",; s/^optimize/#pragma clang optimize off/' > "$dir/unit.cpp"
	MAKEFLAGS='' make -s -C "$dir" -f Vunit.mk CURDIR=. CXX="$CXX" OPT_FAST="$OPT" VM_PARALLEL_BUILDS=1 \
		VM_CLASSES_FAST=unit VM_CLASSES_SLOW= VM_SUPPORT_FAST= VM_SUPPORT_SLOW= Vunit__ALL.a > "$dir/make.log"
	rm -f "$dir"/Vunit*.d "$dir/unit.d" "$dir"/*.o
}

test_program() {
	macros=
	for assignment in "$@"; do
		macros="$macros -D$assignment"
	done
	for runtime in verilated verilated_threads; do
		object=$BUILD/rtl/$runtime.o
		[ -f "$object" ] && continue
		"$CXX" -std=gnu++17 -O2 -I"$root/include" -c "$root/include/$runtime.cpp" -o "$object.$$"
		mv "$object.$$" "$object"
	done
	# shellcheck disable=SC2086 # lists of options
	"$CC" $CFLAGS $macros -MMD -MP -MT "$dir/test" -MF "$dir/test.d" \
		-c tests/rtl/*_rtl_"$unit".c -o "$dir/test.o"
	# shellcheck disable=SC2086 # lists of files
	"$CXX" "$dir/test.o" "$dir/Vunit__ALL.a" "$BUILD/rtl/verilated.o" \
		"$BUILD/rtl/verilated_threads.o" $OBJECTS $LIBS -latomic -o "$dir/test"
}

case $what in
archive) archive "$@" ;;
test) test_program "$@" ;;
esac
