#include "train/inner_loop.h"

#include <string.h>

enum qmac_status qmac_inner_loop_plan(struct qmac_inner_loop *inner, const struct qmac_linear_shape *shape,
                                      const struct qmac_hw *hw, struct qmac_error *err)
{
	enum qmac_status status;

	memset(inner, 0, sizeof *inner);
	inner->batched = shape->batch > 1 || shape->host_residual;
	if (inner->batched)
		status = qmac_batch_plan_make(&inner->batch_plan, shape, hw, err);
	else
		status = qmac_linear_plan_make(&inner->linear_plan, shape, hw, err);
	inner->step = inner->batched ? inner->batch_plan.step : inner->linear_plan.step;
	return status;
}

uint64_t qmac_inner_loop_memory(const struct qmac_inner_loop *inner)
{
	return inner->batched ? qmac_batch_program_memory(&inner->batch_plan) :
	                        qmac_linear_program_memory(&inner->linear_plan);
}

enum qmac_status qmac_inner_loop_create(struct qmac_inner_loop *inner, struct qmac_driver *driver,
                                        struct qmac_error *err)
{
	if (inner->batched)
		return qmac_batch_program_create(driver, &inner->batch_plan, &inner->batch, err);
	return qmac_linear_program_create(driver, &inner->linear_plan, &inner->linear, err);
}

void qmac_inner_loop_destroy(struct qmac_inner_loop *inner)
{
	qmac_batch_program_destroy(inner->batch);
	qmac_linear_program_destroy(inner->linear);
	inner->batch = NULL;
	inner->linear = NULL;
}

void qmac_inner_loop_reload(struct qmac_inner_loop *inner)
{
	if (!inner->batched) /* the others load X as they go */
		qmac_linear_program_reload(inner->linear);
}

void qmac_inner_loop_set_x(struct qmac_inner_loop *inner, int64_t first, int64_t count, const int16_t *codes)
{
	if (inner->batched)
		qmac_batch_program_set_x(inner->batch, first, count, codes);
	else
		qmac_linear_program_set_x(inner->linear, first, count, codes);
}

void qmac_inner_loop_set_z(struct qmac_inner_loop *inner, const int32_t *z)
{
	if (inner->batched)
		qmac_batch_program_set_z(inner->batch, z);
	else
		qmac_linear_program_set_z(inner->linear, z);
}

void qmac_inner_loop_set_offset(struct qmac_inner_loop *inner, const int64_t *h)
{
	if (inner->batched)
		qmac_batch_program_set_offset(inner->batch, h);
	else
		qmac_linear_program_set_offset(inner->linear, h);
}

void qmac_inner_loop_set_targets(struct qmac_inner_loop *inner, const int64_t *k)
{
	if (inner->batched)
		qmac_batch_program_set_targets(inner->batch, k);
	else
		qmac_linear_program_set_targets(inner->linear, k);
}

enum qmac_status qmac_inner_loop_run(struct qmac_inner_loop *inner, const struct qmac_linear_loop *loop,
                                     struct qmac_error *err)
{
	if (inner->batched)
		return qmac_batch_program_run(inner->batch, loop, err);
	return qmac_linear_program_run(inner->linear, loop, err);
}
