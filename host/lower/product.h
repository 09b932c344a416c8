/*
 * One matrix product, of any shape and width, between views of device memory (docs/tiling.md).
 *
 *   form  A                  B                  C
 *   AB    positions x K      K x n              positions x n   forward, data gradient
 *   ATB   positions x M      positions x n      M x n           weight gradient
 *
 * K (M) are the channels of A at each tap of a window: at output position (i2, i1, i0) tap (t1, t0)
 * sees A's position (i2, i1 * stride + first + t1, i0 * stride + first + t0), or, where the window is
 * flipped, - t1 and - t0; outside A there are zeros. The rows of B (AB) or C (ATB) that belong to it are
 * that view's positions (t1, t0, channel). A product of matrices has one tap: qmac_window_none.
 *
 * A plan says how the work is cut to fit a device: pieces of positions, of features (taps and channels
 * of A) and of n. It is a plain value; qmac_product_lower() makes its commands, in program order.
 */
#ifndef QMAC_LOWER_PRODUCT_H
#define QMAC_LOWER_PRODUCT_H

#include "base/error.h"
#include "hw/hw.h"
#include "lower/map.h"
#include "lower/passes.h"
#include "lower/program.h"
#include "lower/vector.h"
#include "lower/view.h"

/* Lines and pixels. */
struct qmac_window {
	int64_t taps[2];    /* 0 of them: the product is 0 (AB) */
	int64_t stride[2];
	int64_t first[2];   /* usually minus the padding */
	bool flipped;
};

extern const struct qmac_window qmac_window_none;

/* Scratchpad rows that a product may use. */
struct qmac_room {
	uint32_t first, rows; /* rows 0: all there are */
};

/* What its commands tell about themselves; a, b, sum, c: real value of 1 in what they move (0: not known). */
struct qmac_product_note {
	enum qmac_direction direction;
	unsigned layer;
	uint32_t step;
	double a, b, sum, c;
};

/* What is to be computed. */
struct qmac_product {
	enum qmac_form form;
	struct qmac_window window;
	int64_t positions[3];      /* i2, i1, i0 of the window; of C (AB) or B (ATB); each at least 1 */
	struct qmac_view a, b, c;  /* c must not overlap a or b */
	/* the sums: exact, or, with `rescales`, what qmac_rescale makes of them, before they go where c says */
	bool accumulate;           /* exact only: C (or what is kept in ACC) += product, otherwise = product */
	int c_bits;                /* accumulate: signed width that C fits before */
	bool allow_saturation;     /* go on where a sum may not fit ACC or the container; counters tell if so */
	bool rescales;             /* element (position, channel) has the row coordinate row0 + its number */
	struct qmac_rescale scale; /* row0 and channel0 as they say; `rows` is not looked at */
	int label;                 /* of the commands that rescale; 0: none */
	/* are told of them, and of those of `end` with a label, and are to outlive the plan; NULL: nobody is */
	const struct qmac_map_labels *labels;
	bool has_bias;
	struct qmac_view bias;     /* one position, n channels, in ACC's format */
	/*
	 * Results that stay on chip, rescaled and of one limb, or exact in ACC: `kept` has place for all
	 * positions (AB; ATB: taps and channels) of all n channels, outside `room`; c then gives the
	 * channels only. Its lanes are at most cols.
	 */
	bool keeps;
	struct qmac_panel kept;
	/*
	 * AB: operations in place of storing the sums, those of a map over the positions and channels of C, one
	 * of whose panels is the tile; c then gives the channels only. A sum of the map is over all positions.
	 * Nothing else becomes of the sums. It is to outlive the plan.
	 */
	const struct qmac_map *end;
	struct qmac_room room[3];  /* of A, W and ACC */
	struct qmac_product_note note;
};

/* Pieces are of these sizes, the last ones may be smaller. */
struct qmac_pieces {
	int64_t positions[3], taps[2], channels, n;
};

struct qmac_product_plan {
	struct qmac_hw hw;            /* made for this device */
	struct qmac_product product;
	int result_bits;              /* signed width that every sum fits, on its way too */
	struct qmac_limbs a, b;       /* an operand is split so */
	struct qmac_pieces piece;
	int a_held, b_held;           /* limbs in a panel: all, or 1 */
	bool n_inner;                 /* order of the tiles: n turns fastest, otherwise the other side of C */
	uint32_t half[3][2];          /* first rows of the two halves of the room in A, W, ACC */
	uint32_t bias_row;            /* behind the half's first row; has_bias */
	uint32_t end_row, sum_row;    /* of `end`: rows from the first of a half of W on; sums, of ACC */
	/* what the run adds to the device's counters */
	uint64_t passes;              /* GEMM commands */
	uint64_t macs;                /* MACS */
	uint64_t slots;               /* A_READS: cycles that a never waiting array needs, pipeline aside */
	uint64_t read_bytes;          /* DRAM_READ_BYTES, but for what `end` loads */
	uint64_t write_bytes;         /* DRAM_WRITE_BYTES, but for what `end` stores */
};

/*
 * Chooses the pieces for which the run is estimated to be fastest. Refuses, naming acc_bits and the width
 * that is needed, sums that ACC could not hold, and likewise a container of C that is too narrow, unless
 * the product allows saturation; and a room that is too small for the smallest pieces, which all of the
 * scratchpads never are.
 */
QMAC_MUST_CHECK enum qmac_status qmac_product_plan_make(struct qmac_product_plan *plan,
                                                        const struct qmac_product *product,
                                                        const struct qmac_hw *hw, struct qmac_error *err);

/* Signed width that holds every sum, whatever the data, and every partial sum. */
int qmac_product_result_bits(const struct qmac_product *product);

/* Adds the commands of a planned product to a program for the same hardware. */
QMAC_MUST_CHECK enum qmac_status qmac_product_lower(struct qmac_program *program,
                                                    const struct qmac_product_plan *plan,
                                                    struct qmac_error *err);

/* Submits one product by itself, to a driver that has finished and does so afterwards. */
QMAC_MUST_CHECK enum qmac_status qmac_product_submit(struct qmac_driver *driver,
                                                     const struct qmac_product_plan *plan,
                                                     struct qmac_error *err);

#endif
