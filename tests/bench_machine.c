/*
 * The machine that `make bench` runs on; with the argument sgemm, GMAC/s of sgemm alone, by which
 * tests/bench.sh finds the fastest kernels of OpenBLAS.
 */
#include <stdio.h>
#include <string.h>

#include "reference/measure.h"

int main(int count, char **words)
{
	if (count > 1 && strcmp(words[1], "sgemm") == 0)
		printf("%.2f\n", measure_sgemm(.3));
	else
		measure_print_machine();
	return 0;
}
