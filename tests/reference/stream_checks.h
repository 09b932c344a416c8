/*
 * What must hold of every stream of the fuzzer; the running test fails where it does not.
 */
#ifndef STREAM_CHECKS_H
#define STREAM_CHECKS_H

#include "fuzz/stream.h"

/* The descriptors, judged by the slow reading; faults of the ring are the generator's word only. */
void stream_check_faults(const struct qmac_fuzz_stream *stream);

/* What retires has no race. */
void stream_check_race_free(const struct qmac_fuzz_stream *stream);

#endif
