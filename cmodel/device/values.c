/*
 * What a device keeps of values: scratchpads and data memory.
 */
#define _DEFAULT_SOURCE
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "device/crew.h"
#include "device/pending.h"
#include "isa/space.h"
#include "num/fixed.h"

/* Zeros, at the start of a cache line: rows of 8 words and more then never straddle lines needlessly. */
static int64_t *allocate_acc(size_t words)
{
	enum { LINE = 64 };
	size_t bytes = (words * sizeof(int64_t) + LINE - 1) / LINE * LINE;
	int64_t *acc = aligned_alloc(LINE, bytes);

	return acc ? memset(acc, 0, bytes) : NULL;
}

/*
 * Asks for large pages, where there are such: moves go all over the memory, and would look up a page for
 * each few rows. It is a wish: whatever is answered, values are the same.
 */
static void widen_pages(uint8_t *memory, uint64_t bytes)
{
#ifdef MADV_HUGEPAGE
	enum { PAGE = 1 << 21 };
	size_t skip = (PAGE - (uintptr_t)memory % PAGE) % PAGE;

	if (bytes > skip)
		(void)madvise(memory + skip, (bytes - skip) / PAGE * PAGE, MADV_HUGEPAGE);
#else
	(void)memory;
	(void)bytes;
#endif
}

enum qmac_status qmac_device_values_create(struct qmac_device *d, struct qmac_error *err)
{
	const struct qmac_hw *hw = &d->hw;
	const char *kernel = d->options.kernel ? d->options.kernel : "auto";
	enum qmac_status status = qmac_kernel_find(kernel, &d->kernel, err);

	if (status != QMAC_OK)
		return status;
	d->unit.device = d;
	status = qmac_device_operands_create(d, err);
	if (status != QMAC_OK)
		return status;
	d->acc = allocate_acc((size_t)hw->acc_depth * (size_t)hw->cols);
	d->acc_limit = calloc((size_t)hw->acc_depth, sizeof *d->acc_limit);
	d->lut = calloc((size_t)1 << hw->lut_bits, sizeof *d->lut);
	d->memory = calloc(d->memory_bytes ? d->memory_bytes : 1, 1);
	if (!d->acc || !d->acc_limit || !d->lut || !d->memory)
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for a device with %llu bytes of memory",
		                 (unsigned long long)d->memory_bytes);
	widen_pages(d->memory, d->memory_bytes);
	/* Who looks at each command's results, and the oracle, have them one by one. */
	if (d->options.plain || d->options.digests || d->options.on_command || d->kernel == &qmac_kernel_scalar)
		return QMAC_OK;
	return qmac_pending_create(&d->unit, err);
}

void qmac_device_values_destroy(struct qmac_device *device)
{
	qmac_pending_destroy(&device->unit);
	qmac_device_operands_destroy(device);
	free(device->acc);
	free(device->acc_limit);
	free(device->lut);
}

uint64_t qmac_device_peek(const struct qmac_device *device, unsigned space, uint32_t row, uint32_t lane)
{
	uint32_t lanes = qmac_space_lanes(&device->hw, space);
	size_t at = (size_t)row * lanes + lane;

	assert(row < qmac_space_rows(&device->hw, space) && lane < lanes);
	if (device->options.time_only)
		return 0;
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
	if (device->options.time_only)
		return;
	if (device->crew)
		qmac_crew_changed(device->crew);
	switch (space) {
	case QMAC_SPACE_A:
		device->a[at] = (int16_t)qmac_sign_extend(value, device->hw.a_bits);
		qmac_device_operands_written(&device->unit, space, row, 1, 1);
		break;
	case QMAC_SPACE_W:
		device->w[at] = (int16_t)qmac_sign_extend(value, device->hw.w_bits);
		qmac_device_operands_written(&device->unit, space, row, 1, 1);
		break;
	case QMAC_SPACE_ACC:
		device->acc[at] = qmac_sign_extend(value, device->hw.acc_bits);
		device->acc_limit[row] = qmac_max_of(device->hw.acc_bits);
		break;
	default:
		device->lut[row] = (uint32_t)value;
	}
}
