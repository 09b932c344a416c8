#include "data/conditioned.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "process/stop.h"

/* The factor between neighbours of `count` numbers that fall geometrically from 1 to 1/ratio. */
static double geometric_step(int64_t count, double ratio)
{
	double low = 0, high = 1;

	/* bisection, with nothing but products: the same bits on every machine */
	for (int i = 0; i < 60; i++) {
		double middle = (low + high) / 2, power = 1;

		for (int64_t k = 1; k < count; k++)
			power *= middle;
		if (power * ratio > 1)
			high = middle;
		else
			low = middle;
	}
	return high;
}

/* Makes the columns of x orthonormal; spare holds `columns` values. One pass of Gram and Schmidt. */
static void orthogonalise(double *x, int64_t rows, int64_t columns, double *spare)
{
	for (int64_t k = 0; k < columns && !qmac_stop_is_asked(); k++) {
		double square = 0, norm;

		memset(spare, 0, (size_t)columns * sizeof spare[0]);
		for (int64_t i = 0; i < rows; i++)
			square += x[i * columns + k] * x[i * columns + k];
		norm = sqrt(square);
		assert(norm > 0 || qmac_stop_is_asked());
		for (int64_t i = 0; i < rows; i++) {
			double *row = x + i * columns;

			row[k] /= norm;
			for (int64_t j = k + 1; j < columns; j++)
				spare[j] += row[k] * row[j];
		}
		for (int64_t i = 0; i < rows; i++) {
			double *row = x + i * columns;

			for (int64_t j = k + 1; j < columns; j++)
				row[j] -= row[k] * spare[j];
		}
	}
}

/* A second pass takes off what rounding has left of the other columns in the first. */
static void draw_orthonormal(double *x, int64_t rows, int64_t columns, struct qmac_random *random,
                             double *spare)
{
	for (int64_t i = 0; i < rows * columns && !qmac_stop_is_asked(); i++)
		x[i] = qmac_random_normal(random);
	orthogonalise(x, rows, columns, spare);
	orthogonalise(x, rows, columns, spare);
}

/* s = sqrt(samples * eigenvalue), the eigenvalues with mean 1. */
static void make_spectrum(double *s, int64_t samples, int64_t features, double kappa)
{
	double step = geometric_step(features, kappa), eigenvalue = 1, sum = 0;

	for (int64_t k = 0; k < features; k++, eigenvalue *= step)
		sum += s[k] = eigenvalue;
	for (int64_t k = 0; k < features; k++)
		s[k] = sqrt((double)samples * s[k] * (double)features / sum);
}

enum qmac_status qmac_conditioned_inputs(double *x, int64_t samples, int64_t features, double kappa,
                                         struct qmac_random *random, struct qmac_error *err)
{
	size_t width = (size_t)features;
	double *v = calloc(width, width * sizeof v[0]), *s = calloc(width, sizeof s[0]);
	double *spare = calloc(width, sizeof spare[0]);

	assert(samples >= features && kappa >= 1);
	if (!v || !s || !spare) {
		free(v);
		free(s);
		free(spare);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld features", (long long)features);
	}
	draw_orthonormal(x, samples, features, random, spare);
	draw_orthonormal(v, features, features, random, spare);
	make_spectrum(s, samples, features, kappa);
	for (int64_t i = 0; i < samples && !qmac_stop_is_asked(); i++) {
		double *row = x + i * features;

		memset(spare, 0, width * sizeof spare[0]);
		for (int64_t k = 0; k < features; k++)
			for (int64_t j = 0; j < features; j++)
				spare[j] += row[k] * s[k] * v[k * features + j];
		memcpy(row, spare, width * sizeof spare[0]);
	}
	free(v);
	free(s);
	free(spare);
	return QMAC_OK;
}

void qmac_quadratic_inputs(double *x, int64_t terms, int64_t features, double kappa)
{
	double step = geometric_step(features, fmax(kappa * 0.75, 1));

	for (int64_t i = 0; i < terms; i++) {
		double curvature = i % 2 ? 2 : 1;

		for (int64_t j = 0; j < features; j++, curvature *= step) {
			double *row = x + (i * features + j) * features;

			memset(row, 0, (size_t)features * sizeof row[0]);
			row[j] = sqrt((double)features * curvature);
		}
	}
}
