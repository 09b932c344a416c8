/*
 * SHA-256 (FIPS 180-4).
 */
#ifndef QMAC_BASE_SHA256_H
#define QMAC_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct qmac_sha256 {
	uint32_t state[8];
	uint64_t bytes;    /* taken so far */
	uint8_t block[64]; /* the last bytes % 64 of them */
};

enum { QMAC_SHA256_TEXT = 65 };

void qmac_sha256_start(struct qmac_sha256 *hash);
void qmac_sha256_add(struct qmac_sha256 *hash, const void *data, size_t bytes);
/* What is left of a stream; false where it cannot be read to its end. */
bool qmac_sha256_add_stream(struct qmac_sha256 *hash, FILE *in);
/* Ends the message; 64 lower-case hexadecimal digits and a zero. */
void qmac_sha256_text(struct qmac_sha256 *hash, char text[QMAC_SHA256_TEXT]);

#endif
