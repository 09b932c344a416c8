#define _POSIX_C_SOURCE 200809L
#include "float/matrix.h"

#include <ctype.h>
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* ---- plain loops ------------------------------------------------------------------ */

enum { LANES = 16 };

static void add_scaled(float *c, const float *b, float factor, int64_t n)
{
	for (int64_t j = 0; j < n; j++)
		c[j] += factor * b[j];
}

static float dot(const float *a, const float *b, int64_t k)
{
	float sums[LANES] = {0}, sum = 0;
	int64_t i = 0;

	for (; i + LANES <= k; i += LANES)
		for (int lane = 0; lane < LANES; lane++)
			sums[lane] += a[i + lane] * b[i + lane];
	for (; i < k; i++)
		sum += a[i] * b[i];
	for (int lane = 0; lane < LANES; lane++)
		sum += sums[lane];
	return sum;
}

void qmac_float_product_plain(enum qmac_float_form form, int64_t m, int64_t n, int64_t k,
                              struct qmac_float_matrix a, struct qmac_float_matrix b, float *c,
                              int64_t c_stride)
{
	for (int64_t i = 0; i < m; i++)
		if (form == QMAC_FLOAT_ABT)
			for (int64_t j = 0; j < n; j++)
				c[i * c_stride + j] += dot(a.at + i * a.stride, b.at + j * b.stride, k);
		else
			for (int64_t l = 0; l < k; l++)
				add_scaled(c + i * c_stride, b.at + l * b.stride,
				           form == QMAC_FLOAT_AB ? a.at[i * a.stride + l] : a.at[l * a.stride + i], n);
}

/* ---- OpenBLAS ----------------------------------------------------------------------- */

/* The names and numbers of its C interface. */
typedef void sgemm_function(int order, int transpose_a, int transpose_b, int m, int n, int k, float alpha,
                            const float *a, int a_stride, const float *b, int b_stride, float beta, float *c,
                            int c_stride);
enum { ROW_MAJOR = 101, AS_IT_IS = 111, TRANSPOSED = 112 };

static struct {
	pthread_once_t once;
	sgemm_function *sgemm; /* NULL: not installed */
	char name[64];
} blas = {.once = PTHREAD_ONCE_INIT, .name = "plain"};

/* The address of a function; NULL where there is none. ISO C has no cast from an object's address. */
static void find(void *library, const char *name, void *function, size_t size)
{
	void *address = dlsym(library, name);

	memcpy(function, &address, size);
}

/* Its name for the kind of processor whose kernels it takes; "unknown" where it does not tell. */
static const char *core_of(void *library)
{
	char *(*core)(void) = NULL;

	find(library, "openblas_get_corename", &core, sizeof core);
	return core ? core() : "unknown";
}

/*
 * A processor newer than the library counts as the oldest of all, whose kernels take half as long again: it
 * is then told that this is a Haswell, of which all with AVX2 have the instructions.
 */
static void *load_library(void)
{
	static const char name[] = "libopenblas.so.0", choice[] = "OPENBLAS_CORETYPE";
	void *library = dlopen(name, RTLD_NOW | RTLD_LOCAL);

#ifdef __x86_64__
	bool modern = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");

	if (library && modern && !getenv(choice) && strcasecmp(core_of(library), "prescott") == 0 &&
	    setenv(choice, "Haswell", 1) == 0) {
		dlclose(library);
		library = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	}
#endif
	return library;
}

static void open_library(void)
{
	void *library = load_library();
	void (*set_threads)(int threads) = NULL;

	if (!library)
		return;
	find(library, "cblas_sgemm", &blas.sgemm, sizeof blas.sgemm);
	find(library, "openblas_set_num_threads", &set_threads, sizeof set_threads);
	if (!blas.sgemm || !set_threads) {
		blas.sgemm = NULL;
		return;
	}
	set_threads(1); /* work is shared out here, by whole images */
	snprintf(blas.name, sizeof blas.name, "openblas-%.40s", core_of(library));
	for (char *c = blas.name; *c; c++)
		*c = (char)tolower((unsigned char)*c);
}

const char *qmac_float_product_kernel(void)
{
	pthread_once(&blas.once, open_library);
	return blas.name;
}

void qmac_float_product(enum qmac_float_form form, int64_t m, int64_t n, int64_t k,
                        struct qmac_float_matrix a, struct qmac_float_matrix b, float *c, int64_t c_stride)
{
	pthread_once(&blas.once, open_library);
	if (blas.sgemm)
		blas.sgemm(ROW_MAJOR, form == QMAC_FLOAT_ATB ? TRANSPOSED : AS_IT_IS,
		           form == QMAC_FLOAT_ABT ? TRANSPOSED : AS_IT_IS, (int)m, (int)n, (int)k, 1, a.at,
		           (int)a.stride, b.at, (int)b.stride, 1, c, (int)c_stride);
	else
		qmac_float_product_plain(form, m, n, k, a, b, c, c_stride);
}
