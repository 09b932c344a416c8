#include "config/run_table.h"

#include <assert.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>

#include "config/text.h"

enum {
	LP_SGD = 1 << QMAC_LP_SGD,
	LP_SVRG = 1 << QMAC_LP_SVRG,
	HALP = 1 << QMAC_HALP,
	LP = LP_SGD | LP_SVRG | HALP,
	OUTER = 1 << QMAC_SVRG | LP_SVRG | HALP,
	ALL = 1 << QMAC_SGD | OUTER | LP,
	QUADRATIC = QMAC_RUN_DATA << QMAC_DATA_QUADRATIC,
	SHAPED = QUADRATIC | QMAC_RUN_DATA << QMAC_DATA_CONDITIONED,
	GENERATED = SHAPED | QMAC_RUN_DATA << QMAC_DATA_MAKE_REGRESSION,
	CSV = QMAC_RUN_DATA << QMAC_DATA_CSV,
	TABLES = CSV | QMAC_RUN_DATA << QMAC_DATA_LIBSVM,
	SPLIT = TABLES | (GENERATED & ~QUADRATIC),
	FILES = TABLES | QMAC_RUN_DATA << QMAC_DATA_MNIST | QMAC_RUN_DATA << QMAC_DATA_FASHION_MNIST
};

const struct qmac_run_key qmac_run_keys[QMAC_RUN_KEYS] = {
#define KEY(name, kind, low, high, words, aliases, fallback, used_by, help) \
	{#name, QMAC_RUN_##kind, low, high, words, aliases, fallback, used_by, help, \
	 offsetof(struct qmac_run, name)},
#include "config/run_keys.def"
#undef KEY
};

static const char all_words[] =
#define KEY(name, kind, low, high, words, aliases, fallback, used_by, help) "|" #name
#include "config/run_keys.def"
#undef KEY
	;
const char *const qmac_run_words = all_words + 1;

_Static_assert((int)QMAC_RUN_KEYS <= (int)QMAC_RUN_KEYS_MAX, "every key has a source");
_Static_assert(sizeof(enum qmac_algorithm) == sizeof(int), "enums of the table are stored as int");

static void *member(struct qmac_run *run, const struct qmac_run_key *key)
{
	return (char *)run + key->offset;
}

static enum qmac_status set_choice(struct qmac_run *run, const struct qmac_run_key *key, const char *text,
                                   struct qmac_error *err)
{
	int index = qmac_words_find(key->aliases, text);

	if (index < 0) {
		enum qmac_status status = qmac_text_choice(text, key->words, &index, err);

		if (status)
			return status;
	}
	if (key->kind == QMAC_RUN_WORD)
		strcpy(member(run, key), text);
	else
		memcpy(member(run, key), &index, sizeof index);
	return QMAC_OK;
}

static enum qmac_status set_text(struct qmac_run *run, const struct qmac_run_key *key, const char *text,
                                 struct qmac_error *err)
{
	bool name = key->kind == QMAC_RUN_NAME, path = key->kind == QMAC_RUN_PATH;
	size_t size = path ? sizeof run->hw : name ? sizeof run->kernel : sizeof run->target;

	if (name && text[strspn(text, "abcdefghijklmnopqrstuvwxyz0123456789_")])
		return qmac_fail(err, QMAC_BAD_INPUT, "expected a name of lower-case letters and digits, not '%.60s'",
		                 text);
	if (!name && !qmac_text_is_utf8(text))
		return qmac_fail(err, QMAC_BAD_INPUT, "the %s is not UTF-8, so no configuration can record it",
		                 path ? "path" : "text");
	if (strlen(text) >= size)
		return qmac_fail(err, QMAC_BAD_INPUT, "longer than %zu bytes: '%.60s...'", size - 1, text);
	strcpy(member(run, key), text);
	return QMAC_OK;
}

static enum qmac_status set_bool(struct qmac_run *run, const struct qmac_run_key *key, const char *text,
                                 struct qmac_error *err)
{
	bool value;
	enum qmac_status status = qmac_text_bool(text, &value, err);

	if (!status)
		memcpy(member(run, key), &value, sizeof value);
	return status;
}

static enum qmac_status set_integer(struct qmac_run *run, const struct qmac_run_key *key, const char *text,
                                    struct qmac_error *err)
{
	int64_t number;
	int narrow;
	uint32_t word;
	enum qmac_status status = qmac_text_integer(text, key->low, key->high, &number, err);

	if (status)
		return status;
	narrow = (int)number;
	word = (uint32_t)number;
	if (key->kind == QMAC_RUN_INT)
		memcpy(member(run, key), &narrow, sizeof narrow);
	else if (key->kind == QMAC_RUN_UINT32)
		memcpy(member(run, key), &word, sizeof word);
	else
		memcpy(member(run, key), &number, sizeof number);
	return QMAC_OK;
}

static enum qmac_status set_real(struct qmac_run *run, const struct qmac_run_key *key, const char *text,
                                 struct qmac_error *err)
{
	bool positive = key->kind == QMAC_RUN_POSITIVE;
	double number;
	enum qmac_status status = qmac_text_real(text, &number, err);

