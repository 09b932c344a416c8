#define _POSIX_C_SOURCE 200809L
#include "process/orphan.h"

#include <signal.h>
#ifdef __linux__
#include <sys/prctl.h>
#endif
#include <unistd.h>

#include "base/error.h"

void qmac_process_end_with(pid_t parent)
{
#ifdef __linux__
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		_exit(QMAC_INTERNAL);
#else
	(void)parent;
#endif
}
