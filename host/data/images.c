#include "data/images.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/sha256.h"
#include "data/image_set.h"
#include "data/random.h"
#include "process/stop.h"

/* ---- resizing -------------------------------------------------------------------- */

enum { SIZE_MOST = 1024 };

/* Pixel d of the new ones lies between old pixels `before` and `after`, this share of 2 D behind `before`. */
struct place {
	int before, after;
	uint32_t share;
};

static struct place place_of(int d, int old, int fresh)
{
	int at = (2 * d + 1) * old - fresh, last = (old - 1) * 2 * fresh;
	struct place place;

	at = at < 0 ? 0 : at > last ? last : at;
	place.before = at / (2 * fresh);
	place.share = (uint32_t)(at % (2 * fresh));
	place.after = place.share ? place.before + 1 : place.before;
	return place;
}

/* across, down: of the new pixels of a line, of the new lines; `size` of each. */
static void resize_plane(const uint8_t *from, int width, const struct place *across, const struct place *down,
                         int size, uint8_t *to)
{
	const uint32_t side = 2 * (uint32_t)size, whole = side * side; /* 255 times that has 32 bits */

	for (int y = 0; y < size; y++) {
		const uint8_t *above = from + (int64_t)down[y].before * width;
		const uint8_t *below = from + (int64_t)down[y].after * width;
		uint32_t lower = down[y].share, upper = side - lower;

		for (int x = 0; x < size; x++) {
			const struct place *h = &across[x];
			uint32_t right = h->share, left = side - right;
			uint32_t sum = upper * (left * above[h->before] + right * above[h->after]) +
			               lower * (left * below[h->before] + right * below[h->after]);

			*to++ = (uint8_t)((sum + whole / 2) / whole);
		}
	}
}

enum qmac_status qmac_images_resize(struct qmac_images *images, int size, struct qmac_error *err)
{
	struct qmac_dataset *data = &images->data;
	int64_t planes = (data->samples + data->test_samples) * data->channels;
	int64_t old = (int64_t)data->height * data->width, fresh = (int64_t)size * size;
	struct place *across, *down;
	uint8_t *pixels;

	assert(data->cell == QMAC_CELL_PIXEL && size > 0 && size <= SIZE_MOST && !data->bias);
	if (data->height == size && data->width == size)
		return QMAC_OK;
	pixels = malloc((size_t)(planes * fresh));
	across = malloc(2 * (size_t)size * sizeof *across);
	if (!pixels || !across) {
		free(pixels);
		free(across);
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld images of %d x %d pixels",
		                 (long long)planes, size, size);
	}
	down = across + size;
	for (int d = 0; d < size; d++) {
		across[d] = place_of(d, data->width, size);
		down[d] = place_of(d, data->height, size);
	}
	for (int64_t p = 0; p < planes && !qmac_stop_is_asked(); p++)
		resize_plane(data->x.pixel + p * old, data->width, across, down, size, pixels + p * fresh);
	free(across);
	free(data->x.any);
	data->x.pixel = pixels;
	data->height = data->width = size;
	data->features = data->channels * fresh;
	return QMAC_OK;
}

/* ---- loading --------------------------------------------------------------------- */

void qmac_images_normalise(struct qmac_images *images, const double *mean, const double *sd)
{
	for (int c = 0; c < images->data.channels; c++)
		for (int pixel = 0; pixel < 256; pixel++)
			images->value[c][pixel] = (float)((pixel / 255.0 - mean[c]) / sd[c]);
}

static void normalise_as(struct qmac_images *images, enum qmac_data set)
{
	double mean[QMAC_IMAGE_CHANNELS_MAX], sd[QMAC_IMAGE_CHANNELS_MAX];

	for (int c = 0; c < images->data.channels; c++)
		qmac_image_set_normal(set, c, &mean[c], &sd[c]);
	qmac_images_normalise(images, mean, sd);
}

static enum qmac_status prepare_augment(struct qmac_images *images, const struct qmac_run *run,
                                        struct qmac_error *err)
{
	images->augment = (struct qmac_augment){run->augment_crop, run->augment_flip, run->seed};
	if (!qmac_augments(&images->augment))
		return QMAC_OK;
	images->room = malloc((size_t)images->data.features);
	return images->room ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory for an image");
}

enum qmac_status qmac_images_load(struct qmac_images *images, const struct qmac_run *run,
                                  struct qmac_error *err)
{
	enum qmac_status status;

	memset(images, 0, sizeof *images);
	status = qmac_dataset_read_images(&images->data, run, err);
	if (!status)
		status = qmac_dataset_classify(&images->data, run, err);
	if (!status)
		normalise_as(images, run->data);
	if (!status && run->resize > 0)
		status = qmac_images_resize(images, run->resize, err);
	if (!status)
		status = prepare_augment(images, run, err);
	return !status && qmac_stop_is_asked() ? qmac_stop_give_up(err) : status;
}

void qmac_images_free(struct qmac_images *images)
{
	free(images->room);
	qmac_dataset_free(&images->data);
}

/* ---- minibatches ------------------------------------------------------------------ */

const uint8_t *qmac_images_pixels(const struct qmac_images *images, const struct qmac_image_batch *batch,
                                  int64_t i)
{
	const struct qmac_dataset *data = &images->data;
	int64_t number = batch->rows ? batch->rows[batch->first + i] : batch->first + i;
	const uint8_t *pixels = data->x.pixel + number * data->features;

	if (batch->epoch == 0 || !images->room)
		return pixels;
	qmac_augment(qmac_augmentation_of(&images->augment, batch->epoch, number), pixels, data->channels,
	             data->height, data->width, images->room);
	return images->room;
}

void qmac_images_values(const struct qmac_images *images, const struct qmac_image_batch *batch, float *x)
{
	const int64_t plane = (int64_t)images->data.height * images->data.width;

	for (int64_t i = 0; i < batch->count; i++) {
		const uint8_t *pixel = qmac_images_pixels(images, batch, i);

		for (int c = 0; c < images->data.channels; c++)
			for (int64_t p = 0; p < plane; p++)
				*x++ = images->value[c][*pixel++];
	}
}

void qmac_images_order(uint32_t seed, int64_t epoch, int64_t samples, int64_t *order)
{
	struct qmac_random random = qmac_random_stream(seed, QMAC_STREAM_SAMPLES);

	random.counter = (uint64_t)epoch << 40; /* the numbers of an epoch begin where those of none other end */
	for (int64_t i = 0; i < samples; i++) {
		int64_t j = (int64_t)qmac_random_below(&random, (uint64_t)i + 1);

		order[i] = order[j];
		order[j] = i;
	}
}

uint64_t qmac_images_digest(const struct qmac_images *images)
{
	const struct qmac_dataset *data = &images->data;
	int64_t rows = data->samples + data->test_samples;
	struct qmac_sha256 hash;
	char text[QMAC_SHA256_TEXT];

	qmac_sha256_start(&hash);
	qmac_sha256_add(&hash, data->x.pixel, (size_t)(rows * data->features));
	qmac_sha256_add(&hash, data->y, (size_t)rows * sizeof data->y[0]);
	qmac_sha256_text(&hash, text);
	text[16] = 0;
	return strtoull(text, NULL, 16);
}
