#include "config/key.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "config/text.h"

const char *qmac_key_name(const struct qmac_key *key, char name[QMAC_KEY_NAME_SIZE])
{
	snprintf(name, QMAC_KEY_NAME_SIZE, "%s%s%s", key->group, key->group[0] ? "." : "", key->name);
	return name;
}

/* A whole number goes to a member of its size, and comes from there. */
static void store(const struct qmac_key *key, void *values, int64_t number)
{
	void *member = (char *)values + key->offset;
	uint32_t word = (uint32_t)number;
	bool flag = number != 0;

	if (key->size == sizeof flag)
		memcpy(member, &flag, sizeof flag);
	else if (key->size == sizeof word)
		memcpy(member, &word, sizeof word);
	else
		memcpy(member, &number, sizeof number);
}

static int64_t stored(const struct qmac_key *key, const void *values)
{
	const void *member = (const char *)values + key->offset;
	int64_t number;
	uint32_t word;
	bool flag;

	if (key->size == sizeof flag)
		return memcpy(&flag, member, sizeof flag), flag;
	if (key->size == sizeof word)
		return memcpy(&word, member, sizeof word), key->high > INT32_MAX ? (int64_t)word : (int32_t)word;
	return memcpy(&number, member, sizeof number), number;
}

static enum qmac_status set_choice(const struct qmac_key *key, void *values, const char *text,
                                   struct qmac_error *err)
{
	int index = qmac_words_find(key->aliases, text);
	enum qmac_status status = index < 0 ? qmac_text_choice(text, key->words, &index, err) : QMAC_OK;

	if (status)
		return status;
	if (key->kind == QMAC_KIND_WORD)
		strcpy((char *)values + key->offset, text);
	else
		store(key, values, index);
	return QMAC_OK;
}

static enum qmac_status set_text(const struct qmac_key *key, void *values, const char *text,
                                 struct qmac_error *err)
{
	bool name = key->kind == QMAC_KIND_NAME;

	if (name && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return qmac_fail(err, QMAC_BAD_INPUT, "expected a name of lower-case letters and digits, not '%.60s'",
		                 text);
	if (!name && !qmac_text_is_utf8(text))
		return qmac_fail(err, QMAC_BAD_INPUT, "the %s is not UTF-8, so no configuration can record it",
		                 key->kind == QMAC_KIND_PATH ? "path" : "text");
	if (strlen(text) >= key->size)
		return qmac_fail(err, QMAC_BAD_INPUT, "longer than %zu bytes: '%.60s...'", key->size - 1, text);
	strcpy((char *)values + key->offset, text);
	return QMAC_OK;
}

static enum qmac_status set_whole(const struct qmac_key *key, void *values, const char *text,
                                  struct qmac_error *err)
{
	int64_t number;
	bool flag;
	enum qmac_status status = key->kind == QMAC_KIND_BOOL ? qmac_text_bool(text, &flag, err) :
	                          qmac_text_integer(text, key->low, key->high, &number, err);

	if (!status)
		store(key, values, key->kind == QMAC_KIND_BOOL ? flag : number);
	return status;
}

/* A decimal that must be a whole number of 1/256: anything else would not be what the file says. */
static enum qmac_status set_fixed8(const struct qmac_key *key, void *values, double number, const char *text,
                                   struct qmac_error *err)
{
	int value;

	if (number < (double)key->low || number > (double)key->high)
		return qmac_fail(err, QMAC_BAD_INPUT, "%.60s is out of range %" PRId64 "..%" PRId64, text, key->low,
		                 key->high);
	value = (int)(number * 256);
	if (value != number * 256)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "%.60s is not a multiple of 1/256; the nearest are %.12g and %.12g", text,
		                 value / 256.0, (value + 1) / 256.0);
	store(key, values, value);
	return QMAC_OK;
}

static enum qmac_status set_real(const struct qmac_key *key, void *values, const char *text,
                                 struct qmac_error *err)
{
	bool positive = key->kind == QMAC_KIND_POSITIVE;
	double number = 0;
	bool none = key->words[0] && strcmp(text, key->words) == 0;
	enum qmac_status status = none ? QMAC_OK : qmac_text_real(text, &number, err);

	if (status)
		return status;
	if (key->kind == QMAC_KIND_FIXED8)
		return set_fixed8(key, values, number, text, err);
	if (number < 0 || (positive && number == 0 && !none))
		return qmac_fail(err, QMAC_BAD_INPUT, "%.60s is out of range; expected a number %s 0", text,
		                 positive ? "above" : "of at least");
	memcpy((char *)values + key->offset, &number, sizeof number);
	return QMAC_OK;
}

enum qmac_status qmac_key_set(const struct qmac_key *key, void *values, const char *text,
                              struct qmac_error *err)
{
	if (!text[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "no value given");
	switch (key->kind) {
	case QMAC_KIND_CHOICE:
	case QMAC_KIND_WORD:
		return set_choice(key, values, text, err);
	case QMAC_KIND_NAME:
	case QMAC_KIND_PATH:
	case QMAC_KIND_TEXT:
		return set_text(key, values, text, err);
	case QMAC_KIND_BOOL:
	case QMAC_KIND_INT:
	case QMAC_KIND_POWER2:
	case QMAC_KIND_EVEN:
		return set_whole(key, values, text, err);
	case QMAC_KIND_FIXED8:
	case QMAC_KIND_REAL:
	case QMAC_KIND_POSITIVE:
		return set_real(key, values, text, err);
	}
	assert(false);
	return QMAC_INTERNAL;
}

double qmac_key_number(const struct qmac_key *key, const void *values)
{
	double real;

	assert(qmac_key_is_number(key));
	if (key->kind == QMAC_KIND_FIXED8)
		return (double)stored(key, values) / 256;
	if (key->kind < QMAC_KIND_FIXED8)
		return (double)stored(key, values);
	memcpy(&real, (const char *)values + key->offset, sizeof real);
	return real;
}

void qmac_key_print(const struct qmac_key *key, const void *values, FILE *out)
{
	const char *text = (const char *)values + key->offset, *word;
	size_t length;

	switch (key->kind) {
	case QMAC_KIND_CHOICE:
		word = qmac_words_at(key->words, (int)stored(key, values), &length);
		fprintf(out, "%.*s", (int)length, word);
		break;
	case QMAC_KIND_WORD:
	case QMAC_KIND_NAME:
		fputs(text, out);
		break;
	case QMAC_KIND_PATH:
	case QMAC_KIND_TEXT:
		qmac_text_print_quoted(text, out);
		break;
	case QMAC_KIND_BOOL:
		fputs(stored(key, values) ? "true" : "false", out);
		break;
	case QMAC_KIND_INT:
	case QMAC_KIND_POWER2:
	case QMAC_KIND_EVEN:
		fprintf(out, "%" PRId64, stored(key, values));
		break;
	case QMAC_KIND_FIXED8:
	case QMAC_KIND_REAL:
	case QMAC_KIND_POSITIVE:
		if (key->words[0] && qmac_key_number(key, values) == 0)
			fputs(key->words, out);
		else
			qmac_text_print_real(qmac_key_number(key, values), out);
		break;
	}
}
