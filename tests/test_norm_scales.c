/*
 * Coefficients of batch norm as the host computes them (host/net/norm.h) against the slow reference, which
 * tries every scale: to the bit, on grids of magnitudes around the limits and on random numbers.
 */
#include <math.h>
#include <string.h>

#include "net/norm.h"
#include "reference/ref_qnet.h"
#include "test.h"

enum { CHANNELS = 2 };

static uint64_t state;

/* A batch norm of two channels and what becomes of it: numbers of the host and of the reference. */
struct pair {
	struct qmac_net_norm norm;
	float gamma[CHANNELS], beta[CHANNELS];
	double mean[CHANNELS], variance[CHANNELS];
	int64_t sum[CHANNELS], product[CHANNELS];
	int error_fl;
};

static struct {
	int64_t cases, differ, clamped, bounded;
} seen;

static void set(struct pair *p, int x_fl, int y_fl, const int *other_fl)
{
	p->norm = (struct qmac_net_norm){
		.channels = CHANNELS, .count = 6, .x_fl = x_fl, .y_fl = y_fl, .merged = other_fl != NULL,
		.other_fl = other_fl ? *other_fl : 0, .gamma = p->gamma, .beta = p->beta,
	};
}

/* Rows of coefficients side by side: those of the host, and the three of the reference. */
static bool are_same(const int64_t *host, const int64_t *const rows[3])
{
	bool same = true;

	for (int i = 0; i < 3; i++)
		same = same && memcmp(host + i * CHANNELS, rows[i], CHANNELS * sizeof *host) == 0;
	return same;
}

/* Forward; then, where there are sums, back. True: all bits are the reference's. */
static bool compare_back(const struct pair *p, struct ref_qnorm *ref, const double *gamma)
{
	const struct ref_qnorm_errors errors = {p->norm.count, p->sum, p->product, p->error_fl, p->norm.x_fl};
	double wanted[2][CHANNELS], gradient[2][CHANNELS];
	int64_t coefficients[3 * CHANNELS];
	const int64_t *const rows[] = {ref->back_e, ref->back_x, ref->back_1};
	int back_fl;

	ref_qnorm_back(ref, &errors, gamma, wanted[0], wanted[1]);
	qmac_net_norm_gradient(&p->norm, ref->mean, ref->inverse, p->sum, p->product, p->error_fl, gradient[0],
	                       gradient[1], coefficients, &back_fl);
	return are_same(coefficients, rows) && back_fl == p->error_fl + ref->u &&
	       memcmp(gradient, wanted, sizeof gradient) == 0;
}

static bool compare(const struct pair *p)
{
	const struct qmac_net_norm *norm = &p->norm;
	double gamma[CHANNELS], beta[CHANNELS], inverse[CHANNELS];
	int64_t coefficients[3 * CHANNELS], one[CHANNELS], clamps;
	struct ref_qnorm ref;
	const int64_t *rows[3];
	int sum_fl;
	bool same;

	ref_qnorm_create(&ref, CHANNELS);
	for (int c = 0; c < CHANNELS; c++) {
		gamma[c] = (double)p->gamma[c];
		beta[c] = (double)p->beta[c];
		ref.mean[c] = p->mean[c];
		ref.variance[c] = p->variance[c];
	}
	ref_qnorm_forward(&ref, gamma, beta, norm->x_fl, norm->y_fl, norm->merged ? &norm->other_fl : NULL);
	for (int c = 0; c < CHANNELS; c++)
		one[c] = norm->merged ? (int64_t)ref_power(norm->x_fl + ref.t - norm->other_fl) : 0;
	qmac_net_norm_inverse(norm, p->variance, inverse);
	clamps = qmac_net_norm_coefficients(norm, p->mean, inverse, coefficients, &sum_fl);
	rows[0] = ref.slope;
	rows[1] = one;
	rows[2] = ref.offset;
	same = are_same(coefficients, rows) && sum_fl == norm->x_fl + ref.t &&
	       clamps == (int64_t)ref.saturations &&
	       memcmp(inverse, ref.inverse, sizeof inverse) == 0 && compare_back(p, &ref, gamma);
	seen.clamped += clamps > 0;
	seen.bounded += ref.t == 24 || ref.u == 24;
	ref_qnorm_destroy(&ref);
	return same;
}

static void check(const struct pair *p)
{
	seen.cases++;
	if (compare(p) || seen.differ++)
		return;
	printf("differs: x_fl %d, y_fl %d, other_fl %d, e %d", p->norm.x_fl, p->norm.y_fl,
	       p->norm.merged ? p->norm.other_fl : 999, p->error_fl);
	for (int c = 0; c < CHANNELS; c++)
		printf("; gamma %a, beta %a, mean %a, variance %a, sums %lld, %lld", (double)p->gamma[c],
		       (double)p->beta[c], p->mean[c], p->variance[c], (long long)p->sum[c],
		       (long long)p->product[c]);
	puts("");
}

static void end(void)
{
	printf("(%lld cases, %lld clamped, %lld of 24) ", (long long)seen.cases, (long long)seen.clamped,
	       (long long)seen.bounded);
	CU_ASSERT(seen.differ == 0 && seen.cases > 0 && seen.clamped > 0 && seen.bounded > 0);
	memset(&seen, 0, sizeof seen);
}

/* ---- grids ----------------------------------------------------------------------------------- */

/*
 * A = gamma and B = beta: the mean is 0, 1 / sqrt(v + floor) is 1. Around limits of 17 and of 31 bits, with
 * every exponent that can matter, and a channel beside it that may be what limits.
 */
