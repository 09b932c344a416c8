/*
 * One key of a configuration (base/key.h): its full name, its value as text, and the other way.
 */
#ifndef QMAC_CONFIG_KEY_H
#define QMAC_CONFIG_KEY_H

#include <stdbool.h>
#include <stdio.h>

#include "base/error.h"
#include "base/key.h"

enum { QMAC_KEY_NAME_SIZE = 64 };

/* "rows", "dram.latency"; returns name. */
const char *qmac_key_name(const struct qmac_key *key, char name[QMAC_KEY_NAME_SIZE]);

/* Converts text and stores it. The message has neither key nor place. */
QMAC_MUST_CHECK enum qmac_status qmac_key_set(const struct qmac_key *key, void *values, const char *text,
                                              struct qmac_error *err);

/* Writes the value as YAML. */
void qmac_key_print(const struct qmac_key *key, const void *values, FILE *out);

static inline bool qmac_key_is_number(const struct qmac_key *key)
{
	return key->kind >= QMAC_KIND_INT;
}

/* The value of a key that is a number. */
double qmac_key_number(const struct qmac_key *key, const void *values);

#endif
