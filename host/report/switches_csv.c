#include <inttypes.h>

#include "report/files.h"

void qmac_switches_csv_head(FILE *out)
{
	fputs("epoch,step,layer,bw_old,fl_old,bw_new,fl_new,host_flops,bytes,cycles\n", out);
}

/* float32 has 32 bits and no fraction length. */
void qmac_switches_csv_row(FILE *out, const struct qmac_format_switch *row)
{
	fprintf(out, "%" PRId64 ",%" PRId64 ",%s,%d,%d,", row->epoch, row->step, row->layer, row->before.bw,
	        row->before.fl);
	if (row->to_float)
		fputs("32,", out);
	else
		fprintf(out, "%d,%d", row->after.bw, row->after.fl);
	fprintf(out, ",%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", row->host_flops, row->bytes, row->cycles);
}
