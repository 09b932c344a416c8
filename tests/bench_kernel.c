/*
 * Speed of the row kernels in 10^9 elements a second, side by side with a plain float
 * loop of comparable work on the same machine: for stochastic rounding one that scales,
 * adds a random number from an xorshift, takes the floor and clamps; for the others a
 * multiply-add. Sums, which are not rounded, products and roundings of words in lanes of
 * 32 bits; rows of 16 lanes lie in the first cache.
 */
#define _POSIX_C_SOURCE 200809L
#include <math.h>
#include <stdio.h>
#include <time.h>

#include "kernel/kernel.h"

enum { ROWS = 64, COLUMNS = 7, BURST = 2048 /* rows timed at once */ };

static const double SECONDS = 0.03; /* per cell of the table */

struct data {
	int64_t a[ROWS][QMAC_LANES_MAX], b[ROWS][QMAC_LANES_MAX], x[ROWS][QMAC_LANES_MAX];
	float fa[ROWS][QMAC_LANES_MAX], fb[ROWS][QMAC_LANES_MAX], fx[ROWS][QMAC_LANES_MAX];
	uint32_t random[QMAC_LANES_MAX];
	int64_t sink;
};

struct column {
	const char *title;
	int lanes;
	void (*rows)(const struct qmac_kernel *kernel, struct data *d, int rows, int lanes);
	void (*plain)(struct data *d, int i, int lanes);
};

static double now_seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void fill(struct data *d)
{
	for (int i = 0; i < ROWS; i++)
		for (int j = 0; j < QMAC_LANES_MAX; j++) {
			d->a[i][j] = (i * 7919 + j * 104729) % 65536 - 32768;
			d->b[i][j] = (i * 1299709 + j * 15485863) % 65536 - 32768;
			d->fa[i][j] = (float)d->a[i][j];
			d->fb[i][j] = (float)d->b[i][j];
			d->random[j] = (uint32_t)j * 2654435761U + 1;
		}
}

static void sweep(const struct qmac_kernel *kernel, struct data *d, int rows, int lanes, unsigned op,
                  int shift, unsigned rnd)
{
	const struct qmac_sweep s = {
		.op = op, .inner = rows, .lanes = lanes, .l0 = op == QMAC_OP_ADD && shift == 0 ? 4 : 0, .mult = 1,
		.a = {.words = d->a[0], .step = lanes}, .b = {.words = d->b[0], .step = lanes},
		.tail = {shift, rnd, rnd == QMAC_ROUND_NEAREST, shift ? 8 : 32},
		.draws = {.key = 2654435761U, .row_step = 1},
		.to = {.words = d->x[0], .step = lanes},
		.narrow = true, .short_factors = true,
	};

	d->sink += (int64_t)kernel->sweep(&s, rows, NULL, NULL);
}

static void rows_stochastic(const struct qmac_kernel *kernel, struct data *d, int rows, int lanes)
{
	sweep(kernel, d, rows, lanes, QMAC_OP_ADD, 8, QMAC_ROUND_STOCHASTIC);
}

static void rows_nearest(const struct qmac_kernel *kernel, struct data *d, int rows, int lanes)
{
	sweep(kernel, d, rows, lanes, QMAC_OP_ADD, 8, QMAC_ROUND_NEAREST);
}

static void rows_add(const struct qmac_kernel *kernel, struct data *d, int rows, int lanes)
{
	sweep(kernel, d, rows, lanes, QMAC_OP_ADD, 0, QMAC_ROUND_FLOOR);
}

static void rows_mul(const struct qmac_kernel *kernel, struct data *d, int rows, int lanes)
{
	sweep(kernel, d, rows, lanes, QMAC_OP_MUL, 0, QMAC_ROUND_FLOOR);
}

static void plain_round(struct data *d, int i, int lanes)
{
	for (int j = 0; j < lanes; j++) {
		uint32_t r = d->random[j];
		float y;

		r ^= r << 13;
		r ^= r >> 17;
		r ^= r << 5;
		d->random[j] = r;
		y = floorf(d->fa[i][j] * 0.00390625F + (float)(r >> 8) * 0x1p-24F);
		y = y < -128 ? -128 : y;
		d->fx[i][j] = y > 127 ? 127 : y;
	}
}

static void plain_nearest(struct data *d, int i, int lanes)
{
	for (int j = 0; j < lanes; j++) {
		float y = rintf(d->fa[i][j] * 0.00390625F);

		y = y < 0 ? 0 : y;
		d->fx[i][j] = y > 127 ? 127 : y;
	}
}

static void plain_multiply_add(struct data *d, int i, int lanes)
{
	for (int j = 0; j < lanes; j++)
		d->fx[i][j] = d->fa[i][j] * 1.5F + d->fb[i][j];
}

static void plain_multiply(struct data *d, int i, int lanes)
{
	for (int j = 0; j < lanes; j++)
		d->fx[i][j] = d->fa[i][j] * d->fb[i][j];
}

/* 10^9 elements a second, the best of some bursts; kernel NULL is the plain float loop. */
static double measure(const struct column *column, const struct qmac_kernel *kernel, struct data *d)
{
	double end = now_seconds() + SECONDS, best = INFINITY, start;

	while ((start = now_seconds()) < end) {
		for (int i = 0; i < BURST; i++)
			if (!kernel)
				column->plain(d, i % ROWS, column->lanes);
			else if (i % ROWS == 0)
				column->rows(kernel, d, ROWS, column->lanes);
		best = fmin(best, now_seconds() - start);
	}
	return 1e-9 * BURST * column->lanes / best;
}

static void print_line(const char *name, const struct qmac_kernel *kernel, const struct column *columns,
                       struct data *d)
{
	printf("%-12s", name);
	for (int c = 0; c < COLUMNS; c++)
		printf("%10.3f", measure(&columns[c], kernel, d));
	printf("\n");
}

int main(void)
{
	static const struct column columns[COLUMNS] = {
		{"sr x6", 6, rows_stochastic, plain_round},
		{"sr x10", 10, rows_stochastic, plain_round},
		{"sr x16", 16, rows_stochastic, plain_round},
		{"sr x64", 64, rows_stochastic, plain_round},
		{"near x16", 16, rows_nearest, plain_nearest},
		{"add x16", 16, rows_add, plain_multiply_add},
		{"mul x16", 16, rows_mul, plain_multiply},
	};
	static _Alignas(64) struct data d;
	struct qmac_error err;

	printf("bench_kernel: 10^9 elements/s, rows of x lanes; sr: stochastic rounding\n%-12s", "");
	for (int c = 0; c < COLUMNS; c++)
		printf("%10s", columns[c].title);
	printf("\n");
	fill(&d);
	for (const char *const *name = qmac_kernel_names(); *name; name++) {
		const struct qmac_kernel *kernel;

		if (qmac_kernel_find(*name, &kernel, &err) != QMAC_OK)
			return 1;
		print_line(*name, kernel, columns, &d);
	}
	print_line("plain float", NULL, columns, &d);
	return d.sink == 42;
}
