#include "train/device.h"

#include "process/pool.h"

enum { RING_LOG2 = 14 };

/*
 * The ledger begins anew with the device; for others, numbers and cycles of a record are those of the whole
 * run, over all resets.
 */
static void on_retire(void *context, const struct qmac_retire *record)
{
	struct qmac_train_device *device = context;
	const struct qmac_driver_totals *base;
	struct qmac_retire moved = *record;

	if (device->unobserved)
		return;
	qmac_ledger_retire(device->ledger, record);
	device->zero_macs += record->zero_macs;
	if (!device->observer || !device->observer->on_retire)
		return;
	base = qmac_driver_base(device->driver);
	moved.number += (uint32_t)base->counters[QMAC_COUNTER_COMMANDS];
	moved.start += base->counters[QMAC_COUNTER_CYCLES];
	moved.cycle += base->counters[QMAC_COUNTER_CYCLES];
	device->observer->on_retire(device->observer->context, &moved);
}

enum qmac_status qmac_train_device_open(struct qmac_train_device *device, const struct qmac_run *run,
                                        const struct qmac_hw *hw, uint64_t memory, struct qmac_error *err)
{
	const struct qmac_train_observer *observer = device->observer;
	uint64_t megabyte = 1 << 20, ring = (uint64_t)QMAC_COMMAND_BYTES << RING_LOG2;
	struct qmac_device_options options = {
		.memory_bytes = ((ring + memory) / megabyte + 2) * megabyte, .kernel = run->kernel,
		.threads = qmac_pool_is_shared() ? 1 : run->threads, .on_retire = on_retire, .context = device,
		.forgets = device->once,
	};
	enum qmac_status status = qmac_ledger_create(hw, RING_LOG2, device->records, &device->ledger, err);

	if (status != QMAC_OK)
		return status;
	if (device->estimated)
		status = qmac_backend_create("time", hw, &options, &device->backend, err);
	else if (observer && observer->open)
		status = observer->open(observer->context, run->backend, hw, &options, &device->backend, err);
	else
		status = qmac_backend_create(run->backend, hw, &options, &device->backend, err);
	if (status == QMAC_OK)
		status = qmac_driver_open(device->backend, hw, RING_LOG2, &device->driver, err);
	if (status == QMAC_OK)
		qmac_driver_watch(device->driver, qmac_ledger_submit, device->ledger);
	return status;
}

void qmac_train_device_close(struct qmac_train_device *device)
{
	qmac_driver_close(device->driver);
	qmac_backend_destroy(device->backend);
	qmac_ledger_destroy(device->ledger);
}

void qmac_train_device_share_zeros(struct qmac_train_device *device)
{
	uint64_t counters[QMAC_COUNTERS];

	qmac_driver_counters(device->driver, counters);
	qmac_records_share_zeros(device->records, counters[QMAC_COUNTER_ZERO_MACS] - device->zero_macs);
	device->zero_macs = counters[QMAC_COUNTER_ZERO_MACS];
}

void qmac_train_device_state(struct qmac_train_device *device, struct qmac_state *state)
{
	device->totals = qmac_driver_totals(device->driver);
	QMAC_STATE_VALUE(state, "totals", device->totals);
	QMAC_STATE_VALUE(state, "zero_macs", device->zero_macs);
}

void qmac_train_device_reset(struct qmac_train_device *device)
{
	qmac_driver_reset(device->driver);
	qmac_ledger_restart(device->ledger);
}

void qmac_train_device_resume(struct qmac_train_device *device)
{
	qmac_driver_reset(device->driver);
	qmac_driver_set_totals(device->driver, &device->totals);
}

void qmac_train_device_hide(struct qmac_train_device *device, bool hidden)
{
	device->unobserved = hidden;
	if (hidden)
		qmac_driver_watch(device->driver, NULL, NULL);
	else
		qmac_driver_watch(device->driver, qmac_ledger_submit, device->ledger);
}
