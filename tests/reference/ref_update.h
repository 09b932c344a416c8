/*
 * Masters on the device, written from "Update on the device" of docs/network-numerics.md: one element at a
 * time, in wide integers.
 */
#ifndef QMAC_TESTS_REF_UPDATE_H
#define QMAC_TESTS_REF_UPDATE_H

#include <stdint.h>

/* c 2^-s about z; z >= 0. */
struct ref_factor {
	int64_t c;
	int s;
};

struct ref_factor ref_factor_of(double z);

/* Of a minibatch. */
struct ref_update {
	double mu, lambda, rho, share; /* share: 1 / (N A) */
};

/* By the sum of fraction length fl; *count grows with every saturation. */
void ref_update(const struct ref_update *update, int64_t sum, int fl, int32_t *master, int32_t *velocity,
                uint64_t *count);

#endif
