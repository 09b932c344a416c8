#include "driver/driver.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { BUFFER_ALIGNMENT = 64 };

struct qmac_driver {
	struct qmac_backend *backend;
	struct qmac_hw hw;
	uint64_t memory_bytes, memory_used;
	struct qmac_buffer ring;
	int ring_log2;
	uint32_t ring_entries;     /* 2^ring_log2 */
	uint32_t tail, drained;    /* descriptors written; known to have retired */
	uint16_t submitted[3];     /* per engine, modulo 2^16: what waits count */
	uint64_t host_bytes;
	struct qmac_driver_totals base; /* at the last reset */
	void (*on_command)(void *context, const struct qmac_command *command);
	void *context;
	uint16_t layer;            /* of the last command: the SYNC behind it is for the same one */
};

static uint32_t read_register(struct qmac_driver *driver, uint32_t offset)
{
	return driver->backend->operations->read(driver->backend, offset);
}

static void write_register(struct qmac_driver *driver, uint32_t offset, uint32_t value)
{
	driver->backend->operations->write(driver->backend, offset, value);
}

static void write_address(struct qmac_driver *driver, uint32_t low_offset, uint64_t value)
{
	write_register(driver, low_offset, (uint32_t)value);
	write_register(driver, low_offset + 4, (uint32_t)(value >> 32));
}

/* Refuses a device that is not the one the configuration describes. */
static enum qmac_status check_identity(struct qmac_driver *driver, struct qmac_error *err)
{
	const struct qmac_hw *hw = &driver->hw;
	const struct {
		const char *name;
		uint32_t offset;
		unsigned lsb, bits;
		int expected;
	} identity[] = {
		{"rows", QMAC_REG_SHAPE, 0, 8, hw->rows},
		{"cols", QMAC_REG_SHAPE, 8, 8, hw->cols},
		{"a_bits", QMAC_REG_WIDTHS, 0, 8, hw->a_bits},
		{"w_bits", QMAC_REG_WIDTHS, 8, 8, hw->w_bits},
		{"acc_bits", QMAC_REG_WIDTHS, 16, 8, hw->acc_bits},
		{"acc_overflow", QMAC_REG_WIDTHS, 24, 1, hw->acc_overflow},
		{"a_depth", QMAC_REG_A_DEPTH, 0, 32, hw->a_depth},
		{"w_depth", QMAC_REG_W_DEPTH, 0, 32, hw->w_depth},
		{"acc_depth", QMAC_REG_ACC_DEPTH, 0, 32, hw->acc_depth},
		{"os_max", QMAC_REG_OS_MAX, 0, 32, hw->os_max},
		{"bus_bytes", QMAC_REG_BUS, 0, 8, hw->bus_bytes},
		{"outstanding", QMAC_REG_BUS, 8, 8, hw->outstanding},
		{"burst_beats", QMAC_REG_BUS, 16, 16, hw->burst_beats},
		{"queue_depth", QMAC_REG_UNITS, 0, 8, hw->queue_depth},
		{"lut_bits", QMAC_REG_UNITS, 8, 8, hw->lut_bits},
		{"lut_ports", QMAC_REG_UNITS, 16, 8, hw->lut_ports},
		{"mac_style", QMAC_REG_UNITS, 24, 4, hw->mac_style},
		{"zero_gating", QMAC_REG_UNITS, 28, 1, hw->zero_gating},
	};

	if (read_register(driver, QMAC_REG_MAGIC) != QMAC_MAGIC)
		return qmac_fail(err, QMAC_BAD_INPUT, "there is no qmac device: its identity register reads 0x%08x",
		                 read_register(driver, QMAC_REG_MAGIC));
	if (read_register(driver, QMAC_REG_REVISION) != QMAC_REVISION)
		return qmac_fail(err, QMAC_BAD_INPUT, "the device speaks command-set revision %u, this driver %u",
		                 read_register(driver, QMAC_REG_REVISION), QMAC_REVISION);
	for (size_t i = 0; i < sizeof identity / sizeof identity[0]; i++) {
		uint32_t mask = identity[i].bits == 32 ? UINT32_MAX : (1U << identity[i].bits) - 1;
		uint32_t value = read_register(driver, identity[i].offset) >> identity[i].lsb & mask;

		if (value != (uint32_t)identity[i].expected)
			return qmac_fail(err, QMAC_BAD_INPUT, "the device has %s = %u, the hardware file says %d",
			                 identity[i].name, value, identity[i].expected);
	}
	return QMAC_OK;
}

