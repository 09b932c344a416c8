/*
 * What two devices may differ in after a bus error of a LOAD or STORE (docs/command-set.md, "What is
 * refused"): the model stops in ring order, a device starts nothing more once its memory has answered.
 */
#include "cosim/internal.h"

void qmac_lockstep_note_error(struct qmac_lockstep *l)
{
	struct qmac_command command;
	uint32_t number = qmac_lockstep_read(&l->model, QMAC_REG_ERROR_COMMAND);

	l->bus_error = qmac_lockstep_read(&l->model, QMAC_REG_ERROR_CODE) == QMAC_FAULT_BUS &&
	               qmac_lockstep_command(l, number, &command);
	if (!l->bus_error)
		return;
	l->bus_command = number;
	l->bus_engine = qmac_command_engine(command.opcode);
}

void qmac_lockstep_copy_memory(struct qmac_lockstep *l, uint64_t address, uint64_t bytes)
{
	struct qmac_backend *model = l->model.backend, *device = l->device.backend;
	uint8_t copy[512];

	for (uint64_t done = 0, part; done < bytes; done += part) {
		part = bytes - done < sizeof copy ? bytes - done : sizeof copy;
		model->operations->read_memory(model, address + done, copy, part);
		device->operations->write_memory(device, address + done, copy, part);
	}
}

uint64_t qmac_lockstep_page_bytes(const struct qmac_lockstep *l, uint64_t page)
{
	uint64_t left = l->base.memory_bytes - page * QMAC_PAGE_BYTES;

	return left < QMAC_PAGE_BYTES ? left : QMAC_PAGE_BYTES;
}

void qmac_lockstep_copy_touched(struct qmac_lockstep *l)
{
	const struct qmac_pages *touched = &l->touched;

	for (uint64_t page = 0; (page = qmac_pages_next(touched, page)) < touched->count; page++)
		qmac_lockstep_copy_memory(l, page * QMAC_PAGE_BYTES, qmac_lockstep_page_bytes(l, page));
}

/* What the STORE writes: the model's bytes become the device's. */
static void excuse_store(struct qmac_lockstep *l, uint32_t number)
{
	struct qmac_command c;
	uint64_t bytes;

	if (!qmac_lockstep_command(l, number, &c) || c.opcode != QMAC_OPCODE_STORE)
		return;
	bytes = (uint64_t)c.len * (uint64_t)qmac_container_bytes(c.container);
	for (uint64_t i2 = 0; i2 < c.n2; i2++)
		for (uint64_t i1 = c.lo1; i1 <= c.hi1; i1++)
			for (uint64_t i0 = c.lo0; i0 <= c.hi0; i0++) {
				uint64_t first = (c.base + i2 * c.s2 + i1 * c.s1 + i0 * c.s0) & 0xFFFFFFFFFFFF;
				uint64_t left = first < l->base.memory_bytes ? l->base.memory_bytes - first : 0;

				qmac_lockstep_copy_memory(l, left ? first : 0, left < bytes ? left : bytes);
			}
}

void qmac_lockstep_excuse_stores(struct qmac_lockstep *l)
{
	const struct qmac_lockstep_side *sides[] = {&l->model, &l->device};

	excuse_store(l, l->bus_command);
	/* Those that retired on one side only. */
	for (int i = 0; i < 2; i++) {
		const struct qmac_record_queue *queue = &sides[i]->queue[QMAC_ENGINE_STORE];

		for (size_t k = queue->head; k < queue->count; k++)
			excuse_store(l, queue->records[k].number);
	}
}
