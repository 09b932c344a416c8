/*
 * LOAD and STORE (docs/command-set.md).
 */
#include <string.h>

#include "device/internal.h"
#include "num/fixed.h"

/* A little-endian container, zero extended. */
static uint64_t read_container(const uint8_t *from, unsigned container)
{
	uint64_t value = 0;

	for (int i = qmac_container_bytes(container) - 1; i >= 0; i--)
		value = value << 8 | from[i];
	return value;
}

static void write_half(uint8_t *to, uint64_t value)
{
	to[0] = (uint8_t)value;
	to[1] = (uint8_t)(value >> 8);
}

static void write_word(uint8_t *to, uint64_t value)
{
	write_half(to, value);
	write_half(to + 2, value >> 16);
}

static void write_container(uint8_t *to, unsigned container, uint64_t value)
{
	switch (container) {
	case QMAC_CONTAINER_BYTE:
		*to = (uint8_t)value;
		break;
	case QMAC_CONTAINER_HALF:
		write_half(to, value);
		break;
	case QMAC_CONTAINER_WORD:
		write_word(to, value);
		break;
	default:
		write_word(to, value);
		write_word(to + 4, value >> 32);
	}
}

static int64_t extend(const struct qmac_command *c, uint64_t raw)
{
	return c->is_signed ? qmac_sign_extend(raw, 8 << c->container) : (int64_t)raw;
}

/* Containers that are worked on together. */
enum { BLOCK = 16 };

#define LITTLE_ENDIAN_HOST (__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__)

/* Halves that are shifted as halves: C would make int of each. */
typedef uint16_t halves __attribute__((vector_size(16)));

enum { HALVES = sizeof(halves) / sizeof(uint16_t) };

/* A LOAD to A or W: how its containers of at most 16 bits become operands. */
struct cut {
	bool of_halves;
	uint16_t lsb;
	halves mask, sign; /* (raw >> lsb & mask), extended from the bit `sign` (0: not) */
};

static struct cut cut_of(const struct qmac_command *c, int bits)
{
	bool extends = !c->limb_unsigned || (int)c->nbits == bits;

	return (struct cut){
		.of_halves = c->container == QMAC_CONTAINER_HALF,
		.lsb = (uint16_t)c->lsb,
		.mask = (halves){0} + (uint16_t)((1U << c->nbits) - 1),
		.sign = (halves){0} + (uint16_t)(extends ? 1U << (c->nbits - 1) : 0),
	};
}

/* BLOCK operands: always as many, so that compilers make vectors of them. */
static inline void cut_block(const struct cut *cut, const uint8_t *from, int16_t *to)
{
	halves raw[BLOCK / HALVES], mask = cut->mask, sign = cut->sign;
	uint16_t container[BLOCK], lsb = cut->lsb;

	if (cut->of_halves)
		for (int j = 0; j < BLOCK; j++)
			container[j] = (uint16_t)(from[2 * j] | from[2 * j + 1] << 8);
	else
		for (int j = 0; j < BLOCK; j++)
			container[j] = from[j];
	memcpy(raw, container, sizeof raw);
	for (int j = 0; j < BLOCK / HALVES; j++)
		raw[j] = ((raw[j] >> lsb & mask) ^ sign) - sign;
	memcpy(to, raw, sizeof raw);
}

/* `len` operands; from NULL: of zeros. */
static inline void cut_row(const struct cut *cut, uint32_t len, const uint8_t *from, int16_t *to)
{
	uint32_t j = 0;

	for (; from && j + BLOCK <= len; j += BLOCK)
		cut_block(cut, from + (j << cut->of_halves), to + j);
	for (; j < len; j += BLOCK) {
		uint32_t rest = len - j < BLOCK ? len - j : BLOCK;
		uint8_t bytes[2 * BLOCK] = {0};
		int16_t operands[BLOCK];

		if (from)
			memcpy(bytes, from + (j << cut->of_halves), rest << cut->of_halves);
		cut_block(cut, bytes, operands);
		memcpy(to + j, operands, rest * sizeof *operands);
	}
}

/* Containers of more than 16 bits. */
static void cut_wide_row(const struct qmac_command *c, int bits, const uint8_t *from, int16_t *to)
{
	for (uint32_t j = 0; j < c->len; j++) {
		int64_t value = from ? extend(c, read_container(from + (j << c->container), c->container)) : 0;

		value = qmac_limb(value, (int)c->lsb, (int)c->nbits, c->limb_unsigned);
		to[j] = (int16_t)qmac_sign_extend((uint64_t)value, bits);
	}
}

static void digest_loaded(struct qmac_device *device, const struct qmac_command *c, uint32_t row)
{
	int lanes, bits;
	const int16_t *operands = qmac_device_operands(device, c->space, row, &lanes, &bits);

	if (!c->keep)
		qmac_device_digest_operands(device, c->space, row);
	for (uint32_t j = c->lane0; c->keep && j < c->lane0 + c->len; j++)
		qmac_device_digest(device, c->space, row, j,
		                   (uint64_t)qmac_zero_extend((uint64_t)operands[j], bits));
}

