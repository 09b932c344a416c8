#include "report/heat_map.h"

#include <string.h>

#include "num/whole.h"
#include "report/picture.h"

enum {
	LEVELS_MIN = 4,   /* of a scale: formats that never change are no extremes */
	BW_LEAST = 2,     /* that a format can have */
	EPOCH_TICS = 15,
	COLOUR_TICS = 9,
	STEPS_COUNTED = 10, /* so few have a tic each */
	LETTER = 7, ROOM = 8 /* pixels of a letter, and around a text */
};

void qmac_heat_scale_add(struct qmac_heat_scale *scale, const struct qmac_net_history *history)
{
	for (int l = 0; l < history->layer_count; l++)
		for (int i = 0; i < history->layers[l].format_count; i++) {
			int bw = history->layers[l].formats[i].format.bw;

			scale->low = scale->low ? qmac_smaller_int(scale->low, bw) : bw;
			scale->high = qmac_larger_int(scale->high, bw);
		}
}

/* ---- what is drawn ------------------------------------------------------------------------- */

struct map {
	FILE *out;
	const struct qmac_net_history *history;
	struct qmac_heat_scale scale;
	double pixels_per_step;
};

/* Steps that a layer has done when format number i ends. */
static int64_t end_of(const struct map *map, const struct qmac_layer_history *layer, int i)
{
	return i + 1 < layer->format_count ? layer->formats[i + 1].step : map->history->steps;
}

/* The number behind the last of the formats from i on that have its word length. */
static int end_of_width(const struct qmac_layer_history *layer, int i)
{
	int end = i + 1;

	while (end < layer->format_count && layer->formats[end].format.bw == layer->formats[i].format.bw)
		end++;
	return end;
}

/* One rectangle for each time in which a word length stays. */
static void write_cells(const struct map *map, const struct qmac_layer_history *layer, int row)
{
	for (int i = 0, end; i < layer->format_count; i = end) {
		long long from = layer->formats[i].step, to;

		end = end_of_width(layer, i);
		to = end_of(map, layer, end - 1);
		if (to > from)
			fprintf(map->out, "%lld %d %lld %lld %g %g %d\n", from, row, from, to, row - 0.45, row + 0.45,
			        layer->formats[i].format.bw);
	}
}

/* Marks of switches: of word lengths, or of fraction bits alone. Of those in one pixel the first is there. */
static int write_marks(const struct map *map, const struct qmac_layer_history *layer, int row, bool of_widths)
{
	int64_t last = -1;
	int written = 0;

	for (int i = 1; i < layer->format_count; i++) {
		bool changes_width = layer->formats[i].format.bw != layer->formats[i - 1].format.bw;
		int64_t pixel = (int64_t)((double)layer->formats[i].step * map->pixels_per_step);

		if (changes_width != of_widths || pixel == last)
			continue;
		last = pixel;
		fprintf(map->out, "%lld %d\n", (long long)layer->formats[i].step, row);
		written++;
	}
	return written;
}

/* The format where it stays long enough, else the word length where that does; on dark colours, or light. */
static int write_texts(const struct map *map, const struct qmac_layer_history *layer, int row, bool on_dark)
{
	int written = 0;

	for (int i = 0, end; i < layer->format_count; i = end) {
		struct qmac_format format = layer->formats[i].format;
		char text[32], width[16];
		int64_t from = layer->formats[i].step, to;
		bool is_dark = format.bw - map->scale.low < 0.6 * (map->scale.high - map->scale.low);
		double room;

		end = end_of_width(layer, i);
		to = end_of(map, layer, end - 1);
		room = ((double)(to - from) * map->pixels_per_step - ROOM) / LETTER;
		if (layer->formats[i].is_float)
			snprintf(text, sizeof text, "float32");
		else
			snprintf(text, sizeof text, "<%d,%d>", format.bw, format.fl);
		snprintf(width, sizeof width, "%d", format.bw);
		if (is_dark != on_dark || room < (double)strlen(width))
			continue;
		fprintf(map->out, "%g %d %s\n", 0.5 * (double)(from + to), row,
		        end == i + 1 && room >= (double)strlen(text) ? text : width);
		written++;
	}
	return written;
}

/* ---- the script ---------------------------------------------------------------------------- */

