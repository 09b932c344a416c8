#define _POSIX_C_SOURCE 200809L
#include "data/lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "config/input.h"
#include "data/foreign.h"
#include "process/stop.h"

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
	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
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

enum qmac_status qmac_lines_open(struct qmac_lines *lines, const char *path, struct qmac_error *err)
{
	const char *foreign;
	enum qmac_status status;

	memset(lines, 0, sizeof *lines);
	lines->path = path;
	status = qmac_input_gzip(path, &lines->file, err);
	if (status)
		return status;
	lines->buffer = malloc(BUFFER_BYTES);
	status = lines->buffer ? fill(lines, err) :
	         qmac_fail_at(err, QMAC_INTERNAL, path, 0, 0, "out of memory");
	foreign = status ? NULL : qmac_foreign_format(lines->buffer, lines->filled);
	if (foreign)
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0, "%s", foreign);
	if (status)
		qmac_lines_close(lines);
	return status;
}

size_t qmac_lines_peek(const struct qmac_lines *lines, const char **bytes)
{
	*bytes = lines->buffer + lines->next;
	return lines->filled - lines->next;
}

char *qmac_lines_take(struct qmac_lines *lines)
{
	char *text = lines->text;

	lines->text = NULL;
	lines->capacity = 0;
	return text;
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

/* The end of the running line in the bytes that follow, past which `next` goes; NULL: it is not in them. */
static const char *find_end(struct qmac_lines *lines)
{
	const char *start = lines->buffer + lines->next;
	size_t left = lines->filled - lines->next;
	const char *end = memchr(start, '\n', left);
	const char *cr = memchr(start, '\r', end ? (size_t)(end - start) : left);

	lines->after_cr = cr != NULL;
	return cr ? cr : end;
}

enum qmac_status qmac_lines_next(struct qmac_lines *lines, bool *got, struct qmac_error *err)
{
	enum qmac_status status;
	const char *end = NULL;

	*got = false;
	lines->length = 0;
	while (!end) {
		size_t count;

		if (lines->next == lines->filled) {
			status = fill(lines, err);
			if (status)
				return status;
			if (lines->filled == 0)
				break;
		}
		if (lines->after_cr && lines->buffer[lines->next] == '\n') {
			lines->after_cr = false;
			lines->next++;
			continue;
		}
		lines->number += !*got;
		*got = true;
		end = find_end(lines);
		count = end ? (size_t)(end - lines->buffer) - lines->next : lines->filled - lines->next;
		status = append(lines, count, err);
		if (status)
			return status;
		lines->next += count + (end != NULL);
	}
	return *got ? finish(lines, err) : QMAC_OK;
}
