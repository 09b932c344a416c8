/* The memory and its three masters (docs/timing.md), one step a cycle. */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "reference/ref_fields.h"
#include "reference/ref_time.h"

/* ---- the memory ---- */

uint64_t ref_beat_step(const struct qmac_hw *hw)
{
	uint64_t per_cycle = (uint64_t)hw->dram_bytes_per_cycle; /* in 1/256 byte */
	uint64_t step = (256 * 256 * (uint64_t)hw->bus_bytes + per_cycle - 1) / per_cycle;

	return step < 256 ? 256 : step;
}

uint64_t ref_memory_burst(struct ref_memory *memory, const struct qmac_hw *hw, uint64_t now, uint64_t address,
                          uint64_t beats, bool is_write)
{
	uint64_t interleave = hw->dram_row_bytes < 2048 ? (uint64_t)hw->dram_row_bytes : 2048;
	uint64_t bank = address / interleave % (uint64_t)hw->dram_banks;
	uint64_t row = address / ((uint64_t)hw->dram_banks * (uint64_t)hw->dram_row_bytes);
	uint64_t first = 256 * now + 256 * (uint64_t)hw->dram_latency;
	uint64_t free = memory->data_free;

	if (memory->open_row[bank] != row + 1)
		first += 256 * (uint64_t)hw->dram_miss;
	if (is_write != memory->is_write)
		free += 256 * (uint64_t)hw->dram_turnaround;
	if (first < free)
		first = free;
	memory->open_row[bank] = row + 1;
	memory->data_free = first + beats * ref_beat_step(hw);
	memory->is_write = is_write;
	return first;
}

/* A burst requested now. */
static uint64_t ask_memory(struct ref_time *time, uint64_t address, uint64_t beats, bool is_write)
{
	return ref_memory_burst(&time->memory, &time->hw, time->now, address, beats, is_write);
}

uint64_t ref_burst_bytes(const struct qmac_hw *hw, uint64_t at, uint64_t end)
{
	uint64_t bus = (uint64_t)hw->bus_bytes;
	uint64_t longest = at / bus * bus + (uint64_t)hw->burst_beats * bus;
	uint64_t page = (at / 4096 + 1) * 4096;

	if (end > longest)
		end = longest;
	if (end > page)
		end = page;
	return end - at;
}

/* ---- FETCH ---- */

/* Descriptors of the next chunk; 0: none are written, or there are no places for them. */
static uint64_t next_chunk(const struct ref_time *time, uint64_t cycle)
{
	const struct ref_fetch *fetch = &time->fetch;
	uint64_t count = time->commands - fetch->requested;
	uint64_t to_end = time->ring_entries - fetch->requested % time->ring_entries;

	if (count > QMAC_FETCH_CHUNK)
		count = QMAC_FETCH_CHUNK;
	if (count > to_end)
		count = to_end;
	if (count > 0 && fetch->requested + count > 2 * QMAC_FETCH_CHUNK &&
	    time->command[fetch->requested + count - 1 - 2 * QMAC_FETCH_CHUNK]->dispatch >= cycle)
		return 0;
	return count;
}

bool ref_fetch_idle(const struct ref_time *time, uint64_t cycle)
{
	return time->fetch.at == time->fetch.end && next_chunk(time, cycle) == 0;
}

static void begin_chunk(struct ref_time *time, uint64_t count)
{
	struct ref_fetch *fetch = &time->fetch;

	fetch->descriptor = fetch->requested;
	fetch->at = time->ring_base + fetch->requested % time->ring_entries * QMAC_COMMAND_BYTES;
	fetch->end = fetch->at + count * QMAC_COMMAND_BYTES;
	fetch->requested += count;
}

void ref_fetch_request(struct ref_time *time, bool *read_taken)
{
	struct ref_fetch *fetch = &time->fetch;
	uint64_t *done = &fetch->done[fetch->issued % (uint64_t)time->hw.outstanding];
	uint64_t bytes, beats, first, bus = (uint64_t)time->hw.bus_bytes;

	if (*read_taken || ref_fetch_idle(time, time->now))
		return;
	if (fetch->issued >= (uint64_t)time->hw.outstanding && *done >= time->now)
		return;
	*read_taken = true;
	if (fetch->at == fetch->end)
		begin_chunk(time, next_chunk(time, time->now));
	bytes = ref_burst_bytes(&time->hw, fetch->at, fetch->end);
	beats = (fetch->at + bytes - 1) / bus - fetch->at / bus + 1;
	first = ask_memory(time, fetch->at, beats, false);
	for (uint64_t i = 0; i < beats; i++) {
		uint64_t arrival = (first + i * ref_beat_step(&time->hw)) / 256;
		uint64_t word_end = (fetch->at / bus + 1) * bus;

		*done = arrival;
		fetch->last_beat = fetch->last_beat + 1 > arrival + 1 ? fetch->last_beat + 1 : arrival + 1;
		for (; fetch->at < word_end && fetch->at < fetch->end; fetch->at++)
			if (fetch->at % QMAC_COMMAND_BYTES == QMAC_COMMAND_BYTES - 1)
				time->command[fetch->descriptor++]->ready = fetch->last_beat;
	}
	fetch->issued++;
}

