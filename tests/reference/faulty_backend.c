#include "reference/faulty_backend.h"

#include <stdlib.h>

#include "backend/wrapper.h"
#include "isa/command.h"

struct faulty {
	struct qmac_wrapper wrapper;  /* first: it is a backend */
	enum fault fault;
	uint64_t stalls;
	struct qmac_device_options caller;
	struct qmac_command commands[2 * QMAC_FUZZ_COMMANDS_MAX + 8192]; /* by number since reset */
	uint32_t count;
	bool state;                   /* lane 0 of rows 0, 1 of ACC was not zero in front of command 0 */
	bool stored, looked_up, different;
	uint64_t flip;                /* address of a byte to spoil; 0: none */
};

static struct faulty *self(struct qmac_backend *backend)
{
	return (struct faulty *)(void *)backend;
}

static void on_command(void *context, struct qmac_device *device, const uint32_t words[QMAC_COMMAND_WORDS])
{
	struct faulty *f = context;

	if (f->count == 0) {
		f->state = false;
		for (uint32_t row = 0; row < 2; row++)
			f->state |= qmac_device_peek(device, QMAC_SPACE_ACC, row, 0) != 0;
	}
	qmac_command_decode(words, &f->commands[f->count++]);
}

static void on_retire(void *context, const struct qmac_retire *record)
{
	struct faulty *f = context;
	const struct qmac_command *c = &f->commands[record->number];
	bool red_lanes = c->opcode == QMAC_OPCODE_VEC && c->red_lanes;
	bool limb = c->opcode == QMAC_OPCODE_LOAD && c->space <= QMAC_SPACE_W && c->keep && c->lsb;
	struct qmac_retire r = *record;

	f->looked_up |= c->opcode == QMAC_OPCODE_VEC && c->op == QMAC_OP_LOOKUP;
	f->different |= f->stored && limb;
	f->stored |= c->opcode == QMAC_OPCODE_STORE;
	if (c->opcode == QMAC_OPCODE_STORE && c->container == QMAC_CONTAINER_BYTE)
		f->flip = (c->base + (uint64_t)c->lo1 * c->s1 + (uint64_t)c->lo0 * c->s0) & 0xFFFFFFFFFFFF;
	if ((f->fault == FAULT_DIGEST || (f->fault == FAULT_STALLED && f->stalls)) && red_lanes)
		r.digest ^= 1;
	if (f->fault == FAULT_SATURATION && c->opcode == QMAC_OPCODE_GEMM && c->acc_shift)
		r.acc_saturations = 0;
	if (f->fault == FAULT_MAGNITUDES && c->opcode == QMAC_OPCODE_VEC && c->relu)
		r.magnitudes &= 7;
	if (f->fault == FAULT_STATE && record->number == 0 && f->state)
		r.digest ^= 1;
	if (f->fault == FAULT_CRASH && c->opcode == QMAC_OPCODE_GEMM && c->mode == QMAC_MODE_OS)
		_Exit(9);
	if (f->fault == FAULT_LOST && c->opcode == QMAC_OPCODE_SYNC && c->stamp)
		return;
	f->caller.on_retire(f->caller.context, &r);
	if (f->fault == FAULT_TWICE && c->opcode == QMAC_OPCODE_LOAD && c->space == QMAC_SPACE_LUT)
		f->caller.on_retire(f->caller.context, &r);
}

static void on_write(void *context, uint64_t address, uint64_t bytes)
{
	struct faulty *f = context;

	if (f->caller.on_write)
		f->caller.on_write(f->caller.context, address, bytes);
}

static uint32_t read_register(struct qmac_backend *backend, uint32_t offset)
{
	struct faulty *f = self(backend);
	uint32_t value = qmac_wrapper_read(backend, offset);

	if (f->fault == FAULT_COUNTER && f->looked_up &&
	    offset == QMAC_COUNTER_BASE + 8 * QMAC_COUNTER_VEC_MULTS)
		return value + 1;
	if (f->fault == FAULT_CODE && offset == QMAC_REG_ERROR_CODE && value == QMAC_FAULT_HAZARD)
		return QMAC_FAULT_RANGE;
	if (f->fault == FAULT_RING && offset == QMAC_REG_ERROR_COMMAND &&
	    qmac_wrapper_read(backend, QMAC_REG_ERROR_CODE) == QMAC_FAULT_RING)
		return value + 1;
	return value;
}

static void write_register(struct qmac_backend *backend, uint32_t offset, uint32_t value)
{
	struct faulty *f = self(backend);

	if (offset == QMAC_REG_CONTROL) {
		f->count = 0;
		f->stored = f->looked_up = f->different = false;
		f->flip = 0;
	}
	if (f->fault != FAULT_CLEAR || offset < QMAC_MONITOR_BASE)
		qmac_wrapper_write(backend, offset, value);
}

static void flip(struct qmac_backend *backend, uint64_t address)
{
	uint8_t byte;

	qmac_wrapper_read_memory(backend, address, &byte, 1);
	byte ^= 1;
	qmac_wrapper_write_memory(backend, address, &byte, 1);
}

static enum qmac_status wait_interrupt(struct qmac_backend *backend, uint64_t cycles, bool *raised,
                                       struct qmac_error *err)
{
	struct faulty *f = self(backend);
	enum qmac_status status = qmac_wrapper_wait(backend, cycles, raised, err);

	if (!status && f->fault == FAULT_MEMORY && f->flip)
		flip(backend, f->flip);
	if (!status && f->fault == FAULT_STRAY && f->flip)
		flip(backend, f->flip ^ (QMAC_FUZZ_MEMORY_BYTES >> 1));
	f->flip = 0;
	if (!status && f->fault == FAULT_LOCKSTEP && f->different)
		return qmac_fail(err, QMAC_CHECK_FAILED, "the two devices differ");
	return status;
}

static enum qmac_status open_faulty(void *context, const struct qmac_hw *hw,
                                    const struct qmac_device_options *options, uint64_t stalls,
                                    struct qmac_backend **backend, struct qmac_error *err)
{
	static const struct qmac_backend_operations operations = {
		.name = "faulty", .read = read_register, .write = write_register,
		.read_memory = qmac_wrapper_read_memory, .write_memory = qmac_wrapper_write_memory,
		.wait = wait_interrupt, .kernel = qmac_wrapper_kernel, .peek = qmac_wrapper_peek,
		.destroy = qmac_wrapper_destroy,
	};
	struct qmac_device_options inner = *options;
	struct qmac_backend *model;
	struct faulty *f = calloc(1, sizeof *f);
	enum qmac_status status;

	if (!f)
		abort();
	f->fault = *(const enum fault *)context;
	f->stalls = stalls;
	f->caller = *options;
	inner.on_retire = on_retire;
	inner.on_write = on_write;
	inner.on_command = on_command;
	inner.context = f;
	status = qmac_backend_create("cmodel", hw, &inner, &model, err);
	if (status) {
		free(f);
		return status;
	}
	qmac_wrapper_init(&f->wrapper, &operations, model);
	*backend = &f->wrapper.base;
	return QMAC_OK;
}

struct qmac_fuzz_target faulty_target(enum fault *fault)
{
	return (struct qmac_fuzz_target){open_faulty, fault};
}
