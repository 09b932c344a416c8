#include "reference/planted_backend.h"

#include <stdlib.h>

#include "backend/cmodel.h"
#include "backend/wrapper.h"
#include "isa/command.h"

/* Where a descriptor has its immediate. */
enum { IMM_BYTE = 12 * 4 };

struct planted {
	struct qmac_wrapper wrapper; /* first: it is a backend */
	struct plant *plant;
};

static struct plant *plant_of(struct qmac_backend *backend)
{
	return ((struct planted *)(void *)backend)->plant;
}

static void planted_retire(void *context, const struct qmac_retire *record)
{
	struct plant *p = context;
	struct qmac_retire changed = *record;

	if (!p->on_retire) /* the second look */
		return;
	if (record->number == p->number) {
		changed.digest ^= p->fault == DIGEST ? 1ULL << 63 : 0;
		changed.requant_saturations += p->fault == SATURATIONS;
		changed.magnitudes ^= p->fault == MAGNITUDES;
		changed.tag ^= p->fault == TAG ? 0x8000 : 0;
		changed.cycle += p->fault == LATE ? 5 : 0;
		changed.start -= p->fault == START;
	}
	if (p->fault != LOST || record->number != p->number)
		p->on_retire(p->context, &changed);
	if (p->fault == TWICE && record->number == p->number)
		p->on_retire(p->context, &changed);
}

static void planted_write(void *context, uint64_t address, uint64_t bytes)
{
	struct plant *p = context;

	if (p->on_write)
		p->on_write(p->context, address, bytes);
}

static uint32_t planted_read(struct qmac_backend *backend, uint32_t offset)
{
	enum planted_fault fault = plant_of(backend)->fault;
	uint32_t value = qmac_wrapper_read(backend, offset);

	if ((fault == COUNTER && offset == QMAC_COUNTER_BASE + 8 * QMAC_COUNTER_A_READS) ||
	    (fault == TIMED_COUNTER && offset == QMAC_COUNTER_BASE + 8 * QMAC_COUNTER_FETCH_BYTES))
		return value + 1;
	if (fault == MONITOR && offset == QMAC_MONITOR_BASE + 4 * 5)
		return value ^ 1;
	return fault == REGISTER && offset == QMAC_REG_ACC_DEPTH ? value + 2 : value;
}

/* Flips bits of a byte of memory. */
static void spoil(struct qmac_backend *backend, uint64_t address, uint8_t bits)
{
	uint8_t byte;

	qmac_wrapper_read_memory(backend, address, &byte, 1);
	byte ^= bits;
	qmac_wrapper_write_memory(backend, address, &byte, 1);
}

static enum qmac_status planted_wait(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                     struct qmac_error *err)
{
	struct plant *p = plant_of(backend);
	uint32_t head = qmac_wrapper_read(backend, QMAC_REG_RING_HEAD);
	uint32_t tail = qmac_wrapper_read(backend, QMAC_REG_RING_TAIL);
	uint64_t descriptor = PLANTED_RING + (p->number & ((1U << PLANTED_RING_LOG2) - 1)) * QMAC_COMMAND_BYTES;
	enum qmac_status status;

	/* The command that it was given becomes another one, while it works. */
	if (p->fault == RESULT && p->number - head < tail - head)
		spoil(backend, descriptor + IMM_BYTE, 1);
	if (p->fault == REFUSED && p->number - head < tail - head)
		spoil(backend, descriptor, 0x0F ^ QMAC_OPCODE_VEC);
	status = qmac_wrapper_wait(backend, cycles, raised, err);
	if (p->fault == RESULT && p->number - head < tail - head)
		spoil(backend, descriptor + IMM_BYTE, 1);
	if (p->fault == REFUSED && p->number - head < tail - head)
		spoil(backend, descriptor, 0x0F ^ QMAC_OPCODE_VEC);
	if (p->number - head >= qmac_wrapper_read(backend, QMAC_REG_RING_HEAD) - head)
		return status;
	if (p->fault == MEMORY)
		spoil(backend, 77, 0x10);
	if (p->fault == STRAY)
		spoil(backend, backend->memory_bytes - 1, 0x40);
	if (p->fault == INTERRUPT)
		*raised = !*raised;
	return p->fault == FAILURE ? qmac_fail(err, QMAC_CHECK_FAILED, "an assertion said so") : status;
}

enum qmac_status planted_open(const struct qmac_hw *hw, const struct qmac_device_options *options,
                              const struct qmac_backend_settings *settings, struct qmac_backend **backend,
                              struct qmac_error *err)
{
	static const struct qmac_backend_operations operations = {
		.name = "planted", .read = planted_read, .write = qmac_wrapper_write,
		.read_memory = qmac_wrapper_read_memory, .write_memory = qmac_wrapper_write_memory,
		.wait = planted_wait, .kernel = qmac_wrapper_kernel, .peek = qmac_wrapper_peek,
		.poke = qmac_wrapper_poke, .destroy = qmac_wrapper_destroy,
	};
	struct qmac_device_options changed = *options;
	struct plant *plant = settings->context;
	struct planted *planted = calloc(1, sizeof *planted);
	struct qmac_backend *inner;
	enum qmac_status status;

	if (!planted)
		abort();
	plant->on_retire = options->on_retire;
	plant->on_write = options->on_write;
	plant->context = options->context;
	changed.on_retire = planted_retire;
	changed.on_write = planted_write;
	changed.context = plant;
	changed.kernel = "scalar";
	status = qmac_backend_cmodel(hw, &changed, &inner, err);
	if (status) {
		free(planted);
		return status;
	}
	qmac_wrapper_init(&planted->wrapper, &operations, inner);
	planted->plant = plant;
	*backend = &planted->wrapper.base;
	return QMAC_OK;
}