/* ---- LOAD and STORE: what a command moves ---- */

/* Room for one element more. */
static void *grow(void *array, uint64_t count, uint64_t *room, size_t size)
{
	if (count < *room)
		return array;
	*room = *room ? 2 * *room : 64;
	array = realloc(array, *room * size);
	assert(array);
	return array;
}

static void add_pair(struct ref_mover *mover, uint64_t beat, bool outside, bool first, bool last)
{
	mover->pair = grow(mover->pair, mover->pairs, &mover->pair_room, sizeof *mover->pair);
	mover->pair[mover->pairs++] = (struct ref_pair){beat, outside, first, last};
}

/* The beat of bytes from .. to-1 of a run of rows that begins at run. */
static void add_beat(struct ref_mover *mover, uint64_t from, uint64_t to, uint64_t run, uint64_t row_bytes)
{
	uint64_t first = (from - run) / row_bytes, last = (to - 1 - run) / row_bytes;

	mover->beat = grow(mover->beat, mover->beats, &mover->beat_room, sizeof *mover->beat);
	mover->beat[mover->beats] = (struct ref_beat){mover->bursts, REF_NEVER, REF_NEVER};
	for (uint64_t row = first; row <= last; row++)
		add_pair(mover, mover->beats, false, row == first, row == last);
	mover->beats++;
}

static void add_run(const struct qmac_hw *hw, struct ref_mover *mover, uint64_t run, uint64_t row_bytes,
                    uint64_t rows)
{
	uint64_t end = run + rows * row_bytes, bus = (uint64_t)hw->bus_bytes;

	for (uint64_t at = run; at < end;) {
		uint64_t stop = at + ref_burst_bytes(hw, at, end), beats = mover->beats, address = at;

		while (at < stop) {
			uint64_t to = (at / bus + 1) * bus < stop ? (at / bus + 1) * bus : stop;

			add_beat(mover, at, to, run, row_bytes);
			at = to;
		}
		mover->burst = grow(mover->burst, mover->bursts, &mover->burst_room, sizeof *mover->burst);
		mover->burst[mover->bursts++] = (struct ref_burst){
			address, REF_NEVER, REF_NEVER, REF_NEVER, mover->beats - beats, mover->beats,
		};
	}
}

/* The rows of one (i2, i1). */
static void add_rows(const struct qmac_hw *hw, struct ref_mover *mover, uint64_t base, bool inside)
{
	const uint32_t *words = mover->command->words;
	uint64_t row_bytes = (uint64_t)(REF_GET(words, MOVE, len) << REF_GET(words, MOVE, container));
	bool is_load = REF_GET(words, COMMON, opcode) == QMAC_OPCODE_LOAD;
	int64_t n0 = REF_GET(words, MOVE, n0);

	if (inside && REF_GET(words, MOVE, coalesce)) {
		add_run(hw, mover, base & 0xFFFFFFFFFFFF, row_bytes, (uint64_t)n0);
		return;
	}
	for (int64_t i0 = 0; i0 < n0; i0++) {
		uint64_t at = base + (uint64_t)(i0 * REF_GET(words, MOVE, s0));

		if (inside && REF_GET(words, MOVE, lo0) <= i0 && i0 <= REF_GET(words, MOVE, hi0))
			add_run(hw, mover, at & 0xFFFFFFFFFFFF, row_bytes, 1);
		else if (is_load)
			add_pair(mover, 0, true, true, true);
	}
}

