/*
 * The AXI4-Lite registers (docs/command-set.md).
 */
#include <string.h>

#include "device/internal.h"

#define HIGH_MASK 0xFFFF00000000ULL /* bits 47:32 of an address */

static uint32_t read_identity(const struct qmac_hw *hw, uint32_t offset)
{
	switch (offset) {
	case QMAC_REG_MAGIC:
		return QMAC_MAGIC;
	case QMAC_REG_REVISION:
		return QMAC_REVISION;
	case QMAC_REG_SHAPE:
		return (uint32_t)hw->rows | (uint32_t)hw->cols << 8;
	case QMAC_REG_WIDTHS:
		return (uint32_t)hw->a_bits | (uint32_t)hw->w_bits << 8 | (uint32_t)hw->acc_bits << 16 |
		       (uint32_t)hw->acc_overflow << 24;
	case QMAC_REG_A_DEPTH:
		return (uint32_t)hw->a_depth;
	case QMAC_REG_W_DEPTH:
		return (uint32_t)hw->w_depth;
	case QMAC_REG_ACC_DEPTH:
		return (uint32_t)hw->acc_depth;
	case QMAC_REG_OS_MAX:
		return (uint32_t)hw->os_max;
	case QMAC_REG_BUS:
		return (uint32_t)hw->bus_bytes | (uint32_t)hw->outstanding << 8 | (uint32_t)hw->burst_beats << 16;
	case QMAC_REG_UNITS:
		return (uint32_t)hw->queue_depth | (uint32_t)hw->lut_bits << 8 | (uint32_t)hw->lut_ports << 16 |
		       (uint32_t)hw->mac_style << 24 | (uint32_t)hw->zero_gating << 28;
	default:
		return 0;
	}
}

static uint32_t read_counter(const struct qmac_device *device, uint32_t offset)
{
	uint32_t index = (offset - QMAC_COUNTER_BASE) / 8;

	if (index >= QMAC_COUNTERS || offset % 4)
		return 0;
	return (uint32_t)(device->counters[index] >> (offset % 8 ? 32 : 0));
}

/* The monitor that an offset from MONITOR_BASE on is the place of, or 0. */
static uint32_t monitor_at(uint32_t offset)
{
	uint32_t index = (offset - QMAC_MONITOR_BASE) / 4;

	return index < QMAC_MONITORS && offset % 4 == 0 ? index : 0;
}

uint32_t qmac_device_read(struct qmac_device *device, uint32_t offset)
{
	bool working = !(device->status & QMAC_STATUS_ERROR) && device->head != device->tail;

	if (offset >= QMAC_MONITOR_BASE)
		return device->monitors[monitor_at(offset)];
	if (offset >= QMAC_COUNTER_BASE)
		return read_counter(device, offset);
	switch (offset) {
	case QMAC_REG_STATUS:
		return device->status | (working ? QMAC_STATUS_BUSY : 0);
	case QMAC_REG_ERROR_CODE:
		return device->error_code;
	case QMAC_REG_ERROR_COMMAND:
		return device->error_command;
	case QMAC_REG_IRQ_STATUS:
		return device->irq_status;
	case QMAC_REG_IRQ_ENABLE:
		return device->irq_enable;
	case QMAC_REG_STAMP_LO:
		return (uint32_t)device->stamp;
	case QMAC_REG_STAMP_HI:
		return (uint32_t)(device->stamp >> 32);
	case QMAC_REG_MEM_BASE_LO:
		return (uint32_t)device->state.mem_base;
	case QMAC_REG_MEM_BASE_HI:
		return (uint32_t)(device->state.mem_base >> 32);
	case QMAC_REG_MEM_SIZE_LO:
		return (uint32_t)device->state.mem_size;
	case QMAC_REG_MEM_SIZE_HI:
		return (uint32_t)(device->state.mem_size >> 32);
	case QMAC_REG_RING_BASE_LO:
		return (uint32_t)device->ring_base;
	case QMAC_REG_RING_BASE_HI:
		return (uint32_t)(device->ring_base >> 32);
	case QMAC_REG_RING_LOG2:
		return device->ring_log2;
	case QMAC_REG_RING_HEAD:
		return device->head;
	case QMAC_REG_RING_TAIL:
		return device->tail;
	default:
		return read_identity(&device->hw, offset);
	}
}

static void reset(struct qmac_device *device)
{
	memset(device->state.dispatched, 0, sizeof device->state.dispatched);
	memset(device->counters, 0, sizeof device->counters);
	memset(device->monitors, 0, sizeof device->monitors);
	device->ring_base = 0;
	device->ring_log2 = device->head = device->tail = 0;
	device->status = device->error_code = device->error_command = 0;
	device->irq_status = device->irq_enable = 0;
	device->stamp = 0;
	device->bell = false;
	qmac_memo_reset(device->memo);
}

static void set_low(uint64_t *word, uint32_t value)
{
	*word = (*word & HIGH_MASK) | value;
}

static void set_high(uint64_t *word, uint32_t value)
{
	*word = (*word & 0xFFFFFFFFULL) | ((uint64_t)value << 32 & HIGH_MASK);
}

void qmac_device_write(struct qmac_device *device, uint32_t offset, uint32_t value)
{
	if (offset >= QMAC_MONITOR_BASE) {
		device->monitors[monitor_at(offset)] = 0;
		return;
	}
	switch (offset) {
	case QMAC_REG_CONTROL:
		if (value & 1)
			reset(device);
		break;
	case QMAC_REG_IRQ_STATUS:
		device->irq_status &= ~value;
		break;
	case QMAC_REG_IRQ_ENABLE:
		device->irq_enable = value & (QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
		break;
	case QMAC_REG_MEM_BASE_LO:
		set_low(&device->state.mem_base, value);
		break;
	case QMAC_REG_MEM_BASE_HI:
		set_high(&device->state.mem_base, value);
		break;
	case QMAC_REG_MEM_SIZE_LO:
		set_low(&device->state.mem_size, value);
		break;
	case QMAC_REG_MEM_SIZE_HI:
		set_high(&device->state.mem_size, value);
		break;
	case QMAC_REG_RING_BASE_LO:
		set_low(&device->ring_base, value);
		break;
	case QMAC_REG_RING_BASE_HI:
		set_high(&device->ring_base, value);
		break;
	case QMAC_REG_RING_LOG2:
		device->ring_log2 = value;
		break;
	case QMAC_REG_RING_TAIL:
		device->tail = value;
		device->bell = true;
		break;
	default:
		break;
	}
}
