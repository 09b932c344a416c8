/*
 * The head of a trace: hardware, memory, ring.
 */
#include <inttypes.h>
#include <string.h>

#include "config/key.h"
#include "config/text.h"
#include "trace/reader.h"

#define ADDRESS_MAX 0xFFFFFFFFFFFFULL

static const struct qmac_key *param_called(const char *name)
{
	char full[QMAC_KEY_NAME_SIZE];
	int i = qmac_param_count - 1;

	while (i >= 0 && strcmp(qmac_key_name(&qmac_params[i], full), name) != 0)
		i--;
	return i < 0 ? NULL : &qmac_params[i];
}

static enum qmac_status read_hw(struct qmac_reader *r)
{
	char *name, *value;
	const struct qmac_key *p;
	int *line;
	enum qmac_status status = qmac_reader_need(r, "the name of a parameter", &name);

	if (!status)
		status = qmac_reader_need(r, "its value", &value);
	if (status)
		return status;
	p = param_called(name);
	if (!p)
		return qmac_reader_fail(r, name, "there is no hardware parameter '%.*s'", QMAC_READER_SHOWN, name);
	line = &r->hw_line[p - qmac_params];
	if (*line)
		return qmac_reader_fail(r, name, "%s stands in line %d already", name, *line);
	*line = r->line;
	return qmac_reader_blame(r, value, qmac_key_set(p, &r->trace->hw, value, r->err));
}

static enum qmac_status read_revision(struct qmac_reader *r)
{
	int64_t revision;
	enum qmac_status status = qmac_reader_decimal(r, "revision", 0, UINT32_MAX, &revision);

	if (!status && revision != (int64_t)QMAC_REVISION)
		return qmac_reader_fail(r, r->text, "the trace speaks command-set revision %" PRId64 ", this program "
		                        "%u: record it again", revision, (unsigned)QMAC_REVISION);
	return status;
}

static enum qmac_status read_memory_bytes(struct qmac_reader *r)
{
	int64_t bytes = 0;
	enum qmac_status status = qmac_reader_decimal(r, "memory_bytes", QMAC_TRACE_MEMORY_MIN,
	                                              QMAC_TRACE_MEMORY_MAX, &bytes);

	r->trace->memory_bytes = (uint64_t)bytes;
	return status;
}

static enum qmac_status read_window(struct qmac_reader *r)
{
	enum qmac_status status = qmac_reader_hex(r, "MEM_BASE", 0, true, ADDRESS_MAX, &r->trace->mem_base);

	return status ? status : qmac_reader_hex(r, "MEM_SIZE", 0, true, ADDRESS_MAX, &r->trace->mem_size);
}

static enum qmac_status read_ring(struct qmac_reader *r)
{
	int64_t log2 = 0;
	enum qmac_status status = qmac_reader_hex(r, "RING_BASE", 0, true, ADDRESS_MAX, &r->trace->ring_base);

	if (!status)
		status = qmac_reader_decimal(r, "RING_LOG2", QMAC_RING_LOG2_MIN, QMAC_RING_LOG2_MAX, &log2);
	r->trace->ring_log2 = (uint32_t)log2;
	return status;
}

static enum qmac_status read_first(struct qmac_reader *r)
{
	int64_t first = 0;
	enum qmac_status status = qmac_reader_decimal(r, "first", 0, INT64_MAX, &first);

	r->trace->first = (uint64_t)first;
	return status;
}

enum qmac_status qmac_reader_read_head(struct qmac_reader *r, const char *keyword)
{
	static enum qmac_status (*const read[QMAC_READER_HEADS])(struct qmac_reader *r) = {
		read_revision, read_hw, read_memory_bytes, read_window, read_ring, read_first,
	};
	int which = qmac_words_find(QMAC_READER_HEAD_WORDS, keyword);

	if (r->head_line[which] && read[which] != read_hw)
		return qmac_reader_fail(r, keyword, "'%s' stands in line %d already", keyword, r->head_line[which]);
	r->head_line[which] = r->line;
	return read[which](r);
}

bool qmac_reader_holds(uint64_t base, uint64_t size, uint64_t address, uint64_t bytes)
{
	return address >= base && bytes <= size && address - base <= size - bytes;
}

enum qmac_status qmac_reader_check_head(struct qmac_reader *r, const char *at)
{
	const char *words = QMAC_READER_HEAD_WORDS, *word;
	struct qmac_trace *t = r->trace;
	uint64_t ring_bytes = (uint64_t)QMAC_COMMAND_BYTES << t->ring_log2;
	const struct qmac_key *culprit;
	char name[QMAC_KEY_NAME_SIZE];
	struct qmac_error bare;
	size_t length;

	for (int i = 0; i < qmac_param_count; i++)
		if (!r->hw_line[i])
			return qmac_reader_fail(r, at, "a line 'hw %s' must stand before this one",
			                        qmac_key_name(&qmac_params[i], name));
	for (int i = 0; i < QMAC_READER_HEADS; i++)
		if (!r->head_line[i]) {
			word = qmac_words_at(words, i, &length);
			return qmac_reader_fail(r, at, "a line '%.*s' must stand before this one", (int)length, word);
		}
	if (qmac_hw_check(&t->hw, &culprit, r->err)) {
		bare = *r->err;
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->file, r->hw_line[culprit - qmac_params], 1, "%s",
		                    bare.message);
	}
	if (t->ring_base % QMAC_COMMAND_BYTES ||
	    !qmac_reader_holds(t->mem_base, t->mem_size, t->ring_base, ring_bytes) ||
	    !qmac_reader_holds(0, t->memory_bytes, t->ring_base, ring_bytes))
		return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->file, r->head_line[qmac_words_find(words, "ring")], 1,
		                    "the ring must be aligned to %d bytes and lie in the window and in memory",
		                    (int)QMAC_COMMAND_BYTES);
	return QMAC_OK;
}
