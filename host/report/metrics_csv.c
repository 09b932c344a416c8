#include <inttypes.h>
#include <math.h>

#include "report/csv.h"
#include "report/files.h"
#include "report/json.h"
#include "report/results.h"

static void write_known(FILE *out, double value)
{
	if (!isnan(value))
		qmac_csv_write_real(out, value);
}

/* A figure that does not exist is an empty field; one of every training is nan where that diverged. */
static void write_figure(FILE *out, const struct qmac_metrics *m, enum qmac_figure figure)
{
	double value = qmac_metrics_figure(m, figure);
	bool missing = m->estimated || m->untrained || (m->unseen && figure == QMAC_FIGURE_GRAD_NORM);

	if ((qmac_figure_kinds[figure].always && !missing) || !isnan(value))
		qmac_csv_write_real(out, value);
}

const char qmac_metrics_columns[] =
	"epoch|step|data_passes|train_loss|grad_norm|test_loss|test_accuracy|cycles|energy_j|saturations|"
	"delta|commands|macs|vec_mults|dram_read_bytes|dram_write_bytes|host_flops|host_bytes|fetch_bytes|"
	"train_accuracy|weight_saturations|energy_low_j|energy_high_j";

void qmac_metrics_csv_head(FILE *out)
{
	for (const char *c = qmac_metrics_columns; *c; c++)
		fputc(*c == '|' ? ',' : *c, out);
	fputc('\n', out);
}

void qmac_metrics_csv_row(FILE *out, const struct qmac_metrics *m, struct qmac_band joules)
{
	const uint64_t *c = m->counters;
	char text[QMAC_REAL_TEXT];

	fprintf(out, "%" PRId64 ",%" PRId64 ",%s,", m->epoch, m->step, qmac_real_text(m->data_passes, text));
	for (enum qmac_figure f = QMAC_FIGURE_TRAIN_LOSS; f <= QMAC_FIGURE_TEST_ACCURACY; f++) {
		write_figure(out, m, f);
		fputc(',', out);
	}
	fprintf(out, "%" PRIu64 ",", c[QMAC_COUNTER_CYCLES]);
	write_known(out, joules.nominal);
	fputc(',', out);
	if (!m->estimated)
		fprintf(out, "%" PRIu64, qmac_saturations(c));
	fputc(',', out);
	write_figure(out, m, QMAC_FIGURE_DELTA);
	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 ",%" PRIu64
	        ",%" PRIu64 ",", c[QMAC_COUNTER_COMMANDS], c[QMAC_COUNTER_MACS], c[QMAC_COUNTER_VEC_MULTS],
	        c[QMAC_COUNTER_DRAM_READ_BYTES], c[QMAC_COUNTER_DRAM_WRITE_BYTES], m->host_flops, m->host_bytes,
	        c[QMAC_COUNTER_FETCH_BYTES]);
	write_figure(out, m, QMAC_FIGURE_TRAIN_ACCURACY);
	fputc(',', out);
	if (!m->estimated && m->weight_saturations >= 0)
		fprintf(out, "%" PRId64, m->weight_saturations);
	fputc(',', out);
	write_known(out, joules.low);
	fputc(',', out);
	write_known(out, joules.high);
	fputc('\n', out);
}
