/*
 * The kernel for AVX-512 with VNNI, VBMI2 and GFNI: rotations of 16 bits and transpositions of 8 x 8 bits,
 * which random numbers are made of, too.
 */
#include "kernel/variants.h"

#if defined(__x86_64__)
#include "kernel/avx512.h"

#define FAST_KERNEL qmac_kernel_avx512vbmi2
#define FAST_NAME "avx512vbmi2"
#include "kernel/fast.h"

#endif
