/*
 * Files that hold data, but not as any reader here takes them: recognised by their first bytes, so that a
 * message can say what the file is and what makes a readable one of it.
 */
#ifndef QMAC_DATA_FOREIGN_H
#define QMAC_DATA_FOREIGN_H

#include <stddef.h>

/* "compressed by xz: unpack it with xz -d" and the like; NULL where the first bytes are of nothing known. */
const char *qmac_foreign_format(const void *start, size_t count);

#endif
