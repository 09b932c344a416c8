#include "backend/cmodel.h"

#include <stdlib.h>

#include "process/stop.h"

struct cmodel {
	struct qmac_backend base; /* first: a cmodel is a backend */
	struct qmac_backend_operations operations;
	struct qmac_device *device;
};

static struct qmac_device *device_of(struct qmac_backend *backend)
{
	return ((struct cmodel *)backend)->device;
}

static uint32_t cmodel_read(struct qmac_backend *backend, uint32_t offset)
{
	return qmac_device_read(device_of(backend), offset);
}

static void cmodel_write(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	qmac_device_write(device_of(backend), offset, value);
}

static void cmodel_read_memory(struct qmac_backend *backend, uint64_t address, void *data, uint64_t bytes)
{
	qmac_device_read_memory(device_of(backend), address, data, bytes);
}

static void cmodel_write_memory(struct qmac_backend *backend, uint64_t address, const void *data,
                                uint64_t bytes)
{
	qmac_device_write_memory(device_of(backend), address, data, bytes);
}

static enum qmac_status cmodel_wait(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                    struct qmac_error *err)
{
	/* Between batches of commands is often enough. */
	if (qmac_stop_is_due())
		return qmac_stop_give_up(err);
	(void)qmac_device_run(device_of(backend), cycles);
	*raised = qmac_device_irq(device_of(backend));
	return QMAC_OK;
}

static const char *cmodel_kernel(struct qmac_backend *backend)
{
	return qmac_device_kernel(device_of(backend));
}

static uint64_t cmodel_peek(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane)
{
	return qmac_device_peek(device_of(backend), space, row, lane);
}

static void cmodel_poke(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane,
                        uint64_t value)
{
	qmac_device_poke(device_of(backend), space, row, lane, value);
}

static void cmodel_destroy(struct qmac_backend *backend)
{
	qmac_device_destroy(device_of(backend));
	free(backend);
}

static const struct qmac_backend_operations operations = {
	.read = cmodel_read,
	.write = cmodel_write,
	.read_memory = cmodel_read_memory,
	.write_memory = cmodel_write_memory,
	.wait = cmodel_wait,
	.kernel = cmodel_kernel,
	.peek = cmodel_peek,
	.poke = cmodel_poke,
	.destroy = cmodel_destroy,
};

static enum qmac_status open_device(const char *name, const struct qmac_hw *hw,
                                    const struct qmac_device_options *options,
                                    struct qmac_backend **backend, struct qmac_error *err)
{
	struct cmodel *cmodel = calloc(1, sizeof *cmodel);
	enum qmac_status status;

	*backend = NULL;
	if (!cmodel)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a backend");
	cmodel->operations = operations;
	cmodel->operations.name = name;
	cmodel->base.operations = &cmodel->operations;
	cmodel->base.memory_bytes = options->memory_bytes;
	status = qmac_device_create(hw, options, &cmodel->device, err);
	if (status != QMAC_OK) {
		free(cmodel);
		return status;
	}
	*backend = &cmodel->base;
	return QMAC_OK;
}

enum qmac_status qmac_backend_cmodel(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                     struct qmac_backend **backend, struct qmac_error *err)
{
	return open_device("cmodel", hw, options, backend, err);
}

enum qmac_status qmac_backend_time(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                   struct qmac_backend **backend, struct qmac_error *err)
{
	struct qmac_device_options own = *options;

	own.time_only = true;
	return open_device("time", hw, &own, backend, err);
}
