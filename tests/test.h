/*
 * Glue between CUnit and `make test`: every tests/test_<noun>.c is one program
 * with one or more suites; test_main() runs them, prints a line
 * "<program>: N passed, N failed, N skipped" (tests, not assertions) and gives
 * the exit status.
 *
 * Random tests take their seed from test_seed(), which prints it: set QMAC_TEST_SEED
 * to repeat a run. `make test` sets it to the date, but for the sanitizers.
 */
#ifndef QMAC_TEST_H
#define QMAC_TEST_H

#include <CUnit/CUnit.h>
#include <stdint.h>
#include <sys/resource.h>

#include "base/error.h"

struct test_case {
	const char *name;
	void (*run)(void);
};

/* Runs all cases as one suite named after the program. */
int test_main(const char *program, const struct test_case *cases, int count);

/* Marks the running test as skipped and says why; return from the test afterwards. */
void test_skip(const char *why);

/* A seed for random tests: QMAC_TEST_SEED or a fixed default; printed once per program. */
uint64_t test_seed(void);

/* splitmix64, for tests. */
uint64_t test_random(uint64_t *state);

/* low..high, about uniform. */
int64_t test_between(uint64_t *state, int64_t low, int64_t high);

/* FNV-1a of doubles, byte by byte, the lowest first: from TEST_HASH on, one after the other. */
#define TEST_HASH UINT64_C(14695981039346656037)
uint64_t test_hash(uint64_t hash, double value);

/* Asserts QMAC_BAD_INPUT and a message that has this part; prints the message where it has not. */
void test_refusal(enum qmac_status status, const struct qmac_error *err, const char *part);

/* A fresh empty folder for this test program (under $TMPDIR or /tmp); removed at exit. */
const char *test_folder(void);

/* The path of a file in that folder, valid until the next call. */
const char *test_path(const char *name);
/*
 * The temporary file under which that path is being written, valid until the next call; NULL where there is
 * none. More than one fail the test.
 */
const char *test_temporary(const char *path);
/*
 * No file may become longer than that; setrlimit(RLIMIT_FSIZE, old) ends it. Nothing may print in between:
 * standard output may be a long file.
 */
void test_limit_file_size(rlim_t bytes, struct rlimit *old);
/* Writes such a file; a failure ends the test. */
void test_write(const char *name, const char *text);
/*
 * Writes a table for logistic regression: rows of random points in overlapping clouds, one for each class,
 * and in the last column the class, 0, 10, 20, ...; always the same. Returns its path, valid until the
 * next call.
 */
const char *test_write_clouds(int rows, int features, int classes);
/* What is in such a file, up to 64 KiB, valid until the next call; "" where there is none. */
const char *test_text(const char *name);

/* In such a text, of the row that begins with `key` and a comma: its field `number`, counted from 0. */
const char *test_csv_field(const char *name, const char *key, int number);

/* Sanitizers take ten times as long: what is about statistics is then cut short. */
#ifdef __has_feature
#if __has_feature(address_sanitizer)
#define TEST_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) && !defined(TEST_SANITIZED)
#define TEST_SANITIZED 1
#endif

/* How many of a test's random cases run: all, under the sanitizers the first part of them. */
#ifdef TEST_SANITIZED
#define TEST_CASES(all) ((all) * 2 / 5)
#else
#define TEST_CASES(all) (all)
#endif

#define TEST_COUNT(cases) ((int)(sizeof(cases) / sizeof((cases)[0])))

#endif
