/* The kernel for AVX-512 (F, DQ, BW, VL). */
#include "kernel/variants.h"

#if defined(__x86_64__)
#include "kernel/avx512.h"

#define FAST_KERNEL qmac_kernel_avx512
#define FAST_NAME "avx512"
#include "kernel/fast.h"

#endif
