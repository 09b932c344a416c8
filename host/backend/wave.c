#define _XOPEN_SOURCE 700
#include "backend/wave.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static enum qmac_status refuse(const char *wave, const char *why, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "cannot write the waves to %s: %s", wave, why);
}

enum qmac_status qmac_wave_path(const char *wave, char path[QMAC_WAVE_PATH_MAX], struct qmac_error *err)
{
	const size_t room = QMAC_WAVE_PATH_MAX - sizeof QMAC_WAVE_BESIDE;
	struct stat found;
	char *real;
	bool fits = strlen(wave) < room;

	if (!fits)
		return refuse(wave, strerror(ENAMETOOLONG), err);
	strcpy(path, wave);
	if (stat(wave, &found))
		return errno == ENOENT ? QMAC_OK : refuse(wave, strerror(errno), err);
	if (!S_ISREG(found.st_mode))
		return refuse(wave, S_ISDIR(found.st_mode) ? strerror(EISDIR) : "it is not a regular file", err);
	real = realpath(wave, NULL);
	if (!real)
		return refuse(wave, strerror(errno), err);
	fits = strlen(real) < room;
	if (fits)
		strcpy(path, real);
	free(real);
	return fits ? QMAC_OK : refuse(wave, strerror(ENAMETOOLONG), err);
}

/* A link that is still one leads nowhere: it will be replaced. */
static enum qmac_status probe(const char *path, struct qmac_error *err)
{
	struct stat found;
	bool there = lstat(path, &found) == 0;
	int file;

	if (there && S_ISLNK(found.st_mode))
		return QMAC_OK;
	if (there && !S_ISREG(found.st_mode))
		return refuse(path, "it is not a regular file", err);
	file = there ? open(path, O_WRONLY) : open(path, O_WRONLY | O_CREAT | O_EXCL, 0666);
	if (file < 0)
		return refuse(path, strerror(errno), err);
	close(file);
	if (!there)
		unlink(path);
	return QMAC_OK;
}

enum qmac_status qmac_wave_check(const char *wave, struct qmac_error *err)
{
	char path[QMAC_WAVE_PATH_MAX];
	enum qmac_status status = qmac_wave_path(wave, path, err);

	if (!status)
		status = probe(path, err);
	return status;
}

/* ---- what was written ------------------------------------------------------------- */

/* Kinds of blocks that hold the names of the signals: compressed by gzip, LZ4, or LZ4 twice. */
enum { NAMES_GZIP = 4, NAMES_LZ4 = 6, NAMES_LZ4_TWICE = 7 };

/* A block is its kind, its length in 8 bytes, big endian, which counts these 8, and what it holds. */
static bool read_head(FILE *file, int *kind, uint64_t *length)
{
	uint8_t bytes[9];

	if (fread(bytes, 1, sizeof bytes, file) != sizeof bytes)
		return false;
	*kind = bytes[0];
	*length = 0;
	for (int i = 1; i < 9; i++)
		*length = *length << 8 | bytes[i];
	return *length >= 8;
}

bool qmac_wave_is_whole(const char *path)
{
	FILE *file = fopen(path, "rb");
	struct stat found;
	uint64_t at = 0, size, length;
	bool names = false;
	int kind;

	if (!file)
		return false;
	size = fstat(fileno(file), &found) ? 0 : (uint64_t)found.st_size;
	while (at < size && read_head(file, &kind, &length) && length < size - at) {
		at += 1 + length;
		names |= kind == NAMES_GZIP || kind == NAMES_LZ4 || kind == NAMES_LZ4_TWICE;
		if (fseeko(file, (off_t)at, SEEK_SET))
			break;
	}
	fclose(file);
	return names && at == size;
}
