/*
 * The inner loop of linear regression as device commands: five vector commands
 * a step, Z on chip during the loop, exactly one stochastic rounding a step.
 * docs/algorithms.md gives the mapping, linear_plan.h the arithmetic.
 *
 * The random number of element j in step s depends on (run seed, s, j) only:
 * Z is the same on every device shape and with every placement of X.
 *
 * A program belongs to one driver and does not own it. Its buffers live until
 * the driver is closed.
 */
#ifndef QMAC_TRAIN_LINEAR_PROGRAM_H
#define QMAC_TRAIN_LINEAR_PROGRAM_H

#include "driver/driver.h"
#include "train/linear_plan.h"

/* Sites of random numbers (numerics.md): which tensor is rounded. */
enum qmac_site { QMAC_SITE_WEIGHTS = 1 };

struct qmac_linear_program;

/* One run of the inner loop. */
struct qmac_linear_loop {
	/* steps indices of samples; of mini-batches steps * batch, rising within each (sums are exact) */
	const uint32_t *order;
	int64_t steps;
	int64_t keep_after;     /* z is the Z after so many steps, 0..steps */
	uint32_t run_seed;
	uint32_t first_step;    /* number of the first step within the run */
	double x_unit, z_unit;  /* real values of 1 in X and in Z, for reports; 0: not known */
	int32_t *z;             /* features (times outputs) values; written */
	int64_t *sum;           /* with sum_only, in place of z: of the last step */
	/*
	 * Logistic regression (batch_program.h): makes m', `count` samples by outputs numbers of mp_bits, of
	 * m of the same size. `point` is p, the fraction bits of m' in this loop.
	 */
	void (*residual)(void *context, const uint32_t *samples, int count, const int64_t *m, int64_t *scaled);
	void *context;
	int point;
};

/* Bytes of device memory that a program's buffers take at most. */
uint64_t qmac_linear_program_memory(const struct qmac_linear_plan *plan);

/* Allocates the buffers. */
QMAC_MUST_CHECK enum qmac_status qmac_linear_program_create(struct qmac_driver *driver,
                                                            const struct qmac_linear_plan *plan,
                                                            struct qmac_linear_program **program,
                                                            struct qmac_error *err);
void qmac_linear_program_destroy(struct qmac_linear_program *program);

/*
 * X: `count` x features codes of x_bits, those of samples first, first + 1, ...; any number of samples at
 * a time. All must be set before the first loop.
 */
void qmac_linear_program_set_x(struct qmac_linear_program *program, int64_t first, int64_t count,
                               const int16_t *codes);

/*
 * What the next loop starts from: z (features values; NULL: zeros), h (features),
 * k (samples). All stay as they are until set again. Z must be set before the first
 * loop, h and k where the plan has them.
 */
void qmac_linear_program_set_z(struct qmac_linear_program *program, const int32_t *z);
void qmac_linear_program_set_offset(struct qmac_linear_program *program, const int64_t *h);
void qmac_linear_program_set_targets(struct qmac_linear_program *program, const int64_t *k);

/* What was on chip is lost, Z included, which must be set anew. */
void qmac_linear_program_reload(struct qmac_linear_program *program);

/* Runs the loop and waits for its end. Fails only where the device does. */
QMAC_MUST_CHECK enum qmac_status qmac_linear_program_run(struct qmac_linear_program *program,
                                                         const struct qmac_linear_loop *loop,
                                                         struct qmac_error *err);

#endif
