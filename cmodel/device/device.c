/*
 * Life of a device, its ring and dispatcher. Registers: registers.c.
 */
#include "device/device.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "count/count.h"
#include "device/pending.h"

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
		.beside = options->threads > 1 && !options->time_only,
	};
	status = qmac_memo_create(&d->hw, &memo, &d->memo, err);
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

/* Where the byte at an address is kept. */
static uint8_t *place_of(const struct qmac_device *device, uint64_t address)
{
	return device->memory + (device->options.time_only ? address - device->ring_base : address);
}

void qmac_device_read_memory(const struct qmac_device *device, uint64_t address, void *data, uint64_t bytes)
{
	uint64_t skipped, kept = kept_part(device, address, bytes, &skipped);

	assert(bytes <= device->memory_bytes && address <= device->memory_bytes - bytes);
	if (kept < bytes)
		memset(data, 0, bytes);
	if (kept)
		memcpy((uint8_t *)data + skipped, place_of(device, address + skipped), kept);
}

void qmac_device_write_memory(struct qmac_device *device, uint64_t address, const void *data, uint64_t bytes)
{
	uint64_t skipped, kept = kept_part(device, address, bytes, &skipped);

	assert(bytes <= device->memory_bytes && address <= device->memory_bytes - bytes);
	if (device->options.on_write)
		device->options.on_write(device->options.context, address, bytes);
	if (kept)
		memcpy(place_of(device, address + skipped), (const uint8_t *)data + skipped, kept);
}

const char *qmac_device_kernel(const struct qmac_device *device)
{
	return device->options.time_only ? "none: time only" : device->kernel->name;
}

bool qmac_device_irq(const struct qmac_device *device)
{
	return (device->irq_status & device->irq_enable) != 0;
}

static void stop(struct qmac_device *device, uint32_t code)
{
	qmac_memo_halt(device->memo, code != QMAC_FAULT_RING); /* earlier commands complete */
	device->status = QMAC_STATUS_ERROR;
	device->error_code = code;
	device->error_command = device->head;
	device->irq_status |= QMAC_IRQ_ERROR;
}

/* Is [address, address + bytes) inside the memory window, and really there? */
static bool readable(const struct qmac_device *device, uint64_t address, uint64_t bytes)
{
	const struct qmac_dispatch_state *s = &device->state;

	return address >= s->mem_base && bytes <= s->mem_size && address - s->mem_base <= s->mem_size - bytes &&
	       bytes <= device->memory_bytes && address <= device->memory_bytes - bytes;
}

static bool ring_usable(const struct qmac_device *device)
{
	uint64_t bytes;

	if (device->ring_log2 < QMAC_RING_LOG2_MIN || device->ring_log2 > QMAC_RING_LOG2_MAX)
		return false;
	bytes = (uint64_t)QMAC_COMMAND_BYTES << device->ring_log2;
	return device->ring_base % QMAC_COMMAND_BYTES == 0 &&
		device->tail - device->head <= 1U << device->ring_log2 &&
	       device->ring_base >= device->state.mem_base && bytes <= device->state.mem_size &&
	       device->ring_base - device->state.mem_base <= device->state.mem_size - bytes;
}

/* Does every byte of a LOAD or STORE lie in the memory that is really there? */
static bool memory_answers(const struct qmac_device *device, const struct qmac_command *c)
{
	uint64_t first = qmac_device_address(c, 0, c->lo1, c->lo0);
	uint64_t length = (uint64_t)(c->n2 - 1) * c->s2 + (uint64_t)(c->hi1 - c->lo1) * c->s1 +
	                  (uint64_t)(c->hi0 - c->lo0) * c->s0 +
	                  (uint64_t)c->len * (uint64_t)qmac_container_bytes(c->container);

	return first <= device->memory_bytes && length <= device->memory_bytes - first;
}

/* Carries the command out; returns a fault that only execution can find. */
static unsigned execute(struct qmac_device *device, const struct qmac_command *c)
{
	bool moves = c->opcode == QMAC_OPCODE_LOAD || c->opcode == QMAC_OPCODE_STORE;

	if (moves && !memory_answers(device, c))
		return QMAC_FAULT_BUS;
	if (device->options.time_only)
		return QMAC_FAULT_NONE;
	qmac_unit_execute(&device->unit, c);
	return QMAC_FAULT_NONE;
}

static struct qmac_retire record_of(const struct qmac_device *device, const struct qmac_command *c,
                                    const struct qmac_outcome *outcome)
{
	return (struct qmac_retire){
		.number = device->head,
		.engine = (uint8_t)qmac_command_engine(c->opcode),
		.opcode = (uint8_t)c->opcode,
		.tag = (uint16_t)c->tag,
		.acc_saturations = (uint32_t)outcome->acc_saturations,
		.requant_saturations = (uint32_t)outcome->requant_saturations,
		.container_saturations = (uint32_t)outcome->container_saturations,
		.zero_macs = outcome->zero_macs,
		.magnitudes = outcome->magnitudes,
		.digest = outcome->digest,
	};
}

