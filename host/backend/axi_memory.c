#include "backend/axi_memory.h"

#include <assert.h>
#include <string.h>

enum { RESP_OKAY = 0, RESP_SLVERR = 2, ID_LOAD = 0, ID_FETCH = 1 };

void qmac_axi_memory_init(struct qmac_axi_memory *memory, const struct qmac_hw *hw, uint8_t *bytes,
                          uint64_t size, uint64_t stalls)
{
	memset(memory, 0, sizeof *memory);
	memory->hw = hw;
	memory->bytes = bytes;
	memory->size = size;
	qmac_stalls_init(&memory->stalls, stalls, QMAC_STALLS);
	qmac_dram_init(&memory->dram, hw);
}

void qmac_axi_memory_reset(struct qmac_axi_memory *memory, struct qmac_rtl_inputs *in)
{
	qmac_dram_init(&memory->dram, memory->hw);
	memory->reads.count = memory->writes.count = memory->written = 0;
	in->m_arready = in->m_awready = in->m_wready = in->m_rvalid = in->m_bvalid = 0;
}

/* ---- queues ------------------------------------------------------------------- */

static struct qmac_axi_burst *at(struct qmac_axi_queue *queue, unsigned index)
{
	return &queue->burst[(queue->head + index) % QMAC_AXI_BURSTS];
}

static void push(struct qmac_axi_queue *queue, struct qmac_axi_burst burst)
{
	assert(queue->count < QMAC_AXI_BURSTS);
	*at(queue, queue->count++) = burst;
}

static void pop(struct qmac_axi_queue *queue)
{
	queue->head = (queue->head + 1) % QMAC_AXI_BURSTS;
	queue->count--;
}

/* ---- answers ------------------------------------------------------------------ */

static uint8_t byte_at(const struct qmac_axi_memory *m, uint64_t address)
{
	return address < m->size ? m->bytes[address] : 0;
}

/* A beat that was shown stays until it is taken. */
static void show_read(struct qmac_axi_memory *m, uint64_t cycle, struct qmac_rtl_inputs *in)
{
	const struct qmac_axi_burst *b = at(&m->reads, 0);
	unsigned bus_bytes = (unsigned)m->hw->bus_bytes;
	uint64_t address = b->address + (uint64_t)b->done * bus_bytes;

	if (in->m_rvalid || !m->reads.count || qmac_stalls_hold(&m->stalls, QMAC_STALL_R) ||
	    (b->first + b->done * m->dram.step) >> 8 > cycle)
		return;
	in->m_rvalid = 1;
	in->m_rid = b->id;
	in->m_rlast = b->done + 1 == b->beats;
	in->m_rresp = address < m->size ? RESP_OKAY : RESP_SLVERR;
	for (unsigned i = 0; i < bus_bytes / 4; i++, address += 4)
		in->m_rdata[i] = (uint32_t)byte_at(m, address) | (uint32_t)byte_at(m, address + 1) << 8 |
		                 (uint32_t)byte_at(m, address + 2) << 16 | (uint32_t)byte_at(m, address + 3) << 24;
}

static void show_response(struct qmac_axi_memory *m, uint64_t cycle, struct qmac_rtl_inputs *in)
{
	const struct qmac_axi_burst *b = at(&m->writes, 0);

	if (in->m_bvalid || !m->written || qmac_stalls_hold(&m->stalls, QMAC_STALL_B) ||
	    (b->first + b->beats * m->dram.step) >> 8 > cycle)
		return;
	in->m_bvalid = 1;
	in->m_bresp = b->failed ? RESP_SLVERR : RESP_OKAY;
}

void qmac_axi_memory_drive(struct qmac_axi_memory *memory, uint64_t cycle, struct qmac_rtl_inputs *in)
{
	qmac_stalls_draw(&memory->stalls);
	in->hold = (uint8_t)(memory->stalls.held >> QMAC_STALL_HOLD);
	in->m_arready = memory->reads.count < QMAC_AXI_BURSTS
	                && !qmac_stalls_hold(&memory->stalls, QMAC_STALL_AR);
	in->m_awready = memory->writes.count < QMAC_AXI_BURSTS
	                && !qmac_stalls_hold(&memory->stalls, QMAC_STALL_AW);
	/* Data have a place once their address has come. */
	in->m_wready = memory->writes.count > memory->written && !qmac_stalls_hold(&memory->stalls, QMAC_STALL_W);
	show_read(memory, cycle, in);
	show_response(memory, cycle, in);
}

/* ---- requests ----------------------------------------------------------------- */

static void take_request(struct qmac_axi_memory *m, struct qmac_axi_queue *queue, uint64_t cycle,
                         uint64_t address, uint32_t beats, uint8_t id)
{
	push(queue, (struct qmac_axi_burst){
		.first = qmac_dram_burst(&m->dram, cycle, address, beats, queue == &m->writes),
		.address = address & ~((uint64_t)m->hw->bus_bytes - 1), .beats = beats, .id = id,
	});
}

static void take_beat(struct qmac_axi_memory *m, const struct qmac_rtl_outputs *out)
{
	struct qmac_axi_burst *b = at(&m->writes, m->written);
	uint64_t address = b->address + (uint64_t)b->done * (uint64_t)m->hw->bus_bytes;
	uint64_t left = address < m->size ? m->size - address : 0, bytes = (uint64_t)m->hw->bus_bytes;

	/* The whole beat, whatever its strobes. */
	if (m->on_write && left)
		m->on_write(m->context, address, left < bytes ? left : bytes);
	for (unsigned i = 0; i < (unsigned)m->hw->bus_bytes; i++, address++) {
		if (!(out->m_wstrb >> i & 1))
			continue;
		if (address < m->size)
			m->bytes[address] = (uint8_t)(out->m_wdata[i / 4] >> i % 4 * 8);
		else
			b->failed = true;
	}
	b->done++;
	m->written += b->done == b->beats;
}

bool qmac_axi_memory_requests(struct qmac_axi_memory *memory, uint64_t cycle, struct qmac_rtl_inputs *in,
                              const struct qmac_rtl_outputs *out)
{
	bool read = out->m_arvalid && in->m_arready, write = out->m_awvalid && in->m_awready;
	bool shown = in->m_rvalid, answered = in->m_bvalid;

	if (out->m_wvalid && in->m_wready)
		take_beat(memory, out);
	if (read && out->m_arid == ID_FETCH)
		take_request(memory, &memory->reads, cycle, out->m_araddr, out->m_arlen + 1U, ID_FETCH);
	if (write)
		take_request(memory, &memory->writes, cycle, out->m_awaddr, out->m_awlen + 1U, 0);
	if (read && out->m_arid != ID_FETCH)
		take_request(memory, &memory->reads, cycle, out->m_araddr, out->m_arlen + 1U, ID_LOAD);
	show_read(memory, cycle, in);
	show_response(memory, cycle, in);
	return shown != in->m_rvalid || answered != in->m_bvalid;
}

void qmac_axi_memory_advance(struct qmac_axi_memory *memory, struct qmac_rtl_inputs *in,
                             const struct qmac_rtl_outputs *out)
{
	if (in->m_rvalid && out->m_rready) {
		struct qmac_axi_burst *b = at(&memory->reads, 0);

		in->m_rvalid = 0;
		if (++b->done == b->beats)
			pop(&memory->reads);
	}
	if (in->m_bvalid && out->m_bready) {
		in->m_bvalid = 0;
		pop(&memory->writes);
		memory->written--;
	}
}
