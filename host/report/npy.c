#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "report/files.h"

enum { PREFIX = 10, ALIGN = 64, MAGIC = 8 };

static const char magic[] = "\x93NUMPY\x01\x00";

/* Magic, version, header length, then a header padded so that the data start at a multiple of 64. */
static void write_header(FILE *out, int64_t count, int64_t columns)
{
	char header[2 * ALIGN], second[24] = "";
	int used, length;

	if (columns)
		snprintf(second, sizeof second, " %" PRId64, columns);
	used = snprintf(header, sizeof header,
	                "{'descr': '<f8', 'fortran_order': False, 'shape': (%" PRId64 ",%s), }",
	                columns ? count / columns : count, second);
	length = (PREFIX + used + 1 + ALIGN - 1) / ALIGN * ALIGN - PREFIX;

	fwrite(magic, 1, MAGIC, out);
	fputc(length & 0xFF, out);
	fputc(length >> 8, out);
	fprintf(out, "%-*s\n", length - 1, header);
}

void qmac_npy_write(FILE *out, const double *values, int64_t count, int64_t columns,
                    char text[QMAC_SHA256_TEXT])
{
	struct qmac_sha256 hash;

	assert(columns == 0 || count % columns == 0);
	qmac_sha256_start(&hash);
	write_header(out, count, columns);
	for (int64_t i = 0; i < count; i++) {
		uint8_t bytes[8];
		uint64_t bits;

		memcpy(&bits, &values[i], sizeof bits);
		for (int b = 0; b < 8; b++)
			bytes[b] = (uint8_t)(bits >> 8 * b);
		fwrite(bytes, 1, sizeof bytes, out);
		qmac_sha256_add(&hash, bytes, sizeof bytes);
	}
	qmac_sha256_text(&hash, text);
}

/* The number of values that the header promises; -1 where it is none of ours. */
static int64_t read_header(FILE *in)
{
	static const char shape[] = "'shape': (";
	uint8_t prefix[PREFIX];
	char header[2 * ALIGN + 1], *at;
	long long first, second;
	size_t length;

	if (fread(prefix, 1, PREFIX, in) != PREFIX || memcmp(prefix, magic, MAGIC) != 0)
		return -1;
	length = (size_t)prefix[MAGIC] | (size_t)prefix[MAGIC + 1] << 8;
	if (length >= sizeof header || fread(header, 1, length, in) != length)
		return -1;
	header[length] = 0;
	at = strstr(header, shape);
	if (!at)
		return -1;
	switch (sscanf(at + strlen(shape), "%lld, %lld", &first, &second)) {
	case 1:
		return first;
	case 2:
		return first >= 0 && second > 0 && first <= INT64_MAX / second ? first * second : -1;
	default:
		return -1;
	}
}

bool qmac_npy_is_whole(FILE *in, const char *sha256)
{
	int64_t count = read_header(in), bytes = 0;
	char text[QMAC_SHA256_TEXT];
	struct qmac_sha256 hash;
	uint8_t block[4096];
	size_t got;

	qmac_sha256_start(&hash);
	while (count >= 0 && (got = fread(block, 1, sizeof block, in)) > 0) {
		qmac_sha256_add(&hash, block, got);
		bytes += (int64_t)got;
	}
	qmac_sha256_text(&hash, text);
	return count >= 0 && !ferror(in) && bytes / 8 == count && bytes % 8 == 0 && strcmp(text, sha256) == 0;
}
