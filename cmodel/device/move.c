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
		.lsb = (int)c->lsb,
		.mask = (uint16_t)((1U << c->nbits) - 1),
		.sign = (uint16_t)(extends ? 1U << (c->nbits - 1) : 0),
	};
}

/* Containers of more than 16 bits. */
static void cut_wide(const struct qmac_command *c, int bits, const struct qmac_tile *tile,
                     const uint8_t *from, int16_t *to)
{
	for (uint32_t i = 0; i < tile->rows; i++, from += tile->pitch, to += tile->step) {
		for (uint32_t j = 0; j < tile->len; j++) {
			int64_t value = extend(c, qmac_container_read(from + (j << c->container), c->container));

			value = qmac_limb(value, (int)c->lsb, (int)c->nbits, c->limb_unsigned);
			to[j] = (int16_t)qmac_sign_extend((uint64_t)value, bits);
		}
		memset(to + tile->len, 0, tile->after * sizeof *to);
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
 * `rows` iterations of the innermost loop, of rows of `lanes`, as kernels take them. Rows that are neighbours
 * on the chip as in memory, with nothing between them, are as good as one.
 */
static struct qmac_tile tile_of(const struct qmac_command *c, uint32_t rows, int lanes)
{
	struct qmac_tile tile = {
		.rows = rows, .len = c->len, .pitch = c->s0, .step = (ptrdiff_t)c->ds0 * lanes,
		.container = c->container, .is_signed = c->is_signed,
	};

	if (c->opcode == QMAC_OPCODE_LOAD && !c->keep)
		tile.after = (uint32_t)lanes - c->lane0 - c->len;
	if (c->ds0 == 1 && (int)c->len == lanes && c->s0 == c->len << c->container) {
		tile.rows = 1;
		tile.len *= rows;
	}
	return tile;
}

/* `rows` times `bytes` bytes, each `step` bytes after the one before. */
static void clear(void *first, size_t bytes, size_t step, uint32_t rows)
{
	if (bytes == step) {
		memset(first, 0, bytes * rows);
		return;
	}
	for (uint32_t i = 0; i < rows; i++)
		memset((uint8_t *)first + i * step, 0, bytes);
}

/*
 * What a LOAD makes 0 of rows of `lanes` lanes, of `size` bytes each, from `first` on: all that it writes, or
 * what stands before its containers.
 */
static void clear_lanes(const struct qmac_command *c, uint32_t rows, int lanes, void *first, size_t size,
                        bool all)
{
	size_t step = c->ds0 * (size_t)lanes * size;

	if (all && c->keep)
		clear((uint8_t *)first + c->lane0 * size, c->len * size, step, rows);
	else if (!c->keep && (all || c->lane0))
		clear(first, (all ? (size_t)lanes : c->lane0) * size, step, rows);
}

/* `rows` iterations of the innermost loop, the first of which reads `from`; NULL: all read zeros. */
static void load_operands(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                          const uint8_t *from)
{
	struct qmac_device *device = unit->device;
	int lanes, bits;
	int16_t *to = qmac_device_operands(device, c->space, row, &lanes, &bits);
	const struct qmac_cut cut = cut_of(c, bits);
	const struct qmac_tile tile = tile_of(c, rows, lanes);

	clear_lanes(c, rows, lanes, to, sizeof *to, !from);
	if (from && c->container > QMAC_CONTAINER_HALF)
		cut_wide(c, bits, &tile, from, to + c->lane0);
	else if (from)
		mover(device)->cut(&cut, &tile, from, to + c->lane0);
	qmac_device_operands_written(unit, c->space, row, rows, c->ds0);
	if (device->options.digests)
		digest_loaded(unit, c, row);
}

/* Any containers: limited to ACC. */
static void load_words(struct qmac_unit *unit, const struct qmac_command *c, const struct qmac_tile *tile,
                       const uint8_t *from, int64_t *to)
{
	uint64_t *clamped = &unit->outcome.container_saturations;
	int acc_bits = unit->device->hw.acc_bits;

	for (uint32_t i = 0; i < tile->rows; i++, from += tile->pitch, to += tile->step) {
		for (uint32_t j = 0; j < tile->len; j++) {
			uint64_t raw = qmac_container_read(from + (j << c->container), c->container);

			/* An unsigned 64-bit container does not fit int64_t. */
			to[j] = c->is_signed ? qmac_clamp(extend(c, raw), acc_bits, clamped)
			                     : qmac_clamp128((qmac_int128)raw, acc_bits, clamped);
		}
		memset(to + tile->len, 0, tile->after * sizeof *to);
	}
}

/* Do containers fit ACC as they are? */
static bool fits_acc(const struct qmac_device *device, const struct qmac_command *c)
{
	return c->is_signed && 8 << c->container <= device->hw.acc_bits;
}

/* What is known of ACC rows that were loaded. */
static void note_acc(struct qmac_device *device, const struct qmac_command *c, uint32_t row, uint32_t rows)
{
	uint32_t cols = (uint32_t)device->hw.cols;
	int acc_bits = device->hw.acc_bits, container_bits = (8 << c->container) + (c->is_signed ? 0 : 1);
	int bound = container_bits < acc_bits ? container_bits : acc_bits;

	for (uint32_t i = 0; i < rows; i++, row += c->ds0)
		if (c->keep || c->container <= QMAC_CONTAINER_HALF)
			qmac_device_acc_bits(device, row, c->keep ? 0 : cols, bound);
		else
			qmac_device_acc_measure(device, row); /* they are often wider than what is in them */
}

/* As load_operands. */
static void load_acc(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                     const uint8_t *from)
{
	struct qmac_device *device = unit->device;
	int64_t *to = qmac_device_acc(device, row);
	int cols = device->hw.cols;
	const struct qmac_tile tile = tile_of(c, rows, cols);

	clear_lanes(c, rows, cols, to, sizeof *to, !from);
	if (from && fits_acc(device, c))
		mover(device)->widen(&tile, from, to + c->lane0);
	else if (from)
		load_words(unit, c, &tile, from, to + c->lane0);
	note_acc(device, c, row, rows);
	if (device->options.digests)
		qmac_device_digest_acc(unit, row, c->keep ? c->lane0 : 0, c->keep ? c->len : (uint32_t)cols);
}

static void load_table(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                       const uint8_t *from)
{
	uint32_t *lut = unit->device->lut;

	for (uint32_t i = 0; i < rows; i++, row += c->ds0) {
		lut[row] = from ? (uint32_t)qmac_container_read(from + i * (size_t)c->s0, c->container) : 0;
		if (unit->device->options.digests)
			qmac_device_digest(unit, QMAC_SPACE_LUT, row, 0, lut[row]);
	}
}

/* As load_operands, for every space. */
static void load_rows(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                      const uint8_t *from)
{
	/* A digest is of every row as it is written, those that are written again among them. */
	uint32_t together = unit->device->options.digests ? 1 : rows;

	for (uint32_t i = 0; i < rows; i += together, row += together * c->ds0) {
		if (c->space <= QMAC_SPACE_W)
			load_operands(unit, c, row, together, from);
		else if (c->space == QMAC_SPACE_ACC)
			load_acc(unit, c, row, together, from);
		else
			load_table(unit, c, row, together, from);
		if (from)
			from += (size_t)together * c->s0;
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

/* Before iterations of the innermost loop write: whoever wants to know of it is told. */
static void announce(const struct qmac_device *device, const struct qmac_command *c, uint32_t rows,
                     uint64_t address)
{
	for (uint32_t i = 0; i < rows; i++, address += c->s0)
		device->options.on_write(device->options.context, address, (uint64_t)c->len << c->container);
}

static void digest_stored(struct qmac_unit *unit, const struct qmac_command *c, uint64_t address)
{
	for (uint32_t j = 0; j < c->len; j++, address += 1U << c->container)
		qmac_device_digest(unit, QMAC_DIGEST_DRAM, address, 0,
		                   qmac_container_read(unit->device->memory + address, c->container));
}

/* `rows` iterations of the innermost loop. */
static void store_rows(struct qmac_unit *unit, const struct qmac_command *c, uint32_t row, uint32_t rows,
                       uint64_t address)
{
	struct qmac_device *device = unit->device;
	const struct qmac_tile tile = tile_of(c, rows, device->hw.cols);

	if (device->options.on_write)
		announce(device, c, rows, address);
	unit->outcome.container_saturations += mover(device)->fit(&tile, qmac_device_acc(device, row) + c->lane0,
	                                                          device->memory + address);
	if (device->options.digests)
		digest_stored(unit, c, address);
}

void qmac_device_store(struct qmac_unit *unit, const struct qmac_command *c)
{
	uint32_t rows = c->hi0 - c->lo0 + 1, together = unit->device->options.digests ? 1 : rows;

	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = c->lo1; i1 <= c->hi1; i1++)
			for (uint32_t i0 = c->lo0; i0 <= c->hi0; i0 += together)
				store_rows(unit, c, c->row + i2 * c->ds2 + i1 * c->ds1 + i0 * c->ds0, together,
				           qmac_device_address(c, i2, i1, i0));
}
