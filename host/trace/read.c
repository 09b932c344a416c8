/*
 * Reads a trace (docs/traces.md). A line is a keyword and words; '#' starts a
 * comment. What a line may say depends on what stood before it: head, rows,
 * batches, end.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"
#include "config/text.h"
#include "isa/space.h"
#include "trace/reader.h"

#define FILE_MAX ((size_t)1 << 30)

/* Enters a later part of the file. */
static enum qmac_status advance(struct qmac_reader *r, const char *at, enum qmac_reader_stage stage)
{
	enum qmac_reader_stage before = r->stage;

	if (before > stage)
		return qmac_reader_fail(r, at, "'%s' comes too late: %s", at, before == QMAC_READER_ERROR ?
		                        "the error before it ends the trace" :
		                        "the order is head, rows, batches, end");
	r->stage = stage;
	return before == QMAC_READER_HEAD && stage > QMAC_READER_HEAD ? qmac_reader_check_head(r, at) : QMAC_OK;
}

static enum qmac_status read_row(struct qmac_reader *r, const char *at)
{
	struct qmac_trace *t = r->trace;
	const struct qmac_trace_row *before;
	struct qmac_trace_row *row;
	int64_t number = 0;
	unsigned space = 0;
	uint64_t *values, value, max;
	uint32_t lanes;
	enum qmac_status status = advance(r, at, QMAC_READER_ROWS);

	if (!status)
		status = qmac_reader_code(r, "SPACE", QMAC_SPACE_A, QMAC_SPACE_LUT, &space);
	if (!status)
		status = qmac_reader_decimal(r, "row", 0, (int64_t)qmac_space_rows(&t->hw, space) - 1, &number);
	if (status)
		return status;
	before = t->row_count ? &t->rows[t->row_count - 1] : NULL;
	if (before && (before->space > space || (before->space == space && before->row >= number)))
		return qmac_reader_fail(r, at, "rows must ascend: A, W, ACC, LUT, each by its number");
	lanes = qmac_space_lanes(&t->hw, space);
	max = UINT64_MAX >> (64 - qmac_space_bits(&t->hw, space));
	row = qmac_trace_add_row(t);
	values = qmac_trace_add_values(t, lanes);
	if (!row || !values)
		return qmac_reader_no_memory(r);
	*row = (struct qmac_trace_row){space, (uint32_t)number, t->value_count - lanes};
	for (uint32_t j = 0; !status && j < lanes; j++) {
		status = qmac_reader_hex(r, "a lane", 0, false, max, &value);
		if (!status)
			values[j] = value;
	}
	return status;
}

static bool batch_is_empty(const struct qmac_trace *t)
{
	return t->batch_count && t->batches[t->batch_count - 1].first_command == t->command_count;
}

/* What must hold where something other than the record of the last command follows. */
static enum qmac_status check_record(struct qmac_reader *r, const char *at)
{
	if (!r->retire_due)
		return QMAC_OK;
	return qmac_reader_fail(r, at, "a line 'retire %zu' or 'error %zu' must stand before this one",
	            r->trace->command_count - 1, r->trace->command_count - 1);
}

static enum qmac_status read_batch(struct qmac_reader *r, const char *at)
{
	struct qmac_trace *t = r->trace;
	struct qmac_trace_batch *batch;
	enum qmac_status status = advance(r, at, QMAC_READER_BATCHES);

	if (!status)
		status = check_record(r, at);
	if (!status && batch_is_empty(t))
		return qmac_reader_fail(r, at, "the batch before this one has no command");
	if (status)
		return status;
	batch = qmac_trace_add_batch(t);
	if (!batch)
		return qmac_reader_no_memory(r);
	*batch = (struct qmac_trace_batch){t->bytes_count, t->command_count};
	return QMAC_OK;
}

static enum qmac_status need_batch(struct qmac_reader *r, const char *at)
{
	if (r->stage < QMAC_READER_BATCHES)
		return qmac_reader_fail(r, at, "a line 'batch' must stand before this one");
	return advance(r, at, QMAC_READER_BATCHES);
}

