/*
 * The C model with a planted fault, as a target of the fuzzer: what qmac_fuzz must find.
 */
#ifndef FAULTY_BACKEND_H
#define FAULTY_BACKEND_H

#include "fuzz/player.h"

enum fault {
	FAULT_NONE,
	FAULT_DIGEST,     /* VEC with red_lanes: another digest */
	FAULT_SATURATION, /* an ACC saturation of a GEMM with acc_shift is not counted in its record */
	FAULT_COUNTER,    /* after a lookup VEC_MULTS is one too high */
	FAULT_MEMORY,     /* the first byte in memory of a STORE of bytes flips a bit */
	FAULT_STRAY,      /* after a STORE of bytes a bit flips far from everything that it writes */
	FAULT_LOCKSTEP,   /* wait() finds a difference once a LOAD with `keep` and a limb has followed a STORE */
	FAULT_CODE,       /* HAZARD is reported as RANGE */
	FAULT_RING,       /* RING is reported one command too late */
	FAULT_STATE,      /* command 0 of a stream: another digest where rows 0, 1 of ACC were not zero before */
	FAULT_STALLED,    /* as FAULT_DIGEST, but only with stalls */
	FAULT_LOST,       /* a SYNC with a stamp does not retire */
	FAULT_TWICE,      /* a LOAD of LUT retires twice */
	FAULT_MAGNITUDES, /* those of a VEC with relu lack what is above bit 2 */
	FAULT_CLEAR,      /* a write does not clear a monitor */
	FAULT_CRASH,      /* GEMM os: the process dies */
	FAULTS
};

/* A target with that fault; *fault must live as long. */
struct qmac_fuzz_target faulty_target(enum fault *fault);

#endif