/*
 * Are rows of the innermost loop neighbours, here as in memory, with nothing between them? Then they are as
 * good as one, of containers of at most 16 bits.
 */
static bool is_one_run(const struct qmac_device *device, const struct qmac_command *c, int lanes)
{
	return c->ds0 == 1 && (int)c->len == lanes && c->s0 == c->len << c->container &&
	       c->container <= QMAC_CONTAINER_HALF && !device->options.digests;
}

/* `rows` iterations of the innermost loop, the first of which reads `from`; NULL: all read zeros. */
static void load_operands(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
                          uint32_t rows, const uint8_t *from)
{
	int lanes, bits;
	int16_t *to = qmac_device_operands(device, c->space, row, &lanes, &bits);
	const struct cut cut = cut_of(c, bits);

	qmac_device_operands_written(device, c->space, row, rows, c->ds0);
	if (from && is_one_run(device, c, lanes)) {
		cut_row(&cut, rows * c->len, from, to);
		return;
	}
	for (uint32_t i = 0; i < rows; i++, to += (ptrdiff_t)c->ds0 * lanes) {
		const uint8_t *row_from = from ? from + (uint64_t)i * c->s0 : NULL;

		if (!c->keep && c->len < (uint32_t)lanes)
			memset(to, 0, (size_t)lanes * sizeof *to);
		if (c->container <= QMAC_CONTAINER_HALF)
			cut_row(&cut, c->len, row_from, to + c->lane0);
		else
			cut_wide_row(c, bits, row_from, to + c->lane0);
		if (device->options.digests)
			digest_loaded(device, c, row + i * c->ds0);
	}
}

/* `len` signed containers of at most 32 bits, which fit ACC as they are. */
static void widen_row(const struct qmac_command *c, uint32_t len, const uint8_t *from, int64_t *to)
{
	int16_t half;
	int32_t word;

	switch (c->container) {
	case QMAC_CONTAINER_BYTE:
		for (uint32_t j = 0; j < len; j++)
			to[j] = (int8_t)from[j];
		return;
	case QMAC_CONTAINER_HALF:
		for (uint32_t j = 0; j < len; j++) {
			memcpy(&half, from + 2 * j, sizeof half);
			to[j] = half;
		}
		return;
	default:
		for (uint32_t j = 0; j < len; j++) {
			memcpy(&word, from + 4 * j, sizeof word);
			to[j] = word;
		}
	}
}

/* Any containers: limited to ACC. */
static void load_words(struct qmac_device *device, const struct qmac_command *c, const uint8_t *from,
                       int64_t *to)
{
	uint64_t *clamped = &device->counters[QMAC_COUNTER_CONTAINER_SATURATIONS];
	int acc_bits = device->hw.acc_bits;

	for (uint32_t j = 0; j < c->len; j++) {
		uint64_t raw = read_container(from + (j << c->container), c->container);

		/* An unsigned 64-bit container does not fit int64_t. */
		to[j] = c->is_signed ? qmac_clamp(extend(c, raw), acc_bits, clamped)
		                     : qmac_clamp128((qmac_int128)raw, acc_bits, clamped);
	}
}

/* Do containers fit ACC as they are? */
static bool fits_acc(const struct qmac_device *device, const struct qmac_command *c)
{
	return LITTLE_ENDIAN_HOST && c->is_signed && c->container <= QMAC_CONTAINER_WORD &&
	       8 << c->container <= device->hw.acc_bits;
}

static void load_acc(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
				const uint8_t *from)
{
	int64_t *to = qmac_device_acc(device, row);
	uint32_t cols = (uint32_t)device->hw.cols;
	int acc_bits = device->hw.acc_bits, container_bits = (8 << c->container) + (c->is_signed ? 0 : 1);
	int bound = container_bits < acc_bits ? container_bits : acc_bits;

	if (!c->keep)
		memset(to, 0, cols * sizeof *to);
	if (!from)
		memset(to + c->lane0, 0, c->len * sizeof *to);
	else if (fits_acc(device, c))
		widen_row(c, c->len, from, to + c->lane0);
	else
		load_words(device, c, from, to + c->lane0);
	if (c->keep || c->container <= QMAC_CONTAINER_HALF)
		qmac_device_acc_bits(device, row, c->keep ? 0 : cols, bound);
	else
		qmac_device_acc_measure(device, row); /* such containers are often wider than what is in them */
	if (device->options.digests)
		qmac_device_digest_acc(device, row, c->keep ? c->lane0 : 0, c->keep ? c->len : cols);
}

static void load_word(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
                      const uint8_t *from)
{
	device->lut[row] = from ? (uint32_t)read_container(from, c->container) : 0;
	if (device->options.digests)
		qmac_device_digest(device, QMAC_SPACE_LUT, row, 0, device->lut[row]);
}

