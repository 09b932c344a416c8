#include "data/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "data/fields.h"
#include "data/lines.h"
#include "data/number.h"
#include "data/separator.h"

enum role { FEATURE, TARGET, IGNORED };

/* What find_column() finds where it is no column. */
enum { NONE = -1, SEVERAL = -2 };

struct reader {
	const struct qmac_run *run;
	struct qmac_dataset *data;
	struct qmac_lines lines;        /* of the running file */
	enum qmac_separator separator;  /* likewise */
	char guess[120];                /* where that is detected and may be wrong, says so; or "" */
	struct qmac_fields row;         /* of the running line */
	struct qmac_fields names;       /* of the training file's header; count 0: it has none */
	char *header;                   /* the text of the names */
	int columns, target;
	enum role *role;                /* columns */
	int64_t *rows;                  /* of the running part of data */
	int64_t x_capacity, y_capacity, line_capacity;
	struct qmac_error *err;
};

static enum qmac_status refuse(struct reader *r, int column, const char *why)
{
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, column, "%s", why);
}

static bool is_test(const struct reader *r)
{
	return r->rows == &r->data->test_samples;
}

static enum qmac_status out_of_memory(struct reader *r)
{
	return qmac_fail_at(r->err, QMAC_INTERNAL, r->lines.path, r->lines.number, 1, "out of memory");
}

/* ---- columns by name or number ------------------------------------------------------ */

/* The column of that number or name, or the last. */
static int find_column(const struct reader *r, const struct qmac_fields *names, const char *word)
{
	int found = NONE;
	int64_t number;

	if (qmac_text_integer(word, 1, r->columns, &number, NULL) == QMAC_OK)
		return (int)number - 1;
	for (int i = 0; i < names->count; i++)
		if (strcmp(names->field[i].text, word) == 0)
			found = found == NONE ? i : SEVERAL;
	return found == NONE && strcmp(word, "last") == 0 ? r->columns - 1 : found;
}

/* "a|b|c" of the names, for a suggestion; free(). */
static char *join_names(const struct qmac_fields *names)
{
	size_t size = 1, used = 0;
	char *words;

	for (int i = 0; i < names->count; i++)
		size += strlen(names->field[i].text) + 1;
	words = calloc(1, size);
	for (int i = 0; words && i < names->count; i++)
		used += (size_t)sprintf(words + used, "%s%s", i ? "|" : "", names->field[i].text);
	return words;
}

/* There is no such column, or several. A number is not taken for a slip of a name. */
static enum qmac_status refuse_column(struct reader *r, const char *key, const char *word, int found)
{
	char *words = join_names(&r->names);
	struct qmac_error why;
	int64_t number;

	if (!words)
		return out_of_memory(r);
	if (found == SEVERAL)
		(void)qmac_fail(&why, QMAC_BAD_INPUT, "several columns are called '%.60s'", word);
	else if (qmac_text_integer(word, INT64_MIN, INT64_MAX, &number, NULL) == QMAC_OK)
		(void)qmac_fail(&why, QMAC_BAD_INPUT, "there is no column '%.60s'", word);
	else if (r->names.count)
		(void)qmac_text_unknown("column", word, words, &why);
	else
		(void)qmac_fail(&why, QMAC_BAD_INPUT, "the file has no header, so there is no column '%.60s'", word);
	free(words);
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, 1,
	                    "%s: %.600s; there are %d columns: give %s1..%d or last", key, why.message,
	                    r->columns, r->names.count ? "a name, " : "", r->columns);
}

/* Marks the columns to ignore, of a file that begins with these names; *unknown becomes one it lacks. */
static int mark_ignored(struct reader *r, const struct qmac_fields *names, char unknown[QMAC_IGNORE_MAX])
{
	const char *ignore = r->run->ignore;
	int failure = 0;

	for (const char *at = strcmp(ignore, "none") == 0 ? "" : ignore; *at; at += *at == ',') {
		char word[QMAC_IGNORE_MAX];
		size_t length;
		int found;

		at += strspn(at, " ");
		length = strcspn(at, ",");
		snprintf(word, sizeof word, "%.*s", (int)length, at);
		at += length;
		while (length > 0 && word[length - 1] == ' ')
			word[--length] = 0;
		if (!length)
			continue;
		found = find_column(r, names, word);
		if (found >= 0) {
			r->role[found] = IGNORED;
			continue;
		}
		failure = found;
		strcpy(unknown, word);
	}
	return failure;
}

/* ---- the first line of a file --------------------------------------------------------- */

/* Decides whether the running line, a first one, is a header. */
static enum qmac_status detect_header(struct reader *r, bool *header)
{
	int numbers = 0, first = -1;
	struct qmac_error why, other;
	double number;

