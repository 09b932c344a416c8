#define _POSIX_C_SOURCE 200809L
#include "report/plot.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/atomic_file.h"
#include "report/csv.h"
#include "report/json.h"

enum {
	EXIT_NO_GNUPLOT = 127,
	MARKS_MAX = 25 /* points of a series that are marked; more would run together */
};

/* Text between gnuplot's single quotes, in which nothing but the quote itself is special. */
static void write_quoted(FILE *out, const char *text)
{
	fputc('\'', out);
	for (; *text; text++) {
		if (*text == '\'')
			fputc('\'', out);
		fputc((unsigned char)*text < 0x20 ? '?' : *text, out);
	}
	fputc('\'', out);
}

/* One point, where it has a place on the axes. */
static int write_point(FILE *out, const struct qmac_plot *plot, double x, double y)
{
	char x_text[QMAC_REAL_TEXT], y_text[QMAC_REAL_TEXT];

	if (!isfinite(x) || !isfinite(y) || (plot->log_x && x <= 0) || (plot->log_y && y <= 0))
		return 0;
	fprintf(out, "%s %s\n", qmac_real_text(x, x_text), qmac_real_text(y, y_text));
	return 1;
}

static int64_t write_columns(FILE *out, const struct qmac_plot *plot, const struct qmac_csv *csv)
{
	int x_column = qmac_csv_column(csv, plot->x), y_column = qmac_csv_column(csv, plot->y);
	int64_t points = 0;

	for (int64_t row = 0; x_column >= 0 && y_column >= 0 && row < csv->rows; row++) {
		const double *values = csv->values + row * csv->columns;

		points += write_point(out, plot, values[x_column], values[y_column]);
	}
	return points;
}

/* A series as gnuplot's data block $d<number>. False with a warning where its file cannot be read. */
static bool write_series(FILE *out, const struct qmac_plot *plot, int number, int *drawn, char *warning,
                         size_t warning_size)
{
	const struct qmac_series *series = &plot->series[number];
	int64_t points = 0;
	struct qmac_error err;
	struct qmac_csv csv;

	fprintf(out, "$d%d << EOD\n", number);
	if (series->file) {
		if (qmac_csv_read(series->file, &csv, &err)) {
			snprintf(warning, warning_size, "no plot: %s", err.message);
			return false;
		}
		points = write_columns(out, plot, &csv);
		qmac_csv_free(&csv);
	}
	for (int64_t i = 0; i < series->point_count; i++)
		points += write_point(out, plot, series->points[2 * i], series->points[2 * i + 1]);
	/* gnuplot takes an empty block for an error: such a series keeps its place in the key only. */
	fputs(points ? "EOD\n" : "0 NaN\nEOD\n", out);
	*drawn += points > 0;
	return true;
}

static const char *last_part(const char *folder)
{
	const char *slash = strrchr(folder, '/');

	return slash && slash[1] ? slash + 1 : folder;
}

static void write_frame(FILE *out, const struct qmac_plot *plot, const char *folder)
{
	fputs("set terminal svg noenhanced size 860,520 dynamic font 'sans,13' background 'white'\n"
	      "set grid lc rgb '#dddddd'\nset key outside right top\nset title ", out);
	write_quoted(out, plot->title ? plot->title : last_part(folder));
	fputs("\nset xlabel ", out);
	write_quoted(out, plot->x);
	fputs("\nset ylabel ", out);
	write_quoted(out, plot->y);
	fputs(plot->log_x ? "\nset logscale x\n" : "\n", out);
	fputs(plot->log_y ? "set logscale y\nset format y '1e%T'\n" : "", out);
}

static void refuse_script(char *warning, size_t warning_size)
{
	snprintf(warning, warning_size, "no plot: cannot write gnuplot's script: %s", strerror(errno));
}