static void start(struct qmac_driver *driver)
{
	write_register(driver, QMAC_REG_CONTROL, 1);
	write_address(driver, QMAC_REG_MEM_BASE_LO, 0);
	write_address(driver, QMAC_REG_MEM_SIZE_LO, driver->memory_bytes);
	write_address(driver, QMAC_REG_RING_BASE_LO, driver->ring.address);
	write_register(driver, QMAC_REG_RING_LOG2, (uint32_t)driver->ring_log2);
	write_register(driver, QMAC_REG_IRQ_ENABLE, QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
}

enum qmac_status qmac_driver_open(struct qmac_backend *backend, const struct qmac_hw *hw, int ring_log2,
                                  struct qmac_driver **driver, struct qmac_error *err)
{
	struct qmac_driver *d = calloc(1, sizeof *d);
	enum qmac_status status;

	*driver = NULL;
	if (!d)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a driver");
	assert(ring_log2 >= (int)QMAC_RING_LOG2_MIN && ring_log2 <= QMAC_DRIVER_RING_LOG2_MAX);
	d->backend = backend;
	d->hw = *hw;
	d->memory_bytes = backend->memory_bytes;
	d->ring_log2 = ring_log2;
	d->ring_entries = 1U << ring_log2;
	status = check_identity(d, err);
	if (status != QMAC_OK)
		goto out;
	status = qmac_driver_allocate(d, (uint64_t)d->ring_entries * QMAC_COMMAND_BYTES, &d->ring, err);
	if (status != QMAC_OK)
		goto out;
	start(d);
	*driver = d;
	return QMAC_OK;
out:
	free(d);
	return status;
}

void qmac_driver_close(struct qmac_driver *driver)
{
	free(driver);
}

const struct qmac_hw *qmac_driver_hw(const struct qmac_driver *driver)
{
	return &driver->hw;
}

enum qmac_status qmac_driver_allocate(struct qmac_driver *driver, uint64_t bytes, struct qmac_buffer *buffer,
                                      struct qmac_error *err)
{
	uint64_t room = driver->memory_bytes - driver->memory_used;
	uint64_t padding = (BUFFER_ALIGNMENT - driver->memory_used % BUFFER_ALIGNMENT) % BUFFER_ALIGNMENT;

	if (padding > room || bytes > room - padding)
		return qmac_fail(err, QMAC_BAD_INPUT,
		                 "device memory is full: %llu bytes wanted, %llu of %llu bytes are free",
		                 (unsigned long long)bytes, (unsigned long long)room,
		                 (unsigned long long)driver->memory_bytes);
	buffer->address = driver->memory_used + padding;
	buffer->bytes = bytes;
	driver->memory_used = buffer->address + bytes;
	qmac_backend_zero(driver->backend, buffer->address, bytes);
	return QMAC_OK;
}

void qmac_driver_release(struct qmac_driver *driver, struct qmac_buffer buffer)
{
	if (buffer.address + buffer.bytes == driver->memory_used)
		driver->memory_used = buffer.address;
}

void qmac_driver_upload(struct qmac_driver *driver, struct qmac_buffer buffer, uint64_t offset,
                        const void *data, uint64_t bytes)
{
	assert(offset <= buffer.bytes && bytes <= buffer.bytes - offset);
	driver->backend->operations->write_memory(driver->backend, buffer.address + offset, data, bytes);
	driver->host_bytes += bytes;
}

void qmac_driver_download(struct qmac_driver *driver, struct qmac_buffer buffer, uint64_t offset, void *data,
                          uint64_t bytes)
{
	assert(offset <= buffer.bytes && bytes <= buffer.bytes - offset);
	driver->backend->operations->read_memory(driver->backend, buffer.address + offset, data, bytes);
	driver->host_bytes += bytes;
}

/* Of the descriptor of that number. */
static uint64_t place_in_ring(const struct qmac_driver *driver, uint32_t number)
{
	return driver->ring.address + (uint64_t)(number & (driver->ring_entries - 1)) * QMAC_COMMAND_BYTES;
}

static void put_descriptor(struct qmac_driver *driver, const struct qmac_command *command)
{
	uint32_t words[QMAC_COMMAND_WORDS];

	if (command->unit != 0 && driver->backend->operations->note_unit)
		driver->backend->operations->note_unit(driver->backend, driver->tail, command->unit);
	if (driver->on_command)
		driver->on_command(driver->context, command);
	driver->layer = command->layer;
	qmac_command_encode(command, words);
	qmac_backend_write_command(driver->backend, place_in_ring(driver, driver->tail), words);
	driver->tail++;
	driver->host_bytes += QMAC_COMMAND_BYTES;
}

/* Says what the device stopped at. */
static enum qmac_status device_error(struct qmac_driver *driver, struct qmac_error *err)
{
	uint32_t code = read_register(driver, QMAC_REG_ERROR_CODE);
	uint32_t number = read_register(driver, QMAC_REG_ERROR_COMMAND);
	uint32_t words[QMAC_COMMAND_WORDS];
	struct qmac_command command;
	char text[600];

	qmac_backend_read_command(driver->backend, place_in_ring(driver, number), words);
	qmac_command_decode(words, &command);
	return qmac_fail(err, QMAC_INTERNAL, "the device stopped with error %s at command %u: %s",
	                 qmac_code_name("FAULT", code), number, qmac_command_text(&command, text, sizeof text));
}

enum qmac_status qmac_driver_finish(struct qmac_driver *driver, struct qmac_error *err)
{
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC, .irq = 1, .stamp = 1,
	                                  .layer = driver->layer};
	enum qmac_status status;
	uint32_t pending;
	bool raised;

	put_descriptor(driver, &sync);
	write_register(driver, QMAC_REG_RING_TAIL, driver->tail);
	status = driver->backend->operations->wait(driver->backend, QMAC_PATIENCE_CYCLES, &raised, err);
	if (status != QMAC_OK)
		return status;
	pending = read_register(driver, QMAC_REG_IRQ_STATUS);
	write_register(driver, QMAC_REG_IRQ_STATUS, pending);
	if (pending & QMAC_IRQ_ERROR)
		return device_error(driver, err);
	if (!raised)
		return qmac_fail(err, QMAC_INTERNAL, "the device did not answer within %llu cycles: %u of %u"
		                 " commands were fetched", (unsigned long long)QMAC_PATIENCE_CYCLES,
		                 read_register(driver, QMAC_REG_RING_HEAD), driver->tail);
	driver->drained = driver->tail;
	return QMAC_OK;
}

