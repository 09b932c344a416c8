/*
 * Two threads that carry out the commands of one device (cmodel/device/crew.h): nobody can tell. Streams of
 * the fuzzer without their SYNCs, again and again with other seeds, scales and roundings, and with others
 * between them that are nearly the same, on random hardware:
 * memory, scratchpads, counters and retire records are those of one thread. So they are where one thread does
 * the steps of both, those of either as early as they may come, which finds a wait that is not there whatever
 * the machine does.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "device/device.h"
#include "fuzz/hardware.h"
#include "fuzz/random.h"
#include "fuzz/stream.h"
#include "isa/command.h"
#include "isa/space.h"
#include "reference/device_pair.h"
#include "test.h"

enum {
	STREAMS = 60, PARTS = 3, TIMES = 9, COMMANDS = PARTS * QMAC_FUZZ_COMMANDS_MAX,
	MEMORY = 2 * QMAC_FUZZ_MEMORY_BYTES, RING = QMAC_FUZZ_MEMORY_BYTES, RING_LOG2 = 12
};

static uint64_t rng;

static uint32_t pick(int64_t low, int64_t high)
{
	return (uint32_t)qmac_fuzz_pick(&rng, low, high);
}

/* Legal commands that stand between two SYNCs, and what they begin with. */
struct part {
	uint32_t words[COMMANDS][QMAC_COMMAND_WORDS];
	uint32_t count;
	uint8_t memory[QMAC_FUZZ_MEMORY_BYTES];
	uint64_t mem_base, mem_size;
};

struct log {
	struct qmac_retire records[COMMANDS + 1];
	uint32_t count;
};

static void note(void *context, const struct qmac_retire *record)
{
	struct log *log = context;

	if (log->count < COMMANDS + 1)
		log->records[log->count] = *record;
	log->count++;
}

/* ---- parts ------------------------------------------------------------------------- */

/* What comes from ACC to A or W ties threads together, and mostly the part is left to one of them. */
static bool ties(const struct qmac_command *c)
{
	return c->opcode == QMAC_OPCODE_VEC && c->dspace != QMAC_SPACE_ACC &&
	       (c->s0space == QMAC_SPACE_ACC || c->s1space == QMAC_SPACE_ACC || c->sum ||
	        c->op == QMAC_OP_AFFINE);
}

static void add_commands(struct part *part, const struct qmac_trace *trace, bool tied)
{
	for (size_t i = 0; i < trace->command_count && part->count < COMMANDS; i++) {
		struct qmac_command c;

		qmac_command_decode(trace->commands[i].words, &c);
		if (c.opcode == QMAC_OPCODE_SYNC || (!tied && ties(&c)))
			continue;
		c.wait_mask = c.wait_load = c.wait_exec = c.wait_store = 0;
		qmac_command_encode(&c, part->words[part->count++]);
	}
}

/* Streams that are legal, one behind the other, in the memory of the last. */
static void make_part(const struct qmac_hw *hw, struct part *part)
{
	bool tied = pick(0, 4) == 0;

	memset(part, 0, sizeof *part);
	for (int i = 0; i < PARTS; i++) {
		struct qmac_fuzz_stream stream;
		struct qmac_error err;

		CU_ASSERT_EQUAL_FATAL(qmac_fuzz_stream_make(hw, pick(0, 1) ? QMAC_FUZZ_LEGAL : QMAC_FUZZ_TRAINING,
		                                            test_random(&rng), QMAC_FUZZ_COMMANDS_MAX, &stream, &err),
		                      QMAC_OK);
		add_commands(part, stream.trace, tied);
		part->mem_base = 0;
		part->mem_size = MEMORY;
		for (size_t k = 0; k < stream.trace->bytes_count; k++) {
			const struct qmac_trace_bytes *bytes = &stream.trace->bytes[k];

			if (bytes->address + bytes->count <= QMAC_FUZZ_MEMORY_BYTES)
				memcpy(part->memory + bytes->address, bytes->data, bytes->count);
		}
		qmac_fuzz_stream_free(&stream);
	}
}

/* Changes what no split depends on, and leaves the commands legal. */
static void vary(struct part *part)
{
	for (uint32_t i = 0; i < part->count; i++) {
		struct qmac_command c;

		qmac_command_decode(part->words[i], &c);
		c.tag = pick(0, 65535);
		if (c.opcode == QMAC_OPCODE_VEC) {
			if (c.rnd == QMAC_ROUND_STOCHASTIC)
				c.seed = (uint32_t)test_random(&rng);
			if (c.op <= QMAC_OP_MAX && c.mult)
				c.mult = (int32_t)pick(1, 100);
			if (c.op != QMAC_OP_EQ)
				c.shift = pick(0, 12);
			c.relu = pick(0, 1);
		}
		qmac_command_encode(&c, part->words[i]);
	}
}

/* Some commands change places, and some rows are others. */
static void disturb(struct part *part)
{
	for (uint32_t i = 0; i < 1 + part->count / 8; i++) {
		uint32_t a = pick(0, part->count - 1), b = pick(0, part->count - 1), words[QMAC_COMMAND_WORDS];
		struct qmac_command c;

		memcpy(words, part->words[a], sizeof words);
		memcpy(part->words[a], part->words[b], sizeof words);
		memcpy(part->words[b], words, sizeof words);
		qmac_command_decode(words, &c);
		if (c.opcode == QMAC_OPCODE_GEMM)
			c.c /= 2;
		else if (c.opcode == QMAC_OPCODE_LOAD || c.opcode == QMAC_OPCODE_STORE)
			c.row /= 2;
		qmac_command_encode(&c, part->words[b]);
	}
}

