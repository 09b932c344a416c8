#include "report/csv.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"
#include "report/json.h"

enum { LINE_BYTES = 4096 };

/* One line without its end; returns 0 at the end of the file, -1 where the line is too long or cut. */
static int read_line(FILE *in, char line[LINE_BYTES])
{
	size_t length;

	if (!fgets(line, LINE_BYTES, in))
		return 0;
	length = strlen(line);
	if (!length || line[length - 1] != '\n')
		return -1;
	line[length - 1] = 0;
	return 1;
}

static enum qmac_status parse_names(struct qmac_csv *csv, char *line, const char *path,
                                    struct qmac_error *err)
{
	for (char *name = line, *comma; name; name = comma ? comma + 1 : NULL) {
		comma = strchr(name, ',');
		if (comma)
			*comma = 0;
		if (csv->columns == QMAC_CSV_COLUMNS || !*name || strlen(name) >= QMAC_CSV_NAME)
			return qmac_fail_at(err, QMAC_BAD_INPUT, path, 1, (int)(name - line) + 1,
			                    "this is no column name of ours");
		strcpy(csv->names[csv->columns++], name);
	}
	return QMAC_OK;
}

/* Takes a word; its number, -1 where there is none, or no room for it. */
static int take_word(struct qmac_csv *csv, const char **at)
{
	size_t length = strcspn(*at, ",");
	const char *word = *at;
	void *larger;

	if (!length || length >= QMAC_CSV_WORD)
		return -1;
	*at += length;
	for (int i = csv->word_count - 1; i >= 0; i--)
		if (strncmp(csv->words[i], word, length) == 0 && !csv->words[i][length])
			return i;
	larger = realloc(csv->words, ((size_t)csv->word_count + 1) * sizeof csv->words[0]);
	if (!larger)
		return -1;
	csv->words = larger;
	memcpy(csv->words[csv->word_count], word, length);
	csv->words[csv->word_count][length] = 0;
	return csv->word_count++;
}

static enum qmac_status parse_row(struct qmac_csv *csv, const char *line, const char *words,
                                  const char *path, struct qmac_error *err)
{
	double *row = csv->values + csv->rows * csv->columns;
	int number = (int)csv->rows + 2;
	const char *at = line;

	for (int i = 0; i < csv->columns; i++) {
		char end = i + 1 < csv->columns ? ',' : 0, *behind;

		if (qmac_words_find(words, csv->names[i]) >= 0) {
			row[i] = take_word(csv, &at);
			if (row[i] < 0)
				return qmac_fail_at(err, QMAC_BAD_INPUT, path, number, (int)(at - line) + 1,
				                    "a word of column %s should stand here", csv->names[i]);
		} else if (*at == end) {
			row[i] = (double)NAN;
		} else {
			row[i] = strtod(at, &behind);
			at = behind;
		}
		if (*at != end)
			return qmac_fail_at(err, QMAC_BAD_INPUT, path, number, (int)(at - line) + 1,
			                    "a number of column %s should end here", csv->names[i]);
		at += end != 0;
	}
	csv->rows++;
	return QMAC_OK;
}

static enum qmac_status parse_file(struct qmac_csv *csv, FILE *in, const char *words, const char *path,
                                   struct qmac_error *err)
{
	int64_t capacity = 0;
	char line[LINE_BYTES];
	int got = read_line(in, line);
	enum qmac_status status = got > 0 ? parse_names(csv, line, path, err) : QMAC_OK;

	while (!status && got > 0 && (got = read_line(in, line)) > 0) {
		if (csv->rows == capacity) {
			size_t wanted = (size_t)(capacity = capacity ? 2 * capacity : 128);
			double *larger = realloc(csv->values, wanted * (size_t)csv->columns * sizeof *larger);

			if (!larger)
				return qmac_fail(err, QMAC_INTERNAL, "out of memory");
			csv->values = larger;
		}
		status = parse_row(csv, line, words, path, err);
	}
	if (!status && (got < 0 || ferror(in) || !csv->columns))
		return qmac_fail_at(err, QMAC_BAD_INPUT, path, (int)csv->rows + 1, 1, "the table is cut off here");
	return status;
}

enum qmac_status qmac_csv_read(const char *path, struct qmac_csv *csv, struct qmac_error *err)
{
	return qmac_csv_read_words(path, "", csv, err);
}

enum qmac_status qmac_csv_read_words(const char *path, const char *columns, struct qmac_csv *csv,
                                     struct qmac_error *err)
{
	FILE *in;
	enum qmac_status status = qmac_input_stream(path, &in, err);

	memset(csv, 0, sizeof *csv);
	if (status)
		return status;
	status = parse_file(csv, in, columns, path, err);
	fclose(in);
	if (status)
		qmac_csv_free(csv);
	return status;
}

void qmac_csv_free(struct qmac_csv *csv)
{
	free(csv->values);
	free(csv->words);
	memset(csv, 0, sizeof *csv);
}

int qmac_csv_column(const struct qmac_csv *csv, const char *name)
{
	for (int i = 0; i < csv->columns; i++)
		if (strcmp(csv->names[i], name) == 0)
			return i;
	return -1;
}

void qmac_csv_write_real(FILE *out, double value)
{
	char text[QMAC_REAL_TEXT];

	fputs(qmac_real_text(value, text), out);
}

void qmac_csv_write_text(FILE *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		fputs(text, out);
		return;
	}
	fputc('"', out);
	for (; *text; text++) {
		if (*text == '"')
			fputc('"', out);
		fputc(*text, out);
	}
	fputc('"', out);
}
