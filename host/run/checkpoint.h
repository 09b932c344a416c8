/*
 * The checkpoint of a run: one file in the folder of its results, from which the run goes on.
 *
 * The file, its integers and pieces as they lie in this machine's memory:
 *   "qmacckpt", version (4 bytes), number of pieces (4 bytes),
 *   the configuration's digest (64 characters),
 *   for each piece: its name (32 bytes, filled up with zeros), its length (8 bytes), its bytes,
 *   the SHA-256 of all that (64 characters).
 * It is written under a temporary name, flushed to disk and renamed: it is whole, or the one before is.
 */
#ifndef QMAC_RUN_CHECKPOINT_H
#define QMAC_RUN_CHECKPOINT_H

#include <stdbool.h>

#include "base/error.h"
#include "base/sha256.h"
#include "train/state.h"

struct qmac_checkpoint;

/* digest: of the configuration, 64 characters. */
QMAC_MUST_CHECK enum qmac_status qmac_checkpoint_write(const char *folder, const char *digest,
                                                       const struct qmac_state *state,
                                                       struct qmac_error *err);

/*
 * Reads the folder's checkpoint; *checkpoint is NULL where there is none. Refuses one that is cut off,
 * damaged, of another version of the program or of another configuration.
 */
QMAC_MUST_CHECK enum qmac_status qmac_checkpoint_read(const char *folder, const char *digest,
                                                      struct qmac_checkpoint **checkpoint,
                                                      struct qmac_error *err);
void qmac_checkpoint_free(struct qmac_checkpoint *checkpoint);

/* A piece, of any length; NULL where there is none of that name. Lives as long as the checkpoint. */
const void *qmac_checkpoint_piece(const struct qmac_checkpoint *checkpoint, const char *name, size_t *bytes);

/* Writes every piece of the state. Refuses, and writes nothing, where one is missing or of another length. */
QMAC_MUST_CHECK enum qmac_status qmac_checkpoint_load(const struct qmac_checkpoint *checkpoint,
                                                      const struct qmac_state *state, struct qmac_error *err);

/* Removes the folder's checkpoint, if there is one. */
void qmac_checkpoint_remove(const char *folder);

#endif