/* The whole script; false with a warning where there is nothing to draw. */
static bool write_script(FILE *out, const struct qmac_plot *plot, const char *folder, char *warning,
                         size_t warning_size)
{
	int drawn = 0;

	write_frame(out, plot, folder);
	for (int i = 0; i < plot->series_count; i++)
		if (!write_series(out, plot, i, &drawn, warning, warning_size))
			return false;
	if (!drawn) {
		snprintf(warning, warning_size, "no plot: there is no finite %s to draw", plot->y);
		return false;
	}
	for (int i = 0; i < plot->series_count; i++) {
		const struct qmac_series *series = &plot->series[i];
		bool marks = !series->file && series->point_count <= MARKS_MAX;

		fprintf(out, "%s $d%d using 1:2 with %s lw 2 lt %d dt %d title ", i ? "," : "plot", i,
		        marks ? "linespoints" : "lines", i % 8 + 1, i / 8 + 1);
		write_quoted(out, series->title);
	}
	fputs("\n", out);
	/* An earlier write error set the stream's mark; its reason is the one most likely. */
	errno = ferror(out) ? ENOSPC : 0;
	if (errno || fflush(out) || fseek(out, 0, SEEK_SET)) {
		refuse_script(warning, warning_size);
		return false;
	}
	return true;
}

/* In the child: becomes gnuplot, reading the script, writing the picture. */
static void become_gnuplot(int script, int picture)
{
	int nowhere = open("/dev/null", O_WRONLY);

	if (dup2(script, STDIN_FILENO) < 0 || dup2(picture, STDOUT_FILENO) < 0
	    || dup2(nowhere, STDERR_FILENO) < 0)
		_exit(1);
	/* -d: no start-up file of the user's may change the picture. */
	execlp("gnuplot", "gnuplot", "-d", "-", (char *)NULL);
	_exit(EXIT_NO_GNUPLOT);
}

/* gnuplot does not report a full disk: a whole picture ends with its closing tag. */
static bool is_whole(FILE *picture)
{
	char tail[64] = "";

	if (fseek(picture, -32, SEEK_END))
		return false;
	tail[fread(tail, 1, sizeof tail - 1, picture)] = 0;
	return strstr(tail, "</svg>") != NULL;
}

/* What gnuplot met at the end of its picture, which is given up: errno of going on there; 0: nothing. */
static int write_error(int picture)
{
	enum { BLOCKS = 16 }; /* the rest of the last block may be there where no other is */
	char block[4096] = "";

	if (lseek(picture, 0, SEEK_END) < 0)
		return errno;
	for (int i = 0; i < BLOCKS; i++)
		if (write(picture, block, sizeof block) < 0)
			return errno;
	return 0;
}

static bool draw(FILE *script, const struct qmac_atomic_file *picture, char *warning, size_t warning_size)
{
	pid_t child = fork();
	int status = 0, reason;

	if (child == 0)
		become_gnuplot(fileno(script), fileno(picture->stream));
	while (child > 0 && waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			child = -1;
	if (child < 0) {
		snprintf(warning, warning_size, "no plot: cannot run gnuplot: %s", strerror(errno));
		return false;
	}
	if (WIFEXITED(status) && WEXITSTATUS(status) == EXIT_NO_GNUPLOT) {
		snprintf(warning, warning_size, "no plot: gnuplot is not installed (Debian package gnuplot-nox)");
		return false;
	}
	if (WIFEXITED(status) && !WEXITSTATUS(status) && is_whole(picture->stream))
		return true;
	reason = write_error(fileno(picture->stream));
	if (reason)
		snprintf(warning, warning_size, "no plot: cannot write %s: %s", picture->path, strerror(reason));
	else if (WIFSIGNALED(status))
		snprintf(warning, warning_size, "no plot: gnuplot was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(warning, warning_size, "no plot: gnuplot failed with exit status %d", WEXITSTATUS(status));
	else
		snprintf(warning, warning_size, "no plot: gnuplot left %s unfinished", picture->path);
	return false;
}

bool qmac_plot_write(const struct qmac_plot *plot, const char *folder, const char *name,
                     char *warning, size_t warning_size)
{
	struct qmac_atomic_file picture = {0};
	struct qmac_error err;
	FILE *script = tmpfile();
	bool ok = false;

	if (!script)
		refuse_script(warning, warning_size);
	if (!script || !write_script(script, plot, folder, warning, warning_size))
		goto out;
	if (qmac_atomic_open(&picture, folder, name, &err)) {
		snprintf(warning, warning_size, "no plot: %s", err.message);
		goto out;
	}
	if (!draw(script, &picture, warning, warning_size))
		goto out;
	if (qmac_atomic_commit(&picture, &err)) {
		snprintf(warning, warning_size, "no plot: %s", err.message);
		goto out;
	}
	warning[0] = 0;
	ok = true;
out:
	qmac_atomic_abandon(&picture);
	if (script)
		fclose(script);
	return ok;
}
