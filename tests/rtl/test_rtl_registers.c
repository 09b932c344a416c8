/*
 * Registers, counters and monitors in Verilog: random AXI4-Lite reads and writes with delays on every
 * channel, while a core that now and then stands still raises SYNCs, errors and counts, and retires VECs.
 * Every response, every read value, every output in every cycle. What a register is follows
 * cmodel/device/registers.c.
 */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "../../rtl/sim/unit.h"
#include "qmac_isa.h"
#include "test.h"

/* The Makefile gives the parameters of the build under test; these are for static checks. */
#ifndef ROWS
enum { ROWS = 8, COLS = 8, A_BITS = 8, W_BITS = 8, ACC_BITS = 32, ACC_OVERFLOW = 1, OS_MAX = 4096,
       A_DEPTH = 64, W_DEPTH = 64, ACC_DEPTH = 64, BUS_BYTES = 8, BURST_BEATS = 16, OUTSTANDING = 4,
       QUEUE_DEPTH = 4, LUT_BITS = 8, LUT_PORTS = 1, MAC_STYLE = 0, ZERO_GATING = 0 };
#endif

/* Words of unit_registers.v, and bits of IN_FLAGS and OUT_FLAGS. */
enum { IN_FLAGS = 0, IN_OFFSETS, IN_DATA, IN_HEAD, IN_ERROR_COMMAND, IN_TIME, IN_GAINS = 7, IN_GAIN,
       IN_CYCLES, IN_MAGNITUDES = 11, IN_VEC };
enum { RESET_OFF = 1 << 0, AWVALID = 1 << 1, WVALID = 1 << 2, BREADY = 1 << 3, ARVALID = 1 << 4,
       RREADY = 1 << 5, BUSY = 1 << 6, ERROR = 1 << 7, SYNC = 1 << 8, SYNC_IRQ = 1 << 9, SYNC_STAMP = 1 << 10,
       TOGGLE = 1 << 11, CODE = 24, STROBES = 28 };
enum { VEC = 1 << 7, VEC_TOGGLE = 1 << 8 }; /* above the monitor's number */
enum { OUT_FLAGS = 0, OUT_DATA, OUT_MEM_BASE, OUT_MEM_SIZE = 4, OUT_RING_BASE = 6, OUT_RING_LOG2 = 8,
       OUT_TAIL };
enum { AWREADY = 1 << 0, WREADY = 1 << 1, BVALID = 1 << 2, BRESP = 3, ARREADY = 1 << 5, RVALID = 1 << 6,
       RRESP = 7, CORE_RUNS = 1 << 9, IRQ = 1 << 10 };
enum { SLVERR = 2, CYCLES = 600000, WRONG_SHOWN = 8 };

/* The core, as the registers see it. */
struct core {
	bool stands, fresh;     /* no clock edge at the end of this cycle; first cycle since the last one */
	uint32_t flags;         /* BUSY .. TOGGLE, code */
	uint32_t vec, magnitudes; /* VEC, VEC_TOGGLE, monitor */
	uint32_t head, error_command;
	uint64_t time, cycles;
};

struct bench {
	struct unit *unit;
	uint64_t rng, now;
	struct core core;
	uint64_t mem_base, mem_size, ring_base, stamp, counters[QMAC_COUNTERS];
	uint32_t monitors[QMAC_MONITORS], ring_log2, tail, irq_status, irq_enable, gains, gain;
	uint32_t cleared;           /* the monitor that the write of this cycle clears, or 0 */
	bool error_seen, resetting;
	/* the master */
	bool aw, w, ar, response, read;    /* offered; awaited */
	uint32_t write_offset, data, strobes, read_offset, expected_response, expected_data;
	int wrong;
	uint64_t writes, reads, syncs, errors, resets, gathered, clears;
};

static uint64_t below(struct bench *b, uint64_t count)
{
	return test_random(&b->rng) % count;
}

static void expect(struct bench *b, const char *what, uint64_t number, uint64_t got, uint64_t expected)
{
	if (got != expected && b->wrong++ < WRONG_SHOWN)
		printf("cycle %llu: %s 0x%llx: got 0x%llx, expected 0x%llx\n", (unsigned long long)b->now, what,
		       (unsigned long long)number, (unsigned long long)got, (unsigned long long)expected);
}

