#include "report/recorded.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"
#include "config/text.h"
#include "report/files.h"
#include "report/members.h"
#include "report/stored.h"

enum { LINE_BYTES = 1024, FIELDS_MAX = 16, FORMAT_BITS_MAX = 32 };

/* A table that is read line by line. */
struct table {
	FILE *in;
	const char *path;
	int line;                  /* of the row that was read last */
	char text[LINE_BYTES];
	char *field[FIELDS_MAX];
	int fields;
};

static enum qmac_status fail_here(const struct table *table, const char *why, struct qmac_error *err)
{
	return qmac_fail_at(err, QMAC_BAD_INPUT, table->path, table->line, 1, "%s", why);
}

/* The next line without its end; *got: there is one. */
static enum qmac_status next_line(struct table *table, bool *got, struct qmac_error *err)
{
	size_t length;

	table->line++;
	*got = fgets(table->text, sizeof table->text, table->in) != NULL;
	if (!*got)
		return ferror(table->in) ? fail_here(table, "cannot be read", err) : QMAC_OK;
	length = strlen(table->text);
	if (!length || table->text[length - 1] != '\n')
		return fail_here(table, "the table is cut off here", err);
	table->text[length - 1] = 0;
	return QMAC_OK;
}

/* Opens it, and reads the line with the names of its columns, which are these. */
static enum qmac_status open_table(struct table *table, const char *path, const char *columns,
                                   struct qmac_error *err)
{
	enum qmac_status status;
	bool got;

	*table = (struct table){.path = path, .fields = 1};
	for (const char *c = columns; *c; c++)
		table->fields += *c == ',';
	status = qmac_input_stream(path, &table->in, err);
	if (status)
		return status;
	status = next_line(table, &got, err);
	if (!status && (!got || strcmp(table->text, columns) != 0))
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 1, 1, "the columns should be %s", columns);
	return status;
}

static void close_table(struct table *table)
{
	if (table->in)
		fclose(table->in);
	table->in = NULL;
}

/* The next row; *got: there is one. */
static enum qmac_status next_row(struct table *table, bool *got, struct qmac_error *err)
{
	enum qmac_status status = next_line(table, got, err);
	int count = 0;

	if (status || !*got)
		return status;
	for (char *at = table->text; at && count < FIELDS_MAX; count++) {
		table->field[count] = at;
		at = strchr(at, ',');
		if (at)
			*at++ = 0;
	}
	return count == table->fields ? QMAC_OK : fail_here(table, "the row is cut off, or has fields too many",
	                                                    err);
}

static enum qmac_status take(const struct table *table, int field, const char *name, int64_t low,
                             int64_t high, int64_t *value, struct qmac_error *err)
{
	struct qmac_error why;

	if (qmac_text_integer(table->field[field], low, high, value, &why) == QMAC_OK)
		return QMAC_OK;
	return qmac_fail_at(err, QMAC_BAD_INPUT, table->path, table->line, 1, "%s: %s", name, why.message);
}

/* *is_float: of float32 there is no format; where NULL it may not be. */
static enum qmac_status take_format(const struct table *table, int field, struct qmac_format *format,
                                    bool *is_float, struct qmac_error *err)
{
	int64_t bw, fl;
	enum qmac_status status = take(table, field, "bw", 1, FORMAT_BITS_MAX, &bw, err);

	if (is_float)
		*is_float = !status && bw == 32 && !table->field[field + 1][0];
	if (is_float && *is_float)
		return QMAC_OK;
	if (!status)
		status = take(table, field + 1, "fl", -FORMAT_BITS_MAX, FORMAT_BITS_MAX, &fl, err);
	if (!status)
		*format = (struct qmac_format){(int)bw, (int)fl};
	return status;
}

static enum qmac_status take_name(const struct table *table, int field, char name[QMAC_FORMAT_TENSOR_SIZE],
                                  struct qmac_error *err)
{
	if (strlen(table->field[field]) >= QMAC_FORMAT_TENSOR_SIZE)
		return fail_here(table, "this is no name of a layer or a tensor", err);
	strcpy(name, table->field[field]);
	return QMAC_OK;
}

