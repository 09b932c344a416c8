/*
 * Images for a network: the training and test part of a data set of images, in bytes, and their
 * minibatches as numbers, where a pixel p of a channel stands for (p / 255 - mean) / sd of that channel.
 *
 * Images may be resized when they are read, by bilinear interpolation, the corners of the image (not the
 * centres of its corner pixels) staying corners: pixel d of D takes its value at place
 * s = (2 d + 1) S / (2 D) - 1/2 of the S old ones, limited to 0 .. S - 1, from the two pixels around it; in
 * both directions at once, exactly, then rounded to the nearest byte, halves up.
 */
#ifndef QMAC_DATA_IMAGES_H
#define QMAC_DATA_IMAGES_H

#include "data/augment.h"
#include "data/dataset.h"

enum { QMAC_IMAGE_CHANNELS_MAX = 4 };

struct qmac_images {
	struct qmac_dataset data; /* its rows are numbered as there: the training part, then the test part */
	float value[QMAC_IMAGE_CHANNELS_MAX][256]; /* what a pixel of a channel stands for */
	struct qmac_augment augment; /* of a training's minibatches */
	uint8_t *room;               /* an augmented image at work; NULL: images are not augmented */
};

/* Images rows[first], ..., rows[first + count - 1]; rows NULL: these numbers themselves. */
struct qmac_image_batch {
	const int64_t *rows;
	int64_t first, count;
	int64_t epoch; /* of the training, from 1: images are augmented as in that epoch; 0: they are not */
};

/*
 * Reads the images that the run names (data/image_set.h; classes, resize, augment, seed). Free also after a
 * failure, which it also is when the process is asked to stop meanwhile.
 */
QMAC_MUST_CHECK enum qmac_status qmac_images_load(struct qmac_images *images, const struct qmac_run *run,
                                                  struct qmac_error *err);
void qmac_images_free(struct qmac_images *images);

/* Gives all images height and width `size`; the data set has images in bytes. */
QMAC_MUST_CHECK enum qmac_status qmac_images_resize(struct qmac_images *images, int size,
                                                    struct qmac_error *err);

/* Sets what pixels stand for; mean and sd have a number for each channel, sd > 0. */
void qmac_images_normalise(struct qmac_images *images, const double *mean, const double *sd);

/*
 * The pixels of image i of a batch, 0 to below count, augmented where the batch is: (channels, height,
 * width), until the next call for the same images.
 */
const uint8_t *qmac_images_pixels(const struct qmac_images *images, const struct qmac_image_batch *batch,
                                  int64_t i);

/* x (count, channels, height, width) becomes the numbers of the images of a batch. */
void qmac_images_values(const struct qmac_images *images, const struct qmac_image_batch *batch, float *x);

/*
 * order[samples]: the order in which an epoch (from 1) visits the training part. Every permutation is
 * equally likely; it depends on seed and epoch alone.
 */
void qmac_images_order(uint32_t seed, int64_t epoch, int64_t samples, int64_t *order);

/* Of the pixels and their classes: a run goes on with those that it began with. */
uint64_t qmac_images_digest(const struct qmac_images *images);

#endif
