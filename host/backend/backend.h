/*
 * The seam between the driver and whatever executes commands: registers,
 * copies in and out of device memory, interrupt. The driver cannot tell a C model from
 * Verilated RTL or from a chip.
 *
 * A backend is used by one thread at a time.
 */
#ifndef QMAC_BACKEND_BACKEND_H
#define QMAC_BACKEND_BACKEND_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "device/device.h"

struct qmac_backend;
struct qmac_rtl_library;

/*
 * Device cycles that a host waits before it takes a device for one that hangs: more than any ring of
 * commands needs with the slowest memory.
 */
#define QMAC_PATIENCE_CYCLES (1ULL << 40)

struct qmac_backend_operations {
	const char *name;
	/* A register. */
	uint32_t (*read)(struct qmac_backend *backend, uint32_t offset);
	void (*write)(struct qmac_backend *backend, uint32_t offset, uint32_t value);
	/*
	 * Copies from and to device memory: `bytes` bytes at `address`, all of them in 0 .. memory_bytes-1. It
	 * begins with zeros. A backend that computes no values may keep descriptors only: the rest reads as
	 * zeros.
	 */
	void (*read_memory)(struct qmac_backend *backend, uint64_t address, void *data, uint64_t bytes);
	void (*write_memory)(struct qmac_backend *backend, uint64_t address, const void *data, uint64_t bytes);
	/*
	 * Sleeps until the interrupt line is high, at most `cycles` device cycles.
	 * *raised says whether it is. Fails only where the simulation itself does.
	 */
	enum qmac_status (*wait)(struct qmac_backend *backend, uint64_t cycles, bool *raised,
	                         struct qmac_error *err);
	const char *(*kernel)(struct qmac_backend *backend); /* what computes: for the log */
	/* A scratchpad word, as qmac_device_peek() and _poke(); for comparison, while nothing is under way. */
	uint64_t (*peek)(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane);
	void (*poke)(struct qmac_backend *backend, unsigned space, uint32_t row, uint32_t lane, uint64_t value);
	/* Command `number` writes multiples of `unit`: for reports. NULL where nothing is reported. */
	void (*note_unit)(struct qmac_backend *backend, uint32_t number, double unit);
	void (*destroy)(struct qmac_backend *backend);
};

struct qmac_backend {
	const struct qmac_backend_operations *operations;
	uint64_t memory_bytes;
};

/* How the RTL works: docs/cosimulation.md. All zero is a good start; pointers may be NULL. */
struct qmac_backend_settings {
	uint64_t stalls;            /* not 0: seed of random stalls on every stream */
	const char *wave;           /* waves go to this FST file; one that is not whole is removed in the end */
	/* A library of that hardware that is open already; it must outlive the backend. */
	const struct qmac_rtl_library *library;
	/* Once it is not 0, a wait that is under way fails with QMAC_CHECK_FAILED. */
	const volatile sig_atomic_t *stop;
	/* Told before something that takes long, on one line. */
	void (*on_note)(void *context, const char *text);
	void *context;
};

/* Is it the name of a backend that computes values: "cmodel" or "rtl"? */
bool qmac_backend_computes(const char *name);

/*
 * A backend by name: "cmodel", "rtl" or "time", the C model without values (options.time_only of
 * device.h). options as for qmac_device_create; "rtl" takes no on_command. settings may be NULL: all zero;
 * where nothing simulates the RTL they mean nothing.
 */
QMAC_MUST_CHECK enum qmac_status qmac_backend_open(const char *name, const struct qmac_hw *hw,
                                                   const struct qmac_device_options *options,
                                                   const struct qmac_backend_settings *settings,
                                                   struct qmac_backend **backend, struct qmac_error *err);
/* The same without settings. */
QMAC_MUST_CHECK enum qmac_status qmac_backend_create(const char *name, const struct qmac_hw *hw,
                                                     const struct qmac_device_options *options,
                                                     struct qmac_backend **backend, struct qmac_error *err);

/*
 * How a client opens the backend that it was given the name of, where a layer above knows of more of them.
 * A client takes NULL for qmac_backend_create().
 */
struct qmac_backend_source {
	enum qmac_status (*open)(const void *context, const char *name, const struct qmac_hw *hw,
	                         const struct qmac_device_options *options, struct qmac_backend **backend,
	                         struct qmac_error *err);
	const void *context;
};
/* source may be NULL. */
QMAC_MUST_CHECK enum qmac_status qmac_backend_open_from(const struct qmac_backend_source *source,
                                                        const char *name, const struct qmac_hw *hw,
                                                        const struct qmac_device_options *options,
                                                        struct qmac_backend **backend,
                                                        struct qmac_error *err);

void qmac_backend_destroy(struct qmac_backend *backend);

/* A descriptor in device memory. */
void qmac_backend_read_command(struct qmac_backend *backend, uint64_t address,
                               uint32_t words[QMAC_COMMAND_WORDS]);
void qmac_backend_write_command(struct qmac_backend *backend, uint64_t address,
                                const uint32_t words[QMAC_COMMAND_WORDS]);

/* Makes a range of device memory zero. */
void qmac_backend_zero(struct qmac_backend *backend, uint64_t address, uint64_t bytes);

/* The first byte of a range in which the memory of two backends differs; true where there is one. */
struct qmac_memory_difference {
	uint64_t address;
	uint8_t expected, got;
};
bool qmac_backend_memory_differs(struct qmac_backend *expected, struct qmac_backend *got, uint64_t address,
                                 uint64_t bytes, struct qmac_memory_difference *difference);

#endif
