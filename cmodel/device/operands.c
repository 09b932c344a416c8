/*
 * What a device keeps of operands: the rows of A and W, and what is known of each.
 */
#include <stdlib.h>
#include <string.h>

#include "device/internal.h"
#include "isa/space.h"

/* Zeros as bytes, for all operands and QMAC_LANES_MAX behind them, where bytes are kept. */
static bool allocate_bytes(struct qmac_device *d)
{
	const struct qmac_hw *hw = &d->hw;
	size_t a = (size_t)hw->a_depth * (size_t)hw->rows + QMAC_LANES_MAX;
	size_t w = (size_t)hw->w_depth * (size_t)hw->cols + QMAC_LANES_MAX;

	if (!d->kernel->quads || hw->a_bits > 8 || hw->w_bits > 8)
		return true;
	d->a_bytes = malloc(a);
	d->w_bytes = malloc(w);
	if (!d->a_bytes || !d->w_bytes)
		return false;
	memset(d->a_bytes, 0x80, a);
	memset(d->w_bytes, 0x80, w);
	return true;
}

enum qmac_status qmac_device_operands_create(struct qmac_device *d, struct qmac_error *err)
{
	const struct qmac_hw *hw = &d->hw;

	d->a = calloc((size_t)hw->a_depth * (size_t)hw->rows + QMAC_LANES_MAX, sizeof *d->a);
	d->w = calloc((size_t)hw->w_depth * (size_t)hw->cols + QMAC_LANES_MAX, sizeof *d->w);
	d->a_nonzero = calloc((size_t)hw->a_depth, sizeof *d->a_nonzero);
	d->w_nonzero = calloc((size_t)hw->w_depth, sizeof *d->w_nonzero);
	d->a_bytes = d->w_bytes = NULL;
	if (!d->a || !d->w || !d->a_nonzero || !d->w_nonzero || !allocate_bytes(d))
		return qmac_fail(err, QMAC_INTERNAL, "out of memory for the operands of a device");
	return QMAC_OK;
}

void qmac_device_operands_destroy(struct qmac_device *device)
{
	free(device->a);
	free(device->w);
	free(device->a_bytes);
	free(device->w_bytes);
	free(device->a_nonzero);
	free(device->w_nonzero);
}

void qmac_device_operands_written(struct qmac_unit *unit, unsigned space, uint32_t row, uint32_t rows,
                                  uint32_t step)
{
	struct qmac_device *device = unit->device;
	bool is_a = space == QMAC_SPACE_A;
	uint8_t *bytes = is_a ? device->a_bytes : device->w_bytes;
	int lanes, bits;
	const int16_t *operands = qmac_device_operands(device, space, row, &lanes, &bits);

	device->kernel->note((int)rows, (int)step, lanes, operands,
	                     bytes ? bytes + (size_t)row * (size_t)lanes : NULL,
	                     (is_a ? device->a_nonzero : device->w_nonzero) + row);
	unit->a_writes += is_a;
}

void qmac_device_operands_copy(struct qmac_device *to, const struct qmac_device *from, unsigned space,
                               uint32_t row, uint32_t rows)
{
	bool is_a = space == QMAC_SPACE_A;
	size_t lanes = qmac_space_lanes(&to->hw, space), first = row * lanes, count = rows * lanes;

	memcpy((is_a ? to->a : to->w) + first, (is_a ? from->a : from->w) + first, count * sizeof *to->a);
	memcpy((is_a ? to->a_nonzero : to->w_nonzero) + row, (is_a ? from->a_nonzero : from->w_nonzero) + row,
	       rows);
	if (to->a_bytes)
		memcpy((is_a ? to->a_bytes : to->w_bytes) + first, (is_a ? from->a_bytes : from->w_bytes) + first,
		       count);
}
