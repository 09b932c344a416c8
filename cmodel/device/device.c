/*
 * Life of a device, its ring and dispatcher. Registers: registers.c.
 */
#include "device/device.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "count/count.h"
#include "device/internal.h"
#include "isa/space.h"
#include "num/fixed.h"

/* The clock knows when a command retired: its record is complete. */
static void on_retire(void *context, const void *record, struct qmac_clock_retire time)
{
	struct qmac_device *device = context;
	struct qmac_retire complete = *(const struct qmac_retire *)record;

	complete.start = time.start;
	complete.cycle = time.cycle;
	device->options.on_retire(device->options.context, &complete);
}

/* Zeros, at the start of a cache line: rows of 8 words and more then never straddle lines needlessly. */
static int64_t *allocate_acc(size_t words)
{
	enum { LINE = 64 };
	size_t bytes = (words * sizeof(int64_t) + LINE - 1) / LINE * LINE;
	int64_t *acc = aligned_alloc(LINE, bytes);

	return acc ? memset(acc, 0, bytes) : NULL;
}

enum qmac_status qmac_device_create(const struct qmac_hw *hw, const struct qmac_device_options *options,
                                    struct qmac_device **device, struct qmac_error *err)
{
	struct qmac_device *d = calloc(1, sizeof *d);
	enum qmac_status status;

	*device = NULL;
	if (!d)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a device");
	d->hw = *hw;
	d->options = *options;
	status = qmac_kernel_find(options->kernel ? options->kernel : "auto", &d->kernel, err);
	if (status != QMAC_OK)
		goto out;
	d->memory_bytes = options->memory_bytes;
	d->a = calloc((size_t)hw->a_depth * (size_t)hw->rows + QMAC_LANES_MAX, sizeof *d->a);
	d->w = calloc((size_t)hw->w_depth * (size_t)hw->cols + QMAC_LANES_MAX, sizeof *d->w);
	d->a_nonzero = calloc((size_t)hw->a_depth, sizeof *d->a_nonzero);
	d->w_nonzero = calloc((size_t)hw->w_depth, sizeof *d->w_nonzero);
	d->acc = allocate_acc((size_t)hw->acc_depth * (size_t)hw->cols);
	d->acc_limit = calloc((size_t)hw->acc_depth, sizeof *d->acc_limit);
	d->lut = calloc((size_t)1 << hw->lut_bits, sizeof *d->lut);
	d->memory = calloc(options->memory_bytes ? options->memory_bytes : 1, 1);
	if (!d->a || !d->w || !d->a_nonzero || !d->w_nonzero || !d->acc || !d->acc_limit || !d->lut ||
	    !d->memory) {
		status = qmac_fail(err, QMAC_INTERNAL, "out of memory for a device with %llu bytes of memory",
		                   (unsigned long long)options->memory_bytes);
		goto out;
	}
	status = qmac_clock_create(&d->hw, options->on_retire ? on_retire : NULL, d,
	                           options->on_retire ? sizeof(struct qmac_retire) : 0, &d->clock, err);
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
	free(device->a);
	free(device->w);
	free(device->a_nonzero);
	free(device->w_nonzero);
	free(device->acc);
	free(device->acc_limit);
	free(device->lut);
	free(device->memory);
	qmac_clock_destroy(device->clock);
	free(device);
}

void qmac_device_read_memory(const struct qmac_device *device, uint64_t address, void *data, uint64_t bytes)
{
	assert(bytes <= device->memory_bytes && address <= device->memory_bytes - bytes);
	memcpy(data, device->memory + address, bytes);
}

void qmac_device_write_memory(struct qmac_device *device, uint64_t address, const void *data, uint64_t bytes)
{
	assert(bytes <= device->memory_bytes && address <= device->memory_bytes - bytes);
	memcpy(device->memory + address, data, bytes);
}

const char *qmac_device_kernel(const struct qmac_device *device)
{
	return device->kernel->name;
}

bool qmac_device_irq(const struct qmac_device *device)
{
	return (device->irq_status & device->irq_enable) != 0;
}

