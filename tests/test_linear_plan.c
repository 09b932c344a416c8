/*
 * Plans of the inner loop: rows do not overlap, concurrent engines keep to their
 * banks, and what does not fit is refused with the key to change.
 */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "qmac_isa.h"
#include "test.h"
#include "step/linear_plan.h"

static const struct qmac_hw roomy = {
	.rows = 16, .cols = 16, .a_bits = 8, .w_bits = 8, .acc_bits = 40, .a_depth = 8192, .w_depth = 4096,
	.acc_depth = 4096,
};

static const struct qmac_linear_shape figure1 = {
	.samples = 1000, .features = 100, .batch = 1, .bits = 8, .x_bits = 8, .frac_bits = 8, .mp_bits = 16,
	.c1 = 6.9e-6, .has_offset = true,
};

/* The numbers of Figure 1 worked out by hand. */
static void test_figure1(void)
{
	struct qmac_linear_plan plan;

	CU_ASSERT_EQUAL_FATAL(qmac_linear_plan_make(&plan, &figure1, &roomy, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(plan.step.m_bits, 8 + 8 - 1 + 7);
	CU_ASSERT_EQUAL(plan.step.mult, 118541);          /* 6.9e-6 * 2^34 */
	CU_ASSERT_EQUAL(plan.step.m_shift, 34 - 15);      /* m' has 16 - 1 - 8 + 8 = 15 fraction bits */
	CU_ASSERT_EQUAL(plan.step.t_shift, 15 - 8);
	CU_ASSERT_EQUAL(plan.step.t_left, 0);
	CU_ASSERT_EQUAL(plan.step.mp_bits, 16);
	CU_ASSERT_EQUAL(plan.step.t_bits, 8 + 8 + 1);
	CU_ASSERT_EQUAL(plan.step.u_bits, 8 + 8 + 2);
	CU_ASSERT_EQUAL(plan.lanes, 16);
	CU_ASSERT_EQUAL(plan.rows, 7);
	CU_ASSERT_EQUAL(plan.x_space, QMAC_SPACE_A);
	CU_ASSERT(plan.x_resident);
	CU_ASSERT(!plan.target_table);
}

static void test_spaces(void)
{
	struct qmac_hw hw = roomy;
	struct qmac_linear_shape shape = figure1;
	struct qmac_linear_plan plan;

	hw.rows = 12;
	hw.cols = 20;
	hw.w_bits = 11;
	CU_ASSERT_EQUAL_FATAL(qmac_linear_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(plan.x_space, QMAC_SPACE_A);
	CU_ASSERT_EQUAL(plan.lanes, 12);
	CU_ASSERT(!plan.x_resident); /* 9 rows a sample: 9,000 */
	shape.x_bits = 11;
	CU_ASSERT_EQUAL_FATAL(qmac_linear_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(plan.x_space, QMAC_SPACE_W);
	CU_ASSERT_EQUAL(plan.lanes, 20);
	shape.x_bits = 12;
	CU_ASSERT_EQUAL_FATAL(qmac_linear_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT_EQUAL(plan.x_space, QMAC_SPACE_ACC);
	CU_ASSERT(!plan.x_resident);
	shape.samples = 50;
	CU_ASSERT_EQUAL_FATAL(qmac_linear_plan_make(&plan, &shape, &hw, NULL), QMAC_OK);
	CU_ASSERT(plan.x_resident);
}

/* ---- random plans ---------------------------------------------------------------- */

struct rows {
	int64_t first, count;
};

static void check_rows(const struct qmac_linear_plan *plan, const struct qmac_hw *hw)
{
	int64_t x_rows = plan->rows * (plan->x_resident ? plan->shape.samples : 2);
	int64_t depth[] = {hw->a_depth, hw->w_depth, hw->acc_depth};
	bool in_acc = plan->x_space == QMAC_SPACE_ACC;
	const struct rows rows[] = {
		{plan->z_row, plan->rows}, {plan->t_row, plan->rows}, {plan->m_row, 1}, /* EXECUTE writes these */
		{plan->h_row, plan->shape.has_offset ? plan->rows : 0},
		{plan->target_row, plan->target_table ? 2 : 0}, {plan->x_row, in_acc ? x_rows : 0},
	};

	CU_ASSERT((int64_t)plan->lanes * plan->rows >= plan->shape.features);
	CU_ASSERT((int64_t)plan->lanes * (plan->rows - 1) < plan->shape.features);
	CU_ASSERT(plan->x_row + x_rows <= depth[plan->x_space]);
	for (int a = 0; a < 6; a++) {
		CU_ASSERT(rows[a].first + rows[a].count <= hw->acc_depth);
		for (int b = 0; b < a; b++)
			CU_ASSERT(rows[a].first + rows[a].count <= rows[b].first ||
			          rows[b].first + rows[b].count <= rows[a].first ||
			          rows[a].count == 0 || rows[b].count == 0);
	}
	/* LOAD fills slots in ACC while EXECUTE runs: one writer a bank */
	for (int slot = 4; slot < 6; slot++) {
		bool moves = slot == 4 ? plan->target_table : in_acc && !plan->x_resident;

		for (int a = 0; moves && a < 3; a++)
			CU_ASSERT(rows[slot].first >= hw->acc_depth / 2 &&
			          rows[a].first + rows[a].count <= hw->acc_depth / 2);
	}
}

static void test_rows(void)
{
	uint64_t state = test_seed();
	int made = 0, moving = 0;

	for (int i = 0; i < 20000; i++) {
		struct qmac_hw hw;
		struct qmac_linear_shape shape = figure1;
		struct qmac_linear_plan plan;

		qmac_fuzz_hw(&state, &hw);
		hw.acc_bits = 64;
		shape.samples = qmac_fuzz_pick(&state, 1, 100);
		shape.features = qmac_fuzz_pick(&state, 1, 300);
		shape.x_bits = (int)qmac_fuzz_pick(&state, 2, 16);
		shape.has_offset = qmac_fuzz_pick(&state, 0, 1) != 0;
		shape.has_targets = qmac_fuzz_pick(&state, 0, 1) != 0;
		shape.target_bits = (int)qmac_fuzz_pick(&state, 2, 40);
		if (qmac_linear_plan_make(&plan, &shape, &hw, NULL) != QMAC_OK)
			continue;
		check_rows(&plan, &hw);
		made++;
		moving += plan.target_table || (plan.x_space == QMAC_SPACE_ACC && !plan.x_resident);
	}
	CU_ASSERT(made > 2000 && moving > 200);
}

/* ---- refusals -------------------------------------------------------------------- */

static void refuse(struct qmac_linear_shape shape, struct qmac_hw hw, const char *message)
{
	struct qmac_linear_plan plan;
	struct qmac_error err = {0};

	test_refusal(qmac_linear_plan_make(&plan, &shape, &hw, &err), &err, message);
}

struct change {
	int bits, x_bits, frac_bits, mp_bits, y_frac_bits, target_bits;
	int64_t features;
	double c1;
};

static struct qmac_linear_shape changed(struct change change)
{
	struct qmac_linear_shape shape = figure1;

	shape.bits = change.bits ? change.bits : shape.bits;
	shape.x_bits = change.x_bits ? change.x_bits : shape.x_bits;
	shape.frac_bits = change.frac_bits ? change.frac_bits : shape.frac_bits;
	shape.mp_bits = change.mp_bits ? change.mp_bits : shape.mp_bits;
	shape.features = change.features ? change.features : shape.features;
	shape.c1 = change.c1 != 0 ? change.c1 : shape.c1;
	shape.y_frac_bits = change.y_frac_bits;
	shape.target_bits = change.target_bits;
	shape.has_targets = change.target_bits != 0;
	return shape;
}

static int step_mp_bits(struct change change)
{
	const struct qmac_linear_shape shape = changed(change);
	struct qmac_linear_plan plan;

	CU_ASSERT_EQUAL(qmac_linear_plan_make(&plan, &shape, &roomy, NULL), QMAC_OK);
	return plan.step.mp_bits;
}

static void test_refusals(void)
{
	struct qmac_hw narrow = roomy, shallow = roomy;

	narrow.acc_bits = 24;
	shallow.acc_depth = 32;
	refuse(changed((struct change){.bits = 16, .frac_bits = 24}), roomy,
	       "frac_bits 24 with bits 16 needs accumulators of 42 bits; acc_bits of the hardware is 40: "
	       "lower frac_bits");
	refuse(changed((struct change){.bits = 12, .x_bits = 10}), narrow,
	       "x.w with bits 12, x_bits 10 and features 100 needs accumulators of 28 bits; acc_bits of the "
	       "hardware is 24: lower bits, x_bits or features");
	refuse(changed((struct change){.mp_bits = 32}), narrow,
	       "mp_bits 32 is wider than acc_bits of the hardware, 24: lower mp_bits to at most 24");
	/* Narrower inside than the key says, which is what the message names. */
	refuse(changed((struct change){.mp_bits = 32, .c1 = 1e-3}), narrow,
	       "mp_bits 32 is wider than acc_bits of the hardware, 24: lower mp_bits to at most 24");
	CU_ASSERT_EQUAL(step_mp_bits((struct change){.mp_bits = 32, .c1 = 1e-3}), 27);
	CU_ASSERT_EQUAL(step_mp_bits((struct change){.mp_bits = 24, .c1 = 1e-3}), 24);
	refuse(changed((struct change){.target_bits = 42}), roomy, "lower y_frac_bits or raise delta");
	refuse(changed((struct change){.bits = 16, .x_bits = 16, .y_frac_bits = 16, .target_bits = 30}), roomy,
	       "the residual x.w - y with y_frac_bits 16 takes 55 bits, and the device can scale 47: lower "
	       "y_frac_bits, bits or x_bits");
	refuse(changed((struct change){.features = 65537}), roomy, "lower features");
	refuse(changed((struct change){.features = 65536}), roomy, "features 65536");
	refuse(changed((struct change){.features = 200}), shallow,
	       "acc_depth of the hardware is 32: lower features or take other hardware");
	refuse(changed((struct change){.c1 = 1e9}), roomy, "lower alpha");
	refuse(changed((struct change){.c1 = INFINITY}), roomy, "lower alpha");
	refuse(changed((struct change){.c1 = 1e-30}), roomy, "raise alpha");
	refuse(changed((struct change){.c1 = 5e-324}), roomy, "raise alpha");
	refuse(changed((struct change){.bits = 16, .x_bits = 2, .mp_bits = 2, .frac_bits = 20}), roomy,
	       "raise mp_bits or lower frac_bits");
}

int main(void)
{
	static const struct test_case cases[] = {
		{"Figure 1 by hand", test_figure1},
		{"where X lies", test_spaces},
		{"rows and banks", test_rows},
		{"refusals name the key", test_refusals},
	};

	return test_main("test_linear_plan", cases, TEST_COUNT(cases));
}
