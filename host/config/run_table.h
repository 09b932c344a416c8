/*
 * The table of run keys (run_keys.def), used to read, default, check and print.
 * Private to host/config.
 */
#ifndef QMAC_CONFIG_RUN_TABLE_H
#define QMAC_CONFIG_RUN_TABLE_H

#include <stdbool.h>

#include "config/run_config.h"

enum qmac_run_kind {
	QMAC_RUN_CHOICE,   /* an enum: index of the word */
	QMAC_RUN_WORD,     /* char[16]: one of the words */
	QMAC_RUN_NAME,     /* char[16]: lower-case letters, digits, '_' */
	QMAC_RUN_PATH,     /* char[QMAC_PATH_MAX]; "" where not given */
	QMAC_RUN_TEXT,     /* char[QMAC_TEXT_MAX] */
	QMAC_RUN_BOOL,     /* bool */
	QMAC_RUN_INT,      /* int */
	QMAC_RUN_INT64,    /* int64_t */
	QMAC_RUN_UINT32,   /* uint32_t */
	QMAC_RUN_REAL,     /* double, at least 0 */
	QMAC_RUN_POSITIVE  /* double, above 0 */
};

enum {
#define KEY(name, kind, low, high, words, aliases, fallback, used_by, help) QMAC_KEY_##name,
#include "config/run_keys.def"
#undef KEY
	QMAC_RUN_KEYS
};

enum { QMAC_RUN_DATA = 1 << 16 };

struct qmac_run_key {
	const char *name;
	enum qmac_run_kind kind;
	int64_t low, high;
	const char *words, *aliases, *fallback;
	unsigned used_by; /* bit per enum qmac_algorithm; QMAC_RUN_DATA << per enum qmac_data, none: all */
	const char *help;
	size_t offset;    /* of the member in struct qmac_run */
};

extern const struct qmac_run_key qmac_run_keys[QMAC_RUN_KEYS];

/* All keys, "a|b|c". */
extern const char *const qmac_run_words;

/* Converts text and stores it. The message has neither key nor place. */
QMAC_MUST_CHECK enum qmac_status qmac_run_set(struct qmac_run *run, const struct qmac_run_key *key,
                                              const char *text, struct qmac_error *err);

/* Writes the value as YAML. */
void qmac_run_print_value(const struct qmac_run *run, const struct qmac_run_key *key, FILE *out);

/* The words for the run's algorithm or data where it does not look at the key; NULL where it does. */
const char *qmac_run_unused_by(const struct qmac_run *run, const struct qmac_run_key *key);

/* Fills in every key that was not given, and the source of each. hw and file stay empty. */
void qmac_run_defaults(struct qmac_run_config *config, const bool given[QMAC_RUN_KEYS]);

/*
 * qmac_run_config_load() for callers that know better where a setting comes from (a sweep
 * file): *culprit is the index of the setting to blame, and the message then has neither key nor
 * place; or -1 where the message is complete. err is not NULL.
 */
QMAC_MUST_CHECK enum qmac_status qmac_run_config_read(struct qmac_run_config *config, const char *file,
                                                      const struct qmac_setting *settings, int setting_count,
                                                      int *culprit, struct qmac_error *err);

#endif
