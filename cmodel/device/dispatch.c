/*
 * The ring and the dispatcher.
 */
#include "count/count.h"
#include "device/crew.h"
#include "device/pending.h"

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

void qmac_device_complete(struct qmac_device *device, const struct qmac_command *c,
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
	device->head++;
}

/* The number of the command that is fetched next; head is that of the first that has not completed. */
static uint32_t next_number(const struct qmac_device *device)
{
	return device->head + (device->crew ? qmac_crew_gathered(device->crew) : 0);
}

/* Until all that was dispatched has completed. */
static void finish(struct qmac_device *device)
{
	if (device->crew && qmac_crew_gathered(device->crew))
		qmac_crew_finish(device->crew);
}

/* Carries the command out, or leaves it to the crew. */
static void execute(struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS],
                    const struct qmac_command *c)
{
	unsigned engine = qmac_command_engine(c->opcode);

	if (engine != QMAC_ENGINE_CONTROL)
		device->state.dispatched[engine]++;
	if (device->crew && engine != QMAC_ENGINE_CONTROL) {
		qmac_crew_gather(device->crew, words);
		return;
	}
	finish(device);
	if (!device->options.time_only)
		qmac_unit_execute(&device->unit, c);
	qmac_device_complete(device, c, &device->unit.outcome);
}

/* A fault that only the memory behind the device can tell. */
static unsigned memory_fault(const struct qmac_device *device, const struct qmac_command *c)
{
	bool moves = c->opcode == QMAC_OPCODE_LOAD || c->opcode == QMAC_OPCODE_STORE;

	return moves && !memory_answers(device, c) ? QMAC_FAULT_BUS : QMAC_FAULT_NONE;
}

/* Fetches, checks and executes the next descriptor. */
static void step(struct qmac_device *device)
{
	uint64_t address = device->ring_base + (uint64_t)QMAC_COMMAND_BYTES *
	                   (next_number(device) & ((1U << device->ring_log2) - 1));
	uint32_t words[QMAC_COMMAND_WORDS];
	struct qmac_command c;
	unsigned fault = QMAC_FAULT_BUS;

	if (readable(device, address, QMAC_COMMAND_BYTES)) {
		qmac_command_unpack(qmac_device_place(device, address), words);
		if (device->options.on_command)
			device->options.on_command(device->options.context, device, words);
		qmac_command_decode(words, &c);
		fault = qmac_command_fault(&device->hw, &device->state, words, &c);
	}
	if (fault == QMAC_FAULT_NONE)
		fault = memory_fault(device, &c);
	if (fault == QMAC_FAULT_NONE) {
		execute(device, words, &c);
		return;
	}
	finish(device);
	stop(device, fault);
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
	while (!(device->status & QMAC_STATUS_ERROR) && next_number(device) != device->tail &&
	       !qmac_device_irq(device)) {
		if (qmac_memo_now(device->memo) > limit)
			break;
		step(device);
	}
	finish(device);
	qmac_pending_settle(&device->unit);
	qmac_memo_settle(device->memo, device->counters);
	return (device->status & QMAC_STATUS_ERROR) || device->head == device->tail || qmac_device_irq(device);
}
