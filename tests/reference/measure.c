#define _POSIX_C_SOURCE 200809L
#include "reference/measure.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "float/matrix.h"
#include "kernel/kernel.h"

enum { SIZE = 768 };

static double seconds_of(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

double measure_seconds(void)
{
	return seconds_of(CLOCK_PROCESS_CPUTIME_ID);
}

double measure_wall_seconds(void)
{
	return seconds_of(CLOCK_MONOTONIC);
}

double measure_sgemm(double seconds)
{
	static float a[SIZE * SIZE], b[SIZE * SIZE], c[SIZE * SIZE];
	const struct qmac_float_matrix left = {a, SIZE}, right = {b, SIZE};
	double began, spent = 0;
	int products = 0;

	for (int i = 0; i < SIZE * SIZE && a[0] == 0; i++) {
		a[SIZE * SIZE - 1 - i] = (float)(i * 97 % 256 - 128);
		b[i] = (float)(i * 89 % 256 - 128);
	}
	began = measure_seconds();
	for (; spent < seconds; products++) {
		memset(c, 0, sizeof c);
		qmac_float_product(QMAC_FLOAT_AB, SIZE, SIZE, SIZE, left, right, c, SIZE);
		spent = measure_seconds() - began;
	}
	return (double)products * SIZE * SIZE * SIZE / spent / 1e9;
}

void measure_add(struct measure *measure, double value, double reference)
{
	if (measure->rounds == MEASURE_ROUNDS_MAX)
		return;
	measure->value[measure->rounds] = value;
	measure->reference[measure->rounds++] = reference;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* Sorts a copy; *spread (may be NULL): (largest - smallest) / median. */
static double median(const double *values, int count, double *spread)
{
	double sorted[MEASURE_ROUNDS_MAX], middle;

	memcpy(sorted, values, (size_t)count * sizeof *values);
	qsort(sorted, (size_t)count, sizeof *sorted, compare);
	middle = (sorted[(count - 1) / 2] + sorted[count / 2]) / 2;
	if (spread)
		*spread = (sorted[count - 1] - sorted[0]) / middle;
	return middle;
}

/* The file, at its end; NULL: none is asked for, or it cannot be written, which is said. */
static FILE *open_rows(void)
{
	const char *file = getenv("QMAC_BENCH_CSV");
	FILE *rows = file ? fopen(file, "a") : NULL;

	if (file && !rows)
		perror(file);
	return rows;
}

void measure_print(const struct measure *m)
{
	double ratios[MEASURE_ROUNDS_MAX], value, spread;
	FILE *rows;

	if (m->rounds == 0) {
		printf("%-26s no round was measured\n", m->name);
		return;
	}
	value = median(m->value, m->rounds, &spread);
	for (int i = 0; i < m->rounds; i++)
		ratios[i] = m->value[i] / m->reference[i];
	printf("%-26s %12.4g %-12s", m->name, value, m->unit);
	rows = open_rows();
	if (rows)
		fprintf(rows, "%s,%.6g,%s,", m->name, value, m->unit);
	if (m->reference[0] > 0) {
		double reference = median(m->reference, m->rounds, NULL), ratio = median(ratios, m->rounds, NULL);

		printf(" %10.4g %8.3f", reference, ratio);
		if (rows)
			fprintf(rows, "%.6g,%.6g", reference, ratio);
	} else {
		printf(" %10s %8s", "", "");
		if (rows)
			putc(',', rows);
	}
	printf("   %2d rounds, spread %.2f\n", m->rounds, spread);
	fflush(stdout);
	if (rows) {
		fprintf(rows, ",%d,%.3g\n", m->rounds, spread);
		fclose(rows);
	}
}

/* The processor's name as Linux tells it. */
static void processor_name(char *name, size_t size)
{
	FILE *in = fopen("/proc/cpuinfo", "r");
	char line[256];

	snprintf(name, size, "unknown processor");
	while (in && fgets(line, sizeof line, in)) {
		char *colon = strchr(line, ':');

		if (strncmp(line, "model name", 10) || !colon)
			continue;
		snprintf(name, size, "%s", colon + 2);
		name[strcspn(name, "\n\",")] = 0;
		break;
	}
	if (in)
		fclose(in);
}

void measure_print_machine(void)
{
	FILE *rows = open_rows();
	char name[128];

	processor_name(name, sizeof name);
	printf("%s; %ld processors; kernel %s; sgemm by %s\n", name, sysconf(_SC_NPROCESSORS_ONLN),
	       qmac_kernel_names()[0], qmac_float_product_kernel());
	if (rows) {
		fprintf(rows, "case,value,unit,reference,ratio,rounds,spread\n");
		fprintf(rows, "machine,%ld,processors: %s; kernel %s; sgemm by %s,,,,\n",
		        sysconf(_SC_NPROCESSORS_ONLN), name, qmac_kernel_names()[0], qmac_float_product_kernel());
		fclose(rows);
	}
}
