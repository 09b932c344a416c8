/* Images for networks: how they are resized, what pixels stand for, minibatches and their order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/images.h"
#include "test.h"
#include "train_net/loss.h"

static void make(struct qmac_images *images, int64_t count, int channels, int height, int width,
                 uint64_t *state)
{
	struct qmac_error err;

	memset(images, 0, sizeof *images);
	CU_ASSERT_FATAL(!qmac_dataset_allocate_images(&images->data, count, channels, height, width, &err));
	for (int64_t i = 0; i < count * images->data.features; i++)
		images->data.x.pixel[i] = (uint8_t)test_between(state, 0, 255);
}

/* The place of new pixel d of D among S, as the header says. */
static double place(int d, int old, int fresh)
{
	return fmin(fmax((2 * d + 1) * (double)old / (2.0 * fresh) - 0.5, 0), old - 1);
}

static double interpolated(const uint8_t *plane, int height, int width, double y, double x)
{
	int y0 = (int)floor(y), x0 = (int)floor(x);
	int y1 = y0 + 1 < height ? y0 + 1 : y0, x1 = x0 + 1 < width ? x0 + 1 : x0;
	double v = y - y0, h = x - x0;

	return (1 - v) * ((1 - h) * plane[y0 * width + x0] + h * plane[y0 * width + x1]) +
	       v * ((1 - h) * plane[y1 * width + x0] + h * plane[y1 * width + x1]);
}

static void check_resize(int height, int width, int size, uint64_t *state)
{
	struct qmac_images images, old;
	struct qmac_error err;
	uint64_t same = *state;

	make(&images, 2, 3, height, width, state);
	make(&old, 2, 3, height, width, &same);
	CU_ASSERT(!qmac_images_resize(&images, size, &err));
	CU_ASSERT(images.data.height == size && images.data.width == size);
	CU_ASSERT_EQUAL(images.data.features, 3 * size * size);
	for (int p = 0; p < 6; p++)
		for (int y = 0; y < size; y++)
			for (int x = 0; x < size; x++) {
				double value = interpolated(old.data.x.pixel + p * height * width, height, width,
				                            place(y, height, size), place(x, width, size));
				double got = images.data.x.pixel[(p * size + y) * size + x];

				CU_ASSERT(got - value <= 0.5 + 1e-9 && value - got < 0.5 + 1e-9);
			}
	qmac_images_free(&images);
	qmac_images_free(&old);
}

static void test_resize(void)
{
	static const uint8_t expected[4] = {0, 25, 75, 100};
	uint64_t state = test_seed();
	struct qmac_images images;
	struct qmac_error err;

	make(&images, 1, 1, 2, 2, &state);
	memcpy(images.data.x.pixel, (uint8_t[]){0, 100, 0, 100}, 4);
	CU_ASSERT(!qmac_images_resize(&images, 4, &err));
	for (int y = 0; y < 4; y++)
		CU_ASSERT(memcmp(images.data.x.pixel + 4 * y, expected, 4) == 0);
	qmac_images_free(&images);
	check_resize(28, 28, 32, &state);
	check_resize(28, 28, 28, &state);
	for (int i = 0; i < TEST_CASES(40); i++)
		check_resize((int)test_between(&state, 1, 9), (int)test_between(&state, 1, 9),
		             (int)test_between(&state, 1, 20), &state);
}

/* An exact half goes up: 1/2 (0 + 1) of one row of two pixels made one. */
static void test_half(void)
{
	uint64_t state = test_seed();
	struct qmac_images images;
	struct qmac_error err;

	make(&images, 1, 1, 1, 2, &state);
	memcpy(images.data.x.pixel, (uint8_t[]){0, 1}, 2);
	CU_ASSERT(!qmac_images_resize(&images, 1, &err));
	CU_ASSERT_EQUAL(images.data.x.pixel[0], 1);
	qmac_images_free(&images);
}

static void test_values(void)
{
	enum { ROWS = 5, CHANNELS = 2, PIXELS = 6 };
	static const double mean[] = {0.25, 0.5}, sd[] = {0.3, 0.05};
	static const int64_t rows[] = {9, 9, 3, 0, 4, 4};
	const struct qmac_image_batch batch = {.rows = rows, .first = 2, .count = 4};
	const struct qmac_image_batch two = {.first = 3, .count = 2};
	float x[4 * CHANNELS * PIXELS], plain[2 * CHANNELS * PIXELS];
	uint64_t state = test_seed();
	struct qmac_images images;

	make(&images, ROWS, CHANNELS, 2, 3, &state);
	qmac_images_normalise(&images, mean, sd);
	qmac_images_values(&images, &batch, x);
	for (int i = 0; i < 4 * CHANNELS * PIXELS; i++) {
		int64_t row = rows[2 + i / (CHANNELS * PIXELS)], c = i / PIXELS % CHANNELS;
		int pixel = images.data.x.pixel[row * CHANNELS * PIXELS + i % (CHANNELS * PIXELS)];
		double value = (pixel / 255.0 - mean[c]) / sd[c];

		CU_ASSERT(fabs((double)x[i] - value) <= fabs(value) * 1e-7 + 1e-9);
		CU_ASSERT_EQUAL(qmac_images_pixels(&images, &batch, i / (CHANNELS * PIXELS))
		                [i % (CHANNELS * PIXELS)], pixel);
	}
	qmac_images_values(&images, &two, plain);
	CU_ASSERT(memcmp(plain, x, 1 * CHANNELS * PIXELS * sizeof x[0]) == 0);                /* row 3 */
	CU_ASSERT(memcmp(plain + CHANNELS * PIXELS, x + 2 * CHANNELS * PIXELS,
	                 CHANNELS * PIXELS * sizeof x[0]) == 0);                              /* row 4 */
	qmac_images_free(&images);
}

