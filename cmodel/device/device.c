/*
 * Life of a device, and its memory. Registers: registers.c; ring and dispatcher: dispatch.c.
 */
#include "device/device.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "device/crew.h"

/* Bytes in which times are remembered: some ten minibatches of a network of twenty layers. */
enum { MEMO_BYTES = 128 << 20 };

/* The clock knows when a command retired: its record is complete. */
static void on_retire(void *context, void *record, struct qmac_clock_retire time)
{
	struct qmac_device *device = context;
	struct qmac_retire *complete = record;

	complete->start = time.start;
	complete->cycle = time.cycle;
	device->options.on_retire(device->options.context, complete);
}

/* Without values: place for the descriptors of the largest ring, not touched before they come. */
static enum qmac_status allocate_ring(struct qmac_device *device, struct qmac_error *err)
{
	device->memory = calloc(QMAC_COMMAND_BYTES, (size_t)1 << QMAC_RING_LOG2_MAX);
	return device->memory ? QMAC_OK : qmac_fail(err, QMAC_INTERNAL, "out of memory for a device's ring");
}

/* Not where somebody looks at each command, or at each write: they come in ring order. */
static bool works_in_a_crew(const struct qmac_device_options *options)
{
	return options->threads > 1 && !options->time_only && !options->digests && !options->on_command &&
	       !options->on_write;
}

enum qmac_status qmac_device_create(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                    struct qmac_device **device, struct qmac_error *err)
{
	struct qmac_device *d = calloc(1, sizeof *d);
	struct qmac_memo_options memo;
	enum qmac_status status;

	*device = NULL;
	if (!d)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a device");
	d->hw = *hw;
	d->options = *options;
	d->memory_bytes = options->memory_bytes;
	status = options->time_only ? allocate_ring(d, err) : qmac_device_values_create(d, err);
	if (status != QMAC_OK)
		goto out;
	memo = (struct qmac_memo_options){
		.on_retire = options->on_retire ? on_retire : NULL, .context = d,
		.record_bytes = options->on_retire ? sizeof(struct qmac_retire) : 0,
		/* who looks at digests compares two devices, one of which shall not guess */
		.limit = options->digests || options->forgets ? 0 : MEMO_BYTES,
	};
	status = qmac_memo_create(&d->hw, &memo, &d->memo, err);
	if (status == QMAC_OK && works_in_a_crew(options))
		status = qmac_crew_create(d, qmac_device_complete, &d->crew, err);
	if (status != QMAC_OK)
		goto out;
	*device = d;
	return QMAC_OK;
out:
	qmac_device_destroy(d);
	return status;
}

void qmac_device_destroy(struct qmac_device *device)
{
	if (!device)
		return;
	qmac_crew_destroy(device->crew);
	qmac_memo_destroy(device->memo);
	qmac_device_values_destroy(device);
	free(device->memory);
	free(device);
}

/*
 * The part of [address, address + bytes) that is kept: all of it, or with time_only what lies in the ring;
 * *skipped bytes of the range come before it. Its size; 0: there is none.
 */
static uint64_t kept_part(const struct qmac_device *device, uint64_t address, uint64_t bytes,
                          uint64_t *skipped)
{
	uint32_t log2 = device->ring_log2 < QMAC_RING_LOG2_MAX ? device->ring_log2 : QMAC_RING_LOG2_MAX;
	uint64_t begin = device->ring_base, end = begin + ((uint64_t)QMAC_COMMAND_BYTES << log2);

	*skipped = 0;
	if (!device->options.time_only)
		return bytes;
	begin = begin > address ? begin : address;
	end = end < address + bytes ? end : address + bytes;
	*skipped = begin - address;
	return end > begin ? end - begin : 0;
}

void qmac_device_read_memory(const struct qmac_device *device, uint64_t address, void *data, uint64_t bytes)
{
	uint64_t skipped, kept = kept_part(device, address, bytes, &skipped);

	assert(bytes <= device->memory_bytes && address <= device->memory_bytes - bytes);
	if (kept < bytes)
		memset(data, 0, bytes);
	if (kept)
		memcpy((uint8_t *)data + skipped, qmac_device_place(device, address + skipped), kept);
}

void qmac_device_write_memory(struct qmac_device *device, uint64_t address, const void *data, uint64_t bytes)
{
	uint64_t skipped, kept = kept_part(device, address, bytes, &skipped);

	assert(bytes <= device->memory_bytes && address <= device->memory_bytes - bytes);
	if (device->options.on_write)
		device->options.on_write(device->options.context, address, bytes);
	if (kept)
		memcpy(qmac_device_place(device, address + skipped), (const uint8_t *)data + skipped, kept);
}

const char *qmac_device_kernel(const struct qmac_device *device)
{
	return device->options.time_only ? "none: time only" : device->kernel->name;
}

uint64_t qmac_device_shared(const struct qmac_device *device)
{
	return device->crew ? qmac_crew_shared(device->crew) : 0;
}

bool qmac_device_irq(const struct qmac_device *device)
{
	return (device->irq_status & device->irq_enable) != 0;
}
