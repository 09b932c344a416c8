#include "config/text.h"

#include <ctype.h>
#include <errno.h>
#include <float.h>
#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

/* SHOWN: of a text that is refused; LIST_SIZE: of a list of words, which ends in ", ..." if longer. */
enum { SHOWN = 60, WORD_MAX = 64, LIST_SIZE = 512 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static const char *skip_digits(const char *text)
{
	while (is_digit(*text))
		text++;
	return text;
}

enum qmac_status qmac_text_integer(const char *text, int64_t low, int64_t high, int64_t *value,
                                   struct qmac_error *err)
{
	const char *digits = text + (*text == '-' || *text == '+');
	long long number;

	if (!is_digit(*digits) || *skip_digits(digits) || (digits[0] == '0' && digits[1]))
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "expected a whole number %" PRId64 "..%" PRId64 ", not '%.*s'", low, high, SHOWN,
		                 text);
	errno = 0;
	number = strtoll(text, NULL, 10);
	if (errno == ERANGE || number < low || number > high)
		return qmac_fail(err, QMAC_BAD_INPUT, "%.*s is out of range %" PRId64 "..%" PRId64, SHOWN, text,
		                 low, high);
	*value = number;
	return QMAC_OK;
}

/* strtod also takes hexadecimal numbers, "inf", "nan" and leading blanks: they are not meant here. */
static bool is_real(const char *text)
{
	const char *p = text + (*text == '-' || *text == '+');
	const char *whole = p, *fraction;

	p = skip_digits(p);
	if (*p == '.') {
		fraction = p + 1;
		p = skip_digits(fraction);
		if (p == fraction && fraction == whole + 1)
			return false;
	} else if (p == whole) {
		return false;
	}
	if (*p == 'e' || *p == 'E') {
		p += 1 + (p[1] == '-' || p[1] == '+');
		if (!is_digit(*p))
			return false;
		p = skip_digits(p);
	}
	return !*p;
}

enum qmac_status qmac_text_real(const char *text, double *value, struct qmac_error *err)
{
	char *end;
	double number;

	if (!is_real(text))
		return qmac_fail(err, QMAC_BAD_INPUT, "expected a decimal number such as 0.005 or 5e-3, not '%.*s'",
		                 SHOWN, text);
	number = strtod(text, &end);
	if (*end || !isfinite(number))
		return qmac_fail(err, QMAC_BAD_INPUT, "%.*s is too large", SHOWN, text);
	*value = number;
	return QMAC_OK;
}

enum qmac_status qmac_text_bool(const char *text, bool *value, struct qmac_error *err)
{
	if (strcmp(text, "true") != 0 && strcmp(text, "false") != 0)
		return qmac_fail(err, QMAC_BAD_INPUT, "expected true or false, not '%.*s'", SHOWN, text);
	*value = text[0] == 't';
	return QMAC_OK;
}

const char *qmac_words_at(const char *words, int index, size_t *length)
{
	while (index-- > 0)
		words = strchr(words, '|') + 1;
	*length = strcspn(words, "|");
	return words;
}

int qmac_words_find(const char *words, const char *text)
{
	size_t length = strlen(text);

	for (int i = 0;; i++) {
		size_t n = strcspn(words, "|");

		if (n == length && memcmp(words, text, n) == 0)
			return i;
		if (!words[n])
			return -1;
		words += n + 1;
	}
}

static int least(int a, int b)
{
	return a < b ? a : b;
}

/* Single-letter edits between a and b, without regard to case; a swap of neighbours is one. */
static int edit_distance(const char *a, size_t a_length, const char *b, size_t b_length)
{
	int row[3][WORD_MAX + 1]; /* by i % 3 */
	int m = (int)(a_length < WORD_MAX ? a_length : WORD_MAX);
	int n = (int)(b_length < WORD_MAX ? b_length : WORD_MAX);

	for (int j = 0; j <= n; j++)
		row[0][j] = j;
	for (int i = 1; i <= m; i++) {
		int *now = row[i % 3], *before = row[(i + 2) % 3], *earlier = row[(i + 1) % 3];

		now[0] = i;
		for (int j = 1; j <= n; j++) {
			int x = tolower((unsigned char)a[i - 1]), y = tolower((unsigned char)b[j - 1]);

			now[j] = least(least(before[j], now[j - 1]) + 1, before[j - 1] + (x != y));
			if (i > 1 && j > 1 && x == tolower((unsigned char)b[j - 2]) &&
			    y == tolower((unsigned char)a[i - 2]))
				now[j] = least(now[j], earlier[j - 2] + 1);
		}
	}
	return row[m % 3][n];
}