static void test_forward(void)
{
	static const double slopes[] = {0, 131071, -131071, 131071.25, 131072, 65536.5, 98304.5};
	static const double offsets[] = {0, 2147483520, -2147483648., 1073741824, 65537};
	static const int others[] = {-3, 4, 15}, x_fls[] = {-2, 5, 13};
	struct pair p = {.error_fl = 0};

	for (int up = -44; up <= 12; up += 2)
		for (int offset_up = -44; offset_up <= 4; offset_up += 3)
			for (int s = 0; s < TEST_COUNT(slopes); s++)
				for (int o = 0; o < TEST_COUNT(offsets); o++) {
					int x_fl = x_fls[(s + o) % 3], which = (up + 44 + o) % 4;
					double floor = ldexp(1, -2 * x_fl) / 12;

					p.gamma[0] = (float)ldexp(slopes[s], up);
					p.beta[0] = (float)ldexp(offsets[o], offset_up);
					p.gamma[1] = (float)(s % 2);
					p.beta[1] = o % 2 ? (float)ldexp(-1, up / 2) : 0;
					p.variance[0] = p.variance[1] = floor < 1 ? 1 - fmax(floor, 1e-5) : 0;
					set(&p, x_fl, (up + offset_up) % 7 + 9, which < 3 ? &others[which] : NULL);
					check(&p);
				}
	end();
}

/* Sums, scales of errors and sizes: each of a, b and c' limits u somewhere. */
static void test_back(void)
{
	static const int64_t sums[] = {0, 1, -131071, 131072, (int64_t)1 << 37};
	static const double means[] = {0, 0.5, -300};
	struct pair p = {.mean = {0}};

	for (int up = -40; up <= 40; up += 4)
		for (int e = -10; e <= 30; e += 5)
			for (int s = 0; s < TEST_COUNT(sums); s++)
				for (int q = 0; q < TEST_COUNT(sums); q++)
					for (int m = 0; m < TEST_COUNT(means); m++) {
						p.gamma[0] = (float)ldexp(1 - 0x1p-17, up);
						p.gamma[1] = (float)m;
						p.mean[0] = means[m];
						p.mean[1] = 1;
						p.variance[0] = ldexp(1, (s - q) * 4);
						p.sum[0] = p.sum[1] = sums[s];
						p.product[0] = -sums[q];
						p.product[1] = sums[q] / 7;
						p.error_fl = e;
						set(&p, s + q, 4, NULL);
						p.norm.count = q % 2 ? 1 : 1 << 22;
						check(&p);
					}
	end();
}

/* ---- random numbers ---------------------------------------------------------------------------- */

/* Any magnitude, most of them small; or none. */
static double draw(bool wild)
{
	double x = (double)test_between(&state, -(1 << 24), 1 << 24) / (1 << 22);
	int64_t kind = test_between(&state, 0, wild ? 30 : 3);

	if (kind < 8)
		return x;
	if (kind == 8)
		return (double)NAN;
	if (kind == 9)
		return (double)INFINITY;
	return ldexp(x, (int)test_between(&state, -100, 100));
}

static void test_random_numbers(void)
{
	struct pair p;

	state = test_seed();
	for (int i = 0; i < TEST_CASES(100000); i++) {
		bool wild = i % 5 == 0;
		int other_fl = (int)test_between(&state, -4, 16);

		for (int c = 0; c < CHANNELS; c++) {
			int64_t most = (int64_t)1 << test_between(&state, 0, 37);

			p.gamma[c] = (float)draw(wild);
			p.beta[c] = (float)draw(wild);
			p.mean[c] = draw(false);
			p.variance[c] = fabs(draw(false)) / (double)test_between(&state, 1, 1000);
			p.sum[c] = test_between(&state, -most, most);
			p.product[c] = test_between(&state, -most, most) * test_between(&state, 1, 1 << 15);
		}
		p.error_fl = (int)test_between(&state, -20, 40);
		set(&p, (int)test_between(&state, -4, 15), (int)test_between(&state, -4, 15),
		    test_between(&state, 0, 1) ? &other_fl : NULL);
		p.norm.count = test_between(&state, 1, 1 << 20);
		check(&p);
	}
	end();
}

/* Mean and variance from sums of codes, beside those that are found in two passes over the numbers. */
static void test_statistics(void)
{
	enum { COUNT = 1000 };
	const struct qmac_net_norm norm = {.channels = CHANNELS, .count = COUNT, .x_fl = 6};

	state = test_seed() + 1;
	for (int i = 0; i < 100; i++) {
		int64_t width = (int64_t)1 << test_between(&state, 0, 15), x[CHANNELS][COUNT];
		int64_t sum[CHANNELS] = {0}, square[CHANNELS] = {0};
		double mean[CHANNELS], variance[CHANNELS];

		for (int c = 0; c < CHANNELS; c++)
			for (int k = 0; k < COUNT; k++) {
				x[c][k] = test_between(&state, -width, width - 1) / (c ? 1 : 16) + (c ? 0 : width / 2);
				sum[c] += x[c][k];
				square[c] += x[c][k] * x[c][k];
			}
		qmac_net_norm_statistics(&norm, sum, square, mean, variance);
		for (int c = 0; c < CHANNELS; c++) {
			double wanted = 0;

			for (int k = 0; k < COUNT; k++)
				wanted += pow((double)x[c][k] / 64 - mean[c], 2) / COUNT;
			CU_ASSERT_DOUBLE_EQUAL(mean[c], (double)sum[c] / COUNT / 64, 1e-12 * (double)width);
			CU_ASSERT_DOUBLE_EQUAL(variance[c], wanted, 1e-12 * (double)(width * width));
		}
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"forward", test_forward}, {"back", test_back}, {"random numbers", test_random_numbers},
		{"statistics", test_statistics},
	};

	return test_main("test_norm_scales", cases, TEST_COUNT(cases));
}
