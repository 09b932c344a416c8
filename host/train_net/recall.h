/*
 * What an estimate need not do twice. Nothing is computed, and every minibatch begins with a reset of the
 * device: so what a part of a minibatch costs, on the device and on the host, follows from which part it is
 * and from the formats. When that is done again, its cost is added and nothing else happens.
 *
 * What is compared is all of the key, byte by byte. Values of the commands, such as seeds, shifts and
 * factors, are no part of it: neither counts nor cycles depend on them (docs/timing.md, docs/counters.md).
 *
 * The memory has a bound; of what it has no room for, the parts that were asked for longest ago go first.
 */
#ifndef QMAC_TRAIN_NET_RECALL_H
#define QMAC_TRAIN_NET_RECALL_H

#include "net/formats.h"
#include "train/device.h"
#include "train_net/training.h"

struct qmac_net_recall;

/* What is done, in one or two parts; two may stand apart, with work of the host's loss between them. */
enum qmac_net_recalled {
	QMAC_NET_RECALL_WEIGHTS,  /* the host brings codes and coefficients: one part */
	QMAC_NET_RECALL_TEST,     /* a minibatch of an evaluation: one part */
	QMAC_NET_RECALL_TRAIN     /* of the training: forward, backward */
};
enum { QMAC_NET_RECALL_PARTS = 2 };

/* Of all that varies within a run, what costs depend on, formats apart; 0 where it does not matter. */
struct qmac_net_recall_key {
	int32_t what;             /* enum qmac_net_recalled */
	int32_t purpose;          /* of weights: enum qmac_net_loaded */
	int32_t fresh;            /* of weights: not only the biases */
	int32_t begun;            /* scales are there: none is found first */
	int32_t measured;         /* the host looks at every output */
	int32_t updates;          /* masters on the device become others */
};

/*
 * For a training that is estimated, whose formats, device and records must outlive it. NULL: no memory, which
 * all functions below take for one that knows nothing.
 */
struct qmac_net_recall *qmac_net_recall_create(struct qmac_net_training *training,
                                               const struct qmac_net_formats *formats,
                                               struct qmac_train_device *device);
void qmac_net_recall_destroy(struct qmac_net_recall *recall);

/*
 * Looks for what is to be done now, with the formats as they are. True: all its parts are known, and
 * qmac_net_recall_add() stands for each. False: each has to be done, between watch() and keep().
 */
bool qmac_net_recall_find(struct qmac_net_recall *recall, const struct qmac_net_recall_key *key);

/* Adds the cost of a part of what was found. The device has just been reset, or has not worked since. */
void qmac_net_recall_add(struct qmac_net_recall *recall, int part);

/* A part begins, or is done: returns `status`, and keeps what it cost where that is QMAC_OK. */
void qmac_net_recall_watch(struct qmac_net_recall *recall, int part);
enum qmac_status qmac_net_recall_keep(struct qmac_net_recall *recall, enum qmac_status status);

#endif