/* ---- what the registers are ---------------------------------------------------- */

static uint32_t identity(uint32_t offset)
{
	switch (offset) {
	case QMAC_REG_MAGIC:
		return QMAC_MAGIC;
	case QMAC_REG_REVISION:
		return QMAC_REVISION;
	case QMAC_REG_SHAPE:
		return ROWS | COLS << 8;
	case QMAC_REG_WIDTHS:
		return A_BITS | W_BITS << 8 | ACC_BITS << 16 | ACC_OVERFLOW << 24;
	case QMAC_REG_A_DEPTH:
		return A_DEPTH;
	case QMAC_REG_W_DEPTH:
		return W_DEPTH;
	case QMAC_REG_ACC_DEPTH:
		return ACC_DEPTH;
	case QMAC_REG_OS_MAX:
		return OS_MAX;
	case QMAC_REG_BUS:
		return BUS_BYTES | OUTSTANDING << 8 | BURST_BEATS << 16;
	case QMAC_REG_UNITS:
		return QUEUE_DEPTH | LUT_BITS << 8 | LUT_PORTS << 16 | MAC_STYLE << 24 | ZERO_GATING << 28;
	default:
		return 0;
	}
}

static uint64_t counter(const struct bench *b, uint32_t index)
{
	uint32_t gain = b->gains >> index & 1 ? b->gain + index : 0;

	if (index == QMAC_COUNTER_CYCLES)
		return b->core.cycles;
	if (index == QMAC_COUNTER_ZERO_MACS) /* may fall: products are counted before those that are not zero */
		return b->counters[index] + (uint64_t)(int32_t)gain;
	return b->counters[index] + gain;
}

static uint32_t read_counter(const struct bench *b, uint32_t offset)
{
	uint32_t index = (offset - QMAC_COUNTER_BASE) / 8;

	if (index >= QMAC_COUNTERS || offset % 4)
		return 0;
	return (uint32_t)(counter(b, index) >> (offset % 8 ? 32 : 0));
}

static uint32_t read_register(const struct bench *b, uint32_t offset)
{
	if (offset >= QMAC_MONITOR_BASE)
		return offset % 4 || offset >= QMAC_MONITOR_BASE + 4 * QMAC_MONITORS
		               ? 0 : b->monitors[(offset - QMAC_MONITOR_BASE) / 4];
	if (offset >= QMAC_COUNTER_BASE)
		return read_counter(b, offset);
	switch (offset) {
	case QMAC_REG_STATUS:
		return (b->core.flags & BUSY ? QMAC_STATUS_BUSY : 0U) |
		       (b->core.flags & ERROR ? QMAC_STATUS_ERROR : 0U);
	case QMAC_REG_ERROR_CODE:
		return b->core.flags >> CODE & 15;
	case QMAC_REG_ERROR_COMMAND:
		return b->core.error_command;
	case QMAC_REG_IRQ_STATUS:
		return b->irq_status;
	case QMAC_REG_IRQ_ENABLE:
		return b->irq_enable;
	case QMAC_REG_STAMP_LO:
		return (uint32_t)b->stamp;
	case QMAC_REG_STAMP_HI:
		return (uint32_t)(b->stamp >> 32);
	case QMAC_REG_MEM_BASE_LO:
		return (uint32_t)b->mem_base;
	case QMAC_REG_MEM_BASE_HI:
		return (uint32_t)(b->mem_base >> 32);
	case QMAC_REG_MEM_SIZE_LO:
		return (uint32_t)b->mem_size;
	case QMAC_REG_MEM_SIZE_HI:
		return (uint32_t)(b->mem_size >> 32);
	case QMAC_REG_RING_BASE_LO:
		return (uint32_t)b->ring_base;
	case QMAC_REG_RING_BASE_HI:
		return (uint32_t)(b->ring_base >> 32);
	case QMAC_REG_RING_LOG2:
		return b->ring_log2;
	case QMAC_REG_RING_HEAD:
		return b->core.head;
	case QMAC_REG_RING_TAIL:
		return b->tail;
	default:
		return identity(offset);
	}
}

static void set_half(uint64_t *word, bool high, uint32_t value)
{
	uint64_t half = high ? 0xFFFF00000000 : 0xFFFFFFFF;

	*word = (*word & ~half) | ((high ? (uint64_t)value << 32 : value) & half);
}

