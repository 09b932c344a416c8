/* The kernel for AVX-512 with VNNI: a product of pairs and its addition in one. */
#include "kernel/variants.h"

#if defined(__x86_64__)
#include "kernel/avx512.h"

#define FAST_KERNEL qmac_kernel_avx512vnni
#define FAST_NAME "avx512vnni"
#include "kernel/fast.h"

#endif
