/*
 * A piece of a map: the panels of some of its positions and channels, on chip; for host/lower.
 */
#ifndef QMAC_LOWER_MAP_PIECE_H
#define QMAC_LOWER_MAP_PIECE_H

#include "lower/map.h"

struct qmac_map_piece {
	int64_t first[3], count[3]; /* images, lines, pixels of the map */
	int64_t channel, channels;
};

/* A map that is being lowered. */
struct qmac_map_work {
	struct qmac_program *program;
	const struct qmac_hw *hw;
	const struct qmac_map *map;
	const struct qmac_map_labels *labels;
	bool in_w[QMAC_MAP_PANELS];    /* the panel lies in W */
	/*
	 * Each half of ACC has sums of its own, as different engines work in its banks: their first rows, and
	 * whether they have those of earlier pieces, which are added to. With one half the first ones count.
	 */
	uint32_t sum_row[2];
	bool has_sums[2];
	/* of the piece that is worked on */
	struct qmac_map_piece piece;
	int half;
	struct qmac_panel panels[QMAC_MAP_PANELS];
};

/*
 * What is only read and fits an operand of W lies there, besides what is `narrow`: so two sources need not
 * share a bank of ACC.
 */
void qmac_map_choose_w(struct qmac_map_work *work);

/* Rows that a panel of so many positions and blocks of channels takes. */
int64_t qmac_map_panel_rows(const struct qmac_map_panel *panel, const int64_t count[3], int64_t blocks);

/* Rows of W or ACC that all panels take, but for sums and the tile. */
int64_t qmac_map_rows(const struct qmac_map_work *work, bool of_w, const int64_t count[3], int64_t blocks);

/* Rows of ACC that the sums of so many blocks take in a half, from sum_row on. */
int64_t qmac_map_sum_rows(const struct qmac_map *map, int64_t blocks);

/*
 * Begins a piece in a half of ACC: its panels lie from row[0] of ACC and row[1] of W on, the tile, if there
 * is one, is that panel, and what is loaded comes. Then its operations, and what is stored goes.
 */
QMAC_MUST_CHECK enum qmac_status qmac_map_begin(struct qmac_map_work *work,
                                                const struct qmac_map_piece *piece,
                                                int half, const struct qmac_panel *tile,
                                                const uint32_t row[2], struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_map_operate(struct qmac_map_work *work, struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_map_end(struct qmac_map_work *work, struct qmac_error *err);

/* Stores the sums of the last piece's channels, of all pieces of a slice; without any, nothing. */
QMAC_MUST_CHECK enum qmac_status qmac_map_store_sums(struct qmac_map_work *work, int64_t slice,
                                                     struct qmac_error *err);

#endif
