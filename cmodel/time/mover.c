#include "time/mover.h"
#include "time/later.h"

#include <string.h>

__extension__ typedef unsigned __int128 qmac_uint128;

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

/*
 * Full rows in front of a byte of the current run, which is shorter than 2^32 bytes. With d bytes a row and
 * inverse = (2^64 + e) / d, 0 <= e < d, the product exceeds byte * 2^64 / d by less than 2^64 / d, since
 * byte * e < 2^64: it has the same floor.
 */
static uint32_t rows_before(const struct qmac_mover *m, uint32_t byte)
{
	if (m->row_shift >= 0)
		return byte >> m->row_shift;
	return (uint32_t)((qmac_uint128)m->row_inverse * byte >> 64);
}

/* Rows of the transfer that have bytes in [address, address + bytes) of the current run. */
static uint64_t rows_in(const struct qmac_mover *m, uint64_t address, uint64_t bytes)
{
	uint32_t from = (uint32_t)(address - m->run_start), last = from + (uint32_t)bytes - 1;

	return rows_before(m, last) - rows_before(m, from) + 1;
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
	m->run_start = m->run_address;
	m->one_row = !m->transfer.coalesce ||
	             ((m->run_start | m->transfer.row_bytes) & ((uint64_t)m->hw->bus_bytes - 1)) == 0;
	return more;
}

/* The bytes of a burst that have not been handled. */
struct rest {
	uint64_t address, bytes;
};

/* (beat, row) pairs of the next beat. */
static inline uint64_t next_pairs(const struct qmac_mover *m, struct rest *rest)
{
	uint64_t bus = (uint64_t)m->hw->bus_bytes, bytes = bus - (rest->address & (bus - 1)), pairs;

	if (m->one_row)
		return 1;
	bytes = bytes < rest->bytes ? bytes : rest->bytes;
	pairs = rows_in(m, rest->address, bytes);
	rest->address += bytes;
	rest->bytes -= bytes;
	return pairs;
}

/* STORE: packs the burst's beats; returns the cycle in which the last one is complete. */
static uint64_t pack(struct qmac_mover *m)
{
	struct rest rest = {m->burst_address, m->burst_bytes};

	for (uint32_t b = 0; b < m->burst_beats; b++) {
		uint64_t pairs = next_pairs(m, &rest);

		if (m->beats + b >= m->capacity)
			m->port = qmac_later(m->port, qmac_mover_freed(m, m->beats + b - m->capacity));
		m->port += pairs;
		m->pairs += pairs;
	}
	return m->port;
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
	uint32_t row_bytes = transfer->row_bytes;

	mover->transfer = *transfer;
	mover->row_shift = row_bytes & (row_bytes - 1) ? -1 : __builtin_ctz(row_bytes);
	mover->row_inverse = UINT64_MAX / row_bytes + 1; /* not used of a power of two */
	mover->place = (struct qmac_place){0, 0, 0};
	mover->run_bytes = 0;
	mover->issued = qmac_later(mover->issued, start);
	mover->port = qmac_later(mover->port, start + (mover->is_write ? QMAC_MOVE_LATENCY : 0));
	mover->active = true;
	prepare(mover);
	mover->completed = mover->port;
}

/* A read: beats arrive, wait in the FIFO and are unpacked, one (beat, row) pair a cycle. */
static uint64_t receive(struct qmac_mover *m, uint64_t first, uint64_t step)
{
	struct rest rest = {m->burst_address, m->burst_bytes};
	uint64_t arrival = 0;

	for (uint32_t b = 0; b < m->burst_beats; b++) {
		uint64_t pairs = next_pairs(m, &rest);

		arrival = (first + b * step) / 256;
		m->port = qmac_later(m->port, arrival) + pairs;
		m->pairs += pairs;
		m->freed[(m->beats + b) & m->freed_mask] = m->port;
	}
	return arrival;
}

/* A write: beats leave one a cycle from the cycle after the request; responses come in order. */
static uint64_t send(struct qmac_mover *m, uint64_t cycle, uint64_t response)
{
	for (uint32_t b = 0; b < m->burst_beats; b++) {
		m->sent = qmac_later(m->sent, cycle) + 1;
		m->freed[(m->beats + b) & m->freed_mask] = m->sent;
	}
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
