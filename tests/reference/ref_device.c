/* State of the reference device, and what all commands have in common. */
#include "reference/ref_device.h"

#include <stdlib.h>
#include <string.h>

#include "reference/ref_fields.h"

int ref_width(const struct qmac_hw *hw, int64_t space)
{
	return space == QMAC_SPACE_A ? hw->rows : space == QMAC_SPACE_LUT ? 1 : hw->cols;
}

int64_t ref_depth(const struct qmac_hw *hw, int64_t space)
{
	return space == QMAC_SPACE_A     ? hw->a_depth
	       : space == QMAC_SPACE_W   ? hw->w_depth
	       : space == QMAC_SPACE_ACC ? hw->acc_depth
	                                 : (int64_t)ref_power(hw->lut_bits);
}

int ref_word_bits(const struct qmac_hw *hw, int64_t space)
{
	return space == QMAC_SPACE_A     ? hw->a_bits
	       : space == QMAC_SPACE_W   ? hw->w_bits
	       : space == QMAC_SPACE_ACC ? hw->acc_bits
	                                 : 32;
}

bool ref_device_init(struct ref_device *device, const struct qmac_hw *hw, uint64_t memory_bytes)
{
	bool complete;

	memset(device, 0, sizeof *device);
	device->hw = *hw;
	device->memory_bytes = device->mem_size = memory_bytes;
	device->memory = calloc(memory_bytes, 1);
	complete = device->memory != NULL;
	for (int space = 0; space < 4; space++) {
		device->space[space] = calloc((size_t)(ref_depth(hw, space) * ref_width(hw, space)), 8);
		complete = complete && device->space[space];
	}
	if (!complete)
		ref_device_free(device);
	return complete;
}

void ref_device_free(struct ref_device *device)
{
	free(device->memory);
	device->memory = NULL;
	for (int space = 0; space < 4; space++) {
		free(device->space[space]);
		device->space[space] = NULL;
	}
}

uint64_t ref_peek(const struct ref_device *device, int64_t space, int64_t row, int64_t lane)
{
	return device->space[space][row * ref_width(&device->hw, space) + lane];
}

void ref_poke(struct ref_device *device, int64_t space, int64_t row, int64_t lane, uint64_t value)
{
	int bits = ref_word_bits(&device->hw, space);
	int64_t number = ref_wrap((ref_int)value, bits);
	uint64_t bare = (uint64_t)(number < 0 ? number + ref_power(bits) : number);

	device->space[space][row * ref_width(&device->hw, space) + lane] =
		space == QMAC_SPACE_ACC ? (uint64_t)number : bare;
}

int64_t ref_operand(const struct ref_device *device, int64_t space, int64_t row, int64_t lane,
                    bool is_unsigned)
{
	uint64_t bare = ref_peek(device, space, row, lane);

	if (space == QMAC_SPACE_ACC || !is_unsigned)
		return ref_wrap((ref_int)bare, ref_word_bits(&device->hw, space));
	return (int64_t)bare;
}

uint64_t ref_digest(uint64_t space, uint64_t row, uint64_t lane, uint64_t value)
{
	uint64_t place = (space << 58) ^ (row << 8) ^ lane;
	uint64_t h = value * 0x9E3779B97F4A7C15U + place;

	h ^= h >> 32;
	h *= 0xD6E8FEB86659FD93U;
	h ^= h >> 29;
	h *= 0xC2B2AE3D27D4EB4FU;
	return h ^ (h >> 32);
}

void ref_write(struct ref_device *device, struct ref_record *record, int64_t space, int64_t row, int64_t lane,
               ref_int value)
{
	ref_poke(device, space, row, lane, (uint64_t)value);
	record->digest += ref_digest((uint64_t)space, (uint64_t)row, (uint64_t)lane,
	                             ref_peek(device, space, row, lane));
}

uint64_t *ref_reads(struct ref_device *device, int64_t space)
{
	return &device->counters[space == QMAC_SPACE_A     ? QMAC_COUNTER_A_READS
	                         : space == QMAC_SPACE_W   ? QMAC_COUNTER_W_READS
	                         : space == QMAC_SPACE_ACC ? QMAC_COUNTER_ACC_READS
	                                                   : QMAC_COUNTER_LUT_READS];
}

uint64_t *ref_writes(struct ref_device *device, int64_t space)
{
	return &device->counters[space == QMAC_SPACE_A     ? QMAC_COUNTER_A_WRITES
	                         : space == QMAC_SPACE_W   ? QMAC_COUNTER_W_WRITES
	                         : space == QMAC_SPACE_ACC ? QMAC_COUNTER_ACC_WRITES
	                                                   : QMAC_COUNTER_LUT_WRITES];
}

unsigned ref_engine(int64_t opcode)
{
	return opcode == QMAC_OPCODE_LOAD    ? QMAC_ENGINE_LOAD
	       : opcode == QMAC_OPCODE_STORE ? QMAC_ENGINE_STORE
	       : opcode == QMAC_OPCODE_SYNC  ? QMAC_ENGINE_CONTROL
	                                     : QMAC_ENGINE_EXECUTE;
}

bool ref_execute(struct ref_device *device, const uint32_t words[QMAC_COMMAND_WORDS],
                 struct ref_record *record)
{
	int64_t opcode = REF_GET(words, COMMON, opcode);

	if (device->fault)
		return false;
	device->fault = ref_fault(&device->hw, device->mem_base, device->mem_size, device->dispatched, words);
	if (device->fault)
		return false;

	*record = (struct ref_record){.number = device->number++,
	                              .engine = ref_engine(opcode),
	                              .opcode = (unsigned)opcode,
	                              .tag = (unsigned)REF_GET(words, COMMON, tag)};
	if (opcode == QMAC_OPCODE_LOAD)
		ref_execute_load(device, words, record);
	else if (opcode == QMAC_OPCODE_STORE)
		ref_execute_store(device, words, record);
	else if (opcode == QMAC_OPCODE_GEMM)
		ref_execute_gemm(device, words, record);
	else if (opcode == QMAC_OPCODE_VEC)
		ref_execute_vec(device, words, record);

	if (opcode != QMAC_OPCODE_SYNC)
		device->dispatched[record->engine]++;
	device->counters[QMAC_COUNTER_COMMANDS]++;
	device->counters[QMAC_COUNTER_ACC_SATURATIONS] += record->acc_saturations;
	device->counters[QMAC_COUNTER_REQUANT_SATURATIONS] += record->requant_saturations;
	device->counters[QMAC_COUNTER_CONTAINER_SATURATIONS] += record->container_saturations;
	return true;
}
