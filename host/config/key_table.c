#include "config/key_table.h"

#include <assert.h>
#include <string.h>

#include "config/text.h"

enum { PATH_SIZE = 1024, WORDS_SIZE = 16384 };

/* ---- names --------------------------------------------------------------------- */

/* Is the key called that, with a dot or an underscore behind its group? */
static bool is_called(const struct qmac_key *key, const char *name)
{
	size_t length = strlen(key->group);

	if (length == 0)
		return strcmp(name, key->name) == 0;
	return strncmp(name, key->group, length) == 0 && (name[length] == '.' || name[length] == '_') &&
	       strcmp(name + length + 1, key->name) == 0;
}

int qmac_key_table_find(const struct qmac_key_table *table, const char *name)
{
	int i = table->count - 1;

	while (i >= 0 && !is_called(&table->keys[i], name))
		i--;
	return i;
}

/* The first key of a group; NULL where there is no such group. */
static const struct qmac_key *first_of(const struct qmac_key_table *table, const char *group)
{
	for (int i = 0; i < table->count; i++)
		if (table->keys[i].group[0] && strcmp(table->keys[i].group, group) == 0)
			return &table->keys[i];
	return NULL;
}

enum qmac_status qmac_key_table_unknown(const struct qmac_key_table *table, const char *name,
                                        const char *more, struct qmac_error *err)
{
	const struct qmac_key *first = first_of(table, name);
	char words[WORDS_SIZE] = "", full[QMAC_KEY_NAME_SIZE];
	size_t used = 0;

	if (first)
		return qmac_fail(err, QMAC_BAD_INPUT, "'%s' is a group of keys; name one of them, such as %s", name,
		                 qmac_key_name(first, full));
	for (int i = 0; i < table->count; i++) {
		const struct qmac_key *key = &table->keys[i];
		bool starts = first_of(table, key->group) == key;

		assert(used < sizeof words - 3 * QMAC_KEY_NAME_SIZE);
		used += (size_t)snprintf(words + used, sizeof words - used, "%s%s%s%s", i ? "|" : "",
		                         starts ? key->group : "", starts ? "|" : "", qmac_key_name(key, full));
	}
	if (more[0])
		snprintf(words + used, sizeof words - used, "|%s", more);
	return qmac_text_unknown("key", name, words, err);
}

/* ---- files --------------------------------------------------------------------- */

/* Puts the keys of a group in place of its mapping. */
static enum qmac_status dissolve(struct qmac_yaml *yaml, struct qmac_yaml_node **at, struct qmac_error *err)
{
	struct qmac_yaml_node *group = *at, *last = NULL;
	enum qmac_status status = qmac_yaml_expect(yaml, group, group->key, QMAC_YAML_MAPPING, err);
	char name[2 * QMAC_KEY_NAME_SIZE];

	if (status)
		return status;
	for (struct qmac_yaml_node *n = group->child; n; n = n->next) {
		snprintf(name, sizeof name, "%s.%s", group->key, n->key);
		n->key = qmac_arena_copy(&yaml->arena, name);
		if (!n->key)
			return qmac_fail(err, QMAC_INTERNAL, "out of memory");
		last = n;
	}
	*at = last ? group->child : group->next;
	if (last)
		last->next = group->next;
	return QMAC_OK;
}

/* Gives a node the name that the table has for its key. */
static enum qmac_status recognise(const struct qmac_key_table *table, struct qmac_yaml *yaml,
                                  struct qmac_yaml_node *node, const char *more, struct qmac_error *err)
{
	char name[QMAC_KEY_NAME_SIZE];
	int i = qmac_key_table_find(table, node->key);

	if (i >= 0) {
		node->key = qmac_arena_copy(&yaml->arena, qmac_key_name(&table->keys[i], name));
		return node->key ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory");
	}
	if (qmac_words_find(more, node->key) >= 0)
		return QMAC_OK;
	(void)qmac_key_table_unknown(table, node->key, more, err);
	return qmac_yaml_blame_key(yaml, node, err);
}

enum qmac_status qmac_key_table_flatten(const struct qmac_key_table *table, struct qmac_yaml *yaml,
                                        struct qmac_yaml_node *mapping, const char *more,
                                        struct qmac_error *err)
{
	struct qmac_yaml_node **at = &mapping->child;
	enum qmac_status status = QMAC_OK;

	while (!status && *at) {
		struct qmac_yaml_node *node = *at, *same;

		if (first_of(table, node->key)) {
			status = dissolve(yaml, at, err);
			continue;
		}
		status = recognise(table, yaml, node, more, err);
		if (status)
			return status;
		same = qmac_yaml_find(mapping, node->key);
		if (same != node) {
			(void)qmac_fail(err, QMAC_BAD_INPUT, "duplicate key '%s', already given in line %d", node->key,
			                same->key_line);
			return qmac_yaml_blame_key(yaml, node, err);
		}
		at = &node->next;
	}
	return status;
}

/* The text of a value; a path as seen from here. */
static enum qmac_status set_from_file(const struct qmac_key *key, const struct qmac_yaml *yaml, void *values,
                                      const char *text, struct qmac_error *err)
{
	char path[PATH_SIZE];

	if (key->kind == QMAC_KIND_PATH) {
		if (!qmac_path_beside(path, sizeof path, yaml->file, text))
			return qmac_fail(err, QMAC_BAD_INPUT, "the path is longer than %d bytes", PATH_SIZE - 1);
		text = path;
	}
	return qmac_key_set(key, values, text, err);
}

enum qmac_status qmac_key_table_read(const struct qmac_key_table *table, struct qmac_yaml *yaml,
                                     void *values, const struct qmac_yaml_node **nodes,
                                     struct qmac_error *err)
{
	enum qmac_status status = qmac_key_table_flatten(table, yaml, yaml->root, "", err);

	for (const struct qmac_yaml_node *n = yaml->root->child; !status && n; n = n->next) {
		int i = qmac_key_table_find(table, n->key);
		const char *text;

		status = qmac_yaml_text(yaml, n, n->key, table->keys[i].kind >= QMAC_KIND_BOOL, &text, err);
		if (status)
			return status;
		if (set_from_file(&table->keys[i], yaml, values, text, err)) {
			qmac_text_blame(n->key, err);
			return qmac_yaml_blame(yaml, n, err);
		}
		nodes[i] = n;
	}
	return status;
}

void qmac_key_table_print(const struct qmac_key_table *table, int i, const void *values, FILE *out)
{
	const struct qmac_key *key = &table->keys[i];

	if (key->group[0] && first_of(table, key->group) == key)
		fprintf(out, "%s:\n", key->group);
	fprintf(out, "%s%s: ", key->group[0] ? "  " : "", key->name);
	qmac_key_print(key, values, out);
}
