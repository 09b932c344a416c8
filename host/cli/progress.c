#define _DEFAULT_SOURCE
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>

enum { EPOCH = 1000000 }; /* of the total of a training: an epoch, whatever its number of steps */

/* A live line is drawn so often, in seconds; lines of a log have so much between them, seconds and share. */
static const double live_gap = 0.1, line_gap = 5, line_gap_max = 60, line_share = 0.1;

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void qmac_cli_progress_begin(struct qmac_cli_progress *progress, enum qmac_cli_progress_form form,
                             double now)
{
	double told = form == QMAC_CLI_LIVE ? 0 : now;

	*progress = (struct qmac_cli_progress){.form = form, .part = 1, .start = now, .told = told,
	                                       .told_whole = told};
}

void qmac_cli_progress_epochs(struct qmac_cli_progress *progress, int64_t epochs)
{
	progress->part = EPOCH;
	progress->total = epochs * EPOCH;
}

void qmac_cli_progress_start(struct qmac_cli_progress *progress, const struct qmac_cli_options *options)
{
	enum qmac_cli_progress_form loud = isatty(STDERR_FILENO) ? QMAC_CLI_LIVE : QMAC_CLI_LINES;

	qmac_cli_progress_begin(progress, options->quiet ? QMAC_CLI_SILENT : loud, seconds());
}

static double share_of(const struct qmac_cli_progress *progress, int64_t done)
{
	return progress->total > 0 ? (double)done / (double)progress->total : 1;
}

/* The first report says how much there was; what goes on from a checkpoint begins with a later one. */
static void note_first(struct qmac_cli_progress *progress, double now, int64_t done, int64_t part)
{
	if (progress->begun)
		return;
	progress->begun = true;
	/* what is ready at 0 has been made ready: the time until then is not that of the work */
	progress->first = done > 0 ? done - part : 0;
	progress->told_share = share_of(progress, progress->first);
	progress->start = done > 0 ? progress->start : now;
}

static bool is_due(const struct qmac_cli_progress *progress, double now, double share, bool whole)
{
	double gap = now - progress->told_whole;

	switch (progress->form) {
	case QMAC_CLI_LIVE:
		return (whole ? gap : now - progress->told) >= live_gap;
	case QMAC_CLI_LINES:
		if (!whole)
			return now - progress->told >= line_gap_max;
		/* At the end there is the summary. */
		return share < 1 && gap >= line_gap &&
		       (gap >= line_gap_max || share - progress->told_share >= line_share);
	default:
		return false;
	}
}

static bool is_told(struct qmac_cli_progress *progress, double now, int64_t done, bool whole)
{
	double share = share_of(progress, done);

	if (!is_due(progress, now, share, whole))
		return false;
	progress->told = now;
	if (whole) {
		progress->told_whole = now;
		progress->told_share = share;
	}
	return true;
}

/* Text in a buffer of that size, which it never leaves. */
struct line {
	char *text;
	size_t size, used;
};

__attribute__((format(printf, 2, 3)))
static void add(struct line *line, const char *format, ...)
{
	va_list arguments;
	int count;

	va_start(arguments, format);
	count = vsnprintf(line->text + line->used, line->size - line->used, format, arguments);
	va_end(arguments);
	line->used += count > 0 ? (size_t)count : 0;
	line->used = line->used < line->size ? line->used : line->size - 1;
}

static void add_time(struct line *line, double time)
{
	if (time < 120)
		add(line, "%.0f s", time);
	else if (time < 7200)
		add(line, "%.0f min", time / 60);
	else
		add(line, "%.1f h", time / 3600);
}

/* Seconds that one of the total takes; NaN where nothing has been done yet. */
static double pace(const struct qmac_cli_progress *progress, double now, int64_t done)
{
	return done > progress->first ? (now - progress->start) / (double)(done - progress->first) : NAN;
}

static void add_share(struct line *line, const struct qmac_cli_progress *progress, double now, int64_t done)
{
	int64_t total = progress->total;
	double one = pace(progress, now, done);

	add(line, ", %" PRId64 " %%", total > 0 ? 100 * done / total : 100);
	if (isnan(one) || done >= total)
		return;
	add(line, ", ");
	add_time(line, one * (double)(total - done));
	add(line, " left");
}