	for (int i = 0; i < r->columns; i++) {
		if (r->role[i] == IGNORED)
			continue;
		if (qmac_data_number(r->row.field[i].text, &number, first < 0 ? &why : &other) == QMAC_OK)
			numbers++;
		else if (first < 0)
			first = i;
	}
	*header = first >= 0;
	if (numbers == 0 || first < 0)
		return QMAC_OK;
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, r->row.field[first].column,
	                    "column %d: %.400s; other fields of this first line are numbers, so that it is"
	                    " neither data nor a header, which has names only%s%s", first + 1, why.message,
	                    strchr(r->row.field[first].text, ':') ? "; index:value is for data: libsvm" : "",
	                    r->guess);
}

/* pandas' to_csv writes its index as a first column without a name, and reads that as "Unnamed: 0". */
static void note_index(struct reader *r)
{
	const char *name = r->names.field[0].text;

	if (r->role[0] == FEATURE && (!name[0] || strncmp(name, "Unnamed: 0", 10) == 0))
		qmac_dataset_note(r->data, "%.200s: column 1 has %s%.40s, as an index that pandas' to_csv writes;"
		                  " it is a feature like the others: ignore: 1 leaves it out", r->lines.path,
		                  name[0] ? "the name " : "no name", name);
}

/* Keeps the running line as the names. */
static void take_names(struct reader *r)
{
	r->names = r->row;
	r->row = (struct qmac_fields){0};
	r->header = qmac_lines_take(&r->lines);
}

/* What the columns are: from the first line of the training file. */
static enum qmac_status begin_table(struct reader *r, bool *header)
{
	char unknown[QMAC_IGNORE_MAX];
	enum qmac_status status;
	int failure, features = 0;

	r->columns = r->row.count;
	if (r->columns < 2)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, 1,
		                    "one column only, but a target and a feature are needed; commas, semicolons, tabs"
		                    " or blanks separate the fields%s", r->guess);
	r->role = calloc((size_t)r->columns, sizeof r->role[0]);
	if (!r->role)
		return out_of_memory(r);
	failure = mark_ignored(r, &r->row, unknown);
	status = detect_header(r, header);
	if (status)
		return status;
	if (*header)
		take_names(r);
	if (failure)
		return refuse_column(r, "ignore", unknown, failure);
	r->target = find_column(r, &r->names, r->run->target);
	if (r->target < 0)
		return refuse_column(r, "target", r->run->target, r->target);
	if (r->role[r->target] == IGNORED)
		return refuse(r, 1, "ignore: leaves out the column of the targets; set target to another");
	r->role[r->target] = TARGET;
	for (int i = 0; i < r->columns; i++)
		features += r->role[i] == FEATURE;
	if (features == 0)
		return refuse(r, 1, "ignore: leaves no feature");
	r->data->features = r->data->channels = features;
	r->data->height = r->data->width = 1;
	if (*header)
		note_index(r);
	return QMAC_OK;
}

static enum qmac_status refuse_count(struct reader *r)
{
	const char *target = r->names.count ? r->names.field[r->target].text : NULL;
	bool first = is_test(r) && *r->rows == 0;
	int count = r->row.count;

	for (int i = 0; target && i < count; i++)
		if (!first || strcmp(r->row.field[i].text, target) == 0)
			target = NULL;
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
	                    count > r->columns ? r->row.field[r->columns].column : r->row.end,
	                    "%d field%s, but %s%.300s has %d%s%.60s%s%s", count, count == 1 ? "" : "s",
	                    first ? "" : "the first line", first ? r->run->file : "", r->columns,
	                    target ? "; '" : "", target ? target : "",
	                    target ? "', the column of the targets, is needed for testing, too" : "", r->guess);
}

/* A test file has the columns of the training file: in its first line we see. */
static enum qmac_status begin_test(struct reader *r, bool *header)
{
	enum qmac_status status;

	if (r->row.count != r->columns)
		return refuse_count(r);
	status = detect_header(r, header);
	for (int i = 0; !status && *header && i < r->names.count; i++)
		if (strcmp(r->row.field[i].text, r->names.field[i].text) != 0)
			status = qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
			                      r->row.field[i].column, "column %d is '%.60s' here, but '%.60s' in %.300s:"
			                      " a test file has the same columns in the same order", i + 1,
			                      r->row.field[i].text, r->names.field[i].text, r->run->file);
	return status;
}

/* ---- rows ------------------------------------------------------------------------- */

/* Room for one more row. */
static enum qmac_status grow(struct reader *r)
{
	struct qmac_dataset *data = r->data;
	int64_t rows = data->samples + data->test_samples + 1;
	void *x = data->x.any, *y = data->y, *line = data->line;
	bool fits;

