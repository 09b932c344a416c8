#define _POSIX_C_SOURCE 200809L
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "config/input.h"
#include "report/files.h"

enum { PREFIX = 10, ALIGN = 64 };

/* Magic, version, header length, then a header padded so that the data start at a multiple of 64. */
static void write_header(FILE *out, const char *type, const int64_t *dims, int dim_count)
{
	char header[4 * ALIGN];
	int used = snprintf(header, sizeof header, "{'descr': '%s', 'fortran_order': False, 'shape': (", type);
	int length;

	for (int d = 0; d < dim_count; d++)
		used += snprintf(header + used, sizeof header - (size_t)used, "%s%" PRId64 "%s", d ? " " : "",
		                 dims[d],
		                 d == 0 || d + 1 < dim_count ? "," : "");
	used += snprintf(header + used, sizeof header - (size_t)used, "), }");
	length = (PREFIX + used + 1 + ALIGN - 1) / ALIGN * ALIGN - PREFIX;

	fwrite("\x93NUMPY\x01\x00", 1, 8, out);
	fputc(length & 0xFF, out);
	fputc(length >> 8, out);
	fprintf(out, "%-*s\n", length - 1, header);
}

/* The lowest `count` bytes of a number's bits, little endian. */
static void write_bits(FILE *out, uint64_t bits, int count, struct qmac_sha256 *hash)
{
	uint8_t bytes[8];

	for (int b = 0; b < count; b++)
		bytes[b] = (uint8_t)(bits >> 8 * b);
	fwrite(bytes, 1, (size_t)count, out);
	qmac_sha256_add(hash, bytes, (size_t)count);
}

void qmac_npy_write(FILE *out, const double *values, int64_t count, int64_t columns,
                    char text[QMAC_SHA256_TEXT])
{
	const int64_t dims[2] = {columns ? count / columns : count, columns};
	struct qmac_sha256 hash;

	assert(columns == 0 || count % columns == 0);
	qmac_sha256_start(&hash);
	write_header(out, "<f8", dims, columns ? 2 : 1);
	for (int64_t i = 0; i < count; i++) {
		uint64_t bits;

		memcpy(&bits, &values[i], sizeof bits);
		write_bits(out, bits, sizeof bits, &hash);
	}
	qmac_sha256_text(&hash, text);
}

/* Of words, whatever they stand for. */
static void write_words(FILE *out, const char *type, const void *values, const int64_t *dims, int dim_count,
                        struct qmac_sha256 *hash)
{
	const char *at = values;
	int64_t count = 1;

	for (int d = 0; d < dim_count; d++)
		count *= dims[d];
	write_header(out, type, dims, dim_count);
	for (int64_t i = 0; i < count; i++) {
		uint32_t bits;

		memcpy(&bits, at + i * (int64_t)sizeof bits, sizeof bits);
		write_bits(out, bits, sizeof bits, hash);
	}
}

void qmac_npy_write_float(FILE *out, const float *values, const int64_t *dims, int dim_count,
                          struct qmac_sha256 *hash)
{
	write_words(out, "<f4", values, dims, dim_count, hash);
}

void qmac_npy_write_int(FILE *out, const int32_t *values, const int64_t *dims, int dim_count,
                        struct qmac_sha256 *hash)
{
	write_words(out, "<i4", values, dims, dim_count, hash);
}

/* ---- reading ------------------------------------------------------------------------- */

/* The header that such an array would have been given, and nothing else. */
static bool has_header(FILE *in, const char *type, const int64_t *dims, int dim_count)
{
	char *wanted = NULL, *found;
	size_t size = 0;
	FILE *out = open_memstream(&wanted, &size);
	bool same;

	if (!out)
		return false;
	write_header(out, type, dims, dim_count);
	if (fclose(out)) {
		free(wanted);
		return false;
	}
	found = malloc(size);
	same = found && fread(found, 1, size, in) == size && memcmp(found, wanted, size) == 0;
	free(found);
	free(wanted);
	return same;
}

static enum qmac_status read_words(const char *path, const char *type, const int64_t *dims, int dim_count,
                                   void *values, struct qmac_error *err)
{
	char *at = values;
	int64_t count = 1;
	FILE *in = NULL;
	enum qmac_status status = qmac_input_stream(path, &in, err);

	for (int d = 0; d < dim_count; d++)
		count *= dims[d];
	if (!status && !has_header(in, type, dims, dim_count))
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0,
		                      "not the array of this network: another type or shape");
	for (int64_t i = 0; !status && i < count; i++) {
		uint8_t bytes[4];
		uint32_t bits;

		if (fread(bytes, 1, sizeof bytes, in) != sizeof bytes) {
			status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0, "the file ends too early");
			break;
		}
		bits = (uint32_t)bytes[0] | (uint32_t)bytes[1] << 8 | (uint32_t)bytes[2] << 16 |
		       (uint32_t)bytes[3] << 24;
		memcpy(at + i * (int64_t)sizeof bits, &bits, sizeof bits);
	}
	if (!status && fgetc(in) != EOF)
		status = qmac_fail_at(err, QMAC_BAD_INPUT, path, 0, 0, "something follows behind the array");
	if (in)
		fclose(in);
	return status;
}

enum qmac_status qmac_npy_read_float(const char *path, const int64_t *dims, int dim_count, float *values,
                                     struct qmac_error *err)
{
	return read_words(path, "<f4", dims, dim_count, values, err);
}

enum qmac_status qmac_npy_read_int(const char *path, const int64_t *dims, int dim_count, int32_t *values,
                                   struct qmac_error *err)
{
	return read_words(path, "<i4", dims, dim_count, values, err);
}
