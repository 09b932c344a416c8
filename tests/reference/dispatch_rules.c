#include "reference/dispatch_rules.h"

#include <string.h>

#include "qmac_isa.h"
#include "test.h"
#include "time/later.h"

enum { LOAD = QMAC_ENGINE_LOAD, EXECUTE = QMAC_ENGINE_EXECUTE, STORE = QMAC_ENGINE_STORE,
       CONTROL = QMAC_ENGINE_CONTROL };

static uint64_t below(struct dispatch_rules *r, uint64_t count)
{
	return test_random(&r->rng) % count;
}

void dispatch_rules_reset(struct dispatch_rules *r, uint64_t queue_depth, uint32_t limit)
{
	r->queue_depth = queue_depth;
	r->commands = 0;
	r->limit = limit;
	r->resumed = r->latest = r->last_ready = r->last_dispatch = r->last_slot = r->last_vec = 0;
	for (int e = 0; e < 3; e++) {
		struct dispatch_engine *engine = &r->engine[e];

		engine->given = engine->last_retire = engine->wait = engine->starved = engine->busy = 0;
	}
}

/* ---- the rules ----------------------------------------------------------------- */

static void expect_sync(struct dispatch_rules *r, struct dispatch_command *c)
{
	c->dispatch = qmac_later(c->ready + QMAC_CHECK_CYCLES, r->last_dispatch + 1);
	for (int e = 0; e < 3; e++)
		if (r->engine[e].given)
			c->dispatch = qmac_later(c->dispatch, r->engine[e].last_retire + QMAC_VISIBLE_CYCLES);
	c->start = c->retire = c->dispatch;
	if (c->calls)
		r->resumed = c->retire;
}

/* left and retire of a command that starts in c->start. */
static void expect_end(struct dispatch_rules *r, struct dispatch_command *c)
{
	c->left = c->start;
	c->retire = c->start + c->run;
	if (c->opcode == QMAC_OPCODE_GEMM) {
		c->left = qmac_later(c->start, r->last_slot) + 1;
		r->last_slot = c->left + c->lag;
		c->retire = qmac_later(r->last_slot + c->run, r->engine[EXECUTE].last_retire + 1);
	} else if (c->opcode == QMAC_OPCODE_VEC) {
		r->last_vec = c->retire;
	}
}

static void expect_start(struct dispatch_rules *r, struct dispatch_command *c)
{
	struct dispatch_engine *engine = &r->engine[c->engine];
	uint64_t before = engine->given ? engine->left[(engine->given - 1) % r->queue_depth] : 0;
	uint64_t idle = qmac_later(engine->last_retire, r->resumed) + 1;
	uint64_t come = c->ready + QMAC_CHECK_CYCLES + 1;

	c->offered = c->dispatch + 1;
	if (c->opcode == QMAC_OPCODE_GEMM)
		c->offered = qmac_later(c->offered, qmac_later(before, r->last_vec ? r->last_vec + 1 : 0));
	else if (engine->given)
		c->offered = qmac_later(c->offered, engine->last_retire + 1);
	c->start = c->offered;
	for (int e = 0; e < 3; e++)
		if (c->wait[e])
			c->start = qmac_later(c->start, r->engine[e].retire[c->wait[e] - 1] + QMAC_VISIBLE_CYCLES);
	engine->starved += come > idle ? come - idle : 0;
	engine->wait += c->start - c->offered;
}

static void expect_command(struct dispatch_rules *r, struct dispatch_command *c)
{
	struct dispatch_engine *engine;

	if (c->engine == CONTROL) {
		expect_sync(r, c);
	} else {
		engine = &r->engine[c->engine];
		c->dispatch = qmac_later(c->ready + QMAC_CHECK_CYCLES, r->last_dispatch + 1);
		if (engine->given >= r->queue_depth)
			c->dispatch = qmac_later(c->dispatch, engine->left[engine->given % r->queue_depth] + 1);
		expect_start(r, c);
		expect_end(r, c);
		engine->busy += c->retire - qmac_later(c->start, engine->last_retire);
		engine->left[engine->given % r->queue_depth] = c->left;
		engine->retire[engine->given++] = engine->last_retire = c->retire;
	}
	r->last_dispatch = c->dispatch;
	r->latest = qmac_later(r->latest, c->retire);
}

/* ---- random streams -------------------------------------------------------------- */

/* Waits on any engine: mostly for one of its latest commands, now and then for old ones. */
static void random_waits(struct dispatch_rules *r, struct dispatch_command *c)
{
	uint32_t mask = below(r, 2) ? (uint32_t)below(r, 8) : 0;
	uint16_t count[3] = {0, 0, 0};

	for (unsigned e = 0; e < 3; e++) {
		uint64_t given = r->engine[e].given, behind = below(r, below(r, 8) ? 5 : 32768);

		if (!(mask >> e & 1))
			continue;
		count[e] = (uint16_t)(given - behind);
		c->wait[e] = behind < given ? given - behind : 0;
	}
	c->words[0] |= mask << 6;
	c->words[1] = count[0] | (uint32_t)count[1] << 16;
	c->words[2] = count[2];
}

