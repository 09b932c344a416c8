/*
 * Tables of numbers as comma-separated values with one line of names. Columns of words, such as names of
 * layers, become numbers, too: each word the number of its first appearance.
 */
#ifndef QMAC_REPORT_CSV_H
#define QMAC_REPORT_CSV_H

#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

enum { QMAC_CSV_COLUMNS = 64, QMAC_CSV_NAME = 32, QMAC_CSV_WORD = 64 };

struct qmac_csv {
	char names[QMAC_CSV_COLUMNS][QMAC_CSV_NAME];
	int columns;
	int64_t rows;
	double *values; /* rows x columns; NaN where a field is empty */
	char (*words)[QMAC_CSV_WORD];
	int word_count;
};

/* Reads a whole file; every line must have as many fields as the first. Errors name file:line:column. */
QMAC_MUST_CHECK enum qmac_status qmac_csv_read(const char *path, struct qmac_csv *csv,
                                               struct qmac_error *err);
/* The same; `columns`, "a|b", have words, which are numbered together from 0. */
QMAC_MUST_CHECK enum qmac_status qmac_csv_read_words(const char *path, const char *columns,
                                                     struct qmac_csv *csv, struct qmac_error *err);
void qmac_csv_free(struct qmac_csv *csv);

/* Number of the column, -1 where there is none. */
int qmac_csv_column(const struct qmac_csv *csv, const char *name);

/* Writes one field with a real. */
void qmac_csv_write_real(FILE *out, double value);

/* Writes one field of text, quoted where it must be. */
void qmac_csv_write_text(FILE *out, const char *text);

#endif