enum qmac_status qmac_driver_submit(struct qmac_driver *driver, const struct qmac_command *command,
                                    struct qmac_error *err)
{
	unsigned engine = qmac_command_engine(command->opcode);

	/* The last place is for the SYNC that ends a batch. */
	if (driver->tail - driver->drained == driver->ring_entries - 1) {
		enum qmac_status status = qmac_driver_finish(driver, err);

		if (status != QMAC_OK)
			return status;
	}
	put_descriptor(driver, command);
	if (engine < 3)
		driver->submitted[engine]++;
	return QMAC_OK;
}

void qmac_driver_submitted(const struct qmac_driver *driver, uint16_t counts[3])
{
	memcpy(counts, driver->submitted, sizeof driver->submitted);
}

void qmac_driver_watch(struct qmac_driver *driver,
                       void (*on_command)(void *context, const struct qmac_command *command),
                       void *context)
{
	driver->on_command = on_command;
	driver->context = context;
}

void qmac_driver_counters(struct qmac_driver *driver, uint64_t counters[QMAC_COUNTERS])
{
	for (uint32_t i = 0; i < QMAC_COUNTERS; i++) {
		uint32_t offset = QMAC_COUNTER_BASE + 8 * i;

		counters[i] = driver->base.counters[i] +
		              (read_register(driver, offset) | (uint64_t)read_register(driver, offset + 4) << 32);
	}
}

uint32_t qmac_driver_monitor(struct qmac_driver *driver, unsigned number)
{
	assert(number >= 1 && number < QMAC_MONITORS);
	return read_register(driver, QMAC_MONITOR_BASE + 4 * number);
}

void qmac_driver_clear_monitor(struct qmac_driver *driver, unsigned number)
{
	assert(number >= 1 && number < QMAC_MONITORS);
	write_register(driver, QMAC_MONITOR_BASE + 4 * number, 0);
}

uint64_t qmac_driver_host_bytes(const struct qmac_driver *driver)
{
	return driver->host_bytes;
}

struct qmac_driver_totals qmac_driver_totals(struct qmac_driver *driver)
{
	struct qmac_driver_totals totals = {.host_bytes = driver->host_bytes};

	qmac_driver_counters(driver, totals.counters);
	return totals;
}

void qmac_driver_set_totals(struct qmac_driver *driver, const struct qmac_driver_totals *totals)
{
	driver->base = *totals;
	driver->host_bytes = totals->host_bytes;
}

void qmac_driver_reset(struct qmac_driver *driver)
{
	assert(driver->drained == driver->tail);
	driver->base = qmac_driver_totals(driver);
	driver->tail = driver->drained = 0;
	memset(driver->submitted, 0, sizeof driver->submitted);
	start(driver);
}

const struct qmac_driver_totals *qmac_driver_base(const struct qmac_driver *driver)
{
	return &driver->base;
}
