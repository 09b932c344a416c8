/*
 * The Chrome trace format: complete events ("X"), one thread for each lane of an engine, a cycle shown as a
 * microsecond. What viewers want beyond the format's text: numbers of threads and processes from 1 on, none
 * of a thread that is also one of a process; `ts` and `dur` in microseconds, both given.
 */
#include <inttypes.h>
#include <string.h>

#include "isa/command.h"
#include "report/files.h"

static const char tail[] = "\n], \"otherData\": {\"unit\": \"1 us shown is 1 device cycle\"}}\n";

enum { PROCESS = 1 };

/* In this order they are shown. */
static unsigned thread_of(unsigned engine, int lane)
{
	return 1000 * (engine + 1) + (unsigned)lane + 1;
}

static void name_lane(FILE *out, unsigned engine, int lane)
{
	static const char *const names[QMAC_TIMELINE_ENGINES] = {"load", "execute", "store", "control"};
	unsigned thread = thread_of(engine, lane);

	fprintf(out, ",\n{\"name\": \"thread_name\", \"ph\": \"M\", \"pid\": %d, \"tid\": %u, "
	        "\"args\": {\"name\": \"%s", PROCESS, thread, names[engine]);
	if (lane)
		fprintf(out, " %d", lane + 1);
	fprintf(out, "\"}},\n{\"name\": \"thread_sort_index\", \"ph\": \"M\", \"pid\": %d, \"tid\": %u, "
	        "\"args\": {\"sort_index\": %u}}", PROCESS, thread, thread);
}

void qmac_timeline_head(struct qmac_timeline *timeline, FILE *out)
{
	fprintf(out, "{\"traceEvents\": [\n"
	        "{\"name\": \"process_name\", \"ph\": \"M\", \"pid\": %d, "
	        "\"args\": {\"name\": \"qmac device\"}}", PROCESS);
	for (unsigned engine = 0; engine < QMAC_TIMELINE_ENGINES; engine++) {
		name_lane(out, engine, 0);
		timeline->lanes[engine] = 1;
	}
}

void qmac_timeline_record(struct qmac_timeline *timeline, FILE *out, const struct qmac_retire *r)
{
	uint64_t *free_from = timeline->free_from[r->engine];
	int lane = 0;

	while (lane < QMAC_TIMELINE_LANES - 1 && free_from[lane] > r->start)
		lane++;
	if (lane == timeline->lanes[r->engine]) {
		name_lane(out, r->engine, lane);
		timeline->lanes[r->engine]++;
	}
	free_from[lane] = r->cycle;
	fprintf(out, ",\n{\"name\": \"%s\", \"ph\": \"X\", \"pid\": %d, \"tid\": %u, \"ts\": %" PRIu64
	        ", \"dur\": %" PRIu64 ", \"args\": {\"number\": %" PRIu32 ", \"tag\": %u, "
	        "\"acc_saturations\": %" PRIu32 ", \"requant_saturations\": %" PRIu32 ", "
	        "\"container_saturations\": %" PRIu32 "}}",
	        qmac_code_name("OPCODE", r->opcode), PROCESS, thread_of(r->engine, lane), r->start,
	        r->cycle - r->start, r->number, r->tag, r->acc_saturations, r->requant_saturations,
	        r->container_saturations);
}

void qmac_timeline_tail(FILE *out)
{
	fputs(tail, out);
}
