/*
 * A C model for planned products: commands may be executed in any legal order of the engines, and all
 * that was submitted is checked for races at the end. A failure ends the test with its message.
 */
#ifndef PRODUCT_BENCH_H
#define PRODUCT_BENCH_H

#include "driver/driver.h"
#include "lower/product.h"

struct product_bench {
	struct qmac_hw hw;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
};

void product_bench_open(struct product_bench *bench, const struct qmac_hw *hw, int ring_log2, uint64_t seed);

/* Checks the whole stream for races, too. */
void product_bench_close(struct product_bench *bench);

/* Compiles, submits and destroys a program; product_bench_finish() waits for it. */
void product_bench_submit(struct product_bench *bench, struct qmac_program *program);

/* Runs `count` products as one program, likewise. */
void product_bench_run(struct product_bench *bench, const struct qmac_product_plan *const *plans, int count);
void product_bench_finish(struct product_bench *bench, uint64_t counters[QMAC_COUNTERS]);

/* GEMMs so far. */
uint32_t product_bench_passes(const struct product_bench *bench);

#endif
