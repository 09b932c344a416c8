#include "report/page.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "num/whole.h"
#include "report/heat_map.h"
#include "report/picture.h"

/* Pixels. */
enum {
	WIDTH = 1160, EDGE = 20,
	PLOT_TOP = 40, PLOT_HEIGHT = 250, PLOT_BOTTOM = 60, PLOT_LEFT = 90,
	LETTER = 9,               /* of a name; more than most letters of any font have */
	KEY = 80,                 /* of a key beside its names */
	KEY_LINE = 17,
	NAME_LETTERS_MAX = 40,
	ROW = 26,                 /* of a heat map */
	BAR = 18,                 /* of a layer's cycles */
	MAP_TOP = 76, MAP_BOTTOM = 84, KEY_BELOW = 50, COLOURS = 110,
	LOWER_TOP = 44, LOWER_BOTTOM = 64, LOWER_MIN = 180, LINES_ENOUGH = 280, BARS_LEFT = 560
};

#define INVISIBLE 1e-4 /* of the longest bar */

struct sheet {
	const struct qmac_page *page;
	int height;
	int plots_height;  /* 0: there are none */
	int names;         /* room for the names of layers */
	struct qmac_heat_scale scale;
};

static int name_width(const char *name)
{
	return LETTER * qmac_smaller_int((int)strlen(name), NAME_LETTERS_MAX);
}

/* ---- where things are ---------------------------------------------------------------------- */

static int lower_height(const struct qmac_net_history *history)
{
	return qmac_larger_int(LOWER_MIN, BAR * history->layer_count);
}

static int map_height(const struct qmac_net_history *history)
{
	return ROW * qmac_net_history_weighted(history);
}

static int run_height(const struct qmac_net_history *history)
{
	return MAP_TOP + map_height(history) + MAP_BOTTOM + LOWER_TOP + lower_height(history) + LOWER_BOTTOM;
}

/* The borders of a plot, in pixels from the upper left corner of the page. */
static void place(FILE *out, const struct sheet *sheet, int left, int top, int width, int height)
{
	fprintf(out, "reset\nset lmargin at screen %.6f\nset rmargin at screen %.6f\nset tmargin at screen %.6f\n"
	        "set bmargin at screen %.6f\n", (double)left / WIDTH, (double)(left + width) / WIDTH,
	        1 - (double)top / sheet->height, 1 - (double)(top + height) / sheet->height);
}

/* The upper left corner of a key: lines, then names. */
static void place_key(FILE *out, const struct sheet *sheet, int left, int top)
{
	fprintf(out, "set key at screen %.6f, screen %.6f left top Left reverse\n", (double)left / WIDTH,
	        1 - (double)top / sheet->height);
}

/* Epochs on the x axis from 0 on, whole ones. */
static void write_epochs(FILE *out, int64_t epochs)
{
	fprintf(out, "set xrange [0:%g]\nset xtics %lld\n", 1.02 * (double)epochs, (long long)(epochs + 9) / 10);
}

/* ---- figures against epochs ------------------------------------------------------------------ */

static bool write_plots(FILE *out, const struct sheet *sheet)
{
	const struct qmac_page *page = sheet->page;
	int key = 0, width;
	int64_t epochs = 0;
	bool written = false;

	for (int i = 0; i < page->plot_count; i++)
		for (int s = 0; s < page->plots[i].series_count; s++)
			key = qmac_larger_int(key, name_width(page->plots[i].series[s].title) + KEY);
	for (int i = 0; i < page->run_count; i++)
		epochs = page->runs[i].history->epochs > epochs ? page->runs[i].history->epochs : epochs;
	width = (WIDTH - EDGE - key) / qmac_larger_int(page->plot_count, 1);
	for (int i = 0; i < page->plot_count; i++) {
		char unused[256];

		place(out, sheet, PLOT_LEFT + i * width, PLOT_TOP, width - PLOT_LEFT - EDGE / 2, PLOT_HEIGHT);
		if (epochs)
			write_epochs(out, epochs);
		if (i == 0)
			place_key(out, sheet, WIDTH - key, PLOT_TOP);
		else
			fputs("set key off\n", out);
		written |= qmac_plot_panel(out, &page->plots[i], "", unused, sizeof unused);
	}
	return written;
}

/* ---- one run ------------------------------------------------------------------------------- */

