/*
 * Random race-free programs on random devices: the C model with its kernels against the
 * slow reference. `make soak` runs 10,000 of them.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz/commands.h"
#include "fuzz/damage.h"
#include "fuzz/hardware.h"
#include "fuzz/waits.h"
#include "isa/command.h"
#include "reference/device_pair.h"
#include "test.h"

enum { COMMANDS = 60, STREAMS = 40 };

/* Programs to run: QMAC_TEST_PROGRAMS, or a few. */
static int streams(void)
{
	const char *text = getenv("QMAC_TEST_PROGRAMS");

	return text ? atoi(text) : STREAMS;
}

/* A legal, race-free program; in ring order the words of its commands. */
static void make_program(struct qmac_fuzz_program *program, uint32_t words[COMMANDS][QMAC_COMMAND_WORDS])
{
	struct qmac_command commands[COMMANDS];

	for (int i = 0; i < COMMANDS; i++)
		qmac_fuzz_command(program, &commands[i]);
	CU_ASSERT_EQUAL(qmac_fuzz_waits_few(&program->rng, &program->hw, commands, COMMANDS, NULL), QMAC_OK);
	for (int i = 0; i < COMMANDS; i++)
		qmac_command_encode(&commands[i], words[i]);
}

/* Damages the descriptor of command `victim` until the device must refuse it. */
static void damage_program(uint64_t *rng, const struct ref_device *device,
                           uint32_t words[COMMANDS][QMAC_COMMAND_WORDS], uint32_t victim)
{
	uint32_t dispatched[3] = {0, 0, 0}, whole[QMAC_COMMAND_WORDS];

	for (uint32_t i = 0; i < victim; i++) {
		unsigned engine = ref_engine(words[i][0] & 15);

		if (engine != QMAC_ENGINE_CONTROL)
			dispatched[engine]++;
	}
	memcpy(whole, words[victim], sizeof whole);
	do {
		memcpy(words[victim], whole, sizeof whole);
		qmac_fuzz_damage(rng, words[victim]);
	} while (!ref_fault(&device->hw, device->mem_base, device->mem_size, dispatched, words[victim]));
}

/* One random device, one random program; with damage, one descriptor of it is made illegal. */
static void run_stream(uint64_t *rng, bool damage, uint64_t counters[QMAC_COUNTERS])
{
	static struct device_pair pair;
	struct qmac_fuzz_program program = {.rng = test_random(rng), .data_bytes = 8192, .again = 6};
	uint64_t seed = program.rng;
	uint32_t words[COMMANDS][QMAC_COMMAND_WORDS], ring_log2 = 1 + (uint32_t)(test_random(rng) % 6);
	uint32_t victim = damage ? (uint32_t)(test_random(rng) % COMMANDS) : COMMANDS;

	program.data_base = test_random(rng) % 3 * 4096;
	qmac_fuzz_hw(&program.rng, &program.hw);
	if (!pair_create(&pair, &program.hw, program.data_base, program.data_bytes + (64U << ring_log2),
	                 ring_log2))
		return;
	pair_scramble(&pair, rng, test_random(rng) % 2);
	if (test_random(rng) % 2)
		pair.slice = test_random(rng) % 300;
	for (int i = 0; i < PAIR_DEVICES; i++)
		qmac_device_write(pair.device[i], QMAC_REG_IRQ_ENABLE, seed % 2 ? QMAC_IRQ_SYNC : 0);
	make_program(&program, words);
	if (damage)
		damage_program(rng, &pair.ref, words, victim);
	pair_run(&pair, words, COMMANDS);
	if (pair_differences(&pair)) {
		printf("\nin the stream of seed 0x%" PRIx64 "%s ", seed, damage ? ", damaged" : "");
		CU_FAIL("device and reference differ");
	}
	CU_ASSERT_EQUAL(pair.ref.number, victim);
	for (int i = 0; i < QMAC_COUNTERS; i++)
		counters[i] += pair.ref.counters[i];
	pair_destroy(&pair);
}

