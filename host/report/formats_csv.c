#include <inttypes.h>

#include "report/files.h"

const char qmac_formats_columns[] = "epoch,step,behind,tensor,bw,fl";

void qmac_formats_csv_head(FILE *out)
{
	fprintf(out, "%s\n", qmac_formats_columns);
}

void qmac_formats_csv_row(FILE *out, const struct qmac_format_change *row)
{
	fprintf(out, "%" PRId64 ",%" PRId64 ",%s,%s,", row->epoch, row->step, row->ended ? "epoch" : "step",
	        row->tensor);
	qmac_format_fields(out, row->format, row->to_float);
	fputc('\n', out);
}
