#define _POSIX_C_SOURCE 200809L
#include "report/json.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"

enum { DEPTH_MAX = 16, KEYS_MAX = 256, FILE_BYTES_MAX = 16 << 20 };

struct entry {
	char *path, *text; /* text NULL: null */
	bool is_number;
};

struct qmac_json {
	struct entry *entries;
	size_t count, capacity;
};

struct parser {
	const char *file, *start, *at;
	char path[KEYS_MAX]; /* of the value being read */
	struct qmac_json *json;
	struct qmac_error *err;
};

static enum qmac_status parse_value(struct parser *p, int depth);

static enum qmac_status refuse(struct parser *p, const char *what)
{
	int line = 1, column = 1;

	for (const char *c = p->start; c < p->at; c++) {
		line += *c == '\n';
		column = *c == '\n' ? 1 : column + 1;
	}
	return qmac_fail_at(p->err, QMAC_BAD_INPUT, p->file, line, column, "not valid JSON: %s", what);
}

static char next_token(struct parser *p)
{
	while (*p->at == ' ' || *p->at == '\t' || *p->at == '\r' || *p->at == '\n')
		p->at++;
	return *p->at;
}

/* Files text under the current path and takes it over. */
static enum qmac_status add_entry(struct parser *p, char *text, bool is_number)
{
	struct qmac_json *json = p->json;
	char *path = strdup(p->path);

	if (path && json->count == json->capacity) {
		size_t capacity = json->capacity ? 2 * json->capacity : 64;
		struct entry *larger = realloc(json->entries, capacity * sizeof *larger);

		if (larger) {
			json->entries = larger;
			json->capacity = capacity;
		}
	}
	if (!path || json->count == json->capacity) {
		free(path);
		free(text);
		return qmac_fail(p->err, QMAC_INTERNAL, "out of memory");
	}
	json->entries[json->count++] = (struct entry){.path = path, .text = text, .is_number = is_number};
	return QMAC_OK;
}

/*
 * The character of the escape sequence behind the backslash at *at; 0 where it
 * is none. \u outside ASCII becomes '?': summaries have it in broken names only.
 */
static char unescape(const char **at)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	const char *found = (*at)[1] ? strchr(from, (*at)[1]) : NULL;
	unsigned code = 0;

	if (found) {
		*at += 2;
		return to[found - from];
	}
	if ((*at)[1] != 'u')
		return 0;
	for (int i = 2; i < 6; i++) {
		unsigned char digit = (unsigned char)(*at)[i];

		if (!isxdigit(digit))
			return 0;
		code = 16 * code + (unsigned)(isdigit(digit) ? digit - '0' : tolower(digit) - 'a' + 10);
	}
	*at += 6;
	return code > 0 && code < 0x80 ? (char)code : '?';
}

/* The string at p->at, decoded, into a fresh buffer. */
static enum qmac_status parse_string(struct parser *p, char **text)
{
	const char *end = p->at + 1;
	size_t used = 0;

	if (*p->at != '"')
		return refuse(p, "a string should stand here");
	while (*end != '"' && (unsigned char)*end >= 0x20)
		end += end[0] == '\\' && end[1] ? 2 : 1;
	if (*end != '"')
		return refuse(p, "this string has no end, or a control character in it");
	*text = malloc((size_t)(end - p->at));
	if (!*text)
		return qmac_fail(p->err, QMAC_INTERNAL, "out of memory");
	for (p->at++; p->at < end; used++) {
		(*text)[used] = *p->at == '\\' ? unescape(&p->at) : *p->at++;
		if (!(*text)[used]) {
			free(*text);
			return refuse(p, "unknown escape sequence");
		}
	}
	(*text)[used] = 0;
	p->at = end + 1;
	return QMAC_OK;
}

static const char *skip_digits(const char *at)
{
	while (isdigit((unsigned char)*at))
		at++;
	return at;
}

static enum qmac_status parse_number(struct parser *p)
{
	const char *at = p->at + (*p->at == '-'), *digits = at;
	char *text;

	at = *at == '0' ? at + 1 : skip_digits(at);
	if (at == digits)
		return refuse(p, "a value should stand here");
	if (*at == '.') {
		digits = ++at;
		at = skip_digits(at);
		if (at == digits)
			return refuse(p, "a number ends with its point");
	}
	if (*at == 'e' || *at == 'E') {
		at += at[1] == '+' || at[1] == '-' ? 2 : 1;
		digits = at;
		at = skip_digits(at);
		if (at == digits)
			return refuse(p, "a number has an empty exponent");
	}
	text = strndup(p->at, (size_t)(at - p->at));
	if (!text)
		return qmac_fail(p->err, QMAC_INTERNAL, "out of memory");
	p->at = at;
	return add_entry(p, text, true);
}

