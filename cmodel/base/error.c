#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static void fill(struct qmac_error *err, const char *file, int line, int column,
                 const char *format, va_list args)
{
	if (!err)
		return;
	snprintf(err->file, sizeof err->file, "%s", file);
	err->line = line;
	err->column = column;
	vsnprintf(err->message, sizeof err->message, format, args);
}

enum qmac_status qmac_fail(struct qmac_error *err, enum qmac_status status, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, "", 0, 0, format, args);
	va_end(args);
	return status;
}

enum qmac_status qmac_fail_at(struct qmac_error *err, enum qmac_status status, const char *file,
                              int line, int column, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fill(err, file, line, column, format, args);
	va_end(args);
	return status;
}

const char *qmac_error_text(const struct qmac_error *err, char *text, size_t size)
{
	if (!err->file[0])
		snprintf(text, size, "%s", err->message);
	else if (!err->line)
		snprintf(text, size, "%s: %s", err->file, err->message);
	else if (!err->column)
		snprintf(text, size, "%s:%d: %s", err->file, err->line, err->message);
	else
		snprintf(text, size, "%s:%d:%d: %s", err->file, err->line, err->column, err->message);
	return text;
}
