#include "reference/ref_muppet.h"

#include <math.h>

/* Of one tensor since the last check: sums of squared norms, and the square of the norm of the sum. */
static void sums_of(const struct ref_muppet *m, int tensor, long double *squares, long double *of_sum)
{
	*squares = *of_sum = 0;
	for (int e = m->epochs - m->since; e < m->epochs; e++) {
		long double square = 0;

		for (int k = 0; k < REF_MUPPET_COUNT; k++)
			square += (long double)m->g[e][tensor][k] * m->g[e][tensor][k];
		*squares += m->fault == REF_MUPPET_NORMS ? sqrtl(square) : square;
	}
	for (int k = 0; k < REF_MUPPET_COUNT; k++) {
		long double sum = 0;

		for (int e = m->epochs - m->since; e < m->epochs; e++) {
			/* As if the first term were the memory in which the second is put. */
			int replaced = m->fault == REF_MUPPET_SUM_REPLACED && e == m->epochs - m->since && m->since > 1;

			sum += m->g[e + replaced][tensor][k];
		}
		*of_sum += sum * sum;
	}
}

static long double diversity_of(const struct ref_muppet *m)
{
	long double ratios = 0, top = 0, bottom = 0;
	int used = 0;

	for (int i = 0; i < REF_MUPPET_TENSORS; i++) {
		long double squares, of_sum;

		sums_of(m, i, &squares, &of_sum);
		top += squares;
		bottom += of_sum;
		if (of_sum == 0)
			continue;
		ratios += squares / of_sum;
		used++;
	}
	if (used == 0)
		return 0;
	return m->fault == REF_MUPPET_LAYERS_TOGETHER ? top / bottom : ratios / used;
}

static void check(struct ref_muppet *m, int epoch)
{
	long double diversity = diversity_of(m), threshold, x;
	int number = epoch;

	if (m->fault == REF_MUPPET_EPOCH_FROM_1)
		number = epoch + 1;
	if (m->fault == REF_MUPPET_EPOCH_OF_LEVEL)
		number = epoch - m->level_began;
	x = -(long double)m->lambda * number;
	threshold = m->alpha + m->beta * (m->fault == REF_MUPPET_BASE_2 ? exp2l(x) : expl(x));
	if (m->fault != REF_MUPPET_SUM_KEPT)
		m->since = 0;
	if (diversity >= m->highest) {
		m->highest = diversity;
		if (m->fault == REF_MUPPET_IN_A_ROW)
			m->violations = 0;
	} else if (diversity > 0 && m->highest > threshold * diversity) {
		m->violations++;
	} else if (m->fault == REF_MUPPET_IN_A_ROW) {
		m->violations = 0;
	}
	if (m->violations < m->patience + (m->fault == REF_MUPPET_ONE_MORE))
		return;
	m->violations = 0;
	m->level++;
	m->level_began = epoch + 1;
	if (m->fault != REF_MUPPET_HIGHEST_KEPT)
		m->highest = 0;
}

void ref_muppet_epoch(struct ref_muppet *m)
{
	int epoch = m->epochs++;

	if (m->level == m->level_count)
		return;
	m->since++;
	if ((m->fault == REF_MUPPET_CHECKED_FIRST ? epoch : epoch + 1) % m->resolution == 0)
		check(m, epoch);
}

int ref_muppet_exponent(int bits, const float *x, int count)
{
	long double top = ldexpl(1, bits - 1) - 0.5L, bottom = ldexpl(1, bits - 1) + 0.5L;
	float high = x[0], low = x[0];
	int zero = 1;

	for (int i = 0; i < count; i++) {
		high = x[i] > high ? x[i] : high;
		low = x[i] < low ? x[i] : low;
		zero &= x[i] == 0;
	}
	if (zero)
		return 0;
	for (int e = 200;; e--)
		if (ldexpl(fabsl((long double)high), e) <= top && ldexpl(fabsl((long double)low), e) <= bottom)
			return e;
}