/* ---- devices ----------------------------------------------------------------------- */

struct tested {
	struct qmac_device *device;
	struct log log;
	uint32_t sent;
};

static void open_tested(const struct qmac_hw *hw, const struct part *part, int threads, int turns,
                        struct tested *t)
{
	struct qmac_device_options options = {
		.memory_bytes = MEMORY, .threads = threads, .turns = turns, .on_retire = note, .context = &t->log,
	};
	struct qmac_error err;

	memset(t, 0, sizeof *t);
	CU_ASSERT_EQUAL_FATAL(qmac_device_create(hw, &options, &t->device, &err), QMAC_OK);
	qmac_device_write_memory(t->device, 0, part->memory, sizeof part->memory);
	pair_set_up(t->device, part->mem_base, part->mem_size, RING, RING_LOG2);
}

static void play(struct tested *t, const struct part *part)
{
	const struct qmac_command sync = {.opcode = QMAC_OPCODE_SYNC};
	uint32_t words[QMAC_COMMAND_WORDS];
	uint8_t bytes[QMAC_COMMAND_BYTES];

	qmac_command_encode(&sync, words);
	t->log.count = 0;
	for (uint32_t i = 0; i <= part->count; i++, t->sent++) {
		qmac_command_pack(i < part->count ? part->words[i] : words, bytes);
		qmac_device_write_memory(t->device, RING + (uint64_t)(t->sent % (1U << RING_LOG2)) * sizeof bytes,
		                         bytes, sizeof bytes);
	}
	qmac_device_write(t->device, QMAC_REG_RING_TAIL, t->sent);
	CU_ASSERT(qmac_device_run(t->device, UINT64_MAX));
}

static int words_differ(const struct qmac_hw *hw, const struct qmac_device *a, const struct qmac_device *b)
{
	int differ = 0;

	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_LUT; space++)
		for (uint32_t row = 0; row < qmac_space_rows(hw, space); row++)
			for (uint32_t lane = 0; lane < qmac_space_lanes(hw, space); lane++)
				differ += qmac_device_peek(a, space, row, lane) != qmac_device_peek(b, space, row, lane);
	return differ;
}

static bool is_equal(const struct qmac_hw *hw, struct tested *one, struct tested *two)
{
	static uint8_t memory[2][MEMORY];
	int words = words_differ(hw, one->device, two->device), registers = 0, bytes, records;

	for (uint32_t at = 0; at < 2 * QMAC_COUNTERS; at++)
		registers += qmac_device_read(one->device, QMAC_COUNTER_BASE + 4 * at) !=
		             qmac_device_read(two->device, QMAC_COUNTER_BASE + 4 * at);
	for (uint32_t at = 0; at < QMAC_MONITORS; at++)
		registers += qmac_device_read(one->device, QMAC_MONITOR_BASE + 4 * at) !=
		             qmac_device_read(two->device, QMAC_MONITOR_BASE + 4 * at);
	registers += qmac_device_read(one->device, QMAC_REG_ERROR_CODE) !=
	             qmac_device_read(two->device, QMAC_REG_ERROR_CODE);
	qmac_device_read_memory(one->device, 0, memory[0], MEMORY);
	qmac_device_read_memory(two->device, 0, memory[1], MEMORY);
	bytes = memcmp(memory[0], memory[1], MEMORY) != 0;
	records = memcmp(&one->log, &two->log, sizeof one->log) != 0;
	if (words || registers || bytes || records)
		printf("\n    %d words, %d registers, memory %d, records %d differ ", words, registers, bytes,
		       records);
	return !words && !registers && !bytes && !records;
}

/* ---- cases ------------------------------------------------------------------------- */

static void test_streams(void)
{
	static const struct {
		int threads, turns;
	} ways[] = {{2, 0}, {2, 1}, {2, 2}};
	static struct part parts[2];
	static struct tested one, others[TEST_COUNT(ways)];
	uint64_t shared = 0, all = 0;

	rng = test_seed();
	for (int i = 0; i < TEST_CASES(STREAMS); i++) {
		struct qmac_hw hw;

		if (i % 2)
			qmac_fuzz_hw(&rng, &hw);
		else
			qmac_fuzz_hw_small(&rng, &hw);
		make_part(&hw, &parts[0]);
		parts[1] = parts[0];
		disturb(&parts[1]);
		open_tested(&hw, &parts[0], 1, 0, &one);
		for (int w = 0; w < TEST_COUNT(ways); w++)
			open_tested(&hw, &parts[0], ways[w].threads, ways[w].turns, &others[w]);
		for (int n = 0; n < TIMES; n++) {
			struct part *part = &parts[n > 2 && n % 2];

			play(&one, part);
			for (int w = 0; w < TEST_COUNT(ways); w++) {
				play(&others[w], part);
				CU_ASSERT(is_equal(&hw, &one, &others[w]));
			}
			vary(part);
			all += part->count;
		}
		shared += qmac_device_shared(others[0].device);
		qmac_device_destroy(one.device);
		for (int w = 0; w < TEST_COUNT(ways); w++)
			qmac_device_destroy(others[w].device);
	}
	printf("%.0f %% of commands were shared ", 100.0 * (double)shared / (double)all);
	CU_ASSERT(shared > all / 5);
}

int main(void)
{
	static const struct test_case cases[] = {
		{"streams of the fuzzer without SYNCs", test_streams},
	};

	return test_main("test_crew", cases, TEST_COUNT(cases));
}
