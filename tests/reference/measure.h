/*
 * Measured figures of `make bench`: some rounds of a case, each beside a round of what it is compared with,
 * so that others on the machine disturb both. Printed as one line; as a row of the CSV file that
 * $QMAC_BENCH_CSV names:
 *
 *   case, value, unit, reference, ratio, rounds, spread
 *
 * value and reference are medians, ratio that of value / reference of each round, spread what the values lie
 * within, (largest - smallest) / median. Without a reference both fields are empty.
 */
#ifndef QMAC_TESTS_REFERENCE_MEASURE_H
#define QMAC_TESTS_REFERENCE_MEASURE_H

enum { MEASURE_ROUNDS_MAX = 32 };

struct measure {
	const char *name, *unit; /* such as "gemm/16x16/8", "GMAC/s" */
	int rounds;
	double value[MEASURE_ROUNDS_MAX], reference[MEASURE_ROUNDS_MAX];
};

/* reference: 0 where there is none. Rounds beyond the last place are left out. */
void measure_add(struct measure *measure, double value, double reference);
void measure_print(const struct measure *measure);

/* Seconds of processor time of this process, and of the wall. */
double measure_seconds(void);
double measure_wall_seconds(void);

/* GMAC/s of products of float32 matrices of 768 x 768, on one thread, for about so many seconds. */
double measure_sgemm(double seconds);

/* What the figures were measured on: a comment line, and the row `machine`. */
void measure_print_machine(void);

#endif