static void test_order(void)
{
	enum { SAMPLES = 4, EPOCHS = 6000 };
	int64_t order[1000], again[1000];
	int at[SAMPLES] = {0};
	bool seen[1000] = {false};

	qmac_images_order(7, 3, 1000, order);
	qmac_images_order(7, 3, 1000, again);
	CU_ASSERT(memcmp(order, again, sizeof order) == 0);
	for (int i = 0; i < 1000; i++)
		seen[order[i]] = true;
	for (int i = 0; i < 1000; i++)
		CU_ASSERT(seen[i]);
	qmac_images_order(7, 4, 1000, again);
	CU_ASSERT(memcmp(order, again, sizeof order) != 0);
	qmac_images_order(8, 3, 1000, again);
	CU_ASSERT(memcmp(order, again, sizeof order) != 0);
	for (int e = 1; e <= EPOCHS; e++) {
		qmac_images_order(1, e, SAMPLES, order);
		for (int i = 0; i < SAMPLES; i++)
			at[i] += order[i] == 0;
	}
	for (int i = 0; i < SAMPLES; i++) /* 1500 expected, 34 the deviation */
		CU_ASSERT(abs(at[i] - EPOCHS / SAMPLES) < 170);
}

/* ---- the loss of a minibatch ------------------------------------------------------------ */

static double loss_of(enum qmac_softmax_count softmax, const double *a, int y, int classes)
{
	double p[8], sum = 0, again = 0;

	for (int c = 0; c < classes; c++)
		sum += exp(a[c]);
	for (int c = 0; c < classes; c++) {
		p[c] = exp(a[c]) / sum;
		again += exp(p[c]);
	}
	return softmax == QMAC_SOFTMAX_SINGLE ? log(sum) - a[y] : log(again) - p[y];
}

static void check_loss(enum qmac_softmax_count softmax, int classes, int count, uint64_t *state)
{
	float logits[6 * 8], residual[6 * 8];
	struct qmac_net_figures figures = {1, 2, 3};
	double total = 0;
	int y[6], hits = 0;

	for (int i = 0; i < count * classes; i++)
		logits[i] = (float)test_between(state, -4000, 4000) / 1000;
	for (int i = 0; i < count; i++)
		y[i] = (int)test_between(state, 0, classes - 1);
	qmac_net_loss(softmax, logits, y, count, classes, &figures, residual);
	for (int i = 0; i < count; i++) {
		double a[8];
		int above = 0;

		for (int c = 0; c < classes; c++) {
			a[c] = (double)logits[i * classes + c];
			above += a[c] > (double)logits[i * classes + y[i]];
		}
		hits += above == 0;
		total += loss_of(softmax, a, y[i], classes);
		for (int c = 0; c < classes; c++) {
			double old = a[c], up, down;

			a[c] = old + 1e-6;
			up = loss_of(softmax, a, y[i], classes);
			a[c] = old - 1e-6;
			down = loss_of(softmax, a, y[i], classes);
			a[c] = old;
			CU_ASSERT(fabs((up - down) / 2e-6 / count - (double)residual[i * classes + c]) < 1e-7);
		}
	}
	CU_ASSERT(fabs(figures.loss - 1 - total) < 1e-12 * count && figures.samples == 3 + count);
	CU_ASSERT_EQUAL(figures.hits, 2 + hits);
}

static void test_loss(void)
{
	const float ties[] = {1, 3, 3, 2, 0, 2}, huge[] = {1e30f, 0, -1e30f}, broken[] = {0, NAN, 1};
	struct qmac_net_figures figures = {0, 0, 0};
	uint64_t state = test_seed();

	for (int i = 0; i < 100; i++)
		check_loss((enum qmac_softmax_count)(i % 2), (int)test_between(&state, 2, 8),
		           (int)test_between(&state, 1, 6), &state);
	qmac_net_loss(QMAC_SOFTMAX_SINGLE, ties, (const int[]){1, 2}, 2, 3, &figures, NULL);
	CU_ASSERT_EQUAL(figures.hits, 1); /* the first of equal ones */
	qmac_net_loss(QMAC_SOFTMAX_SINGLE, huge, (const int[]){0}, 1, 3, &figures, NULL);
	CU_ASSERT(isfinite(figures.loss) && figures.hits == 2);
	qmac_net_loss(QMAC_SOFTMAX_SINGLE, broken, (const int[]){0}, 1, 3, &figures, NULL);
	CU_ASSERT(isnan(figures.loss));
}

int main(void)
{
	const struct test_case cases[] = {
		{"resizing", test_resize}, {"halves", test_half}, {"values", test_values}, {"order", test_order},
		{"loss", test_loss},
	};

	return test_main("test_images", cases, TEST_COUNT(cases));
}
