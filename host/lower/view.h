/*
 * How a matrix or a batch of images lies in device memory; and moves between that and a panel.
 *
 * A view is a plain value. Its channels are cut into memory blocks of `lanes` neighbours; each block
 * is an array of positions (i2, i1, i0): image, line, pixel. A matrix has one line and one block, its
 * positions are its rows. A matrix that is stored transposed has blocks of one channel: a LOAD then
 * fills the rows of a panel lane by lane, one row a cycle, which costs `lanes` times as much as a
 * second copy written by the host would.
 */
#ifndef QMAC_LOWER_VIEW_H
#define QMAC_LOWER_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "lower/panel.h"

/* What an element is: an integer of `bits` bits in a container of device memory. */
struct qmac_element {
	int bits;           /* 2..32, results up to 64; at most the container's */
	bool is_signed;
	unsigned container; /* QMAC_CONTAINER_* */
};

/* Every distance in bytes, and a multiple of the container. */
struct qmac_view {
	uint64_t address;           /* of channel 0 at position (0,0,0) */
	struct qmac_element element;
	int64_t channels, lanes;
	uint64_t block_bytes;       /* from memory block to memory block */
	int64_t positions[3];       /* i2, i1, i0 */
	uint64_t position_bytes[3]; /* from position to position */
};

/* rows x cols, row by row, row_bytes apart. */
struct qmac_view qmac_view_matrix(uint64_t address, struct qmac_element element, int64_t rows, int64_t cols,
                                  uint64_t row_bytes);

/* The matrix rows x cols of which the transpose lies in memory: cols rows, row_bytes apart. */
struct qmac_view qmac_view_transposed(uint64_t address, struct qmac_element element, int64_t rows,
                                      int64_t cols, uint64_t row_bytes);

/* N images of `channels` x height x width as (N, C / lanes, H, W, lanes), the last block filled up. */
struct qmac_view qmac_view_images(uint64_t address, struct qmac_element element, int64_t images,
                                  int64_t channels, int64_t height, int64_t width, int64_t lanes);

/* Bytes from the first to behind the last, filled up as images are. */
uint64_t qmac_view_bytes(const struct qmac_view *view);

/*
 * A region of a view, and the panel that takes it (LOAD) or that it comes from (STORE). Position
 * (j2, j1, j0) of the panel is position first + j * step of the view. LOAD makes rows zero that lie
 * outside the view on i1 or i0 (padding), STORE leaves them out. Gathered rows are such a region, too:
 * two rows of a matrix are `count` 2 with their distance as the step.
 *
 * Pixels beyond the sides of images would make each row a burst of its own: a LOAD has no window on what it
 * takes as one run of bytes. So first come the columns to the left, with the first pixel of the lines, and
 * those to the right, with the last one, as zeros; then, over these pixels, whole lines.
 *
 * The panel's limbs come one after the other, each from the same containers; ACC has none.
 */
struct qmac_move {
	unsigned opcode;        /* QMAC_OPCODE_LOAD or STORE */
	struct qmac_view view;
	struct qmac_panel panel;
	int64_t channel0;       /* the view's channel that is the panel's first */
	int64_t first[3], step[3];
	uint32_t count[3];
	/* where qmac_move_next() is; 0 at first */
	int limb, part;
	int64_t channel;
};

/* All of a view and a panel of its positions. */
struct qmac_move qmac_move_whole(unsigned opcode, const struct qmac_view *view,
                                 const struct qmac_panel *panel);

/* Whether any position of the region lies in the view. Only then may it be moved. */
bool qmac_move_is_inside(const struct qmac_move *move);

/* The next command of the move, without waits; false, leaving *command as it is, after the last. */
bool qmac_move_next(struct qmac_move *move, struct qmac_command *command);

#endif
