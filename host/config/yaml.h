/*
 * A YAML file as a tree with places. Only yaml.c knows libyaml.
 *
 * A configuration needs scalars, sequences and mappings with plain keys;
 * everything else YAML can say is refused: duplicate keys, anchors, aliases,
 * tags, keys that are not scalars, several documents, an empty file, text that
 * is not UTF-8. Every refusal names file:line:column.
 */
#ifndef QMAC_CONFIG_YAML_H
#define QMAC_CONFIG_YAML_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"

/* Memory that is freed all at once. Start with {0}. */
struct qmac_arena {
	struct qmac_arena_block *blocks;
};

/* Zeroed memory that lives until qmac_arena_free(); NULL where there is none left. */
void *qmac_arena_alloc(struct qmac_arena *arena, size_t size);
char *qmac_arena_copy(struct qmac_arena *arena, const char *text);
void qmac_arena_free(struct qmac_arena *arena);

enum qmac_yaml_kind { QMAC_YAML_SCALAR, QMAC_YAML_SEQUENCE, QMAC_YAML_MAPPING };

struct qmac_yaml_node {
	enum qmac_yaml_kind kind;
	int line, column;             /* of the value, 1-based */
	const char *text;             /* SCALAR, without NUL inside; else "" */
	bool quoted;                  /* SCALAR in quotes or a block: text, never a number */
	const char *key;              /* where the parent is a MAPPING; else NULL */
	int key_line, key_column;
	struct qmac_yaml_node *child; /* first of a SEQUENCE or MAPPING, in the order of the file */
	struct qmac_yaml_node *next;  /* next of the same parent */
};

struct qmac_yaml {
	const char *file;             /* as given */
	struct qmac_yaml_node *root;  /* always a MAPPING */
	struct qmac_arena arena;      /* owns everything above */
};

/* Reads file, of at most 1 MiB. On failure nothing is left to free. */
QMAC_MUST_CHECK enum qmac_status qmac_yaml_load(struct qmac_yaml *yaml, const char *file,
                                                struct qmac_error *err);
/* The same for a text that lies in memory; `file` is what messages call it. */
QMAC_MUST_CHECK enum qmac_status qmac_yaml_parse(struct qmac_yaml *yaml, const char *file, const char *text,
                                                 size_t size, struct qmac_error *err);
void qmac_yaml_free(struct qmac_yaml *yaml);

/* The value of a key of a mapping; NULL where it is missing. */
struct qmac_yaml_node *qmac_yaml_find(const struct qmac_yaml_node *mapping, const char *key);

/* Gives err, which has a message only, the place of a node's value, or of its key; returns BAD_INPUT. */
enum qmac_status qmac_yaml_blame(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                 struct qmac_error *err);
enum qmac_status qmac_yaml_blame_key(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                     struct qmac_error *err);

/* Fails with a message at the place of a node's value. */
__attribute__((format(printf, 4, 5)))
enum qmac_status qmac_yaml_refuse(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                  struct qmac_error *err, const char *format, ...);

/* Fails at the first key of the mapping that is none of words ("a|b|c"), naming the nearest. */
QMAC_MUST_CHECK enum qmac_status qmac_yaml_check_keys(const struct qmac_yaml *yaml,
                                                      const struct qmac_yaml_node *mapping,
                                                      const char *words, struct qmac_error *err);

/*
 * The text of a node that must be a scalar with a value. `number` also refuses quotes: "8" is
 * text. The message starts with the key (`name`; "dram.banks") and has its place.
 */
QMAC_MUST_CHECK enum qmac_status qmac_yaml_text(const struct qmac_yaml *yaml,
                                                const struct qmac_yaml_node *node, const char *name,
                                                bool number, const char **text, struct qmac_error *err);

/* Fails unless the node is of that kind: "<name>: expected a mapping ..." with its place. */
QMAC_MUST_CHECK enum qmac_status qmac_yaml_expect(const struct qmac_yaml *yaml,
                                                  const struct qmac_yaml_node *node, const char *name,
                                                  enum qmac_yaml_kind kind, struct qmac_error *err);

#endif
