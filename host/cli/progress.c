#define _POSIX_C_SOURCE 200809L
#include "cli/cli.h"

#include <inttypes.h>
#include <time.h>
#include <unistd.h>

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

void qmac_cli_progress_start(struct qmac_cli_progress *progress, int64_t epochs)
{
	progress->shown = isatty(STDERR_FILENO);
	progress->start = seconds();
	progress->drawn = 0;
	progress->epochs = epochs;
}

void qmac_cli_progress_show(struct qmac_cli_progress *progress, const struct qmac_metrics *metrics)
{
	double now = seconds(), elapsed = now - progress->start;

	if (!progress->shown || now - progress->drawn < 0.1)
		return;
	progress->drawn = now;
	fprintf(stderr, "\repoch %" PRId64 "/%" PRId64, metrics->epoch, progress->epochs);
	if (!metrics->estimated)
		fprintf(stderr, "  %s %.3e", qmac_figure_kinds[metrics->headline].title,
		        qmac_metrics_figure(metrics, metrics->headline));
	if (metrics->epoch > 0 && elapsed > 0)
		fprintf(stderr, "  %.0f steps/s  %.0f s left", (double)metrics->step / elapsed,
		        elapsed * (double)(progress->epochs - metrics->epoch) / (double)metrics->epoch);
	fputs("\033[K", stderr);
	fflush(stderr);
}

void qmac_cli_progress_end(struct qmac_cli_progress *progress)
{
	if (progress->shown)
		fputs("\r\033[K", stderr);
}
