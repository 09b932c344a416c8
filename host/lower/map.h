/*
 * A map: element-wise work over tensors in device memory, piece by piece. LOAD brings a piece's parts of the
 * tensors into ACC, or into W what is only read and narrow enough; VECs work on them, STORE takes away what
 * was made (docs/lowering.md).
 *
 * A map has positions (images, lines, pixels) and channels of its own. Each of its panels is a region that
 * goes with a piece of them: line u of the map meets line u * scale + first of the panel's tensor and `extra`
 * lines around; pixels likewise. So one map is over a tensor and what another one sees through a window of
 * it. Operations go over the panels one after the other, as if each were done before the next begins.
 *
 * A product may end in a map (product.h): its pieces are the tiles then, and one of its panels is the tile.
 */
#ifndef QMAC_LOWER_MAP_H
#define QMAC_LOWER_MAP_H

#include "base/error.h"
#include "hw/hw.h"
#include "lower/program.h"
#include "lower/slices.h"
#include "lower/vector.h"
#include "lower/view.h"

/* Lines and pixels: of n neighbours from u on those from u * scale + first on, n * scale + extra of them. */
struct qmac_map_reach {
	int64_t scale[2], first[2], extra[2];
};

extern const struct qmac_map_reach qmac_map_same;  /* those of the map */
extern const struct qmac_map_reach qmac_map_point; /* the first, everywhere */

struct qmac_map_panel {
	struct qmac_view view;         /* looked at where it loads or stores; what is outside of it is 0 */
	bool loads, stores;            /* neither: for this piece only */
	bool shared;                   /* of one image, which goes with every image of the map */
	bool tile;                     /* sums of the product that ends in the map, in ACC */
	bool narrow;                   /* in W, where neither loaded nor stored */
	bool sums;                     /* of a row for each block of channels: sums over positions */
	uint64_t slice_bytes;          /* sums: from slice to slice in memory */
	/*
	 * Of what is stored these neighbours have lines u * scale to (u + n) * scale - 1: `first` is not above 0,
	 * and the lines before and behind have been seen in part only.
	 */
	struct qmac_map_reach reach;
};

/* A panel's rows as an operation goes through them: line v of it meets line at + v * step of the panel. */
struct qmac_map_operand {
	int panel;
	int64_t at[2], step[2];
};

struct qmac_map_op {
	unsigned move;                 /* QMAC_OPCODE_LOAD, STORE: of panel `to`, at these lines and pixels of its
	                                  tensor, in place of a VEC; 0: a VEC */
	unsigned op;                   /* QMAC_OP_* */
	struct qmac_map_operand to, from, other; /* ACC rows; other.panel below 0: `number` */
	int32_t number;
	int64_t more[2];               /* lines and pixels beyond those of the piece */
	bool all;                      /* all positions of `to`, or of what is reduced, and of `from` the same */
	/*
	 * sums: panel `sum`, one of sums, gets those of the results over the positions, besides `to`; `other` is
	 * a panel then, and the operation no lookup. reduces: `to` is such a panel and gets the sum over the
	 * positions of what the operation makes of each, shifted, rounded and clamped as a sum; not of max and
	 * min. Not with `more`.
	 */
	bool sums, reduces;
	int sum;
	int coefficients;              /* affine: their panel; `other` is a panel, too */
	/* row coordinates: that of the map's position, so `more` is 0 then; with `all`, of panel `to` scaled */
	struct qmac_rescale scale;
	uint32_t in_bits, lut_n, lut_base; /* lookup */
	double unit;                   /* real value of 1 in the result; 0: not known */
	int label;                     /* for qmac_map_label; 0: none */
};

/* Is told of the number of each command of an operation with a label. */
struct qmac_map_labels {
	enum qmac_status (*tell)(void *context, int label, int64_t command, struct qmac_error *err);
	void *context;
};

enum { QMAC_MAP_PANELS = 16 };

/* Zeroed but for positions, channels and note before anything is added. */
struct qmac_map {
	int64_t positions[3], channels;
	int64_t terms;                 /* most positions that a sum may be over; 0: all */
	struct qmac_map_panel panels[QMAC_MAP_PANELS];
	int panel_count;
	struct qmac_map_op *ops;
	int op_count, op_room;
	enum qmac_direction direction;
	unsigned layer;
};

void qmac_map_free(struct qmac_map *map);

/*
 * Adds a panel: of a tensor that is loaded or stored, or moved where operations say so, or one for the piece
 * only. Its number.
 */
int qmac_map_load(struct qmac_map *map, const struct qmac_view *view, struct qmac_map_reach reach);
int qmac_map_load_shared(struct qmac_map *map, const struct qmac_view *view,
                           struct qmac_map_reach reach);
int qmac_map_store(struct qmac_map *map, const struct qmac_view *view, struct qmac_map_reach reach);
int qmac_map_part(struct qmac_map *map, const struct qmac_view *view);
int qmac_map_temporary(struct qmac_map *map, struct qmac_map_reach reach);

/*
 * Coefficients of an affine operation, the same at all positions: a view of one line of three pixels, c0, c1
 * and c2, of the map's channels. The device clamps c0 and c1 to 18 bits.
 */
int qmac_map_coefficients(struct qmac_map *map, const struct qmac_view *view);

/*
 * Sums over positions, of each channel: a view of one position. A sum is over all positions where there are
 * no more than `terms` of them; otherwise positions are cut into the slices of qmac_slices_of(positions,
 * terms), and slice number i has its sums at i * slice_bytes. The host adds them.
 */
int qmac_map_sums(struct qmac_map *map, const struct qmac_view *view, uint64_t slice_bytes);

/*
 * For the piece only, in W: of non-negative numbers of `bits` bits, fewer than w_bits. Whatever is written
 * there loses what is above, and no saturation is counted.
 */
int qmac_map_narrow(struct qmac_map *map, int bits, struct qmac_map_reach reach);

/* The tile of the product that ends in the map; one at most. */
int qmac_map_tile(struct qmac_map *map);

/* What is in a panel in the end, the tile or one for the piece only, is stored. */
void qmac_map_keep(struct qmac_map *map, int panel, const struct qmac_view *view);

/* All of a panel, position by position; from line and pixel `at` on, every step-th. */
struct qmac_map_operand qmac_map_whole(int panel);
struct qmac_map_operand qmac_map_tap(int panel, int64_t line, int64_t pixel, int64_t step);
extern const struct qmac_map_operand qmac_map_number;

/* Appends an operation. */
QMAC_MUST_CHECK enum qmac_status qmac_map_add(struct qmac_map *map, const struct qmac_map_op *op,
                                                struct qmac_error *err);

/* Whether a position of a block of channels fits. */
bool qmac_map_fits(const struct qmac_map *map, const struct qmac_hw *hw);

/*
 * Adds the commands of the map to a program for hardware hw: in pieces that fit a half of ACC, or, where
 * nothing does, all of it. Refused where not even one position of one block of channels fits.
 */
QMAC_MUST_CHECK enum qmac_status qmac_map_lower(struct qmac_program *program, const struct qmac_hw *hw,
                                                  const struct qmac_map *map,
                                                  const struct qmac_map_labels *labels,
                                                  struct qmac_error *err);

#endif
