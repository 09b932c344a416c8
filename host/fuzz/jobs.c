/*
 * Configurations side by side, each in a process of its own; results wait until it is their turn.
 */
#include <stdlib.h>
#include <string.h>

#include "fuzz/fuzz.h"
#include "process/pool.h"

_Static_assert(sizeof(struct qmac_fuzz_result) <= QMAC_POOL_ANSWER_MAX, "an answer fits the pool's pipe");

struct outcome {
	struct qmac_fuzz_result result;
	bool ended;
};

struct run {
	const struct qmac_fuzz_options *options;
	struct outcome *outcomes; /* one for each configuration */
	int told;                 /* of the first so many */
	void (*on_result)(void *context, int index, const struct qmac_fuzz_result *result);
	void *context;
};

/* In a process of its own. */
static void work(void *context, int index, void *answer)
{
	const struct run *run = context;

	qmac_fuzz_configuration(run->options, index, answer);
}

static void on_end(void *context, int index, const void *answer, const struct qmac_error *err)
{
	struct run *run = context;
	struct outcome *o = &run->outcomes[index];

	if (answer) {
		memcpy(&o->result, answer, sizeof o->result);
	} else {
		qmac_fuzz_begin(run->options, index, &o->result);
		o->result.status = QMAC_INTERNAL;
		o->result.err = *err;
	}
	o->ended = true;
	for (; run->told < run->options->configs && run->outcomes[run->told].ended; run->told++)
		run->on_result(run->context, run->told, &run->outcomes[run->told].result);
}

static enum qmac_status verdict(const struct outcome *outcomes, int ran, int count, struct qmac_error *err)
{
	enum qmac_status worst = QMAC_OK;
	int failed = 0, whole = 0;

	for (int i = 0; i < ran; i++) {
		const struct qmac_fuzz_result *r = &outcomes[i].result;

		failed += r->status != QMAC_OK;
		whole += r->commands == r->wanted;
		worst = r->status > worst ? r->status : worst;
	}
	if (worst)
		return qmac_fail(err, worst, "%d of %d configurations failed%s", failed, ran,
		                 ran < count ? "; stopped after these" : "");
	/* The last ones may have been stopped half-way. */
	if (whole < count)
		return qmac_fail(err, QMAC_CHECK_FAILED, "stopped after %d of %d configurations", whole, count);
	return QMAC_OK;
}

enum qmac_status qmac_fuzz_run(const struct qmac_fuzz_options *options,
                               void (*on_result)(void *context, int index,
                                                 const struct qmac_fuzz_result *result),
                               void *context, struct qmac_error *err)
{
	enum qmac_status status = qmac_fuzz_make_folder(options, err);
	struct run run = {.options = options, .on_result = on_result, .context = context};
	const struct qmac_pool pool = {
		.count = options->configs, .jobs = options->jobs, .answer_size = sizeof(struct qmac_fuzz_result),
		.work = work, .on_end = on_end, .context = &run, .stop = options->stop,
	};
	int started;

	if (status)
		return status;
	run.outcomes = calloc((size_t)options->configs, sizeof *run.outcomes);
	if (!run.outcomes)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	status = qmac_pool_run(&pool, &started, err);
	if (!status)
		status = verdict(run.outcomes, started, options->configs, err);
	free(run.outcomes);
	return status;
}
