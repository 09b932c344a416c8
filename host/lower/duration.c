#include "lower/duration.h"

#include "isa/command.h"
#include "time/later.h"

static uint64_t divide_up(uint64_t a, uint64_t b)
{
	return (a + b - 1) / b;
}

/* Cycles that the memory needs for so many beats. */
static uint64_t beat_cycles(const struct qmac_hw *hw, uint64_t beats)
{
	uint64_t step = divide_up(256 * (uint64_t)hw->bus_bytes, (uint64_t)hw->dram_bytes_per_cycle);

	return beats * (step > 256 ? step : 256) / 256;
}

uint64_t qmac_move_duration(const struct qmac_hw *hw, const struct qmac_command *c)
{
	uint64_t n0 = c->hi0 - c->lo0 + 1, rows = n0 * (c->hi1 - c->lo1 + 1) * c->n2;
	uint64_t bus = (uint64_t)hw->bus_bytes, row_bytes = (uint64_t)c->len << c->container;
	uint64_t run_bytes = c->coalesce ? n0 * row_bytes : row_bytes, runs = c->coalesce ? rows / n0 : rows;
	uint64_t beats = runs * divide_up(run_bytes, bus);
	uint64_t bursts = runs * divide_up(run_bytes, bus * (uint64_t)hw->burst_beats);
	uint64_t latency = (uint64_t)hw->dram_latency + (uint64_t)hw->dram_miss / 2;
	/* One (beat, row) pair a cycle; what the memory brings; so many bursts on their way at a time. */
	uint64_t pairs = rows * divide_up(row_bytes, bus);
	uint64_t in_flight = bursts * (latency + beat_cycles(hw, divide_up(beats, bursts)) + 1) /
	                     (uint64_t)hw->outstanding;

	if (c->opcode == QMAC_OPCODE_LOAD)
		pairs += (uint64_t)c->n0 * c->n1 * c->n2 - rows;
	return qmac_later(qmac_later(pairs, beat_cycles(hw, beats)), in_flight) + latency + QMAC_MOVE_LATENCY + 1;
}

uint64_t qmac_fetch_interval(const struct qmac_hw *hw)
{
	uint64_t beats = QMAC_FETCH_CHUNK * divide_up(QMAC_COMMAND_BYTES, (uint64_t)hw->bus_bytes);

	/* Two chunks are on their way at a time. */
	return qmac_later(1, qmac_later(beat_cycles(hw, beats) / QMAC_FETCH_CHUNK,
	                                ((uint64_t)hw->dram_latency + beat_cycles(hw, beats)) /
	                                (2 * QMAC_FETCH_CHUNK)));
}
