#include <inttypes.h>

#include "report/files.h"

void qmac_switches_csv_head(FILE *out)
{
	fputs("epoch,step,layer,bw_old,fl_old,bw_new,fl_new,host_flops,bytes,cycles\n", out);
}

void qmac_switches_csv_row(FILE *out, const struct qmac_format_switch *row)
{
	fprintf(out, "%" PRId64 ",%" PRId64 ",%s,%d,%d,%d,%d,%" PRIu64 ",%" PRIu64 ",%" PRIu64 "\n", row->epoch,
	        row->step, row->layer, row->before.bw, row->before.fl, row->after.bw, row->after.fl,
	        row->host_flops, row->bytes, row->cycles);
}