	if (status)
		return status;
	if (number < 0 || (positive && number == 0))
		return qmac_fail(err, QMAC_BAD_INPUT, "%.60s is out of range; expected a number %s 0", text,
		                 positive ? "above" : "of at least");
	memcpy(member(run, key), &number, sizeof number);
	return QMAC_OK;
}

enum qmac_status qmac_run_set(struct qmac_run *run, const struct qmac_run_key *key, const char *text,
                              struct qmac_error *err)
{
	if (!text[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "no value given");
	switch (key->kind) {
	case QMAC_RUN_CHOICE:
	case QMAC_RUN_WORD:
		return set_choice(run, key, text, err);
	case QMAC_RUN_NAME:
	case QMAC_RUN_PATH:
	case QMAC_RUN_TEXT:
		return set_text(run, key, text, err);
	case QMAC_RUN_BOOL:
		return set_bool(run, key, text, err);
	case QMAC_RUN_INT:
	case QMAC_RUN_INT64:
	case QMAC_RUN_UINT32:
		return set_integer(run, key, text, err);
	case QMAC_RUN_REAL:
	case QMAC_RUN_POSITIVE:
		return set_real(run, key, text, err);
	}
	assert(false);
	return QMAC_INTERNAL;
}

void qmac_run_print_value(const struct qmac_run *run, const struct qmac_run_key *key, FILE *out)
{
	const char *at = (const char *)run + key->offset, *word;
	int64_t number;
	uint32_t narrow;
	double real;
	int index;
	bool yes;
	size_t length;

	switch (key->kind) {
	case QMAC_RUN_CHOICE:
		memcpy(&index, at, sizeof index);
		word = qmac_words_at(key->words, index, &length);
		fprintf(out, "%.*s", (int)length, word);
		break;
	case QMAC_RUN_WORD:
	case QMAC_RUN_NAME:
		fputs(at, out);
		break;
	case QMAC_RUN_PATH:
	case QMAC_RUN_TEXT:
		qmac_text_print_quoted(at, out);
		break;
	case QMAC_RUN_BOOL:
		memcpy(&yes, at, sizeof yes);
		fputs(yes ? "true" : "false", out);
		break;
	case QMAC_RUN_INT:
		memcpy(&index, at, sizeof index);
		fprintf(out, "%d", index);
		break;
	case QMAC_RUN_UINT32:
		memcpy(&narrow, at, sizeof narrow);
		fprintf(out, "%" PRIu32, narrow);
		break;
	case QMAC_RUN_INT64:
		memcpy(&number, at, sizeof number);
		fprintf(out, "%" PRId64, number);
		break;
	case QMAC_RUN_REAL:
	case QMAC_RUN_POSITIVE:
		memcpy(&real, at, sizeof real);
		qmac_text_print_real(real, out);
		break;
	}
}

bool qmac_run_has_number(const char *key)
{
	int index = qmac_words_find(qmac_run_words, key);

	return index >= 0 && qmac_run_keys[index].kind >= QMAC_RUN_INT;
}

double qmac_run_number(const struct qmac_run *run, const char *key)
{
	const struct qmac_run_key *row = &qmac_run_keys[qmac_words_find(qmac_run_words, key)];
	const char *at = (const char *)run + row->offset;
	int64_t number;
	uint32_t word;
	double real;
	int narrow;

	assert(qmac_run_has_number(key));
	switch (row->kind) {
	case QMAC_RUN_INT:
		memcpy(&narrow, at, sizeof narrow);
		return narrow;
	case QMAC_RUN_UINT32:
		memcpy(&word, at, sizeof word);
		return word;
	case QMAC_RUN_INT64:
		memcpy(&number, at, sizeof number);
		return (double)number;
	default:
		memcpy(&real, at, sizeof real);
		return real;
	}
}

bool qmac_run_ignores(const struct qmac_run *run, const char *key)
{
	return qmac_run_unused_by(run, &qmac_run_keys[qmac_words_find(qmac_run_words, key)]) != NULL;
}

const char *qmac_run_unused_by(const struct qmac_run *run, const struct qmac_run_key *key)
{
	static const char *const names[] = {"make_regression", "csv", "libsvm", "mnist", "fashion_mnist",
	                                    "conditioned", "quadratic"};
	unsigned data = key->used_by / QMAC_RUN_DATA;

	if (data && !(data >> run->data & 1))
		return names[run->data];
	return key->used_by >> run->algorithm & 1 ? NULL : qmac_algorithm_name(run->algorithm);
}

const char *qmac_algorithm_name(enum qmac_algorithm algorithm)
{
	static const char *const names[] = {"sgd", "svrg", "lp_sgd", "lp_svrg", "halp"};

	return names[algorithm];
}

const char *qmac_problem_name(enum qmac_problem problem)
{
	static const char *const names[] = {"linear_regression", "logistic_regression"};

	return names[problem];
}