static void write_map(FILE *out, const struct sheet *sheet, const struct qmac_page_run *run, int top)
{
	int left = EDGE + sheet->names, width = WIDTH - COLOURS - left, height = map_height(run->history);

	place(out, sheet, left, top, width, height);
	fprintf(out, "set colorbox vertical user origin screen %.6f, screen %.6f size screen %.6f, screen %.6f\n",
	        (double)(left + width + 20) / WIDTH,
	        1 - (double)(top + qmac_larger_int(height, 5 * ROW)) / sheet->height, 16.0 / WIDTH,
	        (double)qmac_larger_int(height, 5 * ROW) / sheet->height);
	fprintf(out, "set key at screen %.6f, screen %.6f right top horizontal\n", (double)(left + width) / WIDTH,
	        1 - (double)(top + height + KEY_BELOW) / sheet->height);
	qmac_heat_map_write(out, run->history, &sheet->scale, run->title, width);
}

static void write_sparsity(FILE *out, const struct sheet *sheet, const struct qmac_net_history *history,
                           int top)
{
	int left = EDGE + sheet->names, width = BARS_LEFT - left - sheet->names - KEY;
	int enough = qmac_larger_int(LINES_ENOUGH, KEY_LINE * qmac_net_history_weighted(history));
	const char *separator = "plot";

	place(out, sheet, left, top, width, qmac_smaller_int(lower_height(history), enough));
	place_key(out, sheet, left + width + EDGE / 2, top);
	fprintf(out, "set title 'sparsity: share of weights whose code is 0'\nset xlabel 'epoch'\n"
	        "set ylabel 'mean over the steps of an epoch'\nset yrange [0:*]\nset grid lc rgb '#dddddd'\n");
	write_epochs(out, history->epochs);
	for (int l = 0, n = 0; l < history->layer_count; l++) {
		if (!history->layers[l].format_count)
			continue;
		fprintf(out, "$s%d << EOD\n", n++);
		for (int64_t e = 0; e < history->epochs; e++)
			fprintf(out, "%lld %.6g\n", (long long)e + 1, history->layers[l].sparsity[e]);
		fputs("EOD\n", out);
	}
	for (int l = 0, n = 0; l < history->layer_count; l++) {
		if (!history->layers[l].format_count)
			continue;
		fprintf(out, "%s $s%d using 1:2 with linespoints lw 2 pt 7 ps 0.5 lt %d dt %d title ", separator, n,
		        n % 8 + 1, n / 8 + 1);
		qmac_picture_quote(out, history->layers[l].name);
		separator = ",";
		n++;
	}
	fputs("\n", out);
}

static const struct {
	enum qmac_direction direction;
	const char *colour;
} directions[] = {
	{QMAC_DIRECTION_FORWARD, "#4477aa"}, {QMAC_DIRECTION_DATA, "#ee6677"},
	{QMAC_DIRECTION_WEIGHTS, "#ccbb44"}, {QMAC_DIRECTION_UPDATE, "#228833"},
	{QMAC_DIRECTION_EVAL, "#bbbbbb"}, {QMAC_DIRECTION_NONE, "#555555"},
};
enum { DIRECTIONS = sizeof directions / sizeof directions[0] };

static double cycles_of(const struct qmac_net_history *history, enum qmac_direction direction)
{
	double sum = 0;

	for (int l = 0; l < history->layer_count; l++)
		sum += history->layers[l].cycles[direction];
	return sum;
}

static double cycles_of_layer(const struct qmac_net_history *history, int l)
{
	double sum = 0;

	for (int d = 0; d < QMAC_DIRECTIONS; d++)
		sum += history->layers[l].cycles[d];
	return sum;
}

/* The share of each layer, behind its bar. */
static void write_shares(FILE *out, const struct qmac_net_history *history)
{
	double all = 0;

	for (int l = 0; l < history->layer_count; l++)
		all += cycles_of_layer(history, l);
	fputs("$shares << EOD\n", out);
	for (int l = 0; l < history->layer_count; l++)
		fprintf(out, "%.9g %d \"%.1f %%\"\n", 1e-6 * cycles_of_layer(history, l), l + 1,
		        100 * cycles_of_layer(history, l) / all);
	fputs("EOD\n", out);
}

