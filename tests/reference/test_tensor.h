/*
 * Matrices and images of plain numbers in device memory, for tests: what lies beside them is marked, so
 * that a stray write shows. Numbers are dense: position by position (i2, i1, i0), the channels of each.
 */
#ifndef TEST_TENSOR_H
#define TEST_TENSOR_H

#include "driver/driver.h"
#include "lower/view.h"

struct test_tensor {
	struct qmac_buffer buffer;
	struct qmac_view view; /* at its true address */
};

/* Allocates memory, with some to spare, for `view`, whose address says how far from the buffer's start. */
struct test_tensor test_tensor_put(struct qmac_driver *driver, struct qmac_view view, const int64_t *values);

/* Bytes in which the buffer differs from `values` at their places and marks elsewhere. */
int64_t test_tensor_wrong(struct qmac_driver *driver, const struct test_tensor *tensor,
                          const int64_t *values);

/* Numbers of a view. */
int64_t test_tensor_count(const struct qmac_view *view);

#endif