/* What data tell of a command comes to the counters and monitors. */
static void count_outcome(struct qmac_device *device, const struct qmac_command *c,
                          const struct qmac_outcome *outcome)
{
	device->counters[QMAC_COUNTER_ACC_SATURATIONS] += outcome->acc_saturations;
	device->counters[QMAC_COUNTER_REQUANT_SATURATIONS] += outcome->requant_saturations;
	device->counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += outcome->container_saturations;
	device->counters[QMAC_COUNTER_ZERO_MACS] += outcome->zero_macs;
	if (c->opcode == QMAC_OPCODE_VEC && c->monitor)
		device->monitors[c->monitor] |= outcome->magnitudes;
}

/* A SYNC retires in the dispatcher: there is nothing behind it whose time is not known. */
static void retire_sync(struct qmac_device *device, const struct qmac_command *c, struct qmac_retire *record,
                        struct qmac_clock_retire time)
{
	if (c->stamp)
		device->stamp = time.cycle;
	if (c->irq)
		device->irq_status |= QMAC_IRQ_SYNC;
	if (qmac_device_irq(device))
		qmac_memo_pause(device->memo, time.cycle);
	if (!device->options.on_retire)
		return;
	record->start = time.start;
	record->cycle = time.cycle;
	device->options.on_retire(device->options.context, record);
}

/* The command has done its work: lets the clock find out when. */
static void complete(struct qmac_device *device, const struct qmac_command *c,
                     const struct qmac_outcome *outcome)
{
	struct qmac_clock_work work = qmac_clock_work_of(&device->hw, c);
	unsigned engine = qmac_command_engine(c->opcode);
	struct qmac_clock_retire time;
	struct qmac_retire record;

	if (device->options.on_retire)
		record = record_of(device, c, outcome);
	count_outcome(device, c, outcome);
	qmac_count(&device->hw, c, device->counters);
	time = qmac_memo_push(device->memo, &work, &record);
	if (engine == QMAC_ENGINE_CONTROL)
		retire_sync(device, c, &record, time);
	else
		device->state.dispatched[engine]++;
	device->head++;
}

/* Fetches, checks and executes the descriptor at head. */
static void step(struct qmac_device *device)
{
	uint64_t address = device->ring_base + (uint64_t)QMAC_COMMAND_BYTES *
	                   (device->head & ((1U << device->ring_log2) - 1));
	uint32_t words[QMAC_COMMAND_WORDS];
	struct qmac_command c;
	unsigned fault = QMAC_FAULT_BUS;

	if (readable(device, address, QMAC_COMMAND_BYTES)) {
		qmac_command_unpack(place_of(device, address), words);
		if (device->options.on_command)
			device->options.on_command(device->options.context, device, words);
		qmac_command_decode(words, &c);
		fault = qmac_command_fault(&device->hw, &device->state, words, &c);
	}
	if (fault == QMAC_FAULT_NONE)
		fault = execute(device, &c);
	if (fault != QMAC_FAULT_NONE) {
		stop(device, fault);
		return;
	}
	complete(device, &c, &device->unit.outcome);
}

/* The host wrote RING_TAIL: are there commands, in a usable ring? */
static void answer_bell(struct qmac_device *device)
{
	bool usable = device->head == device->tail || ring_usable(device);

	if (!usable && !(device->status & QMAC_STATUS_ERROR))
		stop(device, QMAC_FAULT_RING);
	else if (usable && device->bell)
		qmac_memo_doorbell(device->memo, device->tail, device->ring_base, (int)device->ring_log2);
	device->bell = false;
}

bool qmac_device_run(struct qmac_device *device, uint64_t cycles)
{
	uint64_t limit = qmac_memo_now(device->memo) + cycles;

	if (limit < cycles)
		limit = UINT64_MAX;
	if (qmac_device_irq(device) && !(device->status & QMAC_STATUS_ERROR))
		return true; /* time stands still */
	answer_bell(device);
	while (!(device->status & QMAC_STATUS_ERROR) && device->head != device->tail &&
		!qmac_device_irq(device)) {
		if (qmac_memo_now(device->memo) > limit)
			break;
		step(device);
	}
	qmac_pending_settle(&device->unit);
	qmac_memo_settle(device->memo, device->counters);
	return (device->status & QMAC_STATUS_ERROR) || device->head == device->tail || qmac_device_irq(device);
}
