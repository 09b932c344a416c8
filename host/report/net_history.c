#include "report/net_history.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/members.h"

/* More than any run has; what is above it was damaged. */
enum { EPOCHS_MAX = 1000000 };

/* A table that is being read. */
struct source {
	struct qmac_net_history *history;
	const struct qmac_csv *csv;
	const char *path;
	int *layer_of;                  /* by word: the number of the layer, -1: it is none */
	/* By layer, by layers.csv: at the end of the first and of the last epoch; bw 0: none. */
	struct qmac_format *first, *last;
};

static enum qmac_status refuse(const struct source *source, int64_t row, const char *what,
                               struct qmac_error *err)
{
	return qmac_fail_at(err, QMAC_BAD_INPUT, source->path, (int)row + 2, 1, "%s", what);
}

/* A field; NaN where there is no such column. */
static double field(const struct source *source, int64_t row, const char *column)
{
	int at = qmac_csv_column(source->csv, column);

	return at < 0 ? (double)NAN : source->csv->values[row * source->csv->columns + at];
}

static const char *word(const struct source *source, int64_t row, const char *column)
{
	return source->csv->words[(int)field(source, row, column)];
}

static bool is_whole(double value, double low, double high)
{
	return value >= low && value <= high && value == floor(value);
}

static bool take_format(double bw, double fl, struct qmac_format *format)
{
	if (!is_whole(bw, 2, 32) || !is_whole(fl, -990, 990))
		return false;
	*format = (struct qmac_format){(int)bw, (int)fl};
	return true;
}

static bool is_same(struct qmac_format a, struct qmac_format b)
{
	return a.bw == b.bw && a.fl == b.fl;
}

static enum qmac_status open_source(struct source *source, const char *folder, enum qmac_result_file file,
                                    const char *columns, struct qmac_csv *csv, char path[QMAC_MEMBER_PATH],
                                    struct qmac_error *err)
{
	enum qmac_status status;

	if (!qmac_member_path(folder, (int)file, path) || !path[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "the path is too long: %.200s...", folder);
	status = qmac_csv_read_words(path, columns, csv, err);
	source->csv = csv;
	source->path = path;
	return status;
}

static enum qmac_status check_columns(const struct source *source, const char *const *names, int count,
                                      struct qmac_error *err)
{
	for (int i = 0; i < count; i++)
		if (qmac_csv_column(source->csv, names[i]) < 0)
			return qmac_fail_at(err, QMAC_BAD_INPUT, source->path, 1, 1, "there is no column %s", names[i]);
	return QMAC_OK;
}

/* ---- layers.csv ---------------------------------------------------------------------------- */

/* A layer for each word of that column, in their order: the network's. */
static enum qmac_status find_layers(struct source *source, struct qmac_error *err)
{
	struct qmac_net_history *history = source->history;
	const struct qmac_csv *csv = source->csv;
	size_t most = (size_t)csv->word_count + 1;

	history->layers = calloc(most, sizeof history->layers[0]);
	source->layer_of = malloc(most * sizeof source->layer_of[0]);
	source->first = calloc(most, sizeof source->first[0]);
	source->last = calloc(most, sizeof source->last[0]);
	if (!history->layers || !source->layer_of || !source->first || !source->last)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	for (int w = 0; w < csv->word_count; w++)
		source->layer_of[w] = -1;
	for (int64_t row = 0; row < csv->rows; row++) {
		int *number = &source->layer_of[(int)field(source, row, "layer")];
		struct qmac_layer_history *layer = &history->layers[history->layer_count];

		if (*number >= 0)
			continue;
		*number = history->layer_count++;
		strcpy(layer->name, word(source, row, "layer"));
		layer->sparsity = malloc((size_t)history->epochs * sizeof layer->sparsity[0]);
		if (!layer->sparsity)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory");
		for (int64_t e = 0; e < history->epochs; e++)
			layer->sparsity[e] = NAN;
	}
	return QMAC_OK;
}

static void take_use(const struct source *source, int64_t row, struct qmac_layer_use *use)
{
	char column[40];

	use->macs += field(source, row, "macs");
	use->a_reads += field(source, row, "a_reads");
	use->load_busy += field(source, row, "load_busy");
	use->execute_busy += field(source, row, "execute_busy");
	use->store_busy += field(source, row, "store_busy");
	use->joules += field(source, row, "energy_j");
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++) {
		snprintf(column, sizeof column, "%s_j", qmac_energy_component_names[c]);
		use->parts[c] += field(source, row, column);
	}
}

