#include "train_net/loss.h"

#include "data/dataset.h"
#include "train/softmax.h"

static bool is_hit(const double *a, int y, int classes)
{
	int best = 0;

	for (int c = 1; c < classes; c++)
		best = a[c] > a[best] ? c : best;
	return best == y;
}

/* l of one sample, and dl/da in r. */
static double single(const double *a, int y, int classes, double *r)
{
	double loss = qmac_softmax(a, r, classes, 1) - a[y];

	r[y] -= 1;
	return loss;
}

/* dl/da_c = p_c (d_c - sum_k p_k d_k), d = softmax(p) - 1 for the right class. */
static double twice(const double *a, int y, int classes, double *r)
{
	double p[QMAC_CLASSES_MAX], loss, mean = 0;

	(void)qmac_softmax(a, p, classes, 0);
	loss = single(p, y, classes, r);
	for (int c = 0; c < classes; c++)
		mean += p[c] * r[c];
	for (int c = 0; c < classes; c++)
		r[c] = p[c] * (r[c] - mean);
	return loss;
}

void qmac_net_loss(enum qmac_softmax_count softmax, const float *logits, const int *classes, int64_t count,
                   int class_count, struct qmac_net_figures *figures, float *residual)
{
	double a[QMAC_CLASSES_MAX], r[QMAC_CLASSES_MAX], share = 1 / (double)count;

	for (int64_t i = 0; i < count; i++) {
		for (int c = 0; c < class_count; c++)
			a[c] = (double)logits[i * class_count + c];
		figures->loss += softmax == QMAC_SOFTMAX_SINGLE ? single(a, classes[i], class_count, r)
		                                                : twice(a, classes[i], class_count, r);
		figures->hits += is_hit(a, classes[i], class_count);
		for (int c = 0; residual && c < class_count; c++)
			residual[i * class_count + c] = (float)(r[c] * share);
	}
	figures->samples += count;
}

uint64_t qmac_net_loss_flops(enum qmac_softmax_count softmax, int class_count)
{
	uint64_t one = qmac_softmax_flops(class_count) + (uint64_t)class_count + 1;

	return softmax == QMAC_SOFTMAX_SINGLE ? one :
	       one + qmac_softmax_flops(class_count) + 4 * (uint64_t)class_count;
}
