#include "data/augment.h"

#include <assert.h>
#include <string.h>

#include "data/random.h"

/* What is drawn does not depend on whether the rest is used: so each key changes its own part alone. */
struct qmac_augmentation qmac_augmentation_of(const struct qmac_augment *how, int64_t epoch, int64_t image)
{
	struct qmac_random random = qmac_random_stream(how->seed, QMAC_STREAM_AUGMENT);
	uint64_t places = 2 * (uint64_t)how->crop + 1;
	struct qmac_augmentation change;

	assert(epoch > 0 && epoch < 1 << 24 && image >= 0 && image <= UINT32_MAX);
	/* numbers of an image begin where those of none other end */
	random.counter = (uint64_t)epoch << 40 | (uint64_t)image << 8;
	change.mirrored = (qmac_random_bits(&random) >> 63) != 0 && how->flip;
	change.down = (int)qmac_random_below(&random, places) - how->crop;
	change.right = (int)qmac_random_below(&random, places) - how->crop;
	return change;
}

/* One line; `right` as in the header. */
static void shift_line(const uint8_t *from, int width, int right, bool mirrored, uint8_t *to)
{
	int first = right < 0 ? -right : 0, end = right > 0 ? width - right : width; /* X that are there */

	memset(to, 0, (size_t)width);
	if (first >= end)
		return;
	if (!mirrored) {
		memcpy(to + first, from + first + right, (size_t)(end - first));
		return;
	}
	for (int x = first; x < end; x++)
		to[width - 1 - x] = from[x + right];
}

void qmac_augment(struct qmac_augmentation change, const uint8_t *from, int channels, int height, int width,
                  uint8_t *to)
{
	for (int c = 0; c < channels; c++, from += (int64_t)height * width)
		for (int y = 0; y < height; y++, to += width) {
			int old = y + change.down;

			if (old >= 0 && old < height)
				shift_line(from + (int64_t)old * width, width, change.right, change.mirrored, to);
			else
				memset(to, 0, (size_t)width);
		}
}
