#include "time/move.h"

#include <string.h>

enum { OUTSTANDING_MAX = 16, AXI_BOUNDARY = 4096 };

struct mover {
	const struct qmac_hw *hw;
	struct qmac_dram *memory;
	bool is_write;
	uint64_t issue;                 /* cycle of the last request */
	uint64_t port;                  /* cycle in which the last (beat, row) pair was packed or unpacked */
	uint64_t done[OUTSTANDING_MAX]; /* completion of burst n at n % outstanding */
	uint64_t bursts, last;          /* last: completion of everything so far */
};

static uint64_t max64(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
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

uint64_t qmac_burst_count(const struct qmac_hw *hw, uint64_t address, uint64_t bytes)
{
	uint64_t count = 0;

	while (bytes) {
		uint64_t part = qmac_burst_bytes(hw, address, bytes);

		address += part;
		bytes -= part;
		count++;
	}
	return count;
}

/* Beats of the bus that bytes [address, address + bytes) touch. */
static uint64_t beats_of(const struct qmac_hw *hw, uint64_t address, uint64_t bytes)
{
	uint64_t bus = (uint64_t)hw->bus_bytes;

	return (address + bytes - 1) / bus - address / bus + 1;
}

static void move_burst(struct mover *m, uint64_t address, uint64_t bytes)
{
	uint64_t beats = beats_of(m->hw, address, bytes), first;
	uint64_t outstanding = (uint64_t)m->hw->outstanding;
	uint64_t *done = &m->done[m->bursts % outstanding];

	m->issue = max64(m->issue + 1, m->bursts >= outstanding ? *done + 1 : 0);
	if (m->is_write) {
		/* All beats are packed before the request. */
		m->port += beats;
		m->issue = max64(m->issue, m->port + 1);
	}
	first = qmac_dram_burst(m->memory, m->issue, address, (uint32_t)beats, m->is_write);
	*done = (first + (beats - (m->is_write ? 0 : 1)) * m->memory->step) / 256;
	if (!m->is_write)
		m->port = max64(m->port + beats, *done);
	m->last = max64(m->last, max64(*done, m->port));
	m->bursts++;
}

static void move_run(void *context, uint64_t address, uint64_t bytes, uint32_t rows)
{
	struct mover *m = context;

	if (bytes == 0 && !m->is_write) /* a zero row is written in one cycle */
		m->last = m->port = max64(m->port + 1, m->last);
	/* A beat that two rows share passes the port once for each. */
	if (rows > 1)
		m->port += rows - 1;
	while (bytes) {
		uint64_t part = qmac_burst_bytes(m->hw, address, bytes);

		move_burst(m, address, part);
		address += part;
		bytes -= part;
	}
}

void qmac_move_runs(const struct qmac_command *c,
                    void (*visit)(void *context, uint64_t address, uint64_t bytes, uint32_t rows),
                    void *context)
{
	uint64_t row_bytes = (uint64_t)c->len * (uint64_t)qmac_container_bytes(c->container);

	for (uint32_t i2 = 0; i2 < c->n2; i2++)
		for (uint32_t i1 = 0; i1 < c->n1; i1++) {
			uint64_t address = c->base + (uint64_t)i2 * c->s2 + (uint64_t)i1 * c->s1;
			bool inside1 = i1 >= c->lo1 && i1 <= c->hi1;

			if (c->coalesce && inside1) {
				visit(context, address & 0xFFFFFFFFFFFFULL, row_bytes * c->n0, c->n0);
				continue;
			}
			for (uint32_t i0 = 0; i0 < c->n0; i0++, address += c->s0) {
				bool inside = inside1 && i0 >= c->lo0 && i0 <= c->hi0;

				visit(context, address & 0xFFFFFFFFFFFFULL, inside ? row_bytes : 0, 1);
			}
		}
}

struct qmac_time qmac_time_move(const struct qmac_hw *hw, const struct qmac_command *c, uint64_t start,
                                struct qmac_dram *memory)
{
	struct mover m = {.hw = hw, .memory = memory, .is_write = c->opcode == QMAC_OPCODE_STORE};

	m.issue = m.last = start;
	m.port = start + (m.is_write ? QMAC_MOVE_LATENCY : 0);
	qmac_move_runs(c, move_run, &m);
	return (struct qmac_time){start, m.last + (m.is_write ? 1 : QMAC_MOVE_LATENCY)};
}
