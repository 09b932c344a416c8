#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kernel.h"
#include "kernel/variants.h"

/* Fastest first. A CPU that has one of them has all that follow, so what it has is a tail of this list. */
static const struct qmac_kernel *const kernels[] = {
#if defined(__x86_64__)
	&qmac_kernel_avx512vbmi2,
	&qmac_kernel_avx512vnni,
	&qmac_kernel_avx512,
	&qmac_kernel_avx2,
#endif
	&qmac_kernel_portable,
	&qmac_kernel_scalar,
};

static const char *const names[] = {
#if defined(__x86_64__)
	"avx512vbmi2",
	"avx512vnni",
	"avx512",
	"avx2",
#endif
	"portable",
	"scalar",
	NULL,
};

enum { KERNELS = sizeof kernels / sizeof kernels[0] };

static int first_available(void)
{
	int first = 0;

#if defined(__x86_64__)
	bool avx2 = __builtin_cpu_supports("avx2");
	bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
	              __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
	bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
	bool vbmi2 = vnni && __builtin_cpu_supports("avx512vbmi2") && __builtin_cpu_supports("gfni");

	first = vbmi2 ? 0 : vnni ? 1 : avx512 ? 2 : avx2 ? 3 : 4;
#endif
	return first;
}

const char *const *qmac_kernel_names(void)
{
	return names + first_available();
}

enum qmac_status qmac_kernel_find(const char *name, const struct qmac_kernel **kernel, struct qmac_error *err)
{
	char list[64];
	size_t used = 0;

	for (int i = first_available(); i < KERNELS; i++) {
		if (strcmp(name, "auto") == 0 || strcmp(name, names[i]) == 0) {
			*kernel = kernels[i];
			return QMAC_OK;
		}
		used += (size_t)snprintf(list + used, sizeof list - used, ", %s", names[i]);
	}
	return qmac_fail(err, QMAC_BAD_INPUT, "this CPU has no kernel '%s'; choose one of auto%s", name, list);
}
