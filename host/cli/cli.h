/*
 * The command line. main.c finds the command and parses its options; each
 * cmd_<name>.c runs one. Only this room prints and exits; text that is not its own is
 * printed by qmac_cli_say() and qmac_cli_warn().
 */
#ifndef QMAC_CLI_CLI_H
#define QMAC_CLI_CLI_H

#include <stdbool.h>

#include "config/run_config.h"
#include "train/train.h"

/* Options that a command takes, as bits. */
enum {
	QMAC_CLI_SETTINGS = 1, /* --set, --hw, --data-dir */
	QMAC_CLI_OUT = 2,
	QMAC_CLI_RESUME = 4,
	QMAC_CLI_JOBS = 8,
	QMAC_CLI_TRACE = 16,   /* --trace, --trace-from, --trace-count */
	QMAC_CLI_REPLAY = 32,  /* --wave */
	QMAC_CLI_LOCKSTEP = 64, /* --timed, --stalls */
	QMAC_CLI_FUZZ = 128,   /* --hw FILE..., --timed, --stalls without a seed, and those of fuzz */
	QMAC_CLI_BACKEND = 256,
	QMAC_CLI_QUIET = 512,
	QMAC_CLI_SET = 1024,    /* --set alone */
	QMAC_CLI_EVAL = 2048,
	QMAC_CLI_REPORT = 4096, /* --array, --goal */
	QMAC_CLI_TOPOLOGY = 8192 /* --topology, --dataflow, --training */
};

struct qmac_lockstep_settings;

struct qmac_cli_options {
	const char **files;            /* what stands beside the options */
	int file_count;
	const char *base;              /* what the folder of the results is called after; NULL: the run file */
	struct qmac_setting *settings;
	int setting_count;
	const char *out;               /* NULL where not given, like the next four */
	const char *trace, *backend, *wave, *eval_only;
	int64_t trace_from, trace_count; /* -1 where not given */
	int64_t stalls;                /* 0 where not given */
	int jobs;                      /* 0 where not given */
	/* of fuzz: NULL, 0, or -1 for count and seed, where not given; hw_count files */
	const char **hw, *kind;
	int hw_count, configs;
	const char *topology, *dataflow, *goal; /* NULL where not given */
	int64_t count, seed;
	bool resume, timed, stalled, quiet, array, training, help;
	void *storage;                 /* of keys */
};

struct qmac_cli_command {
	const char *name;
	const char *arguments; /* behind the name, in the usage line */
	const char *help;
	unsigned options;      /* QMAC_CLI_* */
	int files_min, files_max;
	enum qmac_status (*run)(const struct qmac_cli_options *options, struct qmac_error *err);
};

/* Parses what stands behind the command's name. Free also after a failure. */
QMAC_MUST_CHECK enum qmac_status qmac_cli_parse(const struct qmac_cli_command *command, int argc, char **argv,
                                                struct qmac_cli_options *options, struct qmac_error *err);
void qmac_cli_options_free(struct qmac_cli_options *options);

