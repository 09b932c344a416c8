#include "train/net_weights.h"

#include "net/formats.h"
#include "net/values.h"
#include "num/dither.h"

enum qmac_status qmac_net_weight_codes(const struct qmac_net_training *training, int p, uint32_t step,
                                       int32_t *codes, uint64_t *saturations, struct qmac_error *err)
{
	const struct qmac_net_parameter *parameter = &training->net.parameters[p];
	bool is_weight = parameter->role == QMAC_ROLE_WEIGHT;
	uint32_t site = qmac_net_site(parameter->layer, is_weight ? QMAC_NET_SITE_WEIGHT : QMAC_NET_SITE_BIAS);

	return qmac_format_encode_floats(training->formats[p], training->run->precision_weight_rounding,
	                                 qmac_dither_key(training->run->seed, step, site),
	                                 training->weights + qmac_net_parameter_at(&training->net, p),
	                                 parameter->count, codes, saturations, err);
}
