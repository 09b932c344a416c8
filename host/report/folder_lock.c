#define _XOPEN_SOURCE 700
#include "report/folder_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

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
static bool is_taken(int folder)
{
	const struct timespec moment = {.tv_nsec = 20000000};

	for (int tries = 0; tries < 25; tries++) {
		if (flock(folder, LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK)
			return false;
		nanosleep(&moment, NULL);
	}
	return true;
}

/*
 * Whoever gives up a folder of its own removes it, and someone may remove it by hand: a lock that was got
 * after that is on a folder without a name, and counts for nothing.
 */
enum qmac_status qmac_folder_lock_take(struct qmac_folder_lock *lock, const char *folder,
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
		if (is_taken(lock->folder)) {
			qmac_folder_lock_release(lock);
			return qmac_fail(err, QMAC_BAD_INPUT, "another process is writing results into %s: wait for its"
			                 " end, or take another folder", folder);
		}
		if (qmac_folder_lock_holds(lock, folder))
			return QMAC_OK;
		qmac_folder_lock_release(lock);
	}
	return qmac_folder_lock_lost(folder, err);
}
