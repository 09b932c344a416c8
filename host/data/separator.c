#include "data/separator.h"

#include <stdbool.h>
#include <string.h>

enum { LINES = 10, SEPARATORS = QMAC_SEPARATOR_BLANK + 1 };

/* How often each separator stands in lines, outside quotes. */
struct tally {
	int line[SEPARATORS], first[SEPARATORS]; /* of the running line, of the first */
	bool steady[SEPARATORS]; /* as often in every line, and not never */
	bool decimal;            /* every comma stands between digits */
	int lines;               /* that are not empty */
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

static bool is_end(char c)
{
	return c == '\n' || c == '\r';
}

static void end_line(struct tally *tally)
{
	for (int i = 0; i < SEPARATORS; i++) {
		if (tally->lines == 0) {
			tally->first[i] = tally->line[i];
			tally->steady[i] = tally->line[i] > 0;
		}
		tally->steady[i] &= tally->line[i] == tally->first[i];
		tally->line[i] = 0;
	}
	tally->lines++;
}

/* Counts in the line at `text`, which ends before `size`; returns its length. */
static size_t count_line(struct tally *tally, const char *text, size_t size)
{
	bool quoted = false, begun = false;
	size_t i;

	for (i = 0; i < size && !is_end(text[i]); i++) {
		char c = text[i], before = i ? text[i - 1] : ' ', behind = i + 1 < size ? text[i + 1] : '\n';

		quoted ^= c == '"';
		if (quoted)
			continue;
		tally->line[QMAC_SEPARATOR_COMMA] += c == ',';
		tally->line[QMAC_SEPARATOR_SEMICOLON] += c == ';';
		tally->line[QMAC_SEPARATOR_TAB] += c == '\t';
		/* the last blank of several, neither in front nor at the end */
		tally->line[QMAC_SEPARATOR_BLANK] += is_blank(c) && begun && !is_blank(behind) && !is_end(behind);
		tally->decimal &= c != ',' || (is_digit(before) && is_digit(behind));
		begun |= !is_blank(c);
	}
	if (begun)
		end_line(tally);
	return i;
}

/* In no line as often as in the first: the one that this has most of; blanks may stand in names, too. */
static enum qmac_separator most_frequent(const struct tally *tally)
{
	enum qmac_separator most = QMAC_SEPARATOR_COMMA;

	for (enum qmac_separator i = most; i <= QMAC_SEPARATOR_TAB; i++)
		most = tally->first[i] > tally->first[most] ? i : most;
	return tally->first[most] || !tally->first[QMAC_SEPARATOR_BLANK] ? most : QMAC_SEPARATOR_BLANK;
}

enum qmac_separator qmac_separator_detect(const char *text, size_t size, enum qmac_separator *other)
{
	static const enum qmac_separator ranks[] = {
		QMAC_SEPARATOR_SEMICOLON, QMAC_SEPARATOR_TAB, QMAC_SEPARATOR_BLANK, QMAC_SEPARATOR_COMMA,
	};
	struct tally tally = {.decimal = true};
	enum qmac_separator best = QMAC_SEPARATOR_AUTO;
	size_t at = 0;

	*other = QMAC_SEPARATOR_AUTO;
	while (at < size && tally.lines < LINES) {
		const char *end = memchr(text + at, '\n', size - at);

		if (!end)
			end = memchr(text + at, '\r', size - at);
		/* a last line may go on behind the text */
		if (!end && tally.lines > 0)
			break;
		at += count_line(&tally, text + at, size - at) + 1;
	}
	if (tally.steady[QMAC_SEPARATOR_COMMA] && !tally.decimal)
		best = QMAC_SEPARATOR_COMMA;
	for (size_t i = 0; i < sizeof ranks / sizeof ranks[0]; i++) {
		if (!tally.steady[ranks[i]] || ranks[i] == best)
			continue;
		if (!best)
			best = ranks[i];
		else if (!*other && ranks[i] != QMAC_SEPARATOR_BLANK)
			*other = ranks[i];
	}
	return best ? best : most_frequent(&tally);
}

const char *qmac_separator_name(enum qmac_separator separator)
{
	static const char *const names[] = {"auto", "comma", "semicolon", "tab", "blank"};

	return names[separator];
}
