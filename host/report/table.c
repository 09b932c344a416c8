#include "report/table.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"

enum { CELL_BYTES = 136 };

struct qmac_table {
	int columns;
	size_t count, capacity;
	char (*cells)[CELL_BYTES];
};

struct qmac_table *qmac_table_create(int columns)
{
	struct qmac_table *table = calloc(1, sizeof *table);

	if (table)
		table->columns = columns;
	return table;
}

void qmac_table_destroy(struct qmac_table *table)
{
	if (table)
		free(table->cells);
	free(table);
}

void qmac_table_add(struct qmac_table *table, const char *format, ...)
{
	char text[CELL_BYTES];
	va_list args;

	if (table->count == table->capacity) {
		size_t capacity = table->capacity ? 2 * table->capacity : 64;
		void *larger = realloc(table->cells, capacity * sizeof *table->cells);

		if (!larger)
			return;
		table->cells = larger;
		table->capacity = capacity;
	}
	va_start(args, format);
	vsnprintf(text, sizeof text, format, args);
	va_end(args);
	qmac_text_show(text, table->cells[table->count++], CELL_BYTES);
}

void qmac_table_add_count(struct qmac_table *table, double count)
{
	char digits[32], text[48];
	size_t length, used = 0;

	if (!isfinite(count) || fabs(count) >= 1e18) {
		qmac_table_add(table, "-");
		return;
	}
	length = (size_t)snprintf(digits, sizeof digits, "%.0f", count);
	for (size_t i = 0; i < length; i++) {
		text[used++] = digits[i];
		if (digits[i] != '-' && i + 1 < length && (length - i - 1) % 3 == 0)
			text[used++] = ',';
	}
	text[used] = 0;
	qmac_table_add(table, "%s", text);
}

void qmac_table_add_figure(struct qmac_table *table, double figure)
{
	if (isnan(figure))
		qmac_table_add(table, "-");
	else
		qmac_table_add(table, "%.3g", figure);
}

static int width_of(const struct qmac_table *table, int column)
{
	size_t width = 0;

	for (size_t i = (size_t)column; i < table->count; i += (size_t)table->columns)
		if (strlen(table->cells[i]) > width)
			width = strlen(table->cells[i]);
	return (int)width;
}

/* Columns of the row up to its last cell that is not empty. */
static int used_columns(const struct qmac_table *table, size_t first)
{
	int used = 0;

	for (int i = 0; i < table->columns && first + (size_t)i < table->count; i++)
		if (table->cells[first + (size_t)i][0])
			used = i + 1;
	return used;
}

void qmac_table_print(const struct qmac_table *table, FILE *out)
{
	for (size_t first = 0; first < table->count; first += (size_t)table->columns) {
		int used = used_columns(table, first);

		for (int column = 0; column < used; column++)
			fprintf(out, column ? "  %*s" : "%-*s", width_of(table, column),
			        table->cells[first + (size_t)column]);
		fputc('\n', out);
	}
}
