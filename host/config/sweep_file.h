/*
 * Reads a sweep file (configs/sweep/):
 *
 *   base: ../run/fig1.yaml          the run file, relative to the sweep file
 *   set: {epochs: 100}              settings of every run
 *   runs:                           each entry is a product of its lists
 *     - {algorithm: [sgd, svrg]}
 *     - {algorithm: [lp_sgd, lp_svrg, halp], bits: [8, 16]}
 *   plot: {y: grad_norm, x: epoch}  columns of metrics.csv to draw, y logarithmic; or
 *   plot: {y: grad_norm, x: kappa, best: mu}  a column of results.csv against a key of run files, at
 *                                 each x the run with the smallest y over all values of a second key
 *   pareto: {x: cycles, y: grad_norm}  columns of results.csv, both to be small
 *   goal: grad_norm=1,0.01        a figure and values of it: what runs took to come to each (report/goal.h)
 *   retime: false                 every run is trained, also where another has its values
 *
 * A run is called after the values that vary among the runs, joined by '-'. A key `name` in an
 * entry replaces that, or stands before what varies within the entry. Paths are relative to the
 * sweep file. A setting's `option` is its place, "fig1.yaml:7".
 *
 * Runs that agree in all settings but `seed` are a group, of which a sweep gives statistics
 * (sweep/seeds.h).
 */
#ifndef QMAC_CONFIG_SWEEP_FILE_H
#define QMAC_CONFIG_SWEEP_FILE_H

#include "config/run_config.h"

/* One run of the sweep: settings beyond the base file. */
struct qmac_sweep_run {
	char name[128];                  /* "halp-8-1": the values that vary; unique; safe as a folder name */
	char group[128];                 /* "halp-8": the same without the seed; "run" where nothing is left */
	struct qmac_setting *settings;   /* those of `set`, then the run's own */
	int setting_count;
};

enum { QMAC_SWEEP_AXES = 6 };

/* Files that a sweep writes in its folder, beside the folders of its runs. */
enum qmac_sweep_member {
	QMAC_SWEEP_RESULTS, QMAC_SWEEP_PLOT, QMAC_SWEEP_CURVE, QMAC_SWEEP_SEEDS, QMAC_SWEEP_GOALS,
	QMAC_SWEEP_MEMBERS
};
extern const char *const qmac_sweep_member_names[QMAC_SWEEP_MEMBERS];

/* Is it one of these names, or the temporary name of one? A run must not have its folder there. */
bool qmac_sweep_owns(const char *name);

struct qmac_sweep {
	char file[QMAC_PATH_MAX];        /* the sweep file */
	char base[QMAC_PATH_MAX];
	struct qmac_sweep_run *runs;
	int run_count;
	char plot_x[64], plot_y[64];     /* "" where no plot is asked for */
	char plot_best[64];              /* "" where there is nothing to choose from */
	char pareto_x[64], pareto_y[64]; /* "" where no front is asked for */
	char goal[128];                  /* as it stands in the file; "" where there is none */
	bool retime;                     /* of runs that differ in their hardware alone one is trained */
	/* Where the file has these names, in the order of their members; line 0: nowhere. */
	struct {
		int line, column;
	} axes[QMAC_SWEEP_AXES];
	void *storage;
};

/* Every setting's key and value is checked as by qmac_run_config_load, before any run starts. */
QMAC_MUST_CHECK enum qmac_status qmac_sweep_load(struct qmac_sweep *sweep, const char *file,
                                                 struct qmac_error *err);
void qmac_sweep_free(struct qmac_sweep *sweep);

/*
 * Gives err, about `name`, its place in the file; name is one of the members plot_x to goal. Returns
 * QMAC_BAD_INPUT.
 */
enum qmac_status qmac_sweep_blame(const struct qmac_sweep *sweep, const char *name, struct qmac_error *err);

/* The setting of that key which the run gets, of several the last; NULL: as the base file says. */
const struct qmac_setting *qmac_sweep_find(const struct qmac_sweep_run *run, const char *key);

/* Is there a run with another value of that setting, or without it? */
bool qmac_sweep_varies(const struct qmac_sweep *sweep, const struct qmac_setting *setting);

/* Have both runs the same settings, that of the key `but` left out? */
bool qmac_sweep_agree(const struct qmac_sweep_run *left, const struct qmac_sweep_run *right, const char *but);

#endif
