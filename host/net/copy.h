/*
 * Numbers of a view on their way to or from device memory: each element once, in the order of addresses, in
 * pieces that the cache holds.
 *
 * Numbers of a tensor are [i2][i1][i0][channel]: image, line, pixel, channel.
 */
#ifndef QMAC_NET_COPY_H
#define QMAC_NET_COPY_H

#include "driver/driver.h"
#include "lower/view.h"

/* Numbers of a view. */
int64_t qmac_net_count(const struct qmac_view *view);

/*
 * Copies all numbers of a view between host and device memory, which then has to be finished with. Values of
 * more bits than the container lose the highest ones; gaps between the elements become 0.
 */
void qmac_net_put(struct qmac_driver *driver, const struct qmac_view *view, const int64_t *values);
void qmac_net_get(struct qmac_driver *driver, const struct qmac_view *view, int64_t *values);

/* The windows of a square kernel in a batch of images. */
struct qmac_net_windows {
	int64_t height, width, channels; /* of an image */
	int64_t kernel[2], stride, pad;
};

/*
 * Puts the windows of images, values [i2][y][x][c]: the pixels of the view are the window's places, its
 * channels number (c * kernel[0] + ky) * kernel[1] + kx of the window, 0 outside the image. false: no memory.
 */
bool qmac_net_put_windows(struct qmac_driver *driver, const struct qmac_view *view,
                          const struct qmac_net_windows *windows, const int64_t *values);

#endif