static void write_tics(const struct map *map)
{
	const struct qmac_net_history *history = map->history;
	int64_t stride = (history->epochs + EPOCH_TICS - 1) / EPOCH_TICS;
	int row = 0;

	fputs("set ytics scale 0 (", map->out);
	for (int l = 0; l < history->layer_count; l++) {
		if (!history->layers[l].format_count)
			continue;
		fputs(row++ ? ", " : "", map->out);
		qmac_picture_quote(map->out, history->layers[l].name);
		fprintf(map->out, " %d", row);
	}
	fputs(")\nset x2tics (", map->out);
	for (int64_t e = stride; e <= history->epochs; e += stride)
		fprintf(map->out, "%s'%lld' %.9g", e > stride ? ", " : "", (long long)e,
		        (double)e * (double)history->steps / (double)history->epochs);
	fprintf(map->out, ")\nset xrange [0:%lld]\nset x2range [0:%lld]\nset yrange [%d.5:0.5]\n",
	        (long long)history->steps, (long long)history->steps, row);
}

static void write_colours(const struct map *map)
{
	int low = map->scale.low, high = map->scale.high, levels = high - low + 1;

	fprintf(map->out, "set palette maxcolors %d defined (0 '#440154', 1 '#414487', 2 '#2a788e', 3 '#22a884',"
	        " 4 '#7ad151', 5 '#fde725')\nset cbrange [%d.5:%d.5]\nset cbtics scale 0 %d,%d,%d\n"
	        "set cblabel 'word length BW, bits' offset 1.5,0\n", levels, low - 1, high,
	        low, 1 + (levels - 1) / COLOUR_TICS, high);
}

/* A data block of all layers; false where it is empty. */
static bool write_block(const struct map *map, const char *name,
                        int (*write)(const struct map *map, const struct qmac_layer_history *layer, int row,
                                     bool which), bool which)
{
	int row = 0, written = 0;

	fprintf(map->out, "$%s << EOD\n", name);
	for (int l = 0; l < map->history->layer_count; l++)
		if (map->history->layers[l].format_count)
			written += write(map, &map->history->layers[l], ++row, which);
	fputs("EOD\n", map->out);
	return written > 0;
}

static void write_layers(const struct map *map)
{
	bool widths, fractions, dark, light;
	int row = 0;

	fputs("$cells << EOD\n", map->out);
	for (int l = 0; l < map->history->layer_count; l++)
		if (map->history->layers[l].format_count)
			write_cells(map, &map->history->layers[l], ++row);
	fputs("EOD\n", map->out);
	widths = write_block(map, "widths", write_marks, true);
	fractions = write_block(map, "fractions", write_marks, false);
	dark = write_block(map, "dark", write_texts, true);
	light = write_block(map, "light", write_texts, false);
	fputs("plot $cells using 1:2:3:4:5:6:7 with boxxyerror fs solid 1 noborder lc palette notitle", map->out);
	if (fractions)
		fputs(", $fractions using 1:($2+0.15):(0):(0.3) with vectors nohead lw 2 lc rgb '#ff5500'"
		      " title 'switch of the fraction bits alone'", map->out);
	if (widths)
		fputs(", $widths using 1:($2-0.5):(0):(1) with vectors nohead lw 2.5 lc rgb 'black'"
		      " title 'switch of the word length'", map->out);
	if (dark)
		fputs(", $dark using 1:2:3 with labels font ',11' textcolor rgb 'white' notitle", map->out);
	if (light)
		fputs(", $light using 1:2:3 with labels font ',11' textcolor rgb 'black' notitle", map->out);
	fputs("\n", map->out);
}

void qmac_heat_map_write(FILE *out, const struct qmac_net_history *history,
                         const struct qmac_heat_scale *scale, const char *title, int width)
{
	struct map map = {out, history, *scale, (double)width / (double)history->steps};

	while (map.scale.high - map.scale.low + 1 < LEVELS_MIN) {
		map.scale.low = qmac_larger_int(map.scale.low - 1, BW_LEAST);
		map.scale.high++;
	}
	fputs("set title ", out);
	qmac_picture_quote(out, title);
	fprintf(out, "\nset xlabel 'step'\nset x2label 'epoch'\nset xtics nomirror%s\n"
	        "set grid noxtics noytics x2tics front lt 1 lw 0.5 lc rgb '#ffffff'\n",
	        history->steps <= STEPS_COUNTED ? " 1" : "");
	write_tics(&map);
	write_colours(&map);
	write_layers(&map);
}
