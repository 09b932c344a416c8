#include "step/inner_loop.h"

#include <string.h>

#include "step/step.h"
#include "step/linear_program.h"

enum qmac_status qmac_inner_plan_make(struct qmac_inner_plan *plan, const struct qmac_linear_shape *shape,
                                      const struct qmac_hw *hw, struct qmac_error *err)
{
	enum qmac_status status;

	memset(plan, 0, sizeof *plan);
	plan->shape = *shape;
	if (shape->batch == 1 && shape->kind == QMAC_STEP_REGRESSION) {
		plan->operations = &qmac_linear_operations;
		status = qmac_linear_plan_make(&plan->of.linear, shape, hw, err);
		plan->step = plan->of.linear.step;
	} else {
		plan->operations = &qmac_step_operations;
		status = qmac_step_plan_make(&plan->of.step, shape, hw, err);
		plan->step = plan->of.step.step;
	}
	return status;
}
