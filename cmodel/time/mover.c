#include "time/mover.h"
#include "time/later.h"

#include <string.h>

void qmac_mover_init(struct qmac_mover *mover, const struct qmac_hw *hw, bool is_write, uint64_t *freed,
                     uint64_t capacity)
{
	memset(mover, 0, sizeof *mover);
	mover->hw = hw;
	mover->is_write = is_write;
	mover->freed = freed;
	mover->capacity = capacity;
	mover->freed_mask = qmac_mover_places(capacity) - 1;
	memset(freed, 0, qmac_mover_places(capacity) * sizeof *freed);
}

uint64_t qmac_mover_places(uint64_t capacity)
{
	uint64_t places = 1;

	while (places < capacity)
		places *= 2;
	return places;
}

uint64_t qmac_mover_freed(const struct qmac_mover *mover, uint64_t beat)
{
	return mover->freed[beat & mover->freed_mask];
}

/* Rows outside the window are zero rows of a LOAD, one cycle of the port each, and nothing to a STORE. */
static bool next_run(struct qmac_mover *m)
{
	uint64_t outside;
	bool more = qmac_transfer_run(&m->transfer, &m->place, &m->run_address, &m->run_bytes, &outside);

	if (!m->is_write) {
		m->port += outside;
		m->pairs += outside;
	}
	m->in_row = 0;
	m->one_row = !m->transfer.coalesce ||
	             ((m->run_address | m->transfer.row_bytes) & ((uint64_t)m->hw->bus_bytes - 1)) == 0;
	return more;
}

/* What is left of a burst of a run in which a beat may hold bytes of several rows. */
struct rest {
	uint32_t bytes, skip; /* skip: bytes of the bus word before them */
};

static struct rest rest_of(const struct qmac_mover *m)
{
	return (struct rest){
		(uint32_t)m->burst_bytes, (uint32_t)m->burst_address & ((uint32_t)m->hw->bus_bytes - 1),
	};
}

/* Rows that have bytes in the next beat, which is taken. */
static inline uint32_t next_rows(struct qmac_mover *m, struct rest *rest)
{
	uint32_t bytes = (uint32_t)m->hw->bus_bytes - rest->skip, end, rows;

	if (bytes > rest->bytes)
		bytes = rest->bytes;
	rest->bytes -= bytes;
	rest->skip = 0;
	end = m->in_row + bytes;
	/* the product is less than 2^32 / row_bytes above end 2^32 / row_bytes: both are less than 2^16 */
	rows = (uint32_t)((uint64_t)end * m->row_inverse >> 32);
	m->in_row = end - rows * m->transfer.row_bytes;
	return rows + (m->in_row > 0);
}

/* STORE: packs the burst's beats; returns the cycle in which the last one is complete. */
static uint64_t pack(struct qmac_mover *m)
{
	uint64_t port = m->port, pairs = 0, end = m->beats + m->burst_beats;
	struct rest rest = {0};

	if (!m->one_row)
		rest = rest_of(m);
	for (uint64_t beat = m->beats; beat < end; beat++) {
		uint32_t rows = m->one_row ? 1 : next_rows(m, &rest);

		if (beat >= m->capacity)
			port = qmac_later(port, qmac_mover_freed(m, beat - m->capacity));
		port += rows;
		pairs += rows;
	}
	m->port = port;
	m->pairs += pairs;
	return port;
}

uint64_t qmac_mover_free(const struct qmac_mover *mover)
{
	uint64_t outstanding = (uint64_t)mover->hw->outstanding;

	return mover->bursts < outstanding
		? 0 : mover->done[(mover->bursts - outstanding) % QMAC_OUTSTANDING_MAX] + 1;
}

