/*
 * One writer at a time in a folder of results: a lock on the folder itself, which the kernel takes back
 * when the process ends, in whatever way. Readers need none.
 */
#ifndef QMAC_REPORT_FOLDER_LOCK_H
#define QMAC_REPORT_FOLDER_LOCK_H

#include <stdbool.h>

#include "base/error.h"

struct qmac_folder_lock {
	int folder; /* the open folder; -1: none */
	bool made;  /* it was not there before */
};

/*
 * Makes the folder (qmac_make_folder) and locks it. Where another process writes into it this is refused,
 * after half a second, with QMAC_LOCKED and, where the system tells it, the number of that process. On a file
 * system without locks there is none, and no error. A process forked later shares the lock, programs that it
 * starts do not.
 */
QMAC_MUST_CHECK enum qmac_status qmac_folder_lock_take(struct qmac_folder_lock *lock, const char *folder,
                                                       struct qmac_error *err);
/* The same for who writes a file that is nobody else's: beside others like it, not beside a writer. */
QMAC_MUST_CHECK enum qmac_status qmac_folder_lock_share(struct qmac_folder_lock *lock, const char *folder,
                                                        struct qmac_error *err);
/* False once the folder was removed or moved: its path then means nothing, or a folder of someone else. */
bool qmac_folder_lock_holds(const struct qmac_folder_lock *lock, const char *folder);
/* The error of a writer whose lock no longer holds. */
enum qmac_status qmac_folder_lock_lost(const char *folder, struct qmac_error *err);
void qmac_folder_lock_release(struct qmac_folder_lock *lock);

#endif
