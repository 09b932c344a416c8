#include <math.h>
#include <stdlib.h>

#include "num/fixed.h"
#include "step/logistic_arithmetic.h"
#include "train/optimiser.h"
#include "train/residual.h"

struct on_host {
	struct qmac_residual base;
	struct qmac_training *training;
	const struct qmac_linear_arithmetic *step;
	qmac_residual_of *residual;
	double unit, scale;    /* dx delta; 2^p c */
	double largest;        /* |r| in this epoch */
	double expected;       /* |r| that the next epoch's p is chosen for */
	uint64_t samples;      /* of this epoch */
};

static struct on_host *residual_of(struct qmac_residual *residual)
{
	return (struct on_host *)residual;
}

static void destroy(struct qmac_residual *residual)
{
	free(residual_of(residual));
}

static enum qmac_status create(struct qmac_training *training, struct qmac_linear_shape *shape,
                               struct qmac_residual **residual, struct qmac_error *err)
{
	struct on_host *made = calloc(1, sizeof *made);

	if (!made)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for residuals");
	made->base.operations = &qmac_residual_on_host;
	made->training = training;
	made->residual = !training->optimiser->reduces ? qmac_loss_residual :
	                 training->precision.operations->centred ? qmac_loss_centred : qmac_loss_against;
	made->expected = 0.5; /* half the largest residual there can be: p leaves a factor of two */
	shape->outputs = training->loss->layer.outputs;
	shape->kind = QMAC_STEP_LOGISTIC;
	shape->decay = training->run->alpha * training->run->lambda;
	*residual = &made->base;
	return QMAC_OK;
}

static void open(struct qmac_residual *residual, const struct qmac_inner_plan *plan,
                 struct qmac_inner_loop *inner)
{
	(void)inner;
	residual_of(residual)->step = &plan->step;
}

static int begin(struct qmac_residual *residual, const int32_t *z)
{
	struct on_host *on_host = residual_of(residual);
	const struct qmac_training *training = on_host->training;
	double delta = training->precision.delta;
	double quanta = training->run->alpha * training->data.dx / ((double)training->run->batch * delta);
	int p = qmac_logistic_point(on_host->step, on_host->expected, quanta);

	(void)z;
	on_host->unit = training->data.dx * delta;
	on_host->scale = ldexp(quanta, p);
	on_host->largest = 0;
	on_host->samples = 0;
	return p;
}

static int64_t scaled_residual(struct on_host *on_host, double r)
{
	double limit = (double)qmac_max_of(on_host->step->mp_bits);

	if (fabs(r) > on_host->largest)
		on_host->largest = fabs(r);
	if (!(fabs(r) <= 1))
		r = 0; /* undefined logits: the centre is beyond all numbers, and the gradient norm says so */
	return (int64_t)fmin(fmax(rint(on_host->scale * r), -limit - 1), limit);
}

static void run(void *context, const uint32_t *samples, int count, const int64_t *m, int64_t *scaled)
{
	struct on_host *on_host = context;
	const struct qmac_loss *loss = on_host->training->loss;
	int outputs = loss->layer.outputs;
	double r[QMAC_CLASSES_MAX];

	for (int b = 0; !on_host->training->estimated && b < count; b++, m += outputs, scaled += outputs) {
		for (int c = 0; c < outputs; c++)
			r[c] = on_host->unit * (double)m[c];
		on_host->residual(loss, samples[b], r, r);
		for (int c = 0; c < outputs; c++)
			scaled[c] = scaled_residual(on_host, r[c]);
	}
	on_host->samples += (uint64_t)count;
}

static void state(struct qmac_residual *residual, struct qmac_state *into)
{
	struct on_host *on_host = residual_of(residual);

	QMAC_STATE_VALUE(into, "residual.unit", on_host->unit);
	QMAC_STATE_VALUE(into, "residual.scale", on_host->scale);
	QMAC_STATE_VALUE(into, "residual.largest", on_host->largest);
	QMAC_STATE_VALUE(into, "residual.expected", on_host->expected);
	QMAC_STATE_VALUE(into, "residual.samples", on_host->samples);
}

static void resume(struct qmac_residual *residual)
{
	(void)residual;
}

/* Counts the operations, and learns from the residuals. */
static void end(struct qmac_residual *residual)
{
	struct on_host *on_host = residual_of(residual);
	const struct qmac_loss *loss = on_host->training->loss;
	uint64_t outputs = (uint64_t)loss->layer.outputs;
	/* logit, difference, scale; with a centre its logit */
	uint64_t sums = on_host->residual == qmac_loss_centred ? 4 : 3;

	on_host->training->host_flops += on_host->samples *
	                                 (loss->operations->predict_flops((int)outputs) + sums * outputs);
	if (on_host->largest > 0)
		on_host->expected = on_host->largest < 0.5 ? on_host->largest : 0.5;
}

const struct qmac_residual_operations qmac_residual_on_host = {
	.create = create, .destroy = destroy, .open = open, .begin = begin, .run = run,
	.state = state, .resume = resume, .end = end,
};
