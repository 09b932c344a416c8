/*
 * Two threads that carry out the commands of one device; for cmodel/device only.
 *
 * Commands up to the next SYNC are gathered. Where the same ones came before, equal but for what no split
 * depends on (seeds, scales, roundings), their split (split.h) is remembered, and both threads carry them
 * out; else the device's thread does alone. Outcomes are handed back in ring order. So values, counts and
 * records are the same as those of one thread.
 */
#ifndef QMAC_DEVICE_CREW_H
#define QMAC_DEVICE_CREW_H

#include "device/internal.h"

struct qmac_crew;

/* Called for each command, in ring order, when all that were gathered have been carried out. */
typedef void qmac_crew_done(struct qmac_device *device, const struct qmac_command *c,
                            const struct qmac_outcome *outcome);

/* *crew is NULL, too, where there are no threads to be had: then a device works alone. */
QMAC_MUST_CHECK enum qmac_status qmac_crew_create(struct qmac_device *device, qmac_crew_done *done,
                                                  struct qmac_crew **crew, struct qmac_error *err);
void qmac_crew_destroy(struct qmac_crew *crew);

/* A legal command but SYNC, whose memory is there. It is carried out at the next finish(), or before. */
void qmac_crew_gather(struct qmac_crew *crew, const uint32_t words[QMAC_COMMAND_WORDS]);

/* Carries out all that was gathered. */
void qmac_crew_finish(struct qmac_crew *crew);

/* To be told of rows of A or W that no command has written. */
void qmac_crew_changed(struct qmac_crew *crew);

/* Commands that were gathered and are not done. */
uint32_t qmac_crew_gathered(const struct qmac_crew *crew);

/* Commands that both threads carried out together, since create; for tests and measurements. */
uint64_t qmac_crew_shared(const struct qmac_crew *crew);

#endif