static enum qmac_status take_row(struct source *source, int64_t row, struct qmac_error *err)
{
	int number = source->layer_of[(int)field(source, row, "layer")];
	struct qmac_layer_history *layer = &source->history->layers[number];
	double epoch = field(source, row, "epoch"), cycles = field(source, row, "cycles");
	double bits = field(source, row, "w_bits");
	int direction = 0;

	if (!is_whole(epoch, 0, (double)source->history->epochs))
		return refuse(source, row, "there is no such epoch: summary.json has fewer", err);
	while (direction < QMAC_DIRECTIONS && strcmp(word(source, row, "direction"),
	                                             qmac_direction_name((enum qmac_direction)direction)) != 0)
		direction++;
	if (direction == QMAC_DIRECTIONS || !is_whole(cycles, 0, 0x1p63))
		return refuse(source, row, "this is no row of layers.csv", err);
	layer->cycles[direction] += cycles;
	take_use(source, row, &layer->use[direction]);
	if (epoch > 0)
		layer->sparsity[(int64_t)epoch - 1] = field(source, row, "sparsity");
	if (!isnan(bits) && !take_format(bits, -log2(field(source, row, "delta")), &source->last[number]))
		return refuse(source, row, "w_bits and delta are no format of weights", err);
	if (source->first[number].bw == 0)
		source->first[number] = source->last[number];
	return QMAC_OK;
}

static enum qmac_status read_layers(struct source *source, struct qmac_error *err)
{
	static const char *const columns[] = {"epoch", "layer", "direction", "w_bits", "delta", "cycles"};
	enum qmac_status status = check_columns(source, columns, sizeof columns / sizeof columns[0], err);

	if (!status)
		status = find_layers(source, err);
	for (int64_t row = 0; !status && row < source->csv->rows; row++)
		status = take_row(source, row, err);
	return status;
}

/* ---- switches.csv -------------------------------------------------------------------------- */

static bool add_format(struct qmac_layer_history *layer, int64_t step, struct qmac_format format,
                       bool is_float)
{
	size_t wanted = (size_t)layer->format_count + 1;
	struct qmac_format_since *formats = layer->formats;

	if ((wanted & (wanted - 1)) == 0) /* room doubles where it is full: at 1, 2, 4, ... */
		formats = realloc(formats, 2 * wanted * sizeof *formats);
	if (!formats)
		return false;
	layer->formats = formats;
	formats[layer->format_count++] = (struct qmac_format_since){step, format, is_float};
	return true;
}

static struct qmac_layer_history *layer_of(struct qmac_net_history *history, const char *name)
{
	for (int l = 0; l < history->layer_count; l++)
		if (strcmp(history->layers[l].name, name) == 0)
			return &history->layers[l];
	return NULL;
}

static enum qmac_status take_switch(struct source *source, int64_t row, struct qmac_error *err)
{
	struct qmac_net_history *history = source->history;
	struct qmac_layer_history *layer = layer_of(history, word(source, row, "layer"));
	double step = field(source, row, "step");
	bool to_float = field(source, row, "bw_new") == 32 && isnan(field(source, row, "fl_new"));
	struct qmac_format before, after = {32, 0};

	if (!layer || source->last[layer - history->layers].bw == 0)
		return refuse(source, row, "layers.csv has no such layer with weights", err);
	if (!is_whole(step, 1, (double)history->steps) ||
	    (row > 0 && step < field(source, row - 1, "step")))
		return refuse(source, row, "the step is beyond the run, or before that of the row above", err);
	if (!take_format(field(source, row, "bw_old"), field(source, row, "fl_old"), &before) ||
	    (!to_float && !take_format(field(source, row, "bw_new"), field(source, row, "fl_new"), &after)))
		return refuse(source, row, "this is no switch from a format to another", err);
	if (!layer->format_count && !add_format(layer, 0, before, false))
		return qmac_fail(err, QMAC_INTERNAL, "out of memory");
	if (layer->formats[layer->format_count - 1].is_float ||
	    !is_same(before, layer->formats[layer->format_count - 1].format))
		return refuse(source, row, "it does not go on from the layer's format before: rows are missing", err);
	return add_format(layer, (int64_t)step, after, to_float) ? QMAC_OK :
	       qmac_fail(err, QMAC_INTERNAL, "out of memory");
}

static enum qmac_status read_switches(struct source *source, struct qmac_error *err)
{
	static const char *const columns[] = {"step", "layer", "bw_old", "fl_old", "bw_new", "fl_new"};
	enum qmac_status status = check_columns(source, columns, sizeof columns / sizeof columns[0], err);

