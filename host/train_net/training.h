/*
 * What the parts of a network's training share: the loop, the update and the engine each see it. Owned by
 * qmac_train().
 */
#ifndef QMAC_TRAIN_NET_TRAINING_H
#define QMAC_TRAIN_NET_TRAINING_H

#include "config/run_config.h"
#include "data/images.h"
#include "net/masters.h"
#include "net/net.h"
#include "num/format.h"
#include "record/record.h"

/* What decides the fraction bits of outputs: the layers' formats, or their ranges (ranges.h). */
enum qmac_net_ranges { QMAC_NET_RANGES_NONE, QMAC_NET_RANGES_EPOCH, QMAC_NET_RANGES_DELAY };

struct qmac_net_training {
	const struct qmac_run *run;
	bool estimated;              /* nothing is computed: what is done is ordered, timed and counted */
	bool steady;                 /* of an estimate: no minibatch is the first, which finds scales */
	bool passing;                /* of an estimate: hardly anything is done twice, no program is kept */
	bool unbounded;              /* of an estimate: as if accumulators held every sum (net/formats.h) */
	struct qmac_net net;
	struct qmac_images images;
	int64_t weight_count;        /* of all parameters */
	float *weights;              /* the masters, as in net/values.h */
	int32_t *masters;            /* with `update: device` they are these, of which weights are the nearest */
	struct qmac_net_step step;   /* of the running minibatch, likewise */
	float *statistics;           /* of batch norms, likewise; the engine keeps them up to date */
	struct qmac_format *formats; /* of the parameters, as the precision policy has them now; NULL: float32 */
	bool in_float;               /* the policy has gone on to float32: there are no formats any more */
	struct qmac_format widest;   /* no parameter's format will have more bits, or more fraction bits; bw 0:
	                                they stay as they are */
	bool widths_stay;            /* formats keep their bits, whatever `widest` has */
	enum qmac_net_ranges ranges;
	int dy_bits;                 /* of errors, as formats.h has them */
	struct qmac_format *outputs; /* layer_count + 1, as those of struct qmac_net_formats; NULL: by_layer() */
	/*
	 * Where measured is true (ranges.h) the engine leaves here, of each output in a minibatch of the
	 * training, the number of the highest bit that is set in a magnitude of its codes, -1 where all are 0;
	 * with QMAC_NET_RANGES_DELAY of every minibatch, of its values before they are limited to codes.
	 */
	int *tops;
	int *wanted; /* of each output, with QMAC_NET_RANGES_DELAY: its fraction bits by its range alone */
	bool measured;
	int64_t weight_saturations;  /* codes of masters that were limited so far, evaluations left out */
	uint64_t host_flops;         /* additions and multiplications of the host so far, evaluations left out */
	uint64_t host_bytes;         /* bytes moved between host and device memory so far */
	struct qmac_records records; /* of the running epoch; the engine creates and fills them */
};

#endif
