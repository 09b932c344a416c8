/*
 * The fuzzer: random streams on random hardware, on a device that is tested and on the
 * reference; a difference is made small and written as a trace (docs/fuzzing.md).
 */
#ifndef QMAC_FUZZ_FUZZ_H
#define QMAC_FUZZ_FUZZ_H

#include <signal.h>

#include "config/input.h"
#include "fuzz/player.h"

enum { QMAC_FUZZ_PATH_MAX = 512 };

struct qmac_fuzz_options {
	struct qmac_fuzz_target target;
	uint64_t seed;               /* below 2^63 */
	int configs;                 /* hardware configurations, at least 1 */
	int64_t commands;            /* over all of them, at least one for each */
	const struct qmac_hw *hw;    /* hw_count of them, taken in turn; none: random */
	int hw_count;
	int kind;                    /* enum qmac_fuzz_kind, or QMAC_FUZZ_KINDS for all */
	bool stalls;
	const char *folder;          /* of traces; made at the start of a run */
	const struct qmac_inputs *inputs; /* files that no trace replaces; may be NULL */
	int jobs;                    /* processes at a time */
	/* not 0: stop; may be NULL. A target's wait may then fail with QMAC_CHECK_FAILED: no difference. */
	const volatile sig_atomic_t *stop;
};

/* What became of one configuration. */
struct qmac_fuzz_result {
	uint64_t seed;               /* alone it gives this configuration, as number 0 */
	struct qmac_hw hw;
	int64_t commands, wanted;    /* played; to be played */
	int64_t streams[QMAC_FUZZ_KINDS];
	enum qmac_status status;     /* CHECK_FAILED: a difference; others: the run itself failed */
	struct qmac_error err;
	/* after a difference */
	bool tried, reproduced;      /* it was seen whether the stream fails alone; it does, and was made small */
	uint64_t stalls;             /* with which it fails alone; 0: none needed */
	int64_t left;                /* commands of the small stream */
	char trace[QMAC_FUZZ_PATH_MAX]; /* "" where there is none */
};

/* What is known of configuration number `index` before it runs: seed, hardware, commands to be played. */
void qmac_fuzz_begin(const struct qmac_fuzz_options *options, int index, struct qmac_fuzz_result *result);

/*
 * Makes the folder of traces, and refuses one in which none can be written. A run starts with it, so that
 * the trace of a long one is not lost.
 */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_make_folder(const struct qmac_fuzz_options *options,
                                                       struct qmac_error *err);

/* Configuration number `index`, in this process. Once stopped it is QMAC_OK with less played than wanted. */
void qmac_fuzz_configuration(const struct qmac_fuzz_options *options, int index,
                             struct qmac_fuzz_result *result);

/*
 * All configurations, each in a process of its own. on_result is called in their order, as soon as all
 * before have ended, too; the results do not depend on jobs. Returns the worst status with a message that
 * counts; QMAC_CHECK_FAILED also where the run was stopped before all was played. Nothing is played where
 * the folder is no good.
 */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_run(const struct qmac_fuzz_options *options,
                                               void (*on_result)(void *context, int index,
                                                                 const struct qmac_fuzz_result *result),
                                               void *context, struct qmac_error *err);

#endif