void ref_mover_begin(const struct ref_time *time, struct ref_mover *mover, struct ref_time_command *command)
{
	const uint32_t *words = command->words;

	mover->command = command;
	mover->bursts = mover->beats = mover->pairs = 0;
	mover->next_burst = mover->next_pair = mover->next_sent = mover->next_done = 0;
	for (int64_t i2 = 0; i2 < REF_GET(words, MOVE, n2); i2++)
		for (int64_t i1 = 0; i1 < REF_GET(words, MOVE, n1); i1++) {
			uint64_t base = (uint64_t)ref_base(words) + (uint64_t)(i2 * REF_GET(words, MOVE, s2)) +
			                (uint64_t)(i1 * REF_GET(words, MOVE, s1));

			add_rows(&time->hw, mover, base,
			         REF_GET(words, MOVE, lo1) <= i1 && i1 <= REF_GET(words, MOVE, hi1));
		}
	command->pairs = mover->pairs;
}

/* ---- LOAD and STORE: what happens ----
 *
 * A command retires after all its bursts are done and all its beats have left the FIFO. So
 * nothing of the command before it can hold it up, and numbers are counted from its own start.
 */

static uint64_t fifo_beats(const struct ref_time *time)
{
	return (uint64_t)time->hw.outstanding * (uint64_t)time->hw.burst_beats;
}

/* May the next burst be requested, as far as start and bursts in flight are concerned? */
static bool may_request(const struct ref_time *time, const struct ref_mover *mover)
{
	uint64_t outstanding = (uint64_t)time->hw.outstanding;

	if (!mover->command || mover->command->start >= time->now || mover->next_burst == mover->bursts)
		return false;
	return mover->next_burst < outstanding || mover->burst[mover->next_burst - outstanding].done < time->now;
}

void ref_load_request(struct ref_time *time, bool *read_taken)
{
	struct ref_mover *load = &time->load;
	struct ref_burst *burst;
	uint64_t first;

	if (*read_taken || !may_request(time, load))
		return;
	burst = &load->burst[load->next_burst];
	if (burst->end > fifo_beats(time) && load->beat[burst->end - 1 - fifo_beats(time)].out >= time->now)
		return;
	*read_taken = true;
	load->next_burst++;
	burst->issue = time->now;
	first = ask_memory(time, burst->address, burst->beats, false);
	for (uint64_t i = 0; i < burst->beats; i++) {
		burst->done = (first + i * ref_beat_step(&time->hw)) / 256;
		load->beat[burst->end - burst->beats + i].in = burst->done;
	}
}

void ref_load_unpack(struct ref_time *time)
{
	struct ref_mover *load = &time->load;
	struct ref_pair *pair;

	if (!load->command || load->command->start >= time->now)
		return;
	pair = &load->pair[load->next_pair];
	if (!pair->outside && load->beat[pair->beat].in >= time->now)
		return;
	if (!pair->outside && pair->last)
		load->beat[pair->beat].out = time->now;
	if (++load->next_pair == load->pairs) {
		load->command->retire = time->now + QMAC_MOVE_LATENCY;
		load->command = NULL;
	}
}

void ref_store_request(struct ref_time *time)
{
	struct ref_mover *store = &time->store;
	struct ref_burst *burst;
	uint64_t first;

	if (!may_request(time, store))
		return;
	burst = &store->burst[store->next_burst];
	if (store->beat[burst->end - 1].in >= time->now)
		return;
	store->next_burst++;
	burst->issue = time->now;
	first = ask_memory(time, burst->address, burst->beats, true);
	burst->response = (first + burst->beats * ref_beat_step(&time->hw)) / 256;
}

static void pack_pair(struct ref_time *time)
{
	struct ref_mover *store = &time->store;
	struct ref_pair *pair = &store->pair[store->next_pair];

	if (store->next_pair == store->pairs || store->command->start + QMAC_MOVE_LATENCY >= time->now)
		return;
	if (pair->first && pair->beat >= fifo_beats(time) &&
	    store->beat[pair->beat - fifo_beats(time)].out >= time->now)
		return;
	if (pair->last)
		store->beat[pair->beat].in = time->now;
	store->next_pair++;
}

void ref_store_pack(struct ref_time *time)
{
	struct ref_mover *store = &time->store;
	struct ref_beat *beat;

	if (!store->command)
		return;
	pack_pair(time);
	beat = &store->beat[store->next_sent];
	if (store->next_sent < store->beats && store->burst[beat->burst].issue < time->now) {
		beat->out = time->now;
		store->next_sent++;
	}
	/* REF_NEVER, the response to a burst not yet requested, is not there either. */
	if (store->burst[store->next_done].response > time->now)
		return;
	store->burst[store->next_done].done = time->now;
	if (++store->next_done == store->bursts) {
		store->command->retire = time->now + 1;
		store->command = NULL;
	}
}
