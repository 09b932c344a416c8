#include "config/energy_file.h"

#include <stdbool.h>
#include <string.h>

#include "config/text.h"

enum { PATH_SIZE = 1024, SCALES = 2, PARTS = 6, FIRST_SCALE = 2 };

/* What a coefficient is scaled by; the first two are those of a file with a base. */
enum scale { SCALE_DYNAMIC, SCALE_LEAKAGE, SCALE_NONE };

/* What the keys of a file fill. */
struct values {
	struct qmac_energy_table table;
	char base[PATH_SIZE];
	struct qmac_energy_coefficient_value scale[SCALES];
};

#define ROW(group, name, kind, words, member, help) \
	{group, name, QMAC_KIND_##kind, 0, 0, words, "", NULL, 0, help, \
	 offsetof(struct values, member), sizeof((struct values *)0)->member},
#define VALUE(group, member, unit_text, help) \
	ROW(group, "low", POSITIVE, "", member.band.low, help) \
	ROW(group, "nominal", POSITIVE, "", member.band.nominal, help) \
	ROW(group, "high", POSITIVE, "", member.band.high, help) \
	ROW(group, "unit", WORD, unit_text, member.unit, help) \
	ROW(group, "node", TEXT, "", member.node, help) \
	ROW(group, "source", TEXT, "", member.source, help)

/* name, base, two factors, and the coefficients; PARTS keys of each of these. */
static const struct qmac_key keys[] = {
	ROW("", "name", NAME, "", table.name, "what the table is called")
	ROW("", "base", PATH, "", base, "the table that is scaled")
	VALUE("scale_dynamic", scale[SCALE_DYNAMIC], "factor", "energy of logic and memories on the chip")
	VALUE("scale_leakage", scale[SCALE_LEAKAGE], "factor", "their leakage")
#define COEFFICIENT(upper, lower, scale, unit, help) VALUE(#lower, table.of[QMAC_ENERGY_##upper], unit, help)
#include "cost/coefficients.def"
#undef COEFFICIENT
};
enum { KEYS = sizeof keys / sizeof keys[0], FIRST_COEFFICIENT = FIRST_SCALE + SCALES * PARTS };

const struct qmac_key_table qmac_energy_key_table = {keys, KEYS};

static const enum scale scales[QMAC_ENERGY_COEFFICIENTS] = {
#define COEFFICIENT(upper, lower, scale, unit, help) [QMAC_ENERGY_##upper] = SCALE_##scale,
#include "cost/coefficients.def"
#undef COEFFICIENT
};

static const char default_text[] = {
#include "energy_default.inc"
};

struct loader {
	struct qmac_yaml yaml;
	const struct qmac_yaml_node *nodes[KEYS];
	const struct qmac_yaml_node *groups[KEYS]; /* the mapping that a key belongs into */
	bool is_base; /* of another file */
	struct values *values;
	struct qmac_error *err;
};

/* Are the keys from `first` on, `count` of them, all there? */
static enum qmac_status expect(struct loader *l, int first, int count)
{
	char name[QMAC_KEY_NAME_SIZE];

	for (int i = first; i < first + count; i++)
		if (!l->nodes[i])
			return qmac_yaml_refuse(&l->yaml, l->groups[i], l->err, "missing key '%s' (%s)%s%s",
			                        qmac_key_name(&keys[i], name), keys[i].help,
			                        keys[i].words[0] ? ", which is " : "", keys[i].words);
	return QMAC_OK;
}

/* None of them may be there. */
static enum qmac_status exclude(struct loader *l, int first, int count, const char *why)
{
	char name[QMAC_KEY_NAME_SIZE];

	for (int i = first; i < first + count; i++)
		if (l->nodes[i])
			return qmac_yaml_refuse(&l->yaml, l->nodes[i], l->err, "%s: %s: leave it out",
			                        qmac_key_name(&keys[i], name), why);
	return QMAC_OK;
}

/* The first key of a value is low, then come nominal and high. */
static enum qmac_status check_order(struct loader *l, int first, int count)
{
	char name[QMAC_KEY_NAME_SIZE], before[QMAC_KEY_NAME_SIZE];

