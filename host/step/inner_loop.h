/*
 * The inner loop of a low-precision run on the device, whatever its commands are: Z stays on chip while
 * steps move it. Two kinds: five vector commands a step, for linear regression one sample at a time
 * (linear_program.h), and products on the array, for mini-batches and logistic regression
 * (step.h). The plan takes the first where it can: it is the cheaper one.
 *
 * A loop belongs to one driver and does not own it. Its buffers live until the driver is closed.
 */
#ifndef QMAC_STEP_INNER_LOOP_H
#define QMAC_STEP_INNER_LOOP_H

#include "driver/driver.h"
#include "step/step_plan.h"
#include "step/linear_plan.h"

/* Sites of random numbers (numerics.md): which tensor is rounded. */
enum qmac_site { QMAC_SITE_WEIGHTS = 1 };

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
	int64_t *sum;           /* of QMAC_STEP_SUM, in place of z: of the last step */
	/*
	 * Where the host makes m' (all kinds but REGRESSION): makes `count` samples by outputs numbers of
	 * mp_bits, of m of the same size. `point` is p, the fraction bits of m' in this loop.
	 */
	void (*residual)(void *context, const uint32_t *samples, int count, const int64_t *m, int64_t *scaled);
	void *context;
	int point;
};

struct qmac_inner_loop;
struct qmac_inner_plan;

/* What a kind of loop can do; called through the functions below. */
struct qmac_inner_loop_operations {
	uint64_t (*memory)(const struct qmac_inner_plan *plan);
	enum qmac_status (*create)(struct qmac_driver *driver, const struct qmac_inner_plan *plan,
	                           struct qmac_inner_loop **inner, struct qmac_error *err);
	void (*destroy)(struct qmac_inner_loop *inner);
	void (*set_x)(struct qmac_inner_loop *inner, int64_t first, int64_t count, const int16_t *codes);
	void (*set_z)(struct qmac_inner_loop *inner, const int32_t *z);
	void (*set_offset)(struct qmac_inner_loop *inner, const int64_t *h);
	void (*set_targets)(struct qmac_inner_loop *inner, const int64_t *k);
	void (*reload)(struct qmac_inner_loop *inner);
	enum qmac_status (*run)(struct qmac_inner_loop *inner, const struct qmac_linear_loop *loop,
	                        struct qmac_error *err);
};

/* Every kind's own struct begins with it. */
struct qmac_inner_loop {
	const struct qmac_inner_loop_operations *operations;
};

/* How a loop runs on a device. A plain value. */
struct qmac_inner_plan {
	const struct qmac_inner_loop_operations *operations;
	struct qmac_linear_shape shape;
	struct qmac_linear_arithmetic step;
	union {
		struct qmac_linear_plan linear;
		struct qmac_step_plan step;
	} of;                   /* the kind that `operations` is */
};

/* Decides how the loop runs on hw; refuses, naming the key to change, what does not fit. */
QMAC_MUST_CHECK enum qmac_status qmac_inner_plan_make(struct qmac_inner_plan *plan,
                                                      const struct qmac_linear_shape *shape,
                                                      const struct qmac_hw *hw, struct qmac_error *err);

/* Bytes of device memory that a loop's buffers take at most. */
static inline uint64_t qmac_inner_loop_memory(const struct qmac_inner_plan *plan)
{
	return plan->operations->memory(plan);
}

/* Allocates the buffers. */
QMAC_MUST_CHECK static inline enum qmac_status qmac_inner_loop_create(struct qmac_driver *driver,
                                                                      const struct qmac_inner_plan *plan,
                                                                      struct qmac_inner_loop **inner,
                                                                      struct qmac_error *err)
{
	return plan->operations->create(driver, plan, inner, err);
}

/* NULL is legal. */
static inline void qmac_inner_loop_destroy(struct qmac_inner_loop *inner)
{
	if (inner)
		inner->operations->destroy(inner);
}

/*
 * X: `count` x features codes of x_bits, those of samples first, first + 1, ...; any number of samples at
 * a time. All must be set before the first loop.
 */
static inline void qmac_inner_loop_set_x(struct qmac_inner_loop *inner, int64_t first, int64_t count,
                                         const int16_t *codes)
{
	inner->operations->set_x(inner, first, count, codes);
}

/*
 * What the next loop starts from: z (features x outputs values; NULL: zeros), h (features x outputs),
 * k (samples). All stay as they are until set again. Z must be set before the first loop, h and k where
 * the plan has them.
 */
static inline void qmac_inner_loop_set_z(struct qmac_inner_loop *inner, const int32_t *z)
{
	inner->operations->set_z(inner, z);
}

static inline void qmac_inner_loop_set_offset(struct qmac_inner_loop *inner, const int64_t *h)
{
	inner->operations->set_offset(inner, h);
}

static inline void qmac_inner_loop_set_targets(struct qmac_inner_loop *inner, const int64_t *k)
{
	inner->operations->set_targets(inner, k);
}

/* What was on chip is lost, Z included, which must be set anew. */
static inline void qmac_inner_loop_reload(struct qmac_inner_loop *inner)
{
	inner->operations->reload(inner);
}

/* Runs the loop and waits for its end. Fails only where the device does. */
QMAC_MUST_CHECK static inline enum qmac_status qmac_inner_loop_run(struct qmac_inner_loop *inner,
                                                                   const struct qmac_linear_loop *loop,
                                                                   struct qmac_error *err)
{
	return inner->operations->run(inner, loop, err);
}

#endif
