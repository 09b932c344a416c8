#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "report/files.h"
#include "report/json.h"
#include "report/results.h"

/* A figure that may be missing: then the field is empty. */
static void write_optional(FILE *out, double value)
{
	char text[QMAC_REAL_TEXT];

	if (!isnan(value))
		fputs(qmac_real_text(value, text), out);
	fputc(',', out);
}

/* A figure of every training; one that diverged shows inf or nan, and an estimate has none. */
static void write_computed(FILE *out, const struct qmac_metrics *m, double value)
{
	char text[QMAC_REAL_TEXT];

	fprintf(out, "%s,", m->estimated ? "" : qmac_real_text(value, text));
}

/* A count that depends on data; an estimate has none. */
static void write_data_count(FILE *out, const struct qmac_metrics *m, uint64_t count)
{
	if (!m->estimated)
		fprintf(out, "%" PRIu64, count);
}

uint64_t qmac_saturations(const uint64_t counters[QMAC_COUNTERS])
{
	return counters[QMAC_COUNTER_ACC_SATURATIONS] + counters[QMAC_COUNTER_REQUANT_SATURATIONS]
	       + counters[QMAC_COUNTER_CONTAINER_SATURATIONS];
}

const char qmac_metrics_columns[] =
	"epoch|step|data_passes|train_loss|grad_norm|test_loss|test_accuracy|cycles|energy_j|saturations|"
	"delta|commands|macs|vec_mults|dram_read_bytes|dram_write_bytes|host_flops|host_bytes";

void qmac_metrics_csv_head(FILE *out)
{
	for (const char *c = qmac_metrics_columns; *c; c++)
		fputc(*c == '|' ? ',' : *c, out);
	fputc('\n', out);
}

void qmac_metrics_csv_row(FILE *out, const struct qmac_metrics *m)
{
	const uint64_t *c = m->counters;
	char text[QMAC_REAL_TEXT];

	fprintf(out, "%" PRId64 ",%" PRId64 ",%s,", m->epoch, m->step, qmac_real_text(m->data_passes, text));
	write_computed(out, m, m->train_loss);
	write_computed(out, m, m->grad_norm);
	write_optional(out, m->test_loss);
	write_optional(out, m->test_accuracy);
	fprintf(out, "%" PRIu64 ",,", c[QMAC_COUNTER_CYCLES]);
	write_data_count(out, m, qmac_saturations(c));
	fputc(',', out);
	write_optional(out, m->delta);
	fprintf(out, "%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n",
	        c[QMAC_COUNTER_COMMANDS], c[QMAC_COUNTER_MACS], c[QMAC_COUNTER_VEC_MULTS],
	        c[QMAC_COUNTER_DRAM_READ_BYTES], c[QMAC_COUNTER_DRAM_WRITE_BYTES], m->host_flops, m->host_bytes);
}

static const char layers_head[] =
	"epoch,layer,w_bits,x_bits,delta,cycles,energy_j,macs,vec_mults,zero_mac_fraction,saturations\n";

void qmac_layers_csv_head(FILE *out)
{
	fputs(layers_head, out);
}

static int commas(const char *text)
{
	int count = 0;

	for (; *text; text++)
		count += *text == ',';
	return count;
}

bool qmac_layers_csv_is_whole(FILE *in, int64_t epochs)
{
	char line[512];
	int64_t last = 0;

	if (!fgets(line, sizeof line, in) || strcmp(line, layers_head) != 0)
		return false;
	while (fgets(line, sizeof line, in)) {
		int64_t epoch = strtoll(line, NULL, 10);

		if (epoch < 1 || (epoch != last && epoch != last + 1) || commas(line) != commas(layers_head)
		    || !strchr(line, '\n'))
			return false;
		last = epoch;
	}
	return !ferror(in) && last == epochs;
}

/* What one layer did in an epoch; `bits` 0: full precision. */
static void write_layer(FILE *out, const struct qmac_run *run, const struct qmac_metrics *m,
                        const char *layer, int bits, double delta, const uint64_t spent[QMAC_COUNTERS])
{
	uint64_t macs = spent[QMAC_COUNTER_MACS];
	char text[QMAC_REAL_TEXT];

	fprintf(out, "%" PRId64 ",%s,", m->epoch, layer);
	if (bits)
		fprintf(out, "%d", bits);
	fprintf(out, ",%d,", run->x_bits);
	write_optional(out, delta);
	fprintf(out, "%" PRIu64 ",,%" PRIu64 ",%" PRIu64 ",", spent[QMAC_COUNTER_CYCLES], macs,
	        spent[QMAC_COUNTER_VEC_MULTS]);
	if (macs && !m->estimated)
		fputs(qmac_real_text((double)spent[QMAC_COUNTER_ZERO_MACS] / (double)macs, text), out);
	fputc(',', out);
	write_data_count(out, m, qmac_saturations(spent));
	fputc('\n', out);
}

void qmac_layers_csv_row(FILE *out, const struct qmac_run *run, const struct qmac_metrics *m,
                         const struct qmac_metrics *before)
{
	uint64_t inner[QMAC_COUNTERS], outer[QMAC_COUNTERS];

	for (int i = 0; i < QMAC_COUNTERS; i++) {
		outer[i] = m->outer[i] - before->outer[i];
		inner[i] = m->counters[i] - before->counters[i] - outer[i];
	}
	write_layer(out, run, m, "linear", qmac_is_low_precision(run->algorithm) ? run->bits : 0, m->delta,
	            inner);
	if (outer[QMAC_COUNTER_COMMANDS])
		write_layer(out, run, m, "gradient", QMAC_GRADIENT_BITS, NAN, outer);
}