/* `events` of IRQ_STATUS are those of this cycle: they outlive a write that clears them. */
static void write_register(struct bench *b, uint32_t offset, uint32_t value, uint32_t events)
{
	if (offset >= QMAC_MONITOR_BASE && offset < QMAC_MONITOR_BASE + 4 * QMAC_MONITORS && offset % 4 == 0)
		b->cleared = (offset - QMAC_MONITOR_BASE) / 4;
	switch (offset) {
	case QMAC_REG_CONTROL:
		b->resetting = value & 1;
		break;
	case QMAC_REG_IRQ_STATUS:
		b->irq_status = (b->irq_status & ~value) | events;
		break;
	case QMAC_REG_IRQ_ENABLE:
		b->irq_enable = value & (QMAC_IRQ_SYNC | QMAC_IRQ_ERROR);
		break;
	case QMAC_REG_MEM_BASE_LO:
	case QMAC_REG_MEM_BASE_HI:
		set_half(&b->mem_base, offset == QMAC_REG_MEM_BASE_HI, value);
		break;
	case QMAC_REG_MEM_SIZE_LO:
	case QMAC_REG_MEM_SIZE_HI:
		set_half(&b->mem_size, offset == QMAC_REG_MEM_SIZE_HI, value);
		break;
	case QMAC_REG_RING_BASE_LO:
	case QMAC_REG_RING_BASE_HI:
		set_half(&b->ring_base, offset == QMAC_REG_RING_BASE_HI, value);
		break;
	case QMAC_REG_RING_LOG2:
		b->ring_log2 = value;
		break;
	case QMAC_REG_RING_TAIL:
		b->tail = value;
		break;
	default:
		break;
	}
}

static void reset_registers(struct bench *b)
{
	memset(b->counters, 0, sizeof b->counters);
	memset(b->monitors, 0, sizeof b->monitors);
	b->ring_base = b->stamp = 0;
	b->ring_log2 = b->tail = b->irq_status = b->irq_enable = 0;
	b->error_seen = b->resetting = false;
	b->core = (struct core){.fresh = true};
	b->resets++;
}

/* ---- core and master -------------------------------------------------------------- */

/* Few of them, so that one that is read has been written. */
static uint32_t random_monitor(struct bench *b)
{
	return (uint32_t)(below(b, 8) ? below(b, 6) * 25 : below(b, QMAC_MONITORS));
}

/* A new cycle of the core, unless it stands. Some cycles later it may stand for a while. */
static void run_core(struct bench *b)
{
	struct core *core = &b->core;
	uint32_t toggle = core->flags & TOGGLE, error = core->flags & ERROR;

	core->fresh = !core->stands;
	if (core->fresh) {
		if (core->flags & SYNC)
			toggle ^= TOGGLE;
		core->flags = ((uint32_t)test_random(&b->rng) & (BUSY | SYNC_IRQ | SYNC_STAMP)) | toggle;
		core->flags |= below(b, 8) ? 0U : SYNC;
		core->vec = core->vec & VEC ? ~core->vec & VEC_TOGGLE : core->vec & VEC_TOGGLE;
		core->vec |= below(b, 4) ? VEC | random_monitor(b) : 0;
		core->magnitudes = (uint32_t)(test_random(&b->rng) & test_random(&b->rng) & test_random(&b->rng));
		core->head = (uint32_t)test_random(&b->rng);
		core->time = test_random(&b->rng);
		core->cycles = test_random(&b->rng);
		if (error || below(b, 256) == 0)
			core->flags |= ERROR | (uint32_t)(1 + below(b, 15)) << CODE;
		core->error_command = core->flags & ERROR ? (uint32_t)test_random(&b->rng) : 0;
	}
	core->stands = core->stands ? below(b, 40) != 0 : below(b, 12) == 0;
	if (b->resetting)
		core->stands = false; /* the core's clock runs while it is reset */
}

