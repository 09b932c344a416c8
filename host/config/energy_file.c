#include "config/energy_file.h"

#include <string.h>

#include "config/cost_file.h"

enum { PATH_SIZE = 1024, SCALES = 2, PARTS = 6 };

/* What a coefficient is scaled by. */
enum scale { SCALE_DYNAMIC, SCALE_LEAKAGE, SCALE_NONE };

/* What the keys of a file fill. */
struct values {
	struct qmac_energy_table table;
	char base[PATH_SIZE];
	struct qmac_energy_coefficient_value scale[SCALES];
};

#define VALUE(group, member, unit_text, help) \
	QMAC_COST_KEY(struct values, group, "low", POSITIVE, "", member.band.low, help) \
	QMAC_COST_KEY(struct values, group, "nominal", POSITIVE, "", member.band.nominal, help) \
	QMAC_COST_KEY(struct values, group, "high", POSITIVE, "", member.band.high, help) \
	QMAC_COST_ORIGIN(struct values, group, unit_text, member, help)

static const struct qmac_key keys[] = {
	QMAC_COST_NAME(struct values, "name", NAME, table.name, base, "what the table is called")
	VALUE("scale_dynamic", scale[SCALE_DYNAMIC], "factor", "energy of logic and memories on the chip")
	VALUE("scale_leakage", scale[SCALE_LEAKAGE], "factor", "their leakage")
#define COEFFICIENT(upper, lower, scale, unit, help) VALUE(#lower, table.of[QMAC_ENERGY_##upper], unit, help)
#include "cost/coefficients.def"
#undef COEFFICIENT
};

const struct qmac_key_table qmac_energy_key_table = {keys, sizeof keys / sizeof keys[0]};

static const enum scale scales[QMAC_ENERGY_COEFFICIENTS] = {
#define COEFFICIENT(upper, lower, scale, unit, help) [QMAC_ENERGY_##upper] = SCALE_##scale,
#include "cost/coefficients.def"
#undef COEFFICIENT
};

static const char default_text[] = {
#include "energy_default.inc"
};

/* A base's coefficients times the factors that the file has. */
static void scale(void *base, const void *own)
{
	const struct values *values = own;

	for (int i = 0; i < QMAC_ENERGY_COEFFICIENTS; i++) {
		struct qmac_energy_coefficient_value *value = &((struct values *)base)->table.of[i];
		const struct qmac_energy_coefficient_value *factor = &values->scale[scales[i]];

		if (scales[i] == SCALE_NONE || factor->band.low == 0)
			continue;
		value->band.low *= factor->band.low;
		value->band.nominal *= factor->band.nominal;
		value->band.high *= factor->band.high;
		memcpy(value->node, factor->node, sizeof value->node);
		strncat(value->source, "; scaled", sizeof value->source - strlen(value->source) - 1);
	}
}

static const struct qmac_cost_file kind = {
	.keys = &qmac_energy_key_table, .first_figure = 2 + SCALES * PARTS,
	.base = offsetof(struct values, base), .size = sizeof(struct values),
	.name = "the default energy table", .text = default_text, .text_size = sizeof default_text,
	.scale = scale,
};

enum qmac_status qmac_energy_load(struct qmac_energy_table *table, const char *file, struct qmac_error *err)
{
	struct values values;
	enum qmac_status status = qmac_cost_file_load(&kind, file, &values, err);

	*table = values.table;
	return status;
}

void qmac_energy_print(const struct qmac_energy_table *table, FILE *out)
{
	const struct values values = {.table = *table};

	qmac_cost_file_print(&kind, &values, out);
}
