#define _POSIX_C_SOURCE 200809L
#include "report/atomic_file.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum qmac_status qmac_atomic_open(struct qmac_atomic_file *file, const char *folder, const char *name,
                                  struct qmac_error *err)
{
	int length = snprintf(file->path, sizeof file->path, "%s/%s", folder, name);

	file->stream = NULL;
	file->temporary[0] = 0;
	if (length < 0 || (size_t)length >= sizeof file->path)
		return qmac_fail(err, QMAC_BAD_INPUT, "the path of %s is too long: %.200s...", name, folder);
	snprintf(file->temporary, sizeof file->temporary, "%s.tmp", file->path);
	file->stream = fopen(file->temporary, "w+");
	if (!file->stream) {
		int reason = errno;

		file->temporary[0] = 0;
		return qmac_fail(err, QMAC_BAD_INPUT, "cannot write %s: %s", file->path, strerror(reason));
	}
	return QMAC_OK;
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

/* mkdir that takes an existing folder for success. */
static int make_one(const char *folder)
{
	struct stat status;

	if (mkdir(folder, 0777) == 0)
		return 0;
	if (errno != EEXIST && errno != EROFS && errno != EACCES)
		return errno;
	if (stat(folder, &status))
		return errno;
	return S_ISDIR(status.st_mode) ? 0 : ENOTDIR;
}

enum qmac_status qmac_make_folder(const char *folder, struct qmac_error *err)
{
	struct qmac_atomic_file probe;
	enum qmac_status status;
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
	status = qmac_atomic_open(&probe, folder, ".probe", err);
	if (!status)
		qmac_atomic_abandon(&probe);
	return status;
}
