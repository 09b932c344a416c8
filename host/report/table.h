/*
 * Tables for a terminal: cells are collected, then printed with every column
 * as wide as its widest cell. The first column is set left, the others right. Cells are shown as
 * qmac_text_show() does.
 */
#ifndef QMAC_REPORT_TABLE_H
#define QMAC_REPORT_TABLE_H

#include <stdint.h>
#include <stdio.h>

struct qmac_table;

/* NULL where memory is short. */
struct qmac_table *qmac_table_create(int columns);
void qmac_table_destroy(struct qmac_table *table);

/* The next cell, row by row; the first row is the heading. A failed allocation leaves the cell empty. */
__attribute__((format(printf, 2, 3)))
void qmac_table_add(struct qmac_table *table, const char *format, ...);
/* A count with commas: 1,234,567; "-" for NaN. */
void qmac_table_add_count(struct qmac_table *table, double count);
/* A real number with three digits; "-" for NaN. */
void qmac_table_add_figure(struct qmac_table *table, double figure);

void qmac_table_print(const struct qmac_table *table, FILE *out);

#endif
