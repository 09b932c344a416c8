/*
 * Makes a failing stream small: what is left fails still, alone, on devices fresh from
 * power-up, and is as legal and race-free as it was.
 */
#ifndef QMAC_FUZZ_MINIMISE_H
#define QMAC_FUZZ_MINIMISE_H

#include <signal.h>

#include "fuzz/player.h"

/* Devices that a minimisation plays on, at most. */
enum { QMAC_FUZZ_ATTEMPTS = 1500 };

struct qmac_fuzz_failure {
	const struct qmac_fuzz_target *target;
	uint64_t stalls;                 /* as it failed; changed to one with which it fails alone, 0 preferred */
	struct qmac_fuzz_stream stream;  /* the rows of its trace: the scratchpads in front of it; made smaller */
	struct qmac_error difference;    /* of the stream as it is now */
	int attempts;                    /* devices used */
	const volatile sig_atomic_t *stop; /* not 0: what is left stays as it is; may be NULL */
};

/*
 * QMAC_OK: *reproduced says whether the stream fails alone; it is then minimal, unless that was stopped, and
 * its trace has the expectations of the reference. Stopped before that was seen, it is false. Other
 * statuses: something other than a difference went wrong.
 */
QMAC_MUST_CHECK enum qmac_status qmac_fuzz_minimise(struct qmac_fuzz_failure *failure, bool *reproduced,
                                                    struct qmac_error *err);

#endif
