#include "time/transfer.h"

enum { AXI_BOUNDARY = 4096 };

#define ADDRESS_MASK 0xFFFFFFFFFFFFULL

struct qmac_transfer qmac_transfer_of(const struct qmac_command *c)
{
	return (struct qmac_transfer){
		.base = c->base, .s0 = c->s0, .s1 = c->s1, .s2 = c->s2, .n0 = c->n0, .n1 = c->n1, .n2 = c->n2,
		.lo0 = c->lo0, .hi0 = c->hi0, .lo1 = c->lo1, .hi1 = c->hi1,
		.row_bytes = c->len << c->container, .coalesce = c->coalesce,
	};
}

bool qmac_transfer_run(const struct qmac_transfer *t, struct qmac_place *place, uint64_t *address,
                       uint64_t *bytes, uint64_t *outside)
{
	*outside = 0;
	while (place->i2 < t->n2) {
		bool inside1 = place->i1 >= t->lo1 && place->i1 <= t->hi1;
		bool inside = inside1 && place->i0 >= t->lo0 && place->i0 <= t->hi0;
		bool whole = t->coalesce && inside1;

		*address = (t->base + (uint64_t)place->i2 * t->s2 + (uint64_t)place->i1 * t->s1 +
		            (uint64_t)place->i0 * t->s0) & ADDRESS_MASK;
		*bytes = whole ? (uint64_t)t->row_bytes * t->n0 : t->row_bytes;
		place->i0 = whole ? t->n0 : place->i0 + 1;
		if (place->i0 == t->n0) {
			place->i0 = 0;
			place->i1++;
		}
		if (place->i1 == t->n1) {
			place->i1 = 0;
			place->i2++;
		}
		if (inside)
			return true;
		++*outside;
	}
	return false;
}

uint64_t qmac_burst_bytes(const struct qmac_hw *hw, uint64_t address, uint64_t bytes)
{
	uint64_t bus = (uint64_t)hw->bus_bytes;
	uint64_t room = (address & ~(bus - 1)) + (uint64_t)hw->burst_beats * bus - address;
	uint64_t boundary = AXI_BOUNDARY - (address & (AXI_BOUNDARY - 1));

	if (room > boundary)
		room = boundary;
	return bytes < room ? bytes : room;
}

/* Bursts of one run: each page of AXI_BOUNDARY bytes is cut on its own, from its first bus word. */
static uint64_t run_bursts(const struct qmac_hw *hw, uint64_t address, uint64_t bytes)
{
	uint64_t most = (uint64_t)hw->burst_beats * (uint64_t)hw->bus_bytes;
	uint64_t begin = address & ~((uint64_t)hw->bus_bytes - 1), end = address + bytes;
	uint64_t page_end = (address | (AXI_BOUNDARY - 1)) + 1, whole;

	if (end <= page_end)
		return end - begin <= most ? 1 : (end - begin + most - 1) / most;
	whole = (end - page_end) / AXI_BOUNDARY;
	return (page_end - begin + most - 1) / most + whole * ((AXI_BOUNDARY + most - 1) / most) +
	       ((end - page_end) % AXI_BOUNDARY + most - 1) / most;
}

uint64_t qmac_transfer_bursts(const struct qmac_hw *hw, const struct qmac_transfer *t)
{
	uint64_t count = 0;

	for (uint32_t i2 = 0; i2 < t->n2; i2++)
		for (uint32_t i1 = t->lo1; i1 <= t->hi1; i1++) {
			uint64_t line = t->base + (uint64_t)i2 * t->s2 + (uint64_t)i1 * t->s1;

			if (t->coalesce) {
				count += run_bursts(hw, line & ADDRESS_MASK, (uint64_t)t->row_bytes * t->n0);
				continue;
			}
			for (uint32_t i0 = t->lo0; i0 <= t->hi0; i0++)
				count += run_bursts(hw, (line + (uint64_t)i0 * t->s0) & ADDRESS_MASK, t->row_bytes);
		}
	return count;
}
