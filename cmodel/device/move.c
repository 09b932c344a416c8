/*
 * LOAD and STORE (docs/command-set.md).
 */
#include <string.h>

#include "device/internal.h"
#include "num/fixed.h"
#include "time/transfer.h"

#define ADDRESS_MASK 0xFFFFFFFFFFFFULL

/* Does every byte of the command lie in the memory that is really there? */
static bool memory_answers(const struct qmac_device *device, const struct qmac_command *c)
{
	uint64_t first = (c->base + (uint64_t)c->lo1 * c->s1 + (uint64_t)c->lo0 * c->s0) & ADDRESS_MASK;
	uint64_t length = (uint64_t)(c->n2 - 1) * c->s2 + (uint64_t)(c->hi1 - c->lo1) * c->s1 +
	                  (uint64_t)(c->hi0 - c->lo0) * c->s0 +
	                  (uint64_t)c->len * (uint64_t)qmac_container_bytes(c->container);

	return first <= device->memory_bytes && length <= device->memory_bytes - first;
}

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

enum { BLOCK = 16 };

/*
 * Limbs of BLOCK containers of at most 16 bits: the low bits of raw >> lsb, extended from `sign` (0: not).
 * Always whole blocks, so that compilers make vectors of them.
 */
static void cut_block(const struct qmac_command *c, uint16_t mask, uint16_t sign, const uint8_t *from,
                      int16_t *to)
{
	uint16_t raw[BLOCK], lsb = (uint16_t)c->lsb;

	if (c->container == QMAC_CONTAINER_BYTE)
		for (int j = 0; j < BLOCK; j++)
			raw[j] = from[j];
	else
		for (int j = 0; j < BLOCK; j++)
			raw[j] = (uint16_t)(from[2 * j] | from[2 * j + 1] << 8);
	for (int j = 0; j < BLOCK; j++)
		raw[j] = (uint16_t)(((raw[j] >> lsb & mask) ^ sign) - sign);
	memcpy(to, raw, sizeof raw);
}

/* The limbs of c->len containers of at most 16 bits (from NULL: of zeros), sign extended to `bits`. */
static void cut_limbs(const struct qmac_command *c, int bits, const uint8_t *from, int16_t *to)
{
	bool extends = !c->limb_unsigned || (int)c->nbits == bits;
	uint16_t mask = (uint16_t)((1U << c->nbits) - 1);
	uint16_t sign = (uint16_t)(extends ? 1U << (c->nbits - 1) : 0);
	uint32_t j = 0;

	for (; from && j + BLOCK <= c->len; j += BLOCK)
		cut_block(c, mask, sign, from + (j << c->container), to + j);
	for (; j < c->len; j += BLOCK) {
		uint32_t rest = c->len - j < BLOCK ? c->len - j : BLOCK;
		uint8_t bytes[2 * BLOCK] = {0};
		int16_t limbs[BLOCK];

		if (from)
			memcpy(bytes, from + (j << c->container), rest << c->container);
		cut_block(c, mask, sign, bytes, limbs);
		memcpy(to + j, limbs, rest * sizeof *limbs);
	}
}

static void load_operands(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
                          const uint8_t *from)
{
	int lanes, bits;
	int16_t *to = qmac_device_operands(device, c->space, row, &lanes, &bits);

	if (!c->keep && c->len < (uint32_t)lanes)
		memset(to, 0, (size_t)lanes * sizeof *to);
	if (c->container <= QMAC_CONTAINER_HALF)
		cut_limbs(c, bits, from, to + c->lane0);
	for (uint32_t j = 0; c->container > QMAC_CONTAINER_HALF && j < c->len; j++) {
		int64_t value = from ? extend(c, read_container(from + (j << c->container), c->container)) : 0;

		value = qmac_limb(value, (int)c->lsb, (int)c->nbits, c->limb_unsigned);
		to[c->lane0 + j] = (int16_t)qmac_sign_extend((uint64_t)value, bits);
	}
	if (!device->options.digests)
		return;
	if (!c->keep)
		qmac_device_digest_operands(device, c->space, row);
	for (uint32_t j = c->lane0; c->keep && j < c->lane0 + c->len; j++)
		qmac_device_digest(device, c->space, row, j, (uint64_t)qmac_zero_extend((uint64_t)to[j], bits));
}

