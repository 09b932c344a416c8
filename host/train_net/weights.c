#include "train_net/weights.h"

#include <math.h>
#include <stdlib.h>

#include "net/formats.h"
#include "net/values.h"
#include "num/dither.h"

/* Of masters in integers, whose values are exact in double. */
static enum qmac_status encode_masters(const struct qmac_net_training *training, int p, uint32_t key,
                                       int32_t *codes, uint64_t *saturations, struct qmac_error *err)
{
	const int32_t *masters = training->masters + qmac_net_parameter_at(&training->net, p);
	int64_t count = training->net.parameters[p].count;
	double *values = malloc((size_t)count * sizeof *values);
	enum qmac_status status;

	if (!values)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for %lld weights", (long long)count);
	for (int64_t i = 0; i < count; i++)
		values[i] = ldexp((double)masters[i], -QMAC_NET_MASTER_FL);
	status = qmac_format_encode(training->formats[p], training->run->precision_weight_rounding, key, values,
	                            count, codes, saturations, err);
	free(values);
	return status;
}

enum qmac_status qmac_net_weight_codes(const struct qmac_net_training *training, int p, uint32_t step,
                                       int32_t *codes, uint64_t *saturations, struct qmac_error *err)
{
	const struct qmac_net_parameter *parameter = &training->net.parameters[p];
	bool is_weight = parameter->role == QMAC_ROLE_WEIGHT;
	uint32_t site = qmac_net_site(parameter->layer, is_weight ? QMAC_NET_SITE_WEIGHT : QMAC_NET_SITE_BIAS);
	uint32_t key = qmac_dither_key(training->run->seed, step, site);

	if (training->masters)
		return encode_masters(training, p, key, codes, saturations, err);
	return qmac_format_encode_floats(training->formats[p], training->run->precision_weight_rounding, key,
	                                 training->weights + qmac_net_parameter_at(&training->net, p),
	                                 parameter->count, codes, saturations, err);
}

void qmac_net_follow_masters(struct qmac_net_training *training)
{
	for (int64_t i = 0; training->masters && i < training->weight_count; i++)
		training->weights[i] = (float)ldexp((double)training->masters[i], -QMAC_NET_MASTER_FL);
}