/* The same between two names; a group before one of them only, "dram." in "dram.latency", does not count. */
static int name_distance(const char *text, const char *word, size_t length)
{
	const char *dot = memchr(word, '.', length), *other = strchr(text, '.');

	if (dot && !other)
		return edit_distance(text, strlen(text), dot + 1, (size_t)(word + length - dot - 1));
	if (other && !dot)
		text = other + 1;
	return edit_distance(text, strlen(text), word, length);
}

/* "a, b, c" of "a|b|c"; returns list. */
static const char *list_words(const char *words, char list[LIST_SIZE])
{
	static const char more[] = ", ...";
	size_t used = 0, length;

	for (int i = 0; *words; i++, words += length + (words[length] == '|')) {
		length = strcspn(words, "|");
		if (used + length + 2 + sizeof more > LIST_SIZE) {
			strcpy(list + used, more);
			return list;
		}
		used += (size_t)snprintf(list + used, LIST_SIZE - used, "%s%.*s", i ? ", " : "", (int)length, words);
	}
	list[used] = 0;
	return list;
}

enum qmac_status qmac_text_unknown(const char *what, const char *text, const char *words,
                                   struct qmac_error *err)
{
	const char *nearest = words;
	size_t nearest_length = strcspn(words, "|");
	int nearest_distance = name_distance(text, words, nearest_length);
	char list[LIST_SIZE];

	for (const char *word = words + nearest_length; *word; word += strcspn(word, "|")) {
		size_t length = strcspn(++word, "|");
		int distance = name_distance(text, word, length);

		if (distance < nearest_distance) {
			nearest = word;
			nearest_length = length;
			nearest_distance = distance;
		}
	}
	/* With more edits than these it is another word, not a slip; one makes any letter of any other. */
	if (nearest_distance * 3 <= (int)nearest_length
	    || (nearest_distance == 1 && nearest_length > 1 && strlen(text) > 1))
		return qmac_fail(err, QMAC_BAD_INPUT, "unknown %s '%.*s'; did you mean '%.*s'?", what, SHOWN, text,
		                 (int)nearest_length, nearest);
	return qmac_fail(err, QMAC_BAD_INPUT, "unknown %s '%.*s'; use %s%s", what, SHOWN, text,
	                 strchr(words, '|') ? "one of " : "", list_words(words, list));
}

enum qmac_status qmac_text_choice(const char *text, const char *words, int *index, struct qmac_error *err)
{
	char list[LIST_SIZE];
	int found = qmac_words_find(words, text);

	if (found >= 0) {
		*index = found;
		return QMAC_OK;
	}
	return qmac_fail(err, QMAC_BAD_INPUT, "expected %s%s, not '%.*s'", strchr(words, '|') ? "one of " : "",
	                 list_words(words, list), SHOWN, text);
}

void qmac_text_blame(const char *key, struct qmac_error *err)
{
	struct qmac_error bare = *err;

	(void)qmac_fail(err, QMAC_BAD_INPUT, "%s: %s", key, bare.message);
}

bool qmac_path_beside(char *path, size_t size, const char *file, const char *name)
{
	const char *slash = strrchr(file, '/');
	int folder = slash && name[0] != '/' ? (int)(slash - file) + 1 : 0;
	int length = snprintf(path, size, "%.*s%s", folder, file, name);

	return length >= 0 && (size_t)length < size;
}

