#include "cli/cli.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "config/text.h"

/*
 * A line feed is ours where nothing follows it, or two spaces, as in messages of several lines. So no line
 * begins with what others wrote.
 */
static bool is_line_end(const char *text)
{
	return text[0] == '\n' && (!text[1] || strncmp(text + 1, "  ", 2) == 0);
}

__attribute__((format(printf, 2, 0)))
static void print(FILE *out, const char *format, va_list args)
{
	char text[6144], shown[4 * sizeof text];

	vsnprintf(text, sizeof text, format, args);
	for (char *line = text, *end = text; *line; line = end) {
		while (*end && !is_line_end(end))
			end++;
		if (!*end) {
			fputs(qmac_text_show(line, shown, sizeof shown), out);
			break;
		}
		*end++ = 0;
		fprintf(out, "%s\n", qmac_text_show(line, shown, sizeof shown));
	}
}

void qmac_cli_say(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(stdout, format, args);
	va_end(args);
}

void qmac_cli_warn(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	print(stderr, format, args);
	va_end(args);
}