/* A register, mostly; else any offset, aligned or not. */
static uint32_t random_offset(struct bench *b, bool write)
{
	switch (below(b, 10)) {
	case 0:
		return (uint32_t)below(b, 4096);
	case 8:
	case 9:
		return QMAC_MONITOR_BASE + 4 * random_monitor(b) + (below(b, 16) ? 0 : (uint32_t)below(b, 4));
	case 1:
		return (uint32_t)(QMAC_COUNTER_BASE + 4 * below(b, 2 * QMAC_COUNTERS + 4));
	case 2:
		return below(b, 4) ? QMAC_REG_IRQ_STATUS : QMAC_REG_IRQ_ENABLE;
	default:
		return (uint32_t)(write && below(b, 2) ? 0x40 + 4 * below(b, 17) : 4 * below(b, 34));
	}
}

static uint32_t run_master(struct bench *b)
{
	bool idle = !b->aw && !b->w; /* whether or not a response is still awaited */

	if (idle && below(b, 4) == 0) {
		b->write_offset = random_offset(b, true);
		b->data = below(b, 2) ? (uint32_t)test_random(&b->rng) : (uint32_t)below(b, 4);
		if (b->write_offset == QMAC_REG_CONTROL && below(b, 4))
			b->data &= ~1U; /* few resets */
		b->strobes = below(b, 8) ? 15 : (uint32_t)below(b, 16);
		b->aw = below(b, 2);
		b->w = !b->aw || below(b, 2);
	} else if (!idle && below(b, 2)) {
		b->aw = b->w = true; /* the one that was late */
	}
	if (!b->ar && below(b, 2)) {
		b->read_offset = random_offset(b, false);
		b->ar = true;
	}
	return (b->aw ? AWVALID : 0U) | (b->w ? WVALID : 0U) | (b->ar ? ARVALID : 0U) |
	       (below(b, 2) ? BREADY : 0U) | (below(b, 2) ? RREADY : 0U) | b->strobes << STROBES;
}

/* ---- a cycle ------------------------------------------------------------------------ */

static void drive(struct bench *b, uint32_t flags)
{
	const struct core *core = &b->core;

	b->gains = (uint32_t)(test_random(&b->rng) & test_random(&b->rng));
	b->gain = (uint32_t)test_random(&b->rng);
	unit_set(b->unit, IN_FLAGS, RESET_OFF | flags | core->flags);
	unit_set(b->unit, IN_OFFSETS, b->write_offset | b->read_offset << 16);
	unit_set(b->unit, IN_DATA, b->data);
	unit_set(b->unit, IN_HEAD, core->head);
	unit_set(b->unit, IN_MAGNITUDES, core->magnitudes);
	unit_set(b->unit, IN_VEC, core->vec);
	unit_set(b->unit, IN_ERROR_COMMAND, core->error_command);
	unit_set(b->unit, IN_TIME, (uint32_t)core->time);
	unit_set(b->unit, IN_TIME + 1, (uint32_t)(core->time >> 32));
	unit_set(b->unit, IN_GAINS, b->gains);
	unit_set(b->unit, IN_GAIN, b->gain);
	unit_set(b->unit, IN_CYCLES, (uint32_t)core->cycles);
	unit_set(b->unit, IN_CYCLES + 1, (uint32_t)(core->cycles >> 32));
	unit_settle(b->unit);
}

/* What happens in the core in this cycle, for the first time. */
static uint32_t take_events(struct bench *b)
{
	const struct core *core = &b->core;
	uint32_t events = 0;

	if (core->fresh && (core->flags & SYNC)) {
		events |= core->flags & SYNC_IRQ ? QMAC_IRQ_SYNC : 0;
		if (core->flags & SYNC_STAMP)
			b->stamp = core->time;
		b->syncs++;
	}
	if ((core->flags & ERROR) && !b->error_seen) {
		events |= QMAC_IRQ_ERROR;
		b->errors++;
	}
	b->error_seen = core->flags & ERROR;
	b->irq_status |= events;
	return events;
}

/* A VEC retires in the first cycle of those in which the core stands; what clears wins. */
static void take_magnitudes(struct bench *b)
{
	const struct core *core = &b->core;
	uint32_t monitor = core->vec & (QMAC_MONITORS - 1);

	if (core->fresh && (core->vec & VEC) && monitor) {
		b->monitors[monitor] |= core->magnitudes;
		b->gathered++;
	}
	b->clears += b->cleared != 0;
	b->monitors[b->cleared] = 0;
	b->cleared = 0;
}

