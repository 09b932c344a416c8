#define _XOPEN_SOURCE 700
#include "report/atomic_file.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * What a rename would replace must be a regular file: never a device, a pipe or a folder. A link is
 * followed, so that the file behind it is the one that is written. Returns the reason against it, or "".
 */
static const char *settle(char *path, size_t size)
{
	struct stat status;
	char *real;
	bool fits;

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
	return fits ? "" : strerror(ENAMETOOLONG);
}

/* Opens the temporary file beside file->path. Returns the reason against it, or "". */
static const char *open_temporary(struct qmac_atomic_file *file)
{
	const char *objection;

	file->stream = NULL;
	file->temporary[0] = 0;
	objection = settle(file->path, sizeof file->path);
	if (objection[0])
		return objection;
	snprintf(file->temporary, sizeof file->temporary, "%s.tmp", file->path);
	file->stream = fopen(file->temporary, "w+");
	if (file->stream)
		return "";
	file->temporary[0] = 0;
	return strerror(errno);
}

enum qmac_status qmac_atomic_open(struct qmac_atomic_file *file, const char *folder, const char *name,
                                  struct qmac_error *err)
{
	int length = snprintf(file->path, sizeof file->path, "%s/%s", folder, name);
	const char *objection;

	file->stream = NULL;
	file->temporary[0] = 0;
	if (length < 0 || (size_t)length >= sizeof file->path)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of %s is too long: %.200s...", name, folder);
	objection = open_temporary(file);
	return objection[0] ? qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, objection)
	                    : QMAC_OK;
}

enum qmac_status qmac_atomic_commit(struct qmac_atomic_file *file, struct qmac_error *err)
{
	/* An earlier write error set the stream's mark; its reason is the one most likely. */
	int reason = ferror(file->stream) ? ENOSPC : 0;

	if (!reason && (fflush(file->stream) || fsync(fileno(file->stream))))
		reason = errno;
	if (fclose(file->stream) && !reason)
		reason = errno;
	file->stream = NULL;
	if (!reason && rename(file->temporary, file->path))
		reason = errno;
	if (reason)
		qmac_atomic_abandon(file);
	file->temporary[0] = 0;
	if (reason)
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, strerror(reason));
	return QMAC_OK;
}

void qmac_atomic_abandon(struct qmac_atomic_file *file)
{
	if (file->stream)
		fclose(file->stream);
	file->stream = NULL;
	if (file->temporary[0])
		remove(file->temporary);
	file->temporary[0] = 0;
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
	if (snprintf(probe.path, sizeof probe.path, "%s/.probe", folder) >= (int)sizeof probe.path)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of the output folder is too long: %.200s...", folder);
	objection = open_temporary(&probe);
	if (objection[0])
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write in the folder %s: %s", folder, objection);
	qmac_atomic_abandon(&probe);
	return QMAC_OK;
}