/* Epoch and step of a row; not before those of the row in front of it. */
static enum qmac_status take_step(const struct table *table, int64_t last_epoch, int64_t last_step,
                                  int64_t *epoch, int64_t *step, struct qmac_error *err)
{
	enum qmac_status status = take(table, 0, "epoch", 0, INT64_MAX, epoch, err);

	if (!status)
		status = take(table, 1, "step", 0, INT64_MAX, step, err);
	if (!status && (*step < last_step || *epoch < last_epoch))
		status = fail_here(table, "the steps are out of order: this one comes before that of the row above",
		                   err);
	return status;
}

/* Room for one more of the elements; false: out of memory. */
static bool grow(void **elements, int64_t count, size_t size)
{
	void *larger;

	if (count & (count - 1))
		return true;
	larger = realloc(*elements, (size_t)(count ? 2 * count : 1) * size);
	if (larger)
		*elements = larger;
	return larger != NULL;
}

/* ---- the three tables ----------------------------------------------------------------------------- */

static enum qmac_status read_change(const struct table *table, struct qmac_recorded *recorded,
                                    struct qmac_error *err)
{
	struct qmac_format_change *row = &recorded->changes[recorded->change_count], none = {.step = 0};
	const struct qmac_format_change *last = recorded->change_count ? row - 1 : &none;
	enum qmac_status status = take_step(table, last->epoch, last->step, &row->epoch, &row->step, err);
	int behind = qmac_words_find("step|epoch", table->field[2]);

	if (!status)
		status = take_name(table, 3, row->tensor, err);
	if (!status)
		status = take_format(table, 4, &row->format, &row->to_float, err);
	if (!status && behind < 0)
		status = fail_here(table, "behind: step or epoch", err);
	row->ended = behind == 1;
	if (!status && row->step == last->step && last->ended && !row->ended)
		status = fail_here(table, "the steps are out of order: this one comes before the end of its epoch",
		                   err);
	recorded->change_count += !status;
	return status;
}

static enum qmac_status read_switch(const struct table *table, struct qmac_recorded *recorded,
                                    struct qmac_error *err)
{
	struct qmac_format_switch *row = &recorded->switches[recorded->switch_count], none = {.step = 0};
	const struct qmac_format_switch *last = recorded->switch_count ? row - 1 : &none;
	int64_t host_flops = 0;
	enum qmac_status status;

	*row = none;
	status = take_step(table, last->epoch, last->step, &row->epoch, &row->step, err);
	if (!status)
		status = take_name(table, 2, recorded->layers[recorded->switch_count], err);
	if (!status)
		status = take_format(table, 3, &row->before, NULL, err);
	if (!status)
		status = take_format(table, 5, &row->after, &row->to_float, err);
	if (!status)
		status = take(table, 7, "host_flops", 0, INT64_MAX, &host_flops, err);
	row->host_flops = (uint64_t)host_flops;
	recorded->switch_count += !status;
	return status;
}

static enum qmac_status read_changes(struct qmac_recorded *recorded, struct qmac_error *err)
{
	struct table table;
	enum qmac_status status = open_table(&table, recorded->formats_path, qmac_formats_columns, err);
	bool got;

	while (!status && !(status = next_row(&table, &got, err)) && got) {
		if (!grow((void **)&recorded->changes, recorded->change_count, sizeof recorded->changes[0]))
			status = qmac_fail(err, QMAC_INTERNAL, "out of memory");
		else
			status = read_change(&table, recorded, err);
	}
	close_table(&table);
	return status;
}

static enum qmac_status read_switches(struct qmac_recorded *recorded, struct qmac_error *err)
{
	struct table table;
	enum qmac_status status = open_table(&table, recorded->switches_path, qmac_switches_columns, err);
	bool got;