static void test_streams(void)
{
	static const bool timed[] = {
#define TIMED(name, lower, timed, help) timed,
		QMAC_COUNTER_TABLE(TIMED)
#undef TIMED
	};
	uint64_t rng = test_seed(), counters[QMAC_COUNTERS] = {0};
	int count = streams();

	for (int i = 0; i < count; i++)
		run_stream(&rng, false, counters);
	printf("(%d programs, %" PRIu64 " commands) ", count, counters[QMAC_COUNTER_COMMANDS]);
	CU_ASSERT_TRUE(count > 0);
	for (int i = 0; i < QMAC_COUNTERS; i++) /* the programs reach everything that is counted */
		CU_ASSERT_TRUE(timed[i] || counters[i] > 0);
}

static void test_damaged_streams(void)
{
	uint64_t rng = test_seed() + 1, counters[QMAC_COUNTERS] = {0};
	int count = streams() * 3 / 4;

	for (int i = 0; i < count; i++)
		run_stream(&rng, true, counters);
	printf("(%d programs, %" PRIu64 " commands before the fault) ", count, counters[QMAC_COUNTER_COMMANDS]);
}

/* Containers whose every bit, or only the top bit, or all but the top bit is set. */
static void fill_with_ends(struct device_pair *pair, uint64_t *rng, uint64_t bytes)
{
	for (uint64_t at = 0; at < bytes; at += 8) {
		uint64_t pattern = test_random(rng) % 3;

		for (uint64_t i = 0; i < 8; i++) {
			uint8_t byte = pattern == 0 ? 0xFF : pattern == 1 ? (i == 7 ? 0x80 : 0) : (i == 7 ? 0x7F : 0xFF);

			pair->ref.memory[at + i] = byte;
			for (int k = 0; k < PAIR_DEVICES; k++)
				qmac_device_write_memory(pair->device[k], at + i, &byte, 1);
		}
	}
}

static uint32_t one_of(uint64_t *rng, uint32_t low, uint32_t high)
{
	return (uint32_t)test_between(rng, low, high);
}

/* A LOAD of ends into two ACC rows; src0 of the operation that follows. */
static struct qmac_command load_ends(uint64_t *rng)
{
	const struct qmac_command load = {
		.opcode = QMAC_OPCODE_LOAD, .space = QMAC_SPACE_ACC, .s0 = 32, .n0 = 2, .hi0 = 1, .n1 = 1, .n2 = 1,
		.ds0 = 1, .len = 4, .is_signed = one_of(rng, 0, 1),
		.container = one_of(rng, 0, 1) ? QMAC_CONTAINER_DOUBLE : one_of(rng, 1, 2),
	};

	return load;
}

/*
 * An operation on the two rows whose exact result has about 64 bits, for bounds of `bits` bits:
 * the place where the fast kernels hand over to the scalar one.
 */
static struct qmac_command operate_on_ends(uint64_t *rng, const struct qmac_hw *hw, int bits)
{
	static const uint32_t ops[] = {QMAC_OP_ADD, QMAC_OP_MUL, QMAC_OP_ADD, QMAC_OP_MUL, QMAC_OP_SUB,
		QMAC_OP_MAX};
	struct qmac_command c = {
		.opcode = QMAC_OPCODE_VEC, .op = ops[one_of(rng, 0, 5)], .dspace = QMAC_SPACE_ACC, .dst = 2,
		.s0space = one_of(rng, 0, 1) ? QMAC_SPACE_ACC : one_of(rng, QMAC_SPACE_A, QMAC_SPACE_W),
		.s1space = one_of(rng, 0, 1) ? QMAC_SPACE_ACC : one_of(rng, QMAC_SPACE_A, QMAC_SPACE_W),
		.n0 = 2, .n1 = 1, .a0 = 1, .b0 = 1, .lanes = 4, .shift = one_of(rng, 0, 63),
		.bw = (uint32_t)(hw->acc_bits < 63 ? hw->acc_bits : 63),
	};
	int room = 64 - bits - (int)one_of(rng, 0, 2), mult_bits = room < 1 ? 1 : room > 18 ? 18 : room;

