/*
 * The formats of all tensors of a network on the device, by name: told when they change, and set by a replay.
 * Tensors are numbered: the parameters, then, where they are told (QMAC_NET_RANGES_EPOCH), the network's
 * input and the outputs of its layers. Scales by the minibatch before are not told, as those of errors are
 * not.
 */
#ifndef QMAC_TRAIN_NET_FORMAT_RECORD_H
#define QMAC_TRAIN_NET_FORMAT_RECORD_H

#include "train_net/training.h"
#include "train/train.h"

int qmac_net_tensors(const struct qmac_net_training *training);
/* "conv1.weight", "input", "conv1.output" */
void qmac_net_tensor_name(const struct qmac_net_training *training, int tensor,
                          char name[QMAC_FORMAT_TENSOR_SIZE]);
/* Whether it has a format on the device: all but gamma and beta of a batch norm. */
bool qmac_net_tensor_has_format(const struct qmac_net_training *training, int tensor);
struct qmac_format *qmac_net_tensor_format(const struct qmac_net_training *training, int tensor);

/* What has been told. Start with {0}. */
struct qmac_net_format_record {
	struct qmac_format *told; /* NULL: nothing is to be told */
	bool told_float;
};

/* All are taken for told as they are now: a run that goes on. */
QMAC_MUST_CHECK enum qmac_status qmac_net_format_record_create(struct qmac_net_format_record *record,
                                                               const struct qmac_net_training *training,
                                                               bool goes_on, struct qmac_error *err);
void qmac_net_format_record_free(struct qmac_net_format_record *record);

/*
 * Tells the observer (may be NULL) of every tensor whose format is not the one that it was told. The row has
 * epoch, step and ended. True: it wants the run to stop.
 */
bool qmac_net_format_record_tell(struct qmac_net_format_record *record,
                                 const struct qmac_net_training *training,
                                 const struct qmac_train_observer *observer, struct qmac_format_change row);

#endif