static enum qmac_status read_memory(struct qmac_reader *r, const char *at)
{
	struct qmac_trace *t = r->trace;
	struct qmac_trace_bytes *bytes;
	uint64_t address;
	size_t digits;
	char *word;
	enum qmac_status status = need_batch(r, at);

	if (!status && !batch_is_empty(t))
		return qmac_reader_fail(r, at, "memory must stand before the commands of its batch");
	if (!status)
		status = qmac_reader_hex(r, "address", 0, true, t->memory_bytes - 1, &address);
	if (!status)
		status = qmac_reader_need(r, "hexadecimal bytes", &word);
	if (status)
		return status;
	digits = strlen(word);
	if (digits % 2 || digits > 2 * QMAC_TRACE_LINE_BYTES || digits != strspn(word, "0123456789abcdef"))
		return qmac_reader_fail(r, word, "expected 1..%d bytes as pairs of lower-case hexadecimal digits",
		                        QMAC_TRACE_LINE_BYTES);
	if (!qmac_reader_holds(0, t->memory_bytes, address, digits / 2))
		return qmac_reader_fail(r, word, "these bytes end beyond the memory of %" PRIu64 " bytes",
		                        t->memory_bytes);
	if (qmac_trace_in_ring(t, address, digits / 2))
		return qmac_reader_fail(r, word, "these bytes meet the command ring at 0x%" PRIx64, t->ring_base);
	bytes = qmac_trace_add_bytes(t);
	if (!bytes)
		return qmac_reader_no_memory(r);
	bytes->address = address;
	bytes->count = (uint8_t)(digits / 2);
	for (size_t i = 0; i < digits; i += 2)
		bytes->data[i / 2] = (uint8_t)(qmac_reader_digit(word[i]) << 4 | qmac_reader_digit(word[i + 1]));
	return QMAC_OK;
}

static enum qmac_status read_command(struct qmac_reader *r, const char *at)
{
	struct qmac_trace *t = r->trace;
	struct qmac_trace_command *command;
	uint64_t word;
	int64_t number, next = (int64_t)t->command_count;
	enum qmac_status status = need_batch(r, at);

	if (!status)
		status = check_record(r, at);
	if (!status && next == QMAC_TRACE_COMMANDS_MAX)
		return qmac_reader_fail(r, at, "a trace has at most %u commands", QMAC_TRACE_COMMANDS_MAX);
	if (!status && t->command_count - t->batches[t->batch_count - 1].first_command == 1U << t->ring_log2)
		return qmac_reader_fail(r, at, "the commands of a batch must fit the ring of %u",
		                        1U << t->ring_log2);
	if (!status)
		status = qmac_reader_decimal(r, "number", next, next, &number);
	if (status)
		return status;
	command = qmac_trace_add_command(t);
	if (!command)
		return qmac_reader_no_memory(r);
	command->line = r->line;
	for (int i = 0; !status && i < (int)QMAC_COMMAND_WORDS; i++) {
		status = qmac_reader_hex(r, "a descriptor word", 8, false, UINT32_MAX, &word);
		if (!status)
			command->words[i] = (uint32_t)word;
	}
	r->retire_due = true;
	return status;
}

/* The number of `retire` and `error`: that of the command before it. */
static enum qmac_status read_number(struct qmac_reader *r, const char *at, int64_t *number)
{
	int64_t last = (int64_t)r->trace->command_count - 1;
	enum qmac_status status = need_batch(r, at);

	if (!status && !r->retire_due)
		return qmac_reader_fail(r, at, "a line 'command' must stand before this one");
	r->retire_due = false;
	return status ? status : qmac_reader_decimal(r, "number", last, last, number);
}

static enum qmac_status read_retire(struct qmac_reader *r, const char *at)
{
	int64_t number = 0, saturations[3] = {0}, start = 0, cycle = 0;
	unsigned engine = 0, opcode = 0;
	uint64_t magnitudes = 0, digest = 0;
	struct qmac_trace_command *c;
	enum qmac_status status = read_number(r, at, &number);

