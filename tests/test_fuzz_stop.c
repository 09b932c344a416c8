/*
 * A fuzzing that is stopped in the middle of a stream, on a device whose wait ends with the stop: the stream
 * does not count, and is no difference; a difference that was found before stays one.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "backend/wrapper.h"
#include "fuzz/fuzz.h"
#include "reference/faulty_backend.h"
#include "test.h"

static volatile sig_atomic_t stopped;

/* When a device tells of a stop: in a wait of the device of that number, once it has waited so often. */
struct plan {
	enum fault fault;
	int device, waits;
	int opened, waited;
};

struct stopper {
	struct qmac_wrapper wrapper; /* first: it is a backend */
	struct plan *plan;
	int number;
};

static enum qmac_status wait_interrupt(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                       struct qmac_error *err)
{
	struct stopper *s = (struct stopper *)(void *)backend;

	if (s->number == s->plan->device && ++s->plan->waited > s->plan->waits)
		stopped = 1;
	if (stopped)
		return qmac_fail(err, QMAC_CHECK_FAILED, "stopped in device cycle 7");
	return qmac_wrapper_wait(backend, cycles, raised, err);
}

static enum qmac_status open_stopper(void *context, const struct qmac_hw *hw,
                                     const struct qmac_device_options *options, uint64_t stalls,
                                     struct qmac_backend **backend, struct qmac_error *err)
{
	static const struct qmac_backend_operations operations = {
		.name = "stopper", .read = qmac_wrapper_read, .write = qmac_wrapper_write,
		.read_memory = qmac_wrapper_read_memory, .write_memory = qmac_wrapper_write_memory,
		.wait = wait_interrupt, .kernel = qmac_wrapper_kernel,
		.peek = qmac_wrapper_peek, .destroy = qmac_wrapper_destroy,
	};
	struct plan *plan = context;
	struct qmac_fuzz_target faulty = faulty_target(&plan->fault);
	struct stopper *s = calloc(1, sizeof *s);
	struct qmac_backend *inner;
	enum qmac_status status;

	if (!s)
		abort();
	s->plan = plan;
	s->number = plan->opened++;
	status = faulty.open(faulty.context, hw, options, stalls, &inner, err);
	if (status) {
		free(s);
		return status;
	}
	qmac_wrapper_init(&s->wrapper, &operations, inner);
	*backend = &s->wrapper.base;
	return QMAC_OK;
}

static struct qmac_fuzz_result play(struct plan *plan)
{
	uint64_t rng = test_seed();
	const struct qmac_fuzz_options options = {
		.target = {open_stopper, plan}, .seed = test_random(&rng) >> 1, .configs = 1, .commands = 8000,
		.kind = QMAC_FUZZ_LEGAL, .folder = test_folder(), .jobs = 1, .stop = &stopped,
	};
	struct qmac_fuzz_result result;

	stopped = 0;
	qmac_fuzz_configuration(&options, 0, &result);
	CU_ASSERT_EQUAL(stopped, plan->device >= 0);
	return result;
}

/* Of a run that is not stopped, `result` has some whole streams. */
static void test_stream(void)
{
	for (int waits = 0; waits < 60; waits += 7) {
		struct plan plan = {.fault = FAULT_NONE, .device = 0, .waits = waits};
		struct qmac_fuzz_result result = play(&plan);

		CU_ASSERT(result.status == QMAC_OK && !result.err.message[0] && !result.trace[0]);
		CU_ASSERT(result.commands < result.wanted && !result.tried);
		CU_ASSERT((result.commands == 0) == (result.streams[QMAC_FUZZ_LEGAL] == 0));
		CU_ASSERT(waits > 0 || result.commands == 0);
		CU_ASSERT_EQUAL(plan.opened, 1);
	}
}

/* Device 1 is the first on which the stream is played alone. */
static void test_search(void)
{
	struct plan plan = {.fault = FAULT_DIGEST, .device = 1};
	struct qmac_fuzz_result result = play(&plan);

	CU_ASSERT(result.status == QMAC_CHECK_FAILED && !result.tried && !result.reproduced && !result.trace[0]);
	CU_ASSERT_PTR_NOT_NULL(strstr(result.err.message, "digest"));
	CU_ASSERT_PTR_NOT_NULL(strstr(result.err.message, "; no trace: stopped"));
	CU_ASSERT_EQUAL(plan.opened, 2);
}

/* What had become of the stream by then is written, and fails still. */
static void test_minimising(void)
{
	int64_t left = 1000000;

	for (int device = 2; device <= 12; device += 5) {
		const struct qmac_replay replay = {.backend = "cmodel", .timed = true};
		struct plan plan = {.fault = FAULT_DIGEST, .device = device};
		struct qmac_fuzz_result result = play(&plan);
		struct qmac_trace *trace;

		CU_ASSERT(result.status == QMAC_CHECK_FAILED && result.tried && result.reproduced);
		CU_ASSERT_PTR_NOT_NULL(strstr(result.err.message, "digest"));
		CU_ASSERT_PTR_NULL(strstr(result.err.message, "stopped"));
		CU_ASSERT_EQUAL(plan.opened, device + 1);
		CU_ASSERT(result.left >= 1 && result.left <= left);
		left = result.left;
		CU_ASSERT_EQUAL_FATAL(qmac_trace_read(result.trace, &trace, NULL), QMAC_OK);
		CU_ASSERT_EQUAL((int64_t)trace->command_count, left);
		CU_ASSERT_EQUAL(qmac_trace_replay(trace, &replay, NULL, NULL, NULL), QMAC_OK);
		qmac_trace_destroy(trace);
		remove(result.trace);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"in a stream", test_stream},
		{"before a difference was seen alone", test_search},
		{"while it is made small", test_minimising},
	};

	return test_main("test_fuzz_stop", cases, TEST_COUNT(cases));
}
