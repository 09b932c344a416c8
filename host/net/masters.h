/*
 * Masters that lie on the device, which updates them (formats->masters; docs/network-numerics.md, "Update on
 * the device"): their factors, and copies of them.
 */
#ifndef QMAC_NET_MASTERS_H
#define QMAC_NET_MASTERS_H

#include "net/plan.h"

enum { QMAC_NET_MASTER_BITS = 32, QMAC_NET_MASTER_FL = 24 }; /* of masters and velocities */

/* mult 2^(left - shift); one of left and shift is 0. */
struct qmac_net_factor {
	uint32_t mult, shift, left;
};

/* Of z >= 0, finite. */
struct qmac_net_factor qmac_net_factor_of(double z);

/* Of a minibatch: mu, lambda, rho, and 1 / (N A). */
struct qmac_net_step {
	double momentum, decay, rate, share;
};

enum qmac_net_master { QMAC_NET_MASTER, QMAC_NET_VELOCITY };

/* Those of a parameter, as it lies (net.h), to and from device memory, which has to be finished with. */
QMAC_MUST_CHECK enum qmac_status qmac_net_put_master(struct qmac_net_plan *plan, int parameter,
                                                     enum qmac_net_master which, const int32_t *values,
                                                     struct qmac_error *err);
QMAC_MUST_CHECK enum qmac_status qmac_net_get_master(struct qmac_net_plan *plan, int parameter,
                                                     enum qmac_net_master which, int32_t *values,
                                                     struct qmac_error *err);

#endif
