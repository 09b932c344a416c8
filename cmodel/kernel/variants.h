/*
 * The kernels beside the oracle, for select.c only: each exists where its
 * instruction set can be compiled, and may run where the CPU has it.
 */
#ifndef QMAC_KERNEL_VARIANTS_H
#define QMAC_KERNEL_VARIANTS_H

#include "kernel/kernel.h"

extern const struct qmac_kernel qmac_kernel_portable;
#if defined(__x86_64__)
extern const struct qmac_kernel qmac_kernel_avx2;
extern const struct qmac_kernel qmac_kernel_avx512;
extern const struct qmac_kernel qmac_kernel_avx512vnni;
extern const struct qmac_kernel qmac_kernel_avx512vbmi2;
#endif

#endif
