/*
 * Random hardware: every legal parameter set can come, the extremes often.
 */
#ifndef QMAC_FUZZ_HARDWARE_H
#define QMAC_FUZZ_HARDWARE_H

#include "hw/hw.h"

/* A device that qmac_hw_check() accepts; scratchpads of at most 320 rows. */
void qmac_fuzz_hw(uint64_t *rng, struct qmac_hw *hw);

/* The same for devices that have to be compiled: mostly a few PEs, seldom several hundred. */
void qmac_fuzz_hw_small(uint64_t *rng, struct qmac_hw *hw);

#endif
