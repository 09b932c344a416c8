#include "config/cost_file.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/text.h"

enum { NAME, BASE, FIRST_FACTOR, MAX_KEYS = 512 };

struct loader {
	const struct qmac_cost_file *kind;
	struct qmac_yaml yaml;
	const struct qmac_yaml_node *nodes[MAX_KEYS];
	const struct qmac_yaml_node *groups[MAX_KEYS]; /* the mapping that a key belongs into */
	bool is_base; /* of another file */
	char *values;
	struct qmac_error *err;
};

/* How many keys the group has whose first key is i. */
static int group_size(const struct qmac_cost_file *kind, int i)
{
	int n = 1;

	while (i + n < kind->keys->count
	       && strcmp(kind->keys->keys[i].group, kind->keys->keys[i + n].group) == 0)
		n++;
	return n;
}

/* How many of the `count` keys from `first` on the file has. */
static int given(const struct loader *l, int first, int count)
{
	int n = 0;

	for (int i = first; i < first + count; i++)
		n += l->nodes[i] != NULL;
	return n;
}

static const char *words_of_unit(const struct loader *l, int first, int count)
{
	for (int i = first; i < first + count; i++)
		if (strcmp(l->kind->keys->keys[i].name, "unit") == 0)
			return l->kind->keys->keys[i].words;
	return "";
}

/* The keys of a figure are there, all of them. */
static enum qmac_status expect_whole(struct loader *l, int first, int count)
{
	const struct qmac_key *keys = l->kind->keys->keys;
	char name[QMAC_KEY_NAME_SIZE];

	if (given(l, first, count) == 0)
		return qmac_yaml_refuse(&l->yaml, l->yaml.root, l->err, "missing key '%s' (%s; in %s)",
		                        keys[first].group, keys[first].help, words_of_unit(l, first, count));
	for (int i = first; i < first + count; i++)
		if (!l->nodes[i])
			return qmac_yaml_refuse(&l->yaml, l->groups[i], l->err, "missing key '%s' (%s)%s%s",
			                        qmac_key_name(&keys[i], name), keys[i].help,
			                        keys[i].words[0] ? ", which is " : "", keys[i].words);
	return QMAC_OK;
}

/* Behind a low value come the nominal and the high one. */
static enum qmac_status check_order(struct loader *l, int first, int count)
{
	const struct qmac_key *keys = l->kind->keys->keys;
	char name[QMAC_KEY_NAME_SIZE], before[QMAC_KEY_NAME_SIZE];

	for (int i = first + 1; i < first + count; i++) {
		double value, least;

		if (!qmac_key_is_number(&keys[i]))
			continue;
		value = qmac_key_number(&keys[i], l->values);
		least = qmac_key_number(&keys[i - 1], l->values);
		if (value < least)
			return qmac_yaml_refuse(&l->yaml, l->nodes[i], l->err, "%s: %g is less than %s = %g",
			                        qmac_key_name(&keys[i], name), value,
			                        qmac_key_name(&keys[i - 1], before), least);
	}
	return QMAC_OK;
}

/* Figures and factors, each whole; with a base what is missing is that of the base. */
static enum qmac_status check_figures(struct loader *l)
{
	const bool has_base = l->nodes[BASE] != NULL;
	enum qmac_status status = QMAC_OK;
	int count;

	for (int i = FIRST_FACTOR; !status && i < l->kind->keys->count; i += count) {
		const bool is_factor = i < l->kind->first_figure;

		count = group_size(l->kind, i);
		if (given(l, i, count) == 0 && (has_base || is_factor))
			continue;
		if (is_factor && !has_base)
			return qmac_yaml_refuse(&l->yaml, l->groups[i], l->err,
			                        "%s: without a base there is nothing to scale: leave it out",
			                        l->kind->keys->keys[i].group);
		status = expect_whole(l, i, count);
		if (!status)
			status = check_order(l, i, count);
	}
	return status;
}

static enum qmac_status load(const struct qmac_cost_file *kind, const char *file, bool is_base, char *values,
                             struct qmac_error *err);

/* What the file has not takes the values of its base. */
static enum qmac_status take_base(struct loader *l)
{
	const struct qmac_cost_file *kind = l->kind;
	char *base = malloc(kind->size);
	enum qmac_status status = base ? load(kind, l->values + kind->base, true, base, l->err) :
	                          qmac_fail(l->err, QMAC_INTERNAL, "out of memory");

	if (!status && kind->scale)
		kind->scale(base, l->values);
	for (int i = kind->first_figure; !status && i < kind->keys->count; i++) {
		const struct qmac_key *key = &kind->keys->keys[i];

		if (!l->nodes[i])
			memcpy(l->values + key->offset, base + key->offset, key->size);
	}
	free(base);
	return status;
}

static enum qmac_status read(struct loader *l)
{
	const struct qmac_key *keys = l->kind->keys->keys;
	enum qmac_status status;

	for (int i = 0; i < l->kind->keys->count; i++) {
		const struct qmac_yaml_node *group = qmac_yaml_find(l->yaml.root, keys[i].group);

		l->groups[i] = keys[i].group[0] && group ? group : l->yaml.root;
	}
	status = qmac_key_table_read(l->kind->keys, &l->yaml, l->values, l->nodes, l->err);
	if (!status && !l->nodes[NAME])
		status = qmac_yaml_refuse(&l->yaml, l->yaml.root, l->err, "missing key '%s' (%s)", keys[NAME].name,
		                          keys[NAME].help);
	if (!status && l->nodes[BASE] && l->is_base)
		status = qmac_yaml_refuse(&l->yaml, l->nodes[BASE], l->err,
		                          "base: a table with a base cannot be one");
	if (!status)
		status = check_figures(l);
	return status || !l->nodes[BASE] ? status : take_base(l);
}

static enum qmac_status load(const struct qmac_cost_file *kind, const char *file, bool is_base, char *values,
                             struct qmac_error *err)
{
	struct loader l = {.kind = kind, .is_base = is_base, .values = values, .err = err};
	enum qmac_status status = file[0] ? qmac_yaml_load(&l.yaml, file, err) :
	                          qmac_yaml_parse(&l.yaml, kind->name, kind->text, kind->text_size, err);

	assert(kind->keys->count <= MAX_KEYS);
	memset(values, 0, kind->size);
	if (!status)
		status = read(&l);
	qmac_yaml_free(&l.yaml);
	return status;
}

enum qmac_status qmac_cost_file_load(const struct qmac_cost_file *kind, const char *file, void *values,
                                     struct qmac_error *err)
{
	struct qmac_error local;

	return load(kind, file, false, values, err ? err : &local);
}

void qmac_cost_file_print(const struct qmac_cost_file *kind, const void *values, FILE *out)
{
	for (int i = NAME; i < kind->keys->count; i++) {
		if (i > NAME && i < kind->first_figure)
			continue;
		qmac_key_table_print(kind->keys, i, values, out);
		fputc('\n', out);
	}
}
