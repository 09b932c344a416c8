/*
 * What the tests of the inner loops on the device have in common: random numbers of one stream, random
 * linear regression for the slow model of ref_linear.h, and a C model that runs commands in a random
 * order that their waits allow (shuffled_backend.h) and keeps them (recording_backend.h).
 */
#ifndef PROGRAM_CASE_H
#define PROGRAM_CASE_H

#include "driver/driver.h"
#include "reference/ref_linear.h"
#include "step/step_plan.h"
#include "step/linear_program.h"

/* ---- random numbers ---------------------------------------------------------------- */

/* The stream begins anew, with test_seed(). */
void case_seed(void);
uint64_t case_random(void);

/* low..high, uniform. */
int64_t case_pick(int64_t low, int64_t high);

/* A signed number of at most `bits` bits, of random length. */
int64_t case_number(int bits);

/* A code of X: -limit..limit, uniform; an end of that range, mostly the upper one. */
int64_t case_any_code(int64_t limit);
int64_t case_extreme_code(int64_t limit);

/* An element of H; u_bits: of the plan, which bounds it. */
int64_t case_offset(const struct qmac_linear_shape *shape, int u_bits);

/* Samples of a loop. */
void case_order(uint32_t *order, int64_t count, int64_t samples);

/* ---- linear regression ------------------------------------------------------------- */

/* The largest values of a random shape; features and samples are those of ref_linear.h. */
struct case_limits {
	int batch, frac_bits, mp_bits, y_frac_bits, target_bits;
};

void case_linear_shape(struct qmac_linear_shape *shape, const struct case_limits *limits);

/*
 * For a model that has its shape: X, also as the device's samples x features codes, k, run seed and first
 * step. code(limit) draws an element of X.
 */
void case_linear_operands(struct ref_linear *model, int16_t *codes, int64_t (*code)(int64_t limit));

/* The Z that a loop starts from, also as the device takes it: zeros, the lowest numbers, or random ones. */
void case_linear_start(struct ref_linear *model, int32_t *start, bool clear, bool extreme);

/* H. */
void case_linear_offset(struct ref_linear *model, int u_bits);

/* The loop on the model; kept: Z after keep_after steps. */
void case_linear_run(struct ref_linear *model, const struct qmac_linear_loop *loop,
                     int64_t kept[REF_FEATURES_MAX]);

/* ---- the device -------------------------------------------------------------------- */

/* qmac_fuzz_hw() of the stream. */
void case_hw(struct qmac_hw *hw);

/* Narrows the accumulators to the width that the plan asks for: with one bit less there is none. */
void case_tighten(struct qmac_step_plan *plan, const struct qmac_linear_shape *shape, struct qmac_hw *hw);

struct case_device {
	struct qmac_hw hw;
	const char *kernel;
	int ring_log2;
	struct qmac_backend *backend;
	struct qmac_driver *driver;
};

/* Kernel and size of the ring. */
void case_device_draw(struct case_device *device);

/* With memory for a program of program_bytes, besides the ring. */
void case_device_open(struct case_device *device, const struct qmac_hw *hw, uint64_t program_bytes);
void case_device_close(struct case_device *device);

/* The running test fails where `status`, of a loop on the device, is not QMAC_OK. */
void case_check_status(enum qmac_status status, const struct qmac_error *err);

/* It fails unless all commands so far are race-free, the ports of the banks included. */
void case_check_races(const struct case_device *device);

/* It fails where an accumulator or a container saturated. Gives all counters. */
void case_check_exact(const struct case_device *device, uint64_t counters[QMAC_COUNTERS]);

#endif