static void stop(struct qmac_device *device, uint32_t code)
{
	qmac_clock_halt(device->clock, code != QMAC_FAULT_RING); /* earlier commands complete */
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

/* Carries the command out; returns a fault that only execution can find. */
static unsigned execute(struct qmac_device *device, const struct qmac_command *c)
{
	switch (c->opcode) {
	case QMAC_OPCODE_LOAD:
		return qmac_device_load(device, c);
	case QMAC_OPCODE_STORE:
		return qmac_device_store(device, c);
	case QMAC_OPCODE_GEMM:
		qmac_device_gemm(device, c);
		return QMAC_FAULT_NONE;
	case QMAC_OPCODE_VEC:
		qmac_device_vec(device, c);
		return QMAC_FAULT_NONE;
	default:
		return QMAC_FAULT_NONE;
	}
}

static struct qmac_retire record_of(const struct qmac_device *device, const struct qmac_command *c,
                                    const uint64_t before[3])
{
	const uint64_t *counters = device->counters;

	return (struct qmac_retire){
		.number = device->head,
		.engine = (uint8_t)qmac_command_engine(c->opcode),
		.opcode = (uint8_t)c->opcode,
		.tag = (uint16_t)c->tag,
		.acc_saturations = (uint32_t)(counters[QMAC_COUNTER_ACC_SATURATIONS] - before[0]),
		.requant_saturations = (uint32_t)(counters[QMAC_COUNTER_REQUANT_SATURATIONS] - before[1]),
		.container_saturations = (uint32_t)(counters[QMAC_COUNTER_CONTAINER_SATURATIONS] - before[2]),
		.digest = device->digest,
	};
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
		qmac_clock_pause(device->clock, time.cycle);
	record->start = time.start;
	record->cycle = time.cycle;
	if (device->options.on_retire)
		device->options.on_retire(device->options.context, record);
}

/* The command has done its work: lets the clock find out when. */
static void complete(struct qmac_device *device, const struct qmac_command *c, const uint64_t before[3])
{
	unsigned engine = qmac_command_engine(c->opcode);
	struct qmac_retire record = record_of(device, c, before);
	struct qmac_clock_retire time = qmac_clock_push(device->clock, c, &record);

	qmac_count(&device->hw, c, device->counters);
	if (engine < 3)
		device->state.dispatched[engine]++;
	else
		retire_sync(device, c, &record, time);
	device->head++;
}

/* Fetches, checks and executes the descriptor at head. */
static void step(struct qmac_device *device)
{
	uint64_t address = device->ring_base + (uint64_t)QMAC_COMMAND_BYTES *
	                   (device->head & ((1U << device->ring_log2) - 1));
	uint64_t before[3] = {device->counters[QMAC_COUNTER_ACC_SATURATIONS],
	                      device->counters[QMAC_COUNTER_REQUANT_SATURATIONS],
	                      device->counters[QMAC_COUNTER_CONTAINER_SATURATIONS]};
	uint32_t words[QMAC_COMMAND_WORDS];
	struct qmac_command c;
	unsigned fault = QMAC_FAULT_BUS;

	if (readable(device, address, QMAC_COMMAND_BYTES)) {
		qmac_command_unpack(device->memory + address, words);
		if (device->options.on_command)
			device->options.on_command(device->options.context, device, words);
		qmac_command_decode(words, &c);
		fault = qmac_command_fault(&device->hw, &device->state, words, &c);
	}
	if (fault == QMAC_FAULT_NONE) {
		device->digest = 0;
		fault = execute(device, &c);
	}
	if (fault != QMAC_FAULT_NONE) {
		stop(device, fault);
		return;
	}
	complete(device, &c, before);
}

/* The host wrote RING_TAIL: are there commands, in a usable ring? */
static void answer_bell(struct qmac_device *device)
{
	bool usable = device->head == device->tail || ring_usable(device);

	if (!usable && !(device->status & QMAC_STATUS_ERROR))
		stop(device, QMAC_FAULT_RING);
	else if (usable && device->bell)
		qmac_clock_doorbell(device->clock, device->tail, device->ring_base, (int)device->ring_log2);
	device->bell = false;
}

bool qmac_device_run(struct qmac_device *device, uint64_t cycles)
{
	uint64_t limit = qmac_clock_now(device->clock) + cycles;

	if (limit < cycles)
		limit = UINT64_MAX;
	if (qmac_device_irq(device) && !(device->status & QMAC_STATUS_ERROR))
		return true; /* time stands still */
	answer_bell(device);
	while (!(device->status & QMAC_STATUS_ERROR) && device->head != device->tail &&
		!qmac_device_irq(device)) {
		if (qmac_clock_now(device->clock) > limit)
			break;
		step(device);
	}
	qmac_clock_drain(device->clock);
	qmac_clock_counters(device->clock, device->counters);
	return (device->status & QMAC_STATUS_ERROR) || device->head == device->tail || qmac_device_irq(device);
}

uint64_t qmac_device_peek(const struct qmac_device *device, unsigned space, uint32_t row, uint32_t lane)
{
	uint32_t lanes = qmac_space_lanes(&device->hw, space);
	size_t at = (size_t)row * lanes + lane;

	assert(row < qmac_space_rows(&device->hw, space) && lane < lanes);
	switch (space) {
	case QMAC_SPACE_A:
		return (uint64_t)qmac_zero_extend((uint64_t)device->a[at], device->hw.a_bits);
	case QMAC_SPACE_W:
		return (uint64_t)qmac_zero_extend((uint64_t)device->w[at], device->hw.w_bits);
	case QMAC_SPACE_ACC:
		return (uint64_t)device->acc[at];
	default:
		return device->lut[row];
	}
}

void qmac_device_poke(struct qmac_device *device, unsigned space, uint32_t row, uint32_t lane, uint64_t value)
{
	uint32_t lanes = qmac_space_lanes(&device->hw, space);
	size_t at = (size_t)row * lanes + lane;

	assert(row < qmac_space_rows(&device->hw, space) && lane < lanes);
	switch (space) {
	case QMAC_SPACE_A:
		device->a[at] = (int16_t)qmac_sign_extend(value, device->hw.a_bits);
		qmac_device_operands_written(device, space, row, 1, 1);
		break;
	case QMAC_SPACE_W:
		device->w[at] = (int16_t)qmac_sign_extend(value, device->hw.w_bits);
		qmac_device_operands_written(device, space, row, 1, 1);
		break;
	case QMAC_SPACE_ACC:
		device->acc[at] = qmac_sign_extend(value, device->hw.acc_bits);
		device->acc_limit[row] = qmac_max_of(device->hw.acc_bits);
		break;
	default:
		device->lut[row] = (uint32_t)value;
	}
}
