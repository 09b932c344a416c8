/*
 * Augmentation: shifted and mirrored images beside a padded one that is cut out slowly; what is drawn, its
 * shares, and what it does not depend on; minibatches as numbers and as codes.
 */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/images.h"
#include "qmac_isa.h"
#include "test.h"
#include "train_net/codes.h"

enum { SIDE_MAX = 9, CHANNELS_MAX = 3, PIXELS_MAX = CHANNELS_MAX * SIDE_MAX * SIDE_MAX, CROP_MAX = 12 };

/* ---- one image ------------------------------------------------------------------------- */

/* As the definition has it: pads with `crop` zeros, takes the window at (top, left), mirrors it. */
static void cut_out(const uint8_t *image, int height, int width, int crop, int top, int left, bool mirrored,
                    uint8_t *to)
{
	static uint8_t padded[SIDE_MAX + 2 * CROP_MAX][SIDE_MAX + 2 * CROP_MAX];

	memset(padded, 0, sizeof padded);
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			padded[y + crop][x + crop] = image[y * width + x];
	for (int y = 0; y < height; y++)
		for (int x = 0; x < width; x++)
			to[y * width + (mirrored ? width - 1 - x : x)] = padded[top + y][left + x];
}

/* Every window of the padded image, mirrored and not. */
static void check_windows(int channels, int height, int width, int crop, uint64_t *state)
{
	uint8_t image[PIXELS_MAX], expected[PIXELS_MAX], got[PIXELS_MAX + 1];
	int plane = height * width, wrong = 0;

	for (int i = 0; i < channels * plane; i++)
		image[i] = (uint8_t)test_between(state, 1, 255);
	for (int at = 0; at < 2 * (2 * crop + 1) * (2 * crop + 1); at++) {
		int top = at / 2 / (2 * crop + 1), left = at / 2 % (2 * crop + 1);
		const struct qmac_augmentation change = {top - crop, left - crop, at % 2};

		for (int c = 0; c < channels; c++)
			cut_out(image + c * plane, height, width, crop, top, left, at % 2, expected + c * plane);
		memset(got, 77, sizeof got);
		qmac_augment(change, image, channels, height, width, got);
		wrong += memcmp(got, expected, (size_t)(channels * plane)) != 0 || got[channels * plane] != 77;
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static void test_windows(void)
{
	uint64_t state = test_seed();

	check_windows(1, 1, 1, 0, &state);
	check_windows(1, 1, 1, CROP_MAX, &state);
	check_windows(3, 8, 8, 4, &state);
	for (int i = 0; i < TEST_CASES(60); i++)
		check_windows((int)test_between(&state, 1, CHANNELS_MAX), (int)test_between(&state, 1, SIDE_MAX),
		              (int)test_between(&state, 1, SIDE_MAX), (int)test_between(&state, 0, CROP_MAX), &state);
}

/* ---- what is drawn ---------------------------------------------------------------------- */

/* Every window is as likely, mirrored or not, over images and over epochs: chi-squared of all outcomes. */
static void check_shares(const struct qmac_augment *how, bool epochs)
{
	enum { EACH = 200 };
	int places = 2 * how->crop + 1, outcomes = places * places * (how->flip ? 2 : 1);
	int *count = calloc((size_t)outcomes, sizeof count[0]), draws = EACH * outcomes;
	double chi = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(count);
	for (int i = 0; i < draws; i++) {
		struct qmac_augmentation change = qmac_augmentation_of(how, epochs ? i + 1 : 3, epochs ? 41 : i);

		CU_ASSERT_FATAL(abs(change.down) <= how->crop && abs(change.right) <= how->crop);
		CU_ASSERT_FATAL(how->flip || !change.mirrored);
		count[((change.mirrored ? places : 0) + change.down + how->crop) * places + change.right +
		      how->crop]++;
	}
	for (int i = 0; i < outcomes; i++)
		chi += (double)(count[i] - EACH) * (count[i] - EACH) / EACH;
	/* mean outcomes - 1, variance twice that: five deviations */
	CU_ASSERT(fabs(chi - (outcomes - 1)) < 5 * sqrt(2.0 * (outcomes - 1)) + 1e-9);
	if (!(fabs(chi - (outcomes - 1)) < 5 * sqrt(2.0 * (outcomes - 1)) + 1e-9))
		printf("crop %d, flip %d: chi squared %g of %d outcomes\n", how->crop, how->flip, chi, outcomes);
	free(count);
}

static void test_shares(void)
{
	for (int crop = 0; crop <= 4; crop += 2)
		for (int flip = 0; flip < 2; flip++) {
			const struct qmac_augment how = {crop, flip, 5};

			check_shares(&how, false);
			check_shares(&how, true);
		}
}

static bool same(struct qmac_augmentation one, struct qmac_augmentation other)
{
	return one.down == other.down && one.right == other.right && one.mirrored == other.mirrored;
}

/* Seeds, epochs and images each have numbers of their own; one key does not change what the other does. */
static void test_streams(void)
{
	enum { IMAGES = 4000 };
	const struct qmac_augment how = {4, true, 5}, seed = {4, true, 6}, plain = {4, false, 5},
	                          mirror = {0, true, 5};
	int alike[5] = {0};

	for (int i = 0; i < IMAGES; i++) {
		struct qmac_augmentation change = qmac_augmentation_of(&how, 2, i);
		struct qmac_augmentation shifted = qmac_augmentation_of(&plain, 2, i);

		CU_ASSERT(same(change, qmac_augmentation_of(&how, 2, i)));
		CU_ASSERT(shifted.down == change.down && shifted.right == change.right && !shifted.mirrored);
		CU_ASSERT_EQUAL(qmac_augmentation_of(&mirror, 2, i).mirrored, change.mirrored);
		alike[0] += same(change, qmac_augmentation_of(&how, 3, i));
		alike[1] += same(change, qmac_augmentation_of(&how, 2, i + 1));
		alike[2] += same(change, qmac_augmentation_of(&seed, 2, i));
		alike[3] += change.down == change.right;
		alike[4] += qmac_augmentation_of(&how, 2, i + 1).down == change.right;
	}
	for (int k = 0; k < 3; k++) /* one of 162: 25 expected, 5 the deviation */
		CU_ASSERT(alike[k] > 0 && alike[k] < 55);
	for (int k = 3; k < 5; k++)
		CU_ASSERT(abs(alike[k] - IMAGES / 9) < 110); /* 20 the deviation */
}

/* ---- minibatches ------------------------------------------------------------------------- */

enum { ROWS = 7, CHANNELS = 2, HEIGHT = 5, WIDTH = 4, PIXELS = CHANNELS * HEIGHT * WIDTH };

static void make(struct qmac_images *images, uint64_t *state)
{
	static const double mean[] = {0.25, 0.5}, sd[] = {0.3, 0.2};
	struct qmac_error err;

	memset(images, 0, sizeof *images);
	CU_ASSERT_FATAL(!qmac_dataset_allocate_images(&images->data, ROWS, CHANNELS, HEIGHT, WIDTH, &err));
	for (int i = 0; i < ROWS * PIXELS; i++)
		images->data.x.pixel[i] = (uint8_t)test_between(state, 0, 255);
	qmac_images_normalise(images, mean, sd);
	images->augment = (struct qmac_augment){2, true, 9};
	images->room = malloc(PIXELS);
	CU_ASSERT_PTR_NOT_NULL_FATAL(images->room);
}

/* Image by image what qmac_augment() makes of it, wherever it stands; as it is without an epoch. */
static void test_values(void)
{
	static const int64_t rows[ROWS] = {4, 1, 6, 0, 0, 3, 2};
	uint64_t state = test_seed();
	struct qmac_images images;
	float x[ROWS * PIXELS];
	int changed = 0;

	make(&images, &state);
	for (int64_t epoch = 0; epoch < 5; epoch++)
		for (int ordered = 0; ordered < 2; ordered++) {
			const struct qmac_image_batch batch = {ordered ? rows : NULL, 1, ROWS - 2, epoch};

			qmac_images_values(&images, &batch, x);
			for (int i = 0; i < ROWS - 2; i++) {
				int64_t number = ordered ? rows[i + 1] : i + 1;
				const uint8_t *old = images.data.x.pixel + number * PIXELS;
				uint8_t expected[PIXELS];

				memcpy(expected, old, PIXELS);
				if (epoch)
					qmac_augment(qmac_augmentation_of(&images.augment, epoch, number), old, CHANNELS,
					             HEIGHT, WIDTH, expected);
				changed += memcmp(expected, old, PIXELS) != 0;
				for (int p = 0; p < PIXELS; p++)
					CU_ASSERT_EQUAL(x[i * PIXELS + p], images.value[p / (HEIGHT * WIDTH)][expected[p]]);
			}
		}
	CU_ASSERT(changed > 30); /* of 40 */
	qmac_images_free(&images);
}

/* The device's codes are those of the numbers. */
static void test_codes(void)
{
	static const int64_t rows[ROWS] = {4, 1, 6, 0, 5, 3, 2};
	static const unsigned roundings[] = {QMAC_ROUND_FLOOR, QMAC_ROUND_NEAREST, QMAC_ROUND_STOCHASTIC};
	int64_t codes[ROWS * PIXELS], expected[ROWS * PIXELS], before[ROWS * PIXELS];
	uint64_t state = test_seed();
	struct qmac_images images;
	float x[ROWS * PIXELS];

	make(&images, &state);
	for (int i = 0; i < TEST_COUNT(roundings); i++) {
		const struct qmac_net_tensor tensor = {
			.shape = {CHANNELS, HEIGHT, WIDTH}, .format = {8, 5}, .rounding = roundings[i], .key = 77,
		};
		struct qmac_image_batch batch = {rows, 0, ROWS, 0};

		qmac_net_encode_images(&tensor, &images, &batch, before);
		batch.epoch = 3;
		qmac_net_encode_images(&tensor, &images, &batch, codes);
		qmac_images_values(&images, &batch, x);
		qmac_net_encode(&tensor, x, 1, ROWS, expected);
		CU_ASSERT(memcmp(codes, expected, sizeof codes) == 0);
		CU_ASSERT(memcmp(codes, before, sizeof codes) != 0);
	}
	qmac_images_free(&images);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"windows", test_windows}, {"shares", test_shares}, {"streams", test_streams},
		{"numbers of a minibatch", test_values}, {"codes of a minibatch", test_codes},
	};

	return test_main("test_augment", cases, TEST_COUNT(cases));
}