static void prepare(struct qmac_mover *m)
{
	int bus_log2 = __builtin_ctz((unsigned)m->hw->bus_bytes);
	uint64_t last;

	if (m->run_bytes == 0 && !next_run(m)) {
		m->run_bytes = 0;
		m->active = false;
		return;
	}
	m->burst_address = m->run_address;
	m->burst_bytes = qmac_burst_bytes(m->hw, m->run_address, m->run_bytes);
	last = m->burst_address + m->burst_bytes - 1;
	m->burst_beats = (uint32_t)((last >> bus_log2) - (m->burst_address >> bus_log2) + 1);
	m->run_address += m->burst_bytes;
	m->run_bytes -= m->burst_bytes;
	m->earliest = qmac_later(m->issued + 1, qmac_mover_free(m));
	if (m->is_write)
		m->earliest = qmac_later(m->earliest, pack(m) + 1);
	else if (m->beats + m->burst_beats > m->capacity)
		/* Room for all beats: the last of them takes the place of the one `capacity` before it. */
		m->earliest = qmac_later(m->earliest,
		                    qmac_mover_freed(m, m->beats + m->burst_beats - 1 - m->capacity) + 1);
}

void qmac_mover_start(struct qmac_mover *mover, const struct qmac_transfer *transfer, uint64_t start)
{
	mover->transfer = *transfer;
	mover->row_inverse = ((uint64_t)1 << 32) / transfer->row_bytes + 1;
	mover->place = (struct qmac_place){0, 0, 0};
	mover->run_bytes = 0;
	mover->issued = qmac_later(mover->issued, start);
	mover->port = qmac_later(mover->port, start + (mover->is_write ? QMAC_MOVE_LATENCY : 0));
	mover->active = true;
	prepare(mover);
	mover->completed = mover->port;
}

/* The burst's beats leave the FIFO one a cycle from the cycle after `start`; returns that of the last. */
static uint64_t free_in_turn(struct qmac_mover *m, uint64_t start)
{
	uint64_t *freed = m->freed, mask = m->freed_mask, first = m->beats, beats = m->burst_beats;

	for (uint64_t b = 0; b < beats; b++)
		freed[(first + b) & mask] = start + b + 1;
	return start + beats;
}

/* A read: beats arrive, wait in the FIFO and are unpacked, one (beat, row) pair a cycle. */
static uint64_t receive(struct qmac_mover *m, uint64_t first, uint64_t step)
{
	uint64_t port = m->port, pairs = 0, end = m->beats + m->burst_beats, arrival = 0;
	struct rest rest = {0};

	if (m->one_row && step == 256) {
		/* as fast as they arrive: only the first may have to be waited for */
		m->port = free_in_turn(m, qmac_later(port, first / 256));
		m->pairs += m->burst_beats;
		return first / 256 + m->burst_beats - 1;
	}
	if (!m->one_row)
		rest = rest_of(m);
	for (uint64_t beat = m->beats; beat < end; beat++) {
		uint32_t rows = m->one_row ? 1 : next_rows(m, &rest);

		arrival = first / 256;
		first += step;
		port = qmac_later(port, arrival) + rows;
		pairs += rows;
		m->freed[beat & m->freed_mask] = port;
	}
	m->port = port;
	m->pairs += pairs;
	return arrival;
}

/* A write: beats leave one a cycle from the cycle after the request; responses come in order. */
static uint64_t send(struct qmac_mover *m, uint64_t cycle, uint64_t response)
{
	m->sent = free_in_turn(m, qmac_later(m->sent, cycle));
	return qmac_later(response, m->last_done + 1);
}

void qmac_mover_issue(struct qmac_mover *mover, struct qmac_dram *dram, uint64_t cycle)
{
	uint64_t first = qmac_dram_burst(dram, cycle, mover->burst_address, mover->burst_beats, mover->is_write);
	uint64_t done = mover->is_write ? send(mover, cycle, (first + mover->burst_beats * dram->step) / 256)
	                                : receive(mover, first, dram->step);

	mover->issued = cycle;
	mover->done[mover->bursts++ % QMAC_OUTSTANDING_MAX] = mover->last_done = done;
	mover->beats += mover->burst_beats;
	prepare(mover);
	mover->completed = qmac_later(done, mover->port);
}
