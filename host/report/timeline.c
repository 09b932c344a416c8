/*
 * The Chrome trace format: complete events ("X"), one thread per engine, a
 * cycle shown as a microsecond.
 */
#include <inttypes.h>
#include <string.h>

#include "isa/command.h"
#include "report/files.h"

static const char tail[] = "\n], \"otherData\": {\"unit\": \"1 us shown is 1 device cycle\"}}\n";

void qmac_timeline_head(FILE *out)
{
	fputs("{\"traceEvents\": [\n"
	      "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": 0, "
	      "\"args\": {\"name\": \"qmac device\"}}",
	      out);
	for (unsigned engine = QMAC_ENGINE_LOAD; engine <= QMAC_ENGINE_CONTROL; engine++)
		fprintf(out, ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": 1, \"tid\": %u, "
		        "\"args\": {\"name\": \"%s\"}}", engine, qmac_code_name("ENGINE", engine));
}

void qmac_timeline_record(FILE *out, const struct qmac_retire *r)
{
	fprintf(out, ",\n{\"name\": \"%s\", \"ph\": \"X\", \"pid\": 1, \"tid\": %u, \"ts\": %" PRIu64
	        ", \"dur\": %" PRIu64 ", \"args\": {\"number\": %" PRIu32 ", \"tag\": %u, "
	        "\"acc_saturations\": %" PRIu32 ", \"requant_saturations\": %" PRIu32 ", "
	        "\"container_saturations\": %" PRIu32 "}}",
	        qmac_code_name("OPCODE", r->opcode), r->engine, r->start, r->cycle - r->start, r->number, r->tag,
	        r->acc_saturations, r->requant_saturations, r->container_saturations);
}

void qmac_timeline_tail(FILE *out)
{
	fputs(tail, out);
}

bool qmac_timeline_is_whole(FILE *in)
{
	char end[sizeof tail] = "";

	return fseek(in, 1 - (long)sizeof tail, SEEK_END) == 0 && fread(end, 1, sizeof tail - 1, in) > 0
	       && strcmp(end, tail) == 0;
}
