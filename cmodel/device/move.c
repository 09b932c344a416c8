/*
 * LOAD and STORE (docs/command-set.md).
 */
#include <string.h>

#include "device/internal.h"
#include "kernel/container.h"
#include "num/fixed.h"

static int64_t extend(const struct qmac_command *c, uint64_t raw)
{
	return c->is_signed ? qmac_sign_extend(raw, 8 << c->container) : (int64_t)raw;
}

/* Where memory is as this host has it, kernels take containers as they lie there. */
static const struct qmac_kernel *mover(const struct qmac_device *device)
{
	return __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__ ? device->kernel : &qmac_kernel_scalar;
}

/* A LOAD to A or W of `bits` bits: how its containers of at most 16 bits become operands. */
static struct qmac_cut cut_of(const struct qmac_command *c, int bits)
{
	bool extends = !c->limb_unsigned || (int)c->nbits == bits;

	return (struct qmac_cut){
		.container = c->container,
		.lsb = (int)c->lsb,
		.mask = (uint16_t)((1U << c->nbits) - 1),
		.sign = (uint16_t)(extends ? 1U << (c->nbits - 1) : 0),
	};
}

/* Containers of more than 16 bits. */
static void cut_wide_row(const struct qmac_command *c, int bits, const uint8_t *from, int16_t *to)
{
	for (uint32_t j = 0; j < c->len; j++) {
		int64_t value = extend(c, qmac_container_read(from + (j << c->container), c->container));

		value = qmac_limb(value, (int)c->lsb, (int)c->nbits, c->limb_unsigned);
		to[j] = (int16_t)qmac_sign_extend((uint64_t)value, bits);
	}
}

static void digest_loaded(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row)
{
	struct qmac_device *device = unit->device;
	int lanes, bits;
	const int16_t *operands = qmac_device_operands(device, c->space, row, &lanes, &bits);

	if (!c->keep)
		qmac_device_digest_operands(unit, c->space, row);
	for (uint32_t j = c->lane0; c->keep && j < c->lane0 + c->len; j++)
		qmac_device_digest(unit, c->space, row, j,
		                   (uint64_t)qmac_zero_extend((uint64_t)operands[j], bits));
}

/*
 * Are rows of the innermost loop neighbours, here (where they have `lanes`) as in memory, with nothing
 * between them? Then they are as good as one.
 */
static bool is_one_run(const struct qmac_device *device, const struct qmac_command *c, int lanes)
{
	return c->ds0 == 1 && (int)c->len == lanes && c->s0 == c->len << c->container && !device->options.digests;
}

/* `rows` iterations of the innermost loop, the first of which reads `from`; NULL: all read zeros. */
static void load_operands(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row,
                          uint32_t rows, const uint8_t *from)
{
	struct qmac_device *device = unit->device;
	int lanes, bits;
	int16_t *to = qmac_device_operands(device, c->space, row, &lanes, &bits);
	const struct qmac_cut cut = cut_of(c, bits);
	bool wide = c->container > QMAC_CONTAINER_HALF;

	qmac_device_operands_written(unit, c->space, row, rows, c->ds0);
	if (from && !wide && is_one_run(device, c, lanes)) {
		mover(device)->cut(&cut, rows * c->len, from, to);
		return;
	}
	for (uint32_t i = 0; i < rows; i++, to += (ptrdiff_t)c->ds0 * lanes) {
		if (!c->keep && c->len < (uint32_t)lanes)
			memset(to, 0, (size_t)lanes * sizeof *to);
		if (!from)
			memset(to + c->lane0, 0, c->len * sizeof *to);
		else if (wide)
			cut_wide_row(c, bits, from + (uint64_t)i * c->s0, to + c->lane0);
		else
			mover(device)->cut(&cut, c->len, from + (uint64_t)i * c->s0, to + c->lane0);
		if (device->options.digests)
			digest_loaded(unit, c, row + i * c->ds0);
	}
}

/* Any containers: limited to ACC. */
static void load_words(struct qmac_unit *unit, const struct qmac_command *c, uint32_t count,
                       const uint8_t *from, int64_t *to)
{
	uint64_t *clamped = &unit->outcome.container_saturations;
	int acc_bits = unit->device->hw.acc_bits;

	for (uint32_t j = 0; j < count; j++) {
		uint64_t raw = qmac_container_read(from + (j << c->container), c->container);

		/* An unsigned 64-bit container does not fit int64_t. */
		to[j] = c->is_signed ? qmac_clamp(extend(c, raw), acc_bits, clamped)
		                     : qmac_clamp128((qmac_int128)raw, acc_bits, clamped);
	}
}

/* Do containers fit ACC as they are? */
static bool fits_acc(const struct qmac_device *device, const struct qmac_command *c)
{
	return c->is_signed && 8 << c->container <= device->hw.acc_bits;
}

/* What is known of ACC rows that were loaded. */
static void note_acc(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows)
{
	struct qmac_device *device = unit->device;
	uint32_t cols = (uint32_t)device->hw.cols;
	int acc_bits = device->hw.acc_bits, container_bits = (8 << c->container) + (c->is_signed ? 0 : 1);
	int bound = container_bits < acc_bits ? container_bits : acc_bits;

	for (uint32_t i = 0; i < rows; i++) {
		if (c->keep || c->container <= QMAC_CONTAINER_HALF)
			qmac_device_acc_bits(device, row + i, c->keep ? 0 : cols, bound);
		else
			qmac_device_acc_measure(device, row + i); /* they are often wider than what is in them */
		if (device->options.digests)
			qmac_device_digest_acc(unit, row + i, c->keep ? c->lane0 : 0, c->keep ? c->len : cols);
	}
}

