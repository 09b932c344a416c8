/*
 * Speed of the bare Verilated array: prints million cycles per second, both modes in turn.
 * tests/bench_rtl.c runs it.
 */
#define _POSIX_C_SOURCE 200809L
#include <stdio.h>
#include <time.h>

#include "sim/unit.h"

enum { RESET = 4, SECONDS = 1, CHUNK = 2000 };

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

int main(void)
{
	struct unit *unit = unit_create();
	double began, took;
	long cycles = 0;

	for (int i = 0; i < RESET; i++)
		unit_clock(unit);
	began = seconds();
	do {
		unit_set(unit, 0, cycles / CHUNK % 2 ? 3 : 1);
		for (int i = 0; i < CHUNK; i++)
			unit_clock(unit);
		cycles += CHUNK;
		took = seconds() - began;
	} while (took < SECONDS);
	printf("%.6f\n", (double)cycles / took / 1e6);
	unit_destroy(unit);
	return 0;
}
