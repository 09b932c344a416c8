#define _XOPEN_SOURCE 700
#include "backend/rtl_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/sha256.h"

enum { PIECE = 1 << 16 };

/* ---- the folder --------------------------------------------------------------- */

/* Why others could have put something there; NULL: only the user and root can. */
static const char *distrust(const struct stat *what)
{
	/* Where a folder is sticky others can add files, but neither change nor replace those of the user. */
	bool sticky = S_ISDIR(what->st_mode) && (what->st_mode & S_ISVTX);

	if (what->st_uid != geteuid() && what->st_uid != 0)
		return "it belongs to another user";
	if ((what->st_mode & (S_IWGRP | S_IWOTH)) && !sticky)
		return "other users may write to it";
	return NULL;
}

static enum qmac_status check_folder(const char *folder, struct qmac_error *err)
{
	const char *reason;
	struct stat there;

	if (stat(folder, &there))
		return qmac_fail(err, QMAC_BAD_INPUT, "no folder for built RTL: %s: %s; QMAC_CACHE names another one",
		                 folder, strerror(errno));
	reason = distrust(&there);
	if (reason)
		return qmac_fail(err, QMAC_BAD_INPUT, "no code is loaded from the folder %s, because %s: remove it "
		                 "or make it yours alone (chown, chmod go-w), or name another one with QMAC_CACHE",
		                 folder, reason);
	return QMAC_OK;
}

/* The folder and those above it, as far as they are missing. */
static enum qmac_status make_folders(char *folder, struct qmac_error *err)
{
	for (char *end = strchr(folder + 1, '/');; end = strchr(end + 1, '/')) {
		int made;

		if (end)
			*end = 0;
		made = mkdir(folder, 0700);
		if (made && errno != EEXIST)
			return qmac_fail(err, QMAC_BAD_INPUT, "cannot make the folder %s for built RTL: %s; QMAC_CACHE "
			                 "names another one", folder, strerror(errno));
		if (!end)
			return QMAC_OK;
		*end = '/';
	}
}

enum qmac_status qmac_rtl_cache_open(char folder[QMAC_RTL_PATH], struct qmac_error *err)
{
	const char *named = getenv("QMAC_CACHE"), *home = getenv("HOME");
	char here[QMAC_RTL_PATH] = "", cache[QMAC_RTL_PATH];
	enum qmac_status status;
	int length;

	if (named && named[0] && named[0] != '/' && !getcwd(here, sizeof here))
		return qmac_fail(err, QMAC_BAD_INPUT, "QMAC_CACHE: set it to an absolute path");
	if (named && named[0])
		length = snprintf(cache, sizeof cache, "%s%s%s", here, here[0] ? "/" : "", named);
	else if (home && home[0])
		length = snprintf(cache, sizeof cache, "%s/.cache/qmac", home);
	else
		return qmac_fail(err, QMAC_BAD_INPUT, "there is no place for built RTL: set QMAC_CACHE to a folder");
	if (length >= 0 && length < (int)sizeof cache)
		length = snprintf(folder, QMAC_RTL_PATH, "%s/rtl", cache);
	if (length < 0 || length >= QMAC_RTL_PATH)
		return qmac_fail(err, QMAC_BAD_INPUT, "QMAC_CACHE: the path is too long");
	status = make_folders(folder, err);
	if (!status)
		status = check_folder(cache, err);
	return status ? status : check_folder(folder, err);
}

/* ---- a library ---------------------------------------------------------------- */

/* Is the last line of the file the SHA-256 of all before it? */
static bool is_whole(int file, off_t size)
{
	off_t left = size - QMAC_SHA256_TEXT, at = 0;
	char piece[PIECE], is[QMAC_SHA256_TEXT], wanted[QMAC_SHA256_TEXT];
	struct qmac_sha256 hash;

	if (left < 0)
		return false;
	qmac_sha256_start(&hash);
	while (at < left) {
		ssize_t got = pread(file, piece, left - at < PIECE ? (size_t)(left - at) : PIECE, at);

		if (got <= 0)
			return false;
		qmac_sha256_add(&hash, piece, (size_t)got);
		at += got;
	}
	qmac_sha256_text(&hash, is);
	is[QMAC_SHA256_TEXT - 1] = '\n';
	return pread(file, wanted, sizeof wanted, left) == (ssize_t)sizeof wanted &&
	       memcmp(is, wanted, sizeof is) == 0;
}

enum qmac_status qmac_rtl_cache_find(const char *library, enum qmac_rtl_found *found, int *file,
                                     struct qmac_error *err)
{
	const char *reason = NULL;
	struct stat there;

	*found = QMAC_RTL_ABSENT;
	/* Not blocking, because it might be a pipe. */
	*file = open(library, O_RDONLY | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	if (*file < 0 && errno == ENOENT)
		return QMAC_OK;
	if (*file < 0 || fstat(*file, &there))
		reason = errno == ELOOP ? "it is a link" : strerror(errno);
	else if (!S_ISREG(there.st_mode))
		reason = "it is not a regular file";
	else
		reason = distrust(&there);
	if (!reason) {
		*found = is_whole(*file, there.st_size) ? QMAC_RTL_WHOLE : QMAC_RTL_DAMAGED;
		if (*found == QMAC_RTL_WHOLE) {
			(void)futimens(*file, NULL); /* what is used stays in the cache */
			return QMAC_OK;
		}
	}
	if (*file >= 0)
		close(*file);
	*file = -1;
	if (!reason)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "the library %s is not loaded, because %s: remove it to have it "
	                 "built again, or name another folder with QMAC_CACHE", library, reason);
}

/* ---- the right to build ------------------------------------------------------- */

enum qmac_status qmac_rtl_cache_lock(const char *path, int *lock, struct qmac_error *err)
{
	struct stat locked;
	int reason;

	/* Who gives a lock back removes its file: a lock that was got after that counts for nothing. */
	do {
		*lock = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
		reason = *lock < 0 || flock(*lock, LOCK_EX | LOCK_NB) || fstat(*lock, &locked) ? errno : 0;
	} while (!reason && locked.st_nlink == 0 && close(*lock) == 0);
	if (!reason)
		return QMAC_OK;
	if (*lock >= 0)
		close(*lock);
	*lock = -1;
	if (reason == EWOULDBLOCK)
		return QMAC_OK;
	return qmac_fail(err, QMAC_BAD_INPUT, "cannot build the RTL: %s: %s; QMAC_CACHE names another folder",
	                 path, strerror(reason));
}

void qmac_rtl_cache_unlock(const char *path, int lock)
{
	unlink(path);
	close(lock);
}
