/*
 * One training run from its configuration to its result folder: what
 * `qmac train` does, and every process of a sweep.
 */
#ifndef QMAC_RUN_JOB_H
#define QMAC_RUN_JOB_H

#include <signal.h>
#include <stdbool.h>

#include "config/run_config.h"
#include "cosim/lockstep.h"
#include "trace/trace.h"
#include "train/train.h"

struct qmac_job {
	const struct qmac_run_config *config;
	const char *folder;
	bool estimate;                     /* no training: what it would cost (qmac_estimate()) */
	const char *recorded;              /* the folder of a run: estimate with its formats; NULL: none */
	const char *counted;               /* of a run that computes the same: its zero MACs (report/zeros.h) */
	/*
	 * The folder of the same run, trained on other hardware, on which its values do not depend (retime.h):
	 * an estimate that gets these, and so is a whole result. NULL: none; then `resume` does not keep a
	 * result that was made so.
	 */
	const char *timed_from;
	/*
	 * A whole result of the same configuration is kept, and a run that was ended goes on from its
	 * checkpoint; with start_over, from its beginning where that one is damaged or of another configuration.
	 */
	bool resume, start_over;
	const char *trace_file;            /* a trace of the window's commands goes there; NULL: none */
	struct qmac_trace_window window;
	const struct qmac_lockstep_settings *settings; /* NULL: none; failure_trace is <folder>/mismatch.trace */
	/*
	 * Once it is not 0 (a signal's number) the run ends at its next checkpoint, and where none is to come
	 * after the epoch; may be NULL. Where it is that of process/stop.h, whatever takes longer than that
	 * allows is given up.
	 */
	const volatile sig_atomic_t *stop;
	/* Called for every row of metrics; may be NULL. A non-zero return ends the run. */
	int (*on_metrics)(void *context, const struct qmac_metrics *metrics);
	/* Told of every step of a network; may be NULL. */
	void (*on_step)(void *context, const struct qmac_train_step *step);
	/* Told what should be said of the data, before the first row; may be NULL. */
	void (*on_note)(void *context, const char *text);
	/* Told why a result of the same configuration is not kept; may be NULL. */
	void (*on_lost)(void *context, const char *text);
	void *context;
};

struct qmac_job_result {
	bool kept;          /* by `resume`: nothing was done */
	bool diverged;      /* the results are written (or kept), and say so */
	uint64_t traced;    /* commands in the trace file; 0 where there is none */
	char warning[512];  /* why the plot is missing, or "" */
};

/*
 * Runs the training and writes its folder. A run that was ended early leaves no results but, where one was
 * due, a checkpoint, from which `resume` goes on, and returns QMAC_CHECK_FAILED, as does one that diverged
 * although run.divergence is "fail": that one after its results were written. The trace is written also
 * where the run fails. A folder that another process writes into is refused with QMAC_LOCKED, a checkpoint
 * that `resume` cannot go on from with QMAC_BAD_INPUT. Files that the run reads are
 * never written over.
 */
QMAC_MUST_CHECK enum qmac_status qmac_job_run(const struct qmac_job *job, struct qmac_job_result *result,
                                              struct qmac_error *err);

#endif