	for (int i = first; i < first + count; i += PARTS)
		for (int k = i + 1; k < i + 3; k++) {
			double value = qmac_key_number(&keys[k], l->values);
			double least = qmac_key_number(&keys[k - 1], l->values);

			if (value < least)
				return qmac_yaml_refuse(&l->yaml, l->nodes[k], l->err, "%s: %g is less than %s = %g",
				                        qmac_key_name(&keys[k], name), value,
				                        qmac_key_name(&keys[k - 1], before), least);
		}
	return QMAC_OK;
}

static enum qmac_status load(struct values *values, const char *file, bool is_base, struct qmac_error *err);

/* Puts the base's coefficients, scaled, into the table. */
static enum qmac_status scale(struct loader *l)
{
	struct values *values = l->values, base;
	char name[sizeof values->table.name];
	enum qmac_status status = load(&base, values->base, true, l->err);

	if (status)
		return status;
	strcpy(name, values->table.name);
	values->table = base.table;
	strcpy(values->table.name, name);
	for (int i = 0; i < QMAC_ENERGY_COEFFICIENTS; i++) {
		struct qmac_energy_coefficient_value *value = &values->table.of[i];
		const struct qmac_energy_coefficient_value *factor = &values->scale[scales[i]];

		if (scales[i] == SCALE_NONE)
			continue;
		value->band.low *= factor->band.low;
		value->band.nominal *= factor->band.nominal;
		value->band.high *= factor->band.high;
		memcpy(value->node, factor->node, sizeof value->node);
		strncat(value->source, "; scaled", sizeof value->source - strlen(value->source) - 1);
	}
	return QMAC_OK;
}

static enum qmac_status read(struct loader *l)
{
	bool scaled = qmac_yaml_find(l->yaml.root, "base") != NULL;
	enum qmac_status status;

	for (int i = 0; i < KEYS; i++) {
		const struct qmac_yaml_node *group = qmac_yaml_find(l->yaml.root, keys[i].group);

		l->groups[i] = keys[i].group[0] && group ? group : l->yaml.root;
	}
	status = qmac_key_table_read(&qmac_energy_key_table, &l->yaml, l->values, l->nodes, l->err);
	if (!status)
		status = expect(l, 0, 1);
	if (!status && scaled && l->is_base)
		status = qmac_yaml_refuse(&l->yaml, l->nodes[1], l->err, "base: a table with a base cannot be one");
	if (!status && scaled)
		status = exclude(l, FIRST_COEFFICIENT, KEYS - FIRST_COEFFICIENT,
		                 "the file has a base, which gives it");
	else if (!status)
		status = exclude(l, FIRST_SCALE, SCALES * PARTS, "without a base there is nothing to scale");
	if (!status)
		status = scaled ? expect(l, FIRST_SCALE, SCALES * PARTS) :
		         expect(l, FIRST_COEFFICIENT, KEYS - FIRST_COEFFICIENT);
	if (!status)
		status = scaled ? check_order(l, FIRST_SCALE, SCALES * PARTS) :
		         check_order(l, FIRST_COEFFICIENT, KEYS - FIRST_COEFFICIENT);
	return status || !scaled ? status : scale(l);
}

static enum qmac_status load(struct values *values, const char *file, bool is_base, struct qmac_error *err)
{
	struct loader l = {.is_base = is_base, .values = values, .err = err};
	enum qmac_status status = file[0] ? qmac_yaml_load(&l.yaml, file, err) :
	                          qmac_yaml_parse(&l.yaml, "the default energy table", default_text,
	                                          sizeof default_text, err);

	memset(values, 0, sizeof *values);
	if (!status)
		status = read(&l);
	qmac_yaml_free(&l.yaml);
	return status;
}

enum qmac_status qmac_energy_load(struct qmac_energy_table *table, const char *file, struct qmac_error *err)
{
	struct qmac_error local;
	struct values values;
	enum qmac_status status = load(&values, file, false, err ? err : &local);

	*table = values.table;
	return status;
}

void qmac_energy_print(const struct qmac_energy_table *table, FILE *out)
{
	const struct values values = {.table = *table};

	for (int i = 0; i < KEYS; i++) {
		if (i > 0 && i < FIRST_COEFFICIENT)
			continue;
		qmac_key_table_print(&qmac_energy_key_table, i, &values, out);
		fputc('\n', out);
	}
}
