/*
 * That this process is to end. A signal is the whole process's, and its handler can reach nothing but a
 * static: the one exception to having no global state. So whatever takes long asks here, and nobody hands
 * it down.
 *
 * A stop has two grades. Once it is asked for, nothing begins any more: what has no result yet ends at once,
 * and a training at its next checkpoint. A second later it is due: what is under way is given up where it is.
 */
#ifndef QMAC_PROCESS_STOP_H
#define QMAC_PROCESS_STOP_H

#include <signal.h>
#include <stdbool.h>

#include "base/error.h"

/*
 * Catches SIGINT, SIGTERM and SIGHUP from now on, those that are not ignored: the first sets the number
 * pointed to, a second ends the process as usual.
 */
const volatile sig_atomic_t *qmac_stop_catch(void);

/* In a process that was forked: its parent passes signals on, and only the parent ends at a second one. */
void qmac_stop_follow(void);

bool qmac_stop_is_asked(void);
bool qmac_stop_is_due(void);

/* For what ends early because of that: QMAC_CHECK_FAILED, "stopped". */
enum qmac_status qmac_stop_give_up(struct qmac_error *err);
/* Whether something did: then a QMAC_CHECK_FAILED is no failed check. */
bool qmac_stop_has_given_up(void);

#endif
