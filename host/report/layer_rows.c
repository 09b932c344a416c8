#include "report/layer_rows.h"

#include <math.h>
#include <string.h>

enum qmac_status qmac_layer_rows_read(const char *folder, struct qmac_layer_rows *rows,
                                      struct qmac_error *err)
{
	*rows = (struct qmac_layer_rows){.next = 0};
	if (!qmac_member_path(folder, QMAC_RESULT_LAYERS, rows->path) || !rows->path[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the folder is too long: %.200s...", folder);
	return qmac_csv_read_words(rows->path, "layer|direction", &rows->csv, err);
}

void qmac_layer_rows_free(struct qmac_layer_rows *rows)
{
	qmac_csv_free(&rows->csv);
}

double qmac_layer_rows_field(const struct qmac_layer_rows *rows, int64_t row, const char *column)
{
	int at = qmac_csv_column(&rows->csv, column);

	return at < 0 ? (double)NAN : rows->csv.values[row * rows->csv.columns + at];
}

int64_t qmac_layer_rows_take(struct qmac_layer_rows *rows, int64_t epoch)
{
	if (rows->next == rows->csv.rows || qmac_layer_rows_field(rows, rows->next, "epoch") != (double)epoch)
		return -1;
	return rows->next++;
}

/* The word of a field; "" where there is none. */
static const char *word(const struct qmac_layer_rows *rows, int64_t row, const char *column)
{
	double number = qmac_layer_rows_field(rows, row, column);

	return number >= 0 && number < rows->csv.word_count ? rows->csv.words[(int)number] : "";
}

bool qmac_layer_rows_find(const struct qmac_layer_rows *rows, int64_t row, const struct qmac_records *records,
                          int *layer, enum qmac_direction *direction)
{
	const char *name = word(rows, row, "layer"), *way = word(rows, row, "direction");
	int l = 0, d = 0;

	while (l < records->layers && strcmp(records->layer[l].name, name) != 0)
		l++;
	while (d < QMAC_DIRECTIONS && strcmp(qmac_direction_name((enum qmac_direction)d), way) != 0)
		d++;
	*layer = l;
	*direction = (enum qmac_direction)d;
	return l < records->layers && d < QMAC_DIRECTIONS;
}