static enum qmac_status parse_word(struct parser *p)
{
	static const char *const words[] = {"null", "true", "false"};

	for (int i = 0; i < 3; i++) {
		char *text = NULL;

		if (strncmp(p->at, words[i], strlen(words[i])))
			continue;
		p->at += strlen(words[i]);
		if (i > 0 && !(text = strdup(words[i])))
			return qmac_fail(p->err, QMAC_INTERNAL, "out of memory");
		return add_entry(p, text, false);
	}
	return parse_number(p);
}

/* Extends the path by one key; *length is the old length. */
static enum qmac_status enter(struct parser *p, const char *key, size_t *length)
{
	*length = strlen(p->path);
	if (*length + strlen(key) + 2 > sizeof p->path)
		return refuse(p, "the keys are too long");
	snprintf(p->path + *length, sizeof p->path - *length, "%s%s", *length ? "." : "", key);
	return QMAC_OK;
}

/* A mapping or a list, p->at on its first bracket. */
static enum qmac_status parse_collection(struct parser *p, int depth)
{
	bool mapping = *p->at == '{';
	char closing = mapping ? '}' : ']';

	if (depth == DEPTH_MAX)
		return refuse(p, "nested too deep");
	p->at++;
	if (next_token(p) == closing) {
		p->at++;
		return QMAC_OK;
	}
	for (int index = 0;; index++) {
		char number[16], *key = NULL;
		enum qmac_status status;
		size_t length;

		snprintf(number, sizeof number, "%d", index);
		next_token(p);
		if (mapping && (status = parse_string(p, &key)))
			return status;
		status = enter(p, mapping ? key : number, &length);
		free(key);
		if (status)
			return status;
		if (mapping && next_token(p) != ':')
			return refuse(p, "a colon should stand here");
		p->at += mapping;
		status = parse_value(p, depth + 1);
		if (status)
			return status;
		p->path[length] = 0;
		if (next_token(p) != ',' && *p->at != closing)
			return refuse(p, "a comma or a closing bracket should stand here");
		if (*p->at++ == closing)
			return QMAC_OK;
	}
}

static enum qmac_status parse_value(struct parser *p, int depth)
{
	char first = next_token(p), *text;
	enum qmac_status status;

	if (first == '{' || first == '[')
		return parse_collection(p, depth);
	if (first != '"')
		return parse_word(p);
	status = parse_string(p, &text);
	return status ? status : add_entry(p, text, false);
}

/* A whole file as a string. */
static enum qmac_status read_text(const char *path, char **text, struct qmac_error *err)
{
	size_t capacity = 1 << 16, used = 0;
	char *buffer = NULL;
	FILE *in;
	enum qmac_status status = qmac_input_stream(path, &in, err);

	if (status)
		return status;
	do {
		char *larger = realloc(buffer, capacity *= 2);

		if (!larger)
			break;
		buffer = larger;
		used += fread(buffer + used, 1, capacity - 1 - used, in);
	} while (used == capacity - 1 && capacity < FILE_BYTES_MAX);
	if (!buffer || ferror(in) || !feof(in)) {
		fclose(in);
		free(buffer);
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot read %s, or it is too large", path);
	}
	fclose(in);
	buffer[used] = 0;
	*text = buffer;
	return QMAC_OK;
}

enum qmac_status qmac_json_read(const char *path, struct qmac_json **json, struct qmac_error *err)
{
	struct parser p = {.file = path, .err = err};
	enum qmac_status status;
	char *text = NULL;

	status = read_text(path, &text, err);
	if (status)
		return status;
	p.start = p.at = text;
	p.json = calloc(1, sizeof *p.json);
	status = p.json ? parse_value(&p, 0) : qmac_fail(err, QMAC_INTERNAL, "out of memory");
	if (!status && next_token(&p))
		status = refuse(&p, "text behind the end");
	free(text);
	if (status) {
		qmac_json_free(p.json);
		return status;
	}
	*json = p.json;
	return QMAC_OK;
}

void qmac_json_free(struct qmac_json *json)
{
	if (!json)
		return;
	for (size_t i = 0; i < json->count; i++) {
		free(json->entries[i].path);
		free(json->entries[i].text);
	}
	free(json->entries);
	free(json);
}

static const struct entry *find(const struct qmac_json *json, const char *path)
{
	for (size_t i = 0; i < json->count; i++)
		if (strcmp(json->entries[i].path, path) == 0)
			return &json->entries[i];
	return NULL;
}

const char *qmac_json_text(const struct qmac_json *json, const char *path)
{
	const struct entry *entry = find(json, path);

	return entry ? entry->text : NULL;
}

double qmac_json_real(const struct qmac_json *json, const char *path)
{
	const struct entry *entry = find(json, path);

	return entry && entry->is_number ? strtod(entry->text, NULL) : (double)NAN;
}