	if (rows * data->features > QMAC_FILE_VALUES_MAX)
		return refuse(r, 1, "more than 2^28 values; take fewer rows or columns");
	fits = qmac_grow(&x, &r->x_capacity, rows * data->features, sizeof data->x.real[0]);
	data->x.any = x;
	fits = fits && qmac_grow(&y, &r->y_capacity, rows, sizeof data->y[0]);
	data->y = y;
	fits = fits && qmac_grow(&line, &r->line_capacity, rows, sizeof data->line[0]);
	data->line = line;
	return fits ? QMAC_OK : out_of_memory(r);
}

static enum qmac_status read_value(struct reader *r, int column, double *value)
{
	const struct qmac_field *field = &r->row.field[column];
	struct qmac_error why;
	const char *name = r->names.count ? r->names.field[column].text : "";
	char hint[80] = "";

	if (qmac_data_number(field->text, value, &why) == QMAC_OK)
		return QMAC_OK;
	if (r->role[column] == FEATURE)
		snprintf(hint, sizeof hint, "; ignore: %d leaves the column out", column + 1);
	else if (r->run->problem == QMAC_PROBLEM_LOGISTIC_REGRESSION)
		snprintf(hint, sizeof hint, "; a class is a number, too");
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, field->column,
	                    "column %d%s%.60s%s: %.400s%s%s", column + 1, name[0] ? " (" : "", name,
	                    name[0] ? ")" : "", why.message, hint, r->guess);
}

static enum qmac_status read_row(struct reader *r)
{
	int64_t row = r->data->samples + r->data->test_samples;
	enum qmac_status status;
	double *x, value;

	if (r->row.count != r->columns)
		return refuse_count(r);
	status = grow(r);
	if (status)
		return status;
	x = r->data->x.real + row * r->data->features;
	for (int i = 0; i < r->columns; i++) {
		if (r->role[i] == IGNORED)
			continue;
		status = read_value(r, i, &value);
		if (status)
			return status;
		if (i == r->target)
			r->data->y[row] = value;
		else
			*x++ = value;
	}
	r->data->line[row] = r->lines.number;
	++*r->rows;
	return QMAC_OK;
}

/* ---- files ------------------------------------------------------------------------ */

/* Sets the separator of the running file. */
static void detect_separator(struct reader *r)
{
	enum qmac_separator other = QMAC_SEPARATOR_AUTO;
	const char *bytes;
	size_t count = qmac_lines_peek(&r->lines, &bytes);

	r->guess[0] = 0;
	r->separator = r->run->separator;
	if (r->separator)
		return;
	r->separator = qmac_separator_detect(bytes, count, &other);
	if (r->separator != QMAC_SEPARATOR_COMMA || other)
		snprintf(r->guess, sizeof r->guess, "; separator: %s was detected, set another if it is wrong",
		         qmac_separator_name(r->separator));
	if (other)
		qmac_dataset_note(r->data, "%.200s: separator: %s was detected, but %s would do, too; set it to say"
		                  " which", r->lines.path, qmac_separator_name(r->separator),
		                  qmac_separator_name(other));
}

static enum qmac_status read_lines(struct reader *r)
{
	bool begun = false, header = false;

	for (;;) {
		bool got;
		enum qmac_status status = qmac_lines_next(&r->lines, &got, r->err);

		if (status || (!got && *r->rows))
			return status;
		if (!got)
			return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, 0, 0, "%s",
			                    begun ? "a header, but no data" : "empty: no data");
		/* a line of tabs that separate is a line of missing values */
		if (!r->lines.text[strspn(r->lines.text, r->separator == QMAC_SEPARATOR_TAB ? " " : " \t")])
			continue;
		status = qmac_fields_cut(&r->row, &r->lines, r->separator, r->err);
		if (!status && !begun)
			status = is_test(r) ? begin_test(r, &header) : begin_table(r, &header);
		if (!status && (begun || !header))
			status = read_row(r);
		if (status)
			return status;
		begun = true;
	}
}

static enum qmac_status read_file(struct reader *r, const char *path, int64_t *rows)
{
	enum qmac_status status = qmac_lines_open(&r->lines, path, r->err);

	if (status)
		return status;
	r->rows = rows;
	detect_separator(r);
	status = read_lines(r);
	qmac_lines_close(&r->lines);
	return status;
}

enum qmac_status qmac_dataset_read_csv(struct qmac_dataset *data, const struct qmac_run *run,
                                       struct qmac_error *err)
{
	struct reader r = {.run = run, .data = data, .err = err};
	enum qmac_status status;

	memset(data, 0, sizeof *data);
	status = read_file(&r, run->file, &data->samples);
	if (!status && run->limit > 0)
		qmac_dataset_limit(data, run->limit);
	if (!status && run->test_file[0])
		status = read_file(&r, run->test_file, &data->test_samples);
	qmac_fields_free(&r.row);
	qmac_fields_free(&r.names);
	free(r.header);
	free(r.role);
	return status;
}
