/*
 * Inputs of chosen curvature for f(w) = 1/(2 rows) sum_i (x_i.w - y_i)^2.
 */
#ifndef QMAC_DATA_CONDITIONED_H
#define QMAC_DATA_CONDITIONED_H

#include <stdint.h>

#include "base/error.h"
#include "data/random.h"

/*
 * x (samples x features, samples >= features) becomes A = U diag(S) V: U with orthonormal columns, V
 * orthogonal, both random. The eigenvalues of A^T A / samples fall geometrically from the largest to
 * the smallest, 1/kappa of it, and their mean is 1; kappa >= 1.
 */
QMAC_MUST_CHECK enum qmac_status qmac_conditioned_inputs(double *x, int64_t samples, int64_t features,
                                                         double kappa, struct qmac_random *random,
                                                         struct qmac_error *err);

/*
 * x (terms * features rows) becomes the inputs of f(w) = 1/terms sum_i f_i(w),
 * f_i(w) = 1/2 sum_j a_ij (w_j - c_ij)^2: row i * features + j has sqrt(features * a_ij) in column j
 * and is 0 elsewhere, so that a batch of the rows of one term has its gradient. a_ij is a_j in even
 * terms, 2 a_j in odd ones; a_j falls geometrically from 1 to 4 / (3 kappa). With an even number of
 * terms L = 2 and kappa is L / mu; kappa >= 4/3.
 */
void qmac_quadratic_inputs(double *x, int64_t terms, int64_t features, double kappa);

#endif
