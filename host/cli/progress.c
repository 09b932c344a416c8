#define _POSIX_C_SOURCE 200809L
#include "cli/cli.h"

#include <inttypes.h>
#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

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

	*progress = (struct qmac_cli_progress){.form = form, .start = now, .told = told};
}

void qmac_cli_progress_start(struct qmac_cli_progress *progress, const struct qmac_cli_options *options)
{
	enum qmac_cli_progress_form loud = isatty(STDERR_FILENO) ? QMAC_CLI_LIVE : QMAC_CLI_LINES;

	qmac_cli_progress_begin(progress, options->quiet ? QMAC_CLI_SILENT : loud, seconds());
}

static bool is_due(const struct qmac_cli_progress *progress, double now, double share)
{
	double gap = now - progress->told;

	switch (progress->form) {
	case QMAC_CLI_LIVE:
		return gap >= live_gap;
	case QMAC_CLI_LINES:
		/* At the end there is the summary. */
		return share < 1 && gap >= line_gap &&
		       (gap >= line_gap_max || share - progress->told_share >= line_share);
	default:
		return false;
	}
}

bool qmac_cli_progress_text(struct qmac_cli_progress *progress, double now, int64_t done, char *text,
                            size_t size)
{
	int64_t total = progress->total;
	double share = total > 0 ? (double)done / (double)total : 1, left;
	size_t used;

	if (!progress->begun) {
		progress->begun = true;
		/* What goes on from a checkpoint begins with a later one; what is ready at 0 has been made ready. */
		progress->first = done > 0 ? done - 1 : 0;
		progress->told_share = total > 0 ? (double)progress->first / (double)total : 0;
		progress->start = done > 0 ? progress->start : now;
	}
	if (!is_due(progress, now, share))
		return false;
	progress->told = now;
	progress->told_share = share;
	used = (size_t)snprintf(text, size, ", %" PRId64 " %%", total > 0 ? 100 * done / total : 100);
	if (done <= progress->first || done >= total || used >= size)
		return true;
	left = (now - progress->start) * (double)(total - done) / (double)(done - progress->first);
	if (left < 120)
		snprintf(text + used, size - used, ", %.0f s left", left);
	else if (left < 7200)
		snprintf(text + used, size - used, ", %.0f min left", left / 60);
	else
		snprintf(text + used, size - used, ", %.1f h left", left / 3600);
	return true;
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
	if (progress->form == QMAC_CLI_LIVE)
		fprintf(stderr, "\r%s%s\033[K", head, tail);
	else
		fprintf(stderr, "qmac: %s%s\n", head, tail);
	fflush(stderr);
	progress->drawn = progress->form == QMAC_CLI_LIVE;
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
	char figure[80] = "";

	if (!metrics->estimated && (kind->always || !isnan(value)))
		snprintf(figure, sizeof figure, kind->over_magnitudes ? ", %s %.3e" : ", %s %.4f", kind->name, value);
	qmac_cli_progress_show(progress, metrics->epoch, "epoch %" PRId64 " of %" PRId64 "%s", metrics->epoch,
	                       progress->total, figure);
	return 0;
}