	if (c.s0space != QMAC_SPACE_ACC)
		c.s0_unsigned = one_of(rng, 0, 1);
	if (c.s1space != QMAC_SPACE_ACC)
		c.s1_unsigned = one_of(rng, 0, 1);
	c.red_rows = c.red_lanes = one_of(rng, 0, 1);
	c.d0 = c.red_rows ? 0 : 1;
	if (c.op == QMAC_OP_MUL)
		return c;
	c.l0 = room > mult_bits ? (uint32_t)(room - mult_bits) % 32 : 0;
	c.mult = one_of(rng, 0, 2) ? -(1 << (mult_bits - 1)) : (1 << (mult_bits - 1)) - 1;
	return c;
}

/* Rows 0 and 1 of A and W: the smallest and largest operands and all ones. */
static void poke_ends(struct device_pair *pair, uint64_t *rng, int bits)
{
	for (unsigned space = QMAC_SPACE_A; space <= QMAC_SPACE_W; space++)
		for (uint32_t at = 0; at < 8; at++) {
			uint64_t ones = (1ULL << bits) - 1, top = 1ULL << (bits - 1);
			uint64_t pattern = test_random(rng) % 3, value = pattern == 0 ? ones : pattern == 1
				? top : top - 1;

			ref_poke(&pair->ref, space, at / 4, at % 4, value);
			for (int k = 0; k < PAIR_DEVICES; k++)
				qmac_device_poke(pair->device[k], space, at / 4, at % 4, value);
		}
}

/* Operands at the ends of their widths, and results around 64 bits. */
static void test_ends(void)
{
	static struct device_pair pair;
	uint64_t rng = test_seed() + 2;
	struct qmac_hw hw;

	qmac_fuzz_hw(&rng, &hw);
	hw.rows = hw.cols = 4;
	hw.lut_ports = 1;
	hw.a_depth = hw.w_depth = hw.acc_depth = 8;
	for (int i = 0; i < 21; i++) {
		hw.a_bits = hw.w_bits = (int)one_of(&rng, 14, 16);
		hw.acc_bits = (int)(i % 3 == 0   ? one_of(&rng, 45, 52)
		                    : i % 3 == 1 ? one_of(&rng, 19, 28)
		                                 : one_of(&rng, 16, 64));
		if (!pair_create(&pair, &hw, 0, 64 + 128, 1))
			return;
		for (uint32_t n = 0; n < PAIR_COMMANDS / 2; n++) {
			struct qmac_command load = load_ends(&rng), c;
			int bits = (8 << load.container) + !load.is_signed;
			uint32_t words[2][QMAC_COMMAND_WORDS];

			c = operate_on_ends(&rng, &hw, bits < hw.acc_bits ? bits : hw.acc_bits);
			load.wait_mask = 2;
			load.wait_exec = n;
			c.wait_mask = 1;
			c.wait_load = n + 1;
			fill_with_ends(&pair, &rng, 64);
			poke_ends(&pair, &rng, hw.a_bits);
			qmac_command_encode(&load, words[0]);
			qmac_command_encode(&c, words[1]);
			pair_run(&pair, words, 2);
		}
		CU_ASSERT_EQUAL(pair_differences(&pair), 0);
		CU_ASSERT_EQUAL(pair.ref.number, PAIR_COMMANDS);
		pair_destroy(&pair);
	}
}

int main(void)
{
	static const struct test_case cases[] = {
		{"random programs", test_streams},
		{"random programs with a fault", test_damaged_streams},
		{"operands at the ends", test_ends},
	};

	return test_main("test_program", cases, TEST_COUNT(cases));
}
