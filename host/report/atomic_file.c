#define _XOPEN_SOURCE 700
#include "report/atomic_file.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/temporary.h"

enum { NEW_FILE = 0666 }; /* its mode, before the umask */

/*
 * What a rename would replace must be a regular file: never a device, a pipe or a folder. A link is
 * followed, so that the file behind it is the one that is written. *mode: of that file, 0 where there is
 * none. Returns the reason against it, or "".
 */
static const char *settle(char *path, size_t size, mode_t *mode)
{
	struct stat status;
	char *real;
	bool fits;

	*mode = 0;
	if (stat(path, &status))
		return errno == ENOENT ? "" : strerror(errno);
	if (!S_ISREG(status.st_mode))
		return S_ISDIR(status.st_mode) ? strerror(EISDIR) : "it is not a regular file";
	real = realpath(path, NULL);
	if (!real)
		return strerror(errno);
	fits = strlen(real) < size;
	if (fits)
		strcpy(path, real);
	free(real);
	*mode = status.st_mode;
	return fits ? "" : strerror(ENAMETOOLONG);
}

/* Opens the temporary file beside file->path. Returns the reason against it, or "". */
static const char *open_temporary(struct qmac_atomic_file *file, mode_t mode)
{
	int descriptor = qmac_temporary_open(file->path, mode, file->temporary, sizeof file->temporary);
	const char *objection = "";

	if (descriptor < 0) {
		file->temporary[0] = 0;
		return strerror(errno);
	}
	file->stream = fdopen(descriptor, "w+");
	if (!file->stream) {
		objection = strerror(errno);
		close(descriptor);
		qmac_atomic_abandon(file);
	}
	return objection;
}

/* The same with its error. */
static enum qmac_status settle_path(char *path, size_t size, mode_t *mode, struct qmac_error *err)
{
	const char *objection = settle(path, size, mode);

	return objection[0] ? qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", path, objection) : QMAC_OK;
}

enum qmac_status qmac_atomic_check(const char *path, struct qmac_error *err)
{
	char real[1200];
	mode_t mode;

	if (snprintf(real, sizeof real, "%s", path) >= (int)sizeof real)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path is too long: %.200s...", path);
	return settle_path(real, sizeof real, &mode, err);
}

enum qmac_status qmac_atomic_open(struct qmac_atomic_file *file, const char *folder, const char *name,
                                  struct qmac_error *err)
{
	int length = snprintf(file->path, sizeof file->path, "%s/%s", folder, name);
	enum qmac_status status;
	const char *objection;
	mode_t mode;

	file->stream = NULL;
	file->temporary[0] = 0;
	if (length < 0 || (size_t)length >= sizeof file->path)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of %s is too long: %.200s...", name, folder);
	status = settle_path(file->path, sizeof file->path, &mode, err);
	if (status)
		return status;
	objection = open_temporary(file, mode ? mode & 0777 : NEW_FILE);
	if (objection[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, objection);
	/* Bits that the umask took away; file systems without modes refuse, which is no loss. */
	if (mode)
		(void)fchmod(fileno(file->stream), mode & 0777);
	return QMAC_OK;
}

static int read_hash(FILE *stream, char sha256[QMAC_SHA256_TEXT])
{
	struct qmac_sha256 hash;

	qmac_sha256_start(&hash);
	if (fseek(stream, 0, SEEK_SET) || !qmac_sha256_add_stream(&hash, stream) || fseek(stream, 0, SEEK_END))
		return errno ? errno : EIO;
	qmac_sha256_text(&hash, sha256);
	return 0;
}

enum qmac_status qmac_atomic_finish(struct qmac_atomic_file *file, char sha256[QMAC_SHA256_TEXT],
                                    struct qmac_error *err)
{
	/* An earlier write error set the stream's mark; its reason is the one most likely. */
	int reason = ferror(file->stream) ? ENOSPC : 0;

	if (!reason && (fflush(file->stream) || fsync(fileno(file->stream))))
		reason = errno;
	if (!reason && sha256)
		reason = read_hash(file->stream, sha256);
	return reason ? qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, strerror(reason))
	              : QMAC_OK;
}

enum qmac_status qmac_atomic_place(struct qmac_atomic_file *file, struct qmac_error *err)
{
	if (rename(file->temporary, file->path))
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, strerror(errno));
	file->temporary[0] = 0;
	fclose(file->stream); /* it was flushed to the disk */
	file->stream = NULL;
	return QMAC_OK;
}

enum qmac_status qmac_folder_sync(const char *folder, struct qmac_error *err)
{
	int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC), reason = 0;

	if (descriptor < 0)
		return QMAC_OK; /* one may write in it, but not read it */
	if (fsync(descriptor) && errno != EINVAL) /* that there is no such thing */
		reason = errno;
	close(descriptor);
	return reason ? qmac_fail(err, QMAC_BAD_INPUT, "cannot write the folder %s: %s", folder, strerror(reason))
	              : QMAC_OK;
}

enum qmac_status qmac_atomic_commit(struct qmac_atomic_file *file, struct qmac_error *err)
{
	enum qmac_status status = qmac_atomic_finish(file, NULL, err);
	char folder[sizeof file->path];

	if (!status)
		status = qmac_atomic_place(file, err);
	qmac_atomic_abandon(file);
	if (status)
		return status;
	strcpy(folder, file->path);
	return qmac_folder_sync(dirname(folder), err);
}

void qmac_atomic_abandon(struct qmac_atomic_file *file)
{
	/* Before it is closed: as long as it is open nobody takes its name for one that was left. */
	if (file->temporary[0])
		unlink(file->temporary);
	file->temporary[0] = 0;
	if (file->stream)
		fclose(file->stream);
	file->stream = NULL;
}

/*
 * mkdir that takes an existing folder for success, also one that could not be made again where it is.
 * Returns the reason against it, or 0.
 */
static int make_one(const char *folder)
{
	struct stat status;
	int reason;

	if (mkdir(folder, 0777) == 0)
		return 0;
	reason = errno;
	if (reason != EEXIST && reason != EROFS && reason != EACCES)
		return reason;
	/* What is there already may be a link to nowhere; what is not there was refused by its parent. */
	if (stat(folder, &status))
		return reason == EEXIST ? errno : reason;
	return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

enum qmac_status qmac_make_folder(const char *folder, struct qmac_error *err)
{
	struct qmac_atomic_file probe;
	const char *objection;
	char path[1200];
	int reason = 0;

	if (!folder[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "the output folder has an empty name");
	if (snprintf(path, sizeof path, "%s", folder) >= (int)sizeof path)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long: %.200s...", folder);
	for (char *slash = strchr(path + 1, '/'); slash && !reason; slash = strchr(slash + 1, '/')) {
		*slash = 0;
		reason = make_one(path);
		*slash = '/';
	}
	if (!reason)
		reason = make_one(path);
	if (reason)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot make the folder %s: %s", folder, strerror(reason));
	/* A name that nothing is written under, so it is no matter what has it. */
	if (snprintf(probe.path, sizeof probe.path, "%s/probe", folder) >= (int)sizeof probe.path)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long: %.200s...", folder);
	objection = open_temporary(&probe, NEW_FILE);
	if (objection[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write in the folder %s: %s", folder, objection);
	qmac_atomic_abandon(&probe);
	return QMAC_OK;
}
