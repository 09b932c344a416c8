#include "config/area_file.h"

#include <string.h>

#include "config/text.h"
#include "config/yaml.h"

enum { PATH_SIZE = 1024, FIGURES = 2 + QMAC_AREA_COEFFICIENTS };

/* A figure of the file and where it goes. */
struct figure {
	const char *name, *unit, *meaning;
	double *value, *node_nm; /* NULL: its node is for people only */
	bool positive, optional;
};

static void list_figures(struct qmac_area_table *table, struct figure figures[FIGURES])
{
	figures[0] = (struct figure){"um2_per_gate", "um2", "a NAND gate of two inputs", &table->um2_per_gate,
	                             &table->node_nm, true, false};
	figures[1] = (struct figure){"um2_per_bit", "um2", "a bit of memory", &table->um2_per_bit, NULL, true,
	                             true};
	for (int i = 0; i < QMAC_AREA_COEFFICIENTS; i++)
		figures[2 + i] = (struct figure){qmac_area_coefficient_names[i], "gates",
		                                 qmac_area_coefficient_meanings[i], &table->gates[i], NULL, false,
		                                 false};
}

/* The text of a key of a figure's mapping, which must be there. */
static enum qmac_status text_of(const struct qmac_yaml *yaml, const struct qmac_yaml_node *mapping,
                                const char *key, bool number, const char **text, struct qmac_error *err)
{
	const struct qmac_yaml_node *node = qmac_yaml_find(mapping, key);

	if (!node)
		return qmac_yaml_refuse(yaml, mapping, err, "%s: missing key '%s'", mapping->key, key);
	return qmac_yaml_text(yaml, node, key, number, text, err);
}

static enum qmac_status read_number(const struct qmac_yaml *yaml, const struct qmac_yaml_node *mapping,
                                    const char *key, bool positive, double *number, struct qmac_error *err)
{
	const struct qmac_yaml_node *node = qmac_yaml_find(mapping, key);
	const char *text;
	enum qmac_status status = text_of(yaml, mapping, key, true, &text, err);

	if (status)
		return status;
	if (qmac_text_real(text, number, err)) {
		qmac_text_blame(key, err);
		return qmac_yaml_blame(yaml, node, err);
	}
	if (*number < 0 || (positive && *number == 0))
		return qmac_yaml_refuse(yaml, node, err, "%s: expected a number %s 0, not %.60s", key,
		                        positive ? "above" : "of at least", text);
	return QMAC_OK;
}

/* {value, unit, source, node_nm} */
static enum qmac_status read_figure(const struct qmac_yaml *yaml, const struct qmac_yaml_node *node,
                                    const struct figure *figure, struct qmac_error *err)
{
	const char *unit, *source, *value = "";
	double node_nm;
	enum qmac_status status = qmac_yaml_expect(yaml, node, figure->name, QMAC_YAML_MAPPING, err);

	if (!status)
		status = qmac_yaml_check_keys(yaml, node, "value|unit|source|node_nm", err);
	if (!status)
		status = text_of(yaml, node, "unit", false, &unit, err);
	if (!status && strcmp(unit, figure->unit) != 0)
		return qmac_yaml_refuse(yaml, qmac_yaml_find(node, "unit"), err,
		                        "unit: expected %s for %s, not %.60s", figure->unit, figure->name, unit);
	if (!status)
		status = text_of(yaml, node, "source", false, &source, err);
	if (!status)
		status = read_number(yaml, node, "node_nm", true, figure->node_nm ? figure->node_nm : &node_nm, err);
	if (!status && figure->optional)
		status = text_of(yaml, node, "value", false, &value, err);
	if (status)
		return status;
	*figure->value = 0;
	if (strcmp(value, "not established") == 0)
		return QMAC_OK;
	return read_number(yaml, node, "value", figure->positive, figure->value, err);
}

static enum qmac_status check_keys(const struct qmac_yaml *yaml, const struct figure figures[FIGURES],
                                   bool has_base, struct qmac_error *err)
{
	char words[64 + 64 * FIGURES];
	size_t used = (size_t)snprintf(words, sizeof words, "%slibrary", has_base ? "base|" : "");

	for (int i = 0; i < FIGURES; i++)
		used += (size_t)snprintf(words + used, sizeof words - used, "|%s", figures[i].name);
	return qmac_yaml_check_keys(yaml, yaml->root, words, err);
}

static enum qmac_status load(struct qmac_area_table *table, const char *file, bool may_have_base,
                             struct qmac_error *err);

/* What `base` has; *complete: there is one, so nothing is missing. */
static enum qmac_status read_base(const struct qmac_yaml *yaml, struct qmac_area_table *table, bool *complete,
                                  struct qmac_error *err)
{
	const struct qmac_yaml_node *base = qmac_yaml_find(yaml->root, "base");
	char path[PATH_SIZE];
	const char *name;

	*complete = base != NULL;
	if (!base)
		return QMAC_OK;
	if (qmac_yaml_text(yaml, base, "base", false, &name, err))
		return QMAC_BAD_INPUT;
	if (!qmac_path_beside(path, sizeof path, yaml->file, name))
		return qmac_yaml_refuse(yaml, base, err, "base: the path is longer than %d bytes", PATH_SIZE - 1);
	return load(table, path, false, err);
}

static enum qmac_status read_library(const struct qmac_yaml *yaml, struct qmac_area_table *table,
                                     struct qmac_error *err)
{
	const struct qmac_yaml_node *node = qmac_yaml_find(yaml->root, "library");
	const char *text;

	if (!node)
		return qmac_yaml_refuse(yaml, yaml->root, err, "missing key 'library' (whose gates these are)");
	if (qmac_yaml_text(yaml, node, "library", false, &text, err))
		return QMAC_BAD_INPUT;
	if (strlen(text) >= sizeof table->library)
		return qmac_yaml_refuse(yaml, node, err, "library: longer than %d bytes", QMAC_AREA_NAME - 1);
	strcpy(table->library, text);
	return QMAC_OK;
}

static enum qmac_status read(const struct qmac_yaml *yaml, struct qmac_area_table *table,
                             bool may_have_base, struct qmac_error *err)
{
	struct figure figures[FIGURES];
	bool complete;
	enum qmac_status status;

	list_figures(table, figures);
	status = check_keys(yaml, figures, may_have_base, err);
	if (!status)
		status = read_base(yaml, table, &complete, err);
	if (!status)
		status = read_library(yaml, table, err);
	for (int i = 0; !status && i < FIGURES; i++) {
		const struct qmac_yaml_node *node = qmac_yaml_find(yaml->root, figures[i].name);

		if (node)
			status = read_figure(yaml, node, &figures[i], err);
		else if (!complete)
			status = qmac_yaml_refuse(yaml, yaml->root, err, "missing key '%s' (in %s, of %s)",
			                          figures[i].name, figures[i].unit, figures[i].meaning);
	}
	return status;
}

static enum qmac_status load(struct qmac_area_table *table, const char *file, bool may_have_base,
                             struct qmac_error *err)
{
	struct qmac_yaml yaml;
	enum qmac_status status = qmac_yaml_load(&yaml, file, err);

	if (status)
		return status;
	status = read(&yaml, table, may_have_base, err);
	qmac_yaml_free(&yaml);
	return status;
}

enum qmac_status qmac_area_load(struct qmac_area_table *table, const char *file, struct qmac_error *err)
{
	struct qmac_error local;

	*table = (struct qmac_area_table){0};
	return load(table, file, true, err ? err : &local);
}
