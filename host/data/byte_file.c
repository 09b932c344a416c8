#define _POSIX_C_SOURCE 200809L
#include "data/byte_file.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "config/input.h"
#include "process/stop.h"

/* Some archives unpack to a folder of the file's name, with the file in it. */
bool qmac_byte_file_find(const char *folder, const char *name, char path[QMAC_BYTE_FILE_PATH])
{
	int length = snprintf(path, QMAC_BYTE_FILE_PATH, "%s/%s", folder, name);
	struct stat found;

	assert(length + 3 < QMAC_BYTE_FILE_PATH);
	if (stat(path, &found) == 0 && !S_ISDIR(found.st_mode))
		return true;
	strcpy(path + length, ".gz");
	if (stat(path, &found) == 0 && !S_ISDIR(found.st_mode))
		return true;
	path[length] = 0;
	return false;
}

enum qmac_status qmac_byte_file_open(struct qmac_byte_file *file, struct qmac_error *err)
{
	enum qmac_status status = qmac_input_gzip(file->path, &file->stream, err);

	if (!status)
		(void)gzbuffer(file->stream, 1 << 16);
	return status;
}

void qmac_byte_file_close(struct qmac_byte_file *file)
{
	if (file->stream)
		(void)gzclose_r(file->stream);
	file->stream = NULL;
}

enum qmac_status qmac_byte_file_refuse(const struct qmac_byte_file *file, const char *why,
                                       struct qmac_error *err)
{
	return qmac_fail_at(err, QMAC_BAD_INPUT, file->path, 0, 0, "%s", why);
}

static enum qmac_status refuse_short(const struct qmac_byte_file *file, struct qmac_error *err)
{
	return qmac_byte_file_refuse(file, "the file ends too early; fetch it again", err);
}

enum qmac_status qmac_byte_file_take(struct qmac_byte_file *file, void *bytes, int count, int *got,
                                     struct qmac_error *err)
{
	int problem;
	const char *why;

	errno = 0;
	*got = gzread(file->stream, bytes, (unsigned)count);
	if (qmac_stop_is_asked())
		return qmac_stop_give_up(err);
	if (*got == count)
		return QMAC_OK;
	why = gzerror(file->stream, &problem);
	/* A compressed file has its checksum behind its last byte: without it, it is cut off. */
	if (problem == Z_BUF_ERROR)
		return refuse_short(file, err);
	if (*got >= 0)
		return QMAC_OK;
	return qmac_byte_file_refuse(file, problem == Z_ERRNO ? strerror(errno) : why, err);
}

enum qmac_status qmac_byte_file_read(struct qmac_byte_file *file, void *bytes, int count,
                                     struct qmac_error *err)
{
	int got;
	enum qmac_status status = qmac_byte_file_take(file, bytes, count, &got, err);

	return status || got == count ? status : refuse_short(file, err);
}

enum qmac_status qmac_byte_file_end(struct qmac_byte_file *file, const char *more, struct qmac_error *err)
{
	uint8_t byte;
	int got = gzread(file->stream, &byte, 1), problem;

	if (got > 0)
		return qmac_byte_file_refuse(file, more, err);
	(void)gzerror(file->stream, &problem);
	if (problem == Z_BUF_ERROR)
		return refuse_short(file, err);
	return got == 0 ? QMAC_OK : qmac_byte_file_refuse(file, "damaged at its end; fetch it again", err);
}