/* As load_operands, for every space. */
static void load_rows(struct qmac_device *device, const struct qmac_command *c, uint32_t row, uint32_t rows,
                      const uint8_t *from)
{
	if (rows && c->space <= QMAC_SPACE_W) {
		load_operands(device, c, row, rows, from);
		return;
	}
	if (from && c->space == QMAC_SPACE_ACC && is_one_run(device, c, device->hw.cols) && fits_acc(device, c)) {
		widen_row(c, rows * c->len, from, qmac_device_acc(device, row));
		for (uint32_t i = 0; i < rows; i++)
			qmac_device_acc_bits(device, row + i, c->len, 8 << c->container);
		return;
	}
	for (uint32_t i = 0; i < rows; i++) {
		const uint8_t *row_from = from ? from + (uint64_t)i * c->s0 : NULL;

		if (c->space == QMAC_SPACE_LUT)
			load_word(device, c, row + i * c->ds0, row_from);
		else
			load_acc(device, c, row + i * c->ds0, row_from);
	}
}

void qmac_device_load(struct qmac_device *device, const struct qmac_command *c)
{
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = 0; i1 < c->n1; i1++) {
			uint32_t row = c->row + i2 * c->ds2 + i1 * c->ds1, rest = c->hi0 + 1;

			if (i1 < c->lo1 || i1 > c->hi1) {
				load_rows(device, c, row, c->n0, NULL);
				continue;
			}
			/* In the window addresses do not wrap: the memory answers. */
			load_rows(device, c, row, c->lo0, NULL);
			load_rows(device, c, row + c->lo0 * c->ds0, rest - c->lo0,
			          device->memory + qmac_device_address(c, i2, i1, c->lo0));
			load_rows(device, c, row + rest * c->ds0, c->n0 - rest, NULL);
		}
}

/* v limited to the container, as raw bits; counted. */
static uint64_t fit_container(struct qmac_device *device, const struct qmac_command *c, int64_t v)
{
	uint64_t *clamped = &device->counters[QMAC_COUNTER_CONTAINER_SATURATIONS];
	int bits = 8 << c->container;
	int64_t high = bits < 64 ? (int64_t)(1ULL << bits) - 1 : INT64_MAX;

	if (c->is_signed)
		return (uint64_t)qmac_zero_extend((uint64_t)qmac_clamp(v, bits, clamped), bits);
	if (v >= 0 && v <= high)
		return (uint64_t)v;
	++*clamped;
	return v < 0 ? 0 : (uint64_t)high;
}

/* Words that fit the container. */
static void store_fitting(const struct qmac_command *c, const int64_t *from, uint8_t *to)
{
	uint32_t len = c->len, word;
	uint16_t half;

	switch (LITTLE_ENDIAN_HOST ? (int)c->container : -1) {
	case QMAC_CONTAINER_BYTE:
		for (uint32_t j = 0; j < len; j++)
			to[j] = (uint8_t)from[j];
		return;
	case QMAC_CONTAINER_HALF:
		for (uint32_t j = 0; j < len; j++) {
			half = (uint16_t)from[j];
			memcpy(to + 2 * j, &half, sizeof half);
		}
		return;
	case QMAC_CONTAINER_WORD:
		for (uint32_t j = 0; j < len; j++) {
			word = (uint32_t)from[j];
			memcpy(to + 4 * j, &word, sizeof word);
		}
		return;
	default:
		for (uint32_t j = 0; j < len; j++)
			write_container(to + (j << c->container), c->container, (uint64_t)from[j]);
	}
}

/* Do the row's words fit the container? Bounds may be wider than they are. */
static bool fits_container(struct qmac_device *device, const struct qmac_command *c, uint32_t row)
{
	int bits = 8 << c->container;

	if (c->is_signed && qmac_device_acc_width(device, row) > bits)
		qmac_device_acc_measure(device, row);
	return c->is_signed && qmac_device_acc_width(device, row) <= bits;
}

static void store_row(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
				uint64_t address)
{
	const int64_t *from = qmac_device_acc(device, row) + c->lane0;
	bool plain = fits_container(device, c, row) && !device->options.digests;

	if (device->options.on_write)
		device->options.on_write(device->options.context, address, (uint64_t)c->len << c->container);
	if (plain)
		store_fitting(c, from, device->memory + address);
	for (uint32_t j = 0; !plain && j < c->len; j++) {
		uint64_t value = fit_container(device, c, from[j]), at = address + (j << c->container);

		write_container(device->memory + at, c->container, value);
		if (device->options.digests)
			qmac_device_digest(device, QMAC_DIGEST_DRAM, at, 0, value);
	}
}

void qmac_device_store(struct qmac_device *device, const struct qmac_command *c)
{
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = c->lo1; i1 <= c->hi1; i1++)
			for (uint32_t i0 = c->lo0; i0 <= c->hi0; i0++)
				store_row(device, c, c->row + i2 * c->ds2 + i1 * c->ds1 + i0 * c->ds0,
				          qmac_device_address(c, i2, i1, i0));
}