enum qmac_status qmac_cli_train(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_cosim(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_estimate(const struct qmac_cli_options *options, struct qmac_error *err);
/* `qmac estimate --topology`. */
enum qmac_status qmac_cli_topology(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_config(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_sweep(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_replay(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_fuzz(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_net(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_area(const struct qmac_cli_options *options, struct qmac_error *err);
enum qmac_status qmac_cli_report(const struct qmac_cli_options *options, struct qmac_error *err);

/* The run file and the settings of the command line. */
QMAC_MUST_CHECK enum qmac_status qmac_cli_load(const struct qmac_cli_options *options,
                                               struct qmac_run_config *config, struct qmac_error *err);

/* What `qmac train` does, with a device that is opened with these settings. */
QMAC_MUST_CHECK enum qmac_status qmac_cli_train_with(const struct qmac_cli_options *options,
                                                     const struct qmac_lockstep_settings *settings,
                                                     struct qmac_error *err);

/*
 * The same for a run that will be: says which settings of the command line it does not look at, and settles
 * the folder of its results. Without --out that is "qmac-out/fig1-halp-8" of configs/run/fig1.yaml, with the
 * suffix behind it; a result of another configuration that is there is spoken of before it is replaced.
 */
QMAC_MUST_CHECK enum qmac_status qmac_cli_prepare(const struct qmac_cli_options *options, const char *suffix,
                                                  struct qmac_run_config *config, char folder[QMAC_PATH_MAX],
                                                  struct qmac_error *err);

/* The lines that a training or an estimate ends with, from its result folder. */
enum qmac_status qmac_cli_print_summary(const char *folder, struct qmac_error *err);

/* A table of what a network saved against a run in 32 bits; nothing where the summary has none. */
struct qmac_json;
void qmac_cli_print_speedup(const struct qmac_json *summary);

/*
 * Refuses a setting of backend, for commands that do not ask which it is: a run file may name any, but who
 * gives one with the command would be surprised by another. why: what the command does instead.
 */
QMAC_MUST_CHECK enum qmac_status qmac_cli_refuse_backend(const struct qmac_cli_options *options,
                                                         const char *why, struct qmac_error *err);

/*
 * Print to stdout and to stderr as printf does, but without power over the terminal: names, arguments and
 * what files say may hold anything (qmac_text_show).
 */
__attribute__((format(printf, 1, 2)))
void qmac_cli_say(const char *format, ...);
__attribute__((format(printf, 1, 2)))
void qmac_cli_warn(const char *format, ...);

/* For settings.on_note: a line on stderr. */
void qmac_cli_note(void *context, const char *text);

/* "fig1" of "configs/run/fig1.yaml": fit to be, or to begin, the name of a folder. */
void qmac_cli_stem(const char *file, char *stem, size_t size);

/* First thing: descriptors 0 to 2 that are closed are /dev/null, so that no file of ours is taken for one. */
void qmac_cli_open_streams(void);
/*
 * Last thing: writes what is left of the standard output. Where not all of it could be written it says so,
 * and status becomes QMAC_BAD_INPUT if it was none before. Who has closed a pipe before its end has seen
 * enough: without another status the program then ends by SIGPIPE, as programs do, and says nothing.
 */
enum qmac_status qmac_cli_close_output(enum qmac_status status);
/* In the middle of a long run: ends it like a signal where nobody gets its output any more. */
void qmac_cli_flush_output(void);

/*
 * From now on a bus error of a file that is mapped into memory (a full disk while waves are written, a
 * damaged library in the cache) ends the program with status 2 and a line that says so. A handler that
 * is there already, as the sanitizers' is, stays.
 */
void qmac_cli_catch_bus_error(void);

/* Between these two it also removes the temporary file, half-written, of the waves that will be `path`. */
void qmac_cli_waves_begin(const char *path, const char *temporary);
void qmac_cli_waves_end(void);

/*
 * How far something long is, on stderr. On a terminal that is one line, drawn anew ten times a second at
 * most. In a log it is a line after each tenth and each minute, whichever comes first, but none within five
 * seconds of the start or of the one before; and a line about the steps of an epoch where nothing was said
 * for a minute. With --quiet it is nothing.
 */
enum qmac_cli_progress_form { QMAC_CLI_SILENT, QMAC_CLI_LIVE, QMAC_CLI_LINES };

struct qmac_cli_progress {
	enum qmac_cli_progress_form form;
	int64_t total, part;       /* set them before the first report; part: of a report, 1 */
	bool begun, drawn;         /* drawn: a live line stands there */
	int64_t first;             /* done before the start */
	double start, told;        /* seconds; told: when a line of any kind was last told */
	double told_whole, told_share; /* the same of lines that are not about a step, and the share by then */
	char figure[80];           /* of the last row of metrics that had one */
};

void qmac_cli_progress_start(struct qmac_cli_progress *progress, const struct qmac_cli_options *options);
/* The total is that of a training of so many epochs. */
void qmac_cli_progress_epochs(struct qmac_cli_progress *progress, int64_t epochs);
/* So much of the total is done. The format says so; share and time left come behind it. */
__attribute__((format(printf, 3, 4)))
void qmac_cli_progress_show(struct qmac_cli_progress *progress, int64_t done, const char *format, ...);
/* Takes a live line away: before anything else is printed, and in the end. */
void qmac_cli_progress_clear(struct qmac_cli_progress *progress);
/* For job.on_metrics: shows a row of metrics; context is the progress of a number of epochs. */
int qmac_cli_progress_metrics(void *context, const struct qmac_metrics *metrics);
/* For job.on_step: shows how far the running epoch is; context as above. */
void qmac_cli_progress_step(void *context, const struct qmac_train_step *step);

/*
 * What these are made of, at a time that is given: whether it is to be told, and share and time left; of a
 * step also the time left of its epoch, and the steps in a second or the seconds of a step.
 */
void qmac_cli_progress_begin(struct qmac_cli_progress *progress, enum qmac_cli_progress_form form,
                             double now);
bool qmac_cli_progress_text(struct qmac_cli_progress *progress, double now, int64_t done, char *text,
                            size_t size);
bool qmac_cli_progress_step_text(struct qmac_cli_progress *progress, double now,
                                 const struct qmac_train_step *step, char *text, size_t size);

#endif
