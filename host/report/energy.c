#include "report/energy.h"

#include <math.h>

#include "report/json.h"

enum { NOTE = 320 };

const char *qmac_tariff_lacks(const struct qmac_tariff *tariff)
{
	if (!tariff->uses_device)
		return "the device is not used";
	if (tariff->hw->dram_energy == QMAC_DRAM_NONE)
		return "dram.energy of the hardware file is none";
	return NULL;
}

/* What the energy takes for granted of products with a zero operand. */
static const char *assumption_of(const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS],
                                 char text[NOTE])
{
	if (!tariff->hw->hw.zero_gating || !counts[QMAC_COUNTER_MACS])
		return NULL;
	if (!tariff->no_zeros)
		return tariff->zeros_by_share ?
		       "where a layer has other MACs than on the hardware of the training, the share of those with a"
		       " zero operand is taken to be the same" : NULL;
	snprintf(text, NOTE, "products with a zero operand are not known %s: zero_gating is taken to save"
	         " nothing", tariff->no_zeros);
	return text;
}

/* by_component as in cost/energy.h, and untouched where there is no energy. */
static struct qmac_band joules_of(const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS],
                                  struct qmac_band by_component[QMAC_ENERGY_COMPONENTS])
{
	if (qmac_tariff_lacks(tariff))
		return (struct qmac_band){(double)NAN, (double)NAN, (double)NAN};
	return qmac_energy(tariff->table, &tariff->hw->hw, tariff->hw->dram_energy, counts, by_component);
}

struct qmac_band qmac_tariff_joules(const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS])
{
	return joules_of(tariff, counts, NULL);
}

void qmac_tariff_components(const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS],
                            double joules[QMAC_ENERGY_COMPONENTS])
{
	bool lacks = qmac_tariff_lacks(tariff) != NULL;
	struct qmac_band parts[QMAC_ENERGY_COMPONENTS];

	if (!lacks)
		(void)qmac_energy(tariff->table, &tariff->hw->hw, tariff->hw->dram_energy, counts, parts);
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++)
		joules[c] = lacks ? (double)NAN : parts[c].nominal;
}

static void write_member(FILE *out, const char *key, double value)
{
	fprintf(out, "\t\"%s\": ", key);
	qmac_json_write_real(out, value);
	fputs(",\n", out);
}

static void write_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, "\t\"%s\": ", key);
	if (text)
		qmac_json_write_string(out, text);
	else
		fputs("null", out);
	fputs(",\n", out);
}

static void write_band(FILE *out, const char *name, const struct qmac_band *band)
{
	fprintf(out, ",\n\t\t\"%s\": {\"low\": ", name);
	qmac_json_write_real(out, band->low);
	fputs(", \"nominal\": ", out);
	qmac_json_write_real(out, band->nominal);
	fputs(", \"high\": ", out);
	qmac_json_write_real(out, band->high);
	fputc('}', out);
}

void qmac_tariff_write(FILE *out, const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS])
{
	const char *lacks = qmac_tariff_lacks(tariff);
	char note[NOTE];
	struct qmac_band parts[QMAC_ENERGY_COMPONENTS], total = joules_of(tariff, counts, parts);

	write_member(out, "energy_j", total.nominal);
	write_member(out, "energy_low_j", total.low);
	write_member(out, "energy_high_j", total.high);
	write_text(out, "energy_note", lacks ? lacks : assumption_of(tariff, counts, note));
	if (lacks)
		return;
	fputs("\t\"energy\": {\n\t\t\"table\": ", out);
	qmac_json_write_string(out, tariff->table->name);
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++)
		write_band(out, qmac_energy_component_names[c], &parts[c]);
	fputs("\n\t},\n", out);
}