/* A block of bars for each direction: y, from, to, the ends of the bar. */
static void write_bar_data(FILE *out, const struct qmac_net_history *history)
{
	for (int d = 0; d < DIRECTIONS; d++) {
		fprintf(out, "$c%d << EOD\n", d);
		for (int l = 0; l < history->layer_count; l++) {
			const double *cycles = history->layers[l].cycles;
			double from = 0;

			for (int k = 0; k < d; k++)
				from += cycles[directions[k].direction];
			fprintf(out, "%d %.9g %.9g\n", l + 1, 1e-6 * from,
			        1e-6 * (from + cycles[directions[d].direction]));
		}
		fputs("EOD\n", out);
	}
}

static void write_bars(FILE *out, const struct sheet *sheet, const struct qmac_net_history *history, int top)
{
	int left = BARS_LEFT + sheet->names, width = WIDTH - left - KEY - name_width("weight_grad");
	const char *separator = "plot";
	double longest = 0;

	for (int l = 0; l < history->layer_count; l++)
		longest = fmax(longest, cycles_of_layer(history, l));
	place(out, sheet, left, top, width, lower_height(history));
	place_key(out, sheet, left + width + EDGE / 2, top);
	fprintf(out, "set title 'cycles of each layer, whole run'\nset xlabel 'device cycles, 10^6'\n"
	        "set ylabel ''\nset xrange [0:%.9g]\nset yrange [%d.5:0.5]\nset grid xtics lc rgb '#dddddd'\n"
	        "set ytics scale 0 (", 1.25e-6 * longest, history->layer_count);
	for (int l = 0; l < history->layer_count; l++) {
		fputs(l ? ", " : "", out);
		qmac_picture_quote(out, history->layers[l].name);
		fprintf(out, " %d", l + 1);
	}
	fputs(")\n", out);
	write_bar_data(out, history);
	write_shares(out, history);
	for (int d = 0; d < DIRECTIONS; d++) {
		if (cycles_of(history, directions[d].direction) <= INVISIBLE * longest)
			continue;
		fprintf(out, "%s $c%d using 2:1:2:3:($1-0.35):($1+0.35) with boxxyerror fs solid 1 noborder"
		        " lc rgb '%s' title '%s'", separator, d, directions[d].colour,
		        qmac_direction_name(directions[d].direction));
		separator = ",";
	}
	fprintf(out, "%s $shares using 1:2:3 with labels left offset 0.5,0 font ',11' notitle\n", separator);
}

static void write_run(FILE *out, const struct sheet *sheet, const struct qmac_page_run *run, int top)
{
	int lower = top + MAP_TOP + map_height(run->history) + MAP_BOTTOM + LOWER_TOP;

	write_map(out, sheet, run, top + MAP_TOP);
	if (qmac_net_history_has_sparsity(run->history))
		write_sparsity(out, sheet, run->history, lower);
	write_bars(out, sheet, run->history, lower);
}

/* ---- the page -------------------------------------------------------------------------------- */

static void measure(struct sheet *sheet)
{
	const struct qmac_page *page = sheet->page;

	sheet->plots_height = page->plot_count ? PLOT_TOP + PLOT_HEIGHT + PLOT_BOTTOM : 0;
	sheet->height = sheet->plots_height;
	for (int i = 0; i < page->run_count; i++) {
		const struct qmac_net_history *history = page->runs[i].history;

		for (int l = 0; l < history->layer_count; l++)
			sheet->names = qmac_larger_int(sheet->names, name_width(history->layers[l].name));
		sheet->height += run_height(history);
		qmac_heat_scale_add(&sheet->scale, history);
	}
}

static bool write_page(FILE *out, const void *of, char *warning, size_t warning_size)
{
	const struct qmac_page *page = of;
	struct sheet sheet = {.page = page};
	int top;
	bool written;

	measure(&sheet);
	qmac_picture_begin(out, WIDTH, qmac_larger_int(sheet.height, 1));
	fputs("set multiplot\n", out);
	written = write_plots(out, &sheet) || page->run_count > 0;
	top = sheet.plots_height;
	for (int i = 0; i < page->run_count; i++) {
		write_run(out, &sheet, &page->runs[i], top);
		top += run_height(page->runs[i].history);
	}
	fputs("unset multiplot\n", out);
	if (!written)
		snprintf(warning, warning_size, "no plot: there is nothing finite to draw");
	return written;
}

bool qmac_page_write(const struct qmac_page *page, const char *folder, const char *name, char *warning,
                     size_t warning_size)
{
	return qmac_picture_write(write_page, page, folder, name, warning, warning_size);
}