static void random_command(struct dispatch_rules *r, struct dispatch_command *c, int style)
{
	static const unsigned opcodes[3][8] = {
		[LOAD] = {QMAC_OPCODE_LOAD, QMAC_OPCODE_LOAD, QMAC_OPCODE_LOAD, QMAC_OPCODE_LOAD, QMAC_OPCODE_STORE,
		          QMAC_OPCODE_VEC, QMAC_OPCODE_GEMM, QMAC_OPCODE_SYNC},
		[EXECUTE] = {QMAC_OPCODE_LOAD, QMAC_OPCODE_STORE, QMAC_OPCODE_VEC, QMAC_OPCODE_GEMM,
		             QMAC_OPCODE_GEMM, QMAC_OPCODE_GEMM, QMAC_OPCODE_LOAD, QMAC_OPCODE_SYNC},
		[STORE] = {QMAC_OPCODE_STORE, QMAC_OPCODE_STORE, QMAC_OPCODE_STORE, QMAC_OPCODE_STORE,
		           QMAC_OPCODE_LOAD, QMAC_OPCODE_VEC, QMAC_OPCODE_GEMM, QMAC_OPCODE_SYNC},
	};
	static const unsigned engines[QMAC_OPCODE_SYNC + 1] = {0, LOAD, STORE, EXECUTE, EXECUTE, CONTROL};
	uint64_t kind = below(r, style == 1 ? 80 : 24);

	memset(c, 0, sizeof *c);
	c->opcode = opcodes[r->favoured][kind < 8 ? kind : kind % 7];
	c->engine = engines[c->opcode];
	c->words[0] = c->opcode | (uint32_t)below(r, 65536) << 16;
	c->payload = (uint32_t)test_random(&r->rng);
	c->slots = (uint32_t)below(r, 65536) + 1;
	c->run = 1 + below(r, below(r, 4) ? 12 : 100);
	c->lag = below(r, below(r, 3) ? 3 : 40);
	if (style == 2)
		c->run = 1 + c->run % 4;
	if (c->engine == CONTROL) {
		c->words[0] |= (uint32_t)below(r, 4) << 4;
		c->calls = (c->words[0] >> 4 & 1) && r->commands + 1000 < r->limit;
	} else {
		random_waits(r, c);
	}
}

void dispatch_rules_append(struct dispatch_rules *r, uint32_t count, uint64_t now)
{
	int style = (int)below(r, 4); /* 1: few SYNC; 2: short commands; 3: descriptors that come late */

	r->resumed = qmac_later(r->resumed, now); /* the rules may have gone beyond now */
	r->last_ready = qmac_later(r->last_ready, now);
	while (count-- > 0 && r->commands < r->limit) {
		struct dispatch_command *c = &r->command[r->commands++];

		random_command(r, c, style);
		r->last_ready += 1 + (below(r, style == 3 ? 2 : 8) ? 0 : below(r, 60));
		c->ready = r->last_ready;
		expect_command(r, c);
	}
}

const struct dispatch_command *dispatch_rules_append_fault(struct dispatch_rules *r)
{
	struct dispatch_command *c = &r->command[r->commands++];
	bool order = below(r, 2);
	unsigned e = (unsigned)below(r, 3);
	uint16_t given = (uint16_t)r->engine[e].given;

	random_command(r, c, 0);
	c->ready = r->last_ready + 1 + below(r, 30);
	do
		c->fault = (unsigned)below(r, QMAC_FAULT_BUS + 1);
	while (c->fault == QMAC_FAULT_ORDER || (c->fault == QMAC_FAULT_NONE && !order));
	c->engine = (unsigned)below(r, order ? 3 : 4);
	c->words[0] = c->words[1] = c->words[2] = 0;
	if (order) {
		uint16_t count = (uint16_t)(given + 1 + below(r, 32768));

		c->words[0] = 1U << (6 + e);
		c->words[1 + e / 2] = (uint32_t)count << 16 * (e % 2);
	}
	c->stops = c->fault;
	if (order && c->fault != QMAC_FAULT_BUS && (c->fault == 0 || c->fault > QMAC_FAULT_ORDER))
		c->stops = QMAC_FAULT_ORDER;
	return c;
}

uint32_t dispatch_command_fold(const struct dispatch_command *c)
{
	uint32_t sum = c->words[2];

	for (int i = 3; i < 16; i++)
		sum = (sum << 1 | sum >> 31) ^ (c->payload >> i ^ c->payload << i);
	return sum;
}