	if (!status)
		status = qmac_reader_code(r, "ENGINE", QMAC_ENGINE_LOAD, QMAC_ENGINE_CONTROL, &engine);
	if (!status)
		status = qmac_reader_code(r, "OPCODE", QMAC_OPCODE_LOAD, QMAC_OPCODE_SYNC, &opcode);
	for (int i = 0; !status && i < 3; i++)
		status = qmac_reader_decimal(r, "saturations", 0, UINT32_MAX, &saturations[i]);
	if (!status)
		status = qmac_reader_hex(r, "magnitudes", 8, false, UINT32_MAX, &magnitudes);
	if (!status)
		status = qmac_reader_hex(r, "digest", 16, false, UINT64_MAX, &digest);
	if (!status)
		status = qmac_reader_decimal(r, "start cycle", 0, INT64_MAX, &start);
	if (!status)
		status = qmac_reader_decimal(r, "retire cycle", 0, INT64_MAX, &cycle);
	if (status)
		return status;
	c = &r->trace->commands[number];
	c->expected = (struct qmac_retire){
		.number = (uint32_t)number, .engine = (uint8_t)engine, .opcode = (uint8_t)opcode,
		.tag = (uint16_t)(c->words[0] >> 16), .acc_saturations = (uint32_t)saturations[0],
		.requant_saturations = (uint32_t)saturations[1], .container_saturations = (uint32_t)saturations[2],
		.magnitudes = (uint32_t)magnitudes, .digest = digest, .start = (uint64_t)start,
		.cycle = (uint64_t)cycle,
	};
	return QMAC_OK;
}

static enum qmac_status read_error(struct qmac_reader *r, const char *at)
{
	int64_t number;
	enum qmac_status status = read_number(r, at, &number);

	if (!status)
		status = qmac_reader_code(r, "FAULT", QMAC_FAULT_OPCODE, QMAC_FAULT_RING, &r->trace->fault);
	r->stage = QMAC_READER_ERROR;
	return status;
}

static enum qmac_status read_end(struct qmac_reader *r, const char *at)
{
	enum qmac_status status = check_record(r, at);

	if (!status && (!r->trace->command_count || batch_is_empty(r->trace)))
		return qmac_reader_fail(r, at, "a batch with a command must stand before this line");
	if (!status)
		status = qmac_reader_hex(r, "digest", 16, false, UINT64_MAX, &r->trace->memory_digest);
	r->trace->end_line = r->line;
	r->stage = QMAC_READER_END;
	return status;
}

/* ---- the file ----------------------------------------------------------------- */

static enum qmac_status read_magic(struct qmac_reader *r, const char *keyword)
{
	int64_t version;
	enum qmac_status status;

	if (strcmp(keyword, "qmac-trace") != 0)
		return qmac_reader_fail(r, keyword, "this is no trace: it must start with 'qmac-trace %d'",
		                        QMAC_TRACE_VERSION);
	status = qmac_reader_decimal(r, "version", 1, INT32_MAX, &version);
	if (!status && version != QMAC_TRACE_VERSION)
		return qmac_reader_fail(r, keyword, "this is version %" PRId64 " of the format, the program reads "
		                        "version %d", version, QMAC_TRACE_VERSION);
	r->stage = QMAC_READER_HEAD;
	return status;
}

/* A line of the parts behind the head. */
static enum qmac_status read_body(struct qmac_reader *r, const char *keyword)
{
	static const struct {
		const char *keyword;
		enum qmac_status (*read)(struct qmac_reader *r, const char *at);
	} table[] = {
		{"row", read_row}, {"batch", read_batch}, {"memory", read_memory}, {"command", read_command},
		{"retire", read_retire}, {"error", read_error}, {"end", read_end},
	};

	for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
		if (strcmp(table[i].keyword, keyword) == 0)
			return table[i].read(r, keyword);
	(void)qmac_text_unknown("line", keyword, QMAC_READER_HEAD_WORDS
	                        "|row|batch|memory|command|retire|error|end", r->err);
	return qmac_reader_blame(r, keyword, QMAC_BAD_INPUT);
}

static enum qmac_status read_line(struct qmac_reader *r)
{
	const char *keyword = qmac_reader_word(r), *rest;
	enum qmac_status status;

