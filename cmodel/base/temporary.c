#define _XOPEN_SOURCE 700
#include "base/temporary.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/splitmix.h"

enum {
	RANDOM = 6,
	ATTEMPTS = 100,
	NAME = 200 /* so much of a long name is kept: the whole must not be longer than a folder allows */
};

static const char mark[] = ".qmac-", end[] = ".tmp",
	letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/* O_EXCL makes sure of it: names only have to differ mostly. */
static void draw(char text[RANDOM + 1])
{
	static uint64_t drawn;
	struct timespec now;
	uint64_t state;

	clock_gettime(CLOCK_REALTIME, &now);
	state = ++drawn ^ (uint64_t)now.tv_nsec << 20 ^ (uint64_t)now.tv_sec ^ (uint64_t)getpid() << 40;
	for (int i = 0; i < RANDOM; i++)
		text[i] = letters[qmac_splitmix_next(&state) % (sizeof letters - 1)];
	text[RANDOM] = 0;
}

/* False where a cleaner took the file for one that was left: it came between its making and its lock. */
static bool hold(int file)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat status;

	(void)fcntl(file, F_SETLK, &lock); /* there are file systems without */
	return fstat(file, &status) || status.st_nlink > 0;
}

int qmac_temporary_open(const char *path, mode_t mode, char *temporary, size_t size)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;

	for (int i = 0; i < ATTEMPTS; i++) {
		char random[RANDOM + 1];
		int file, length;

		draw(random);
		length = snprintf(temporary, size, "%.*s%.*s%s%s%s", (int)(name - path), path, NAME, name, mark,
		                  random, end);
		if (length < 0 || (size_t)length >= size) {
			errno = ENAMETOOLONG;
			return -1;
		}
		file = open(temporary, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode);
		if (file >= 0 && hold(file))
			return file;
		if (file < 0 && errno != EEXIST)
			return -1;
		if (file >= 0)
			close(file);
	}
	return -1;
}

/* False also where that cannot be told. */
static bool is_left(int file)
{
	struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET};
	struct stat status;

	return fstat(file, &status) == 0 && S_ISREG(status.st_mode) && fcntl(file, F_GETLK, &lock) == 0
	       && lock.l_type == F_UNLCK;
}

static bool is_temporary(const char *name)
{
	size_t length = strlen(name), tail = strlen(mark) + RANDOM + strlen(end);
	const char *at = length > tail ? name + length - tail : "";

	return strncmp(at, mark, strlen(mark)) == 0
	       && strspn(at + strlen(mark), letters) == RANDOM
	       && strcmp(at + strlen(mark) + RANDOM, end) == 0;
}

void qmac_temporary_clean(const char *folder)
{
	DIR *entries = opendir(folder);
	const struct dirent *entry;

	while (entries && (entry = readdir(entries)) != NULL) {
		int file;

		if (!is_temporary(entry->d_name))
			continue;
		file = openat(dirfd(entries), entry->d_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
		if (file < 0)
			continue;
		if (is_left(file))
			(void)unlinkat(dirfd(entries), entry->d_name, 0);
		close(file);
	}
	if (entries)
		closedir(entries);
}
