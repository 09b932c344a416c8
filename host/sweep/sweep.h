/*
 * Runs of a sweep, each in a process and a folder of its own, and what they
 * give together: results.csv, seeds.csv, sweep.svg, tables (docs/results.md).
 */
#ifndef QMAC_SWEEP_SWEEP_H
#define QMAC_SWEEP_SWEEP_H

#include <signal.h>
#include <stdbool.h>
#include <stdio.h>

#include "config/sweep_file.h"

struct qmac_sweep_options {
	const char *folder;                /* one folder per run is made in it */
	int jobs;                          /* processes at a time, at least 1 */
	bool resume;                       /* complete results of the same configuration are kept */
	const volatile sig_atomic_t *stop; /* non-zero ends the sweep; may be NULL */
	/*
	 * Called when a run has ended, kept ones included; done of total have. failure is "" where it
	 * succeeded. Called again at the end for a run whose results cannot be read back. May be NULL.
	 */
	void (*on_done)(void *context, const char *name, const char *failure, int done, int total);
	/*
	 * Told what is of no use in the sweep file, before the first run; and by the process of a run what
	 * should be said of its data, once for each data file, and why its result is not kept. May be NULL.
	 */
	void (*on_note)(void *context, const char *text);
	void *context;
	FILE *table;                       /* the tables at the end go here; may be NULL */
};

/*
 * Runs everything. A run that fails does not stop the others: its row of
 * results.csv says so, and the worst status of all runs is returned. warning
 * says why the plot is missing, or is "". A mistake in a configuration or a
 * hardware file is found before the first run starts; the folder of another
 * sweep that is running is refused. Call it in a process without threads.
 */
QMAC_MUST_CHECK enum qmac_status qmac_sweep_run(const struct qmac_sweep *sweep,
                                                const struct qmac_sweep_options *options,
                                                char *warning, size_t warning_size, struct qmac_error *err);

#endif
