#include "train/softmax.h"

#include <math.h>

#include "num/elementary.h"

double qmac_softmax(const double *a, double *p, int n, int wants_log)
{
	double largest = a[0], sum = 0;

	for (int i = 1; i < n; i++)
		largest = a[i] > largest ? a[i] : largest;
	for (int i = 0; i < n; i++)
		p[i] = qmac_exp(a[i] - largest);
	for (int i = 0; i < n; i++)
		sum += p[i];
	for (int i = 0; i < n; i++)
		p[i] /= sum;
	if (!wants_log)
		return 0;
	return sum >= 1 && isfinite(sum) ? largest + qmac_log(sum) : NAN;
}