static void check_outputs(struct bench *b, uint32_t out)
{
	static const int words[] = {OUT_MEM_BASE, OUT_MEM_SIZE, OUT_RING_BASE};
	const uint64_t expected[] = {b->mem_base, b->mem_size, b->ring_base};

	for (int i = 0; i < 3; i++)
		expect(b, "output", (uint64_t)words[i], unit_get(b->unit, words[i]) |
		       (uint64_t)unit_get(b->unit, words[i] + 1) << 32, expected[i]);
	expect(b, "output ring_log2", 0, unit_get(b->unit, OUT_RING_LOG2), b->ring_log2);
	expect(b, "output tail", 0, unit_get(b->unit, OUT_TAIL), b->tail);
	expect(b, "irq", 0, (out & IRQ) != 0, (b->irq_status & b->irq_enable) != 0);
	expect(b, "core runs", 0, (out & CORE_RUNS) != 0, !b->resetting);
}

static void check_responses(struct bench *b, uint32_t out, uint32_t flags)
{
	expect(b, "response comes", 0, (out & BVALID) != 0, b->response);
	expect(b, "data comes", 0, (out & RVALID) != 0, b->read);
	if (out & BVALID)
		expect(b, "response to write of", b->write_offset, out >> BRESP & 3, b->expected_response);
	if (out & RVALID) {
		expect(b, "read of", b->read_offset, unit_get(b->unit, OUT_DATA), b->expected_data);
		expect(b, "response to read of", b->read_offset, out >> RRESP & 3, 0);
	}
	if ((out & BVALID) && (flags & BREADY))
		b->response = false;
	if ((out & RVALID) && (flags & RREADY))
		b->read = false;
}

static void step(struct bench *b)
{
	bool was_resetting = b->resetting;
	uint32_t flags = run_master(b), out, events;

	run_core(b);
	drive(b, flags);
	out = unit_get(b->unit, OUT_FLAGS);
	events = take_events(b);
	check_outputs(b, out);
	check_responses(b, out, flags);
	if ((flags & ARVALID) && (out & ARREADY)) {
		expect(b, "read taken before the data of", b->read_offset, b->read, 0);
		b->expected_data = read_register(b, b->read_offset);
		b->ar = false;
		b->read = true;
		b->reads++;
	}
	expect(b, "address and data are taken together", 0, (out & AWREADY) != 0, (out & WREADY) != 0);
	if ((out & AWREADY) && (flags & AWVALID) && (flags & WVALID)) {
		expect(b, "write taken before the response to", b->write_offset, b->response, 0);
		if (b->strobes == 15)
			write_register(b, b->write_offset, b->data, events);
		b->expected_response = b->strobes == 15 ? 0 : SLVERR;
		b->aw = b->w = false;
		b->response = true;
		b->writes++;
	}
	for (uint32_t i = 0; i < QMAC_COUNTERS; i++)
		b->counters[i] = counter(b, i);
	take_magnitudes(b);
	unit_clock(b->unit);
	b->now++;
	if (was_resetting)
		reset_registers(b);
}

static void answers_as_the_registers_are_defined(void)
{
	static struct bench b;

	b.rng = test_seed();
	b.unit = unit_create();
	unit_clock(b.unit);
	reset_registers(&b);
	while (b.now < CYCLES && b.wrong == 0)
		step(&b);
	printf("%llu writes, %llu reads, %llu SYNCs, %llu errors, %llu resets, %llu magnitudes, %llu clears\n",
	       (unsigned long long)b.writes, (unsigned long long)b.reads, (unsigned long long)b.syncs,
	       (unsigned long long)b.errors, (unsigned long long)b.resets, (unsigned long long)b.gathered,
	       (unsigned long long)b.clears);
	CU_ASSERT_EQUAL(b.wrong, 0);
	CU_ASSERT_TRUE(b.writes > CYCLES / 50 && b.reads > CYCLES / 50);
	CU_ASSERT_TRUE(b.syncs > 1000 && b.errors > 20 && b.resets > 20);
	CU_ASSERT_TRUE(b.gathered > CYCLES / 50 && b.clears > CYCLES / 500);
	unit_destroy(b.unit);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"answers as the registers are defined", answers_as_the_registers_are_defined},
	};

	return test_main("test_rtl_registers", cases, TEST_COUNT(cases));
}
