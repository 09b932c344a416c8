/*
 * What every configuration file is read by: a table of keys (base/key.h) and the struct that they fill.
 *
 * A key of a group stands in the mapping of that name, `dram: {latency: 20}`, and is called "dram.latency"
 * everywhere else: in messages, in --set, in sweeps. With an underscore for the dot it is the same key.
 * The keys of a group stand next to each other in their table.
 */
#ifndef QMAC_CONFIG_KEY_TABLE_H
#define QMAC_CONFIG_KEY_TABLE_H

#include <stdio.h>

#include "config/key.h"
#include "config/yaml.h"

struct qmac_key_table {
	const struct qmac_key *keys;
	int count;
};

/* Place of the key of that name; -1 where there is none. */
int qmac_key_table_find(const struct qmac_key_table *table, const char *name);

/* Fails: there is no key of that name, but which one is near; among the words `more` ("a|b|c"; ""), too. */
enum qmac_status qmac_key_table_unknown(const struct qmac_key_table *table, const char *name,
                                        const char *more, struct qmac_error *err);

/*
 * Makes a mapping of a file flat: the keys of a group come in place of its mapping, under their names with a
 * dot. Then every key is one of the table, as it is called there, and stands once; or is one of the
 * words `more`.
 */
QMAC_MUST_CHECK enum qmac_status qmac_key_table_flatten(const struct qmac_key_table *table,
                                                        struct qmac_yaml *yaml,
                                                        struct qmac_yaml_node *mapping, const char *more,
                                                        struct qmac_error *err);

/*
 * Makes the file flat and stores its values; a path is relative to the file. nodes[i] is where the value of
 * key i stands, and stays where the file does not have it.
 */
QMAC_MUST_CHECK enum qmac_status qmac_key_table_read(const struct qmac_key_table *table,
                                                     struct qmac_yaml *yaml, void *values,
                                                     const struct qmac_yaml_node **nodes,
                                                     struct qmac_error *err);

/* Writes key i, without the end of its line; the first of a group has the line of the group before it. */
void qmac_key_table_print(const struct qmac_key_table *table, int i, const void *values, FILE *out);

#endif