	if (!keyword)
		return QMAC_OK;
	if (r->stage == QMAC_READER_NOTHING) {
		status = read_magic(r, keyword);
	} else if (r->stage == QMAC_READER_END) {
		status = qmac_reader_fail(r, keyword, "nothing may follow the line 'end'");
	} else if (qmac_words_find(QMAC_READER_HEAD_WORDS, keyword) >= 0) {
		status = advance(r, keyword, QMAC_READER_HEAD);
		if (!status)
			status = qmac_reader_read_head(r, keyword);
	} else {
		status = read_body(r, keyword);
	}
	rest = status ? NULL : qmac_reader_word(r);
	return rest ? qmac_reader_fail(r, rest, "'%.*s' is too much here", QMAC_READER_SHOWN, rest) : status;
}

/* Of the line at `text`; *end: with what ends it, LF, CR LF or CR. */
static size_t line_length(const char *text, size_t size, size_t *end)
{
	size_t length = 0;

	while (length < size && text[length] != '\n' && text[length] != '\r')
		length++;
	*end = length + (length < size);
	if (*end < size && text[length] == '\r' && text[*end] == '\n')
		++*end;
	return length;
}

static enum qmac_status read_text(struct qmac_reader *r, char *text, size_t size)
{
	/* A byte order mark would put every column of the first line off. */
	size_t at = size >= 3 && memcmp(text, "\xEF\xBB\xBF", 3) == 0 ? 3 : 0, end;
	enum qmac_status status = QMAC_OK;

	for (; !status && at < size; at += end) {
		size_t length = line_length(text + at, size - at, &end);
		char *comment;

		r->text = r->cursor = text + at;
		r->text[length] = 0;
		r->line++;
		if (strlen(r->text) != length)
			return qmac_reader_fail(r, r->text + strlen(r->text), "a trace is text: it holds no byte 0");
		comment = strchr(r->text, '#');
		if (comment)
			*comment = 0;
		status = read_line(r);
	}
	if (!status && r->stage != QMAC_READER_END)
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->file, r->line + 1, 1, "%s",
		                    r->stage == QMAC_READER_NOTHING ? "the trace is empty" :
		                    "the line 'end' is missing: the trace was cut");
	return status;
}

/* The whole file and room for a NUL behind it. */
static enum qmac_status slurp(const char *file, char **text, size_t *size, struct qmac_error *err)
{
	size_t room = 1 << 16, used = 0;
	FILE *stream;
	enum qmac_status status = qmac_input_stream(file, &stream, err);
	char *bytes = status ? NULL : malloc(room);
	int reason = bytes ? 0 : ENOMEM;

	if (status)
		return status;
	while (!reason && !feof(stream)) {
		used += fread(bytes + used, 1, room - used, stream);
		if (ferror(stream)) {
			reason = errno;
		} else if (used == room) {
			char *larger = room < FILE_MAX ? realloc(bytes, 2 * room) : NULL;

			reason = larger ? 0 : EFBIG;
			bytes = larger ? larger : bytes;
			room *= 2;
		}
	}
	fclose(stream);
	if (reason) {
		free(bytes);
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot read %.400s: %s", file, strerror(reason));
	}
	*text = bytes;
	*size = used;
	return QMAC_OK;
}

enum qmac_status qmac_trace_parse(const char *file, char *text, size_t size, struct qmac_trace **trace,
                                  struct qmac_error *err)
{
	struct qmac_error local;
	struct qmac_reader r = {.trace = qmac_trace_create(), .file = file, .err = err ? err : &local};
	enum qmac_status status = r.trace ? read_text(&r, text, size) : qmac_reader_no_memory(&r);

	*trace = NULL;
	if (status) {
		qmac_trace_destroy(r.trace);
		return status;
	}
	snprintf(r.trace->file, sizeof r.trace->file, "%s", file);
	*trace = r.trace;
	return QMAC_OK;
}

enum qmac_status qmac_trace_read(const char *file, struct qmac_trace **trace, struct qmac_error *err)
{
	char *text = NULL;
	size_t size = 0;
	enum qmac_status status = slurp(file, &text, &size, err);

	*trace = NULL;
	if (status)
		return status;
	status = qmac_trace_parse(file, text, size, trace, err);
	free(text);
	return status;
}