static void load_acc(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
				const uint8_t *from)
{
	int64_t *to = qmac_device_acc(device, row);
	uint32_t cols = (uint32_t)device->hw.cols;
	int acc_bits = device->hw.acc_bits, container_bits = (8 << c->container) + (c->is_signed ? 0 : 1);
	int bound = container_bits < acc_bits ? container_bits : acc_bits;
	uint64_t *clamped = &device->counters[QMAC_COUNTER_CONTAINER_SATURATIONS];

	if (!c->keep)
		memset(to, 0, cols * sizeof *to);
	for (uint32_t j = 0; j < c->len; j++) {
		uint64_t raw = from ? read_container(from + (j << c->container), c->container) : 0;

		/* An unsigned 64-bit container does not fit int64_t. */
		to[c->lane0 + j] = c->is_signed ? qmac_clamp(extend(c, raw), acc_bits, clamped)
		                                : qmac_clamp128((qmac_int128)raw, acc_bits, clamped);
	}
	if (c->keep)
		qmac_device_acc_bits(device, row, 0, bound);
	else
		qmac_device_acc_measure(device, row); /* containers are often wider than what is in them */
	if (device->options.digests)
		qmac_device_digest_acc(device, row, c->keep ? c->lane0 : 0, c->keep ? c->len : cols);
}

static void load_row(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
				const uint8_t *from)
{
	if (c->space == QMAC_SPACE_LUT) {
		device->lut[row] = from ? (uint32_t)read_container(from, c->container) : 0;
		if (device->options.digests)
			qmac_device_digest(device, QMAC_SPACE_LUT, row, 0, device->lut[row]);
	} else if (c->space == QMAC_SPACE_ACC) {
		load_acc(device, c, row, from);
	} else {
		load_operands(device, c, row, from);
	}
}

unsigned qmac_device_load(struct qmac_device *device, const struct qmac_command *c)
{
	static const int writes[] = {QMAC_COUNTER_A_WRITES, QMAC_COUNTER_W_WRITES, QMAC_COUNTER_ACC_WRITES,
	                             QMAC_COUNTER_LUT_WRITES};
	uint64_t row_bytes = (uint64_t)c->len << c->container;
	struct qmac_transfer transfer = qmac_transfer_of(c);

	if (!memory_answers(device, c))
		return QMAC_FAULT_BUS;
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = 0; i1 < c->n1; i1++)
			for (uint32_t i0 = 0; i0 < c->n0; i0++) {
				uint64_t address = (c->base + (uint64_t)i2 * c->s2 + (uint64_t)i1 * c->s1 +
				                    (uint64_t)i0 * c->s0) & ADDRESS_MASK;
				bool inside = i1 >= c->lo1 && i1 <= c->hi1 && i0 >= c->lo0 && i0 <= c->hi0;

				load_row(device, c, c->row + i2 * c->ds2 + i1 * c->ds1 + i0 * c->ds0,
				         inside ? device->memory + address : NULL);
				device->counters[QMAC_COUNTER_DRAM_READ_BYTES] += inside ? row_bytes : 0;
			}
	device->counters[writes[c->space]] += (uint64_t)c->n2 * c->n1 * c->n0;
	device->counters[QMAC_COUNTER_DRAM_READ_BURSTS] += qmac_transfer_bursts(&device->hw, &transfer);
	return QMAC_FAULT_NONE;
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
	if (c->container == QMAC_CONTAINER_WORD)
		for (uint32_t j = 0; j < c->len; j++)
			write_word(to + 4 * j, (uint64_t)from[j]);
	else
		for (uint32_t j = 0; j < c->len; j++)
			write_container(to + (j << c->container), c->container, (uint64_t)from[j]);
}

static void store_row(struct qmac_device *device, const struct qmac_command *c, uint32_t row,
				uint64_t address)
{
	const int64_t *from = qmac_device_acc(device, row) + c->lane0;
	bool fits = c->is_signed && qmac_device_acc_width(device, row) <= 8 << c->container;
	bool plain = fits && !device->options.digests;

	if (plain)
		store_fitting(c, from, device->memory + address);
	for (uint32_t j = 0; !plain && j < c->len; j++) {
		uint64_t value = fit_container(device, c, from[j]), at = address + (j << c->container);

		write_container(device->memory + at, c->container, value);
		if (device->options.digests)
			qmac_device_digest(device, QMAC_DIGEST_DRAM, at, 0, value);
	}
	device->counters[QMAC_COUNTER_ACC_READS]++;
	device->counters[QMAC_COUNTER_DRAM_WRITE_BYTES] += (uint64_t)c->len << c->container;
}

unsigned qmac_device_store(struct qmac_device *device, const struct qmac_command *c)
{
	struct qmac_transfer transfer = qmac_transfer_of(c);

	if (!memory_answers(device, c))
		return QMAC_FAULT_BUS;
	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = c->lo1; i1 <= c->hi1; i1++)
			for (uint32_t i0 = c->lo0; i0 <= c->hi0; i0++)
				store_row(device, c, c->row + i2 * c->ds2 + i1 * c->ds1 + i0 * c->ds0,
				          (c->base + (uint64_t)i2 * c->s2 + (uint64_t)i1 * c->s1 +
				           (uint64_t)i0 * c->s0) & ADDRESS_MASK);
	device->counters[QMAC_COUNTER_DRAM_WRITE_BURSTS] += qmac_transfer_bursts(&device->hw, &transfer);
	return QMAC_FAULT_NONE;
}
