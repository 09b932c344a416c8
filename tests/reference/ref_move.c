/* LOAD and STORE of the reference device. */
#include "reference/ref_device.h"
#include "reference/ref_fields.h"

#define MOVE(name) REF_GET(words, MOVE, name)

/* One iteration of the loop nest. */
struct place {
	int64_t row;    /* of the scratchpad */
	ref_int address; /* of element 0 */
	bool inside;    /* the window */
};

static struct place place_of(const uint32_t *words, int64_t i2, int64_t i1, int64_t i0)
{
	struct place place;

	place.row = MOVE(row) + i2 * MOVE(ds2) + i1 * MOVE(ds1) + i0 * MOVE(ds0);
	place.address = (ref_base(words) + i2 * MOVE(s2) + i1 * MOVE(s1) + i0 * MOVE(s0)) % ref_power(48);
	place.inside = MOVE(lo1) <= i1 && i1 <= MOVE(hi1) && MOVE(lo0) <= i0 && i0 <= MOVE(hi0);
	return place;
}

static ref_int read_container(const struct ref_device *device, const uint32_t *words, ref_int address)
{
	int bytes = (int)ref_power((int)MOVE(container));
	ref_int value = 0;

	for (int i = 0; i < bytes; i++)
		value += device->memory[(address + i) % ref_power(48)] * ref_power(8 * i);
	if (MOVE(is_signed) && value >= ref_power(8 * bytes - 1))
		value -= ref_power(8 * bytes);
	return value;
}

static void write_container(struct ref_device *device, const uint32_t *words, ref_int address, int64_t word,
                            struct ref_record *record)
{
	int bytes = (int)ref_power((int)MOVE(container));
	ref_int low = MOVE(is_signed) ? -ref_power(8 * bytes - 1) : 0;
	ref_int high = (MOVE(is_signed) ? ref_power(8 * bytes - 1) : ref_power(8 * bytes)) - 1;
	ref_int value = word < low ? low : word > high ? high : word;
	ref_int bare = value < 0 ? value + ref_power(8 * bytes) : value;

	record->container_saturations += value != word;
	record->digest += ref_digest(4, (uint64_t)(address % ref_power(48)), 0, (uint64_t)bare);
	for (int i = 0; i < bytes; i++)
		device->memory[(address + i) % ref_power(48)] =
			(uint8_t)(ref_floor_div(bare, ref_power(8 * i)) % 256);
}

/* Bursts of one run of bytes: each ends at a multiple of the burst length or at 4 KB. */
static uint64_t bursts_of_run(const struct qmac_hw *hw, ref_int start, ref_int length)
{
	ref_int end = start + length;
	uint64_t bursts = 0;

	while (start < end) {
		ref_int full = ref_floor_div(start, hw->bus_bytes) * hw->bus_bytes + hw->burst_beats * hw->bus_bytes;
		ref_int page = (ref_floor_div(start, 4096) + 1) * 4096;

		start = full < page ? full : page;
		bursts++;
	}
	return bursts;
}

/* What iteration (i2,i1,i0) adds to the bytes and bursts of DRAM traffic. */
static void count_traffic(const struct qmac_hw *hw, const uint32_t *words, struct place place, int64_t i0,
                          uint64_t *bytes, uint64_t *bursts)
{
	int64_t row_bytes = MOVE(len) * (int64_t)ref_power((int)MOVE(container));

	if (!place.inside)
		return;
	*bytes += (uint64_t)row_bytes;
	if (!MOVE(coalesce))
		*bursts += bursts_of_run(hw, place.address, row_bytes);
	else if (i0 == 0)
		*bursts += bursts_of_run(hw, place.address, MOVE(n0) * row_bytes);
}

static ref_int placed(struct ref_device *device, const uint32_t *words, ref_int v, struct ref_record *record)
{
	if (MOVE(space) == QMAC_SPACE_LUT)
		return v;
	if (MOVE(space) == QMAC_SPACE_ACC)
		return ref_clamp(v, device->hw.acc_bits, &record->container_saturations);
	return ref_limb(ref_wrap(v, 64), (int)MOVE(lsb), (int)MOVE(nbits), MOVE(limb_unsigned));
}

static void load_row(struct ref_device *device, const uint32_t *words, struct place place,
                     struct ref_record *record)
{
	int64_t space = MOVE(space), bytes = (int64_t)ref_power((int)MOVE(container));
	int64_t lane0 = space == QMAC_SPACE_LUT ? 0 : MOVE(lane0);

	for (int64_t lane = 0; lane < ref_width(&device->hw, space); lane++) {
		int64_t j = lane - lane0;

		if (j >= 0 && j < MOVE(len)) {
			ref_int v = place.inside ? read_container(device, words, place.address + j * bytes) : 0;

			ref_write(device, record, space, place.row, lane, placed(device, words, v, record));
		} else if (!MOVE(keep)) {
			ref_write(device, record, space, place.row, lane, 0);
		}
	}
	++*ref_writes(device, space);
}

void ref_execute_load(struct ref_device *device, const uint32_t *words, struct ref_record *record)
{
	for (int64_t i2 = 0; i2 < MOVE(n2); i2++)
		for (int64_t i1 = 0; i1 < MOVE(n1); i1++)
			for (int64_t i0 = 0; i0 < MOVE(n0); i0++) {
				struct place place = place_of(words, i2, i1, i0);

				load_row(device, words, place, record);
				count_traffic(&device->hw, words, place, i0,
				              &device->counters[QMAC_COUNTER_DRAM_READ_BYTES],
				              &device->counters[QMAC_COUNTER_DRAM_READ_BURSTS]);
			}
}

void ref_execute_store(struct ref_device *device, const uint32_t *words, struct ref_record *record)
{
	int64_t bytes = (int64_t)ref_power((int)MOVE(container));

	for (int64_t i2 = 0; i2 < MOVE(n2); i2++)
		for (int64_t i1 = 0; i1 < MOVE(n1); i1++)
			for (int64_t i0 = 0; i0 < MOVE(n0); i0++) {
				struct place place = place_of(words, i2, i1, i0);

				count_traffic(&device->hw, words, place, i0,
				              &device->counters[QMAC_COUNTER_DRAM_WRITE_BYTES],
				              &device->counters[QMAC_COUNTER_DRAM_WRITE_BURSTS]);
				if (!place.inside)
					continue;
				++*ref_reads(device, QMAC_SPACE_ACC);
				for (int64_t j = 0; j < MOVE(len); j++)
					write_container(device, words, place.address + j * bytes,
					                ref_operand(device, QMAC_SPACE_ACC, place.row, MOVE(lane0) + j,
					                            false),
					                record);
			}
}
