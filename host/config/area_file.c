#include "config/area_file.h"

#include "config/cost_file.h"

enum { PATH_SIZE = 1024, FIRST_FIGURE = 2 };

/* What the keys of a file fill. */
struct values {
	struct qmac_area_table table;
	char base[PATH_SIZE];
};

#define FIGURE(group, kind, words, unit_text, member, help) \
	QMAC_COST_KEY(struct values, group, "value", kind, words, member.value, help) \
	QMAC_COST_ORIGIN(struct values, group, unit_text, member, help)

static const struct qmac_key keys[] = {
	QMAC_COST_NAME(struct values, "library", TEXT, table.library, base, "whose gates these are")
	FIGURE("um2_per_gate", POSITIVE, "", "um2", table.um2_per_gate, "a NAND gate of two inputs")
	FIGURE("um2_per_bit", POSITIVE, "not established", "um2", table.um2_per_bit, "a bit of memory")
#define PART(id, name, help)
#define TERM(part, coefficient, amount)
#define COEFFICIENT(id, meaning) \
	FIGURE(#id, REAL, "", "gates", table.gates[QMAC_AREA_COEFFICIENT_##id], meaning)
#include "cost/area.def"
#undef PART
#undef TERM
#undef COEFFICIENT
};

static const struct qmac_key_table key_table = {keys, sizeof keys / sizeof keys[0]};

static const char default_text[] = {
#include "area_default.inc"
};

static const struct qmac_cost_file kind = {
	.keys = &key_table, .first_figure = FIRST_FIGURE,
	.base = offsetof(struct values, base), .size = sizeof(struct values),
	.name = "the default area table", .text = default_text, .text_size = sizeof default_text,
};

enum qmac_status qmac_area_load(struct qmac_area_table *table, const char *file, struct qmac_error *err)
{
	struct values values;
	enum qmac_status status = qmac_cost_file_load(&kind, file, &values, err);

	*table = values.table;
	return status;
}

void qmac_area_print(const struct qmac_area_table *table, FILE *out)
{
	const struct values values = {.table = *table};

	qmac_cost_file_print(&kind, &values, out);
}
