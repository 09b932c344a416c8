#!/bin/sh
# vector.sh MACHINE: the compiler options for the vector instructions of this processor, for Verilator's code,
# whose loops over the PEs run several times as fast with them. MACHINE is what the compiler builds for
# (-dumpmachine); nothing is printed where that is no x86-64, or where the processor has no AVX2 and BMI2.
case $1 in
x86_64*)
	if grep -q -w avx2 /proc/cpuinfo && grep -q -w bmi2 /proc/cpuinfo; then
		echo -mavx2 -mbmi -mbmi2
	fi 2> /dev/null
	;;
esac
