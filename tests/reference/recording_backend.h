/*
 * A backend that passes everything on to another one and keeps the commands it sees:
 * the stream as the driver wrote it, decoded, with the units it noted, in ring order since reset.
 */
#ifndef RECORDING_BACKEND_H
#define RECORDING_BACKEND_H

#include "backend/backend.h"
#include "qmac_isa.h"

/* Owns `inner`. */
struct qmac_backend *recording_backend(struct qmac_backend *inner);

/* The commands so far; valid until the next doorbell. */
const struct qmac_command *recording_commands(const struct qmac_backend *backend, uint32_t *count);

/* How many of them have this opcode. */
uint32_t recording_count(const struct qmac_backend *backend, unsigned opcode);

#endif
