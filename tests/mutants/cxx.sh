#!/bin/sh
# cxx.sh ARGUMENT...: the C++ compiler $MUTANT_CXX, for simulations that run for seconds: not optimised
# where the code runs once, and little elsewhere (the last -O counts).
#
# A fault of one line changes few of the files that Verilator writes. So the objects of the RTL as it is are
# kept in $MUTANT_OBJECTS, where MUTANT_STORE is set, and taken from there by all others, under a digest of
# the source and of the headers written with it.
level=-O1 source='' object='' before=''
for argument in "$@"; do
	case $argument in
	*__Slow.cpp) level=-O0 source=$argument ;;
	Vdevice*.cpp | */verilated*.cpp) source=$argument ;;
	esac
	[ "$before" = -o ] && object=$argument
	before=$argument
done
if [ -z "$source" ] || [ -z "$object" ] || [ -z "${MUTANT_OBJECTS:-}" ]; then
	exec "$MUTANT_CXX" "$@" "$level"
fi
digest=$(cat "$source" "$(dirname "$source")"/Vdevice*.h 2> /dev/null | sha256sum | cut -c 1-32)
kept=$MUTANT_OBJECTS/$digest.o
[ ! -f "$kept" ] || exec cp "$kept" "$object"
"$MUTANT_CXX" "$@" "$level" || exit
if [ -n "${MUTANT_STORE:-}" ]; then
	cp "$object" "$kept.$$" && mv "$kept.$$" "$kept"
fi
