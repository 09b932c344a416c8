/*
 * The fixed-point numbers of a network on the device, of one minibatch: docs/network-numerics.md.
 */
#ifndef QMAC_NET_FORMATS_H
#define QMAC_NET_FORMATS_H

#include <stdbool.h>

#include "net/net.h"
#include "num/format.h"

struct qmac_net_formats {
	struct qmac_format *output;    /* layer_count + 1: the network's input, then the output of each layer */
	struct qmac_format *parameter; /* parameter_count */
	int err_bits, dy_bits;         /* 2..16: errors of conv, linear and the last layer; of all other layers */
	unsigned activation_rounding, error_rounding; /* QMAC_ROUND_* */
	bool clip;                     /* what is saturated passes no error */
	bool masters;                  /* masters lie on the device, which updates them */
	bool ranged;                   /* fraction bits follow from values: costs depend on widths alone */
	/*
	 * For costs alone: as if accumulators held every sum, so that nothing is refused or sliced for their
	 * width. Then errors may have up to 32 bits.
	 */
	bool unbounded;
};

/* Room for the formats of a network, all zero. Free also after a failure. */
QMAC_MUST_CHECK enum qmac_status qmac_net_formats_create(struct qmac_net_formats *formats,
                                                         const struct qmac_net *net, struct qmac_error *err);
void qmac_net_formats_free(struct qmac_net_formats *formats);

/*
 * Formats of the outputs from those of the parameters, by the rule `activation_fl: layer`; input: that of the
 * network's input where no layer has parameters.
 */
QMAC_MUST_CHECK enum qmac_status qmac_net_formats_by_layer(struct qmac_net_formats *formats,
                                                           const struct qmac_net *net,
                                                           struct qmac_format input,
                                                           struct qmac_error *err);

/* What a tensor's random numbers are for; site of layer l's output, -1: of the network's input. */
enum qmac_net_site {
	QMAC_NET_SITE_OUTPUT, QMAC_NET_SITE_ERROR, QMAC_NET_SITE_WEIGHT, QMAC_NET_SITE_BIAS,
	QMAC_NET_SITE_WEIGHT_GRADIENT, QMAC_NET_SITE_BIAS_GRADIENT
};

static inline uint32_t qmac_net_site(int layer, enum qmac_net_site what)
{
	return 8 * ((uint32_t)layer + 1) + (uint32_t)what;
}

#endif