/* `rows` rows that are neighbours, one after the other in memory; where they are more than one, whole. */
static void load_acc(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                     const uint8_t *from)
{
	struct qmac_device *device = unit->device;
	int64_t *to = qmac_device_acc(device, row);
	uint32_t cols = (uint32_t)device->hw.cols, count = rows * c->len;

	if (!c->keep && c->len < cols)
		memset(to, 0, cols * sizeof *to);
	to += c->lane0;
	if (!from)
		memset(to, 0, count * sizeof *to);
	else if (fits_acc(device, c))
		mover(device)->widen(c->container, count, from, to);
	else
		load_words(unit, c, count, from, to);
	note_acc(unit, c, row, rows);
}

static void load_word(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row,
                      const uint8_t *from)
{
	struct qmac_device *device = unit->device;
	device->lut[row] = from ? (uint32_t)qmac_container_read(from, c->container) : 0;
	if (device->options.digests)
		qmac_device_digest(unit, QMAC_SPACE_LUT, row, 0, device->lut[row]);
}

/* As load_operands, for every space. */
static void load_rows(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                      const uint8_t *from)
{
	uint32_t together = 1;

	if (rows && c->space <= QMAC_SPACE_W) {
		load_operands(unit, c, row, rows, from);
		return;
	}
	if (rows && c->space == QMAC_SPACE_ACC && is_one_run(unit->device, c, unit->device->hw.cols))
		together = rows;
	for (uint32_t i = 0; i < rows; i += together) {
		const uint8_t *row_from = from ? from + (uint64_t)i * c->s0 : NULL;

		if (c->space == QMAC_SPACE_LUT)
			load_word(unit, c, row + i * c->ds0, row_from);
		else
			load_acc(unit, c, row + i * c->ds0, together, row_from);
	}
}

void qmac_device_load(struct qmac_unit *unit, const struct qmac_command *c)
{
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = 0; i1 < c->n1; i1++) {
			uint32_t row = c->row + i2 * c->ds2 + i1 * c->ds1, rest = c->hi0 + 1;

			if (i1 < c->lo1 || i1 > c->hi1) {
				load_rows(unit, c, row, c->n0, NULL);
				continue;
			}
			/* In the window addresses do not wrap: the memory answers. */
			load_rows(unit, c, row, c->lo0, NULL);
			load_rows(unit, c, row + c->lo0 * c->ds0, rest - c->lo0,
			          unit->device->memory + qmac_device_address(c, i2, i1, c->lo0));
			load_rows(unit, c, row + rest * c->ds0, c->n0 - rest, NULL);
		}
}

/* v limited to the container, as raw bits; counted. */
static uint64_t fit_container(struct qmac_unit *unit, const struct qmac_command *c, int64_t v)
{
	uint64_t *clamped = &unit->outcome.container_saturations;
	int bits = 8 << c->container;
	int64_t high = bits < 64 ? (int64_t)(1ULL << bits) - 1 : INT64_MAX;

	if (c->is_signed)
		return (uint64_t)qmac_zero_extend((uint64_t)qmac_clamp(v, bits, clamped), bits);
	if (v >= 0 && v <= high)
		return (uint64_t)v;
	++*clamped;
	return v < 0 ? 0 : (uint64_t)high;
}

/* Do the words of rows that are neighbours fit the container? Bounds may be wider than they are. */
static bool fit_containers(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
                           uint32_t rows)
{
	int bits = 8 << c->container;
	int64_t limits = 0;

	for (uint32_t i = 0; c->is_signed && i < rows; i++) {
		if (qmac_device_acc_width(device, row + i) > bits)
			qmac_device_acc_measure(device, row + i);
		limits |= device->acc_limit[row + i];
	}
	return c->is_signed && qmac_width_of(limits) <= bits;
}

/* `rows` rows that are neighbours, one after the other in memory; where they are more than one, whole. */
static void store_rows(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                       uint64_t address)
{
	struct qmac_device *device = unit->device;
	const int64_t *from = qmac_device_acc(device, row) + c->lane0;
	uint32_t count = rows * c->len;

	if (device->options.on_write)
		device->options.on_write(device->options.context, address, (uint64_t)count << c->container);
	if (!device->options.digests && fit_containers(device, c, row, rows)) {
		mover(device)->fit(c->container, count, from, device->memory + address);
		return;
	}
	for (uint32_t j = 0; j < count; j++) {
		uint64_t value = fit_container(unit, c, from[j]), at = address + (j << c->container);

		qmac_container_write(device->memory + at, c->container, value);
		if (device->options.digests)
			qmac_device_digest(unit, QMAC_DIGEST_DRAM, at, 0, value);
	}
}

void qmac_device_store(struct qmac_unit *unit, const struct qmac_command *c)
{
	uint32_t together = is_one_run(unit->device, c, unit->device->hw.cols) ? c->hi0 - c->lo0 + 1 : 1;

	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = c->lo1; i1 <= c->hi1; i1++)
			for (uint32_t i0 = c->lo0; i0 <= c->hi0; i0 += together)
				store_rows(unit, c, c->row + i2 * c->ds2 + i1 * c->ds1 + i0 * c->ds0, together,
				           qmac_device_address(c, i2, i1, i0));
}
