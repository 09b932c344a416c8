/*
 * Augmentation: in every epoch each image of the training part is shifted and mirrored anew, at random. What
 * is drawn depends on the seed, the epoch and the number of the image in the data set alone: not on the
 * order in which images are visited, nor on minibatches, threads, or where a run was resumed.
 */
#ifndef QMAC_DATA_AUGMENT_H
#define QMAC_DATA_AUGMENT_H

#include <stdbool.h>
#include <stdint.h>

struct qmac_augment {
	int crop;      /* P: pixels of padding; the image is a window of its own size in the padded one */
	bool flip;     /* half of the images are mirrored, left to right */
	uint32_t seed;
};

/*
 * What becomes of one image: its pixel at line y, column x is that of line y + down, column X + right of the
 * old one, X = width - 1 - x where it is mirrored, otherwise x; 0 where the old one has no such pixel.
 */
struct qmac_augmentation {
	int down, right; /* -P .. P, each of these equally likely */
	bool mirrored;
};

static inline bool qmac_augments(const struct qmac_augment *how)
{
	return how->crop > 0 || how->flip;
}

/* Of image number `image`, 0 to below 2^32, in an epoch from 1 to below 2^24. */
struct qmac_augmentation qmac_augmentation_of(const struct qmac_augment *how, int64_t epoch, int64_t image);

/* to (channels, height, width) becomes the image `from`, of the same shape; they do not overlap. */
void qmac_augment(struct qmac_augmentation change, const uint8_t *from, int channels, int height, int width,
                  uint8_t *to);

#endif
