/*
 * Runs a planned matrix product on the device: its commands and their order.
 *
 * LOAD brings the panels of the next chunk while EXECUTE works on the present
 * one; STORE drains a tile while EXECUTE fills the other bank of ACC. The streams
 * are race-free, ports included (docs/tiling.md). Nothing is allocated.
 */
#ifndef QMAC_DRIVER_GEMM_H
#define QMAC_DRIVER_GEMM_H

#include "driver/driver.h"
#include "driver/gemm_plan.h"

/* Where a matrix lies, row by row; the plan's shape says its size and what its elements are. */
struct qmac_matrix {
	struct qmac_buffer buffer;
	uint64_t offset;    /* bytes from the buffer's start to element (0,0), a multiple of the container */
	uint32_t row_bytes; /* from row to row, a multiple of the container, at least one row */
};

struct qmac_gemm_matrices {
	struct qmac_matrix a, b, c; /* c must not overlap a or b */
};

/* At most one token per engine: what was submitted and may still be running. */
struct qmac_marks {
	struct qmac_token token[3]; /* by engine */
	unsigned mask;              /* bit e: token[e] counts */
};

/*
 * Submits C (+)= A B or C (+)= A^T B. The driver's hardware must be the plan's. An
 * element of A or B beyond its declared width is cut to it.
 *
 * *marks says, before, what must have retired before this run starts: whatever uses
 * scratchpads or moves A, B or C (a mask of 0 will do after qmac_driver_finish); and
 * afterwards, what this run submitted last. So calls that share one marks follow
 * each other without a wait of the host. C is there after qmac_driver_finish().
 * `tag` goes into every command.
 */
QMAC_MUST_CHECK enum qmac_status qmac_gemm_run(struct qmac_driver *driver, const struct qmac_gemm_plan *plan,
                                               const struct qmac_gemm_matrices *matrices, uint16_t tag,
                                               struct qmac_marks *marks, struct qmac_error *err);

#endif
