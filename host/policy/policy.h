/*
 * What the precision policies (adapt.h, muppet.h) have in common. A policy is told of gradients, losses and
 * epochs by the training that owns it, and answers with formats; it knows nothing of networks, of the device
 * or of files. Everything that decides a format is exact or of fixed order, so that it has the same bits on
 * every machine (docs/policies.md).
 */
#ifndef QMAC_POLICY_POLICY_H
#define QMAC_POLICY_POLICY_H

#include <stddef.h>
#include <stdint.h>

#include "num/format.h"

/*
 * What a policy did when it was asked. Nothing changed where `before` and `after` are equal; the host worked
 * all the same. MuPPET's formats have a scale for each tensor and a width for all: there fl is 0.
 */
struct qmac_switch {
	const char *why;           /* a word: what made the policy look at the format; "" where nothing did */
	struct qmac_format before, after;
	uint64_t host_flops;       /* by formulas, not measured */
};

static inline int qmac_switched(const struct qmac_switch *event)
{
	return event->before.bw != event->after.bw || event->before.fl != event->after.fl;
}

/* Receives a policy's state: memory of sizes that were fixed when the policy was made (train/state.h). */
typedef void qmac_policy_piece(void *context, const char *name, void *data, size_t bytes);

#endif
