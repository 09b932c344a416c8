#include "train/logistic_residual.h"

#include <math.h>

#include "num/fixed.h"
#include "train/logistic_arithmetic.h"
#include "train/softmax.h"

void qmac_logistic_residual_create(struct qmac_logistic_residual *residual, struct qmac_training *training)
{
	/* half the largest residual there can be: p leaves a factor of two */
	*residual = (struct qmac_logistic_residual){.training = training, .expected = 0.5};
}

int qmac_logistic_residual_begin(struct qmac_logistic_residual *residual,
                                 const struct qmac_linear_arithmetic *step)
{
	const struct qmac_training *training = residual->training;
	double quanta = training->run->alpha * training->data.dx /
	                ((double)training->run->batch * training->delta);
	int p = qmac_logistic_point(step, residual->expected, quanta);

	residual->unit = training->data.dx * training->delta;
	residual->scale = ldexp(quanta, p);
	residual->mp_bits = step->mp_bits;
	residual->largest = 0;
	residual->samples = 0;
	return p;
}

static int64_t scaled_residual(struct qmac_logistic_residual *residual, double r)
{
	double limit = (double)qmac_max_of(residual->mp_bits);

	if (fabs(r) > residual->largest)
		residual->largest = fabs(r);
	if (!(fabs(r) <= 1))
		r = 0; /* undefined logits: the centre is beyond all numbers, and the gradient norm says so */
	return (int64_t)fmin(fmax(rint(residual->scale * r), -limit - 1), limit);
}

void qmac_logistic_residual_run(void *context, const uint32_t *samples, int count, const int64_t *m,
                                int64_t *scaled)
{
	struct qmac_logistic_residual *residual = context;
	const struct qmac_training *training = residual->training;
	enum qmac_algorithm algorithm = training->run->algorithm;
	int classes = training->data.classes;
	double a[QMAC_CLASSES_MAX];

	for (int b = 0; b < count; b++) {
		const double *logits = qmac_logistic_logits(training->logistic, samples[b]);
		const double *centre = qmac_logistic_probabilities(training->logistic, samples[b]);
		int right = (int)training->data.y[samples[b]];

		for (int c = 0; c < classes; c++) {
			a[c] = residual->unit * (double)m[b * classes + c];
			if (algorithm == QMAC_HALP)
				a[c] += logits[c];
		}
		(void)qmac_softmax(a, a, classes, 0);
		for (int c = 0; c < classes; c++) {
			double q = algorithm == QMAC_LP_SGD ? c == right : centre[c];

			scaled[b * classes + c] = scaled_residual(residual, a[c] - q);
		}
	}
	residual->samples += (uint64_t)count;
}

void qmac_logistic_residual_end(struct qmac_logistic_residual *residual)
{
	struct qmac_training *training = residual->training;
	uint64_t classes = (uint64_t)training->data.classes;
	uint64_t sums = training->run->algorithm == QMAC_HALP ? 4 : 3; /* logit, offset, difference, scale */

	training->host_flops += residual->samples * (qmac_softmax_flops(training->data.classes) + sums * classes);
	if (residual->largest > 0)
		residual->expected = residual->largest < 0.5 ? residual->largest : 0.5;
}
