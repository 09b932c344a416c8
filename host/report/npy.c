#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "report/files.h"

enum { PREFIX = 10, ALIGN = 64 };

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

	fwrite("\x93NUMPY\x01\x00", 1, 8, out);
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
