/*
 * What the parts of the trace reader share; for host/trace only.
 */
#ifndef QMAC_TRACE_READER_H
#define QMAC_TRACE_READER_H

#include "trace/trace.h"

/* What stood before the current line. */
enum qmac_reader_stage {
	QMAC_READER_NOTHING, QMAC_READER_HEAD, QMAC_READER_ROWS, QMAC_READER_BATCHES, QMAC_READER_ERROR,
	QMAC_READER_END
};

enum { QMAC_READER_SHOWN = 40, QMAC_READER_HEADS = 6, QMAC_READER_PARAMS = 64 };

struct qmac_reader {
	struct qmac_trace *trace;
	const char *file;
	int line;
	char *text, *cursor;                 /* of the current line */
	enum qmac_reader_stage stage;
	int head_line[QMAC_READER_HEADS];    /* by place in QMAC_READER_HEAD_WORDS; 0: not given yet */
	int hw_line[QMAC_READER_PARAMS];     /* the same, per parameter */
	bool retire_due;                     /* of the last command */
	struct qmac_error *err;
};

/* ---- words.c ------------------------------------------------------------------ */

/* Fails at a place of the current line. */
__attribute__((format(printf, 3, 4)))
enum qmac_status qmac_reader_fail(struct qmac_reader *r, const char *at, const char *format, ...);
/* Gives a message without a place the one of a word, where status is a failure. */
enum qmac_status qmac_reader_blame(struct qmac_reader *r, const char *at, enum qmac_status status);
enum qmac_status qmac_reader_no_memory(struct qmac_reader *r);

/* The next word, ended by NUL; NULL at the end of the line. */
char *qmac_reader_word(struct qmac_reader *r);

/* The next word must be there, and be of that kind; `what` names it in messages. */
QMAC_MUST_CHECK enum qmac_status qmac_reader_need(struct qmac_reader *r, const char *what, char **word);
QMAC_MUST_CHECK enum qmac_status qmac_reader_decimal(struct qmac_reader *r, const char *what, int64_t low,
                                                     int64_t high, int64_t *value);
/* digits: exactly so many, or 0 for 1..16. With "0x" where `prefixed`. */
QMAC_MUST_CHECK enum qmac_status qmac_reader_hex(struct qmac_reader *r, const char *what, int digits,
                                                 bool prefixed, uint64_t max, uint64_t *value);
/* The name of one of the codes low..high of a group. */
QMAC_MUST_CHECK enum qmac_status qmac_reader_code(struct qmac_reader *r, const char *group, unsigned low,
                                                  unsigned high, unsigned *value);
/* Value of a hexadecimal digit; -1 where it is none. */
int qmac_reader_digit(char c);

/* ---- head.c ------------------------------------------------------------------- */

/* The keywords of the head. */
#define QMAC_READER_HEAD_WORDS "revision|hw|memory_bytes|window|ring|first"

/* The rest of a line that starts with one of them. */
QMAC_MUST_CHECK enum qmac_status qmac_reader_read_head(struct qmac_reader *r, const char *keyword);

/* The head ends before the line of `at`: is it complete, and does it make sense? */
QMAC_MUST_CHECK enum qmac_status qmac_reader_check_head(struct qmac_reader *r, const char *at);

/* Do `bytes` bytes at `address` lie within [base, base + size)? */
bool qmac_reader_holds(uint64_t base, uint64_t size, uint64_t address, uint64_t bytes);

#endif
