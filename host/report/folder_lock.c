#define _XOPEN_SOURCE 700
#include "report/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/stat.h>
#ifdef __linux__
#include <sys/sysmacros.h>
#endif
#include <time.h>
#include <unistd.h>

#include "base/temporary.h"
#include "report/atomic_file.h"

enum { ATTEMPTS = 100 };

bool qmac_folder_lock_holds(const struct qmac_folder_lock *lock, const char *folder)
{
	struct stat locked, there;

	if (lock->folder < 0 || fstat(lock->folder, &locked))
		return true;
	return stat(folder, &there) == 0 && there.st_dev == locked.st_dev && there.st_ino == locked.st_ino;
}

enum qmac_status qmac_folder_lock_lost(const char *folder, struct qmac_error *err)
{
	return qmac_fail(err, QMAC_BAD_INPUT, "the folder %s was removed or replaced while results were being"
	                 " written into it", folder);
}

void qmac_folder_lock_release(struct qmac_folder_lock *lock)
{
	if (lock->folder >= 0)
		close(lock->folder);
	lock->folder = -1;
}

/* Whether another process has the lock and keeps it: one that was just killed may not be gone yet. */
static bool is_taken(int folder, int kind)
{
	const struct timespec moment = {.tv_nsec = 20000000};

	for (int tries = 0; tries < 25; tries++) {
		if (flock(folder, kind | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

/* The process that has the lock; 0 where nobody tells it. */
static long holder(int folder)
{
	long found = 0;
#ifdef __linux__
	FILE *locks = fopen("/proc/locks", "re");
	struct stat there;
	char line[256];

	while (locks && !found && !fstat(folder, &there) && fgets(line, sizeof line, locks)) {
		unsigned first, second;
		unsigned long long node;
		long process;

		if (sscanf(line, "%*d: FLOCK %*s %*s %ld %x:%x:%llu", &process, &first, &second, &node) == 4 &&
		    first == major(there.st_dev) && second == minor(there.st_dev) && node == there.st_ino)
			found = process;
	}
	if (locks)
		fclose(locks);
#else
	(void)folder;
#endif
	return found;
}

static enum qmac_status refuse(const struct qmac_folder_lock *lock, const char *folder,
                               struct qmac_error *err)
{
	long process = holder(lock->folder);
	char name[32] = "another process";

	if (process > 0)
		snprintf(name, sizeof name, "process %ld", process);
	return qmac_fail(err, QMAC_LOCKED, "%s is writing results into %s: wait for its end, or take"
	                 " another folder", name, folder);
}

/*
 * Whoever gives up a folder of its own removes it, and someone may remove it by hand: a lock that was got
 * after that is on a folder without a name, and counts for nothing.
 */
static enum qmac_status lock_folder(struct qmac_folder_lock *lock, const char *folder, int kind,
                                    struct qmac_error *err)
{
	for (int i = 0; i < ATTEMPTS; i++) {
		bool made = access(folder, F_OK) != 0;
		enum qmac_status status = qmac_make_folder(folder, err);

		*lock = (struct qmac_folder_lock){.folder = -1, .made = made};
		if (status)
			return status;
		lock->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (lock->folder < 0 && errno != ENOENT)
			return QMAC_OK; /* one may write in it, but not read it */
		if (lock->folder < 0)
			continue;
		if (is_taken(lock->folder, kind)) {
			status = refuse(lock, folder, err);
			qmac_folder_lock_release(lock);
			return status;
		}
		if (qmac_folder_lock_holds(lock, folder)) {
			qmac_temporary_clean(folder);
			return QMAC_OK;
		}
		qmac_folder_lock_release(lock);
	}
	return qmac_folder_lock_lost(folder, err);
}

enum qmac_status qmac_folder_lock_take(struct qmac_folder_lock *lock, const char *folder,
                                       struct qmac_error *err)
{
	return lock_folder(lock, folder, LOCK_EX, err);
}

enum qmac_status qmac_folder_lock_share(struct qmac_folder_lock *lock, const char *folder,
                                        struct qmac_error *err)
{
	return lock_folder(lock, folder, LOCK_SH, err);
}
