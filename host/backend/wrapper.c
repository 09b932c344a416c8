#include "backend/wrapper.h"

#include <stdlib.h>

static struct qmac_backend *inner_of(struct qmac_backend *backend)
{
	return ((struct qmac_wrapper *)(void *)backend)->inner;
}

void qmac_wrapper_init(struct qmac_wrapper *wrapper, const struct qmac_backend_operations *operations,
                       struct qmac_backend *inner)
{
	wrapper->base.operations = operations;
	wrapper->base.memory_bytes = inner->memory_bytes;
	wrapper->inner = inner;
}

uint32_t qmac_wrapper_read(struct qmac_backend *backend, uint32_t offset)
{
	struct qmac_backend *inner = inner_of(backend);

	return inner->operations->read(inner, offset);
}

void qmac_wrapper_write(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	struct qmac_backend *inner = inner_of(backend);

	inner->operations->write(inner, offset, value);
}

void qmac_wrapper_read_memory(struct qmac_backend *backend, uint64_t address, void *data, uint64_t bytes)
{
	struct qmac_backend *inner = inner_of(backend);

	inner->operations->read_memory(inner, address, data, bytes);
}

void qmac_wrapper_write_memory(struct qmac_backend *backend, uint64_t address, const void *data,
                               uint64_t bytes)
{
	struct qmac_backend *inner = inner_of(backend);

	inner->operations->write_memory(inner, address, data, bytes);
}

enum qmac_status qmac_wrapper_wait(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                   struct qmac_error *err)
{
	struct qmac_backend *inner = inner_of(backend);

	return inner->operations->wait(inner, cycles, raised, err);
}

const char *qmac_wrapper_kernel(struct qmac_backend *backend)
{
	struct qmac_backend *inner = inner_of(backend);

	return inner->operations->kernel(inner);
}

uint64_t qmac_wrapper_peek(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane)
{
	struct qmac_backend *inner = inner_of(backend);

	return inner->operations->peek(inner, space, row, lane);
}

void qmac_wrapper_poke(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane,
                       uint64_t value)
{
	struct qmac_backend *inner = inner_of(backend);

	inner->operations->poke(inner, space, row, lane, value);
}

void qmac_wrapper_note_unit(struct qmac_backend *backend, uint32_t number, double unit)
{
	struct qmac_backend *inner = inner_of(backend);

	if (inner->operations->note_unit)
		inner->operations->note_unit(inner, number, unit);
}

void qmac_wrapper_destroy(struct qmac_backend *backend)
{
	qmac_backend_destroy(inner_of(backend));
	free(backend);
}