/* Decodes one character; returns its length in bytes, 0 where it is not UTF-8. */
static int decode(const char *text, uint32_t *code)
{
	const unsigned char *s = (const unsigned char *)text;
	int length = s[0] < 0x80 ? 1 : s[0] < 0xC2 ? 0 : s[0] < 0xE0 ? 2 : s[0] < 0xF0 ? 3 : s[0] < 0xF5 ? 4 : 0;
	static const uint32_t smallest[] = {0, 0, 0x80, 0x800, 0x10000};

	if (length <= 1) {
		*code = s[0];
		return length;
	}
	*code = s[0] & (0xFFU >> (length + 1));
	for (int i = 1; i < length; i++) {
		if ((s[i] & 0xC0) != 0x80)
			return 0;
		*code = *code << 6 | (s[i] & 0x3FU);
	}
	if (*code < smallest[length] || *code > 0x10FFFF || (*code >= 0xD800 && *code <= 0xDFFF))
		return 0;
	return length;
}

bool qmac_text_is_utf8(const char *text)
{
	uint32_t code;
	int length;

	for (; *text; text += length) {
		length = decode(text, &code);
		if (!length)
			return false;
	}
	return true;
}

/* Turns the direction of writing, so that what is read is not what is there. */
static bool is_turn(uint32_t code)
{
	return code == 0x61C || code == 0x200E || code == 0x200F || (code >= 0x202A && code <= 0x202E) ||
	       (code >= 0x2066 && code <= 0x2069);
}

/* Characters that YAML takes neither as line breaks nor as unprintable, and that people see as they are. */
static bool is_plain(uint32_t code)
{
	return !is_turn(code) && code >= 0x20 && !(code >= 0x7F && code <= 0xA0) && code != 0x2028 &&
	       code != 0x2029 && code != 0xFEFF && code != 0xFFFE && code != 0xFFFF;
}

void qmac_text_print_quoted(const char *text, FILE *out)
{
	uint32_t code;
	int length;

	fputc('"', out);
	for (; *text && (length = decode(text, &code)) > 0; text += length) {
		if (!is_plain(code))
			fprintf(out, code < 0x100 ? "\\x%02" PRIX32 : "\\u%04" PRIX32, code);
		else
			fprintf(out, "%s%.*s", code == '"' || code == '\\' ? "\\" : "", length, text);
	}
	fputc('"', out);
}

void qmac_text_print_comment(const char *text, FILE *out)
{
	uint32_t code;
	int length;

	for (; *text; text += length > 0 ? length : 1) {
		length = decode(text, &code);
		if (length > 0 && is_plain(code))
			fprintf(out, "%.*s", length, text);
		else
			fputc('?', out);
	}
}

const char *qmac_text_show(const char *text, char *shown, size_t size)
{
	size_t used = 0;
	uint32_t code;
	int length;

	for (; *text; text += length > 0 ? length : 1) {
		char piece[16];
		size_t bytes;

		length = decode(text, &code);
		if (length > 0 && is_plain(code))
			snprintf(piece, sizeof piece, "%.*s", length, text);
		else if (length > 0 && code >= 0x100)
			snprintf(piece, sizeof piece, "\\u%04" PRIX32, code);
		else
			snprintf(piece, sizeof piece, "\\x%02X", length > 0 ? (unsigned)code : (unsigned char)*text);
		bytes = strlen(piece);
		if (used + bytes >= size)
			break;
		memcpy(shown + used, piece, bytes);
		used += bytes;
	}
	shown[used] = 0;
	return shown;
}

const char *qmac_real_text(double value, char text[QMAC_REAL_TEXT])
{
	if (isnan(value))
		return strcpy(text, "nan");
	if (isinf(value))
		return strcpy(text, value < 0 ? "-inf" : "inf");
	/* Whole numbers without an exponent: 200, not 2e+02. */
	if (value == floor(value) && fabs(value) < 1e15) {
		snprintf(text, QMAC_REAL_TEXT, "%.0f", value);
		return text;
	}
	/* At most 15 digits are what "%.15g" gives back of a normal double next to them; 17 are always enough. */
	for (int digits = fabs(value) < DBL_MIN ? 1 : DBL_DIG; digits <= 17; digits++) {
		snprintf(text, QMAC_REAL_TEXT, "%.*g", digits, value);
		if (strtod(text, NULL) == value)
			break;
	}
	return text;
}

void qmac_text_print_real(double value, FILE *out)
{
	char text[QMAC_REAL_TEXT];

	fputs(qmac_real_text(value, text), out);
}
