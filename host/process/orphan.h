/*
 * No process that qmac starts outlives it, in whatever way it ends.
 */
#ifndef QMAC_PROCESS_ORPHAN_H
#define QMAC_PROCESS_ORPHAN_H

#include <sys/types.h>

/*
 * In a process that was just forked by `parent`: SIGKILL comes when that one ends, also for the program that
 * this process becomes. Ends at once where the parent has ended already. Linux only; elsewhere it does
 * nothing.
 */
void qmac_process_end_with(pid_t parent);

#endif
