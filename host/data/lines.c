#define _POSIX_C_SOURCE 200809L
#include "data/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zlib.h>

#include "config/text.h"

enum { BUFFER_BYTES = 1 << 16, LINE_BYTES_MAX = 1 << 24 };

bool qmac_grow(void **array, int64_t *capacity, int64_t needed, size_t size)
{
	int64_t grown = *capacity * 2 > needed ? *capacity * 2 : needed;
	void *larger;

	if (needed <= *capacity)
		return true;
	larger = realloc(*array, (size_t)grown * size);
	if (!larger)
		return false;
	*array = larger;
	*capacity = grown;
	return true;
}

enum qmac_status qmac_lines_open(struct qmac_lines *lines, const char *path, struct qmac_error *err)
{
	struct stat found;

	memset(lines, 0, sizeof *lines);
	lines->path = path;
	if (stat(path, &found) == 0 && S_ISDIR(found.st_mode))
		return qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0,
		                    "this is a folder: give the name of a file, in it or elsewhere");
	errno = 0;
	lines->file = gzopen(path, "rb");
	if (!lines->file)
		return qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0, "cannot open: %s",
		                    strerror(errno ? errno : ENOMEM));
	lines->buffer = malloc(BUFFER_BYTES);
	if (!lines->buffer) {
		qmac_lines_close(lines);
		return qmac_fail_at(err, QMAC_INTERNAL, path, 0, 0, "out of memory");
	}
	return QMAC_OK;
}

void qmac_lines_close(struct qmac_lines *lines)
{
	if (lines->file)
		(void)gzclose_r(lines->file);
	free(lines->buffer);
	free(lines->text);
	memset(lines, 0, sizeof *lines);
}

static enum qmac_status fill(struct qmac_lines *lines, struct qmac_error *err)
{
	int count, problem;
	const char *why;

	errno = 0;
	count = gzread(lines->file, lines->buffer, BUFFER_BYTES);
	lines->next = 0;
	lines->filled = count > 0 ? (size_t)count : 0;
	if (count > 0)
		return QMAC_OK;
	why = gzerror(lines->file, &problem);
	if (count == 0 && problem != Z_BUF_ERROR)
		return QMAC_OK;
	if (problem == Z_BUF_ERROR)
		why = "the compressed file ends too early; fetch it again";
	else if (problem == Z_ERRNO)
		why = strerror(errno);
	if (lines->number == 0)
		return qmac_fail_at(err, QMAC_BAD_INPUT, lines->path, 0, 0, "cannot read: %s", why);
	return qmac_fail_at(err, QMAC_BAD_INPUT, lines->path, 0, 0, "cannot read behind line %d: %s",
	                    lines->number, why);
}

static enum qmac_status append(struct qmac_lines *lines, size_t count, struct qmac_error *err)
{
	void *text = lines->text;

	if (lines->length + count > LINE_BYTES_MAX)
		return qmac_fail_at(err, QMAC_BAD_INPUT, lines->path, lines->number, 1,
		                    "longer than %d bytes: not a table of numbers", LINE_BYTES_MAX);
	if (!qmac_grow(&text, &lines->capacity, (int64_t)(lines->length + count + 1), 1))
		return qmac_fail_at(err, QMAC_INTERNAL, lines->path, lines->number, 1, "out of memory");
	lines->text = text;
	memcpy(lines->text + lines->length, lines->buffer + lines->next, count);
	lines->length += count;
	lines->text[lines->length] = 0;
	return QMAC_OK;
}

/* Takes off what is not part of the text. */
static enum qmac_status finish(struct qmac_lines *lines, struct qmac_error *err)
{
	const char *nul;

	if (lines->length > 0 && lines->text[lines->length - 1] == '\r')
		lines->text[--lines->length] = 0;
	if (lines->number == 1 && strncmp(lines->text, "\xEF\xBB\xBF", 3) == 0) {
		lines->length -= 3;
		memmove(lines->text, lines->text + 3, lines->length + 1);
	}
	nul = memchr(lines->text, 0, lines->length);
	if (nul)
		return qmac_fail_at(err, QMAC_BAD_INPUT, lines->path, lines->number, (int)(nul - lines->text) + 1,
		                    "a NUL byte: not a text file");
	return QMAC_OK;
}

enum qmac_status qmac_lines_next(struct qmac_lines *lines, bool *got, struct qmac_error *err)
{
	enum qmac_status status;
	const char *end = NULL;

	*got = false;
	lines->length = 0;
	while (!end) {
		const char *start;
		size_t count;

		if (lines->next == lines->filled) {
			status = fill(lines, err);
			if (status)
				return status;
			if (lines->filled == 0)
				break;
		}
		lines->number += !*got;
		*got = true;
		start = lines->buffer + lines->next;
		end = memchr(start, '\n', lines->filled - lines->next);
		count = end ? (size_t)(end - start) : lines->filled - lines->next;
		status = append(lines, count, err);
		if (status)
			return status;
		lines->next += count + (end != NULL);
	}
	return *got ? finish(lines, err) : QMAC_OK;
}

void qmac_lines_make_printable(struct qmac_error *err)
{
	char text[sizeof err->message];
	FILE *out = err ? fmemopen(text, sizeof text, "w") : NULL;

	if (!out)
		return;
	qmac_text_print_comment(err->message, out); /* as long at most, in bytes */
	if (fclose(out) == 0)
		memcpy(err->message, text, sizeof text);
}
