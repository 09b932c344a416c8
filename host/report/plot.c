#define _POSIX_C_SOURCE 200809L
#include "report/plot.h"

#include <errno.h>
#include <math.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "report/atomic_file.h"
#include "report/csv.h"
#include "report/json.h"

enum { MARKS_MAX = 25 }; /* points of a series that are marked; more would run together */

extern char **environ;

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

/* Starts gnuplot, which reads the script and writes the picture and its words: 0, or errno. */
static int start_gnuplot(pid_t *child, FILE *script, FILE *picture, FILE *words)
{
	/* -d: no start-up file of the user's may change the picture. */
	char name[] = "gnuplot", plain[] = "-d", input[] = "-", *arguments[] = {name, plain, input, NULL};
	posix_spawn_file_actions_t files;
	int reason = posix_spawn_file_actions_init(&files);

	if (reason)
		return reason;
	posix_spawn_file_actions_adddup2(&files, fileno(script), STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&files, fileno(picture), STDOUT_FILENO);
	posix_spawn_file_actions_adddup2(&files, fileno(words), STDERR_FILENO);
	reason = posix_spawnp(child, name, &files, NULL, arguments, environ);
	posix_spawn_file_actions_destroy(&files);
	return reason;
}

/* The first line that gnuplot, or the loader in its place, said: ": line", or nothing. */
static const char *first_words(FILE *words, char *text, size_t size)
{
	size_t got;

	strcpy(text, ": ");
	rewind(words);
	got = fread(text + 2, 1, size - 3, words);
	text[got + 2] = 0;
	got = strspn(text + 2, "\n ");
	memmove(text + 2, text + 2 + got, strlen(text + 2 + got) + 1);
	text[strcspn(text, "\n")] = 0;
	if (!text[2])
		text[0] = 0;
	return text;
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

/* What became of gnuplot, which has ended; true where the picture is whole. */
static bool judge(int status, const struct qmac_atomic_file *picture, FILE *words, char *warning,
                  size_t warning_size)
{
	char said[160];
	int reason;

	if (WIFEXITED(status) && !WEXITSTATUS(status) && is_whole(picture->stream))
		return true;
	reason = write_error(fileno(picture->stream));
	if (reason)
		snprintf(warning, warning_size, "no plot: cannot write %s: %s", picture->path, strerror(reason));
	else if (WIFSIGNALED(status))
		snprintf(warning, warning_size, "no plot: gnuplot was ended by signal %d", WTERMSIG(status));
	else if (WEXITSTATUS(status))
		snprintf(warning, warning_size, "no plot: gnuplot failed with exit status %d%s", WEXITSTATUS(status),
		         first_words(words, said, sizeof said));
	else
		snprintf(warning, warning_size, "no plot: gnuplot left %s unfinished", picture->path);
	return false;
}

static bool draw(FILE *script, const struct qmac_atomic_file *picture, char *warning, size_t warning_size)
{
	FILE *words = tmpfile();
	int status = 0, reason = errno;
	bool drawn = false;
	pid_t child;

	if (words)
		reason = start_gnuplot(&child, script, picture->stream, words);
	while (words && !reason && waitpid(child, &status, 0) < 0)
		reason = errno == EINTR ? 0 : errno;
	if (words && !reason)
		drawn = judge(status, picture, words, warning, warning_size);
	else if (words && reason == ENOENT)
		snprintf(warning, warning_size, "no plot: gnuplot is not installed (Debian package gnuplot-nox)");
	else
		snprintf(warning, warning_size, "no plot: cannot run gnuplot: %s", strerror(reason));
	if (words)
		fclose(words);
	return drawn;
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
