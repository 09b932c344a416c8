/*
 * The seam between the driver and whatever executes commands: registers,
 * memory, interrupt. The driver cannot tell a C model from Verilated RTL or
 * from a chip.
 *
 * A backend is used by one thread at a time.
 */
#ifndef QMAC_BACKEND_BACKEND_H
#define QMAC_BACKEND_BACKEND_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "device/device.h"

struct qmac_backend;

struct qmac_backend_operations {
	const char *name;
	uint32_t (*read)(struct qmac_backend *backend, uint32_t offset);
	void (*write)(struct qmac_backend *backend, uint32_t offset, uint32_t value);
	/* Device memory, mapped for the host: addresses 0 .. memory_bytes-1. */
	uint8_t *(*memory)(struct qmac_backend *backend);
	/*
	 * Sleeps until the interrupt line is high, at most `cycles` device cycles.
	 * *raised says whether it is. Fails only where the simulation itself does.
	 */
	enum qmac_status (*wait)(struct qmac_backend *backend, uint64_t cycles, bool *raised,
	                         struct qmac_error *err);
	const char *(*kernel)(struct qmac_backend *backend); /* what computes: for the log */
	void (*destroy)(struct qmac_backend *backend);
};

struct qmac_backend {
	const struct qmac_backend_operations *operations;
	uint64_t memory_bytes;
};

/*
 * A backend by name: "cmodel". ("rtl" and "lockstep" are refused as not
 * available yet.) options as for qmac_device_create.
 */
QMAC_MUST_CHECK enum qmac_status qmac_backend_create(const char *name, const struct qmac_hw *hw,
                                                     const struct qmac_device_options *options,
                                                     struct qmac_backend **backend, struct qmac_error *err);
void qmac_backend_destroy(struct qmac_backend *backend);

#endif
