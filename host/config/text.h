/*
 * Small helpers on the text of configuration files: numbers, words, the
 * nearest word, paths, quoting. Pure functions; no locale enters.
 *
 * A converter that refuses a text says what it expected, without naming the
 * key: callers put the place and the key before it.
 */
#ifndef QMAC_CONFIG_TEXT_H
#define QMAC_CONFIG_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/error.h"

/* A whole number: optional sign, decimal digits, no leading zero, low..high. */
QMAC_MUST_CHECK enum qmac_status qmac_text_integer(const char *text, int64_t low, int64_t high,
                                                   int64_t *value, struct qmac_error *err);

/* A finite decimal number: optional sign, digits with an optional point, optional exponent. */
QMAC_MUST_CHECK enum qmac_status qmac_text_real(const char *text, double *value, struct qmac_error *err);

/* "true" or "false". */
QMAC_MUST_CHECK enum qmac_status qmac_text_bool(const char *text, bool *value, struct qmac_error *err);

/* One of words, "a|b|c"; *index is its place, from 0. */
QMAC_MUST_CHECK enum qmac_status qmac_text_choice(const char *text, const char *words, int *index,
                                                  struct qmac_error *err);

/* Place of text among words, from 0; -1 where it is none of them. */
int qmac_words_find(const char *words, const char *text);

/* The word of that place, as a pointer into words and its length. */
const char *qmac_words_at(const char *words, int index, size_t *length);

/*
 * Fails with "unknown <what> 'text'; did you mean '<nearest of words>'?", or, where none is near,
 * "...; use one of a, b, c".
 */
enum qmac_status qmac_text_unknown(const char *what, const char *text, const char *words,
                                   struct qmac_error *err);

/* Puts a key and a colon before the message of err, which has no place yet. */
void qmac_text_blame(const char *key, struct qmac_error *err);

/* The path `name` as written in `file`: absolute, or relative to the file's folder. False: too long. */
bool qmac_path_beside(char *path, size_t size, const char *file, const char *name);

/* True for UTF-8 without NUL, overlong forms and surrogates. */
bool qmac_text_is_utf8(const char *text);

/* Writes text, which is UTF-8, as a YAML scalar in double quotes that reads back to the same bytes. */
void qmac_text_print_quoted(const char *text, FILE *out);

/* Writes text for a comment: bytes other than printable ASCII and UTF-8 letters become '?'. */
void qmac_text_print_comment(const char *text, FILE *out);

/*
 * Text as a terminal or a picture may get it: control characters, bytes that are not UTF-8, and what turns
 * the direction of writing become \x1B or \u202E. Returns shown, cut to its size.
 */
const char *qmac_text_show(const char *text, char *shown, size_t size);

enum { QMAC_REAL_TEXT = 32 };

/* A shortest decimal that reads back to value ("nan", "inf", "-inf" where it is not finite); returns text. */
const char *qmac_real_text(double value, char text[QMAC_REAL_TEXT]);
void qmac_text_print_real(double value, FILE *out);

#endif
