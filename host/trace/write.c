/*
 * A trace as text (docs/traces.md).
 */
#include <inttypes.h>
#include <string.h>

#include "config/key.h"
#include "isa/space.h"
#include "isa/command.h"
#include "report/atomic_file.h"
#include "trace/trace.h"

static void print_hw(const struct qmac_hw *hw, FILE *out)
{
	char name[QMAC_KEY_NAME_SIZE];

	for (int i = 0; i < qmac_param_count; i++) {
		fprintf(out, "hw %s ", qmac_key_name(&qmac_params[i], name));
		qmac_key_print(&qmac_params[i], hw, out);
		fputc('\n', out);
	}
}

static void print_head(const struct qmac_trace *trace, FILE *out)
{
	fprintf(out, "qmac-trace %d\nrevision %u\n", QMAC_TRACE_VERSION, (unsigned)QMAC_REVISION);
	print_hw(&trace->hw, out);
	fprintf(out, "memory_bytes %" PRIu64 "\n", trace->memory_bytes);
	fprintf(out, "window 0x%" PRIx64 " 0x%" PRIx64 "\n", trace->mem_base, trace->mem_size);
	fprintf(out, "ring 0x%" PRIx64 " %" PRIu32 "\n", trace->ring_base, trace->ring_log2);
	fprintf(out, "first %" PRIu64 "\n", trace->first);
}

static void print_row(const struct qmac_trace *trace, const struct qmac_trace_row *row, FILE *out)
{
	uint32_t lanes = qmac_space_lanes(&trace->hw, row->space);

	fprintf(out, "row %s %" PRIu32, qmac_code_name("SPACE", row->space), row->row);
	for (uint32_t j = 0; j < lanes; j++)
		fprintf(out, " %" PRIx64, trace->values[row->first + j]);
	fputc('\n', out);
}

static void print_bytes(const struct qmac_trace_bytes *bytes, FILE *out)
{
	fprintf(out, "memory 0x%" PRIx64 " ", bytes->address);
	for (unsigned i = 0; i < bytes->count; i++)
		fprintf(out, "%02x", bytes->data[i]);
	fputc('\n', out);
}

static void print_command(const struct qmac_trace *trace, size_t number, FILE *out)
{
	const struct qmac_trace_command *c = &trace->commands[number];
	const struct qmac_retire *r = &c->expected;
	struct qmac_command command;
	char text[1024];

	qmac_command_decode(c->words, &command);
	fprintf(out, "# %s\ncommand %zu", qmac_command_text(&command, text, sizeof text), number);
	for (int i = 0; i < (int)QMAC_COMMAND_WORDS; i++)
		fprintf(out, " %08" PRIx32, c->words[i]);
	fputc('\n', out);
	if (trace->fault && number + 1 == trace->command_count)
		fprintf(out, "error %zu %s\n", number, qmac_code_name("FAULT", trace->fault));
	else
		fprintf(out, "retire %zu %s %s %" PRIu32 " %" PRIu32 " %" PRIu32 " %08" PRIx32 " %016" PRIx64
		        " %" PRIu64 " %" PRIu64 "\n", number, qmac_code_name("ENGINE", r->engine),
		        qmac_code_name("OPCODE", r->opcode), r->acc_saturations, r->requant_saturations,
		        r->container_saturations, r->magnitudes, r->digest, r->start, r->cycle);
}

void qmac_trace_print(const struct qmac_trace *trace, FILE *out)
{
	print_head(trace, out);
	fputs("\n# row SPACE ROW LANE...: what is not zero\n", out);
	for (size_t i = 0; i < trace->row_count; i++)
		print_row(trace, &trace->rows[i], out);
	fputs("\n# retire NUMBER ENGINE OPCODE, saturations (ACC, requantise, container), MAGNITUDES DIGEST "
	      "START CYCLE\n", out);
	for (size_t b = 0; b < trace->batch_count; b++) {
		const struct qmac_trace_batch *batch = &trace->batches[b];
		bool last = b + 1 == trace->batch_count;
		size_t bytes_end = last ? trace->bytes_count : batch[1].first_bytes;
		size_t command_end = last ? trace->command_count : batch[1].first_command;

		fputs("batch\n", out);
		for (size_t i = batch->first_bytes; i < bytes_end; i++)
			print_bytes(&trace->bytes[i], out);
		for (size_t i = batch->first_command; i < command_end; i++)
			print_command(trace, i, out);
	}
	fprintf(out, "end %016" PRIx64 "\n", trace->memory_digest);
}

static enum qmac_status open_file(struct qmac_atomic_file *atomic, const char *file, struct qmac_error *err)
{
	const char *slash = strrchr(file, '/'), *name = slash ? slash + 1 : file;
	char folder[512] = ".";

	if (slash && (size_t)(slash - file) >= sizeof folder)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the trace is too long: %.200s...", file);
	if (slash)
		snprintf(folder, sizeof folder, "%.*s", slash == file ? 1 : (int)(slash - file), file);
	if (!name[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "'%.200s' is no name for a trace file", file);
	return qmac_atomic_open(atomic, folder, name, err);
}

enum qmac_status qmac_trace_write_probe(const char *file, struct qmac_error *err)
{
	struct qmac_atomic_file atomic;
	enum qmac_status status = open_file(&atomic, file, err);

	if (!status)
		qmac_atomic_abandon(&atomic);
	return status;
}

enum qmac_status qmac_trace_write(const struct qmac_trace *trace, const char *file, struct qmac_error *err)
{
	struct qmac_atomic_file atomic;
	enum qmac_status status = open_file(&atomic, file, err);

	if (status)
		return status;
	qmac_trace_print(trace, atomic.stream);
	return qmac_atomic_commit(&atomic, err);
}