	while (!status && !(status = next_row(&table, &got, err)) && got) {
		if (!grow((void **)&recorded->switches, recorded->switch_count, sizeof recorded->switches[0]) ||
		    !grow((void **)&recorded->layers, recorded->switch_count, sizeof recorded->layers[0]))
			status = qmac_fail(err, QMAC_INTERNAL, "out of memory");
		else
			status = read_switch(&table, recorded, err);
	}
	close_table(&table);
	for (int64_t i = 0; i < recorded->switch_count; i++)
		recorded->switches[i].layer = recorded->layers[i];
	return status;
}

/* Of row i; they are whole numbers, which double holds as long as they are below 2^53. */
static bool take_metrics(const struct qmac_csv *metrics, int64_t i, const char *column, uint64_t *value)
{
	int number = qmac_csv_column(metrics, column);
	double real = number < 0 ? -1 : metrics->values[i * metrics->columns + number];

	if (!(real >= 0 && real < 0x1p53 && real == floor(real)))
		return false;
	*value = (uint64_t)real;
	return true;
}

static enum qmac_status read_metrics(const char *folder, struct qmac_recorded *recorded,
                                     struct qmac_error *err)
{
	struct qmac_stored stored;
	enum qmac_status status = qmac_stored_read(folder, &stored, err);
	int64_t rows;

	if (status)
		return status;
	rows = stored.metrics.rows;
	recorded->epochs = rows - 1;
	recorded->steps = calloc((size_t)rows + 1, sizeof recorded->steps[0]);
	recorded->host_flops = calloc((size_t)rows + 1, sizeof recorded->host_flops[0]);
	if (!recorded->steps || !recorded->host_flops)
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory");
	else if (qmac_json_real(stored.summary, "epochs") != (double)recorded->epochs)
		status = qmac_fail_at(err, QMAC_BAD_INPUT, recorded->metrics_path, (int)rows + 1, 1, "summary.json"
		                      " tells of another number of epochs than there are rows");
	for (int64_t i = 0; !status && i < rows; i++) {
		uint64_t epoch = 0, step = 0;

		if (!take_metrics(&stored.metrics, i, "epoch", &epoch) || epoch != (uint64_t)i ||
		    !take_metrics(&stored.metrics, i, "step", &step) ||
		    !take_metrics(&stored.metrics, i, "host_flops", &recorded->host_flops[i]))
			status = qmac_fail_at(err, QMAC_BAD_INPUT, recorded->metrics_path, (int)i + 2, 1,
			                      "epoch, step and host_flops of a run should be here");
		recorded->steps[i] = (int64_t)step;
	}
	qmac_stored_free(&stored);
	return status;
}

enum qmac_status qmac_recorded_read(const char *folder, struct qmac_recorded *recorded,
                                    struct qmac_error *err)
{
	enum qmac_status status;

	memset(recorded, 0, sizeof *recorded);
	if (strlen(folder) >= QMAC_PATH_MAX)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the folder is too long: %.200s...", folder);
	snprintf(recorded->formats_path, QMAC_RECORDED_PATH, "%s/%s", folder,
	         qmac_member_names[QMAC_RESULT_FORMATS]);
	snprintf(recorded->switches_path, QMAC_RECORDED_PATH, "%s/%s", folder,
	         qmac_member_names[QMAC_RESULT_SWITCHES]);
	snprintf(recorded->metrics_path, QMAC_RECORDED_PATH, "%s/%s", folder,
	         qmac_member_names[QMAC_RESULT_METRICS]);
	status = read_metrics(folder, recorded, err);
	if (!status)
		status = read_changes(recorded, err);
	if (!status)
		status = read_switches(recorded, err);
	if (status)
		qmac_recorded_free(recorded);
	return status;
}

void qmac_recorded_free(struct qmac_recorded *recorded)
{
	free(recorded->changes);
	free(recorded->switches);
	free(recorded->layers);
	free(recorded->steps);
	free(recorded->host_flops);
	memset(recorded, 0, sizeof *recorded);
}
