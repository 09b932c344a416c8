#include <inttypes.h>

#include "report/files.h"

const char qmac_switches_columns[] =
	"epoch,step,layer,bw_old,fl_old,bw_new,fl_new,host_flops,bytes,cycles";

void qmac_switches_csv_head(FILE *out)
{
	fprintf(out, "%s\n", qmac_switches_columns);
}

void qmac_format_fields(FILE *out, struct qmac_format format, bool is_float)
{
	if (is_float)
		fputs("32,", out);
	else
		fprintf(out, "%d,%d", format.bw, format.fl);
}

void qmac_switches_csv_row(FILE *out, const struct qmac_format_switch *row)
{
	fprintf(out, "%" PRId64 ",%" PRId64 ",%s,", row->epoch, row->step, row->layer);
	qmac_format_fields(out, row->before, false);
	fputc(',', out);
	qmac_format_fields(out, row->after, row->to_float);
	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", row->host_flops, row->bytes, row->cycles);
}
