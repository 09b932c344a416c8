#include "data/csv.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"
#include "data/lines.h"

struct field {
	char *text;
	int column; /* in the line, from 1 */
};

/* A line cut into fields; text points into the line. */
struct row {
	struct field *fields;
	int64_t capacity;
	int count;
	int end; /* column behind the line */
};

struct reader {
	struct qmac_lines lines;
	struct row row;     /* of the running line */
	struct row names;   /* of the header; count 0: there is none */
	char *header;       /* the text of the names */
	int columns, target;
	struct qmac_dataset *data;
	int64_t x_capacity, y_capacity;
	struct qmac_error *err;
};

static enum qmac_status refuse(struct reader *r, int column, const char *why)
{
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, column, "%s", why);
}

static enum qmac_status out_of_memory(struct reader *r)
{
	return qmac_fail_at(r->err, QMAC_INTERNAL, r->lines.path, r->lines.number, 1, "out of memory");
}

/* ---- lines into fields ----------------------------------------------------------- */

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static char *skip_blanks(char *text)
{
	while (is_blank(*text))
		text++;
	return text;
}

/* Takes off the quotes of a field; *next is behind its comma, NULL at the end of the line. */
static enum qmac_status cut_quoted(struct reader *r, const char *line, struct field *field, char **next)
{
	char *from = field->text + 1, *to = field->text;

	for (; *from; *to++ = *from++) {
		if (*from != '"' || *++from == '"')
			continue;
		from = skip_blanks(from);
		if (*from && *from != ',')
			return refuse(r, (int)(from - line) + 1, "expected a comma behind the closing quote");
		*next = *from ? from + 1 : NULL;
		*to = 0;
		return QMAC_OK;
	}
	return refuse(r, field->column, "the quote is not closed in this line");
}

static void cut_plain(struct field *field, char **next)
{
	char *end = field->text + strcspn(field->text, ",");

	*next = *end ? end + 1 : NULL;
	while (end > field->text && is_blank(end[-1]))
		end--;
	*end = 0;
}

static enum qmac_status split(struct reader *r, char *line, struct row *row)
{
	char *text = line;

	row->end = (int)strlen(line) + 1;
	for (row->count = 0; text; row->count++) {
		void *fields = row->fields;
		struct field *field;

		text = skip_blanks(text);
		if (row->count == QMAC_FEATURES_MAX + 1)
			return refuse(r, (int)(text - line) + 1, "more than 65536 features; take fewer columns");
		if (!qmac_grow(&fields, &row->capacity, row->count + 1, sizeof row->fields[0]))
			return out_of_memory(r);
		row->fields = fields;
		field = &row->fields[row->count];
		*field = (struct field){text, (int)(text - line) + 1};
		if (*text != '"') {
			cut_plain(field, &text);
			continue;
		}
		if (cut_quoted(r, line, field, &text))
			return QMAC_BAD_INPUT;
	}
	return QMAC_OK;
}

/* ---- the first line --------------------------------------------------------------- */

/* "a|b|c" of the names, for a suggestion; free(). */
static char *join_names(const struct row *names)
{
	size_t size = 1, used = 0;
	char *words;

	for (int i = 0; i < names->count; i++)
		size += strlen(names->fields[i].text) + 1;
	words = calloc(1, size);
	for (int i = 0; words && i < names->count; i++)
		used += (size_t)sprintf(words + used, "%s%s", i ? "|" : "", names->fields[i].text);
	return words;
}

static enum qmac_status refuse_target(struct reader *r, const char *target)
{
	char *words = join_names(&r->names);
	struct qmac_error why;

	if (!words)
		return out_of_memory(r);
	if (r->names.count)
		(void)qmac_text_unknown("column", target, words, &why);
	else
		(void)qmac_fail(&why, QMAC_BAD_INPUT, "the file has no header, so there is no column '%.60s'",
		                target);
	free(words);
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, 1,
	                    "target: %.400s; a number 1..%d and last would do, too", why.message, r->columns);
}

static enum qmac_status find_target(struct reader *r, const char *target)
{
	int64_t number;

	r->target = -1;
	for (int i = 0; i < r->names.count; i++) {
		if (strcmp(r->names.fields[i].text, target) != 0)
			continue;
		if (r->target >= 0)
			return refuse(r, r->names.fields[i].column,
			              "target: two columns have this name; give the number of one instead");
		r->target = i;
	}
	if (r->target >= 0)
		return QMAC_OK;
	if (strcmp(target, "last") == 0)
		r->target = r->columns - 1;
	else if (qmac_text_integer(target, 1, r->columns, &number, NULL) == QMAC_OK)
		r->target = (int)number - 1;
	return r->target >= 0 ? QMAC_OK : refuse_target(r, target);
}