	for (int64_t row = 0; !status && row < source->csv->rows; row++)
		status = take_switch(source, row, err);
	return status;
}

/*
 * The formats at the end of the last epoch that had any are those of layers.csv. Behind its rows a policy may
 * switch once more, in the same step.
 */
static bool ends_as_told(const struct source *source, int l)
{
	const struct qmac_layer_history *layer = &source->history->layers[l];
	int64_t end = source->history->steps;
	int i = layer->format_count - 1;

	if (layer->formats[i].is_float)
		end = layer->formats[i--].step;
	while (!is_same(layer->formats[i].format, source->last[l])) {
		if (i == 0 || layer->formats[i].step < end)
			return false;
		i--;
	}
	return true;
}

/* A layer that never switched has the format of layers.csv. */
static enum qmac_status complete(struct source *source, const char *folder, struct qmac_error *err)
{
	struct qmac_net_history *history = source->history;

	for (int l = 0; l < history->layer_count; l++) {
		struct qmac_layer_history *layer = &history->layers[l];

		if (source->last[l].bw == 0)
			continue;
		if (!layer->format_count && !add_format(layer, 0, source->first[l], false))
			return qmac_fail(err, QMAC_INTERNAL, "out of memory");
		if (!ends_as_told(source, l))
			return qmac_fail(err, QMAC_BAD_INPUT, "%s: switches.csv ends with <%d,%d> for %s, layers.csv with"
			                 " <%d,%d>: rows are missing", folder,
			                 layer->formats[layer->format_count - 1].format.bw,
			                 layer->formats[layer->format_count - 1].format.fl, layer->name,
			                 source->last[l].bw, source->last[l].fl);
	}
	return QMAC_OK;
}

/* ---- both ---------------------------------------------------------------------------------- */

static enum qmac_status read_tables(struct source *source, const char *folder,
                                    const struct qmac_stored *stored, struct qmac_error *err)
{
	struct qmac_csv layers = {0}, switches = {0};
	char path[QMAC_MEMBER_PATH];
	enum qmac_status status = open_source(source, folder, QMAC_RESULT_LAYERS, "layer|direction", &layers,
	                                      path, err);

	if (!status)
		status = read_layers(source, err);
	if (!status && qmac_json_text(stored->summary, "files.switches.csv")) {
		status = open_source(source, folder, QMAC_RESULT_SWITCHES, "layer", &switches, path, err);
		if (!status)
			status = read_switches(source, err);
	}
	if (!status)
		status = complete(source, folder, err);
	qmac_csv_free(&layers);
	qmac_csv_free(&switches);
	return status;
}

enum qmac_status qmac_net_history_read(const char *folder, const struct qmac_stored *stored,
                                   struct qmac_net_history *history, struct qmac_error *err)
{
	double epochs = qmac_json_real(stored->summary, "epochs");
	double steps = qmac_json_real(stored->summary, "steps");
	struct source source = {.history = history};
	enum qmac_status status;

	*history = (struct qmac_net_history){0};
	if (!qmac_stored_is_of_network(stored) || !(qmac_json_real(stored->summary, "cycles") > 0))
		return QMAC_OK;
	if (!is_whole(epochs, 1, EPOCHS_MAX) || !is_whole(steps, 1, 0x1p53))
		return qmac_fail(err, QMAC_BAD_INPUT, "%s/summary.json: no epochs, or no steps", folder);
	history->epochs = (int64_t)epochs;
	history->steps = (int64_t)steps;
	status = read_tables(&source, folder, stored, err);
	free(source.layer_of);
	free(source.first);
	free(source.last);
	if (status)
		qmac_net_history_free(history);
	return status;
}

int qmac_net_history_weighted(const struct qmac_net_history *history)
{
	int count = 0;

	for (int l = 0; l < history->layer_count; l++)
		count += history->layers[l].format_count > 0;
	return count;
}

bool qmac_net_history_has_sparsity(const struct qmac_net_history *history)
{
	for (int l = 0; l < history->layer_count; l++)
		for (int64_t e = 0; e < history->epochs; e++)
			if (!isnan(history->layers[l].sparsity[e]))
				return true;
	return false;
}

void qmac_net_history_free(struct qmac_net_history *history)
{
	for (int l = 0; l < history->layer_count; l++) {
		free(history->layers[l].formats);
		free(history->layers[l].sparsity);
	}
	free(history->layers);
	*history = (struct qmac_net_history){0};
}
