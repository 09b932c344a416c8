/*
 * The base of a backend that stands before another one: every operation passes on to
 * the inner backend. A wrapper names its own functions for the operations it changes.
 */
#ifndef QMAC_BACKEND_WRAPPER_H
#define QMAC_BACKEND_WRAPPER_H

#include "backend/backend.h"

struct qmac_wrapper {
	struct qmac_backend base; /* first: it is a backend; a wrapper's struct begins with this one */
	struct qmac_backend *inner;
};

/* Takes over `inner`: a destroyed wrapper destroys it. */
void qmac_wrapper_init(struct qmac_wrapper *wrapper, const struct qmac_backend_operations *operations,
                       struct qmac_backend *inner);

uint32_t qmac_wrapper_read(struct qmac_backend *backend, uint32_t offset);
void qmac_wrapper_write(struct qmac_backend *backend, uint32_t offset, uint32_t value);
void qmac_wrapper_read_memory(struct qmac_backend *backend, uint64_t address, void *data, uint64_t bytes);
void qmac_wrapper_write_memory(struct qmac_backend *backend, uint64_t address, const void *data,
                               uint64_t bytes);
enum qmac_status qmac_wrapper_wait(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                   struct qmac_error *err);
const char *qmac_wrapper_kernel(struct qmac_backend *backend);
uint64_t qmac_wrapper_peek(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane);
void qmac_wrapper_poke(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane,
                       uint64_t value);
void qmac_wrapper_note_unit(struct qmac_backend *backend, uint32_t number, double unit);
/* Frees the wrapper itself, too: it must have come from malloc. */
void qmac_wrapper_destroy(struct qmac_backend *backend);

#endif