/* Decides whether the first line, cut into r->names, is a header; the names go where it is none. */
static enum qmac_status detect_header(struct reader *r)
{
	int numbers = 0, first = -1;
	double number;

	for (int i = 0; i < r->names.count; i++) {
		if (qmac_text_real(r->names.fields[i].text, &number, NULL) == QMAC_OK)
			numbers++;
		else if (first < 0)
			first = i;
	}
	if (numbers > 0 && first >= 0)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
		                    r->names.fields[first].column,
		                    "'%.60s' is no number, others in the first line are: neither a header nor"
		                    " data; complete the data, or write a header of names only",
		                    r->names.fields[first].text);
	if (first < 0)
		r->names.count = 0;
	return QMAC_OK;
}

static enum qmac_status read_first(struct reader *r, const char *target)
{
	enum qmac_status status;

	/* the names outlive the line, and a line without header is cut again as data */
	r->header = malloc(r->lines.length + 1);
	if (!r->header)
		return out_of_memory(r);
	memcpy(r->header, r->lines.text, r->lines.length + 1);
	status = split(r, r->header, &r->names);
	if (status)
		return status;
	r->columns = r->names.count;
	if (r->columns < 2)
		return refuse(r, 1, "one column only, but a target and a feature are needed; commas separate the"
		              " fields");
	status = detect_header(r);
	if (!status)
		status = find_target(r, target);
	r->data->features = r->data->channels = r->columns - 1;
	r->data->height = r->data->width = 1;
	return status;
}

/* ---- rows ------------------------------------------------------------------------- */

/* Room for one more row. */
static enum qmac_status grow(struct reader *r)
{
	struct qmac_dataset *data = r->data;
	void *x = data->x.any, *y = data->y;
	bool fits;

	if ((data->samples + 1) * data->features > QMAC_FILE_VALUES_MAX)
		return refuse(r, 1, "more than 2^28 values; take fewer rows or columns");
	fits = qmac_grow(&x, &r->x_capacity, (data->samples + 1) * data->features, sizeof data->x.real[0]);
	data->x.any = x;
	fits = fits && qmac_grow(&y, &r->y_capacity, data->samples + 1, sizeof data->y[0]);
	data->y = y;
	return fits ? QMAC_OK : out_of_memory(r);
}

static enum qmac_status read_value(struct reader *r, int column, double *value)
{
	const struct field *field = &r->row.fields[column];
	struct qmac_error why;
	const char *name = r->names.count ? r->names.fields[column].text : "";
	const char *what = why.message;

	if (!field->text[0])
		what = "no value; fill it in or remove the line";
	else if (qmac_text_real(field->text, value, &why) == QMAC_OK)
		return QMAC_OK;
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number, field->column,
	                    "column %d%s%.60s%s: %.400s", column + 1, name[0] ? " (" : "", name,
	                    name[0] ? ")" : "", what);
}

static enum qmac_status read_row(struct reader *r)
{
	enum qmac_status status = split(r, r->lines.text, &r->row);
	int count = r->row.count;
	double *x, value;

	if (status)
		return status;
	if (count != r->columns)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->lines.path, r->lines.number,
		                    count > r->columns ? r->row.fields[r->columns].column : r->row.end,
		                    "%d field%s, but the first line has %d", count, count == 1 ? "" : "s",
		                    r->columns);
	status = grow(r);
	if (status)
		return status;
	x = r->data->x.real + r->data->samples * r->data->features;
	for (int i = 0; i < r->columns; i++) {
		status = read_value(r, i, &value);
		if (status)
			return status;
		if (i == r->target)
			r->data->y[r->data->samples] = value;
		else
			*x++ = value;
	}
	r->data->samples++;
	return QMAC_OK;
}

static enum qmac_status read_all(struct reader *r, const char *target)
{
	for (;;) {
		bool got;
		enum qmac_status status = qmac_lines_next(&r->lines, &got, r->err);

		if (status || !got)
			return status;
		if (!*skip_blanks(r->lines.text))
			continue;
		if (!r->columns) {
			status = read_first(r, target);
			if (status)
				return status;
			if (r->names.count)
				continue;
		}
		status = read_row(r);
		if (status)
			return status;
	}
}

enum qmac_status qmac_dataset_read_csv(struct qmac_dataset *data, const char *path, const char *target,
                                       struct qmac_error *err)
{
	struct reader r = {.data = data, .err = err};
	enum qmac_status status;

	memset(data, 0, sizeof *data);
	status = qmac_lines_open(&r.lines, path, err);
	if (status)
		return status;
	status = read_all(&r, target);
	if (!status && data->samples == 0)
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0, "%s",
		                      r.columns ? "a header, but no data" : "empty: no data");
	if (status)
		qmac_lines_make_printable(err);
	qmac_lines_close(&r.lines);
	free(r.row.fields);
	free(r.names.fields);
	free(r.header);
	return status;
}