bool qmac_cli_progress_text(struct qmac_cli_progress *progress, double now, int64_t done, char *text,
                            size_t size)
{
	struct line line = {text, size, 0};

	note_first(progress, now, done, progress->part);
	if (!is_told(progress, now, done, true))
		return false;
	add_share(&line, progress, now, done);
	return true;
}

/* Of the total, when so many steps of the running epoch are done. */
static int64_t done_by(const struct qmac_train_step *step, int64_t steps)
{
	return (step->epoch - 1) * EPOCH + EPOCH * steps / step->steps;
}

bool qmac_cli_progress_step_text(struct qmac_cli_progress *progress, double now,
                                 const struct qmac_train_step *step, char *text, size_t size)
{
	struct line line = {text, size, 0};
	int64_t done = done_by(step, step->step), end = step->epoch * EPOCH;
	double one, rate;

	note_first(progress, now, done, done - done_by(step, step->step - 1));
	if (!is_told(progress, now, done, false))
		return false;
	add_share(&line, progress, now, done);
	one = pace(progress, now, done);
	if (isnan(one) || one <= 0)
		return true;
	add(&line, ", epoch ");
	add_time(&line, one * (double)(end - done));
	rate = (double)step->steps / (one * EPOCH);
	if (rate >= 1)
		add(&line, ", %.1f steps/s", rate);
	else
		add(&line, ", %.1f s/step", 1 / rate);
	return true;
}

/* A live line that is wider than the terminal would go on in a second one, and stay there. */
static int columns(void)
{
	struct winsize window;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &window) == 0 && window.ws_col > 1 ? window.ws_col - 1 : 79;
}

static void print_line(struct qmac_cli_progress *progress, const char *head, const char *tail)
{
	char line[320];

	snprintf(line, sizeof line, "%s%s", head, tail);
	if (progress->form == QMAC_CLI_LIVE)
		fprintf(stderr, "\r%.*s\033[K", columns(), line);
	else
		fprintf(stderr, "qmac: %s\n", line);
	fflush(stderr);
	progress->drawn = progress->form == QMAC_CLI_LIVE;
}

void qmac_cli_progress_show(struct qmac_cli_progress *progress, int64_t done, const char *format, ...)
{
	char head[160], tail[64];
	va_list arguments;

	if (!qmac_cli_progress_text(progress, seconds(), done, tail, sizeof tail))
		return;
	va_start(arguments, format);
	vsnprintf(head, sizeof head, format, arguments);
	va_end(arguments);
	print_line(progress, head, tail);
}

void qmac_cli_progress_clear(struct qmac_cli_progress *progress)
{
	if (progress->drawn)
		fputs("\r\033[K", stderr);
	progress->drawn = false;
}

int qmac_cli_progress_metrics(void *context, const struct qmac_metrics *metrics)
{
	struct qmac_cli_progress *progress = context;
	const struct qmac_figure_kind *kind = &qmac_figure_kinds[metrics->headline];
	double value = qmac_metrics_figure(metrics, metrics->headline);
	bool has_figure = !metrics->estimated && (kind->always || !isnan(value));

	if (has_figure)
		snprintf(progress->figure, sizeof progress->figure,
		         kind->over_magnitudes ? ", %s %.3e" : ", %s %.4f", kind->name, value);
	qmac_cli_progress_show(progress, metrics->epoch * EPOCH, "epoch %" PRId64 " of %" PRId64 "%s",
	                       metrics->epoch, progress->total / EPOCH, has_figure ? progress->figure : "");
	return 0;
}

void qmac_cli_progress_step(void *context, const struct qmac_train_step *step)
{
	struct qmac_cli_progress *progress = context;
	char head[120], text[96], tail[256], loss[32] = "";

	if (!qmac_cli_progress_step_text(progress, seconds(), step, text, sizeof text))
		return;
	if (!isnan(step->loss))
		snprintf(loss, sizeof loss, ", loss %.4f", step->loss);
	snprintf(head, sizeof head, "epoch %" PRId64 " of %" PRId64 ", step %" PRId64 " of %" PRId64,
	         step->epoch, progress->total / EPOCH, step->step, step->steps);
	snprintf(tail, sizeof tail, "%s%s%s", text, loss, progress->figure);
	print_line(progress, head, tail);
}
