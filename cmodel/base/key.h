/*
 * A row of a table of settings: one member of a struct under a name that people write.
 *
 * The parameters of a device (hw/hw.h) and the keys of every configuration file are such tables;
 * host/config/key_table.h reads, prints and looks up what they describe.
 */
#ifndef QMAC_BASE_KEY_H
#define QMAC_BASE_KEY_H

#include <stddef.h>
#include <stdint.h>

enum qmac_key_kind {
	QMAC_KIND_CHOICE,  /* int: index of the word */
	QMAC_KIND_WORD,    /* char[]: one of the words */
	QMAC_KIND_NAME,    /* char[]: lower-case letters, digits, '_' */
	QMAC_KIND_PATH,    /* char[]; "" where not given */
	QMAC_KIND_TEXT,    /* char[] */
	QMAC_KIND_BOOL,    /* bool or int */
	QMAC_KIND_INT,     /* whole number of the range: int, uint32_t or int64_t; so are POWER2 and EVEN */
	QMAC_KIND_POWER2,
	QMAC_KIND_EVEN,
	QMAC_KIND_FIXED8,  /* int: a decimal number of the range * 256, exact or refused */
	QMAC_KIND_REAL,    /* double, at least 0 */
	QMAC_KIND_POSITIVE /* double, above 0 */
};

struct qmac_key {
	const char *group;    /* "dram": the key is dram.NAME; "": it is NAME */
	const char *name;
	enum qmac_key_kind kind;
	int64_t low, high;    /* bounds of a whole number, or of a FIXED8 in the unit of the file */
	const char *words;    /* of a CHOICE or WORD: "a|b|c"; of a REAL or POSITIVE: what stands for none, 0 */
	const char *aliases;  /* other words for the same, in the same order; "": none */
	const char *fallback; /* the default; NULL: there is none, or it depends on other keys */
	unsigned used_by;     /* for the owner of the table: who looks at it */
	const char *help;
	size_t offset, size;  /* of the member */
};

#endif
