#include <inttypes.h>
#include <math.h>

#include "report/csv.h"
#include "report/files.h"

static const char layers_head[] =
	"epoch,layer,direction,w_bits,x_bits,delta,cycles,energy_j,macs,vec_mults,zero_mac_fraction,saturations,"
	"commands,dram_read_bytes,dram_write_bytes,fetch_bytes,load_busy,execute_busy,store_busy,sparsity,"
	"weight_saturations,a_reads,zero_macs";

/* Behind these the joules of the components: "mac_j". */
void qmac_layers_csv_head(FILE *out)
{
	fputs(layers_head, out);
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++)
		fprintf(out, ",%s_j", qmac_energy_component_names[c]);
	fputc('\n', out);
}

static void write_bits(FILE *out, int bits)
{
	if (bits)
		fprintf(out, "%d", bits);
	fputc(',', out);
}

static void write_optional(FILE *out, double value)
{
	if (!isnan(value))
		qmac_csv_write_real(out, value);
	fputc(',', out);
}

/* Of a network's weights: their saturations stand in one row of a layer, so that the column can be summed. */
static void write_weights(FILE *out, const struct qmac_records *records, int layer,
                          enum qmac_direction direction)
{
	int64_t saturations = qmac_records_weight_saturations(records, layer);

	fputc(',', out);
	write_optional(out, qmac_records_sparsity(records, layer));
	if (saturations >= 0)
		fprintf(out, "%" PRId64, direction == QMAC_DIRECTION_FORWARD ? saturations : 0);
}

static void write_components(FILE *out, const struct qmac_tariff *tariff, const uint64_t counts[QMAC_COUNTS])
{
	double joules[QMAC_ENERGY_COMPONENTS];

	qmac_tariff_components(tariff, counts, joules);
	for (int c = 0; c < QMAC_ENERGY_COMPONENTS; c++) {
		fputc(',', out);
		if (!isnan(joules[c]))
			qmac_csv_write_real(out, joules[c]);
	}
}

/* What a layer spent in one direction. */
static void write_row(FILE *out, const struct qmac_records *records, int layer, enum qmac_direction direction,
                      const struct qmac_tariff *tariff)
{
	static const enum qmac_counter rest[] = {
		QMAC_COUNTER_COMMANDS, QMAC_COUNTER_DRAM_READ_BYTES, QMAC_COUNTER_DRAM_WRITE_BYTES,
		QMAC_COUNTER_FETCH_BYTES, QMAC_COUNTER_LOAD_BUSY, QMAC_COUNTER_EXECUTE_BUSY, QMAC_COUNTER_STORE_BUSY,
	};
	const struct qmac_layer_record *record = &records->layer[layer];
	const uint64_t *spent = qmac_records_spent(records, layer, direction);

	fprintf(out, "%" PRId64 ",%s,%s,", records->epoch, record->name, qmac_direction_name(direction));
	write_bits(out, record->w_bits);
	write_bits(out, record->x_bits);
	write_optional(out, qmac_records_delta(records, layer));
	fprintf(out, "%" PRIu64 ",", spent[QMAC_COUNTER_CYCLES]);
	write_optional(out, qmac_tariff_joules(tariff, spent).nominal);
	fprintf(out, "%" PRIu64 ",%" PRIu64 ",", spent[QMAC_COUNTER_MACS], spent[QMAC_COUNTER_VEC_MULTS]);
	write_optional(out, spent[QMAC_COUNTER_MACS] && !tariff->no_zeros ?
	                    qmac_records_zero_fraction(records, layer) : (double)NAN);
	if (!records->estimated)
		fprintf(out, "%" PRIu64, qmac_records_saturations(records, layer, direction));
	for (size_t i = 0; i < sizeof rest / sizeof rest[0]; i++)
		fprintf(out, ",%" PRIu64, spent[rest[i]]);
	write_weights(out, records, layer, direction);
	fprintf(out, ",%" PRIu64 ",", spent[QMAC_COUNTER_A_READS]);
	if (!tariff->no_zeros)
		fprintf(out, "%" PRIu64, spent[QMAC_COUNTER_ZERO_MACS]);
	write_components(out, tariff, spent);
	fputc('\n', out);
}

void qmac_layers_csv_rows(FILE *out, const struct qmac_records *records, const struct qmac_tariff *tariff)
{
	uint64_t sum[QMAC_COUNTS] = {0};

	qmac_records_add(records, sum);
	if (records->epoch == 0 && !sum[QMAC_COUNTER_COMMANDS])
		return;
	for (int layer = 0; layer < records->layers; layer++) {
		int written = 0;

		for (int d = 0; d < QMAC_DIRECTIONS; d++)
			if (qmac_records_spent(records, layer, (enum qmac_direction)d)[QMAC_COUNTER_COMMANDS]) {
				write_row(out, records, layer, (enum qmac_direction)d, tariff);
				written++;
			}
		if (!written)
			write_row(out, records, layer, QMAC_DIRECTION_NONE, tariff);
	}
}
