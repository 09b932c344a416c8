/*
 * Devices on which programs run, with the same random contents where they are given the same seed.
 */
#ifndef QMAC_TESTS_REFERENCE_BENCH_H
#define QMAC_TESTS_REFERENCE_BENCH_H

#include <stdbool.h>

#include "driver/driver.h"

enum { BENCH_DATA_BYTES = 1 << 16 };

struct bench {
	struct qmac_backend *backend; /* recording_backend.h */
	struct qmac_driver *driver;
	struct qmac_buffer data;      /* BENCH_DATA_BYTES */
};

/* order: 0, or commands retire in a random order that their waits allow. */
void open_bench(struct bench *bench, const struct qmac_hw *hw, uint64_t order, uint64_t seed);
void close_bench(struct bench *bench);

/* What two devices left in memory and in their scratchpads must be the same. */
void check_same(struct bench *a, struct bench *b, const struct qmac_hw *hw);

#endif
