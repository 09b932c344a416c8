/*
 * What the tables of costs, configs/energy/ and configs/area/, have in common: figures with their sources.
 *
 * A figure is a group of keys: its value, or low, nominal and high; its unit, its node, its source. A file
 * has a name and every figure, each whole. With `base`, a path from the file's folder, another file's figures
 * hold where this one has none; a base has no base. A table may have factors, groups like figures, by which
 * what is taken from the base is multiplied.
 */
#ifndef QMAC_CONFIG_COST_FILE_H
#define QMAC_CONFIG_COST_FILE_H

#include "config/key_table.h"

struct qmac_cost_file {
	const struct qmac_key_table *keys; /* the name, `base`, then the keys of factors, then those of figures */
	int first_figure;
	size_t base;                       /* offset of the path of the base among the values */
	size_t size;                       /* of the values */
	const char *name, *text;           /* of the table that is part of the program, file "" */
	size_t text_size;
	/* Multiplies a base's figures by the factors of `values`, 0 where not given; NULL: there are none. */
	void (*scale)(void *base, const void *values);
};

/*
 * Fills the values. Whatever is missing, unknown, out of its range, out of order (low <= nominal <= high), in
 * another unit than the words of its key `unit`, or twice there is refused with file:line:column.
 */
QMAC_MUST_CHECK enum qmac_status qmac_cost_file_load(const struct qmac_cost_file *kind, const char *file,
                                                     void *values, struct qmac_error *err);

/* Writes YAML that reads back to the same values; never with a base. */
void qmac_cost_file_print(const struct qmac_cost_file *kind, const void *values, FILE *out);

/* Rows of the table of keys, which fill a struct of that type. */
#define QMAC_COST_KEY(type, group, name, kind, words, member, help) \
	{group, name, QMAC_KIND_##kind, 0, 0, words, "", NULL, 0, help, \
	 offsetof(type, member), sizeof((type *)0)->member},
/* The first two of every table. */
#define QMAC_COST_NAME(type, name, kind, name_member, base_member, help) \
	QMAC_COST_KEY(type, "", name, kind, "", name_member, help) \
	QMAC_COST_KEY(type, "", "base", PATH, "", base_member, "the table whose figures hold where it has none")
/* What every figure has behind its value. */
#define QMAC_COST_ORIGIN(type, group, unit_text, member, help) \
	QMAC_COST_KEY(type, group, "unit", WORD, unit_text, member.unit, help) \
	QMAC_COST_KEY(type, group, "node", TEXT, "", member.node, help) \
	QMAC_COST_KEY(type, group, "source", TEXT, "", member.source, help)

#endif
