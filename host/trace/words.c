/*
 * The words of a line of a trace.
 */
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "config/text.h"
#include "isa/command.h"
#include "trace/reader.h"

enum qmac_status qmac_reader_fail(struct qmac_reader *r, const char *at, const char *format, ...)
{
	char message[512];
	va_list args;

	va_start(args, format);
	vsnprintf(message, sizeof message, format, args);
	va_end(args);
	return qmac_fail_at(r->err, QMAC_BAD_INPUT, r->file, r->line, (int)(at - r->text) + 1, "%s", message);
}

enum qmac_status qmac_reader_blame(struct qmac_reader *r, const char *at, enum qmac_status status)
{
	struct qmac_error bare = *r->err;

	return status ? qmac_reader_fail(r, at, "%s", bare.message) : QMAC_OK;
}

enum qmac_status qmac_reader_no_memory(struct qmac_reader *r)
{
	return qmac_fail(r->err, QMAC_INTERNAL, "out of memory for the trace %s", r->file);
}

char *qmac_reader_word(struct qmac_reader *r)
{
	char *word = r->cursor += strspn(r->cursor, " \t");

	if (!*word)
		return NULL;
	r->cursor += strcspn(word, " \t");
	if (*r->cursor)
		*r->cursor++ = 0;
	return word;
}

enum qmac_status qmac_reader_need(struct qmac_reader *r, const char *what, char **word)
{
	*word = qmac_reader_word(r);
	return *word ? QMAC_OK : qmac_reader_fail(r, r->cursor, "%s is missing", what);
}

enum qmac_status qmac_reader_decimal(struct qmac_reader *r, const char *what, int64_t low,
                                     int64_t high, int64_t *value)
{
	char *word;
	enum qmac_status status = qmac_reader_need(r, what, &word);

	if (!status && qmac_text_integer(word, low, high, value, r->err)) {
		qmac_text_blame(what, r->err);
		status = qmac_reader_blame(r, word, QMAC_BAD_INPUT);
	}
	return status;
}

int qmac_reader_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, c) : NULL;

	return found ? (int)(found - digits) : -1;
}

enum qmac_status qmac_reader_hex(struct qmac_reader *r, const char *what, int digits, bool prefixed,
                                 uint64_t max, uint64_t *value)
{
	char *word;
	const char *at;
	size_t length;
	enum qmac_status status = qmac_reader_need(r, what, &word);

	if (status)
		return status;
	at = word;
	if (prefixed && (at[0] != '0' || at[1] != 'x'))
		return qmac_reader_fail(r, word, "%s: expected 0x and hexadecimal digits, not '%.*s'", what,
		                        QMAC_READER_SHOWN, word);
	at += prefixed ? 2 : 0;
	length = strlen(at);
	if (length != strspn(at, "0123456789abcdef") || length < 1 || length > 16 ||
	    (digits && length != (size_t)digits))
		return qmac_reader_fail(r, word, "%s: expected %d%s lower-case hexadecimal digits, not '%.*s'",
		                        what, digits ? digits : 1, digits ? "" : "..16", QMAC_READER_SHOWN, word);
	for (*value = 0; *at; at++)
		*value = *value << 4 | (uint64_t)qmac_reader_digit(*at);
	if (*value > max)
		return qmac_reader_fail(r, word, "%s: %.*s is beyond %s%" PRIx64, what, QMAC_READER_SHOWN, word,
		                        prefixed ? "0x" : "", max);
	return QMAC_OK;
}

enum qmac_status qmac_reader_code(struct qmac_reader *r, const char *group, unsigned low,
                                  unsigned high, unsigned *value)
{
	char words[256] = "", *word;
	int index;
	enum qmac_status status = qmac_reader_need(r, group, &word);

	if (status)
		return status;
	for (unsigned i = low; i <= high; i++)
		snprintf(words + strlen(words), sizeof words - strlen(words), "%s%s", i > low ? "|" : "",
		         qmac_code_name(group, i));
	if (qmac_text_choice(word, words, &index, r->err))
		return qmac_reader_blame(r, word, QMAC_BAD_INPUT);
	*value = low + (unsigned)index;
	return QMAC_OK;
}
